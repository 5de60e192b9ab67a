//! The claim of a scheduled minute, together with the beat: one write before anything is asked.

use shared::ids::StrategyId;
use shared::ports::WriteTables;
use shared::records;
use shared::store::{Attr, Change, Cond, Path, Write, WriteError};
use shared::time::Timestamp;

/// How often a claim that met another transaction is tried.
const MOST_ATTEMPTS: u32 = 3;

/// Whose the minute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Ours.
    Ours,
    /// Another invocation had the same event: it ends here.
    Taken,
}

/// Claims `minute`, with a beat at `beat` where state and market were read. A later beat is left standing. What
/// changes of what people are `told` goes with it.
pub async fn claim(
    tables: &impl WriteTables,
    strategy: &StrategyId,
    minute: Timestamp,
    beat: Option<Timestamp>,
    told: &[Change],
) -> Result<Claim, WriteError> {
    if beat.is_some() && claimed(tables, strategy, minute, beat, told).await? == Claim::Ours {
        return Ok(Claim::Ours);
    }
    // Either the minute or the beat was lost: without the beat, only the minute is judged.
    claimed(tables, strategy, minute, None, told).await
}

async fn claimed(
    tables: &impl WriteTables,
    strategy: &StrategyId,
    minute: Timestamp,
    beat: Option<Timestamp>,
    told: &[Change],
) -> Result<Claim, WriteError> {
    let mut conflicts = 0;
    loop {
        match tables.write(vec![write(strategy, minute, beat, told)]).await {
            Ok(()) => return Ok(Claim::Ours),
            Err(WriteError::Lost { .. }) => return Ok(Claim::Taken),
            Err(WriteError::Conflict) if conflicts < MOST_ATTEMPTS => conflicts += 1,
            // `NoAnswer` too: the minute may be ours, and is then missed rather than decided twice.
            Err(error) => return Err(error),
        }
    }
}

fn write(strategy: &StrategyId, minute: Timestamp, beat: Option<Timestamp>, told: &[Change]) -> Write {
    // The strategy may have been removed meanwhile: a claim never creates it.
    let mut conds = vec![Cond::Present(records::state::path::status())];
    let mut changes = told.to_vec();
    let mut later = |path: Path, at: Timestamp| {
        let at = Attr::S(at.to_string());
        conds.push(Cond::AbsentOrBelow(path.clone(), at.clone()));
        changes.push(Change::Set(path, at));
    };
    later(records::state::path::last_decided_at(), minute);
    if let Some(at) = beat {
        later(records::state::path::last_heartbeat(), at);
    }
    Write::update(records::state::key(strategy), changes, conds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at};
    use shared::testkit::at_once;

    fn claim_now(world: &World, beat: Option<&str>) -> Claim {
        let minute = at("2023-03-01T16:00:00Z");
        at_once(claim(&world.tables, &world.id(), minute, beat.map(at), &[])).unwrap()
    }

    #[test]
    fn a_minute_is_claimed_once_and_the_beat_goes_with_it() {
        let world = World::new();
        assert_eq!(claim_now(&world, Some("2023-03-01T16:00:04Z")), Claim::Ours);
        assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:00:04Z"));
        assert_eq!(world.state().last_decided_at, at("2023-03-01T16:00:00Z"));
        assert_eq!(claim_now(&world, Some("2023-03-01T16:00:05Z")), Claim::Taken);
        assert_eq!(claim_now(&world, None), Claim::Taken);
        assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:00:04Z"));
    }

    #[test]
    fn a_later_beat_of_another_function_stands_and_the_minute_is_still_claimed() {
        let world = World::new();
        world.change(|state| state.last_heartbeat = at("2023-03-01T16:00:09Z"));
        assert_eq!(claim_now(&world, Some("2023-03-01T16:00:04Z")), Claim::Ours);
        assert_eq!(world.state().last_heartbeat, at("2023-03-01T16:00:09Z"));
        assert_eq!(world.state().last_decided_at, at("2023-03-01T16:00:00Z"));
    }

    #[test]
    fn a_strategy_that_was_removed_is_not_created_again() {
        let world = World::empty();
        assert_eq!(claim_now(&world, Some("2023-03-01T16:00:04Z")), Claim::Taken);
        assert!(world.tables.snapshot().is_empty());
    }
}
