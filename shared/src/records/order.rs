//! An order and its fills: `tradai-orders`, one partition per position.

use crate::approval::{Answer, Approval, Rejection};
use crate::ids::{Leg, OrderId, PositionId};
use crate::money::{Price, Qty};
use crate::order::{AtVenue, Ended, Fill, Kind, Order, Sent, State, Terms};
use crate::records::attrs::{Draft, changes, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read, one_of};
use crate::store::{Attr, Change, Cond, Item, Key, Write};
use crate::tables::Table;
use crate::time::Timestamp;

/// Where each attribute is that changes after the intent.
pub mod path {
    use crate::records::attrs::paths;

    paths!(
        status,
        approval,
        expires_at,
        bound,
        sent_at,
        fence,
        venue_id,
        executed,
        recorded,
        ended,
        code,
        absent_why,
        refused_by,
        refused_message
    );
}

/// An order's item.
pub fn key(position: &PositionId, order: &OrderId) -> Key {
    Key { table: Table::Orders, hash: position.to_string(), range: Some(order.to_string()) }
}

/// A fill's item, under its order.
pub fn fill_key(position: &PositionId, order: &OrderId, trade_id: &str) -> Key {
    let range = format!("{}{trade_id}", fills_prefix(order));
    Key { table: Table::Orders, hash: position.to_string(), range: Some(range) }
}

/// What the sort keys of an order's fills, and of nothing else, start with.
pub fn fills_prefix(order: &OrderId) -> String {
    format!("{order}#")
}

/// One item of a position's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// An order.
    Order(Box<Order>),
    /// A fill.
    Fill(Box<Fill>),
}

/// Reads an item of a position's partition as what its sort key says it is.
pub fn decode_row(item: &Item) -> Result<Row, Corrupt> {
    let range = Fields::of(Table::Orders, item).need("order_id", Found::text)?;
    if range.contains('#') {
        decode_fill(item).map(|fill| Row::Fill(Box::new(fill)))
    } else {
        decode(item).map(|order| Row::Order(Box::new(order)))
    }
}

/// The whole item of an order.
pub fn encode(order: &Order) -> Item {
    let terms = &order.terms;
    let draft = Draft::under(key(&terms.position_id, &terms.order_id))
        .with("strategy_id", text(&terms.strategy_id))
        .with("account", text(&terms.account))
        .with("symbol", text(&terms.symbol))
        .with("leg", text(terms.leg.as_str()))
        .with("plan", number(terms.plan))
        .with("origin", text(terms.origin.as_str()))
        .with("side", text(terms.side.as_str()))
        .with("quantity", number(terms.quantity))
        .maybe("stop_loss", terms.stop_loss.map(number))
        .maybe("take_profit", terms.take_profit.map(number))
        .maybe("decided_price", terms.decided_price.map(number))
        .with("decided_at", time(terms.decided_at))
        .maybe("decision", terms.decision.map(time))
        .with("created_at", time(terms.created_at))
        .with("trace", text(&terms.trace));
    with_state(with_kind(draft, terms.kind), &order.state).item()
}

pub(super) fn with_kind(draft: Draft, kind: Kind) -> Draft {
    let draft = draft.with("order_type", text(type_of(kind)));
    match kind {
        Kind::Market => draft,
        Kind::Limit { price, time_in_force } => {
            draft.with("limit_price", number(price)).with("time_in_force", text(time_in_force.as_str()))
        }
        Kind::Stop { stop } => draft.with("stop_price", number(stop)),
        Kind::StopLimit { stop, limit } => {
            draft.with("stop_price", number(stop)).with("limit_price", number(limit))
        }
    }
}

const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Market => "market",
        Kind::Limit { .. } => "limit",
        Kind::Stop { .. } => "stop",
        Kind::StopLimit { .. } => "stop_limit",
    }
}

