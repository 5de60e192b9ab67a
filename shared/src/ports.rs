//! Every way in which a function touches the world, one trait per capability.
//!
//! A handler's trait bounds are its permissions: `decide` has no [`TradeOrders`] bound and no trading key.
//! The tables' traits stand in [`crate::store`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::ids::{Asset, OrderId, Symbol};
use crate::market::{Candle, Instrument, Quote, Side};
use crate::money::{Amount, Notional, Price, Qty};
use crate::order::{Ended, Kind};
use crate::secret::KeyPrint;
use crate::time::{Millis, Timestamp};

pub use crate::log::{Level, Line, Log};
pub use crate::store::{ReadTables, ScanTables, WriteTables};

/// Tells the time. Only the submit step asks while it works; everything else gets `now` as data.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The clock that adapters share.
pub type SharedClock = Arc<dyn Clock + Send + Sync>;

/// Why a venue's answer to a question is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// Unreachable, timed out, or failing on its side; the next tick asks again.
    #[error("venue unavailable: {0}")]
    Unavailable(String),
    /// It asked us to wait.
    #[error("venue asks to wait {wait}: {text}")]
    Throttled {
        /// The whole time to wait.
        wait: Millis,
        /// Its words.
        text: String,
        /// True for a ban of this address: every function must stop.
        banned: bool,
    },
    /// Key, permission or address refused: nothing that retries can help.
    #[error("venue refuses this key: {code} {text}")]
    Fatal {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
    /// The question itself was refused.
    #[error("venue refuses the question: {code} {text}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
    /// It answered something that cannot be read.
    #[error("venue answered what cannot be read: {0}")]
    BadReply(String),
}

impl VenueError {
    /// The `kind` label of `trading_backend_errors_total`.
    pub const fn kind(&self) -> &'static str {
        match self {
            VenueError::Unavailable(_) => "network",
            VenueError::Throttled { .. } | VenueError::Fatal { .. } | VenueError::Refused { .. } => {
                "rejected"
            }
            VenueError::BadReply(_) => "other",
        }
    }
}

/// Reads what everyone may know of a market.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait MarketData {
    /// What the venue demands of orders in `symbol`.
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError>;
    /// The best prices now.
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError>;
    /// The last `count` closed one-minute candles, oldest first.
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError>;
}

/// What an account holds of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Free to use.
    pub free: Amount,
    /// Locked by resting orders.
    pub locked: Amount,
}

impl Balance {
    /// Free and locked together.
    pub fn held(self) -> Amount {
        self.free + self.locked
    }
}

/// How the venue says an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// The client order id that it was sent with.
    pub client_id: String,
    /// The venue's own id.
    pub venue_id: String,
    /// The market.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// How much base was wanted.
    pub quantity: Qty,
    /// How much base has traded.
    pub executed: Qty,
    /// The venue's last word, if spoken.
    pub ended: Option<Ended>,
}

/// One trade of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The venue's trade id.
    pub trade_id: String,
    /// The venue's own id of the order.
    pub venue_order_id: String,
    /// The market.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much base.
    pub quantity: Qty,
    /// How much quote.
    pub value: Notional,
    /// The fee.
    pub fee: Amount,
    /// What the fee was paid in.
    pub fee_asset: Asset,
    /// When.
    pub at: Timestamp,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRights {
    /// It may trade on spot.
    pub trade: bool,
    /// It may withdraw: such a key is refused.
    pub withdraw: bool,
    /// It may transfer to other accounts: such a key is refused.
    pub transfer: bool,
    /// It is bound to addresses.
    pub address_bound: bool,
}

