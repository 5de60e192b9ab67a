//! What the account's key may do: asked at its first use and once a day, remembered in the account's ledger.
//!
//! A key that may withdraw or transfer is refused: the strategy is `halted`, and nothing is sent with it. Where
//! the venue cannot say, a test network's key is used (spot's has no such endpoint) and noted; a real one sends
//! no entry until it could be asked, while stops and exits go on.

use shared::ports::{KeyRights, Level, MarketData, ReadAccount, VenueError, WriteTables};
use shared::records::KeyCheck;
use shared::settings::{Backend, Settings};
use shared::status::Status;

use crate::authority::lower;
use crate::desk::Binds;
use crate::turn::{Turn, TurnError};

/// What may be sent with the account's key in this tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Whatever the rest allows.
    Everything,
    /// Nothing that adds risk: it is not known what else the key may do.
    NoEntries,
    /// Nothing at all.
    Nothing,
}

/// Judges the key, asking the venue where the last answer is of another day or refused it.
pub async fn judge<T, V>(turn: &mut Turn<'_, T, V>) -> Result<KeyUse, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let books = &turn.desk.books;
    let last = match &books.account {
        Some(account) => account.key_check,
        // Before the first look nothing can be sent.
        None if !books.holds_anything() => return Ok(KeyUse::Everything),
        None => None,
    };
    let today = turn.now.day();
    match last.filter(|check| check.at.day() == today && !check.rights.is_some_and(is_too_wide)) {
        Some(_) => Ok(KeyUse::Everything),
        None => ask(turn).await,
    }
}

async fn ask<T, V>(turn: &mut Turn<'_, T, V>) -> Result<KeyUse, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    match turn.venue.key_rights().await {
        Ok(rights) => learn(turn, rights).await,
        Err(error) if is_play_money(&turn.desk.settings) => {
            let line =
                turn.line(Level::Warn, "what the key may do cannot be read; allowed on a test network");
            turn.write(line.with("error", &error));
            record(turn, None).await?;
            Ok(KeyUse::Everything)
        }
        Err(error) => {
            turn.backend_error("key_rights", &error);
            match error {
                VenueError::Fatal { .. } => Ok(KeyUse::Nothing),
                VenueError::Unavailable(_)
                | VenueError::Throttled { .. }
                | VenueError::Refused { .. }
                | VenueError::BadReply(_) => Ok(KeyUse::NoEntries),
            }
        }
    }
}

async fn learn<T: WriteTables, V>(turn: &mut Turn<'_, T, V>, rights: KeyRights) -> Result<KeyUse, TurnError> {
    let now = turn.now;
    if is_too_wide(rights) {
        let reason = "the key of its account may withdraw or transfer";
        lower(&mut turn.desk.books.state, Status::Halted, reason, now);
        let line = turn.line(Level::Critical, "key refused").with("detail", reason);
        turn.write(line.with("withdraw", rights.withdraw).with("transfer", rights.transfer));
    } else if !rights.address_bound {
        let line = turn.line(Level::Warn, "the key is bound to no address");
        turn.write(line);
    }
    record(turn, Some(rights)).await?;
    Ok(if is_too_wide(rights) { KeyUse::Nothing } else { KeyUse::Everything })
}

async fn record<T: WriteTables, V>(
    turn: &mut Turn<'_, T, V>,
    rights: Option<KeyRights>,
) -> Result<(), TurnError> {
    let at = turn.now;
    if let Some(account) = turn.desk.books.account.as_mut() {
        account.key_check = Some(KeyCheck { at, rights });
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

const fn is_too_wide(rights: KeyRights) -> bool {
    rights.withdraw || rights.transfer
}

/// A test network, or the paper venue.
const fn is_play_money(settings: &Settings) -> bool {
    match settings.backend {
        Backend::Exchange => settings.testnet,
        Backend::Mock | Backend::Oms | Backend::Backtest => true,
    }
}