fn with_state(draft: Draft, state: &State) -> Draft {
    let draft = draft.with("status", text(state.as_str()));
    match state {
        State::Intended | State::DryRun => draft,
        State::AwaitingApproval { expires_at, bound } => {
            draft.with("expires_at", time(*expires_at)).with("bound", number(bound))
        }
        State::Pending(sent) | State::Unknown(sent) => {
            let draft = draft.with("sent_at", time(sent.at)).with("fence", time(sent.fence));
            draft.maybe("sent_limit", sent.limit.map(number))
        }
        State::Live { venue, ended } => with_venue(draft, venue, *ended),
        State::Done { venue, ended } => with_venue(draft, venue, Some(*ended)),
        State::Rejected { code } => draft.with("code", text(code)),
        State::Absent { why } => draft.with("absent_why", text(why.as_str())),
        State::Refused { rule, message } => {
            draft.with("refused_by", text(rule)).with("refused_message", text(message))
        }
    }
}

fn with_venue(draft: Draft, venue: &AtVenue, ended: Option<Ended>) -> Draft {
    draft
        .with("venue_id", text(&venue.venue_id))
        .with("executed", number(venue.executed))
        .with("recorded", number(venue.recorded))
        .with("sent_at", time(venue.sent_at))
        .maybe("ended", ended.map(|ended| text(ended.as_str())))
}

/// Every attribute that belongs to some state and not to another.
const OF_STATES: [&str; 13] = [
    "expires_at",
    "bound",
    "sent_at",
    "fence",
    "sent_limit",
    "venue_id",
    "executed",
    "recorded",
    "ended",
    "code",
    "absent_why",
    "refused_by",
    "refused_message",
];

/// Attributes that a state keeps from an earlier one, for those who look it up later.
const fn keeps(state: &State) -> &'static [&'static str] {
    match state {
        State::Rejected { .. } | State::Absent { .. } => &["sent_at", "fence", "sent_limit"],
        State::Live { .. } | State::Done { .. } => &["fence", "sent_limit"],
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Refused { .. }
        | State::DryRun => &[],
    }
}

/// The changes that bring an order's item to `state`: its own attributes are set, those of other states
/// taken away. When it was sent stays on an order that was refused or is absent.
pub fn state_changes(state: &State) -> Vec<Change> {
    let item = with_state(Draft::new(), state).item();
    let kept = keeps(state);
    let names: Vec<&str> =
        OF_STATES.into_iter().filter(|name| item.contains_key(*name) || !kept.contains(name)).collect();
    let mut all = changes(&item, &["status"]);
    all.extend(changes(&item, &names));
    all
}

/// Holds while the item says what `state` says: the condition of every transition.
pub fn is_still(state: &State) -> Vec<Cond> {
    let mut conds = vec![Cond::Equals(path::status(), text(state.as_str()))];
    if let State::Live { venue, .. } | State::Done { venue, .. } = state {
        conds.push(Cond::Equals(path::executed(), number(venue.executed)));
        conds.push(Cond::Equals(path::recorded(), number(venue.recorded)));
    }
    if let State::Live { ended, .. } = state {
        conds.push(match ended {
            Some(ended) => Cond::Equals(path::ended(), text(ended.as_str())),
            None => Cond::Absent(path::ended()),
        });
    }
    conds
}

/// Reads an order's item and rebuilds exactly its state; an inconsistent one is refused.
pub fn decode(item: &Item) -> Result<Order, Corrupt> {
    let fields = Fields::of(Table::Orders, item);
    Ok(Order { terms: terms(&fields)?, state: state(&fields)? })
}

/// An entry always says where its stop will rest.
fn stop_loss(fields: &Fields<'_>, leg: Leg) -> Read<Option<Price>> {
    match leg {
        Leg::Entry => fields.need("stop_loss", Found::number).map(Some),
        Leg::Stop | Leg::Exit => fields.maybe("stop_loss", Found::number),
    }
}

