//! The risk chain: the only maker of an approved order. Pure, exact, in one readable place.
//!
//! It binds orders that add risk. Stops and exits never come here. Nothing is clamped: an order passes as
//! it is or is refused by a named rule with the documented message.

use shared::market::{Fresh, Instrument, Quote, Side, Trading, Wish};
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::order::{Kind, Order, Terms};
use shared::settings::Limits;
use shared::time::{Millis, Timestamp};

use crate::protect::stop_kind;
use crate::send::sent_kind;

/// What a buy's fee takes of what is bought at most, in percent: Binance's standard rate (`GET /api/v3/account`,
/// `commissionRates`).
const MOST_FEE: Percent = Percent::TENTH;

/// A rule that can refuse an order: metric label, log field and prompt feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The status or a hold forbids opening.
    Authority,
    /// The symbol is not in the allowed list.
    AllowedSymbols,
    /// The account already has a position or entry in this asset.
    PositionOpen,
    /// There is no room in the strategy's state.
    NoRoom,
    /// The market does not trade.
    MarketClosed,
    /// Not a multiple of the venue's step or tick, or outside its range.
    VenueFilter,
    /// On spot only buying opens.
    SpotSide,
    /// The stop does not protect.
    StopLoss,
    /// One order's value.
    MaxOrderNotional,
    /// The whole position.
    MaxPositionAbs,
    /// Orders in a day.
    MaxDailyOrders,
    /// Openings in an hour.
    MaxOpensPerHour,
    /// Time between orders.
    OrderCooldown,
    /// The decision is too old.
    DecisionAge,
    /// The price has moved too far.
    PriceDrift,
    /// The account cannot pay for it.
    Balance,
}

impl Rule {
    /// The stored spelling; the documented ones of the axon-llm runbook where it has them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Authority => "authority",
            Rule::AllowedSymbols => "allowed_symbols",
            Rule::PositionOpen => "position_open",
            Rule::NoRoom => "no_room",
            Rule::MarketClosed => "market_closed",
            Rule::VenueFilter => "venue_filter",
            Rule::SpotSide => "spot_side",
            Rule::StopLoss => "stop_loss",
            Rule::MaxOrderNotional => "max_order_notional",
            Rule::MaxPositionAbs => "max_position_abs",
            Rule::MaxDailyOrders => "max_daily_orders",
            Rule::MaxOpensPerHour => "max_opens_per_hour",
            Rule::OrderCooldown => "order_cooldown",
            Rule::DecisionAge => "max_decision_age",
            Rule::PriceDrift => "max_price_drift",
            Rule::Balance => "balance",
        }
    }

    /// Whether the wish itself was wrong, so that it counts for the rejection gate. A market that closed, a
    /// full state, and the age and drift of a wish that had to wait (behind the gate itself, too) are not.
    pub const fn is_the_wishs_fault(self) -> bool {
        match self {
            Rule::AllowedSymbols
            | Rule::PositionOpen
            | Rule::VenueFilter
            | Rule::SpotSide
            | Rule::StopLoss
            | Rule::MaxOrderNotional
            | Rule::MaxPositionAbs
            | Rule::MaxDailyOrders
            | Rule::MaxOpensPerHour
            | Rule::OrderCooldown
            | Rule::Balance => true,
            Rule::Authority | Rule::NoRoom | Rule::MarketClosed | Rule::DecisionAge | Rule::PriceDrift => {
                false
            }
        }
    }
}

/// A refusal: the rule and the documented message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// What the log, the page and the model read.
    pub message: String,
}

/// What an order's age and price are judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The decision: when it was made, and the price that it saw.
    Decision,
    /// A person's approval: when it was given, and the bound that it names, alone.
    Approval {
        /// When it was given.
        at: Timestamp,
        /// The most that one unit may cost.
        bound: Price,
    },
}

/// An order that every rule let pass. Nothing else can make one.
#[derive(Debug)]
pub struct Approved {
    order: Order,
    worst: Price,
}

