//! Where and when something was measured.

use std::fs;
use std::process::Command;

use wzapi_model::Clock;
use wzapi_model::system::SystemClock;

/// What a reader has to know to judge the numbers.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    /// How many programs wanted a core, on average over the last minute.
    pub(crate) load: Option<f64>,
    /// In UTC.
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) compiler: String,
}

/// This machine, now. What it does not tell is said to be unknown.
pub(crate) fn this() -> Machine {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    Machine {
        processor: processor(&read("/proc/cpuinfo")).unwrap_or_else(unknown),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        load: read("/proc/loadavg").split_whitespace().next().and_then(|load| load.parse().ok()),
        date: SystemClock.now().to_string().chars().take("2026-11-22".len()).collect(),
        commit: commit().unwrap_or_else(unknown),
        compiler: printed_by("rustc", &["--version"]).unwrap_or_else(unknown),
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The commit that is checked out, and whether anything was changed since.
fn commit() -> Option<String> {
    let commit = printed_by("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = printed_by("git", &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, with changes that are not committed") })
}

fn printed_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_read_from_the_first_core() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu vme\n\nprocessor\t: 1\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("AMD EPYC 9R14"));
        assert_eq!(processor(""), None);
    }

    #[test]
    fn a_program_that_is_not_there_or_fails_tells_nothing() {
        assert_eq!(printed_by("no-such-program", &[]), None);
        assert_eq!(printed_by("false", &[]), None);
        assert_eq!(printed_by("echo", &["a b"]).as_deref(), Some("a b"));
    }
}
