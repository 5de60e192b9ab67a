//! What is held is protected: its stop rests at the venue, and every tick judges the rules that close it.

use std::collections::BTreeMap;

use shared::books::{ExitReason, Position, PositionStatus};
use shared::ids::{Leg, OrderId, PositionId};
use shared::market::{Instrument, Quote, Sellable, Trading, fresh};
use shared::money::{Percent, Price, Qty};
use shared::order::{Kind, Order, Origin, State};
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::settings::{CrashAction, Exits};
use shared::status::{Act, Hold};

use crate::desk::Binds;
use crate::exits::{FAILURES_IN_A_ROW, begin_exit, continue_exit, finish, is_allowed, own_order};
use crate::gates;
use crate::send::{cancel, submit};
use crate::turn::{FRESH, Turn, TurnError};

/// How far below its trigger a stop with a limit may still sell: a market that falls through it sells nothing.
const STOP_LIMIT_BELOW: Percent = Percent::FIVE;

/// Tends every position of the strategy.
pub async fn tend_positions<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let ids: Vec<PositionId> = turn.desk.books.positions.keys().cloned().collect();
    for id in ids {
        let result = tend_position(turn, &id).await;
        turn.survive(result)?;
    }
    Ok(())
}

/// What was bought in this tick after its positions were tended is protected too. One that was tended is
/// not tended again: what failed is tried once a tick.
pub async fn tend_bought<T, V>(
    turn: &mut Turn<'_, T, V>,
    before: &BTreeMap<PositionId, Qty>,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let bought = bought(turn).into_iter().filter(|(id, bought)| before.get(id) != Some(bought));
    for (id, _) in bought.collect::<Vec<_>>() {
        let result = tend_position(turn, &id).await;
        turn.survive(result)?;
    }
    Ok(())
}

/// How much each position has bought so far.
pub fn bought<T, V>(turn: &Turn<'_, T, V>) -> BTreeMap<PositionId, Qty> {
    let positions = turn.desk.books.positions.values();
    positions.map(|one| (one.id.clone(), one.bought)).collect()
}

async fn tend_position<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    if turn.desk.books.is_damaged(id) {
        return Ok(());
    }
    match position.status {
        PositionStatus::Open => tend_open(turn, id).await,
        PositionStatus::Closing => {
            continue_exit(turn, id).await?;
            // Authority may have ended in between: then it is open again and needs its stop.
            let is_open =
                turn.desk.books.positions.get(id).is_some_and(|one| one.status == PositionStatus::Open);
            if is_open { keep_stop(turn, id).await } else { Ok(()) }
        }
        PositionStatus::Closed => release(turn, id).await,
    }
}

/// A person closed it: its orders are cancelled, and it leaves `live`.
async fn release<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    for order in turn.orders_of(id, |order| matches!(order.state, State::Live { ended: None, .. })) {
        cancel(turn, &order).await?;
    }
    if !turn.orders_of(id, |order| order.state.may_be_at_venue()).is_empty() {
        return Ok(());
    }
    turn.desk.books.state.live.remove(&id.to_string());
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

async fn tend_open<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    let quote = match turn.quote(&position.symbol).await {
        Ok(quote) => quote,
        // Without a price no rule can be judged; a stop needs none.
        Err(error) => {
            keep_stop(turn, id).await?;
            return Err(error.into());
        }
    };
    let Ok(quote) = fresh(&quote, turn.now, FRESH) else { return keep_stop(turn, id).await };
    let peak = raise_peak(turn, id, quote.get().bid).await?;
    let passed = match resting_stop(turn, id) {
        Some(stop) => is_passed(turn, &stop, quote.get()).await?,
        // No stop can be placed above the market.
        None => quote.get().bid <= position.stop && !position.quantity.is_zero(),
    };
    let reason = if has_to_flee(turn) {
        Some(ExitReason::Crash)
    } else {
        exit_due(&position, peak, quote.get(), passed, &turn.desk.settings.exits)
    };
    if reason == Some(ExitReason::StopTriggered) {
        turn.unprotected = Some(format!("the stop of {id} triggered and did not fill"));
    }
    let waits = turn.desk.books.waits_for_fills(id);
    match reason.filter(|reason| is_allowed(turn, *reason) && !waits) {
        Some(reason) => begin_exit(turn, id, reason, None).await,
        None => keep_stop(turn, id).await,
    }
}

/// Whether the settings close everything while the market falls.
fn has_to_flee<T, V>(turn: &Turn<'_, T, V>) -> bool {
    let crashed = turn.desk.books.state.holds.contains_key(&Hold::Crash);
    match turn.desk.settings.crash.action {
        CrashAction::Exit => crashed,
        CrashAction::Reduce | CrashAction::Halt => false,
    }
}