fn terms(fields: &Fields<'_>) -> Read<Terms> {
    let leg = fields.need("leg", Found::word)?;
    let terms = Terms {
        order_id: fields.need("order_id", Found::word)?,
        position_id: fields.need("position_id", Found::word)?,
        strategy_id: fields.need("strategy_id", Found::word)?,
        account: fields.need("account", Found::word)?,
        symbol: fields.need("symbol", Found::word)?,
        leg,
        plan: fields.need("plan", Found::number)?,
        origin: fields.need("origin", Found::word)?,
        side: fields.need("side", Found::word)?,
        kind: kind(fields)?,
        quantity: fields.need("quantity", Found::number)?,
        stop_loss: stop_loss(fields, leg)?,
        take_profit: fields.maybe("take_profit", Found::number)?,
        decided_price: fields.maybe("decided_price", Found::number)?,
        decided_at: fields.need("decided_at", Found::word)?,
        decision: fields.maybe("decision", Found::word)?,
        created_at: fields.need("created_at", Found::word)?,
        trace: fields.need("trace", Found::filled)?,
    };
    if terms.strategy_id == terms.position_id.strategy {
        Ok(terms)
    } else {
        Err(fields.bad("strategy_id", terms.strategy_id.as_str(), "the position's id names another"))
    }
}

pub(super) fn kind(fields: &Fields<'_>) -> Read<Kind> {
    let kind = match fields.need("order_type", Found::word)? {
        OrderType::Market => Kind::Market,
        OrderType::Limit => Kind::Limit {
            price: fields.need("limit_price", Found::number)?,
            time_in_force: fields.need("time_in_force", Found::word)?,
        },
        OrderType::Stop => Kind::Stop { stop: fields.need("stop_price", Found::number)? },
        OrderType::StopLimit => Kind::StopLimit {
            stop: fields.need("stop_price", Found::number)?,
            limit: fields.need("limit_price", Found::number)?,
        },
    };
    let own: &[&str] = match kind {
        Kind::Market => &[],
        Kind::Limit { .. } => &["limit_price", "time_in_force"],
        Kind::Stop { .. } => &["stop_price"],
        Kind::StopLimit { .. } => &["stop_price", "limit_price"],
    };
    only(fields, own, &["limit_price", "stop_price", "time_in_force"], type_of(kind))?;
    Ok(kind)
}

#[derive(Clone, Copy)]
enum OrderType {
    Market,
    Limit,
    Stop,
    StopLimit,
}

impl FromText for OrderType {
    fn from_text(text: &str) -> Result<OrderType, Problem> {
        one_of(text, &["market", "limit", "stop", "stop_limit"], |text| match text {
            "market" => Some(OrderType::Market),
            "limit" => Some(OrderType::Limit),
            "stop" => Some(OrderType::Stop),
            "stop_limit" => Some(OrderType::StopLimit),
            _ => None,
        })
    }
}

/// Refuses an attribute of `all` that is there and not in `own`.
fn only(fields: &Fields<'_>, own: &[&str], all: &[&str], what: &str) -> Read<()> {
    match all.iter().find(|name| fields.has(name) && !own.contains(*name)) {
        Some(name) => Err(fields.bad(name, "present", format!("does not belong to an order that is {what}"))),
        None => Ok(()),
    }
}

/// The stored statuses: two of them (`rejected`, `expired`) stand for two states each.
#[derive(Clone, Copy)]
enum Stored {
    Intended,
    AwaitingApproval,
    Pending,
    Unknown,
    AtVenue,
    Ended(Ended),
    Refused,
    DryRun,
}

