//! The result as one JSON object on one line: the same outcome gives the same bytes.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Number, Value};

use super::outcome::Outcome;
use super::{show, tally};

/// Money is text with every digit; counts and request units are numbers. Fields keep this order.
#[derive(Serialize)]
struct Line<'a> {
    strategy: &'a str,
    symbol: &'a str,
    model: &'a str,
    safety_mode: &'a str,
    approve: &'a str,
    seed: u64,
    days: u32,
    from: String,
    to: String,
    ticks: u64,
    books_equal_venue: bool,
    differences: &'a [String],
    violations: &'a [String],
    decisions: usize,
    decisions_by_outcome: BTreeMap<&'a str, usize>,
    model_calls: u64,
    model_answers: u64,
    not_recorded: u64,
    tokens_in: u64,
    tokens_out: u64,
    usd: String,
    usd_assumed: bool,
    orders: usize,
    orders_by_status: BTreeMap<&'a str, usize>,
    orders_by_refusal: BTreeMap<&'a str, usize>,
    fills: usize,
    round_trips: usize,
    quote: &'a str,
    equity_at_start: String,
    pnl: String,
    buy_and_hold: String,
    fees: BTreeMap<&'a str, String>,
    fees_in_quote: String,
    pages: usize,
    notifications: usize,
    ddb_calls: u64,
    ddb_rru: Value,
    ddb_wru: Value,
    faults: &'a BTreeMap<String, u64>,
}

/// The outcome on one line, without a line break.
pub fn line(outcome: &Outcome) -> String {
    // Only a map whose keys are not text could fail here, and there is none.
    serde_json::to_string(&view(outcome)).unwrap_or_default()
}

fn view(outcome: &Outcome) -> Line<'_> {
    let run = &outcome.run;
    Line {
        strategy: &run.strategy,
        symbol: &run.symbol,
        model: &run.model,
        safety_mode: &run.safety_mode,
        approve: &run.approve,
        seed: run.seed,
        days: run.days,
        from: run.from.to_string(),
        to: run.to.to_string(),
        ticks: outcome.ticks,
        books_equal_venue: outcome.books_equal_venue(),
        differences: &outcome.differences,
        violations: &outcome.violations,
        decisions: outcome.decisions.len(),
        decisions_by_outcome: tally::decisions_by_outcome(outcome),
        model_calls: outcome.model.calls,
        model_answers: outcome.model.answered,
        not_recorded: outcome.model.not_recorded,
        tokens_in: outcome.model.tokens_in,
        tokens_out: outcome.model.tokens_out,
        usd: show::exact(outcome.model.usd),
        usd_assumed: outcome.model.is_assumed,
        orders: outcome.orders.len(),
        orders_by_status: tally::orders_by_status(outcome),
        orders_by_refusal: tally::orders_by_refusal(outcome),
        fills: outcome.fills.len(),
        round_trips: outcome.round_trips(),
        quote: &run.quote,
        equity_at_start: show::exact(run.equity_at_start),
        pnl: show::exact(outcome.pnl),
        buy_and_hold: show::exact(outcome.buy_and_hold),
        fees: outcome.fees.iter().map(|(asset, fee)| (asset.as_str(), show::exact(*fee))).collect(),
        fees_in_quote: show::exact(outcome.fees_in_quote),
        pages: outcome.pages_sent(),
        notifications: tally::notifications(outcome),
        ddb_calls: outcome.ddb.calls,
        ddb_rru: units(outcome.ddb.rru),
        ddb_wru: units(outcome.ddb.wru),
        faults: &outcome.faults,
    }
}

/// Request units come in halves, which a JSON number holds exactly.
fn units(units: Decimal) -> Value {
    let text = show::exact(units.round_dp(1));
    Number::from_str(&text).map_or(Value::String(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn paper_json_is_one_line_that_reads_back() {
        for outcome in [sample::rich(3), sample::hostile(), sample::idle()] {
            let text = line(&outcome);
            assert_eq!(text.lines().count(), 1);
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read["decisions"], outcome.decisions.len());
            assert_eq!(read["pnl"], outcome.pnl.normalize().to_string());
            assert_eq!(read["books_equal_venue"], outcome.differences.is_empty());
            assert_eq!(read["differences"].as_array().unwrap().len(), outcome.differences.len());
        }
    }

    #[test]
    fn paper_json_has_every_promised_key() {
        let read: Value = serde_json::from_str(&line(&sample::idle())).unwrap();
        let promised = "days ticks decisions model_calls orders fills fees fees_in_quote pnl buy_and_hold pages \
            books_equal_venue differences violations ddb_calls ddb_rru ddb_wru seed round_trips faults \
            orders_by_status orders_by_refusal decisions_by_outcome tokens_in tokens_out usd strategy model from to";
        for key in promised.split_whitespace() {
            assert!(read.get(key).is_some(), "{key} is missing");
        }
    }

    #[test]
    fn paper_json_is_the_same_for_the_same_outcome() {
        assert_eq!(line(&sample::rich(2)), line(&sample::rich(2)));
    }

    #[test]
    fn paper_json_request_units_keep_their_halves() {
        assert_eq!(units(Decimal::new(1_234_567_895, 1)).to_string(), "123456789.5");
        assert_eq!(units(Decimal::new(70, 1)).to_string(), "7");
    }

    #[test]
    fn paper_json_of_the_sample() {
        insta::assert_snapshot!(line(&sample::rich(3)));
    }
}