/// Reads the truth about an account.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait ReadAccount {
    /// Every asset with a balance.
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError>;
    /// One order by its client id; none where the venue says that it does not exist, which is proof only
    /// after the order's fence.
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError>;
    /// Every order that rests in `symbol`.
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError>;
    /// The trades of one order, oldest first: every one, or so many that they are at least `executed` together.
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError>;
    /// At most 1,000 trades in `symbol` after the trade `after`, oldest first; from the first one if none.
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError>;
    /// What this key may do.
    async fn key_rights(&self) -> Result<KeyRights, VenueError>;
    /// What tells the key from the one before it; none where there is no key.
    fn key_print(&self) -> Option<KeyPrint>;
}

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The client order id.
    pub order_id: OrderId,
    /// The market.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// How it meets the market.
    pub kind: Kind,
    /// How much base: a multiple of the venue's step.
    pub quantity: Qty,
    /// The recorded send time: the request is signed with it.
    pub sent_at: Timestamp,
}

/// Why an order or a cancel has no answer; each says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It had no effect and never will: the request did not leave, or the venue turned it away unread.
    #[error("never sent: {0}")]
    NeverSent(VenueError),
    /// The venue said no, with a code.
    #[error("refused by the venue: {code} {text}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
    /// It may have had its effect: look before anything else.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The venue refused the key: halt and page.
    #[error("venue refuses this key: {code} {text}")]
    Fatal {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
}

/// How an order stands right after it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// How it stands.
    pub report: OrderReport,
    /// The trades that the answer lists; they may be fewer than `executed`.
    pub trades: Vec<Trade>,
}

/// Acts at a venue: execute alone. Never retries.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait TradeOrders {
    /// Sends one order.
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError>;
    /// Asks for an order to be taken back, and says how it stands then.
    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError>;
}

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The model, as `provider/name`.
    pub model: String,
    /// What never changes.
    pub system: String,
    /// The form of the answer: the one tool that the model must call, or the schema of its text.
    pub tool: Tool,
    /// The facts of this cycle.
    pub facts: String,
    /// The Fixed Format Error about the answer before, which is not shown back: a provider may tie an answer's thinking
    /// to its conversation and refuse one that was put together again (`platform.claude.com`, "Thinking").
    pub format_error: Option<String>,
    /// Most tokens of the answer, thinking included.
    pub max_tokens: u32,
    /// The longest wait.
    pub timeout: Millis,
}

impl Question {
    /// The model's name at its provider.
    pub fn name(&self) -> &str {
        model_name(&self.model)
    }

    /// The one message of the user. One text, because some chat templates refuse two messages of one role in a row.
    pub fn message(&self) -> String {
        match &self.format_error {
            Some(error) => format!("{}\n\n{error}", self.facts),
            None => self.facts.clone(),
        }
    }
}

/// What the provider of a model `provider/name` calls it.
pub fn model_name(model: &str) -> &str {
    model.split_once('/').map_or(model, |(_, name)| name)
}

/// A tool of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its input.
    pub schema: Value,
}

/// An answer as it arrived: recorded before anything is read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    /// The whole body.
    pub body: Vec<u8>,
}

/// An answer that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Why it stopped.
    pub stop: Stop,
    /// Its prose.
    pub text: String,
    /// Its tool calls; where the answer was asked for as structured output, its text as the one call.
    pub calls: Vec<ToolCall>,
    /// What the provider says that it used.
    pub usage: ReportedUsage,
    /// What is unusual about its shape and was read all the same, for people.
    pub note: Option<&'static str>,
}

/// Why an answer stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It called a tool.
    Tool,
    /// It ended.
    End,
    /// It was cut off.
    Length,
    /// The provider says that it refused.
    Refusal,
    /// A reason that this version does not know.
    Other(String),
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its input.
    pub input: Value,
}

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All tokens in, cached or not.
    pub tokens_in: u32,
    /// Of them, read from the provider's cache.
    pub cache_read: u32,
    /// Of them, written to the provider's cache.
    pub cache_written: u32,
    /// Of those, written for an hour, which costs more.
    pub cache_written_1h: u32,
    /// Tokens out, reasoning included.
    pub tokens_out: u32,
}

