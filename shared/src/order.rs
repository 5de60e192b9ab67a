//! An order's life: one total transition function, and what exists only in one state lives in that state.

use std::fmt;

use crate::ids::{AccountId, Leg, OrderId, PositionId, StrategyId, Symbol};
use crate::market::Side;
use crate::money::{Price, Qty};
use crate::time::Timestamp;

/// How an order meets the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// At the best price there is.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst price taken.
        price: Price,
        /// What becomes of the part that does not trade at once.
        time_in_force: TimeInForce,
    },
    /// A market order that appears once the market touches `stop`.
    Stop {
        /// The trigger.
        stop: Price,
    },
    /// A limit order at `limit` that appears once the market touches `stop`.
    StopLimit {
        /// The trigger.
        stop: Price,
        /// The worst price taken.
        limit: Price,
    },
}

/// `market`, `limit 23000 GTC`, `stop 22800 limit 22700`.
impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Market => out.write_str("market"),
            Kind::Limit { price, time_in_force } => write!(out, "limit {price} {}", time_in_force.as_str()),
            Kind::Stop { stop } => write!(out, "stop {stop}"),
            Kind::StopLimit { stop, limit } => write!(out, "stop {stop} limit {limit}"),
        }
    }
}

/// What becomes of the part of a limit order that does not trade at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// It rests.
    Gtc,
    /// It is dropped.
    Ioc,
    /// Nothing trades unless all of it does.
    Fok,
}

impl TimeInForce {
    /// Every kind.
    pub const ALL: [TimeInForce; 3] = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
    /// The spelling that venues, the model and the tables share.
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeInForce::Gtc => "GTC",
            TimeInForce::Ioc => "IOC",
            TimeInForce::Fok => "FOK",
        }
    }
    /// Reads that spelling.
    pub fn parse(text: &str) -> Option<TimeInForce> {
        TimeInForce::ALL.into_iter().find(|tif| tif.as_str() == text)
    }
}

/// Who wanted an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The model's decision.
    Model,
    /// One of our rules.
    Rule,
    /// A person.
    Person,
    /// Found at the venue by reconcile.
    Reconcile,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 4] = [Origin::Model, Origin::Rule, Origin::Person, Origin::Reconcile];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Model => "model",
            Origin::Rule => "rule",
            Origin::Person => "person",
            Origin::Reconcile => "reconcile",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|origin| origin.as_str() == text)
    }
}

/// What was agreed: fixed from the intent to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The client order id.
    pub order_id: OrderId,
    /// The position that it belongs to.
    pub position_id: PositionId,
    /// The strategy that it belongs to.
    pub strategy_id: StrategyId,
    /// The account that it trades for.
    pub account: AccountId,
    /// The market.
    pub symbol: Symbol,
    /// What it is for.
    pub leg: Leg,
    /// Its number within the leg.
    pub plan: u32,
    /// Who wanted it.
    pub origin: Origin,
    /// Which way it trades.
    pub side: Side,
    /// How it meets the market.
    pub kind: Kind,
    /// How much base.
    pub quantity: Qty,
    /// For an entry: where its stop will rest.
    pub stop_loss: Option<Price>,
    /// For an entry: where its profit is taken, if anywhere.
    pub take_profit: Option<Price>,
    /// The market price that the decision saw: drift is judged against it.
    pub decided_price: Option<Price>,
    /// When it was decided: its age counts from here.
    pub decided_at: Timestamp,
    /// The decision record that caused it, if a model did.
    pub decision: Option<Timestamp>,
    /// When the intent was recorded.
    pub created_at: Timestamp,
    /// One id from decision to fill.
    pub trace: String,
}

impl Terms {
    /// For a person: `buy 0.01 BTC-USDT market, stop 19500, no take profit`.
    pub fn line(&self) -> String {
        let price = |what: &str, price: Option<Price>| {
            price.map_or_else(|| format!("no {what}"), |price| format!("{what} {price}"))
        };
        let Terms { side, quantity, symbol, kind, .. } = self;
        let (stop, profit) = (price("stop", self.stop_loss), price("take profit", self.take_profit));
        format!("{} {quantity} {symbol} {kind}, {stop}, {profit}", side.as_str())
    }
}

/// A send that was recorded before it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The signed time of the request.
    pub at: Timestamp,
    /// Until here the request may still arrive, and its effect may still be invisible.
    pub fence: Timestamp,
    /// The limit that it was sent with, where the terms say `market` and it opens: the most that one unit may cost.
    pub limit: Option<Price>,
}

