//! What `record` prints.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitStatus;

use super::raw_log::{self, Log, Process};
use crate::ground::text::grouped;
use crate::trace::summary;

/// Children that are named in the terminal; of the others it has the number.
const NAMED: usize = 10;

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    /// What was recorded.
    pub log: Log,
    /// The number of the process that was started.
    pub started: u32,
    /// How the program ended.
    pub status: ExitStatus,
    /// The process's name at its end. Where it is another than the recorder found, the process has executed a program without
    /// it, or named itself.
    pub last_name: String,
}

impl Recording {
    /// What was recorded and where it went.
    pub fn text(&self, output: &Path, length: usize) -> String {
        let log = &self.log;
        let summary = summary(log.trace.summary());
        let mut text = format!("{}: {summary}, {} bytes in the file\n", output.display(), grouped(length as u64));
        if log.recorded.id != self.started {
            _ = writeln!(
                text,
                "this is the trace of {}, a child: the program itself ran without the recorder, as statically linked ones do",
                log.recorded
            );
        } else if !self.last_name.is_empty() && self.last_name != log.recorded.name {
            _ = writeln!(
                text,
                "{} was called {} at its end: unless it only named itself so, it executed that without the recorder",
                log.recorded, self.last_name
            );
        }
        for (what, &count) in &log.notes {
            _ = writeln!(text, "{} {what}", grouped(count));
        }
        text += &children(&log.children);
        if !self.status.success() {
            _ = writeln!(text, "the program ended with {}", self.status);
        }
        text
    }
}

/// The children that were not recorded, in a line.
fn children(children: &[Process]) -> String {
    let names: Vec<String> = children.iter().take(NAMED).map(Process::to_string).collect();
    let (number, were) =
        (grouped(children.len() as u64), if children.len() == 1 { "process was" } else { "processes were" });
    let more = if children.len() == raw_log::CHILDREN { " or more" } else { "" };
    match children.len() - names.len() {
        _ if names.is_empty() => String::new(),
        0 => format!("{number} child {were} not recorded: {}\n", names.join(", ")),
        rest => format!("{number}{more} child {were} not recorded: {}, and {rest} others\n", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::record::raw_log::{FREED_BY_EXEC, Notes};
    use crate::trace::events::Trace;

    #[test]
    fn a_recording_says_whose_it_is_and_what_is_missing() {
        let recorded = Process { id: 8, name: "cc1".into() };
        let notes = Notes::from([(FREED_BY_EXEC, 1234)]);
        let log = Log { trace: Trace::default(), notes, recorded, children: Vec::new() };
        let mut recorded_run =
            Recording { log, started: 8, status: ExitStatus::from_raw(libc::SIGINT), last_name: "cc1".into() };
        let text = recorded_run.text(Path::new("x.trace"), 5);
        assert!(text.starts_with("x.trace: 0 events, 0 of them allocations; threads: 0; "), "{text}");
        assert!(text.contains("\n1,234 blocks were not freed when the program executed another"), "{text}");
        assert!(text.contains("the program ended with signal: 2") && !text.contains("a child"), "{text}");
        assert!(!text.contains("was called"), "{text}");
        recorded_run.last_name = "as".into();
        let text = recorded_run.text(Path::new("x.trace"), 5);
        assert!(text.contains("\ncc1 (8) was called as at its end: "), "{text}");
        recorded_run.started = 7;
        let text = recorded_run.text(Path::new("x.trace"), 5);
        assert!(text.contains("\nthis is the trace of cc1 (8), a child: "), "{text}");
    }

    #[test]
    fn children_are_named_up_to_a_number() {
        let some = |count: u32| (1..=count).map(|id| Process { id, name: "ls".into() }).collect::<Vec<_>>();
        assert_eq!(children(&some(0)), "");
        assert_eq!(children(&some(1)), "1 child process was not recorded: ls (1)\n");
        assert_eq!(children(&some(2)), "2 child processes were not recorded: ls (1), ls (2)\n");
        let many = children(&some(1234));
        assert!(many.starts_with("1,234 child processes were not recorded: ls (1), ls (2), "), "{many}");
        assert!(many.ends_with(", ls (10), and 1224 others\n"), "{many}");
        assert!(children(&some(raw_log::CHILDREN as u32)).starts_with("3,200 or more child processes were "));
    }
}
