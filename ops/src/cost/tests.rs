//! The bill against what it is made from, over a short stretch of minutes.

use rust_decimal::Decimal;
use shared::tables::Function;
use shared::tick::StageKind;
use shared::time::Day;

use super::bill::{Bill, Column, STRATEGIES, Terms};
use super::count::{Count, Counts, Rates};
use super::fleet::Plan;
use super::measure::{self, Measured, Run};
use super::options::{Options, Waits};
use super::prices::{Item, PRICES, READ_ON};
use super::processor::Processor;
use super::stack::Stack;
use super::time::Clockwork;
use super::{Costs, bundled, json, show};
use crate::paper::show::money;

/// Minutes that are counted here, after as many of warming up.
const MINUTES: u32 = 5;
/// Minutes between decisions here: strategies that are due together do the same.
const EVERY: u64 = 1;
const WAITS: Waits = Waits { aws_ms: 10, venue_ms: 200, model_ms: 3_000 };

fn at_once<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn with_plan<T>(kind: StageKind, use_it: impl AsyncFnOnce(&Plan<'_>) -> T) -> T {
    let (stack, input) = (Stack::of(kind).unwrap(), bundled(2 * MINUTES as usize).unwrap());
    let (settings, symbol, candles) = (&input.settings, &input.symbol, &input.candles);
    let lead_in = MINUTES as usize;
    at_once(use_it(&Plan { settings, symbol, candles, kind, stack: &stack, lead_in }))
}

async fn run(plan: &Plan<'_>, strategies: u32) -> Run {
    measure::run(plan, strategies, EVERY).await.unwrap()
}

/// What nobody measured, where what a bill does with it is what matters.
fn invented() -> Measured {
    let counts = |strategies: u64| -> Counts {
        let of = |function, what| match what {
            Count::Invocations => MINUTES.into(),
            Count::MetricPuts if function == Function::Heartbeat => MINUTES.into(),
            Count::MetricPuts => Decimal::ZERO,
            Count::SecretReads | Count::Messages | Count::ModelCalls => strategies.into(),
            Count::AwsCalls | Count::VenueCalls | Count::Reads | Count::Writes => {
                (40 * strategies + 3).into()
            }
            Count::LogBytes | Count::BytesOut | Count::BytesCarried => (9_000 * strategies + 700).into(),
            Count::TokensIn | Count::TokensOut => Decimal::from(800 * strategies),
        };
        Function::ALL
            .into_iter()
            .flat_map(|function| Count::ALL.map(|what| ((function, what), of(function, what))))
            .collect()
    };
    Measured {
        every: EVERY,
        minutes: MINUTES.into(),
        rates: Rates::of(MINUTES.into(), &counts(1), &counts(6), 6),
        grows: 12_345,
        metrics: [14, 14],
        most_at_once: 1,
    }
}

fn bill(kind: StageKind, measured: &Measured, free_tier: bool) -> Bill {
    let (processor, stack) = (Processor::measured().unwrap(), Stack::of(kind).unwrap());
    let clockwork = Clockwork { processor: &processor, stack: &stack, waits: WAITS };
    let (model, day) = ("anthropic/claude-haiku-4-5", Day::parse(READ_ON).unwrap());
    Terms { clockwork, kind, free_tier, model, day }.bill(measured)
}

fn at(counts: &Counts, of: Function, what: Count) -> Decimal {
    counts.get(&(of, what)).copied().unwrap()
}

/// What adds up: a strategy more uses as much again.
const ADDITIVE: [Count; 7] = [
    Count::AwsCalls,
    Count::VenueCalls,
    Count::ModelCalls,
    Count::Reads,
    Count::Writes,
    Count::BytesOut,
    Count::LogBytes,
];

#[test]
fn what_one_and_six_strategies_use_foretells_what_eleven_use() {
    let (measured, eleven) = with_plan(StageKind::Paper, async |plan| {
        (measure::measure(plan, EVERY).await.unwrap(), run(plan, 11).await)
    });
    let foretold = measured.rates.measured(11, 1);
    for of in Function::ALL {
        for what in ADDITIVE {
            let (seen, told) = (at(&eleven.counts, of, what), at(&foretold, of, what));
            // Each minute heartbeat's reads of two tables are each rounded up to half a unit.
            let rounded = if (of, what) == (Function::Heartbeat, Count::Reads) { MINUTES } else { 0 };
            let most = seen.max(Decimal::TEN) * Decimal::new(4, 2) + Decimal::from(rounded);
            assert!(
                (seen - told).abs() <= most,
                "{} {}: {told} foretold, {seen} seen",
                of.as_str(),
                what.as_str()
            );
        }
    }
    let grown = Decimal::from(measured.grows) * Decimal::from(11);
    assert!(
        (grown - Decimal::from(eleven.grew)).abs() <= grown * Decimal::new(4, 2),
        "{grown} {}",
        eleven.grew
    );
    assert_eq!(measured.metrics, [eleven.metrics; 2], "metrics do not grow with strategies");
}

#[test]
fn a_live_strategy_reads_its_keys_and_its_bill_has_a_gateway_and_secrets_of_its_account() {
    let (one, two) = with_plan(StageKind::Live, async |plan| (run(plan, 1).await, run(plan, 2).await));
    let rates = Rates::of(MINUTES.into(), &one.counts, &two.counts, 2);
    // A key is kept for five minutes.
    assert_eq!(rates.each(Function::Execute, Count::SecretReads), Decimal::from(8_640));
    assert_eq!(rates.each(Function::Reconcile, Count::SecretReads), Decimal::from(8_640));
    let measured = Measured { rates, ..invented() };
    let bill = bill(StageKind::Live, &measured, false);
    let dollars =
        |nth: usize, item| bill.columns[nth].line(item).map(|line| line.dollars).unwrap_or_default();
    assert_eq!(dollars(0, Item::GatewayHours) + dollars(0, Item::AddressHours), Decimal::from(36));
    assert_eq!(dollars(0, Item::Secrets), Decimal::new(160, 2));
    assert_eq!(dollars(1, Item::Secrets), Decimal::new(160, 2) + Decimal::new(80, 2) * Decimal::from(99));
    assert!(dollars(1, Item::GatewayTraffic) > dollars(0, Item::GatewayTraffic));
}

fn costs(free_tier: bool) -> Costs {
    let options = Options { kind: StageKind::Paper, minutes: MINUTES, free_tier, waits: WAITS, json: false };
    let measured = invented();
    let bill = bill(StageKind::Paper, &measured, free_tier);
    Costs {
        options,
        stack: Stack::of(StageKind::Paper).unwrap(),
        processor_on: "2026-11-22".to_owned(),
        strategy: "demo".to_owned(),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        tables: vec![(measured, bill)],
    }
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let used = with_plan(StageKind::Paper, async |plan| [run(plan, 2).await, run(plan, 2).await]);
    let used = used.map(|run| (run.counts, run.grew));
    assert_eq!(used[0], used[1]);
    let (one, two) = (costs(false), costs(false));
    assert_eq!(show::text(&one), show::text(&two));
    assert_eq!(json::line(&one), json::line(&two));
    assert!(!json::line(&one).contains('\n'));
    let read: serde_json::Value = serde_json::from_str(&json::line(&one)).unwrap();
    assert_eq!(read["bills"][0]["columns"][2]["strategies"], 10_000);
    let wide: Vec<usize> =
        show::text(&one).lines().map(|line| line.chars().count()).filter(|wide| *wide > 130).collect();
    assert_eq!(wide, [0; 0], "{}", show::text(&one));
}

#[test]
fn each_line_is_a_quantity_at_its_price_and_the_total_is_their_sum() {
    let measured = invented();
    let (list, free) = (bill(StageKind::Paper, &measured, false), bill(StageKind::Paper, &measured, true));
    for column in list.columns.iter().chain(&free.columns) {
        for line in &column.lines {
            let price = PRICES.iter().find(|price| price.item == line.price.item).unwrap();
            let exact = line.quantity * price.dollars() / Decimal::from(price.per);
            assert_eq!(line.dollars, exact, "{}", price.name);
        }
        let lines: Decimal = column.lines.iter().map(|line| line.dollars).sum();
        assert_eq!((column.without_model(), column.total()), (lines, lines + column.model.dollars));
    }
    let columns = list.columns.iter().zip(&free.columns);
    assert!(columns.clone().all(|(list, free)| free.without_model() < list.without_model()));
    assert!(columns.clone().all(|(list, free)| free.model == list.model), "no model is free of charge");
}

#[test]
fn more_strategies_cost_more_and_alarms_metrics_and_dashboards_the_same() {
    let bill = bill(StageKind::Paper, &invented(), false);
    assert_eq!(bill.columns.iter().map(|column| column.strategies).collect::<Vec<_>>(), STRATEGIES);
    let dollars = |column: &Column, item| column.line(item).map(|line| line.dollars).unwrap_or_default();
    for pair in bill.columns.windows(2) {
        assert!(pair[0].total() < pair[1].total() && pair[0].each() > pair[1].each());
        for price in &PRICES {
            assert!(dollars(&pair[0], price.item) <= dollars(&pair[1], price.item), "{}", price.name);
        }
        for item in [Item::Alarms, Item::Metrics, Item::MetricPuts, Item::Dashboards, Item::Keys] {
            assert_eq!(dollars(&pair[0], item), dollars(&pair[1], item));
        }
    }
}

#[test]
fn a_shard_holds_fewer_strategies_the_longer_the_model_thinks() {
    let measured = invented();
    let (processor, stack) = (Processor::measured().unwrap(), Stack::of(StageKind::Paper).unwrap());
    let of_a_shard = |model_ms| {
        let waits = Waits { model_ms, ..WAITS };
        Clockwork { processor: &processor, stack: &stack, waits }.of_a_shard(&measured.rates)
    };
    let found = [0, 3_000, 30_000].map(of_a_shard);
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]) && found[0] <= 100 && found[2] >= 1, "{found:?}");
}

#[test]
fn the_page_of_the_account_says_what_stands_there_costs() {
    let page = include_str!("../../../infra/cdk/README.md").replace('\n', " ");
    for kind in StageKind::ALL {
        let fixed = bill(kind, &invented(), false).columns[0].fixed();
        let told = format!("{} in {}", money(fixed), kind.as_str());
        assert!(page.contains(&told), "the page does not say: {told}");
    }
}
