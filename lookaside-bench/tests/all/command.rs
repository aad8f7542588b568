//! What the subcommands of `lookaside` have in common.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lookaside_bench::trace::{self, COMMITTED};

/// All but `switches`, whose help is a table.
const COMMANDS: [&str; 6] = ["", "compare", "replay", "tags", "record", "tune"];

fn lookaside(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside")).args(line.split_whitespace()).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command prints text")
}

/// By one name in each subcommand, which its help lists; a file of this name comes first.
#[test]
fn built_in_traces_have_the_same_names_everywhere() {
    for command in ["replay", "tags", "tune"] {
        let help = lookaside(&format!("{command} --help"));
        let words: String = text(&help.stdout).split_whitespace().flat_map(|word| [word, " "]).collect();
        assert!(words.contains(&COMMITTED.map(|(name, _)| name).join(", ")), "{words}");
        let output = lookaside(&format!("{command} nothing"));
        assert_eq!(output.status.code(), Some(1), "{command}");
        let reason = format!("cannot read nothing (built-in traces: {}, ", COMMITTED[0].0);
        assert!(text(&output.stderr).contains(&reason), "{}", text(&output.stderr));
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in COMMITTED {
        let (told, built_in) = trace::load(Some(Path::new(name))).unwrap();
        assert_eq!((told.as_str(), built_in), (name, trace::format::read(file).unwrap()));
    }
    fs::write(folder.path().join("git-pack"), "no trace").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["replay", "git-pack"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}

/// The width of a terminal is its own, or else what `COLUMNS` says.
#[test]
fn help_wraps_at_the_width_of_the_terminal() {
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            let help = Command::new(env!("CARGO_BIN_EXE_lookaside"))
                .args(command.split_whitespace().chain([flag]))
                .env("COLUMNS", "70")
                .output()
                .unwrap();
            let long: Vec<&str> = text(&help.stdout).lines().filter(|line| line.chars().count() > 70).collect();
            assert!(help.status.success() && long.is_empty(), "{command} {flag}: {long:#?}");
        }
    }
}

/// Words that are clear only to those who know the sources.
#[test]
fn help_uses_plain_words() {
    for command in COMMANDS {
        let help = lookaside(&format!("{command} --help"));
        let printed = text(&help.stdout).to_lowercase();
        for word in ["play", "plays", "played", "told", "nobody", "whoever", "stands", "made up", "is left out"] {
            let padded = format!(" {word} ");
            assert!(
                !printed.replace(['\n', ',', '.', ';', ':'], " ").contains(&padded),
                "{command}: {word}: {printed}"
            );
        }
    }
}
