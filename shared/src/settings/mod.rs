//! A strategy's settings (contract section 8). Nothing that protects money has a default that loosens it:
//! a limit is stated by the file or comes from a profile that the file names. [`file`] documents the layout
//! that users write.

mod axon;
mod document;
pub mod file;
mod known;
mod note;
mod profile;
mod read;

pub use file::Loaded;
pub use note::{BadSettings, Note};

use std::fmt;

use crate::ids::{AccountId, Asset, BadName, StrategyId, Symbol, VenueId};
use crate::money::{Amount, BadAmount, Notional, Percent, Qty};
use crate::time::Millis;

/// Where orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// The paper venue: fills against public market data.
    Mock,
    /// The exchange.
    Exchange,
    /// An order-management system: refused by name until it exists.
    Oms,
    /// Replayed candles on one machine.
    Backtest,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Backend; 4] = [Backend::Mock, Backend::Exchange, Backend::Oms, Backend::Backtest];
    /// The documented spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Backend::Mock => "mock",
            Backend::Exchange => "exchange",
            Backend::Oms => "oms",
            Backend::Backtest => "backtest",
        }
    }
    /// Reads the documented spelling.
    pub fn parse(text: &str) -> Option<Backend> {
        Backend::ALL.into_iter().find(|backend| backend.as_str() == text)
    }
}

/// What becomes of an order that passed every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SafetyMode {
    /// It is recorded and not sent.
    DryRun,
    /// A person approves it first.
    TwoPhase,
    /// It is sent.
    Direct,
}

impl SafetyMode {
    /// Every mode.
    pub const ALL: [SafetyMode; 3] = [SafetyMode::DryRun, SafetyMode::TwoPhase, SafetyMode::Direct];
    /// The documented spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            SafetyMode::DryRun => "DryRun",
            SafetyMode::TwoPhase => "TwoPhase",
            SafetyMode::Direct => "Direct",
        }
    }
    /// Reads either documented spelling: `DryRun` or `dry_run`.
    pub fn parse(text: &str) -> Option<SafetyMode> {
        match text {
            "DryRun" | "dry_run" => Some(SafetyMode::DryRun),
            "TwoPhase" | "two_phase" => Some(SafetyMode::TwoPhase),
            "Direct" | "direct" => Some(SafetyMode::Direct),
            _ => None,
        }
    }
}

/// What to do when the market falls too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashAction {
    /// Open nothing while it lasts.
    Reduce,
    /// Close what is held.
    Exit,
    /// Set the strategy to `halted`.
    Halt,
}

impl CrashAction {
    /// Every action.
    pub const ALL: [CrashAction; 3] = [CrashAction::Reduce, CrashAction::Exit, CrashAction::Halt];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            CrashAction::Reduce => "reduce",
            CrashAction::Exit => "exit",
            CrashAction::Halt => "halt",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<CrashAction> {
        CrashAction::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// What binds orders that add risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest value of one order, in quote; a value equal to it passes.
    pub max_order_notional: Notional,
    /// Most orders sent in a UTC day.
    pub max_daily_orders: u32,
    /// Most cancels sent in a UTC day.
    pub max_daily_cancels: u32,
    /// Largest position of one symbol, with open orders and intents, in base.
    pub max_position_abs: Qty,
    /// Symbols that may be traded; an empty list allows none.
    pub allowed_symbols: Vec<Symbol>,
    /// Most positions opened within 60 minutes.
    pub max_opens_per_hour: u32,
    /// Furthest the price may be from the one the decision saw.
    pub max_price_drift: Percent,
    /// Oldest decision that may still be sent.
    pub max_decision_age: Millis,
}

/// The breaker of refusals in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// How many refusals in a row open it.
    pub threshold: u32,
    /// How long it stays open before one trial.
    pub cooldown: Millis,
}

/// Rules that close a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exits {
    /// Furthest below the entry price that a stop may lie.
    pub max_stop_distance: Percent,
    /// Profit is taken here where the model names no price; none switches it off.
    pub take_profit: Option<Percent>,
    /// Distance below the peak at which the position is closed; none switches it off.
    pub trailing: Option<Percent>,
    /// How long an exit may take before it counts as stuck.
    pub exit_limit: Millis,
    /// How long an entry may stay open before it is cancelled.
    pub entry_timeout: Millis,
}

/// The crash guard: a fall of `fall` within `window`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// How far the price falls.
    pub fall: Percent,
    /// Within which time.
    pub window: Millis,
    /// What is done.
    pub action: CrashAction,
}

/// What an account at the paper venue holds at first: one asset and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperBalance {
    /// How much; above zero.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
}

