//! What a process occupies, as Linux tells it.

use std::io;

/// Resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub rss_kib: u64,
    /// At most since the process started.
    pub peak_kib: u64,
}

impl Memory {
    /// Reads `/proc/{pid}/status`; an error where there is none, or the process has ended.
    pub fn of(pid: u32) -> io::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        Memory::parse(&status)
            .ok_or_else(|| io::Error::other(format!("process {pid} has no memory: it ended")))
    }

    fn parse(status: &str) -> Option<Memory> {
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':')?.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        Some(Memory { rss_kib: kib("VmRSS")?, peak_kib: kib("VmHWM")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_and_peak_are_read() {
        let status = "Name:\tdecide\nVmPeak:\t  9000 kB\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { rss_kib: 4096, peak_kib: 5120 }));
        assert_eq!(Memory::parse("Name:\tzombie\nState:\tZ (zombie)\n"), None);
    }
}