/// Whether a stop has triggered and is not filled, or the market has left it behind: it protects nothing more. A stop at the
/// market has where the bid and the last closed minute both are at or below it.
async fn is_passed<T, V>(turn: &mut Turn<'_, T, V>, stop: &Order, quote: &Quote) -> Result<bool, TurnError>
where
    V: MarketData + ReadAccount,
{
    if !stop.state.recorded().is_zero() {
        return Ok(true);
    }
    match stop.terms.kind {
        Kind::Stop { stop } if quote.bid <= stop => {
            let candles = turn.candles(&quote.symbol, 1).await?;
            Ok(candles.last().is_some_and(|candle| candle.close <= stop))
        }
        Kind::StopLimit { limit, .. } => Ok(quote.bid < limit),
        Kind::Stop { .. } | Kind::Market | Kind::Limit { .. } => Ok(false),
    }
}

/// The rules that close a position, evaluated each tick.
fn exit_due(
    position: &Position,
    peak: Price,
    quote: &Quote,
    passed: bool,
    exits: &Exits,
) -> Option<ExitReason> {
    let profit = position.take_profit.or_else(|| Some(position.entry()?.above(exits.take_profit?)));
    if profit.is_some_and(|profit| quote.bid >= profit) {
        return Some(ExitReason::TakeProfit);
    }
    let trail = exits.trailing.and_then(|distance| peak.below(distance));
    if trail.is_some_and(|trail| quote.bid <= trail) {
        return Some(ExitReason::Trailing);
    }
    if passed { Some(ExitReason::StopTriggered) } else { None }
}

/// Keeps the highest bid seen; written only when it moved by a tenth of a percent.
async fn raise_peak<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId, bid: Price) -> Result<Price, TurnError>
where
    T: WriteTables,
{
    let trails = turn.desk.settings.exits.trailing.is_some();
    let Some(position) = turn.desk.books.positions.get_mut(id) else { return Ok(bid) };
    let known = position.peak.or(position.entry()).unwrap_or(bid);
    let step = Percent::TENTH;
    if trails && bid > known.above(step) {
        position.peak = Some(bid);
        turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    }
    Ok(known.max(bid))
}

fn resting_stop<T, V>(turn: &Turn<'_, T, V>, id: &PositionId) -> Option<Order> {
    let ids = turn.orders_of(id, |order| order.terms.leg == Leg::Stop && !order.state.is_over());
    ids.first().and_then(|id| turn.order(id)).cloned()
}

/// Sees that a stop rests for what is held: placed when missing, replaced when too small, gone when flat.
async fn keep_stop<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    if let Some(Order { state: State::Live { venue, .. }, .. }) = resting_stop(turn, id)
        && turn.desk.books.state.breaker.missing_stops > 0
    {
        gates::has_rested(&mut turn.desk.books.state, venue.sent_at, turn.now);
        turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    }
    let covered = match resting_stop(turn, id) {
        Some(stop) if !matches!(stop.state, State::Live { ended: None, .. }) => return Ok(()),
        Some(stop) if stop.outstanding() == position.quantity => return Ok(()),
        stop => stop,
    };
    let instrument = turn.instrument(&position.symbol).await?;
    let Some(stop) = covered else { return place_stop(turn, id, &instrument).await };
    let bare = position.quantity.less(stop.outstanding());
    let Some((_, limit)) = stop_kind(position.stop, position.quantity, &instrument) else { return Ok(()) };
    if !is_worth_an_order(&instrument, bare, limit) {
        return Ok(());
    }
    // The books may say more than the venue holds; a stop for all that can be sold is left alone.
    let held = turn.held(&position.symbol.base).await?;
    match instrument.sellable(position.quantity, held, limit) {
        Sellable::Order(lots) if lots > stop.outstanding() => {
            cancel(turn, &stop.terms.order_id).await?;
            place_stop(turn, id, &instrument).await
        }
        Sellable::Order(_) | Sellable::Dust(_) => Ok(()),
    }
}

fn is_worth_an_order(instrument: &Instrument, quantity: Qty, price: Price) -> bool {
    matches!(instrument.sellable(quantity, quantity, price), Sellable::Order(_))
}

async fn place_stop<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    instrument: &Instrument,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    if resting_stop(turn, id).is_some() {
        return Ok(());
    }
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    let held = turn.held(&position.symbol.base).await?;
    let Some((kind, limit)) = stop_kind(position.stop, position.quantity, instrument) else {
        turn.unprotected = Some(format!("no stop can be placed for {id}"));
        return begin_exit_if_allowed(turn, id, ExitReason::StopMissing).await;
    };
    let by = |held| instrument.sellable(position.quantity, held, limit);
    let (lots, is_shown) = match (by(held), by(position.quantity)) {
        (Sellable::Order(lots), _) => (lots, true),
        // The account may lag behind what was bought: the books stand.
        (Sellable::Dust(_), Sellable::Order(lots)) => (lots, false),
        (Sellable::Dust(_), Sellable::Dust(_)) => return wait_or_leave(turn, id, instrument, held).await,
    };
    if !is_shown && stops_fail(turn, id) {
        turn.unprotected = Some(format!("the account shows nothing of what {id} holds"));
        return Ok(());
    }
    if stops_fail(turn, id) && is_allowed(turn, ExitReason::StopMissing) {
        return give_up_stops(turn, id).await;
    }
    let stop = submit_stop(turn, &position, kind, lots).await?;
    let refused = turn.order(&stop).is_some_and(|order| matches!(order.state, State::Rejected { .. }));
    if !refused {
        return if stops_fail(turn, id) { give_up_stops(turn, id).await } else { Ok(()) };
    }
    turn.unprotected = Some(format!("the venue refused the stop of {id}"));
    if !is_shown {
        return Ok(());
    }
    let line = turn.line(Level::Error, "stop refused; the position is exited").with("position_id", id);
    turn.write(line);
    begin_exit_if_allowed(turn, id, ExitReason::StopMissing).await
}

