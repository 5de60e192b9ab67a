//! Entries: withdrawn where authority ends, timed out where they rest too long, reviewed and sent otherwise.

use shared::ids::OrderId;
use shared::market::{Instrument, Quote, fresh};
use shared::money::{Percent, Qty};
use shared::order::{Event, Order, State};
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::settings::SafetyMode;
use shared::status::{Act, Hold, Status, may};
use shared::time::Timestamp;

use crate::desk::Binds;
use crate::risk::{self, Approved, Basis, Exposure, Refusal};
use crate::send::{cancel, submit};
use crate::turn::{FRESH, Turn, TurnError};

/// How far above the ask a market order is valued, in percent: the worst case that the limits hold for.
const SLIPPAGE: Percent = Percent::HALF;

/// The rule that ends an offer at its time.
pub const APPROVAL_EXPIRED: &str = "approval_expired";

/// Where the status is not `running`, and under a crash hold, entries that rest are cancelled and those that
/// wait are refused.
pub async fn withdraw_entries<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let state = &turn.desk.books.state;
    let crashed = state.holds.contains_key(&Hold::Crash);
    if state.status == Status::Running && !crashed {
        return Ok(());
    }
    for id in entries(turn, |state| matches!(state, State::Live { ended: None, .. })) {
        let result = cancel(turn, &id).await.map(drop);
        turn.survive(result)?;
    }
    let status = turn.desk.books.state.status;
    let message = match status {
        Status::Running => "the market fell too fast".to_owned(),
        Status::Warmup | Status::Reducing | Status::Halted | Status::Stopped => {
            format!("status is {}", status.as_str())
        }
    };
    for id in entries(turn, is_waiting) {
        let message = message.clone();
        refuse(turn, &id, risk::Rule::Authority.as_str(), message).await?;
    }
    Ok(())
}

/// Cancels entries that rest longer than the settings allow; their fills are kept.
pub async fn time_out_entries<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let (now, timeout) = (turn.now, turn.desk.settings.exits.entry_timeout);
    let late = |state: &State| match state {
        State::Live { venue, ended: None } => now.since(venue.sent_at) >= timeout,
        _ => false,
    };
    for id in entries(turn, late) {
        let line = turn.line(Level::Info, "entry timed out").with("order_id", &id);
        turn.write(line);
        let result = cancel(turn, &id).await.map(drop);
        turn.survive(result)?;
    }
    Ok(())
}

/// Reviews every intent and sends it, offers it to a person, or ends it, as the safety mode says.
pub async fn serve_intents<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    end_lapsed_offers(turn).await?;
    let state = &turn.desk.books.state;
    if !may(Act::Open, state.status, !state.holds.is_empty()) {
        return Ok(());
    }
    for id in entries(turn, |state| matches!(state, State::Intended)) {
        let result = serve_intent(turn, &id).await;
        turn.survive(result)?;
    }
    Ok(())
}

async fn serve_intent<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(()) };
    let approved = match review(turn, order, Basis::Decision).await? {
        Ok(approved) => approved,
        Err(refusal) => return refuse(turn, id, refusal.rule.as_str(), refusal.message).await,
    };
    match turn.desk.settings.safety_mode {
        SafetyMode::DryRun => {
            turn.desk.advance(id, Event::DryRun)?;
            Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
        }
        SafetyMode::TwoPhase => {
            let expires_at = turn.now + turn.desk.settings.approval_expiry;
            turn.desk.advance(id, Event::Offer { expires_at, bound: approved.worst_price() })?;
            Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
        }
        SafetyMode::Direct => send_entry(turn, approved).await,
    }
}

/// Sends a reviewed entry; the opening counts from its send.
pub async fn send_entry<T, V>(turn: &mut Turn<'_, T, V>, approved: Approved) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let now = turn.now;
    let breaker = &mut turn.desk.books.state.breaker;
    breaker.rejections = 0;
    breaker.opens.retain(|at| now.since(*at) < shared::time::Millis::from_minutes(60));
    breaker.opens.insert(0, now);
    submit(turn, approved.into_order()).await?;
    Ok(())
}

/// Reviews one order against the market, the books and the limits of now.
pub async fn review<T, V>(
    turn: &mut Turn<'_, T, V>,
    order: Order,
    basis: Basis,
) -> Result<Result<Approved, Refusal>, TurnError>
where
    V: MarketData + ReadAccount,
{
    if let Err(refusal) = risk::allowed_symbol(&order.terms, &turn.desk.settings.limits) {
        return Ok(Err(refusal));
    }
    if turn.desk.books.account.as_ref().is_none_or(|account| account.book.opening.is_empty()) {
        let message = "no opening balance is recorded yet".to_owned();
        return Ok(Err(Refusal { rule: risk::Rule::Balance, message }));
    }
    let symbol = order.terms.symbol.clone();
    let quote = turn.quote(&symbol).await?;
    let instrument = turn.instrument(&symbol).await?;
    let free_quote = turn.balance(&symbol.quote).await?.free;
    Ok(judge(turn, order, basis, &quote, &instrument, free_quote))
}

