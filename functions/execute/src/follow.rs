//! Follows every order that the venue may have: what it says is an event, and every trade is recorded once.

use std::collections::BTreeSet;

use shared::ids::{OrderId, Symbol};
use shared::money::Qty;
use shared::order::{Event, Order, State};
use shared::ports::{
    Level, MarketData, OrderReport, ReadAccount, ReadTables, Trade, VenueError, WriteTables,
};
use shared::records::order::fill_key;
use shared::store::Key;
use shared::time::Timestamp;
use shared::venue::binance::fence;

use crate::desk::{Binds, MOST_FILLS, fee_market};
use crate::journal;
use crate::turn::{Turn, TurnError};

/// Asks the venue about every order that it may have. One that is over and live was named again by reconcile,
/// because it has traded since.
pub async fn follow_orders<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let is_asked = |order: &&Order| order.state.may_be_at_venue() || order.state.is_over();
    let orders = turn.desk.books.orders.values().filter(is_asked);
    let ids: Vec<OrderId> = orders.map(|order| order.terms.order_id.clone()).collect();
    for id in ids {
        let result = follow_order(turn, &id).await;
        turn.survive(result)?;
    }
    Ok(())
}

/// Asks the venue about one order and records the answer. Where there is none the order counts as before, and the turn
/// ends without a beat: nobody knows whether it still protects anything.
pub async fn follow_order<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(()) };
    let asked_at = turn.shift.clock.now();
    match turn.venue.order(&order.terms.symbol, id).await {
        Ok(Some(report)) => absorb(turn, id, &report, Vec::new()).await,
        Ok(None) => not_there(turn, &order, asked_at).await,
        Err(error) => {
            turn.backend_error("order", &error);
            turn.leave_unserved(error.into());
            Ok(())
        }
    }
}

/// Absence is proof only where the question was asked after the fence; until then the order counts in full.
async fn not_there<T: WriteTables, V>(
    turn: &mut Turn<'_, T, V>,
    order: &Order,
    asked_at: Timestamp,
) -> Result<(), TurnError> {
    let until = match &order.state {
        State::Pending(sent) | State::Unknown(sent) => sent.fence,
        State::Live { venue, .. } => {
            if asked_at > fence(venue.sent_at) {
                forgotten(turn, order);
            }
            return Ok(());
        }
        State::Intended | State::AwaitingApproval { .. } => return Ok(()),
        State::Done { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::Refused { .. }
        | State::DryRun => return leave(turn, &order.terms.order_id).await,
    };
    if asked_at <= until {
        return Ok(());
    }
    let line = journal::about(turn, Level::Warn, "order proven absent", &order.terms);
    turn.write(line);
    turn.desk.advance(&order.terms.order_id, Event::NotFound)?;
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// The venue had the order and knows it no more. It counts as before, for it may rest all the same, and a person is
/// told: by the beat that this turn does not write, and by reconcile.
fn forgotten<T, V>(turn: &mut Turn<'_, T, V>, order: &Order) {
    turn.write(journal::about(turn, Level::Error, "order unknown to the venue", &order.terms));
    let why = format!("the venue does not know order {} any more", order.terms.order_id);
    turn.leave_unserved(VenueError::BadReply(why).into());
}

/// An order that is over and of which the venue has no more to say leaves `live` again.
async fn leave<T: WriteTables, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<(), TurnError> {
    turn.desk.books.state.live.remove(id.as_str());
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// Records what the venue says of an order, with every trade that is not recorded yet, in trade order.
pub async fn absorb<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    report: &OrderReport,
    listed: Vec<Trade>,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(()) };
    if order.state.is_over() && !order.state.may_still_trade() {
        return leave(turn, id).await;
    }
    let waits = turn.desk.books.cannot_record(&order.terms.position_id);
    let trades = if waits { Vec::new() } else { trades_behind(turn, &order, report, listed).await };
    price_fees(turn, &order.terms.symbol, &trades).await;
    let event =
        Event::Report { venue_id: report.venue_id.clone(), executed: report.executed, ended: report.ended };
    turn.desk.advance(id, event)?;
    for batch in trades.chunks(MOST_FILLS) {
        turn.desk.record_trades(id, batch)?;
        turn.balances_have_moved();
        turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
        log_progress(turn, id);
    }
    // Where nothing has traded the report alone is written.
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// The order's trades that are not recorded: of those that the answer listed if they are all, else of those that the venue
/// lists.
async fn trades_behind<T, V>(
    turn: &mut Turn<'_, T, V>,
    order: &Order,
    report: &OrderReport,
    listed: Vec<Trade>,
) -> Vec<Trade>
where
    T: ReadTables,
    V: MarketData + ReadAccount,
{
    if report.executed <= order.state.recorded() {
        return Vec::new();
    }
    let is_all = listed.iter().map(|trade| trade.quantity).sum::<Qty>() == report.executed;
    let trades = if is_all { listed } else { trades_listed(turn, order, report).await };
    if order.state.recorded().is_zero() || trades.is_empty() {
        return trades;
    }
    // A trade without an item is recorded, in whatever order they are listed: no sum decides what is new.
    let key = |trade: &Trade| fill_key(&order.terms.position_id, &order.terms.order_id, &trade.trade_id);
    let keys: Vec<Key> = trades.iter().map(key).collect();
    match turn.shift.tables.get(&keys).await {
        Ok(items) => {
            let new = trades.into_iter().zip(items).filter(|(_, item)| item.is_none());
            new.map(|(trade, _)| trade).collect()
        }
        Err(error) => {
            turn.leave_unserved(error.into());
            Vec::new()
        }
    }
}

async fn trades_listed<T, V>(turn: &mut Turn<'_, T, V>, order: &Order, report: &OrderReport) -> Vec<Trade>
where
    V: MarketData + ReadAccount,
{
    match turn.venue.trades_of(&order.terms.symbol, &report.venue_id, report.executed).await {
        Ok(trades) => trades,
        Err(error) => {
            turn.backend_error("trades", &error);
            turn.leave_unserved(error.into());
            Vec::new()
        }
    }
}

/// What fees in a third asset are worth in quote, for the day's result. Recording waits for no price: where no market
/// says one, the log does.
async fn price_fees<T, V>(turn: &mut Turn<'_, T, V>, symbol: &Symbol, trades: &[Trade])
where
    V: MarketData + ReadAccount,
{
    let markets = trades.iter().filter_map(|trade| fee_market(symbol, &trade.fee_asset));
    let unpriced: BTreeSet<Symbol> = markets.filter(|one| !turn.desk.fee_prices.contains_key(one)).collect();
    for market in unpriced {
        match turn.venue.quote(&market).await {
            Ok(quote) => {
                turn.desk.fee_prices.insert(market, quote.ask);
            }
            Err(error) => {
                // That there is no such market is no failure of the venue's.
                if !matches!(error, VenueError::Refused { .. }) {
                    turn.backend_error("fee price", &error);
                }
                let line = turn.line(Level::Warn, "fee without a price: not in the day's result");
                turn.write(line.with("market", market).with("error", error));
            }
        }
    }
}

fn log_progress<T, V>(turn: &Turn<'_, T, V>, id: &OrderId) {
    let Some(order) = turn.order(id) else { return };
    let line = journal::about(turn, Level::Info, "fills recorded", &order.terms);
    turn.write(line.with("status", &order.state).with("recorded", order.state.recorded()));
}
