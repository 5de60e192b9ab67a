//! Sets `stopped` and looks whether execute has acknowledged it: what `stop` and `emergency-stop` share.

use shared::records;
use shared::records::attrs::text;
use shared::state::{Live, StrategyState};
use shared::status::Status;
use shared::store::{Change, Cond, Item, Key, Path, Write, WriteError, WriteTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::stage::Stage;

/// To stop is to say the same again: it is said so often before it counts as not done.
const ATTEMPTS: u32 = 5;

/// Writes `stopped` over whatever the status is, also where the item is damaged, and who did it when. Only an item that
/// is not there is not stopped.
pub async fn stop(stage: &Stage, key: &Key, by: &str, now: Timestamp) -> Result<(), NotDone> {
    let changes = vec![
        Change::Set(records::state::path::status(), records::state::status_attr(Status::Stopped)),
        Change::Set(records::state::path::halt_reason(), text(format!("stopped by {by} at {now}"))),
    ];
    let exists = Cond::Present(Path::of(Table::TradingState.hash_key()));
    let write = Write::update(key.clone(), changes, vec![exists]);
    let mut last = WriteError::Conflict;
    for _ in 0..ATTEMPTS {
        match stage.tables.write(vec![write.clone()]).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Lost { .. }) => {
                let (id, env) = (&key.hash, &stage.names.env);
                return Err(NotDone::input(format!(
                    "no strategy {id} in stage {env}; check STRATEGY and --env"
                )));
            }
            Err(error @ (WriteError::Conflict | WriteError::NotDone(_) | WriteError::NoAnswer(_))) => {
                last = error
            }
        }
    }
    Err(NotDone::of_write(last, ""))
}

/// What execute has made of the stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// It has seen it: no entry lives any more. What of it still lives, in words.
    Yes(String),
    /// Not yet, or something is not as it should be: why.
    No(String),
}

/// Reads it from the state's item.
pub fn acknowledged(item: &Item) -> Acknowledged {
    let state = match records::state::decode(item) {
        Ok(state) => state,
        Err(corrupt) => return Acknowledged::No(format!("its state is damaged: {corrupt}")),
    };
    if state.status != Status::Stopped {
        return Acknowledged::No(format!("somebody has set it to {} since", state.status.as_str()));
    }
    if state.status_ack != Some(Status::Stopped) {
        return Acknowledged::No("execute has not acknowledged it yet; it does within 70 seconds".to_owned());
    }
    match Living::of(&state) {
        Living { entries: 0, exits: 0, positions, stops } => {
            Acknowledged::Yes(format!("positions {positions}, resting stops {stops}, no other order lives"))
        }
        Living { entries, exits, .. } => Acknowledged::No(format!(
            "entries {entries} and exits {exits} are not over yet: execute asks about them each minute"
        )),
    }
}

/// How many of each live.
#[derive(Debug, Default)]
struct Living {
    positions: u32,
    entries: u32,
    stops: u32,
    exits: u32,
}

impl Living {
    fn of(state: &StrategyState) -> Living {
        use shared::ids::Leg;
        let mut living = Living::default();
        for entry in state.live.values() {
            let count = match entry {
                Live::Position => &mut living.positions,
                Live::Order { leg: Leg::Entry, .. } => &mut living.entries,
                Live::Order { leg: Leg::Stop, .. } => &mut living.stops,
                Live::Order { leg: Leg::Exit, .. } => &mut living.exits,
                Live::Wish(_) => continue,
            };
            *count = count.saturating_add(1);
        }
        living
    }
}
