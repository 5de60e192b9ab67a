//! The bill for a person: a table for each pace of decisions, what stands beside its targets, what was counted, and what
//! was assumed.

use comfy_table::{Cell, CellAlignment, Table, presets};
use rust_decimal::Decimal;
use shared::records::llm::USD_PER_HOUR;
use shared::tables::Function;

use super::Costs;
use super::bill::{AROUND_A_TOOL, Bill, Column};
use super::count::{Count, MONTH, PLATFORM_LOG};
use super::measure::{LEAD_IN, Measured, STRATEGIES};
use super::prices::{Item, PRICES, READ_ON};
use super::time::{MOST_OF_A_SHARD, WHOLE_PROCESSOR_MB};
use super::wire::AROUND;
use crate::paper::show::{count, money, price};

/// Hours of a month of 43,200 minutes.
const HOURS: u64 = 720;
/// What is there whatever the strategies do should cost no more than this, in dollars.
const MOST_FIXED: Decimal = Decimal::from_parts(6, 0, 0, false, 0);
/// What AWS bills for one of ten thousand strategies should be no more than this, in dollars.
const MOST_EACH: Decimal = Decimal::from_parts(7, 0, 0, false, 2);

/// Everything in one text.
pub fn text(costs: &Costs) -> String {
    let mut parts = vec![head(costs)];
    for (measured, bill) in &costs.tables {
        parts.push(pace(measured, bill));
    }
    parts.push(counted(costs));
    parts.push(assumed(costs));
    parts.push(format!("the same again: {}", costs.options.command()));
    parts.join("\n\n")
}

fn head(costs: &Costs) -> String {
    let tier =
        if costs.options.free_tier { "what is free for ever taken off" } else { "before the free tier" };
    format!(
        "{} stage in us-east-1, US dollars a month of {} minutes, list prices of {READ_ON}, {tier}",
        costs.options.kind.as_str(),
        count(MONTH)
    )
}

fn pace(measured: &Measured, bill: &Bill) -> String {
    let minutes =
        if bill.every == 1 { "every minute".to_owned() } else { format!("every {} minutes", bill.every) };
    let mut lines = vec![format!("a decision {minutes}"), table(bill)];
    lines.extend(targets(bill));
    lines.push(asked(measured));
    lines.extend(bill.columns.iter().filter_map(ceiling));
    lines.join("\n")
}

fn table(bill: &Bill) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let row = |name: &str, cell: &dyn Fn(&Column) -> String| {
        let cells = bill.columns.iter().map(cell);
        let right = cells.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        std::iter::once(Cell::new(name)).chain(right).collect::<Vec<_>>()
    };
    table.add_row(row("strategies", &|column| count(column.strategies)));
    for price in &PRICES {
        if bill.columns.iter().any(|column| column.line(price.item).is_some()) {
            let dollars =
                |column: &Column| column.line(price.item).map(|line| line.dollars).unwrap_or_default();
            table.add_row(row(price.name, &|column| money(dollars(column))));
        }
    }
    table.add_row(row("without the model", &|column| money(column.without_model())));
    table.add_row(row("model", &|column| money(column.model.dollars)));
    table.add_row(row("in all", &|column| money(column.total())));
    table.add_row(row("for each, without the model", &|column| price(column.each())));
    table.add_row(row("shards", &|column| count(column.shards)));
    table.trim_fmt()
}

/// What is wanted, and whether it is so.
fn targets(bill: &Bill) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(column) = bill.columns.first() {
        let fixed = column.fixed();
        lines.push(format!(
            "fixed: {}, wanted <= {MOST_FIXED} {}",
            money(fixed),
            verdict(fixed <= MOST_FIXED)
        ));
    }
    if let Some(column) = bill.columns.last() {
        let (each, many) = (column.each(), count(column.strategies));
        lines.push(format!(
            "for each of {many}: {}, wanted <= {MOST_EACH} {}",
            price(each),
            verdict(each <= MOST_EACH)
        ));
    }
    let at = |item| bill.columns.iter().filter_map(move |column| Some(column.line(item)?.dollars));
    let same = |item| at(item).all(|dollars| Some(dollars) == at(item).next());
    let constant = same(Item::Alarms) && same(Item::Metrics) && same(Item::MetricPuts);
    lines.push(format!("alarms and metrics the same for all: {}", verdict(constant)));
    lines
}

