//! What the account's key may do: asked at its first use, once a day, once it is another key, and after the venue has
//! refused it; remembered in the account's ledger.
//!
//! A key that may withdraw or transfer is refused: the strategy is `halted`, and nothing is sent with it. Where
//! the venue cannot say, a test network's key is used (spot's has no such endpoint) and noted; a real one sends
//! no entry until it could be asked, while stops and exits go on.

use shared::ports::{KeyRights, Level, MarketData, ReadAccount, VenueError, WriteTables};
use shared::records::{AccountLedger, KeyCheck};
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

/// The venue has refused the key: what it may do is asked again before anything else is sent.
pub fn forget(account: Option<&mut AccountLedger>) {
    if let Some(account) = account {
        account.key_check = None;
    }
}

/// Judges the key, asking the venue where the last answer is of another day or another key, or refused it.
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
    let (today, print) = (turn.now.day(), turn.venue.key_print());
    let stands = |check: &KeyCheck| check.at.day() == today && check.print == print;
    match last.filter(|check| stands(check) && !check.rights.is_some_and(is_too_wide)) {
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
                VenueError::Fatal { .. } => {
                    lower(&mut turn.desk.books.state, Status::Halted, &error.to_string(), turn.now);
                    Ok(KeyUse::Nothing)
                }
                VenueError::Unavailable(_)
                | VenueError::Throttled { .. }
                | VenueError::Refused { .. }
                | VenueError::BadReply(_) => Ok(KeyUse::NoEntries),
            }
        }
    }
}

async fn learn<T, V>(turn: &mut Turn<'_, T, V>, rights: KeyRights) -> Result<KeyUse, TurnError>
where
    T: WriteTables,
    V: ReadAccount,
{
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

async fn record<T, V>(turn: &mut Turn<'_, T, V>, rights: Option<KeyRights>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: ReadAccount,
{
    let (at, print) = (turn.now, turn.venue.key_print());
    if let Some(account) = turn.desk.books.account.as_mut() {
        account.key_check = Some(KeyCheck { at, rights, print });
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