/// The venue's last word on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All of it traded.
    Filled,
    /// It was taken back.
    Cancelled,
    /// The venue dropped the rest.
    Expired,
    /// The venue refused it after accepting it.
    Rejected,
}

impl Ended {
    /// Every end.
    pub const ALL: [Ended; 4] = [Ended::Filled, Ended::Cancelled, Ended::Expired, Ended::Rejected];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ended::Filled => "filled",
            Ended::Cancelled => "cancelled",
            Ended::Expired => "expired",
            Ended::Rejected => "rejected",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Ended> {
        Ended::ALL.into_iter().find(|ended| ended.as_str() == text)
    }
}

/// An order that the venue knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtVenue {
    /// The venue's own id.
    pub venue_id: String,
    /// What the venue says has traded.
    pub executed: Qty,
    /// What of it is recorded as fills.
    pub recorded: Qty,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Where an order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Wanted, not sent.
    Intended,
    /// Reviewed; a person has to approve it before `expires_at`.
    AwaitingApproval {
        /// The end of the offer.
        expires_at: Timestamp,
        /// The most that one unit may cost: what is approved, and what drift is judged against.
        bound: Price,
    },
    /// Sent; no answer recorded.
    Pending(Sent),
    /// Sent; no usable answer.
    Unknown(Sent),
    /// The venue has it, or it has ended there and fills are still to be recorded.
    Live {
        /// What the venue said.
        venue: AtVenue,
        /// The venue's last word, once spoken.
        ended: Option<Ended>,
    },
    /// It ended at the venue, and every fill is recorded.
    Done {
        /// What the venue said.
        venue: AtVenue,
        /// How it ended.
        ended: Ended,
    },
    /// The venue refused the request.
    Rejected {
        /// The venue's code.
        code: String,
    },
    /// It never came to be: not sent, or proven absent after its fence.
    Absent {
        /// Why.
        why: Absence,
    },
    /// A rule of ours refused it.
    Refused {
        /// The rule's name.
        rule: String,
        /// The documented message.
        message: String,
    },
    /// Reviewed and not sent, by the strategy's safety mode.
    DryRun,
}

/// Why an order never came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The request did not leave this machine.
    NeverSent,
    /// The venue did not know it after the fence.
    NotFound,
}

impl Absence {
    /// Every reason.
    pub const ALL: [Absence; 2] = [Absence::NeverSent, Absence::NotFound];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Absence::NeverSent => "never_sent",
            Absence::NotFound => "not_found",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Absence> {
        Absence::ALL.into_iter().find(|why| why.as_str() == text)
    }
}

/// What happens to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Reviewed; a person has to approve it.
    Offer {
        /// The end of the offer.
        expires_at: Timestamp,
        /// The most that one unit may cost.
        bound: Price,
    },
    /// A rule of ours says no, or the offer lapsed, or authority was withdrawn.
    Refuse {
        /// The rule's name.
        rule: String,
        /// The documented message.
        message: String,
    },
    /// The safety mode ends it here.
    DryRun,
    /// The send is recorded; it follows.
    Submit(Sent),
    /// The request did not leave this machine.
    NeverSent,
    /// The venue refused the request.
    Reject {
        /// The venue's code.
        code: String,
    },
    /// No usable answer came back.
    NoAnswer,
    /// The venue does not know it and can no longer learn of it.
    NotFound,
    /// The venue says how the order stands.
    Report {
        /// The venue's own id.
        venue_id: String,
        /// What has traded.
        executed: Qty,
        /// The venue's last word, if spoken.
        ended: Option<Ended>,
    },
    /// Fills were recorded, in the same transaction.
    Recorded {
        /// The sum of all recorded fills.
        total: Qty,
    },
}

/// A transition that does not exist; carries both sides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from} cannot take {event:?}")]
pub struct Illegal {
    /// Where the order was.
    pub from: Box<State>,
    /// What was to happen.
    pub event: Box<Event>,
}

