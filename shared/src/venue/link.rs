//! What is known of the way to a venue while it is used: how far its clock is from ours, how much of its
//! request weight is used in this minute, and how its calls fare.
//!
//! The venue itself counts: every answer says how much weight this address has used, by all functions
//! together, and [`Link::correct`] takes its word. Before each call its weight is reserved on top of that, and
//! a call that would pass our share of the limit is not made ([`Link::reserve`]).
//!
//! **Bound.** A function calls one thing after the other, so what it knows is stale by what others have called
//! since its own last answer. Once the venue's count has passed the share, every process makes at most one
//! call more (the one that it had already decided on), and processes that begin then have read the count in the
//! venue's ledger ([`crate::records::venue`]). With calls of at most 20 of weight and a share of three quarters
//! of 6,000, the limit holds for up to 74 invocations at one moment.

use std::cell::Cell;

use crate::records::venue::{ClockOffset, Facts, Tally, Used};
use crate::time::{Millis, Timestamp};

/// The weight that Binance spot allows one address in a minute (`exchangeInfo`, `rateLimits`, since August
/// 2023), until its own word is read.
const USUAL_LIMIT: u32 = 6_000;
/// A clock that is less apart needs no correction: half of what a request may be ahead (1,000 ms).
pub const WORTH_CORRECTING: Millis = Millis(500);
/// An offset in use is measured again after this time.
const OFFSET_LIFE: Millis = Millis::from_minutes(10);
/// A slower answer counts as slow (signal `latency-p99`).
const SLOW: Millis = Millis::from_secs(1);

/// How much of a venue's limit a function takes: what protects is not starved by what looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Half: decide and reconcile.
    Look,
    /// Three quarters: execute.
    Act,
}

impl Share {
    const fn of(self, limit: u32) -> u32 {
        match self {
            Share::Look => limit / 2,
            Share::Act => limit / 4 * 3,
        }
    }
}

/// What is known of one venue by one process.
#[derive(Debug)]
pub struct Link {
    share: Share,
    limit: Cell<u32>,
    used: Cell<Option<Used>>,
    told: Cell<Option<i64>>,
    clock: Cell<Option<ClockOffset>>,
    clock_is_new: Cell<bool>,
    tally: Cell<Tally>,
}

impl Link {
    /// Nothing is known yet.
    pub const fn new(share: Share) -> Link {
        Link {
            share,
            limit: Cell::new(USUAL_LIMIT),
            used: Cell::new(None),
            told: Cell::new(None),
            clock: Cell::new(None),
            clock_is_new: Cell::new(false),
            tally: Cell::new(Tally { calls: 0, errors: 0, slow: 0 }),
        }
    }

    /// Takes over what the tables say.
    pub fn adopt(&self, facts: &Facts) {
        if !self.clock_is_new.get() {
            self.clock.set(facts.clock);
        }
        let is_more = |used: &Used| self.used.get().is_none_or(|known| known < *used);
        if let Some(used) = facts.used.filter(is_more) {
            self.used.set(Some(used));
        }
    }

    /// `at` of our clock as the venue's clock shows it.
    pub fn venue_time(&self, at: Timestamp) -> Timestamp {
        at + self.clock.get().map_or(Millis(0), |clock| clock.by)
    }

    /// Whether the offset in use was measured too long ago.
    pub fn clock_is_old(&self, now: Timestamp) -> bool {
        self.clock.get().is_some_and(|clock| now.since(clock.measured_at) >= OFFSET_LIFE)
    }

    /// Takes a measured offset into use, or none where the clocks agree.
    pub fn set_clock(&self, clock: ClockOffset) {
        let matters = clock.by.0.abs() >= WORTH_CORRECTING.0;
        let new = matters.then_some(clock);
        if new.is_some() || self.clock.get().is_some() {
            self.clock_is_new.set(true);
        }
        self.clock.set(new);
    }

    /// The offset that the tables do not know yet: some offset, or that there is none any more.
    pub fn take_new_clock(&self) -> Option<Option<ClockOffset>> {
        self.clock_is_new.replace(false).then(|| self.clock.get())
    }

    /// The venue's own word on its limit.
    pub fn set_limit(&self, limit: u32) {
        self.limit.set(limit);
    }

    /// Reserves the weight of a call; false where it would pass our share, and then it is not made.
    #[must_use]
    pub fn reserve(&self, weight: u32, now: Timestamp) -> bool {
        let minute = now.minute_number();
        let used = self.used_in(minute).saturating_add(weight);
        if used > self.share.of(self.limit.get()) {
            return false;
        }
        self.used.set(Some(Used { minute, weight: used }));
        true
    }

