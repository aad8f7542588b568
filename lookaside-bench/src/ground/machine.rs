//! Names the machine and the versions that a table was measured with.

use std::ffi::CStr;
use std::fs;
use std::mem;
use std::sync::OnceLock;

/// How many processors this process may run on.
pub fn processors() -> usize {
    allowed().len()
}

/// Keeps the calling thread on the `index`th of them.
pub fn pin(index: usize) {
    // SAFETY: an empty set of processors is all zero bits.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the number came out of such a set.
    unsafe { libc::CPU_SET(allowed()[index], &mut set) };
    // SAFETY: the set is as long as it says. A refusal leaves the thread where it may be anyway.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

/// The numbers of the processors that this process may run on, as they were at first asking.
fn allowed() -> &'static [usize] {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    ALLOWED.get_or_init(|| {
        // SAFETY: an empty set of processors is all zero bits.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: the set is as long as it says.
        let known = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) } == 0;
        // SAFETY: every number is within the set.
        let in_set = |&number: &usize| unsafe { libc::CPU_ISSET(number, &set) };
        let allowed: Vec<usize> = (0..libc::CPU_SETSIZE as usize).filter(in_set).collect();
        if known { allowed } else { vec![0] }
    })
}

/// One line: the versions of the lists, the C library, the rivals that the command was built with, those that were `found`
/// on this machine, and the compiler.
pub fn versions(found: impl IntoIterator<Item = String>) -> String {
    // SAFETY: the function takes nothing and returns a string that lives as long as the C library.
    let glibc = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy();
    let mut parts = vec![format!("lookaside {}", lookaside_core::VERSION), format!("glibc {glibc}")];
    parts.extend(env!("VERSIONS").split(';').map(String::from));
    parts.extend(found);
    parts.push(env!("VERSION_OF_RUSTC").into());
    parts.join(", ")
}

/// The engine of the contender `lookaside`, such as `rseq`.
pub fn engine() -> String {
    format!("{:?}", lookaside_core::engine()).to_lowercase()
}

/// One line: processor, how many, load, system.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpuinfo, "model name").unwrap_or(std::env::consts::ARCH);
    // Some hypervisors give every processor of a maker the same name.
    let number = field(&cpuinfo, "model").map_or_else(String::new, |number| format!(" (model {number})"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = load().map_or_else(|| "unknown".into(), |load| load.to_string());
    format!("{model}{number}, {} processors, load {load}, {} {}", processors(), std::env::consts::OS, kernel.trim(),)
}

/// How many threads wanted to run, by the mean of the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// KiB of this process that were resident at most, its code and its files among them, where the kernel reports it.
pub fn peak() -> Option<f64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")?.strip_suffix(" kB")?.parse().ok()
}

/// What to say of figures that are measured from now on, where other work takes more than a quarter of the processors.
pub fn busy() -> Option<String> {
    warning(load()?, processors())
}

fn warning(load: f64, processors: usize) -> Option<String> {
    (load > 0.25 * processors as f64).then(|| {
        format!(
            "The machine was busy with other things when this began (load {load}): compare the fastest rounds only, and judge \
             nothing by few rounds."
        )
    })
}

/// The value of the first line `key : value` of a text such as /proc/cpuinfo.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_takes_the_first_of_its_name() {
        let text = "processor\t: 0\nmodel name\t: A: B\nmodel name\t: C\n";
        assert_eq!(field(text, "model name"), Some("A: B"));
        assert_eq!(field(text, "model"), None);
    }

    #[test]
    fn a_pinned_thread_stays() {
        for index in 0..processors() {
            let seen = std::thread::spawn(move || {
                pin(index);
                // SAFETY: the function only returns a number.
                unsafe { libc::sched_getcpu() }
            });
            assert_eq!(seen.join().ok(), i32::try_from(allowed()[index]).ok());
        }
    }

    /// What was given back counts still.
    #[test]
    fn the_peak_stays_when_memory_goes() {
        let before = peak().expect("the kernel reports it");
        let block = vec![1_u8; 64 << 20];
        assert_eq!(block.iter().rposition(|&byte| byte == 1), Some(block.len() - 1));
        drop(block);
        assert!(peak() >= Some(f64::max(before, 65_536.0)), "{before} {:?}", peak());
    }

    #[test]
    fn a_quarter_of_the_processors_is_busy() {
        assert_eq!((warning(0.5, 2), warning(16.0, 64)), (None, None));
        assert!(
            warning(0.51, 2).is_some_and(|warning| warning.contains("load 0.51") && warning.contains("few rounds"))
        );
    }
}
