//! How long this process ran and how much memory it held: for people, on standard error.

use std::time::Duration;

/// The resident size at the end of each simulated day.
#[derive(Debug, Clone, Default)]
pub struct Footprint {
    /// In KiB, the first day first; empty where `/proc` does not tell.
    days: Vec<u64>,
}

impl Footprint {
    /// A simulated day is over.
    pub fn day_ends(&mut self) {
        self.days.extend(field("VmRSS:"));
    }

    /// `took 12.3 s; resident 41 MiB after day 1, 44 MiB after day 3, at most 53 MiB`.
    pub fn line(&self, took: Duration) -> String {
        let seconds = format!("took {}.{} s", took.as_secs(), took.subsec_millis() / 100);
        match peak_kib() {
            Some(peak) => format!("{seconds}; resident {}at most {} MiB", self.by_day(), mib(peak)),
            None => seconds,
        }
    }

    fn by_day(&self) -> String {
        let after = |day: usize, kib: u64| format!("{} MiB after day {day}, ", mib(kib));
        let first = self.days.first().map(|kib| after(1, *kib));
        let last = self.days.last().filter(|_| self.days.len() > 1).map(|kib| after(self.days.len(), *kib));
        first.into_iter().chain(last).collect()
    }
}

const fn mib(kib: u64) -> u64 {
    kib / 1024
}

/// The largest resident size so far, in KiB.
pub fn peak_kib() -> Option<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_day_are_told() {
        let told = |days: &[u64]| Footprint { days: days.to_vec() }.by_day();
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[2_048]), "2 MiB after day 1, ");
        assert_eq!(told(&[2_048, 9_999, 4_096]), "2 MiB after day 1, 4 MiB after day 3, ");
    }
}
