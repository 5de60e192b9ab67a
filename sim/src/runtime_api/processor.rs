//! How long a process has had a processor to itself, as Linux counts it: exact, whatever else the machine does.

use std::io;

/// Nanoseconds that the threads of a process have run so far; an error where there is none, or it has ended.
pub(super) fn nanoseconds(pid: u32) -> io::Result<u64> {
    let mut all: u64 = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while its siblings are read.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        all = all
            .saturating_add(ran(&text).ok_or_else(|| io::Error::other(format!("{text:?} is no schedstat")))?);
    }
    Ok(all)
}

/// The first number of `schedstat`: "time spent on the cpu (in nanoseconds)" (`sched-stats.rst`).
fn ran(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_a_processor_is_the_first_number() {
        assert_eq!(ran("193118 3654863 2\n"), Some(193_118));
        assert_eq!((ran(""), ran("x 1 2")), (None, None));
    }

    /// Of a process with one thread: the sum falls where a thread ends, as those of other tests do.
    #[test]
    fn a_process_that_works_has_run_for_longer() {
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let ran = || nanoseconds(busy.id()).unwrap();
        let before = ran();
        let runs_on = (0..10_000_000).any(|_| ran() > before);
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(runs_on, "{before}");
    }
}
