//! How long this process ran and how much memory it held: for people, on standard error.

use std::time::Duration;

use sim::runtime_api::Memory;

/// The resident size at the end of each simulated day.
#[derive(Debug, Clone, Default)]
pub struct Footprint {
    /// In KiB, the first day first; empty where `/proc` does not tell.
    days: Vec<u64>,
}

impl Footprint {
    /// A simulated day is over.
    pub fn day_ends(&mut self) {
        self.days.extend(memory().map(|memory| memory.rss_kib));
    }

    /// `took 12.3 s; resident 41 MiB after day 1, 44 MiB after day 3, at most 53 MiB`.
    pub fn line(&self, took: Duration) -> String {
        let seconds = format!("took {}.{} s", took.as_secs(), took.subsec_millis() / 100);
        match memory() {
            Some(Memory { peak_kib, .. }) => {
                format!("{seconds}; resident {}at most {} MiB", self.by_day(), mib(peak_kib))
            }
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

/// What this process occupies; none where `/proc` does not tell.
fn memory() -> Option<Memory> {
    Memory::of(std::process::id()).ok()
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
