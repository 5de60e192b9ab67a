//! `tradai gate reset`: asks execute to close a gate that is open. Execute grants it in its next tick.

use shared::ids::StrategyId;
use shared::records;
use shared::roster;
use shared::state::{GateName, GateReset};
use shared::status::Holds;
use shared::store::{ReadTables, WriteTables};
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::person::Person;
use crate::stage::{Stage, Which};

/// What can be done with gates.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Ask execute to close a gate that is open
    Reset(Options),
}

/// Whose gate, which, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The strategy
    pub strategy_id: String,
    /// Which gate [default: the one that is open]
    #[arg(long, value_name = "rejection|pnl", value_parser = gate_of)]
    pub gate: Option<GateName>,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Who resets it [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

fn gate_of(text: &str) -> Result<GateName, String> {
    GateName::parse(text).ok_or_else(|| "write rejection or pnl".to_owned())
}

/// Leaves the request in the strategy's state, while its gate is open.
pub async fn reset(
    stage: &Stage,
    id: &StrategyId,
    gate: Option<GateName>,
    by: &str,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let key = records::state::key(id);
    let item = stage.tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
    let item = item.ok_or_else(|| {
        NotDone::input(format!("no strategy {id} in stage {}; check STRATEGY_ID and --env", stage.names.env))
    })?;
    let state = roster::read(Some(item), key, records::state::decode);
    let state = state.map_err(|unfit| NotDone::Refused(unfit.to_string()))?;
    let gate = open_gate(id, &state.holds, gate)?;
    let reset = GateReset { gate: Some(gate), by: by.to_owned(), at: now };
    stage
        .tables
        .write(vec![records::state::ask_gate_reset(id, &reset)])
        .await
        .map_err(|error| NotDone::of_write(error, "not asked for: the gate has just closed by itself"))?;
    let name = gate.as_str();
    person.tell(&format!("asked for by {by}: execute closes the {name} gate of {id} in its next tick"))
}

/// The gate that is meant: it is open, and no other could be meant.
fn open_gate(id: &StrategyId, holds: &Holds, wanted: Option<GateName>) -> Result<GateName, NotDone> {
    let open: Vec<GateName> =
        GateName::ALL.into_iter().filter(|gate| holds.contains_key(&gate.hold())).collect();
    match (wanted, open.as_slice()) {
        (Some(gate), _) if open.contains(&gate) => Ok(gate),
        (Some(gate), _) => {
            Err(NotDone::input(format!("the {} gate of {id} is not open; nothing to reset", gate.as_str())))
        }
        (None, [gate]) => Ok(*gate),
        (None, []) => Err(NotDone::input(format!("no gate of {id} is open; nothing to reset"))),
        (None, _) => Err(NotDone::input(format!("both gates of {id} are open; say which with --gate"))),
    }
}