impl Approved {
    /// The order, to be sent once.
    pub fn into_order(self) -> Order {
        self.order
    }
    /// The most that one unit may cost, as it was reviewed.
    pub const fn worst_price(&self) -> Price {
        self.worst
    }
}

/// Everything that the chain looks at, read after `send_seq` was.
#[derive(Debug)]
pub struct Exposure<'a> {
    /// The market now.
    pub quote: Fresh<'a, Quote>,
    /// What the venue demands.
    pub instrument: &'a Instrument,
    /// Whether status and holds allow opening.
    pub may_open: bool,
    /// Whether the state has room for a position and its orders.
    pub has_room: bool,
    /// Base held or on its way in this symbol: positions, open orders and other intents in full.
    pub position: Qty,
    /// Whether this account already has a position or live entry in this base asset.
    pub taken: bool,
    /// Orders sent today.
    pub orders_today: u32,
    /// Openings, newest first.
    pub opens: &'a [Timestamp],
    /// Quote that is free.
    pub free_quote: Amount,
    /// The shortest time between two openings.
    pub cooldown: Millis,
    /// Furthest below the entry that a stop may lie.
    pub max_stop_distance: Percent,
    /// How far above the ask a market order may fill.
    pub slippage: Percent,
    /// What the order's age and price are judged against.
    pub basis: Basis,
    /// The time of this review.
    pub now: Timestamp,
}

/// Reviews an order that adds risk: the first rule that objects names the refusal.
pub fn review(order: Order, seen: &Exposure<'_>, limits: &Limits) -> Result<Approved, Refusal> {
    let terms = &order.terms;
    authority(seen)?;
    allowed_symbol(terms, limits)?;
    free_place(seen)?;
    venue_filters(terms, seen)?;
    spot_side(terms)?;
    stop_protects(terms, seen)?;
    order_notional(terms, seen, limits)?;
    whole_position(terms, seen, limits)?;
    daily_orders(seen, limits)?;
    opens_per_hour(seen, limits)?;
    cooldown(seen)?;
    decision_age(terms, seen, limits)?;
    price_drift(terms, seen, limits)?;
    balance(terms, seen)?;
    let worst = worst_price(terms, seen);
    Ok(Approved { order, worst })
}

fn refuse(rule: Rule, message: String) -> Result<(), Refusal> {
    Err(Refusal { rule, message })
}

/// The most that one unit may cost: its limit, what a person approved, or the ask with slippage, on a tick and never below
/// the ask. No order type escapes a limit.
fn worst_price(terms: &Terms, seen: &Exposure<'_>) -> Price {
    match (terms.kind, seen.basis) {
        (Kind::Market, Basis::Approval { bound, .. }) => bound,
        (Kind::Market, Basis::Decision) => {
            let ask = seen.quote.get().ask;
            let most = ask.above(seen.slippage);
            seen.instrument.floor_price(most).unwrap_or(most).max(ask)
        }
        (Kind::Limit { price, .. }, _) => price,
        (Kind::Stop { stop } | Kind::StopLimit { limit: stop, .. }, _) => stop,
    }
}

/// What a buy pays for one unit now, or at its limit where the market comes down to it.
fn paid(terms: &Terms, seen: &Exposure<'_>) -> Price {
    worst_price(terms, seen).min(seen.quote.get().ask)
}

fn authority(seen: &Exposure<'_>) -> Result<(), Refusal> {
    if seen.may_open {
        Ok(())
    } else {
        refuse(Rule::Authority, "status or a hold forbids opening".to_owned())
    }
}

/// The one rule that is judged before the market is asked: the venue may not know the symbol at all.
pub fn allowed_symbol(terms: &Terms, limits: &Limits) -> Result<(), Refusal> {
    if limits.allowed_symbols.contains(&terms.symbol) {
        Ok(())
    } else {
        refuse(Rule::AllowedSymbols, format!("symbol '{}' not in allowed list", terms.symbol))
    }
}

