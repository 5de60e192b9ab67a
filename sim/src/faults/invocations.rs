//! What befalls a function's schedule: events that come twice, late or not at all, and processes that die.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};

use super::dice::stream;
use super::plan::{FaultPlan, MILLION};

/// The latest that a late event comes: still in its minute, with time left to act.
const LATEST_MS: u32 = 40_000;
/// The most calls that a process makes before it dies.
const MOST_CALLS: u32 = 24;

/// How one scheduled event arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// As it should.
    Once,
    /// Twice.
    Twice,
    /// Not at all.
    Skipped,
    /// This much later, in the same minute.
    Late(Millis),
    /// The process dies at this one of its calls; see [`arm_crash`](super::FaultyTransport::arm_crash).
    Crash {
        /// From 1.
        after_calls: u32,
    },
}

/// Decides how events arrive: the same seed, function and minute give the same, in whatever order they are
/// asked for.
#[derive(Debug)]
pub struct InvocationFaults {
    seed: u64,
    ppm: u32,
    streams: BTreeMap<Function, ChaCha8Rng>,
    window: Option<(Timestamp, Timestamp)>,
    counts: BTreeMap<String, u64>,
}

impl InvocationFaults {
    /// Faults by `plan`.
    pub fn new(seed: u64, plan: &FaultPlan) -> InvocationFaults {
        InvocationFaults {
            seed,
            ppm: plan.invocation_ppm(),
            streams: BTreeMap::new(),
            window: None,
            counts: BTreeMap::new(),
        }
    }

    /// The same, from `from` and before `until` alone.
    #[must_use]
    pub fn within(self, from: Timestamp, until: Timestamp) -> InvocationFaults {
        InvocationFaults { window: Some((from, until)), ..self }
    }

    /// From now on every event arrives once.
    pub fn quiet(&mut self) {
        self.ppm = 0;
    }

    /// How the event of `function` for `minute` arrives.
    pub fn next(&mut self, function: Function, minute: Timestamp) -> Invocation {
        if self.window.is_some_and(|(from, until)| minute < from || minute >= until) {
            return Invocation::Once;
        }
        let (invocation, name) = self.draw(function, minute);
        if invocation != Invocation::Once {
            let count = self.counts.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        invocation
    }

    fn draw(&mut self, function: Function, minute: Timestamp) -> (Invocation, &'static str) {
        let seed = self.seed;
        let stream = self.streams.entry(function).or_insert_with(|| stream(seed, function.as_str()));
        let two_words_a_minute = u128::from(minute.minute_number().unsigned_abs()) * 2;
        if stream.get_word_pos() != two_words_a_minute {
            stream.set_word_pos(two_words_a_minute);
        }
        let (pick, shape) = (stream.next_u32() % MILLION, stream.next_u32());
        let late = Millis(i64::from(1_000 + shape % (LATEST_MS - 1_000)));
        let crash = Invocation::Crash { after_calls: 1 + shape % MOST_CALLS };
        let ways = [
            (Invocation::Twice, "invocation_twice"),
            (Invocation::Skipped, "invocation_skipped"),
            (Invocation::Late(late), "invocation_late"),
            (crash, "invocation_crash"),
        ];
        let mut end = 0_u32;
        let drawn = ways.into_iter().find(|_| {
            end = end.saturating_add(self.ppm);
            pick < end
        });
        drawn.unwrap_or((Invocation::Once, ""))
    }

    /// How often each happened. A crash counts when it was decided; whether the process lived long enough to
    /// die of it is counted by the transport.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(plan: &FaultPlan, seed: u64) -> (Vec<Invocation>, BTreeMap<String, u64>) {
        let mut faults = InvocationFaults::new(seed, plan);
        let days = 21 * 1_440;
        let all = (0..days).map(|n| faults.next(Function::Execute, Timestamp::from_millis(n * 60_000)));
        (all.collect(), faults.counts())
    }

    #[test]
    fn every_way_happens_in_three_weeks_and_the_same_seed_repeats_it() {
        for (plan, least, most) in [(FaultPlan::light(), 15, 50), (FaultPlan::heavy(), 240, 370)] {
            let (all, counts) = minutes(&plan, 7);
            assert_eq!(all, minutes(&plan, 7).0);
            assert_ne!(all, minutes(&plan, 8).0);
            assert_eq!(counts.len(), 4);
            assert!(counts.values().all(|count| (least..=most).contains(count)), "{counts:?}");
        }
        assert!(minutes(&FaultPlan::none(), 7).1.is_empty());
    }

    #[test]
    fn the_order_of_questions_and_the_window_do_not_move_the_answers() {
        let at = |n: i64| Timestamp::from_millis(n * 60_000);
        let plan = FaultPlan::none().with_invocations(200_000);
        let mut all = InvocationFaults::new(1, &plan);
        let mut some = InvocationFaults::new(1, &plan).within(at(10), at(20));
        let expected: Vec<Invocation> = (0..30).map(|n| all.next(Function::Decide, at(n))).collect();
        for n in (0..30_i64).rev() {
            let seen = some.next(Function::Decide, at(n));
            let inside = (10..20).contains(&n);
            assert_eq!(seen, if inside { expected[n as usize] } else { Invocation::Once });
        }
        all.quiet();
        assert!((0..30).all(|n| all.next(Function::Decide, at(n)) == Invocation::Once));
    }
}
