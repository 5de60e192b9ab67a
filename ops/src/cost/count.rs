//! What is counted, by function, and how much of it is one strategy's.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use shared::tables::Function;

/// Something that a function uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// Times that it was woken.
    Invocations,
    /// Calls of AWS.
    AwsCalls,
    /// Calls of an exchange.
    VenueCalls,
    /// Calls of the model.
    ModelCalls,
    /// Read request units.
    Reads,
    /// Write request units.
    Writes,
    /// Bytes of log, Lambda's own lines included.
    LogBytes,
    /// Secrets read.
    SecretReads,
    /// Messages to topics.
    Messages,
    /// Calls that put metrics.
    MetricPuts,
    /// Bytes that leave AWS.
    BytesOut,
    /// Bytes that a gateway would carry.
    BytesCarried,
    /// Tokens of questions.
    TokensIn,
    /// Tokens of answers.
    TokensOut,
}

impl Count {
    /// Every one.
    pub const ALL: [Count; 14] = [
        Count::Invocations,
        Count::AwsCalls,
        Count::VenueCalls,
        Count::ModelCalls,
        Count::Reads,
        Count::Writes,
        Count::LogBytes,
        Count::SecretReads,
        Count::Messages,
        Count::MetricPuts,
        Count::BytesOut,
        Count::BytesCarried,
        Count::TokensIn,
        Count::TokensOut,
    ];
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Count::Invocations => "invocations",
            Count::AwsCalls => "aws_calls",
            Count::VenueCalls => "venue_calls",
            Count::ModelCalls => "model_calls",
            Count::Reads => "read_units",
            Count::Writes => "write_units",
            Count::LogBytes => "log_bytes",
            Count::SecretReads => "secret_reads",
            Count::Messages => "messages",
            Count::MetricPuts => "metric_puts",
            Count::BytesOut => "bytes_out",
            Count::BytesCarried => "bytes_carried",
            Count::TokensIn => "tokens_in",
            Count::TokensOut => "tokens_out",
        }
    }
}

/// How much of everything each function used.
pub type Counts = BTreeMap<(Function, Count), Decimal>;

/// What CloudWatch adds to each event of a log (`PutLogEvents`: "26 bytes for each log event").
const AROUND_AN_EVENT: u64 = 26;
/// Lambda's own three lines of an invocation, `START`, `END` and `REPORT`: assumed, about 64, 53 and 155 bytes and what
/// is added to each of the three.
pub const PLATFORM_LOG: u64 = 350;

/// What a line of the log weighs, in bytes.
pub fn logged(line: &str) -> u64 {
    u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(AROUND_AN_EVENT)
}

/// Minutes of the month that everything is billed for.
pub const MONTH: u64 = 43_200;

/// What one strategy more uses, and what a shard uses whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    minutes: u64,
    each: Counts,
    shard: Counts,
}

impl Rates {
    /// From so many minutes of `one` strategy and of `more` strategies, in one shard each.
    pub fn of(minutes: u64, one: &Counts, more: &Counts, strategies: u64) -> Rates {
        let at = |counts: &Counts, key| counts.get(&key).copied().unwrap_or_default();
        let others = Decimal::from(strategies.saturating_sub(1));
        let each = |key| (at(more, key) - at(one, key)).checked_div(others).unwrap_or_default();
        let keys = || Function::ALL.into_iter().flat_map(|of| Count::ALL.map(|what| (of, what)));
        Rates {
            minutes,
            each: keys().map(|key| (key, each(key))).collect(),
            shard: keys().map(|key| (key, at(one, key) - each(key))).collect(),
        }
    }

    /// What so many strategies in so many shards use in the minutes that were measured. Heartbeat has no shards.
    pub fn measured(&self, strategies: u64, shards: u64) -> Counts {
        let (strategies, shards) = (Decimal::from(strategies), Decimal::from(shards));
        let whole = |(of, what): (Function, Count), each: Decimal| {
            let shard = self.shard.get(&(of, what)).copied().unwrap_or_default();
            let shards = if of == Function::Heartbeat { Decimal::ONE } else { shards };
            (each * strategies + shard * shards).max(Decimal::ZERO)
        };
        self.each.iter().map(|(key, each)| (*key, whole(*key, *each))).collect()
    }

