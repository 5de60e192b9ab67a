//! One full value of every kind of record, with every optional part present, for tests.

use std::collections::BTreeMap;

use crate::books::{AccountBook, ExitReason, Position, PositionStatus};
use crate::ids::{
    AccountId, Asset, IncidentId, Leg, OrderId, PositionId, ProviderId, StrategyId, Symbol, VenueId,
};
use crate::market::Side;
use crate::model::Ask;
use crate::money::{Amount, Notional, Percent, Price, Qty};
use crate::order::{Absence, AtVenue, Ended, Fill, Kind, Order, Origin, Sent, State, Terms, TimeInForce};
use crate::ports::{Balance, KeyRights};
use crate::records::decision::{Asked, Came, Inputs, NoAnswer, Seen, SeenEntry, SeenMarket};
use crate::records::llm::{
    self, Cause, Declined, Fate, Hour, LlmLedger, Minute, Resumed, SwitchedOff, Unusable,
};
use crate::records::paper::{PaperLedger, PaperOrder, PaperTrade};
use crate::records::{AccountLedger, DecisionRecord, Difference, Incident, KeyCheck, Shard};
use crate::secret::{KeyPrint, Secret};
use crate::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, PaperBalance, SafetyMode, Settings};
use crate::signal::Severity;
use crate::state::{
    Alert, Breaker, Episode, ExecDay, ExecMinute, GateName, GateReset, Live, LlmDay, LlmMinute, Phase,
    PnlFrom, StrategyState, Target, WishFor,
};
use crate::status::{Hold, Status};
use crate::time::{Millis, Timestamp};

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
fn noon() -> Timestamp {
    at("2023-03-01T12:00:00Z")
}
pub(crate) fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}
pub(crate) fn main_account() -> AccountId {
    AccountId::parse("main").unwrap()
}
pub(crate) fn position_id() -> PositionId {
    PositionId::parse("demo.1677628800").unwrap()
}
pub(crate) fn order_id() -> OrderId {
    OrderId::parse("isxydcmp5m2kbuoqlrsycrpqszax462z").unwrap()
}
pub(crate) fn btc_usdt() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
pub(crate) fn incident_id() -> IncidentId {
    IncidentId::parse("mfrggzdfmztwq2lkmfrggzdfmztwq2lk").unwrap()
}
pub(crate) fn asset(text: &str) -> Asset {
    Asset::parse(text).unwrap()
}
pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
pub(crate) fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
pub(crate) fn notional(text: &str) -> Notional {
    Notional::parse(text).unwrap()
}

fn alerts(kind: &str) -> BTreeMap<String, Alert> {
    let alert = Alert { since: noon(), key: "BTC-USDT".into(), detail: "seen twice".into() };
    BTreeMap::from([(kind.into(), alert)])
}
fn episodes(kind: &str) -> BTreeMap<String, Episode> {
    let episode = Episode { incident_id: incident_id(), since: noon(), paged_at: Some(noon()) };
    BTreeMap::from([(kind.into(), episode)])
}

fn live() -> BTreeMap<String, Live> {
    let wish = |target, origin, decision| Live::Wish(WishFor { target, origin, at: noon(), decision });
    BTreeMap::from([
        (position_id().to_string(), Live::Position),
        (order_id().to_string(), Live::Order { position: position_id(), leg: Leg::Stop }),
        ("w-1677628801".into(), wish(Target::Close(position_id()), Origin::Model, Some(noon()))),
        (
            "w-1677628802".into(),
            wish(Target::Cancel { position: position_id(), order_id: order_id() }, Origin::Person, None),
        ),
    ])
}

