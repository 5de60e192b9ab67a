//! The crash guard: a fall of X % within Y minutes, while something is held, sent or wanted.
//!
//! The fall is measured from the highest minute's open or close within the window, as the venue lists its closed
//! minutes, to the bid of now. So nothing has to be remembered, and a fresh process judges the same.

use std::collections::BTreeSet;

use shared::ids::Symbol;
use shared::market::Candle;
use shared::money::Price;
use shared::ports::{Level, MarketData, ReadAccount, WriteTables};
use shared::settings::{Crash, CrashAction};
use shared::status::{Hold, Status};
use shared::time::{Millis, Timestamp};

use crate::authority::lower;
use crate::desk::Binds;
use crate::turn::{Turn, TurnError};

/// Binance answers at most 1,000 candles, the forming one among them: no fall is looked for further back.
const MOST_MINUTES: i64 = 999;

/// Looks at every market that matters now; a fall sets the hold and does what the settings say, and once the
/// window no longer shows it the hold is gone.
pub async fn watch<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let stands = turn.desk.books.state.holds.contains_key(&Hold::Crash);
    let mut falls = Vec::new();
    for symbol in watched(turn, stands) {
        falls.extend(fall(turn, &symbol).await?);
    }
    match (stands, falls.first()) {
        (false, Some(fall)) => begin(turn, fall).await,
        (true, None) => end(turn).await,
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

/// The markets of what lives; under the hold, of all that the strategy watches too.
fn watched<T, V>(turn: &Turn<'_, T, V>, stands: bool) -> BTreeSet<Symbol> {
    let books = &turn.desk.books;
    let held = books.positions.values().map(|one| one.symbol.clone());
    let wanted = books.orders.values().map(|one| one.terms.symbol.clone());
    let all = turn.desk.settings.symbols.iter().filter(|_| stands).cloned();
    let allowed = &turn.desk.settings.limits.allowed_symbols;
    let known = |symbol: &Symbol| turn.desk.settings.symbols.contains(symbol) || allowed.contains(symbol);
    held.chain(wanted.filter(known)).chain(all).collect()
}

/// What the fall of a market reads like; none where it did not fall so far.
async fn fall<T, V>(turn: &mut Turn<'_, T, V>, symbol: &Symbol) -> Result<Option<String>, TurnError>
where
    V: MarketData + ReadAccount,
{
    let crash = turn.desk.settings.crash.clone();
    let candles = turn.candles(symbol, minutes(&crash)).await?;
    let bid = turn.quote(symbol).await?.bid;
    let from = turn.now - crash.window;
    let points = candles.iter().flat_map(points);
    let top = points.filter(|(at, _)| *at >= from).map(|(_, price)| price).max();
    Ok(top.filter(|top| has_fallen(*top, bid, &crash)).map(|top| {
        let distance = top.distance(bid);
        let window = crash.window;
        format!("{symbol} fell {distance} % within {window}, from {top} to {bid}")
    }))
}

/// The two prices of a minute whose times are known.
fn points(candle: &Candle) -> [(Timestamp, Price); 2] {
    [(candle.open_time, candle.open), (candle.open_time + Millis::from_minutes(1), candle.close)]
}

fn minutes(crash: &Crash) -> u32 {
    // One more than the window is long: it begins within a minute.
    let minutes = crash.window.as_secs().div_euclid(60).saturating_add(1);
    u32::try_from(minutes.clamp(1, MOST_MINUTES)).unwrap_or(1)
}

fn has_fallen(top: Price, bid: Price, crash: &Crash) -> bool {
    bid < top && top.distance(bid) >= crash.fall
}

async fn begin<T: WriteTables, V>(turn: &mut Turn<'_, T, V>, fall: &str) -> Result<(), TurnError> {
    let (now, action) = (turn.now, turn.desk.settings.crash.action);
    let state = &mut turn.desk.books.state;
    state.holds.insert(Hold::Crash, now);
    match action {
        // Its positions are closed where they are tended.
        CrashAction::Exit => {}
        CrashAction::Reduce => lower(state, Status::Reducing, fall, now),
        CrashAction::Halt => lower(state, Status::Halted, fall, now),
    }
    turn.crash = Some(fall.to_owned());
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    let line = turn.line(Level::Error, "market fell too fast").with("detail", fall);
    turn.write(line.with("action", action.as_str()));
    Ok(())
}

async fn end<T: WriteTables, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError> {
    turn.desk.books.state.holds.remove(&Hold::Crash);
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    let line = turn.line(Level::Info, "the fall has left the window");
    turn.write(line);
    Ok(())
}
