//! What a run found out.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;
use shared::tables::Function;
use shared::time::Millis;
use sim::runtime_api::Invocation;

use super::books::Comparison;
use super::meters::Counts;

/// A warm process that grows by more than this from its second round to its last keeps something of what it has served.
const MOST_GROWTH_KIB: u64 = 512;
/// Most errors that are told in words.
const TOLD: usize = 8;

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// What it asked of the world.
    pub counts: Counts,
    /// How long it took.
    pub took: Millis,
    /// Nanoseconds of processor time since the invocation before; none for the first of a process, which also holds
    /// its start.
    pub own: Option<u64>,
    /// Strategies that it served.
    pub served: u32,
}

/// Invocations of one kind.
#[derive(Debug, Clone, Default)]
pub struct Group {
    samples: Vec<Sample>,
}

impl Group {
    /// How many.
    pub fn size(&self) -> usize {
        self.samples.len()
    }
    /// The `per_mille`-th of what `figure` says of each.
    pub fn quantile<T: Ord + Copy>(&self, per_mille: usize, figure: impl Fn(&Sample) -> T) -> Option<T> {
        let mut all: Vec<T> = self.samples.iter().map(figure).collect();
        all.sort_unstable();
        let last = all.len().checked_sub(1)?;
        all.get(last.saturating_mul(per_mille).div_ceil(1_000)).copied()
    }
    /// The median.
    pub fn median<T: Ord + Copy>(&self, figure: impl Fn(&Sample) -> T) -> Option<T> {
        self.quantile(500, figure)
    }
    /// The mean processor time of an invocation in microseconds; none where nothing was measured.
    pub fn microseconds(&self) -> Option<u64> {
        let all: Vec<u64> = self.samples.iter().filter_map(|sample| sample.own).collect();
        let count = u64::try_from(all.len()).ok()?;
        all.iter().sum::<u64>().checked_div(count).map(|mean| mean.div_ceil(1_000))
    }
    /// Strategies that each invocation served.
    pub fn served(&self) -> u32 {
        self.samples.iter().map(|sample| sample.served).max().unwrap_or(0)
    }
    /// The mean request units: reads, writes.
    pub fn units(&self) -> (Decimal, Decimal) {
        let count = Decimal::from(self.samples.len().max(1));
        let mean = |figure: fn(&Sample) -> Decimal| {
            let sum: Decimal = self.samples.iter().map(figure).sum();
            sum.checked_div(count).unwrap_or_default().round_dp(1)
        };
        (mean(|sample| sample.counts.rru), mean(|sample| sample.counts.wru))
    }
}

/// What one process occupied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resident {
    /// The binary's size.
    pub bytes: u64,
    /// At most, after the first invocation.
    pub first_kib: Option<u64>,
    /// At most, after the last one.
    pub last_kib: u64,
    /// Processes started.
    pub starts: u64,
    /// From its start to its first request for work.
    pub init: Option<Millis>,
}

/// What must not happen.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Errors of any kind.
    pub errors: u64,
    /// Lines of level WARN by what they say.
    pub warnings: BTreeMap<String, u64>,
    /// The first errors in words.
    pub told: Vec<String>,
}

impl Trouble {
    /// Counts an error.
    pub fn error(&mut self, function: Function, what: String) {
        self.errors = self.errors.saturating_add(1);
        if self.told.len() < TOLD {
            self.told.push(format!("{}: {what}", function.as_str()));
        }
    }