pub(crate) fn strategy_state() -> StrategyState {
    StrategyState {
        status_ack: Some(Status::Running),
        status_ack_at: Some(noon()),
        halt_reason: Some("three bad cycles in a row".into()),
        holds: BTreeMap::from([(Hold::Divergence, noon()), (Hold::VenueBan, noon())]),
        last_heartbeat: at("2023-03-01T12:00:03.217Z"),
        last_reconciled_at: Some(noon()),
        live: live(),
        due_at: Some(at("2023-03-01T12:00:15Z")),
        due_what: Some("orders".into()),
        alerts: alerts("order-failures"),
        episodes: episodes("order-failures"),
        send_seq: 7,
        exec_day: ExecDay {
            day: noon().day(),
            orders: 3,
            cancels: 1,
            realised: amount("-1.25"),
            fees: amount("0.075"),
            most_orders: Some(50),
        },
        llm_day: LlmDay { day: noon().day(), calls: 12, usd: notional("0.0834") },
        recent_exec: vec![ExecMinute {
            minute: noon().minute_number(),
            risk_rejections: 1,
            backend_errors: 2,
            order_failures: 3,
        }],
        recent_llm: vec![LlmMinute {
            minute: noon().minute_number(),
            calls: 1,
            refusals: 0,
            throttled: 1,
            tokens: 2048,
        }],
        bad_cycles: 1,
        breaker: Breaker {
            rejections: 2,
            phase: Phase::HalfOpen { trial: Some(order_id()) },
            opens: vec![noon()],
            reset_at: Some(noon()),
            pnl_from: Some(PnlFrom { day: noon().day(), result: amount("-7.5") }),
            banned_until: Some(noon()),
            missing_stops: 1,
        },
        gate_reset: Some(GateReset { gate: Some(GateName::Pnl), by: "ada".into(), at: noon() }),
        ..StrategyState::first(demo(), Status::Running, noon())
    }
}

pub(crate) fn position() -> Position {
    Position {
        status: PositionStatus::Closing,
        quantity: qty("0.00110889"),
        bought: qty("0.00110889"),
        cost: notional("22.2"),
        fees: BTreeMap::from([(asset("BTC"), amount("0.00000111"))]),
        peak: Some(price("20100.5")),
        closing_since: Some(noon()),
        exit_reason: Some(ExitReason::Model),
        exit_decision: Some(noon()),
        closed_at: Some(noon()),
        residue: Some(qty("0.00000089")),
        next_stop: 1,
        next_exit: 2,
        stop_failures: 2,
        exit_failures: 1,
        exit_refused_at: Some(noon()),
        trace: Some("demo-1677672000".into()),
        version: 4,
        ..Position::before_first_fill(
            position_id(),
            main_account(),
            btc_usdt(),
            price("19000"),
            Some(price("22000")),
            noon(),
        )
    }
}

pub(crate) fn order(state: State) -> Order {
    let terms = Terms {
        order_id: order_id(),
        position_id: position_id(),
        strategy_id: demo(),
        account: main_account(),
        symbol: btc_usdt(),
        leg: Leg::Entry,
        plan: 0,
        origin: Origin::Model,
        side: Side::Buy,
        kind: Kind::Limit { price: price("20000"), time_in_force: TimeInForce::Gtc },
        quantity: qty("0.00111"),
        stop_loss: Some(price("19000")),
        take_profit: Some(price("22000")),
        decided_price: Some(price("20010.5")),
        decided_at: noon(),
        decision: Some(noon()),
        created_at: noon(),
        trace: "demo-1677672000".into(),
    };
    Order { terms, state }
}

/// One order in every state, by a name for each.
pub(crate) fn orders() -> Vec<(&'static str, Order)> {
    let sent = Sent { at: noon(), fence: at("2023-03-01T12:00:15Z"), limit: Some(price("20110")) };
    let venue = |executed, recorded| AtVenue {
        venue_id: "4711".into(),
        executed: qty(executed),
        recorded: qty(recorded),
        sent_at: noon(),
    };
    let states = vec![
        ("intended", State::Intended),
        ("awaiting_approval", State::AwaitingApproval { expires_at: noon(), bound: price("20000") }),
        ("pending", State::Pending(sent)),
        ("unknown", State::Unknown(sent)),
        ("open", State::Live { venue: venue("0", "0"), ended: None }),
        ("partially_filled", State::Live { venue: venue("0.001", "0.0005"), ended: Some(Ended::Cancelled) }),
        ("filled", State::Done { venue: venue("0.00111", "0.00111"), ended: Ended::Filled }),
        ("expired_at_venue", State::Done { venue: venue("0", "0"), ended: Ended::Expired }),
        ("rejected", State::Rejected { code: "-2010".into() }),
        ("absent", State::Absent { why: Absence::NotFound }),
        (
            "refused",
            State::Refused { rule: "max_order_notional".into(), message: "order notional 60000".into() },
        ),
        ("dry_run", State::DryRun),
    ];
    states.into_iter().map(|(name, state)| (name, order(state))).collect()
}