/// Why an order's status reads as it does in the tables.
impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl State {
    /// The stored spelling of the contract.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Intended => "intended",
            State::AwaitingApproval { .. } => "awaiting_approval",
            State::Pending(_) => "pending",
            State::Unknown(_) => "unknown",
            State::Live { venue, .. } if venue.recorded.is_zero() => "open",
            State::Live { .. } => "partially_filled",
            State::Done { ended, .. } => ended.as_str(),
            State::Rejected { .. } => "rejected",
            State::Absent { .. } => "expired",
            State::Refused { .. } => "refused",
            State::DryRun => "dry_run",
        }
    }

    /// Whether nothing more is expected: the order leaves `live`.
    pub const fn is_over(&self) -> bool {
        match self {
            State::Intended
            | State::AwaitingApproval { .. }
            | State::Pending(_)
            | State::Unknown(_)
            | State::Live { .. } => false,
            State::Done { .. }
            | State::Rejected { .. }
            | State::Absent { .. }
            | State::Refused { .. }
            | State::DryRun => true,
        }
    }

    /// Whether the venue may have it or get it: it counts in full against caps.
    pub const fn may_be_at_venue(&self) -> bool {
        matches!(self, State::Pending(_) | State::Unknown(_) | State::Live { .. })
    }

    /// Whether it is over and the venue may have traded it all the same: such an order is looked at again.
    pub const fn may_still_trade(&self) -> bool {
        matches!(self, State::Done { .. } | State::Absent { why: Absence::NotFound })
    }

    /// What is recorded as filled.
    pub const fn recorded(&self) -> Qty {
        match self {
            State::Live { venue, .. } | State::Done { venue, .. } => venue.recorded,
            State::Intended
            | State::AwaitingApproval { .. }
            | State::Pending(_)
            | State::Unknown(_)
            | State::Rejected { .. }
            | State::Absent { .. }
            | State::Refused { .. }
            | State::DryRun => Qty::ZERO,
        }
    }

    /// The one transition function.
    pub fn next(self, event: Event) -> Result<State, Illegal> {
        match (self, event) {
            (State::Intended, Event::Offer { expires_at, bound }) => {
                Ok(State::AwaitingApproval { expires_at, bound })
            }
            (State::Intended | State::AwaitingApproval { .. }, Event::Refuse { rule, message }) => {
                Ok(State::Refused { rule, message })
            }
            (State::Intended, Event::DryRun) => Ok(State::DryRun),
            (State::Intended | State::AwaitingApproval { .. }, Event::Submit(sent)) => {
                Ok(State::Pending(sent))
            }
            (State::Pending(_), Event::NeverSent) => Ok(State::Absent { why: Absence::NeverSent }),
            (State::Pending(_), Event::Reject { code }) => Ok(State::Rejected { code }),
            (State::Pending(sent) | State::Unknown(sent), Event::NoAnswer) => Ok(State::Unknown(sent)),
            (State::Pending(_) | State::Unknown(_), Event::NotFound) => {
                Ok(State::Absent { why: Absence::NotFound })
            }
            (State::Pending(sent) | State::Unknown(sent), Event::Report { venue_id, executed, ended }) => {
                let venue = AtVenue { venue_id, executed, recorded: Qty::ZERO, sent_at: sent.at };
                Ok(settle(venue, ended))
            }
            (State::Live { venue, ended: before }, Event::Report { executed, ended, .. }) => {
                let executed = venue.executed.max(executed);
                Ok(settle(AtVenue { executed, ..venue }, ended.or(before)))
            }
            (State::Live { venue, ended }, Event::Recorded { total }) if total >= venue.recorded => {
                let executed = venue.executed.max(total);
                Ok(settle(AtVenue { executed, recorded: total, ..venue }, ended))
            }
            // The venue may report a trade after its last word (seen in practice): it is never lost.
            (State::Done { venue, ended }, Event::Report { executed, .. }) => {
                let executed = venue.executed.max(executed);
                Ok(settle(AtVenue { executed, ..venue }, Some(ended)))
            }
            // An order that we took for absent and that exists after all belongs to the books again.
            (State::Absent { why: Absence::NotFound }, Event::Report { venue_id, executed, ended }) => {
                let venue =
                    AtVenue { venue_id, executed, recorded: Qty::ZERO, sent_at: Timestamp::from_millis(0) };
                Ok(settle(venue, ended))
            }
            (from, event) => Err(Illegal { from: Box::new(from), event: Box::new(event) }),
        }
    }
}

/// An order ends only when it is final at the venue and its recorded fills sum to what traded there.
fn settle(venue: AtVenue, ended: Option<Ended>) -> State {
    match ended {
        Some(ended) if venue.recorded >= venue.executed => State::Done { venue, ended },
        ended => State::Live { venue, ended },
    }
}