/// What an exit has not sold gets its stop back, unless the market is below it already or its stops come to nothing. One
/// that is refused begins nothing: the exit goes on with the next tick.
pub async fn put_stop_back<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    let may_trade = |order: &Order| order.state.may_be_at_venue();
    let is_done = position.status != PositionStatus::Closing || stops_fail(turn, id);
    if is_done || !turn.orders_of(id, may_trade).is_empty() {
        return Ok(());
    }
    let instrument = turn.instrument(&position.symbol).await?;
    let is_open = instrument.trading == Trading::Open && turn.may(Act::ProtectiveStop);
    let Some((kind, lowest)) = stop_kind(position.stop, position.quantity, &instrument).filter(|_| is_open)
    else {
        return Ok(());
    };
    // Where the account or the market cannot be read, the books stand, and the venue judges.
    let held = turn.held(&position.symbol.base).await.unwrap_or(position.quantity);
    let is_above = turn.quote(&position.symbol).await.map_or(true, |quote| quote.bid > position.stop);
    let Sellable::Order(lots) = instrument.sellable(position.quantity, held, lowest) else { return Ok(()) };
    if !is_above {
        return Ok(());
    }
    let line = turn.line(Level::Warn, "not sold: the stop is put back").with("position_id", id);
    turn.write(line);
    submit_stop(turn, &position, kind, lots).await.map(drop)
}

/// Sends a stop under the next number; its id.
async fn submit_stop<T, V>(
    turn: &mut Turn<'_, T, V>,
    position: &Position,
    kind: Kind,
    lots: Qty,
) -> Result<OrderId, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let order = own_order(turn, position, Leg::Stop, position.next_stop, Origin::Rule, kind, lots);
    if let Some(position) = turn.desk.books.positions.get_mut(&position.id) {
        position.next_stop = position.next_stop.saturating_add(1);
    }
    let stop = order.terms.order_id.clone();
    submit(turn, order, None).await?;
    Ok(stop)
}

/// Whether so many stops in a row came to nothing that another one is no protection.
fn stops_fail<T, V>(turn: &Turn<'_, T, V>, id: &PositionId) -> bool {
    turn.desk.books.positions.get(id).is_some_and(|one| one.stop_failures >= FAILURES_IN_A_ROW)
}

/// Stops get no answer or never leave, one after the other: the position is exited, where the table allows that.
async fn give_up_stops<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    turn.unprotected = Some(format!("the stops of {id} never come to be"));
    let line = turn.line(Level::Error, "no stop comes to be").with("position_id", id);
    turn.write(line);
    begin_exit_if_allowed(turn, id, ExitReason::StopMissing).await
}

async fn begin_exit_if_allowed<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    reason: ExitReason,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    if is_allowed(turn, reason) { Box::pin(begin_exit(turn, id, reason, None)).await } else { Ok(()) }
}

/// Too little for a stop: it waits while its entry may still fill, else it is sold while the price still allows
/// that, else it is closed with its residue. Where the venue holds less than the books say, it stays as it is.
async fn wait_or_leave<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    instrument: &Instrument,
    held: Qty,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    if !turn.orders_of(id, |order| !order.state.is_over()).is_empty() {
        return Ok(());
    }
    let bid = turn.quote(&position.symbol).await?.bid;
    if let Sellable::Dust(_) = instrument.sellable(position.quantity, held, bid) {
        return finish(turn, id).await;
    }
    turn.unprotected = Some(format!("what {id} holds is too little for a stop"));
    begin_exit_if_allowed(turn, id, ExitReason::StopMissing).await
}

/// The order that rests as the stop of `quantity`, and the price that it is valued at. It sells at the market where the symbol
/// takes that: whatever the market falls through, it sells. Else at a limit, the lowest that it sells for.
pub fn stop_kind(trigger: Price, quantity: Qty, instrument: &Instrument) -> Option<(Kind, Price)> {
    let stop = instrument.floor_price(trigger)?;
    if instrument.takes_market_stops && quantity <= instrument.max_market_qty {
        return Some((Kind::Stop { stop }, stop));
    }
    let limit = instrument.floor_price(stop.below(STOP_LIMIT_BELOW)?)?;
    Some((Kind::StopLimit { stop, limit }, limit))
}