fn free_place(seen: &Exposure<'_>) -> Result<(), Refusal> {
    if seen.taken {
        return refuse(
            Rule::PositionOpen,
            "this account already has a position or entry in this asset".to_owned(),
        );
    }
    if seen.has_room {
        Ok(())
    } else {
        refuse(Rule::NoRoom, "the strategy has no room for another position".to_owned())
    }
}

fn venue_filters(terms: &Terms, seen: &Exposure<'_>) -> Result<(), Refusal> {
    let market = seen.instrument;
    if market.trading == Trading::Closed {
        return refuse(Rule::MarketClosed, format!("{} does not trade now", terms.symbol));
    }
    let wish = Wish {
        side: terms.side,
        kind: sent_kind(terms.kind, Some(worst_price(terms, seen))),
        quantity: terms.quantity,
        quote: seen.quote.get(),
        position: Some(seen.position),
        // One position per asset: an entry and a stop at most.
        open: None,
        stops: None,
    };
    // What is bought can be sold again at the price now.
    let value = terms.quantity * seen.quote.get().bid.min(worst_price(terms, seen));
    if value < market.min_notional {
        let message = format!("order notional {value} is below the venue's minimum {}", market.min_notional);
        return refuse(Rule::VenueFilter, message);
    }
    if let Some(objection) = market.objection(&wish) {
        return refuse(Rule::VenueFilter, objection);
    }
    match stop_objection(terms, seen) {
        Some(objection) => refuse(Rule::VenueFilter, format!("its stop would be refused: {objection}")),
        None => Ok(()),
    }
}

/// Why the venue would refuse the stop for what is bought, less the fee that is taken from it.
fn stop_objection(terms: &Terms, seen: &Exposure<'_>) -> Option<String> {
    let market = seen.instrument;
    let quantity = terms.quantity.after_fee(MOST_FEE).floor_to(market.step);
    let (kind, lowest) = stop_kind(terms.stop_loss?, quantity, market)?;
    let stop = Wish {
        side: Side::Sell,
        kind,
        quantity,
        quote: seen.quote.get(),
        position: None,
        open: None,
        stops: None,
    };
    let value = quantity * lowest;
    let is_little = value < market.min_notional;
    let too_little =
        || format!("order notional {value} is below the venue's minimum {}", market.min_notional);
    is_little.then(too_little).or_else(|| market.objection(&stop))
}

fn spot_side(terms: &Terms) -> Result<(), Refusal> {
    match terms.side {
        Side::Buy => Ok(()),
        Side::Sell => refuse(Rule::SpotSide, "on spot a position is opened by buying".to_owned()),
    }
}

fn stop_protects(terms: &Terms, seen: &Exposure<'_>) -> Result<(), Refusal> {
    let Some(stop) = terms.stop_loss else {
        return refuse(Rule::StopLoss, "an entry needs a stop".to_owned());
    };
    let entry = paid(terms, seen);
    // What is bought at the ask is sold at the bid: a stop between them triggers at once.
    let exit = entry.min(seen.quote.get().bid);
    if stop >= exit {
        return refuse(Rule::StopLoss, format!("stop {stop} is not below the market at {exit}"));
    }
    let distance = entry.distance(stop);
    if distance > seen.max_stop_distance {
        let message = format!(
            "stop {stop} is {distance} % below the entry at {entry}, limit {} %",
            seen.max_stop_distance
        );
        return refuse(Rule::StopLoss, message);
    }
    match terms.take_profit {
        Some(profit) if profit <= entry => {
            refuse(Rule::StopLoss, format!("take-profit {profit} is not above the entry at {entry}"))
        }
        Some(_) | None => Ok(()),
    }
}

fn order_notional(terms: &Terms, seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    let value = terms.quantity * worst_price(terms, seen);
    if value <= limits.max_order_notional {
        Ok(())
    } else {
        let message = format!("order notional {value} exceeds limit {}", limits.max_order_notional);
        refuse(Rule::MaxOrderNotional, message)
    }
}