    /// What an answer that arrived `at` says of the weight used in its minute.
    pub fn correct(&self, weight: u32, at: Timestamp) {
        self.used.set(Some(Used { minute: at.minute_number(), weight }));
    }

    /// The count that every function should know: more than the smaller share is used. Told once a minute.
    pub fn take_heavy_use(&self) -> Option<Used> {
        let used = self.used.get().filter(|used| used.weight > Share::Look.of(self.limit.get()))?;
        (self.told.replace(Some(used.minute)) != Some(used.minute)).then_some(used)
    }

    fn used_in(&self, minute: i64) -> u32 {
        self.used.get().filter(|used| used.minute == minute).map_or(0, |used| used.weight)
    }

    /// Counts a call.
    pub fn count(&self, took: Millis, failed: bool) {
        let Tally { calls, errors, slow } = self.tally.get();
        self.tally.set(Tally {
            calls: calls.saturating_add(1),
            errors: errors.saturating_add(u32::from(failed)),
            slow: slow.saturating_add(u32::from(took > SLOW)),
        });
    }

    /// What was counted since the last time that this was asked.
    pub fn take_tally(&self) -> Tally {
        self.tally.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn a_call_beyond_our_share_is_not_made_until_the_minute_ends() {
        let link = Link::new(Share::Look);
        for _ in 0..150 {
            assert!(link.reserve(20, at(600)));
        }
        assert!(!link.reserve(1, at(659)));
        assert!(link.reserve(1, at(660)));
    }

    #[test]
    fn the_venue_counts_and_what_others_used_binds_us() {
        let (look, act) = (Link::new(Share::Look), Link::new(Share::Act));
        look.correct(3_000, at(600));
        act.correct(3_000, at(600));
        assert!(!look.reserve(1, at(601)));
        assert!(act.reserve(1_500, at(601)), "what protects is not starved by what looks");
        assert!(!act.reserve(1, at(601)));
        act.correct(10, at(601));
        assert!(act.reserve(1, at(601)), "the venue's word counts, not ours");
    }

    #[test]
    fn heavy_use_is_told_once_a_minute_and_ordinary_use_never() {
        let link = Link::new(Share::Act);
        link.correct(3_000, at(600));
        assert_eq!(link.take_heavy_use(), None);
        link.correct(3_001, at(600));
        assert_eq!(link.take_heavy_use(), Some(Used { minute: 10, weight: 3_001 }));
        link.correct(3_100, at(610));
        assert_eq!(link.take_heavy_use(), None);
        link.correct(5_000, at(660));
        assert!(link.take_heavy_use().is_some());
    }

    #[test]
    fn what_another_function_wrote_of_this_minute_is_known_before_the_first_call() {
        let link = Link::new(Share::Look);
        link.adopt(&Facts { used: Some(Used { minute: 10, weight: 3_000 }), ..Facts::default() });
        assert!(!link.reserve(1, at(600)));
        link.adopt(&Facts { used: Some(Used { minute: 10, weight: 5 }), ..Facts::default() });
        assert!(!link.reserve(1, at(600)), "less than is known is not taken over");
    }

    /// The whole fleet at once: whatever the order of calls and answers, the venue's limit holds.
    #[test]
    fn all_functions_together_stay_below_the_limit() {
        for begin in 0..20_u32 {
            let links: Vec<Link> =
                (0..24).map(|n| Link::new(if n % 3 == 0 { Share::Act } else { Share::Look })).collect();
            let mut count = begin * 200;
            // Each round every process decides on what it knew, then all calls arrive, then all answers.
            for _ in 0..400 {
                let made: Vec<&Link> = links.iter().filter(|link| link.reserve(20, at(600))).collect();
                count += u32::try_from(made.len()).unwrap() * 20;
                made.iter().for_each(|link| link.correct(count, at(600)));
            }
            assert!(count <= USUAL_LIMIT, "{count} from {begin}");
        }
    }

    #[test]
    fn a_small_offset_is_none_and_a_large_one_is_kept_until_it_is_old() {
        let link = Link::new(Share::Act);
        link.set_clock(ClockOffset { by: Millis(400), measured_at: at(0) });
        assert_eq!((link.take_new_clock(), link.venue_time(at(9))), (None, at(9)));
        let clock = ClockOffset { by: Millis(-6_000), measured_at: at(0) };
        link.set_clock(clock);
        assert_eq!(link.take_new_clock(), Some(Some(clock)));
        assert_eq!((link.take_new_clock(), link.venue_time(at(9))), (None, at(3)));
        assert!(!link.clock_is_old(at(599)) && link.clock_is_old(at(600)));
        link.set_clock(ClockOffset { by: Millis(0), measured_at: at(600) });
        assert_eq!(link.take_new_clock(), Some(None), "the tables must forget it too");
    }
}