impl PaperBalance {
    /// Where nothing is said: axon-llm's mock begins with the same money.
    pub const USUAL: &str = "10000 USDT";

    /// Reads `10000 USDT`.
    pub fn parse(text: &str) -> Result<PaperBalance, BadBalance> {
        let (amount, asset) = text.split_once(' ').ok_or(BadBalance::NotTwo)?;
        let amount = Amount::parse(amount)?;
        if amount.value() <= rust_decimal::Decimal::ZERO {
            return Err(BadBalance::Nothing);
        }
        Ok(PaperBalance { amount, asset: Asset::parse(asset)? })
    }
}

impl fmt::Display for PaperBalance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.amount, self.asset)
    }
}

/// Tokens that a strategy may use within five minutes: from [`Tokens::LEAST`] to [`Tokens::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens(u32);

impl Tokens {
    /// Where nothing is said: a question, its correction and one fallback fit, each with the longest answer of a model that
    /// does not think.
    pub const USUAL: Tokens = Tokens(12_000);
    /// Below this no question has room.
    pub const LEAST: u32 = 1_000;
    /// In items from before it could be said.
    pub const BEFORE: Tokens = Tokens(5_000);
    /// Five times the usual: what is written by mistake is no storm.
    pub const MOST: u32 = 60_000;

    /// That many, where they are within bounds.
    pub fn new(tokens: u32) -> Option<Tokens> {
        (Tokens::LEAST..=Tokens::MOST).contains(&tokens).then_some(Tokens(tokens))
    }
    /// How many.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Why a text says no balance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBalance {
    /// One of the two is missing.
    #[error("not an amount and an asset")]
    NotTwo,
    /// With nothing there is nothing to trade.
    #[error("not above zero")]
    Nothing,
    /// The amount.
    #[error(transparent)]
    Amount(#[from] BadAmount),
    /// The asset.
    #[error(transparent)]
    Asset(#[from] BadName),
}

/// The largest limit of one answer, in tokens.
pub const MOST_ANSWER_TOKENS: u32 = 100_000;

/// One strategy's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The strategy.
    pub strategy_id: StrategyId,
    /// The account that it trades for.
    pub account: AccountId,
    /// The venue.
    pub venue: VenueId,
    /// Where orders go; the paper venue unless stated.
    pub backend: Backend,
    /// Whether the exchange's test network is used; true unless stated.
    pub testnet: bool,
    /// What its account at the paper venue holds at first; none where its orders go elsewhere, and in items from
    /// before this could be said ([`PaperBalance::USUAL`]).
    pub paper_balance: Option<PaperBalance>,
    /// The markets that it watches.
    pub symbols: Vec<Symbol>,
    /// Time from one question to the model to the next: a whole number of minutes.
    pub decide_every: Millis,
    /// The model, as `provider/name`.
    pub model: String,
    /// Models that are asked when it is unavailable, in order.
    pub model_fallbacks: Vec<String>,
    /// Most notes of the user's own pipeline that the model is shown; none unless stated.
    pub context_top_k: u32,
    /// The model is asked again only after a price moved this far since its last answer, or something else that is
    /// material changed; none asks in every cycle.
    pub ask_when_moved: Option<Percent>,
    /// Most dollars spent on the model in a UTC day.
    pub llm_usd_per_day: Notional,
    /// Most tokens, questions and answers, in five minutes: [`Tokens::USUAL`] unless stated.
    pub llm_tokens: Tokens,
    /// Most tokens of one answer, thinking included, from 1 to 100,000; what the model's row says unless stated.
    pub llm_answer_tokens: Option<u32>,
    /// What becomes of an order that passed every check; DryRun unless stated.
    pub safety_mode: SafetyMode,
    /// Shortest time between two orders that add risk.
    pub order_cooldown: Millis,
    /// What binds orders that add risk.
    pub limits: Limits,
    /// The breaker of refusals in a row.
    pub gate: Gate,
    /// The day's loss, in quote, at which nothing more is opened.
    pub pnl_gate: Notional,
    /// Rules that close a position.
    pub exits: Exits,
    /// The crash guard.
    pub crash: Crash,
    /// How long an approval may take.
    pub approval_expiry: Millis,
}

impl Settings {
    /// The venue whose limits, bans and clock bind this strategy: a test network has its own.
    pub fn market_place(&self) -> VenueId {
        let is_test = self.backend == Backend::Exchange && self.testnet;
        let test = || VenueId::parse(&format!("{}-testnet", self.venue)).ok();
        is_test.then(test).flatten().unwrap_or_else(|| self.venue.clone())
    }
}