fn whole_position(terms: &Terms, seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    let projected = seen.position + terms.quantity;
    if projected <= limits.max_position_abs {
        Ok(())
    } else {
        let message = format!("projected position {projected} exceeds max abs {}", limits.max_position_abs);
        refuse(Rule::MaxPositionAbs, message)
    }
}

fn daily_orders(seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    if seen.orders_today < limits.max_daily_orders {
        Ok(())
    } else {
        let message = format!(
            "daily order count {} exceeds limit {}",
            seen.orders_today.saturating_add(1),
            limits.max_daily_orders
        );
        refuse(Rule::MaxDailyOrders, message)
    }
}

fn opens_per_hour(seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    let hour = Millis::from_minutes(60);
    let recent = seen.opens.iter().filter(|at| seen.now.since(**at) < hour).count();
    if recent < usize::try_from(limits.max_opens_per_hour).unwrap_or(0) {
        Ok(())
    } else {
        let message =
            format!("{} positions opened within an hour, limit {}", recent, limits.max_opens_per_hour);
        refuse(Rule::MaxOpensPerHour, message)
    }
}

fn cooldown(seen: &Exposure<'_>) -> Result<(), Refusal> {
    match seen.opens.first() {
        Some(last) if seen.now.since(*last) < seen.cooldown => {
            let message = format!(
                "last entry {} s ago, cooldown {} s",
                seen.now.since(*last).as_secs(),
                seen.cooldown.as_secs()
            );
            refuse(Rule::OrderCooldown, message)
        }
        Some(_) | None => Ok(()),
    }
}

fn decision_age(terms: &Terms, seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    let (what, since) = match seen.basis {
        Basis::Decision => ("decision", terms.decided_at),
        Basis::Approval { at, .. } => ("approval", at),
    };
    let age = seen.now.since(since);
    if age <= limits.max_decision_age {
        Ok(())
    } else {
        let message =
            format!("{what} is {} s old, limit {} s", age.as_secs(), limits.max_decision_age.as_secs());
        refuse(Rule::DecisionAge, message)
    }
}

fn price_drift(terms: &Terms, seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    match seen.basis {
        Basis::Decision => drift_since_decision(terms, seen, limits),
        Basis::Approval { bound, .. } => within_bound(terms, seen, bound),
    }
}

/// A market order trades at the ask, so the ask must not be above what was approved. A limit is its own
/// bound: the venue holds it, also while the ask is above it and the order rests.
fn within_bound(terms: &Terms, seen: &Exposure<'_>, bound: Price) -> Result<(), Refusal> {
    let ask = seen.quote.get().ask;
    let price = match terms.kind {
        Kind::Market => ask,
        Kind::Limit { price, .. } => price.min(ask),
        Kind::Stop { stop } | Kind::StopLimit { limit: stop, .. } => stop,
    };
    if price <= bound {
        Ok(())
    } else {
        refuse(Rule::PriceDrift, format!("price {price} is above the approved bound {bound}"))
    }
}

fn drift_since_decision(terms: &Terms, seen: &Exposure<'_>, limits: &Limits) -> Result<(), Refusal> {
    let Some(decided) = terms.decided_price else { return Ok(()) };
    let drift = decided.distance(seen.quote.get().ask);
    if drift <= limits.max_price_drift {
        Ok(())
    } else {
        let message =
            format!("price drifted {drift} % since the decision, limit {} %", limits.max_price_drift);
        refuse(Rule::PriceDrift, message)
    }
}

fn balance(terms: &Terms, seen: &Exposure<'_>) -> Result<(), Refusal> {
    let cost: Notional = terms.quantity * worst_price(terms, seen);
    if cost.amount() <= seen.free_quote {
        Ok(())
    } else {
        refuse(Rule::Balance, format!("order needs {cost}, free balance {}", seen.free_quote))
    }
}

#[cfg(test)]
mod tests;
