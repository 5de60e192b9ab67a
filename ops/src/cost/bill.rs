//! The bill: each line is a quantity at its price.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::model_prices::dollars;
use shared::ports::Usage;
use shared::tables::Function;
use shared::tick::StageKind;
use shared::time::Day;

use super::count::{Count, Counts, MONTH, sum};
use super::measure::Measured;
use super::prices::{Item, PRICES, Price};
use super::stack::Architecture;
use super::time::Clockwork;

/// How many strategies are billed, a column each.
pub const STRATEGIES: [u64; 3] = [1, 100, 10_000];
/// Bytes of a GB, of the two meanings the one that costs more.
const GB: u64 = 1_000_000_000;
/// What Anthropic puts around a forced tool, in tokens, beside what is said ("Tool use": 313 to 346 for the models of
/// 2025); the scripted model does not.
pub const AROUND_A_TOOL: u64 = 346;

/// One decision every so many minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// How many.
    pub every: u64,
    /// Strategies of a full shard.
    pub of_a_shard: u64,
    /// A column for each of [`STRATEGIES`].
    pub columns: Vec<Column>,
}

/// What so many strategies cost in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// How many.
    pub strategies: u64,
    /// In how many shards.
    pub shards: u64,
    /// A line for each item that is used, in the order of [`PRICES`].
    pub lines: Vec<Line>,
    /// What the model costs.
    pub model: Model,
}

/// A quantity at its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The price.
    pub price: Price,
    /// How many are paid for.
    pub quantity: Decimal,
    /// What they cost, in dollars.
    pub dollars: Decimal,
}

/// What the model was asked in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Questions.
    pub questions: Decimal,
    /// Tokens of questions.
    pub tokens_in: Decimal,
    /// Tokens of answers.
    pub tokens_out: Decimal,
    /// What they cost, in dollars.
    pub dollars: Decimal,
}

/// What decides what is billed, besides what was measured.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Times and resources.
    pub clockwork: Clockwork<'a>,
    /// The kind of stage.
    pub kind: StageKind,
    /// Whether what is free for ever is taken off.
    pub free_tier: bool,
    /// The model that is asked, as `provider/name`.
    pub model: &'a str,
    /// The day of the prices.
    pub day: Day,
}