const STATUSES: [(&str, Stored); 12] = [
    ("intended", Stored::Intended),
    ("awaiting_approval", Stored::AwaitingApproval),
    ("pending", Stored::Pending),
    ("unknown", Stored::Unknown),
    ("open", Stored::AtVenue),
    ("partially_filled", Stored::AtVenue),
    ("filled", Stored::Ended(Ended::Filled)),
    ("cancelled", Stored::Ended(Ended::Cancelled)),
    ("rejected", Stored::Ended(Ended::Rejected)),
    ("expired", Stored::Ended(Ended::Expired)),
    ("refused", Stored::Refused),
    ("dry_run", Stored::DryRun),
];

impl FromText for Stored {
    fn from_text(text: &str) -> Result<Stored, Problem> {
        let stored = |text: &str| STATUSES.into_iter().find(|(word, _)| *word == text).map(|(_, it)| it);
        one_of(text, &STATUSES.map(|(word, _)| word), stored)
    }
}

fn state(fields: &Fields<'_>) -> Read<State> {
    let state = match fields.need("status", Found::word)? {
        Stored::Intended => State::Intended,
        Stored::AwaitingApproval => State::AwaitingApproval {
            expires_at: fields.need("expires_at", Found::word)?,
            bound: fields.need("bound", Found::number)?,
        },
        Stored::Pending => State::Pending(sent(fields)?),
        Stored::Unknown => State::Unknown(sent(fields)?),
        Stored::AtVenue => {
            State::Live { venue: at_venue(fields)?, ended: fields.maybe("ended", Found::word)? }
        }
        Stored::Ended(Ended::Rejected) if !known_to_venue(fields) => {
            State::Rejected { code: fields.need("code", Found::text)? }
        }
        Stored::Ended(Ended::Expired) if !known_to_venue(fields) => {
            State::Absent { why: fields.need("absent_why", Found::word)? }
        }
        Stored::Ended(_) => {
            State::Done { venue: at_venue(fields)?, ended: fields.need("ended", Found::word)? }
        }
        Stored::Refused => State::Refused {
            rule: fields.need("refused_by", Found::filled)?,
            message: fields.need("refused_message", Found::text)?,
        },
        Stored::DryRun => State::DryRun,
    };
    consistent(fields, state)
}

fn known_to_venue(fields: &Fields<'_>) -> bool {
    fields.has("venue_id") || fields.has("ended")
}

fn sent(fields: &Fields<'_>) -> Read<Sent> {
    Ok(Sent {
        at: fields.need("sent_at", Found::word)?,
        fence: fields.need("fence", Found::word)?,
        limit: fields.maybe("sent_limit", Found::number)?,
    })
}

fn at_venue(fields: &Fields<'_>) -> Read<AtVenue> {
    Ok(AtVenue {
        venue_id: fields.need("venue_id", Found::filled)?,
        executed: fields.need("executed", Found::number)?,
        recorded: fields.need("recorded", Found::number)?,
        sent_at: fields.need("sent_at", Found::word)?,
    })
}

/// The item says what the state would be stored as, and nothing of another state.
fn consistent(fields: &Fields<'_>, state: State) -> Read<State> {
    let status = fields.need("status", Found::text)?;
    if state.as_str() != status {
        let why = format!("its other attributes make it {}", state.as_str());
        return Err(fields.bad("status", &status, why));
    }
    if let Some((recorded, why)) = miscounted(&state) {
        return Err(fields.bad("recorded", &recorded.to_string(), why));
    }
    let item = with_state(Draft::new(), &state).item();
    let own: Vec<&str> = item.keys().map(String::as_str).chain(keeps(&state).iter().copied()).collect();
    only(fields, &own, &OF_STATES, &status)?;
    Ok(state)
}

