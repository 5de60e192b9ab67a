//! The hold `model_off` of a strategy follows `llm#fleet`: it is set and cleared in the strategy's next cycle.

use shared::ports::{Level, WriteTables};
use shared::records;
use shared::records::attrs;
use shared::state::StrategyState;
use shared::status::Hold;
use shared::store::{Change, Cond, Write, WriteError};

use crate::shift::Turn;

/// The state with the hold as the fleet's ledger says.
pub fn mirrored<T, V, A>(turn: &Turn<'_, T, V, A>, is_off: bool) -> StrategyState {
    let mut state = turn.state.clone();
    if is_off {
        state.holds.entry(Hold::ModelOff).or_insert_with(|| turn.shift.now());
    } else {
        state.holds.remove(&Hold::ModelOff);
    }
    state
}

/// Sets or clears the hold, which `stood` or not, where it is not as the fleet's ledger says; writes nothing
/// otherwise.
pub async fn model_off<T: WriteTables, V, A>(
    turn: &Turn<'_, T, V, A>,
    stood: bool,
    is_off: bool,
) -> Result<(), WriteError> {
    if stood == is_off {
        return Ok(());
    }
    let path = records::state::path::hold(Hold::ModelOff);
    let change = if is_off { Change::Set(path, attrs::time(turn.shift.now())) } else { Change::Remove(path) };
    let here = Cond::Present(records::state::path::status());
    let write = Write::update(records::state::key(turn.id()), vec![change], vec![here]);
    turn.shift.ports.tables.write(vec![write]).await?;
    let what = if is_off { "model off" } else { "model on" };
    turn.shift.write(turn.line(Level::Error, what).with("hold", Hold::ModelOff.as_str()));
    Ok(())
}
