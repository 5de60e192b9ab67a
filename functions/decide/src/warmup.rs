//! The one upward step: `warmup` becomes `running` once there is history and reconcile has looked cleanly.

use shared::ports::{Level, MarketData, WriteTables};
use shared::records::state::{self, path, status_attr};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::{Hold, Status};
use shared::store::{Change, Cond, Write, WriteError};

use crate::market::has_history;
use crate::shift::Shift;

/// Whether the books allow leaving `warmup`.
pub fn is_reconciled(state: &StrategyState) -> bool {
    state.last_reconciled_at.is_some() && !state.holds.contains_key(&Hold::Divergence)
}

/// Lets a strategy run that has warmed up. A status that a person changed meanwhile stands.
pub async fn warm_up<T, V, A, M>(
    shift: &Shift<'_, T, V, A>,
    venue: &M,
    settings: &Settings,
    before: &StrategyState,
) -> Result<(), WriteError>
where
    T: WriteTables,
    M: MarketData,
{
    if before.status != Status::Warmup || !is_reconciled(before) {
        return Ok(());
    }
    match has_history(venue, &settings.symbols).await {
        Ok(true) => run(shift, before).await,
        Ok(false) => Ok(()),
        Err(error) => {
            let line = shift.line(Level::Warn, &before.strategy_id, "candles not readable in warmup");
            shift.write(line.with("error", &error));
            Ok(())
        }
    }
}

async fn run<T: WriteTables, V, A>(
    shift: &Shift<'_, T, V, A>,
    before: &StrategyState,
) -> Result<(), WriteError> {
    let conds = vec![
        Cond::Equals(path::status(), status_attr(Status::Warmup)),
        Cond::Present(path::last_reconciled_at()),
        Cond::Absent(path::hold(Hold::Divergence)),
    ];
    let changes = vec![Change::Set(path::status(), status_attr(Status::Running))];
    match shift.ports.tables.write(vec![Write::update(state::key(&before.strategy_id), changes, conds)]).await
    {
        Ok(()) => {
            let line = shift.line(Level::Info, &before.strategy_id, "warmed up");
            shift.write(line.with("status", Status::Running.as_str()));
            Ok(())
        }
        Err(WriteError::Lost { .. } | WriteError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}
