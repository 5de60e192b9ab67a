//! When a strategy's model is due: spread over the interval by the strategy's id, never caught up.

use shared::ids::{StrategyId, spread};
use shared::time::{Millis, Timestamp};

/// One minute.
const MINUTE: Millis = Millis::from_minutes(1);

/// Whether `scheduled` is one of the strategy's minutes: (minute − hash of its id) is a multiple of the
/// interval.
pub fn is_due(strategy: &StrategyId, scheduled: Timestamp, every: Millis) -> bool {
    let interval = minutes(every);
    let offset = i64::try_from(spread(strategy.as_str(), interval.unsigned_abs())).unwrap_or(0);
    scheduled.minute_number().saturating_sub(offset).rem_euclid(interval) == 0
}

/// The interval in whole minutes, at least one.
pub fn minutes(every: Millis) -> i64 {
    every.0.checked_div(MINUTE.0).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> StrategyId {
        StrategyId::parse(text).unwrap()
    }
    fn minute(number: i64) -> Timestamp {
        Timestamp::from_millis(number * MINUTE.0)
    }

    #[test]
    fn a_strategy_is_due_once_in_each_interval_at_its_own_minute() {
        for every in [1, 2, 25, 60, 1_440] {
            let interval = Millis::from_minutes(every);
            for name in ["demo", "alpha", "b"] {
                let due = (0..every * 3).filter(|number| is_due(&id(name), minute(*number), interval));
                let due: Vec<i64> = due.collect();
                assert_eq!(due.len(), 3, "{name} every {every} minutes");
                assert!(due.windows(2).all(|pair| pair[1] - pair[0] == every));
                let offset = i64::try_from(spread(name, every.unsigned_abs())).unwrap();
                assert_eq!(due[0], offset);
            }
        }
    }

    #[test]
    fn strategies_are_spread_over_the_interval() {
        let interval = Millis::from_minutes(25);
        let at = |name: &str| (0..25).find(|number| is_due(&id(name), minute(*number), interval)).unwrap();
        let distinct: std::collections::BTreeSet<i64> = (0..100).map(|n| at(&format!("s{n}"))).collect();
        assert!(distinct.len() > 15, "{distinct:?}");
    }

    #[test]
    fn an_interval_below_a_minute_is_every_minute() {
        assert_eq!(minutes(Millis(0)), 1);
        assert!((0..10).all(|number| is_due(&id("demo"), minute(number), Millis(1))));
    }
}