pub(crate) fn fill() -> Fill {
    Fill {
        trade_id: "28457".into(),
        order_id: order_id(),
        position_id: position_id(),
        symbol: btc_usdt(),
        side: Side::Buy,
        price: price("20000"),
        quantity: qty("0.00111"),
        value: notional("22.2"),
        fee: amount("0.00000111"),
        fee_asset: asset("BTC"),
        at: at("2023-03-01T12:00:04.105Z"),
    }
}

pub(crate) fn account_ledger() -> AccountLedger {
    AccountLedger {
        account: main_account(),
        book: AccountBook {
            opening: BTreeMap::from([(asset("USDT"), amount("10000"))]),
            fills: BTreeMap::from([(asset("BTC"), amount("0.00110889")), (asset("USDT"), amount("-22.2"))]),
            external: BTreeMap::from([(asset("USDT"), amount("500"))]),
        },
        cursors: BTreeMap::from([("BTC-USDT".into(), "28457".into())]),
        differences: BTreeMap::from([(
            asset("BTC"),
            Difference { since: noon(), amount: amount("-0.0001") },
        )]),
        alerts: alerts("reconcile-drift"),
        episodes: episodes("reconcile-drift"),
        key_check: Some(KeyCheck {
            at: noon(),
            rights: Some(KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true }),
            print: Some(KeyPrint::of(&Secret::new("a key".to_owned()))),
        }),
    }
}

pub(crate) fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        strategy_id: demo(),
        account: main_account(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Mock,
        testnet: true,
        paper_balance: PaperBalance::parse("2500.5 USDT").ok(),
        symbols: vec![btc_usdt()],
        decide_every: Millis::from_secs(1500),
        model: "anthropic/claude".into(),
        model_fallbacks: vec!["openai/gpt".into()],
        context_top_k: 2,
        ask_when_moved: Some(percent("0.3")),
        llm_usd_per_day: notional("5"),
        llm_tokens: crate::settings::Tokens::new(6_000).unwrap(),
        llm_answer_tokens: None,
        safety_mode: SafetyMode::DryRun,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: notional("50000"),
            max_daily_orders: 200,
            max_daily_cancels: 100,
            max_position_abs: qty("1.5"),
            allowed_symbols: vec![btc_usdt()],
            max_opens_per_hour: 4,
            max_price_drift: percent("0.5"),
            max_decision_age: Millis::from_secs(120),
        },
        gate: Gate { threshold: 5, cooldown: Millis(60_000) },
        pnl_gate: notional("100"),
        exits: Exits {
            max_stop_distance: percent("5"),
            take_profit: Some(percent("10")),
            trailing: Some(percent("3")),
            exit_limit: Millis::from_minutes(5),
            entry_timeout: Millis::from_minutes(10),
        },
        crash: Crash { fall: percent("8"), window: Millis::from_minutes(15), action: CrashAction::Reduce },
        approval_expiry: Millis::from_minutes(15),
    }
}

pub(crate) fn shard() -> Shard {
    Shard { shard: 0, strategies: vec![demo(), StrategyId::parse("other").unwrap()] }
}

pub(crate) fn decision() -> DecisionRecord {
    DecisionRecord {
        strategy_id: demo(),
        decided_at: noon(),
        account: main_account(),
        model: "anthropic/claude".into(),
        prompt: b"prompt".to_vec(),
        reply: b"reply".to_vec(),
        asked: vec![
            Asked {
                model: "openai/gpt".into(),
                came: Came::Nothing { why: NoAnswer::Overloaded, text: "provider overloaded".into() },
            },
            Asked {
                model: "anthropic/claude".into(),
                came: Came::Answer {
                    bytes: 512,
                    kept: 512,
                    ask: Some(Ask::Schema),
                    other: Some("xai/grok-4.3".to_owned()),
                },
            },
        ],
        prompt_hash: "mfrggzdf".into(),
        tokens_in: 2048,
        tokens_out: 128,
        usd: notional("0.0083"),
        market_price: Some(price("20010.5")),
        outcome: Some("open".into()),
        reason: Some("the trend is up".into()),
        order_id: Some(order_id()),
        position_id: Some(position_id()),
        seen: Some(Seen { at: noon(), books: "0123456789abcdef".to_owned() }),
        inputs: Some(inputs()),
        limits: Some(settings().limits),
        trace: "demo-1677672000".into(),
        expires_at: Some(at("2023-05-30T12:00:00Z")),
    }
}

