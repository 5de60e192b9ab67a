//! A scenario: what the world is, what the model says, what people do, and what must come of it where nothing
//! fails.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::ids::{AccountId, StrategyId, Symbol, VenueId, spread};
use shared::market::Side;
use shared::money::{Notional, Percent, Qty};
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, SafetyMode, Settings};
use shared::state::StrategyState;
use shared::status::Status;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};
use sim::exchange::{Candle, ExchangeConfig};

/// Candles before the first minute: what decide needs to decide on.
const HISTORY: i64 = 62;
/// Candles after the last minute of a scenario: the market goes on while things settle.
const AFTERWARDS: i64 = 40;
/// Minutes between two cycles of the model.
const EVERY: i64 = 3;
/// The price at which every market begins.
const FLAT: i64 = 20_000;

/// What the model says in one cycle.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Open: this much, at this limit or at the market, with this stop and this profit.
    Open {
        /// How much base.
        quantity: &'static str,
        /// The limit of an order that rests.
        limit: Option<&'static str>,
        /// The stop.
        stop: &'static str,
        /// Where to take the profit.
        profit: Option<&'static str>,
    },
    /// Close what is held.
    Close,
    /// Take back the entry that rests.
    Cancel,
    /// It says that it will not.
    Refuses,
    /// It is cut off.
    CutOff,
    /// What it says is no JSON.
    Garbled,
    /// It names a quantity that is none.
    Strange,
}

/// A market entry of `quantity` with a stop at 19,000.
pub const fn buys(quantity: &'static str) -> Answer {
    Answer::Open { quantity, limit: None, stop: "19000", profit: None }
}

/// An entry that rests at `limit`.
pub const fn bids(quantity: &'static str, limit: &'static str) -> Answer {
    Answer::Open { quantity, limit: Some(limit), stop: "19000", profit: None }
}

impl Answer {
    /// Whether it has no form that may be acted on.
    pub const fn is_bad(&self) -> bool {
        match self {
            Answer::Open { .. } | Answer::Close | Answer::Cancel => false,
            Answer::Refuses | Answer::CutOff | Answer::Garbled | Answer::Strange => true,
        }
    }

    /// The body of the answer; `resting` is the entry that rests.
    pub fn body(&self, resting: Option<String>) -> String {
        match self {
            Answer::Garbled => r#"{"action":"open","symbol":"BTC-U"#.to_owned(),
            Answer::Refuses => json!({"stop": "refusal"}).to_string(),
            Answer::CutOff => json!({"stop": "length"}).to_string(),
            answer => answer.input(resting).to_string(),
        }
    }

    /// The tool's input; `resting` is the entry that rests.
    pub fn input(&self, resting: Option<String>) -> Value {
        match self {
            Answer::Open { quantity, limit, stop, profit } => {
                let mut input = json!({"action": "open", "symbol": "BTC-USDT", "side": "buy",
                    "quantity": quantity, "order_type": "market", "stop_loss": stop, "reason": "it rises"});
                if let Some(limit) = limit {
                    input["order_type"] = json!("limit");
                    input["limit_price"] = json!(limit);
                    input["time_in_force"] = json!("GTC");
                }
                if let Some(profit) = profit {
                    input["take_profit"] = json!(profit);
                }
                input
            }
            Answer::Close => json!({"action": "close", "symbol": "BTC-USDT", "reason": "enough"}),
            Answer::Cancel => match resting {
                Some(id) => {
                    json!({"action": "cancel", "symbol": "BTC-USDT", "order_id": id, "reason": "late"})
                }
                None => super::outlets::holds(),
            },
            Answer::Strange => {
                json!({"action": "open", "symbol": "BTC-USDT", "side": "buy", "quantity": 0.01,
                    "order_type": "market", "stop_loss": "19000", "reason": "it rises"})
            }
            Answer::Refuses | Answer::CutOff | Answer::Garbled => super::outlets::holds(),
        }
    }
}

/// What a person does, or the world.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sets the status, as the runbook does.
    SetStatus(Status),
    /// Closes the position in the tables, as the runbook does, and sells it at the exchange.
    CloseByHand,
    /// Wishes every position closed, as `tradai close` does.
    WishClose,
    /// Approves what waits.
    Approve,
    /// Leaves something on what waits that is not an approval.
    Forge,
    /// Trades at the exchange by hand.
    TradeByHand(Side, &'static str),
    /// Delivers the event of this minute to a function once more.
    Again(Function),
    /// Delivers the event of this minute to two processes at once.
    Both(Function),
}

