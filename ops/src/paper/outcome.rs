//! What a paper run found out: read from the tables, the exchange's own ledger and the topics, never from
//! what the functions say of themselves. The table, the JSON line and the report are views of this.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::time::Timestamp;

/// Everything that a run found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was run.
    pub run: Run,
    /// Minutes that the functions were woken for.
    pub ticks: u64,
    /// Every cycle, oldest first.
    pub decisions: Vec<Decision>,
    /// What the model cost.
    pub model: ModelUse,
    /// Every order, oldest first.
    pub orders: Vec<OrderRow>,
    /// Every recorded fill, oldest first.
    pub fills: Vec<FillRow>,
    /// Every position, oldest first.
    pub positions: Vec<PositionRow>,
    /// Hourly marks of the account, oldest first.
    pub equity: Vec<EquityPoint>,
    /// Hourly bars of the market, oldest first.
    pub bars: Vec<Bar>,
    /// Every published message, oldest first.
    pub pages: Vec<PageRow>,
    /// Equity at the end less equity at the start, in quote.
    pub pnl: Decimal,
    /// What buying at the first minute and holding would have made, in quote.
    pub buy_and_hold: Decimal,
    /// Fees by asset, from the exchange's own ledger.
    pub fees: BTreeMap<String, Decimal>,
    /// The same, valued in quote at the time of payment.
    pub fees_in_quote: Decimal,
    /// What differs between the books and the exchange; empty when books equal venue.
    pub differences: Vec<String>,
    /// Other rules that were broken, as found from outside; empty when none was.
    pub violations: Vec<String>,
    /// DynamoDB calls and request units, in all.
    pub ddb: TableUse,
    /// Faults that occurred, by kind.
    pub faults: BTreeMap<String, u64>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Days of candles.
    pub days: u32,
    /// The seed of everything that is random.
    pub seed: u64,
    /// The strategy.
    pub strategy: String,
    /// The market.
    pub symbol: String,
    /// The quote asset that amounts are in.
    pub quote: String,
    /// The model, as given.
    pub model: String,
    /// How much fails, as given.
    pub faults: String,
    /// The strategy's safety mode.
    pub safety_mode: String,
    /// Who answers approvals, as given.
    pub approve: String,
    /// The first minute.
    pub from: Timestamp,
    /// The end of the last minute.
    pub to: Timestamp,
    /// Equity at the start, in quote.
    pub equity_at_start: Decimal,
    /// Notes on how the settings were read, one line each.
    pub notes: Vec<String>,
}

/// One cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its scheduled minute.
    pub at: Timestamp,
    /// `open`, `close`, `cancel`, `hold` or `abstain:why`.
    pub outcome: String,
    /// The model's reason.
    pub reason: String,
    /// The market price that it saw.
    pub price: Option<Decimal>,
    /// The order or position that it led to.
    pub about: Option<String>,
    /// Tokens in.
    pub tokens_in: u64,
    /// Tokens out.
    pub tokens_out: u64,
    /// Dollars.
    pub usd: Decimal,
}

/// What the model cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelUse {
    /// Questions, counted on the way to the model, or to the recording that stands in for it; a probe is none.
    pub calls: u64,
    /// Questions that were answered, whatever the answer said.
    pub answered: u64,
    /// Questions that the recording had no answer for.
    pub not_recorded: u64,
    /// Why the last question without an answer had none.
    pub failure: Option<String>,
    /// Tokens in, from the decision records.
    pub tokens_in: u64,
    /// Tokens out, from the decision records.
    pub tokens_out: u64,
    /// Dollars, from the decision records.
    pub usd: Decimal,
    /// Whether a price among them is not known and assumed to be the dearest.
    pub is_assumed: bool,
}

/// One order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRow {
    /// When it was recorded.
    pub at: Timestamp,
    /// The client order id.
    pub order_id: String,
    /// Its position.
    pub position_id: String,
    /// `entry`, `stop` or `exit`.
    pub leg: String,
    /// `buy` or `sell`.
    pub side: String,
    /// `market`, `limit 23000 GTC`, `stop 22800 limit 22700`.
    pub kind: String,
    /// Who wanted it.
    pub origin: String,
    /// How much base.
    pub quantity: Decimal,
    /// How much of it is recorded as filled.
    pub filled: Decimal,
    /// The average price of its fills.
    pub average: Option<Decimal>,
    /// The contract's status.
    pub status: String,
    /// The rule and message, or the venue's code.
    pub why: String,
}

/// One fill.
#[derive(Debug, Clone, PartialEq)]
pub struct FillRow {
    /// When it traded.
    pub at: Timestamp,
    /// Its order.
    pub order_id: String,
    /// `entry`, `stop` or `exit`.
    pub leg: String,
    /// `buy` or `sell`.
    pub side: String,
    /// At what price.
    pub price: Decimal,
    /// How much base.
    pub quantity: Decimal,
    /// The fee.
    pub fee: Decimal,
    /// What it was paid in.
    pub fee_asset: String,
}

/// One position.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionRow {
    /// Its id.
    pub position_id: String,
    /// `open`, `closing` or `closed`.
    pub status: String,
    /// When its first fill was recorded.
    pub opened_at: Timestamp,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
    /// The average price paid.
    pub entry: Option<Decimal>,
    /// The average price received.
    pub exit: Option<Decimal>,
    /// Base bought, net of fees.
    pub bought: Decimal,
    /// Profit realised, in quote.
    pub realised: Decimal,
    /// Why it was closed.
    pub exit_reason: Option<String>,
}

/// One mark of the account.
#[derive(Debug, Clone, PartialEq)]
pub struct EquityPoint {
    /// When.
    pub at: Timestamp,
    /// Everything the exchange holds for us, in quote.
    pub equity: Decimal,
    /// The same money bought and held.
    pub buy_and_hold: Decimal,
}

/// One hour of the market.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its start.
    pub at: Timestamp,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
}

/// One published message.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRow {
    /// When SNS took it.
    pub at: Timestamp,
    /// `alerts` or `notifications`.
    pub topic: String,
    /// Its subject line.
    pub subject: String,
    /// Its text.
    pub body: String,
}

/// What the tables cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableUse {
    /// Calls.
    pub calls: u64,
    /// Read request units.
    pub rru: Decimal,
    /// Write request units.
    pub wru: Decimal,
}

impl Outcome {
    /// Positions that were opened and closed.
    pub fn round_trips(&self) -> usize {
        self.positions.iter().filter(|one| one.status == "closed" && !one.bought.is_zero()).count()
    }
    /// Whether books equal venue.
    pub fn books_equal_venue(&self) -> bool {
        self.differences.is_empty()
    }
    /// Whether a model answered at all, where it was due.
    pub fn was_answered(&self) -> bool {
        self.decisions.is_empty() || self.model.answered > 0
    }
    /// Whether books equal venue, no rule was broken, and a model answered.
    pub fn is_good(&self) -> bool {
        self.books_equal_venue() && self.violations.is_empty() && self.was_answered()
    }
    /// Messages to the alerts topic.
    pub fn pages_sent(&self) -> usize {
        self.pages.iter().filter(|page| page.topic == "alerts").count()
    }
}