    /// The same in a month.
    pub fn month(&self, strategies: u64, shards: u64) -> Counts {
        let month = |counted: Decimal| {
            (counted * Decimal::from(MONTH)).checked_div(Decimal::from(self.minutes)).unwrap_or_default()
        };
        self.measured(strategies, shards).into_iter().map(|(key, counted)| (key, month(counted))).collect()
    }

    /// What one strategy more uses in a month.
    pub fn each(&self, of: Function, what: Count) -> Decimal {
        let each = self.each.get(&(of, what)).copied().unwrap_or_default();
        (each * Decimal::from(MONTH)).checked_div(Decimal::from(self.minutes)).unwrap_or_default()
    }
}

/// All functions together.
pub fn sum(counts: &Counts, what: Count) -> Decimal {
    counts.iter().filter(|((_, one), _)| *one == what).map(|(_, many)| *many).sum()
}

/// What an item of a table weighs in storage, in bytes, by DynamoDB's rules ("Item sizes and formats"; a hundred bytes
/// beside each item).
pub fn item_bytes(item: &Map<String, Value>) -> u64 {
    const BESIDE: u64 = 100;
    item.iter().map(|(name, value)| bytes(name.len()).saturating_add(attribute_bytes(value))).sum::<u64>()
        + BESIDE
}

/// An attribute as `{"S": "…"}`.
fn attribute_bytes(attribute: &Value) -> u64 {
    let Some((kind, value)) = attribute.as_object().and_then(|typed| typed.iter().next()) else { return 0 };
    let text = value.as_str().unwrap_or_default().len();
    match kind.as_str() {
        "S" => bytes(text),
        // Two digits in a byte, and one more.
        "N" => bytes(text.div_ceil(2)).saturating_add(1),
        // Base64: four letters for three bytes.
        "B" => bytes(text.div_ceil(4).saturating_mul(3)),
        "L" => {
            value
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| attribute_bytes(one).saturating_add(1))
                .sum::<u64>()
                + 3
        }
        "M" => {
            let entry =
                |(name, one): (&String, &Value)| bytes(name.len()).saturating_add(attribute_bytes(one)) + 1;
            value.as_object().into_iter().flatten().map(entry).sum::<u64>() + 3
        }
        _ => 1,
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(reads: i64, invocations: i64) -> Counts {
        let of = |function| {
            [((function, Count::Reads), reads.into()), ((function, Count::Invocations), invocations.into())]
        };
        Function::ALL.into_iter().flat_map(of).collect()
    }

    #[test]
    fn what_was_measured_is_met_again_and_shards_multiply_what_is_a_shards() {
        let (one, six) = (counted(10, 100), counted(35, 100));
        let rates = Rates::of(100, &one, &six, 6);
        let at = |counts: &Counts, of, what| counts.get(&(of, what)).copied().unwrap();
        for (strategies, counts) in [(1, &one), (6, &six)] {
            assert_eq!(
                at(&rates.measured(strategies, 1), Function::Decide, Count::Reads),
                at(counts, Function::Decide, Count::Reads)
            );
        }
        let month = rates.month(200, 2);
        // 200 strategies at 5, two shards at 5, 432 times as many minutes.
        assert_eq!(at(&month, Function::Decide, Count::Reads), Decimal::from((1_000 + 10) * 432));
        assert_eq!(at(&month, Function::Heartbeat, Count::Reads), Decimal::from((1_000 + 5) * 432));
        assert_eq!(at(&month, Function::Execute, Count::Invocations), Decimal::from(86_400));
        assert_eq!(at(&month, Function::Heartbeat, Count::Invocations), Decimal::from(43_200));
        assert_eq!(rates.each(Function::Decide, Count::Invocations), Decimal::ZERO);
    }

    #[test]
    fn an_item_weighs_its_names_and_values() {
        let item = serde_json::json!({
            "id": {"S": "abcd"}, "n": {"N": "123.45"}, "b": {"B": "AAAA"}, "t": {"BOOL": true},
            "m": {"M": {"k": {"S": "v"}}}, "l": {"L": [{"S": "xy"}]},
        });
        // 6 + 5 + 4 + 2 + 1+3+(1+1+1) + 1+3+(2+1), and a hundred beside it.
        assert_eq!(item_bytes(item.as_object().unwrap()), 6 + 5 + 4 + 2 + 7 + 7 + 100);
    }
}