/// An order is over exactly when it has ended at the venue and every fill is recorded.
fn miscounted(state: &State) -> Option<(Qty, &'static str)> {
    match state {
        State::Done { venue, .. } if venue.recorded < venue.executed => {
            Some((venue.recorded, "less than what traded, and the order is over"))
        }
        State::Live { venue, ended: Some(_) } if venue.recorded >= venue.executed => {
            Some((venue.recorded, "all that traded, and the order has ended but is not over"))
        }
        State::Live { venue, ended: None } if venue.recorded > venue.executed => {
            Some((venue.recorded, "more than what traded"))
        }
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Live { .. }
        | State::Done { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::Refused { .. }
        | State::DryRun => None,
    }
}

/// A person's answer, which stands on the order's item beside everything that the functions write. Only its form
/// is judged here; whether an approval is one is [`crate::approval::verify`]'s to say.
pub fn approval(item: &Item) -> Result<Option<Answer>, Corrupt> {
    Fields::of(Table::Orders, item).maybe("approval", |found| {
        let fields = found.fields()?;
        let (by, at) = (fields.need("by", Found::filled)?, fields.need("at", Found::word)?);
        match fields.maybe("rejected", Found::flag)? {
            Some(true) => {
                only(&fields, &[], &["mac"], "rejected")?;
                Ok(Answer::Rejected(Rejection { by, at }))
            }
            Some(false) | None => {
                Ok(Answer::Approved(Approval { by, at, mac: fields.need("mac", Found::filled)? }))
            }
        }
    })
}

/// Writes an approval onto an order that still waits and has no answer.
pub fn approve(position: &PositionId, order: &OrderId, approval: &Approval) -> Write {
    answer(position, order, answered(&approval.by, approval.at).with("mac", text(&approval.mac)).map())
}

/// Writes a rejection onto an order that still waits and has no answer. An order without an approval is not sent,
/// and this keeps it without one: what is rejected was not sent and never will be.
pub fn reject(position: &PositionId, order: &OrderId, rejection: &Rejection) -> Write {
    answer(position, order, answered(&rejection.by, rejection.at).with("rejected", Attr::Bool(true)).map())
}

fn answered(by: &str, at: Timestamp) -> Draft {
    Draft::new().with("by", text(by)).with("at", time(at))
}

/// The approver's only write.
fn answer(position: &PositionId, order: &OrderId, attr: Attr) -> Write {
    let waits = Cond::Equals(path::status(), text("awaiting_approval"));
    let conds = vec![waits, Cond::Absent(path::approval())];
    Write::update(key(position, order), vec![Change::Set(path::approval(), attr)], conds)
}

/// The whole item of a fill.
pub fn encode_fill(fill: &Fill) -> Item {
    Draft::under(fill_key(&fill.position_id, &fill.order_id, &fill.trade_id))
        .with("symbol", text(&fill.symbol))
        .with("side", text(fill.side.as_str()))
        .with("price", number(fill.price))
        .with("quantity", number(fill.quantity))
        .with("value", number(fill.value))
        .with("fee", number(fill.fee))
        .with("fee_asset", text(&fill.fee_asset))
        .with("at", time(fill.at))
        .item()
}

/// Reads a fill's item.
pub fn decode_fill(item: &Item) -> Result<Fill, Corrupt> {
    let fields = Fields::of(Table::Orders, item);
    let name: FillName = fields.need("order_id", Found::word)?;
    Ok(Fill {
        trade_id: name.trade_id,
        order_id: name.order_id,
        position_id: fields.need("position_id", Found::word)?,
        symbol: fields.need("symbol", Found::word)?,
        side: fields.need("side", Found::word)?,
        price: fields.need("price", Found::number)?,
        quantity: fields.need("quantity", Found::number)?,
        value: fields.need("value", Found::number)?,
        fee: fields.need("fee", Found::number)?,
        fee_asset: fields.need("fee_asset", Found::word)?,
        at: fields.need("at", Found::word)?,
    })
}

struct FillName {
    order_id: OrderId,
    trade_id: String,
}

impl FromText for FillName {
    fn from_text(text: &str) -> Result<FillName, Problem> {
        let bad = || Problem::BadValue {
            value: text.to_owned(),
            why: "a fill is named {order_id}#{trade_id}".to_owned(),
        };
        let (order_id, trade_id) = text.split_once('#').ok_or_else(bad)?;
        if trade_id.is_empty() {
            return Err(bad());
        }
        Ok(FillName { order_id: OrderId::from_text(order_id)?, trade_id: trade_id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::arb;
    use crate::store::Path;

    #[test]
    fn records_an_answer_is_read_back_and_a_damaged_one_is_named() {
        let at = Timestamp::from_millis(1_677_672_000_000);
        let approval_of = Approval { by: "ada".into(), at, mac: "00ff".into() };
        let rejection = Rejection { by: "ada".into(), at };
        let order = crate::records::samples::order(State::Intended);
        let (position, id) = (&order.terms.position_id, &order.terms.order_id);
        for (write, wanted) in [
            (approve(position, id, &approval_of), Answer::Approved(approval_of.clone())),
            (reject(position, id, &rejection), Answer::Rejected(rejection.clone())),
        ] {
            let Write { act: crate::store::WriteAct::Update(changes), .. } = write else {
                panic!("an answer is an update");
            };
            let mut item = encode(&order);
            apply(&mut item, changes);
            assert_eq!(approval(&item), Ok(Some(wanted)));
            assert_eq!(decode(&item), Ok(order.clone()));
            item.insert("approval".into(), text("yes"));
            assert_eq!(approval(&item).unwrap_err().attribute, "approval");
        }
    }

    /// What is neither one nor the other is never read as an approval.
    #[test]
    fn records_an_answer_is_an_approval_or_a_rejection() {
        let at = Timestamp::from_millis(1_677_672_000_000);
        let with = |name: &str, attr: Attr| {
            let mut item = encode(&crate::records::samples::order(State::Intended));
            item.insert("approval".into(), answered("ada", at).with(name, attr).map());
            approval(&item)
        };
        assert_eq!(with("other", text("x")).unwrap_err().attribute, "approval.mac");
        assert_eq!(with("rejected", Attr::Bool(false)).unwrap_err().attribute, "approval.mac");
        assert_eq!(with("rejected", text("yes")).unwrap_err().attribute, "approval.rejected");
        let mut both = encode(&crate::records::samples::order(State::Intended));
        let attr = answered("ada", at).with("mac", text("00ff")).with("rejected", Attr::Bool(true)).map();
        both.insert("approval".into(), attr);
        assert_eq!(approval(&both).unwrap_err().attribute, "approval.mac");
    }

    fn apply(item: &mut Item, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Set(Path { head, .. }, attr) => item.insert(head, attr),
                Change::Remove(Path { head, .. }) => item.remove(&head),
            };
        }
    }

    proptest::proptest! {
        #[test]
        fn records_orders_and_fills_of_a_position_are_told_apart(order in arb::order(), fill in arb::fill()) {
            proptest::prop_assert_eq!(decode_row(&encode(&order)), Ok(Row::Order(Box::new(order))));
            proptest::prop_assert_eq!(decode_row(&encode_fill(&fill)), Ok(Row::Fill(Box::new(fill))));
        }
        /// No function's order carries an approval: only the approver's own write puts one there.
        #[test]
        fn records_no_order_is_written_with_an_approval(order in arb::order(), next in arb::order_state()) {
            proptest::prop_assert_eq!(approval(&encode(&order)), Ok(None));
            let touches = |change: &Change| match change {
                Change::Set(path, _) | Change::Remove(path) => path.head == "approval",
            };
            proptest::prop_assert!(!state_changes(&next).iter().any(touches));
        }
        /// Whatever an order was, the changes to its next state leave an item that reads as that state.
        #[test]
        fn records_order_changes_lead_from_any_state_to_any_other(before in arb::order(), after in arb::order_state()) {
            let mut item = encode(&before);
            apply(&mut item, state_changes(&after));
            proptest::prop_assert_eq!(decode(&item), Ok(Order { terms: before.terms, state: after }));
        }
    }
}
