//! Positions, orders, fills and decisions, row by row.

use maud::{Markup, html};
use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::none;
use super::table::Kind::{Number, Prose, Word};
use super::table::{Column, Row, table};
use crate::paper::outcome::{Decision, FillRow, OrderRow, Outcome, PositionRow};
use crate::paper::{show, tally};

/// The most characters of a text that somebody else wrote.
const TEXT: usize = 600;

/// Positions.
pub(super) fn positions(outcome: &Outcome) -> Markup {
    let columns = [
        Column("opened (UTC)", Word),
        Column("closed", Word),
        Column("status", Word),
        Column("bought", Number),
        Column("entry", Number),
        Column("exit", Number),
        Column("realised", Number),
        Column("closed by", Word),
        Column("position", Word),
    ];
    let rows = outcome.positions.iter().map(position);
    section("positions", "Positions", &columns, outcome.positions.len(), rows)
}

fn position(one: &PositionRow) -> Row {
    let cells = vec![
        time(one.opened_at),
        html! { @if let Some(at) = one.closed_at { (time(at)) } },
        word(&one.status),
        number(one.bought),
        price(one.entry),
        price(one.exit),
        html! { span class=(sign(one.realised)) { (show::signed(one.realised)) } },
        word(one.exit_reason.as_deref().unwrap_or_default()),
        id(&one.position_id),
    ];
    Row(None, cells)
}

/// Orders.
pub(super) fn orders(outcome: &Outcome) -> Markup {
    let columns = [
        Column("recorded (UTC)", Word),
        Column("leg", Word),
        Column("side", Word),
        Column("kind", Word),
        Column("quantity", Number),
        Column("filled", Number),
        Column("average", Number),
        Column("status", Word),
        Column("why", Prose),
        Column("origin", Word),
        Column("order", Word),
        Column("position", Word),
    ];
    section("orders", "Orders", &columns, outcome.orders.len(), outcome.orders.iter().map(order))
}

fn order(one: &OrderRow) -> Row {
    let cells = vec![
        time(one.at),
        word(&one.leg),
        word(&one.side),
        word(&one.kind),
        number(one.quantity),
        number(one.filled),
        price(one.average),
        word(&one.status),
        prose(&one.why),
        word(&one.origin),
        id(&one.order_id),
        id(&one.position_id),
    ];
    let failed = matches!(one.status.as_str(), "refused" | "rejected" | "unknown");
    Row(failed.then_some("failed"), cells)
}

/// Fills.
pub(super) fn fills(outcome: &Outcome) -> Markup {
    let columns = [
        Column("traded (UTC)", Word),
        Column("leg", Word),
        Column("side", Word),
        Column("price", Number),
        Column("quantity", Number),
        Column("fee", Number),
        Column("in", Word),
        Column("order", Word),
    ];
    section("fills", "Fills", &columns, outcome.fills.len(), outcome.fills.iter().map(fill))
}

fn fill(one: &FillRow) -> Row {
    let cells = vec![
        time(one.at),
        word(&one.leg),
        word(&one.side),
        price(Some(one.price)),
        number(one.quantity),
        number(one.fee),
        word(&one.fee_asset),
        id(&one.order_id),
    ];
    Row(None, cells)
}

/// Decisions; those that hold can be left out of sight.
pub(super) fn decisions(outcome: &Outcome) -> Markup {
    let columns = [
        Column("cycle (UTC)", Word),
        Column("outcome", Word),
        Column("price", Number),
        Column("reason", Prose),
        Column("led to", Word),
        Column("tokens in", Number),
        Column("out", Number),
        Column(if outcome.model.is_assumed { "dollars, assumed" } else { "dollars" }, Number),
    ];
    let (name, all) = ("Decisions", outcome.decisions.len());
    html! {
        details #decisions open[!long(all)] {
            summary { h2 { (name) } " " span.many { (show::count(all)) } }
            @if all == 0 { (none("None.")) } @else {
                input #acts type="checkbox";
                label for="acts" { "leave out what held" }
                (table(name, &columns, all, outcome.decisions.iter().map(decision)))
            }
        }
    }
}

fn decision(one: &Decision) -> Row {
    let holds = tally::kind(one) == "hold";
    let cells = vec![
        time(one.at),
        word(&one.outcome),
        price(one.price),
        prose(&one.reason),
        id(one.about.as_deref().unwrap_or_default()),
        html! { (show::count(one.tokens_in)) },
        html! { (show::count(one.tokens_out)) },
        number(one.usd),
    ];
    Row(holds.then_some("hold"), cells)
}

fn section(id: &str, name: &str, columns: &[Column], all: usize, rows: impl Iterator<Item = Row>) -> Markup {
    html! {
        details id=(id) open[!long(all)] {
            summary { h2 { (name) } " " span.many { (show::count(all)) } }
            @if all == 0 { (none("None.")) } @else { (table(name, columns, all, rows)) }
        }
    }
}

/// A long table is opened by whoever wants it.
fn long(rows: usize) -> bool {
    rows > 12
}

fn time(at: Timestamp) -> Markup {
    html! { (show::minute(at)) }
}

fn word(text: &str) -> Markup {
    html! { (show::clipped(&show::one_line(text), 80)) }
}

fn id(text: &str) -> Markup {
    html! { code { (show::clipped(&show::one_line(text), 80)) } }
}

fn prose(text: &str) -> Markup {
    html! { bdi { (show::clipped(&show::one_line(text), TEXT)) } }
}

fn number(amount: Decimal) -> Markup {
    html! { (show::exact(amount)) }
}

fn price(price: Option<Decimal>) -> Markup {
    html! { @if let Some(price) = price { (show::price(price)) } }
}

/// The class of a gain or a loss.
pub(super) fn sign(amount: Decimal) -> &'static str {
    match amount.cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Less => "loss",
        std::cmp::Ordering::Equal => "even",
        std::cmp::Ordering::Greater => "gain",
    }
}