    /// Reads a line of the function's log; one that is not JSON is an error too.
    pub fn read(&mut self, function: Function, line: &str) {
        let parsed: Option<Value> = serde_json::from_str(line).ok();
        let text = |name: &str| parsed.as_ref().and_then(|line| line.get(name)?.as_str());
        match text("level") {
            Some("INFO") => {}
            Some("WARN") => {
                let what = format!("{}: {}", function.as_str(), text("message").unwrap_or("?"));
                let count = self.warnings.entry(what).or_default();
                *count = count.saturating_add(1);
            }
            Some(_) | None => self.error(function, line.to_owned()),
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Invocations by function and kind.
    pub groups: BTreeMap<(Function, &'static str), Group>,
    /// Processes.
    pub resident: BTreeMap<Function, Resident>,
    /// Errors.
    pub trouble: Trouble,
    /// Orders that filled.
    pub filled: u64,
    /// Why the model opened nothing, where it did not, in the words of one decision.
    pub held_back: Option<String>,
    /// What heartbeat occupied at most after it had seen the whole fleet.
    pub whole_fleet_kib: u64,
    /// What decide occupied after each round over strategies that it had served before.
    pub rounds_kib: Vec<u64>,
    /// Messages published.
    pub pages: u64,
    /// Books against venues.
    pub books: Comparison,
    /// The processor time of each process when its last invocation was over, in nanoseconds.
    ran: BTreeMap<Function, u64>,
}

impl Findings {
    /// Nothing yet, of these processes.
    pub fn new(resident: impl Iterator<Item = (Function, Resident)>) -> Findings {
        Findings { resident: resident.collect(), ..Findings::default() }
    }

    /// Keeps one invocation.
    pub fn add(&mut self, function: Function, what: &'static str, sample: Sample) {
        self.groups.entry((function, what)).or_default().samples.push(sample);
    }

    /// The processor time since the last invocation of this function, of its process's whole time.
    pub fn own(&mut self, function: Function, whole: Option<u64>) -> Option<u64> {
        let whole = whole?;
        self.ran.insert(function, whole).and_then(|before| whole.checked_sub(before))
    }

    /// Keeps the time of a cold start.
    pub fn cold(&mut self, function: Function, invocation: &Invocation) {
        let resident = self.resident.entry(function).or_default();
        resident.init = resident.init.or(invocation.init);
    }

    /// Keeps what a process occupies.
    pub fn weighed(&mut self, function: Function, peak_kib: u64, starts: u64) {
        let resident = self.resident.entry(function).or_default();
        resident.first_kib.get_or_insert(peak_kib);
        (resident.last_kib, resident.starts) = (peak_kib, starts);
    }

    /// The kind of invocation, where there was one.
    pub fn group(&self, function: Function, what: &'static str) -> Option<&Group> {
        self.groups.get(&(function, what))
    }

    /// Why the run is not good; empty if it is.
    pub fn failures(&self) -> Vec<String> {
        let mut why = Vec::new();
        if self.trouble.errors > 0 {
            why.push(format!("{} errors", self.trouble.errors));
        }
        // The first round fills what is bounded.
        if let [_, first, .., last] = self.rounds_kib.as_slice()
            && last.saturating_sub(*first) > MOST_GROWTH_KIB
        {
            why.push(format!("decide grew from {first} to {last} KiB over its rounds"));
        }
        if self.filled == 0 {
            why.push("no order filled".to_owned());
        }
        if self.books.differing > 0 {
            why.push(format!("books of {} accounts differ from their venue", self.books.differing));
        }
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_quantiles_are_of_what_was_measured() {
        let took = |millis| Sample { counts: Counts::default(), took: Millis(millis), own: None, served: 1 };
        let group = Group { samples: (1..=100).map(took).collect() };
        assert_eq!(group.median(|sample| sample.took), Some(Millis(51)));
        assert_eq!(group.quantile(990, |sample| sample.took), Some(Millis(100)));
        assert_eq!(Group::default().median(|sample| sample.took), None);
    }

    #[test]
    fn lambda_processor_time_is_what_came_since_the_invocation_before() {
        let mut findings = Findings::default();
        let own =
            [9_000_000, 10_500_000, 13_500_000].map(|whole| findings.own(Function::Decide, Some(whole)));
        assert_eq!(own, [None, Some(1_500_000), Some(3_000_000)], "the first one also holds the start");
        let sample = |own| Sample { counts: Counts::default(), took: Millis(0), own, served: 1 };
        let group = Group { samples: own.into_iter().map(sample).collect() };
        assert_eq!((group.microseconds(), Group::default().microseconds()), (Some(2_250), None));
        assert_eq!(findings.own(Function::Decide, Some(5)), None, "another process");
    }

    #[test]
    fn lambda_a_process_that_grows_round_after_round_is_not_good() {
        let grew = |rounds: &[u64]| {
            let findings = Findings { rounds_kib: rounds.to_vec(), filled: 1, ..Findings::default() };
            findings.failures().join("; ")
        };
        assert_eq!(grew(&[7_000, 8_000, 8_400]), "");
        assert_eq!(grew(&[7_000, 8_000, 8_300, 8_600]), "decide grew from 8000 to 8600 KiB over its rounds");
    }

    #[test]
    fn lambda_log_lines_above_warn_are_errors_and_so_is_what_is_not_a_line() {
        let mut trouble = Trouble::default();
        for line in [r#"{"level":"INFO"}"#, r#"{"level":"WARN"}"#, r#"{"level":"ERROR"}"#, "panicked at"] {
            trouble.read(Function::Decide, line);
        }
        assert_eq!((trouble.errors, trouble.warnings["decide: ?"]), (2, 1));
        assert_eq!(trouble.told, [r#"decide: {"level":"ERROR"}"#, "decide: panicked at"]);
    }
}
