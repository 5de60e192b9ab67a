//! For tests: one strategy with its tables and the real adapter over a simulated exchange. What goes wrong lies between
//! execute and its ports; the checks read the exchange's own ledger.

mod bench;
mod faults;
mod judge;
mod wanted;

pub(crate) use bench::{Bench, bench};
pub(crate) use faults::Fault;
pub(crate) use wanted::{Wanted, intent, limit, market};

use std::cell::RefCell;

use rust_decimal::Decimal;
use shared::ids::{AccountId, Asset, Env, StrategyId, Symbol, VenueId};
use shared::money::{Notional, Percent, Price, Qty};
use shared::ports::{Line, Log};
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, SafetyMode, Settings};
use shared::time::{Millis, Timestamp};

pub(crate) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}
pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
pub(crate) fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
pub(crate) fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}
pub(crate) fn notional(text: &str) -> Notional {
    Notional::parse(text).unwrap()
}
pub(crate) fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn asset(text: &str) -> Asset {
    Asset::parse(text).unwrap()
}
fn env() -> Env {
    Env::parse("dev").unwrap()
}
pub(crate) fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}

/// The start of the n-th minute of every scenario.
pub(crate) fn minute(n: i64) -> Timestamp {
    Timestamp::parse("2023-03-01T00:00:00Z").unwrap() + Millis::from_minutes(n)
}

/// Wide limits, no rule that closes, so that each scenario switches on what it is about.
pub(crate) fn settings() -> Settings {
    Settings {
        strategy_id: demo(),
        account: AccountId::parse("main").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        paper_balance: None,
        symbols: vec![symbol()],
        decide_every: Millis::from_minutes(1),
        model: "anthropic/claude".to_owned(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: notional("1"),
        llm_tokens: shared::settings::Tokens::USUAL,
        llm_answer_tokens: None,
        safety_mode: SafetyMode::Direct,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: notional("1000"),
            max_daily_orders: 100,
            max_daily_cancels: 100,
            max_position_abs: qty("10"),
            allowed_symbols: vec![symbol()],
            max_opens_per_hour: 5,
            max_price_drift: percent("5"),
            max_decision_age: Millis::from_secs(180),
        },
        gate: Gate { threshold: 5, cooldown: Millis::from_secs(60) },
        pnl_gate: notional("5000"),
        exits: Exits {
            max_stop_distance: percent("50"),
            take_profit: None,
            trailing: None,
            exit_limit: Millis::from_minutes(5),
            entry_timeout: Millis::from_minutes(60),
        },
        crash: Crash { fall: percent("90"), window: Millis::from_minutes(5), action: CrashAction::Reduce },
        approval_expiry: Millis::from_minutes(15),
    }
}

/// Keeps every line.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}