/// Where a scenario starts and what it is made of.
#[derive(Clone)]
pub struct Scenario {
    /// Its name in a replay line.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// Minutes that it lasts.
    pub minutes: i64,
    /// Whether depth 2 walks through it.
    pub core: bool,
    /// The market: open, high, low, close and volume of its first minutes; then it stands.
    pub rows: Vec<([i64; 4], &'static str)>,
    /// What the exchange does differently.
    pub exchange: fn(&mut ExchangeConfig),
    /// What the settings say differently.
    pub settings: fn(&mut Settings),
    /// What the state says differently.
    pub state: fn(&mut StrategyState),
    /// What the model says in its n-th cycle.
    pub answers: Vec<(i64, Answer)>,
    /// Tokens of each of its answers.
    pub tokens_out: u32,
    /// What happens at which minute and second.
    pub acts: Vec<(i64, i64, Act)>,
    /// Which function is not woken, from which minute, until before which.
    pub asleep: Vec<(Function, i64, i64)>,
    /// A second strategy whose settings are damaged.
    pub poisoned: bool,
    /// Whether it differs from others by the exchange's manners alone.
    pub manners: bool,
    /// Minutes after midnight at which it starts, before it is moved to the model's minute.
    pub starts: i64,
    /// `leg status` of orders that must exist at the end where nothing fails.
    pub reaches: Vec<&'static str>,
    /// Kinds of incidents that must have been paged where nothing fails.
    pub pages: Vec<&'static str>,
}

fn same<T>(_: &mut T) {}

impl Scenario {
    /// A flat market, wide limits, one strategy that runs.
    pub fn new(name: &'static str, about: &'static str) -> Scenario {
        Scenario {
            name,
            about,
            minutes: 5,
            core: false,
            rows: Vec::new(),
            exchange: same,
            settings: same,
            state: same,
            answers: Vec::new(),
            tokens_out: 60,
            acts: Vec::new(),
            asleep: Vec::new(),
            poisoned: false,
            manners: false,
            starts: 600,
            reaches: Vec::new(),
            pages: Vec::new(),
        }
    }

    /// The strategy that trades.
    pub fn strategy() -> StrategyId {
        StrategyId::parse("demo").unwrap()
    }

    /// Its settings.
    pub fn settings(&self) -> Settings {
        let mut settings = settings();
        (self.settings)(&mut settings);
        settings
    }

    /// When it starts: a minute in which the model is due.
    pub fn start(&self) -> Timestamp {
        let midnight = Timestamp::parse("2023-03-01T00:00:00Z").unwrap();
        let offset = i64::try_from(spread("demo", EVERY.unsigned_abs())).unwrap();
        let first = midnight.minute_number() + self.starts;
        let first = first + (offset - first).rem_euclid(EVERY);
        Timestamp::from_millis(0) + Millis::from_minutes(first)
    }

    /// The start of its n-th minute.
    pub fn minute(&self, n: i64) -> Timestamp {
        self.start() + Millis::from_minutes(n)
    }

    /// What the model says at `now`.
    pub fn answer(&self, now: Timestamp) -> Option<&Answer> {
        let minute = now.minute_number() - self.start().minute_number();
        self.answers.iter().find(|(cycle, _)| cycle * EVERY == minute).map(|(_, answer)| answer)
    }

    /// Whether a function is woken for the n-th minute.
    pub fn wakes(&self, function: Function, n: i64) -> bool {
        !self.asleep.iter().any(|(one, from, until)| *one == function && (*from..*until).contains(&n))
    }

    /// The market's candles.
    pub fn candles(&self) -> Vec<Candle> {
        let open_time = |n: i64| self.start() + Millis::from_minutes(n);
        let candle = |n: i64, [open, high, low, close]: [i64; 4], volume: &str| Candle {
            open_time: open_time(n),
            open: open.into(),
            high: high.into(),
            low: low.into(),
            close: close.into(),
            volume: volume.parse::<Decimal>().unwrap(),
        };
        let mut candles: Vec<Candle> =
            (-HISTORY..0).map(|n| candle(n, [FLAT, FLAT, FLAT, FLAT], "100")).collect();
        let rows = self.rows.iter().enumerate();
        candles.extend(rows.map(|(n, (row, volume))| candle(i64::try_from(n).unwrap(), *row, volume)));
        let last = self.rows.last().map_or(FLAT, |(row, _)| row[3]);
        let first = i64::try_from(self.rows.len()).unwrap();
        let end = self.minutes.max(first) + AFTERWARDS;
        candles.extend((first..end).map(|n| candle(n, [last, last, last, last], "100")));
        candles
    }
}

fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

/// Wide limits, and no rule that closes, so that each scenario switches on what it is about.
fn settings() -> Settings {
    let symbol = Symbol::parse("BTC-USDT").unwrap();
    Settings {
        strategy_id: Scenario::strategy(),
        account: AccountId::parse("main").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        paper_balance: None,
        symbols: vec![symbol.clone()],
        decide_every: Millis::from_minutes(EVERY),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: Notional::parse("5").unwrap(),
        llm_tokens: shared::settings::Tokens::USUAL,
        llm_answer_tokens: None,
        safety_mode: SafetyMode::Direct,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: Notional::parse("1000").unwrap(),
            max_daily_orders: 100,
            max_daily_cancels: 100,
            max_position_abs: Qty::parse("0.04").unwrap(),
            allowed_symbols: vec![symbol],
            max_opens_per_hour: 5,
            max_price_drift: percent("5"),
            max_decision_age: Millis::from_secs(180),
        },
        gate: Gate { threshold: 5, cooldown: Millis::from_secs(60) },
        pnl_gate: Notional::parse("5000").unwrap(),
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