const fn verdict(fits: bool) -> &'static str {
    if fits { "ok" } else { "OVER" }
}

/// How often a strategy asks, and how often it would be due.
fn asked(measured: &Measured) -> String {
    let due = MONTH.checked_div(measured.every).unwrap_or_default();
    let asks = measured.rates.each(Function::Decide, Count::ModelCalls).round().normalize();
    format!("a strategy is due {} times and asks the model {} times", count(due), grouped(asks))
}

/// Where the fleet's own ceiling would switch the model off.
fn ceiling(column: &Column) -> Option<String> {
    let hourly = column.model.dollars.checked_div(Decimal::from(HOURS))?;
    (hourly > Decimal::from(USD_PER_HOUR)).then(|| {
        format!(
            "{} strategies spend {} an hour on the model: the fleet's ceiling of {USD_PER_HOUR} would switch it off",
            count(column.strategies),
            money(hourly)
        )
    })
}

/// A whole number with its thousands apart.
fn grouped(number: Decimal) -> String {
    crate::paper::show::grouped(&number.normalize().to_string())
}

fn counted(costs: &Costs) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.add_row([
        "each strategy more, a month",
        "AWS calls",
        "exchange",
        "model",
        "reads",
        "writes",
        "log KB",
    ]);
    for (measured, _) in &costs.tables {
        for of in Function::ALL {
            let name = format!("{}, every {} min", of.as_str(), measured.every);
            let cells = [
                Count::AwsCalls,
                Count::VenueCalls,
                Count::ModelCalls,
                Count::Reads,
                Count::Writes,
                Count::LogBytes,
            ]
            .map(|what| {
                let each = measured.rates.each(of, what);
                let shown = if what == Count::LogBytes { each / Decimal::ONE_THOUSAND } else { each };
                Cell::new(grouped(shown.round())).set_alignment(CellAlignment::Right)
            });
            table.add_row(std::iter::once(Cell::new(name)).chain(cells));
        }
    }
    let heading = format!(
        "counted in {} simulated minutes after {LEAD_IN} of warming up, for 1 and for {STRATEGIES} strategies\n\
         strategy {}, model {}, answered by a script",
        count(costs.options.minutes),
        costs.strategy,
        costs.model
    );
    format!("{heading}\n{}", table.trim_fmt())
}

fn assumed(costs: &Costs) -> String {
    let waits = costs.options.waits;
    let at_once = costs.tables.iter().map(|(measured, _)| measured.most_at_once).max().unwrap_or_default();
    let memory =
        Function::ALL.map(|of| costs.stack.given(of).memory_mb).into_iter().min().unwrap_or_default();
    let of_a_shard: Vec<String> = costs
        .tables
        .iter()
        .map(|(_, bill)| format!("{} every {} min", bill.of_a_shard, bill.every))
        .collect();
    let lines = [
        format!(
            "an answer takes {} ms from AWS, {} ms from the exchange, {} ms from the model (--aws-ms, --venue-ms, --model-ms)",
            waits.aws_ms, waits.venue_ms, waits.model_ms
        ),
        format!("calls wait for each other, though up to {at_once} were seen at once: an upper bound"),
        format!(
            "own processor time as measured on {}, {WHOLE_PROCESSOR_MB}/{memory} times as long with {memory} MB, \
             counted for each strategy as if it were alone",
            costs.processor_on
        ),
        format!(
            "a shard has at most {MOST_OF_A_SHARD} strategies, and as many as half a timeout serves: {}",
            of_a_shard.join(", ")
        ),
        format!("each question has {AROUND_A_TOOL} tokens around its tool, which the scripted model does not count"),
        format!("each invocation logs {PLATFORM_LOG} bytes of Lambda's own; logs are kept {} days as they are", costs.stack.log_days),
        format!("each request and each answer has {AROUND} bytes around it on the wire"),
        "what a month adds to the tables is kept for a month; orders, fills and positions stay for ever".to_owned(),
        "no alarm rings, nothing fails, nobody looks at logs or metrics; a key costs 1.00 more after each of two rotations"
            .to_owned(),
        "no start of a new instance is billed, and a tick that sends an order is as quick as one that does not".to_owned(),
        "not asked: whether one address may call the exchange as often as so many strategies would".to_owned(),
    ];
    format!("assumed\n{}", lines.map(|line| format!("- {line}")).join("\n"))
}
