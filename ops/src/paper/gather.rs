//! What a run left behind, read from the tables, the exchange's own ledger and the topics.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::aws::tables::DynamoTables;
use shared::books::Position;
use shared::order::{Fill, Order, State};
use shared::records::{self, Corrupt, decision::DecisionRecord, order::Row};
use shared::store::{Item, ReadError, ScanTables};
use shared::tables::Table;
use sim::world::World;

use super::outcome::{Decision, FillRow, ModelUse, OrderRow, PageRow, PositionRow};

/// Why the tables cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum NotGathered {
    /// They do not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They hold what cannot be read.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// The tables' side of an outcome.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Every cycle, oldest first.
    pub decisions: Vec<Decision>,
    /// What the model cost.
    pub model: ModelUse,
    /// Every order, oldest first.
    pub orders: Vec<OrderRow>,
    /// Every fill, oldest first.
    pub fills: Vec<FillRow>,
    /// Every position, oldest first.
    pub positions: Vec<PositionRow>,
}

/// Reads all tables that tell what was done.
pub async fn gather(tables: &DynamoTables) -> Result<Gathered, NotGathered> {
    let decisions = rows(tables, Table::Decisions, records::decision::decode).await?;
    let positions = rows(tables, Table::Positions, records::position::decode).await?;
    let (mut orders, mut fills) = (Vec::new(), Vec::new());
    for row in rows(tables, Table::Orders, records::order::decode_row).await? {
        match row {
            Row::Order(order) => orders.push(*order),
            Row::Fill(fill) => fills.push(*fill),
        }
    }
    Ok(tell(decisions, positions, orders, fills))
}

async fn rows<T>(
    tables: &DynamoTables,
    table: Table,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
) -> Result<Vec<T>, NotGathered> {
    let items = tables.scan(table).await?;
    items.iter().map(|item| decode(item).map_err(NotGathered::from)).collect()
}

fn tell(
    mut decisions: Vec<DecisionRecord>,
    mut positions: Vec<Position>,
    mut orders: Vec<Order>,
    mut fills: Vec<Fill>,
) -> Gathered {
    decisions.sort_by_key(|one| one.decided_at);
    positions.sort_by(|a, b| a.id.cmp(&b.id));
    orders.sort_by(|a, b| {
        (a.terms.created_at, &a.terms.order_id).cmp(&(b.terms.created_at, &b.terms.order_id))
    });
    fills.sort_by_key(|fill| (fill.at, trade_number(fill)));
    let legs: BTreeMap<_, _> =
        orders.iter().map(|order| (order.terms.order_id.clone(), order.terms.leg)).collect();
    Gathered {
        model: ModelUse {
            tokens_in: decisions.iter().map(|one| u64::from(one.tokens_in)).sum(),
            tokens_out: decisions.iter().map(|one| u64::from(one.tokens_out)).sum(),
            usd: decisions.iter().map(|one| one.usd.value()).sum(),
            ..ModelUse::default()
        },
        decisions: decisions.iter().map(decision_row).collect(),
        positions: positions.iter().map(position_row).collect(),
        orders: orders.iter().map(|order| order_row(order, &fills)).collect(),
        fills: fills
            .iter()
            .map(|fill| fill_row(fill, legs.get(&fill.order_id).map_or("", |leg| leg.as_str())))
            .collect(),
    }
}

/// Trade ids are numbers that grow.
fn trade_number(fill: &Fill) -> u64 {
    fill.trade_id.parse().unwrap_or(0)
}

fn decision_row(one: &DecisionRecord) -> Decision {
    let order = one.order_id.as_ref().map(ToString::to_string);
    Decision {
        at: one.decided_at,
        outcome: one.outcome.clone().unwrap_or_else(|| "unfinished".to_owned()),
        reason: one.reason.clone().unwrap_or_default(),
        price: one.market_price.map(|price| price.value()),
        about: order.or_else(|| one.position_id.as_ref().map(ToString::to_string)),
        tokens_in: u64::from(one.tokens_in),
        tokens_out: u64::from(one.tokens_out),
        usd: one.usd.value(),
    }
}

fn position_row(one: &Position) -> PositionRow {
    PositionRow {
        position_id: one.id.to_string(),
        status: one.status.as_str().to_owned(),
        opened_at: one.opened_at,
        closed_at: one.closed_at,
        entry: one.entry().map(|price| price.value()),
        exit: one.proceeds.value().checked_div(one.sold.value()).map(|price| price.round_dp(8).normalize()),
        bought: one.bought.value(),
        realised: one.realised().value(),
        exit_reason: one.exit_reason.map(|reason| reason.as_str().to_owned()),
    }
}

fn order_row(order: &Order, fills: &[Fill]) -> OrderRow {
    let terms = &order.terms;
    let (mut filled, mut value) = (Decimal::ZERO, Decimal::ZERO);
    for fill in fills.iter().filter(|fill| fill.order_id == terms.order_id) {
        filled += fill.quantity.value();
        value += fill.value.value();
    }
    OrderRow {
        at: terms.created_at,
        order_id: terms.order_id.to_string(),
        position_id: terms.position_id.to_string(),
        leg: terms.leg.as_str().to_owned(),
        side: terms.side.as_str().to_owned(),
        kind: terms.kind.to_string(),
        origin: terms.origin.as_str().to_owned(),
        quantity: terms.quantity.value(),
        filled,
        average: value.checked_div(filled).map(|price| price.round_dp(8).normalize()),
        status: order.state.as_str().to_owned(),
        why: why(&order.state),
    }
}

/// Why an order ended as it did: the rule of ours with its message, or the venue's code.
pub fn why(state: &State) -> String {
    match state {
        State::Refused { rule, message } => format!("{rule}: {message}"),
        State::Rejected { code } => code.clone(),
        State::Absent { why } => why.as_str().to_owned(),
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Live { .. }
        | State::Done { .. }
        | State::DryRun => String::new(),
    }
}

fn fill_row(fill: &Fill, leg: &str) -> FillRow {
    FillRow {
        at: fill.at,
        order_id: fill.order_id.to_string(),
        leg: leg.to_owned(),
        side: fill.side.as_str().to_owned(),
        price: fill.price.value(),
        quantity: fill.quantity.value(),
        fee: fill.fee.value(),
        fee_asset: fill.fee_asset.to_string(),
    }
}

/// Every message that a topic took, oldest first.
pub fn pages(world: &World) -> Vec<PageRow> {
    let row = |one: sim::aws::Published| PageRow {
        at: one.at,
        topic: one.topic_arn.rsplit('-').next().unwrap_or_default().to_owned(),
        subject: one.subject.unwrap_or_default(),
        body: one.message,
    };
    world.aws.published().into_iter().map(row).collect()
}