/// An order: what was agreed and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What was agreed.
    pub terms: Terms,
    /// Where it is.
    pub state: State,
}

impl Order {
    /// What of the quantity has not been recorded as filled.
    pub fn outstanding(&self) -> Qty {
        self.terms.quantity.less(self.state.recorded())
    }
}

/// One trade of an order, as the venue reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The venue's trade id.
    pub trade_id: String,
    /// The client order id.
    pub order_id: OrderId,
    /// The position.
    pub position_id: PositionId,
    /// The market.
    pub symbol: Symbol,
    /// Which way it traded.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much base.
    pub quantity: Qty,
    /// How much quote, as the venue says.
    pub value: crate::money::Notional,
    /// The fee.
    pub fee: crate::money::Amount,
    /// What the fee was paid in.
    pub fee_asset: crate::ids::Asset,
    /// When it traded.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }
    fn qty(text: &str) -> Qty {
        Qty::parse(text).unwrap()
    }
    fn sent() -> Sent {
        Sent { at: at(1), fence: at(2), limit: None }
    }
    fn venue(executed: &str, recorded: &str) -> AtVenue {
        AtVenue { venue_id: "7".into(), executed: qty(executed), recorded: qty(recorded), sent_at: at(1) }
    }

    fn every_state() -> Vec<State> {
        vec![
            State::Intended,
            State::AwaitingApproval { expires_at: at(9), bound: Price::parse("2").unwrap() },
            State::Pending(sent()),
            State::Unknown(sent()),
            State::Live { venue: venue("0", "0"), ended: None },
            State::Live { venue: venue("1", "0.5"), ended: Some(Ended::Cancelled) },
            State::Done { venue: venue("1", "1"), ended: Ended::Filled },
            State::Rejected { code: "-2010".into() },
            State::Absent { why: Absence::NeverSent },
            State::Absent { why: Absence::NotFound },
            State::Refused { rule: "max_daily_orders".into(), message: String::new() },
            State::DryRun,
        ]
    }

    fn every_event() -> Vec<Event> {
        let report = |executed, ended| Event::Report { venue_id: "7".into(), executed: qty(executed), ended };
        vec![
            Event::Offer { expires_at: at(9), bound: Price::parse("2").unwrap() },
            Event::Refuse { rule: "drift".into(), message: String::new() },
            Event::DryRun,
            Event::Submit(sent()),
            Event::NeverSent,
            Event::Reject { code: "-2010".into() },
            Event::NoAnswer,
            Event::NotFound,
            report("0", None),
            report("1", Some(Ended::Filled)),
            report("0", Some(Ended::Cancelled)),
            Event::Recorded { total: qty("1") },
        ]
    }

    /// Every pair, printed: a new row or a changed one shows up here.
    #[test]
    fn every_pair_of_state_and_event_is_in_the_table() {
        let mut table = String::new();
        for state in every_state() {
            for event in every_event() {
                let (from, what) = (format!("{state:?}"), format!("{event:?}"));
                let to = match state.clone().next(event) {
                    Ok(next) => format!("{next:?}"),
                    Err(_) => continue,
                };
                table.push_str(&format!("{from}\n  {what}\n    -> {to}\n"));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn an_order_is_not_over_until_its_fills_are_recorded() {
        let reported = State::Pending(sent())
            .next(Event::Report { venue_id: "7".into(), executed: qty("1"), ended: Some(Ended::Filled) })
            .unwrap();
        assert!(!reported.is_over());
        assert_eq!(reported.as_str(), "open");
        let recorded = reported.next(Event::Recorded { total: qty("1") }).unwrap();
        assert_eq!(recorded.as_str(), "filled");
        assert!(recorded.is_over());
    }

    #[test]
    fn no_event_leads_from_sent_back_to_unsent() {
        for state in every_state().into_iter().filter(State::may_be_at_venue) {
            for event in every_event() {
                if let Ok(next) = state.clone().next(event) {
                    assert!(!matches!(
                        next,
                        State::Intended | State::AwaitingApproval { .. } | State::DryRun
                    ));
                }
            }
        }
    }

    #[test]
    fn what_is_over_is_reopened_only_by_the_venue() {
        for state in every_state().into_iter().filter(State::is_over) {
            for event in every_event() {
                let by_venue = matches!(event, Event::Report { .. });
                if let Ok(next) = state.clone().next(event) {
                    assert!(by_venue, "{state:?} became {next:?}");
                }
            }
        }
    }
}