impl Terms<'_> {
    /// The bill for what was measured.
    pub fn bill(&self, measured: &Measured) -> Bill {
        let of_a_shard = self.clockwork.of_a_shard(&measured.rates);
        let columns = STRATEGIES.map(|strategies| self.column(measured, strategies, of_a_shard)).to_vec();
        Bill { every: measured.every, of_a_shard, columns }
    }

    fn column(&self, measured: &Measured, strategies: u64, of_a_shard: u64) -> Column {
        let shards = strategies.div_ceil(of_a_shard);
        let counts = measured.rates.month(strategies, shards);
        let used = self.used(measured, &counts, strategies, shards);
        let lines =
            PRICES.iter().filter_map(|price| Some(self.line(price, *used.get(&price.item)?))).collect();
        Column { strategies, shards, lines, model: self.model(&counts) }
    }

    fn line(&self, price: &Price, used: Decimal) -> Line {
        let quantity = if self.free_tier { price.beyond_free(used) } else { used };
        Line { price: *price, quantity, dollars: price.of(quantity) }
    }

    /// How many of each item, those that nothing is used of left out.
    fn used(
        &self,
        measured: &Measured,
        counts: &Counts,
        strategies: u64,
        shards: u64,
    ) -> BTreeMap<Item, Decimal> {
        let stack = self.clockwork.stack;
        let mut used = stack.fixed();
        let has_gateway = used.contains_key(&Item::GatewayHours);
        let all = |what| sum(counts, what);
        let gigabytes = |bytes: Decimal| bytes.checked_div(Decimal::from(GB)).unwrap_or_default();
        let messages = all(Count::Messages);
        let logs = gigabytes(all(Count::LogBytes));
        let grown = gigabytes(self.grown(measured, strategies));
        let carried = [Function::Execute, Function::Reconcile]
            .map(|of| counts.get(&(of, Count::BytesCarried)).copied().unwrap_or_default());
        let compute = match stack.architecture {
            Architecture::X86 => Item::ComputeX86,
            Architecture::Arm => Item::ComputeArm,
        };
        for (item, many) in [
            (Item::Metrics, measured.metrics.into_iter().max().unwrap_or_default().into()),
            (Item::MetricPuts, all(Count::MetricPuts)),
            // Once to encrypt and once to read.
            (Item::KeyUses, messages * Decimal::TWO),
            (Item::Secrets, self.secrets_of_accounts(strategies)),
            (Item::SecretReads, all(Count::SecretReads)),
            (Item::GatewayTraffic, if has_gateway { gigabytes(carried.iter().sum()) } else { Decimal::ZERO }),
            (Item::Schedules, all(Count::Invocations)),
            (Item::Invocations, all(Count::Invocations)),
            (compute, self.gb_seconds(counts, strategies, shards)),
            (Item::Reads, all(Count::Reads)),
            (Item::Writes, all(Count::Writes)),
            (Item::TableStorage, grown),
            (Item::TableRecovery, grown),
            (Item::Logs, logs),
            (Item::LogStorage, logs * Decimal::from(stack.log_days) / Decimal::from(30)),
            (Item::Messages, messages),
            (Item::Mails, messages * Decimal::from(stack.subscriptions())),
            (Item::Traffic, gigabytes(all(Count::BytesOut))),
        ] {
            *used.entry(item).or_default() += many;
        }
        used.retain(|_, many| !many.is_zero());
        used
    }

    /// What a month adds to the tables, in bytes; it is kept for a month at least.
    fn grown(&self, measured: &Measured, strategies: u64) -> Decimal {
        let all = Decimal::from(measured.grows) * Decimal::from(strategies) * Decimal::from(MONTH);
        all.checked_div(Decimal::from(measured.minutes)).unwrap_or_default()
    }

    /// At an exchange each strategy has an account of its own here, with a key to trade and one to read; those of some
    /// accounts are among the resources.
    fn secrets_of_accounts(&self, strategies: u64) -> Decimal {
        match self.kind {
            StageKind::Dev | StageKind::Paper => Decimal::ZERO,
            StageKind::Live => {
                Decimal::from(strategies.saturating_sub(self.clockwork.stack.accounts)) * Decimal::TWO
            }
        }
    }

    fn gb_seconds(&self, counts: &Counts, strategies: u64, shards: u64) -> Decimal {
        let of = |of| {
            let memory = Decimal::from(self.clockwork.stack.given(of).memory_mb) / Decimal::from(1_024);
            self.clockwork.billed(of, counts, strategies, shards) / Decimal::ONE_THOUSAND * memory
        };
        Function::ALL.into_iter().map(of).sum()
    }

    fn model(&self, counts: &Counts) -> Model {
        let questions = sum(counts, Count::ModelCalls);
        let tokens_in = sum(counts, Count::TokensIn) + questions * Decimal::from(AROUND_A_TOOL);
        let tokens_out = sum(counts, Count::TokensOut);
        let thousand = |usage| dollars(self.model, self.day.start(), usage).value();
        let (question, answer) = (
            thousand(Usage { tokens_in: 1_000, ..Usage::default() }),
            thousand(Usage { tokens_out: 1_000, ..Usage::default() }),
        );
        let dollars = (tokens_in * question + tokens_out * answer) / Decimal::ONE_THOUSAND;
        Model { questions, tokens_in, tokens_out, dollars }
    }
}

impl Column {
    /// What AWS bills, in dollars.
    pub fn without_model(&self) -> Decimal {
        self.lines.iter().map(|line| line.dollars).sum()
    }
    /// What everybody bills, in dollars.
    pub fn total(&self) -> Decimal {
        self.without_model() + self.model.dollars
    }
    /// What AWS bills for one strategy of these, in dollars.
    pub fn each(&self) -> Decimal {
        self.without_model().checked_div(Decimal::from(self.strategies)).unwrap_or_default()
    }
    /// What AWS bills whatever the strategies do, in dollars.
    pub fn fixed(&self) -> Decimal {
        self.lines.iter().filter(|line| is_fixed(line.price.item)).map(|line| line.dollars).sum()
    }
    /// The line of an item.
    pub fn line(&self, item: Item) -> Option<&Line> {
        self.lines.iter().find(|line| line.price.item == item)
    }
}

/// What is there, or happens, as often whatever the strategies do.
const fn is_fixed(item: Item) -> bool {
    match item {
        Item::Alarms
        | Item::Metrics
        | Item::MetricPuts
        | Item::Dashboards
        | Item::Keys
        | Item::Secrets
        | Item::GatewayHours
        | Item::AddressHours => true,
        Item::KeyUses
        | Item::SecretReads
        | Item::GatewayTraffic
        | Item::Schedules
        | Item::Invocations
        | Item::ComputeX86
        | Item::ComputeArm
        | Item::Reads
        | Item::Writes
        | Item::TableStorage
        | Item::TableRecovery
        | Item::Logs
        | Item::LogStorage
        | Item::Messages
        | Item::Mails
        | Item::Traffic => false,
    }
}
