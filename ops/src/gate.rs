//! `tradai gate reset`: asks execute to close a gate that is open. Execute grants it in its next tick.

use shared::ids::StrategyId;
use shared::records;
use shared::records::attrs::{text, time};
use shared::roster;
use shared::status::{Hold, Holds};
use shared::store::{Attr, Change, Cond, Item, Path, ReadTables, Write, WriteTables};
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
    #[arg(long)]
    pub gate: Option<Gate>,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Who resets it [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// A gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Gate {
    /// Too many refusals in a row
    Rejection,
    /// The day's loss
    Pnl,
}

impl Gate {
    const ALL: [Gate; 2] = [Gate::Rejection, Gate::Pnl];

    /// As it is given and stored.
    const fn as_str(self) -> &'static str {
        match self {
            Gate::Rejection => "rejection",
            Gate::Pnl => "pnl",
        }
    }
    /// The hold by which it blocks.
    const fn hold(self) -> Hold {
        match self {
            Gate::Rejection => Hold::RejectionGate,
            Gate::Pnl => Hold::PnlGate,
        }
    }
}

/// Leaves the request in the strategy's state, while its gate is open.
pub async fn reset(
    stage: &Stage,
    id: &StrategyId,
    gate: Option<Gate>,
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
    stage
        .tables
        .write(vec![request(id, gate, by, now)])
        .await
        .map_err(|error| NotDone::of_write(error, "not asked for: the gate has just closed by itself"))?;
    let name = gate.as_str();
    person.tell(&format!("asked for by {by}: execute closes the {name} gate of {id} in its next tick"))
}

/// The gate that is meant: it is open, and no other could be meant.
fn open_gate(id: &StrategyId, holds: &Holds, wanted: Option<Gate>) -> Result<Gate, NotDone> {
    let open: Vec<Gate> = Gate::ALL.into_iter().filter(|gate| holds.contains_key(&gate.hold())).collect();
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

/// `gate_reset` is the operator's; execute grants each request once, by its time.
fn request(id: &StrategyId, gate: Gate, by: &str, now: Timestamp) -> Write {
    let entry = Item::from([
        ("gate".to_owned(), text(gate.as_str())),
        ("by".to_owned(), text(by)),
        ("at".to_owned(), time(now)),
    ]);
    let is_open = Cond::Present(records::state::path::hold(gate.hold()));
    let set = Change::Set(Path::of("gate_reset"), Attr::M(entry));
    Write::update(records::state::key(id), vec![set], vec![is_open])
}
