//! Entries: withdrawn where authority ends, timed out where they rest too long, reviewed and sent otherwise.

use shared::ids::{Leg, OrderId};
use shared::market::{Instrument, Quote, fresh};
use shared::money::{Percent, Qty};
use shared::order::{Event, Order, State};
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::settings::SafetyMode;
use shared::status::{Act, Hold, Status};
use shared::time::Timestamp;

use crate::desk::Binds;
use crate::gates;
use crate::journal::{self, Source, Tool};
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
    let crashed = turn.desk.books.state.holds.contains_key(&Hold::Crash);
    if turn.status() == Status::Running && !crashed {
        return Ok(());
    }
    for id in entries(turn, |state| matches!(state, State::Live { ended: None, .. })) {
        let result = cancel(turn, &id).await.map(drop);
        turn.survive(result)?;
    }
    refuse_waiting(turn).await
}

/// Ends what waits to be sent or approved: the venue is not needed for it.
pub async fn refuse_waiting<T: WriteTables, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError> {
    let status = turn.status();
    let message = match status {
        Status::Running => "the market fell too fast".to_owned(),
        Status::Warmup | Status::Reducing | Status::Halted | Status::Stopped => {
            format!("status is {}", status.as_str())
        }
    };
    for id in entries(turn, is_waiting) {
        let rule = risk::Rule::Authority.as_str();
        refuse(turn, &id, Source::RiskGate, rule, message.clone()).await?;
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
    let is_old = |sent_at: Timestamp| now.since(sent_at) >= timeout;
    let late = |state: &State| matches!(state, State::Live { venue, ended: None } if is_old(venue.sent_at));
    for id in entries(turn, late) {
        if let Some(order) = turn.order(&id) {
            turn.write(journal::about(turn, Level::Info, "entry timed out", &order.terms));
        }
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
    for id in entries(turn, |state| matches!(state, State::Intended)) {
        if !may_add_risk(turn) {
            say_why_not(turn, &id);
            continue;
        }
        let result = serve_intent(turn, &id).await;
        turn.survive(result)?;
    }
    Ok(())
}

/// Whether an order that adds risk may be reviewed now: status and holds, the trial of a half-open gate, and
/// whether all that was judged.
pub fn may_add_risk<T, V>(turn: &Turn<'_, T, V>) -> bool {
    !turn.is_closed && turn.may(Act::Open) && gates::lets_pass(&turn.desk.books.state)
}

/// An intent that has to wait stays as it is; the log says for what.
fn say_why_not<T, V>(turn: &Turn<'_, T, V>, id: &OrderId) {
    let Some(order) = turn.order(id) else { return };
    let state = &turn.desk.books.state;
    let gate = gates::reason(state, &turn.desk.settings.gate, turn.now);
    let holds: Vec<&str> = state.holds.keys().map(|hold| hold.as_str()).collect();
    let line = journal::about(turn, Level::Info, "entry waits", &order.terms);
    let line = line.with("status", turn.status().as_str()).with("holds", holds.join(" "));
    turn.write(match gate {
        Some(reason) => line.with("detail", reason).with("source", Source::RiskGate.as_str()),
        None => line,
    });
}

async fn serve_intent<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(()) };
    let approved = match review(turn, order, Basis::Decision).await? {
        Ok(approved) => approved,
        Err(refusal) => return refuse_by_rule(turn, id, refusal).await,
    };
    match turn.desk.settings.safety_mode {
        SafetyMode::DryRun => {
            let terms = approved.into_order().terms;
            turn.desk.advance(id, Event::DryRun)?;
            turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
            let line = journal::about(turn, Level::Info, "order not sent: dry run", &terms);
            turn.write(line);
            Ok(())
        }
        SafetyMode::TwoPhase => {
            let expires_at = turn.now + turn.desk.settings.approval_expiry;
            turn.desk.advance(id, Event::Offer { expires_at, bound: approved.worst_price() })?;
            Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
        }
        SafetyMode::Direct => send_entry(turn, approved).await,
    }
}

/// Sends a reviewed entry.
pub async fn send_entry<T, V>(turn: &mut Turn<'_, T, V>, approved: Approved) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let worst = approved.worst_price();
    let order = approved.into_order();
    gates::begin_trial(&mut turn.desk.books.state, &order.terms.order_id);
    submit(turn, order, Some(worst)).await?;
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
    let (began, terms) = (turn.shift.clock.now(), order.terms.clone());
    let verdict = judge(turn, order, basis, &quote, &instrument, free_quote);
    let took = turn.shift.clock.now().since(began);
    let passed = if verdict.is_ok() { "passed" } else { "refused" };
    let line = journal::about(turn, Level::Info, "order reviewed", &terms).with("verdict", passed);
    turn.write(line.seconds("risk_check_duration_seconds", took));
    Ok(verdict)
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
        may_open: turn.may(Act::Open),
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
            && one.terms.leg == Leg::Entry
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
            && one.terms.leg == Leg::Entry
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
        let message = "nobody approved it in time".to_owned();
        refuse(turn, &id, Source::SafetyMode, APPROVAL_EXPIRED, message).await?;
    }
    Ok(())
}

/// Ends an order by a rule of the risk chain: it counts for the rejection gate, in the same commit.
pub async fn refuse_by_rule<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    refusal: Refusal,
) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let (now, gate) = (turn.now, turn.desk.settings.gate.clone());
    gates::count_refusal(&mut turn.desk.books.state, refusal.rule, &gate, now);
    refuse(turn, id, Source::RiskLimits, refusal.rule.as_str(), refusal.message).await
}

/// Ends an order by a rule of ours: recorded, counted, logged with the documented names.
pub async fn refuse<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    source: Source,
    rule: &str,
    message: String,
) -> Result<(), TurnError>
where
    T: WriteTables,
{
    if let Some(order) = turn.order(id) {
        let line = journal::refused(turn, Tool::Place, &order.terms, source, rule);
        turn.write(line.with("detail", &message));
    }
    turn.minute.risk_rejections = turn.minute.risk_rejections.saturating_add(1);
    turn.desk.advance(id, Event::Refuse { rule: rule.to_owned(), message })?;
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

const fn is_waiting(state: &State) -> bool {
    matches!(state, State::Intended | State::AwaitingApproval { .. })
}

/// The entries in a state that is `wanted`, oldest intent first.
fn entries<T, V>(turn: &Turn<'_, T, V>, wanted: impl Fn(&State) -> bool) -> Vec<OrderId> {
    let orders = turn.desk.books.orders.values();
    let mut entries: Vec<&Order> =
        orders.filter(|order| order.terms.leg == Leg::Entry && wanted(&order.state)).collect();
    entries.sort_by(|one, other| one.terms.position_id.cmp(&other.terms.position_id));
    entries.into_iter().map(|order| order.terms.order_id.clone()).collect()
}