fn judge<T, V>(
    turn: &Turn<'_, T, V>,
    order: Order,
    basis: Basis,
    quote: &Quote,
    instrument: &Instrument,
    free_quote: shared::money::Amount,
) -> Result<Approved, Refusal> {
    let quote = fresh(quote, turn.now, FRESH)
        .map_err(|stale| Refusal { rule: risk::Rule::PriceDrift, message: stale.to_string() })?;
    let (state, settings) = (&turn.desk.books.state, &turn.desk.settings);
    let seen = Exposure {
        quote,
        instrument,
        may_open: may(Act::Open, state.status, !state.holds.is_empty()),
        // Its own entry is in `live` already; a position, a stop and an exit are still to come.
        has_room: state.live.len() <= shared::state::MOST_LIVE.saturating_sub(3),
        position: exposure(turn, &order),
        taken: is_taken(turn, &order),
        orders_today: orders_today(turn, turn.now),
        opens: &state.breaker.opens,
        free_quote,
        cooldown: settings.order_cooldown,
        max_stop_distance: settings.exits.max_stop_distance,
        slippage: SLIPPAGE,
        basis,
        now: turn.now,
    };
    risk::review(order, &seen, &settings.limits)
}

/// Base held or on its way in this order's asset, without the order itself.
fn exposure<T, V>(turn: &Turn<'_, T, V>, order: &Order) -> Qty {
    let books = &turn.desk.books;
    let same = |symbol: &shared::ids::Symbol| symbol.base == order.terms.symbol.base;
    let held = books.positions.values().filter(|one| same(&one.symbol)).map(|one| one.quantity);
    let coming = books.orders.values().filter(|one| {
        one.terms.order_id != order.terms.order_id
            && same(&one.terms.symbol)
            && one.terms.leg == shared::ids::Leg::Entry
            && !one.state.is_over()
    });
    held.sum::<Qty>() + coming.map(Order::outstanding).sum::<Qty>()
}

/// One account has at most one position or sent entry per base asset.
fn is_taken<T, V>(turn: &Turn<'_, T, V>, order: &Order) -> bool {
    let books = &turn.desk.books;
    let base = &order.terms.symbol.base;
    let held = books
        .positions
        .values()
        .any(|one| one.symbol.base == *base && one.status != shared::books::PositionStatus::Closed);
    let entering = books.orders.values().any(|one| {
        one.terms.order_id != order.terms.order_id
            && one.terms.symbol.base == *base
            && one.terms.leg == shared::ids::Leg::Entry
            && (one.state.may_be_at_venue() || matches!(one.state, State::AwaitingApproval { .. }))
    });
    held || entering
}

fn orders_today<T, V>(turn: &Turn<'_, T, V>, now: Timestamp) -> u32 {
    let day = &turn.desk.books.state.exec_day;
    if now.day() > day.day { 0 } else { day.orders }
}

async fn end_lapsed_offers<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let now = turn.now;
    let lapsed =
        |state: &State| matches!(state, State::AwaitingApproval { expires_at, .. } if *expires_at <= now);
    for id in entries(turn, lapsed) {
        refuse(turn, &id, APPROVAL_EXPIRED, "nobody approved it in time".to_owned()).await?;
    }
    Ok(())
}

/// Ends an order by a rule of ours: recorded, counted, logged with the documented names.
pub async fn refuse<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    rule: &str,
    message: String,
) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let line = turn.line(Level::Warn, "order refused").with("order_id", id).with("rule", rule);
    turn.write(line.with("detail", &message).with("source", "risk_limits"));
    turn.minute.risk_rejections = turn.minute.risk_rejections.saturating_add(1);
    let breaker = &mut turn.desk.books.state.breaker;
    breaker.rejections = breaker.rejections.saturating_add(1);
    turn.desk.advance(id, Event::Refuse { rule: rule.to_owned(), message })?;
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

const fn is_waiting(state: &State) -> bool {
    matches!(state, State::Intended | State::AwaitingApproval { .. })
}

fn entries<T, V>(turn: &Turn<'_, T, V>, wanted: impl Fn(&State) -> bool) -> Vec<OrderId> {
    let orders = turn.desk.books.orders.values();
    let entries = orders.filter(|order| order.terms.leg == shared::ids::Leg::Entry && wanted(&order.state));
    entries.map(|order| order.terms.order_id.clone()).collect()
}
