//! Markets that stop trading while something is held in them: nothing can be sold there, so a person is told.

use std::collections::BTreeSet;

use shared::books::PositionStatus;
use shared::ids::Symbol;
use shared::market::Trading;
use shared::ports::{MarketData, ReadAccount, VenueError};

use crate::turn::{Turn, TurnError};

/// How often a market is looked at, in minutes: what a venue says of its symbols is a heavy answer (Binance:
/// `exchangeInfo` weighs 20).
const LOOK_EVERY: i64 = 5;

/// Looks whether the markets of what is held still trade: every few minutes, and each minute while one does not.
pub async fn look<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    V: MarketData + ReadAccount,
{
    let stands = turn.desk.books.state.alerts.contains_key(MARKET_CLOSED);
    if !stands && turn.now.minute_number() % LOOK_EVERY != 0 {
        return Ok(());
    }
    let mut closed = Vec::new();
    for symbol in held(turn) {
        closed.extend(trouble(turn, &symbol).await?);
    }
    turn.closed_markets = Some(closed);
    Ok(())
}

/// The alert of a market that is closed while something is held in it.
pub const MARKET_CLOSED: &str = "market-closed";

fn held<T, V>(turn: &Turn<'_, T, V>) -> BTreeSet<Symbol> {
    let positions = turn.desk.books.positions.values();
    positions.filter(|one| one.status != PositionStatus::Closed).map(|one| one.symbol.clone()).collect()
}

/// What is wrong with a market; a venue that refuses to speak of a symbol has delisted it.
async fn trouble<T, V>(turn: &mut Turn<'_, T, V>, symbol: &Symbol) -> Result<Option<String>, TurnError>
where
    V: MarketData + ReadAccount,
{
    match turn.instrument(symbol).await {
        Ok(instrument) => match instrument.trading {
            Trading::Open => Ok(None),
            Trading::Closed => Ok(Some(format!("{symbol} does not trade while a position in it is open"))),
        },
        Err(VenueError::Refused { code, .. }) => {
            Ok(Some(format!("{symbol} is not known to the venue any more ({code}) while a position is open")))
        }
        Err(error) => Err(error.into()),
    }
}