/// What a provider says that an answer used. What is missing or impossible is absent here and charged at its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportedUsage {
    /// All tokens in, cached or not.
    pub tokens_in: Option<u32>,
    /// Of them, read from the provider's cache; never more than `tokens_in`.
    pub cache_read: u32,
    /// Of them, written to the provider's cache; with `cache_read` never more than `tokens_in`.
    pub cache_written: u32,
    /// Of those, written for an hour; never more than `cache_written`.
    pub cache_written_1h: u32,
    /// Tokens out, reasoning included.
    pub tokens_out: Option<u32>,
    /// All tokens, where the provider tells only their sum or a larger sum than that of its parts.
    pub total: Option<u32>,
    /// The cost in US dollars as the provider tells it.
    pub usd: Option<Notional>,
}

impl ReportedUsage {
    /// The usage to charge: what was reported, and `bound` where nothing was. Never less than the report says.
    pub fn or_bound(self, bound: Usage) -> Usage {
        // A question and an answer without tokens are impossible.
        let told = |count: Option<u32>| count.filter(|tokens| *tokens > 0);
        let cached = self.cache_read.saturating_add(self.cache_written);
        let tokens_in = told(self.tokens_in).unwrap_or(bound.tokens_in).max(cached);
        let rest = self.total.map(|total| total.saturating_sub(self.tokens_in.unwrap_or(0)));
        let tokens_out = match (told(self.tokens_out), rest) {
            (Some(told), rest) => told.max(rest.unwrap_or(0)),
            (None, Some(rest)) => rest.max(bound.tokens_out),
            (None, None) => bound.tokens_out,
        };
        Usage {
            tokens_in,
            cache_read: self.cache_read,
            cache_written: self.cache_written.min(tokens_in.saturating_sub(self.cache_read)),
            cache_written_1h: self.cache_written_1h,
            tokens_out,
        }
    }
}

/// Why there is no answer; each says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// 429: ask nobody here before `wait` is over.
    #[error("throttled; asks to wait {wait:?}")]
    Throttled {
        /// The whole time to wait, where it was said.
        wait: Option<Millis>,
    },
    /// The account's spend limit or quota is used up: waiting does not help.
    #[error("spend limit reached: {0}")]
    SpendLimit(String),
    /// 529, or what the provider says instead: it is overloaded, whoever asks.
    #[error("provider overloaded")]
    Overloaded,
    /// The model does not exist, is retired, or is not this account's: no question to it will be answered until
    /// a person names another.
    #[error("no such model: {0}")]
    NoSuchModel(String),
    /// There is no key that could be shown: nothing was sent.
    #[error("no key: {0}")]
    NoKey(String),
    /// The model or the server cannot do what is asked of it (a parameter, the tool choice, the schema), or it has
    /// moved: every question to it is refused until a person names another model or sets an option.
    #[error("cannot be asked so: {0}")]
    Unfit(String),
    /// The provider refuses the request or the key.
    #[error("provider refuses: {status} {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// Nothing left this machine: nothing can have been used.
    #[error("never sent: {0}")]
    NotSent(String),
    /// The provider says that it has no answer: nothing is charged.
    #[error("no answer: {0}")]
    NotAnswered(String),
    /// Timed out, cut off, or failing on its side: the question may have been answered, and is then paid for.
    #[error("provider unavailable: {0}")]
    Unavailable(String),
}

/// An answer that cannot be read as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an answer of this provider: {0}")]
pub struct BadReply(pub String);

/// Asks a model. Never retries.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait AskModel {
    /// The model servers of this stage beside the providers, with their options and prices.
    fn servers(&self) -> &crate::model::Servers;
    /// Whether it can ask the models of this provider or server: what stands before the first `/` of a model in the
    /// settings.
    fn serves(&self, provider: &str) -> bool;
    /// Asks once and returns what came back, unread.
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError>;
    /// Reads what came back from `model`.
    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply>;
}

/// What is known of a venue before it is called: above all the time before which it must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It was not read.
    Unread,
    /// It was read.
    Read(crate::records::venue::Facts),
}

/// Opens the venue of one account. On Lambda it reads the account's key on first use.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait OpenVenue {
    /// What it opens.
    type Venue;
    /// The venue of these settings' account, ready to use once `wait` is over.
    async fn open(&self, settings: &crate::settings::Settings, wait: Wait)
    -> Result<Self::Venue, VenueError>;
}