fn inputs() -> Inputs {
    let market = SeenMarket {
        bid: price("20010"),
        ask: price("20010.5"),
        at: at("2023-03-01T12:00:01Z"),
        candle: Some(at("2023-03-01T11:59:00Z")),
    };
    Inputs {
        at: at("2023-03-01T12:00:02Z"),
        seq: 1_677_628_800,
        has_room: true,
        markets: [(btc_usdt(), market)].into(),
        positions: [(btc_usdt(), position_id())].into(),
        entries: [(order_id(), SeenEntry { symbol: btc_usdt(), position: position_id() })].into(),
    }
}

pub(crate) fn incident() -> Incident {
    Incident {
        incident_id: incident_id(),
        kind: "order-failures".into(),
        severity: Severity::Page,
        strategy_id: Some(demo()),
        subject: "BTC-USDT".into(),
        since: noon(),
        detail: "5 failures in 5 minutes".into(),
        opened_at: noon(),
        claimed_at: Some(noon()),
        published_at: Some(noon()),
        reminded_at: Some(noon()),
        resolved_at: Some(noon()),
        recovery_published_at: Some(noon()),
    }
}

pub(crate) fn paper_ledger() -> PaperLedger {
    let order = |number, kind, ended| PaperOrder {
        order_id: order_id(),
        number,
        symbol: btc_usdt(),
        side: Side::Sell,
        kind,
        quantity: qty("0.001"),
        triggered: false,
        matched_until: noon(),
        ended,
    };
    let trade = PaperTrade {
        number: 2,
        order: 1,
        symbol: btc_usdt(),
        side: Side::Sell,
        price: price("20000"),
        quantity: qty("0.001"),
        value: notional("20"),
        fee: amount("0.02"),
        fee_asset: asset("USDT"),
        at: noon(),
    };
    let balance = Balance { free: amount("9980"), locked: Amount::ZERO };
    PaperLedger {
        account: main_account(),
        version: 3,
        balances: BTreeMap::from([(asset("USDT"), balance)]),
        open: vec![order(3, Kind::StopLimit { stop: price("19000"), limit: price("18900") }, None)],
        ended: vec![order(1, Kind::Market, Some(Ended::Filled))],
        trades: vec![trade],
        numbers: 3,
    }
}

pub(crate) fn llm_ledger() -> LlmLedger {
    let minute = noon().minute_number();
    LlmLedger {
        count: 7,
        not_before: Some(at("2023-03-01T12:00:30Z")),
        hour: Some(Hour { hour: minute / 60, after: Some(noon()), usd: notional("12.5") }),
        usd_per_hour: Some(notional("500")),
        calls: vec![Fate::Throttled, Fate::Refused, Fate::Failed, Fate::Answered],
        minutes: vec![Minute {
            minute,
            answered: 1,
            refused: 1,
            throttled: 1,
            failed: 1,
            usd: notional("0.004"),
        }],
        breaker: Some(llm::Breaker { since: noon(), until: at("2023-03-01T12:05:00Z") }),
        switched_off: Some(SwitchedOff { at: noon(), detail: "500 USD in an hour".to_owned() }),
        resumed: Some(Resumed { of: noon(), by: "ada".to_owned(), at: at("2023-03-01T12:30:00Z") }),
        unusable: BTreeMap::from([(
            "claude-2.1".to_owned(),
            Unusable {
                cause: Cause::Gone,
                since: noon(),
                tried_at: at("2023-03-01T13:00:00Z"),
                detail: "model: claude-2.1".to_owned(),
            },
        )]),
        declined: BTreeMap::from([(
            "demo claude-3".to_owned(),
            Declined {
                model: "claude-3".to_owned(),
                count: 5,
                first: at("2023-03-01T11:50:00Z"),
                since: Some(noon()),
                at: at("2023-03-01T13:00:00Z"),
                detail: "refused with 400".to_owned(),
            },
        )]),
        mended: Some(Resumed { of: noon(), by: "ada".to_owned(), at: at("2023-03-01T12:40:00Z") }),
        factors: BTreeMap::from([("claude-haiku-4-5".to_owned(), 112)]),
        alerts: alerts("llm-cost"),
        ..LlmLedger::first(ProviderId::parse("anthropic").unwrap())
    }
}
