//! The bill as one JSON object on one line: the same bill gives the same bytes.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use shared::tables::Function;

use super::Costs;
use super::bill::{Bill, Column};
use super::count::{Count, MONTH};
use super::measure::{Measured, STRATEGIES};
use super::prices::READ_ON;

/// Numbers that are not whole are text, to ten decimals. Fields keep this order.
#[derive(Serialize)]
struct Whole<'a> {
    kind: &'static str,
    region: &'static str,
    minutes_of_a_month: u64,
    prices_of: &'static str,
    free_tier: bool,
    strategy: &'a str,
    model: &'a str,
    processor_measured_on: &'a str,
    aws_ms: u32,
    venue_ms: u32,
    model_ms: u32,
    counted_minutes: u32,
    counted_strategies: [u32; 2],
    bills: Vec<Pace<'a>>,
    free: BTreeMap<&'a str, &'static str>,
    command: String,
}

#[derive(Serialize)]
struct Pace<'a> {
    decide_every_minutes: u64,
    strategies_of_a_shard: u64,
    most_calls_at_once: u32,
    each_a_month: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    columns: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    strategies: u64,
    shards: u64,
    lines: Vec<Entry<'a>>,
    fixed: String,
    without_model: String,
    model: String,
    questions: String,
    tokens_in: String,
    tokens_out: String,
    total: String,
    each_without_model: String,
}

#[derive(Serialize)]
struct Entry<'a> {
    item: &'a str,
    quantity: String,
    dollars: String,
    price: String,
    per: u64,
    source: &'a str,
}

/// The bill on one line, without a line break.
pub fn line(costs: &Costs) -> String {
    // Only a map whose keys are not text could fail here, and there is none.
    serde_json::to_string(&view(costs)).unwrap_or_default()
}

fn view(costs: &Costs) -> Whole<'_> {
    let options = &costs.options;
    Whole {
        kind: options.kind.as_str(),
        region: "us-east-1",
        minutes_of_a_month: MONTH,
        prices_of: READ_ON,
        free_tier: options.free_tier,
        strategy: &costs.strategy,
        model: &costs.model,
        processor_measured_on: &costs.processor_on,
        aws_ms: options.waits.aws_ms,
        venue_ms: options.waits.venue_ms,
        model_ms: options.waits.model_ms,
        counted_minutes: options.minutes,
        counted_strategies: [1, STRATEGIES],
        bills: costs.tables.iter().map(|(measured, bill)| pace(measured, bill)).collect(),
        free: costs.stack.free().collect(),
        command: options.command(),
    }
}

fn pace<'a>(measured: &Measured, bill: &'a Bill) -> Pace<'a> {
    let each = |of| Count::ALL.map(|what| (what.as_str(), exact(measured.rates.each(of, what)))).into();
    Pace {
        decide_every_minutes: bill.every,
        strategies_of_a_shard: bill.of_a_shard,
        most_calls_at_once: measured.most_at_once,
        each_a_month: Function::ALL.map(|of| (of.as_str(), each(of))).into(),
        columns: bill.columns.iter().map(column).collect(),
    }
}

fn column(column: &Column) -> Shown<'_> {
    let entry = |line: &super::bill::Line| Entry {
        item: line.price.name,
        quantity: exact(line.quantity),
        dollars: exact(line.dollars),
        price: exact(line.price.dollars()),
        per: line.price.per,
        source: line.price.source,
    };
    Shown {
        strategies: column.strategies,
        shards: column.shards,
        lines: column.lines.iter().map(entry).collect(),
        fixed: exact(column.fixed()),
        without_model: exact(column.without_model()),
        model: exact(column.model.dollars),
        questions: exact(column.model.questions),
        tokens_in: exact(column.model.tokens_in),
        tokens_out: exact(column.model.tokens_out),
        total: exact(column.total()),
        each_without_model: exact(column.each()),
    }
}

/// As many decimals as the finest price has.
fn exact(number: Decimal) -> String {
    number.round_dp(10).normalize().to_string()
}
