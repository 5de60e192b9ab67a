//! What the readers of all endpoints share: a body as JSON, counts of tokens however they are written, and the call that
//! a text holds.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::TOOL;
use crate::money::Notional;
use crate::ports::{BadReply, ReportedUsage, Stop, ToolCall};

/// More tokens than any model's window holds (2026-12: about a million).
const MOST_TOKENS: u32 = 20_000_000;
/// More dollars than one answer of ours can cost: a larger cost is impossible, and the price counts alone.
const MOST_DOLLARS: u64 = 10;

/// For people: a finish reason that is missing is read as the end of a whole answer (recorded of Snowflake and of several
/// proxies).
pub(super) const NO_FINISH: &str = "it does not say why it stopped";
/// For people: blocks of a kind that nobody asked for.
pub(super) const OTHER_BLOCKS: &str = "it has blocks of an unknown type";

/// The body as JSON. Blank lines before it are kept alive by DeepSeek (api-docs.deepseek.com, "Rate limit").
pub(super) fn json(body: &[u8]) -> Result<Value, BadReply> {
    serde_json::from_slice(body).map_err(|error| BadReply(error.to_string()))
}

/// The text at `path`, unless it is missing, null or something else.
pub(super) fn text_at<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

/// The list at `path`; empty where there is none.
pub(super) fn list_at<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A count of tokens: a whole number, a fraction (rounded up) or either as a text. None where it is missing, null, below
/// zero or no number, and where it is more than any window holds: then it is impossible.
pub(super) fn count(value: &Value, path: &str) -> Option<u32> {
    let number = decimal(value.pointer(path)?)?.ceil();
    let is_count = !number.is_sign_negative() || number.is_zero();
    number.to_u32().filter(|tokens| is_count && *tokens <= MOST_TOKENS)
}

/// Dollars at `path`, times `scale` of its unit.
pub(super) fn dollars(value: &Value, path: &str, units_a_dollar: u64) -> Option<Notional> {
    let told = decimal(value.pointer(path)?)?.checked_div(Decimal::from(units_a_dollar))?;
    Notional::new(told).ok().filter(|told| told.value() <= Decimal::from(MOST_DOLLARS))
}

/// A JSON number or a text of one, from its digits. A number that is too large for a decimal is the largest.
fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let read = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    let is_number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    read.ok().or_else(|| match text.strip_prefix('-') {
        None if is_number() && text.contains("e-") => Some(Decimal::ZERO),
        None if is_number() => Some(Decimal::MAX),
        Some(_) | None => None,
    })
}

/// What was used where the count of tokens in leaves out what the cache held: Messages and Converse.
pub(super) fn apart(tokens_in: Option<u32>, read: u32, written: u32, written_1h: u32) -> ReportedUsage {
    let cache_written = written.max(written_1h);
    let all = |plain: u32| plain.saturating_add(read).saturating_add(cache_written);
    ReportedUsage {
        tokens_in: tokens_in.map(all),
        cache_read: read,
        cache_written,
        cache_written_1h: written_1h,
        ..ReportedUsage::default()
    }
}

/// What was used where the count of tokens in includes what the cache held: Chat and Responses. More cached than asked
/// means that it does not (recorded of gateways: vercel/ai PR 19515): then both are paid, and nothing is discounted.
pub(super) fn within(tokens_in: Option<u32>, read: u32, written: u32, total: Option<u32>) -> ReportedUsage {
    let cached = read.saturating_add(written);
    let beyond = if tokens_in.is_some_and(|told| cached > told) { cached } else { 0 };
    ReportedUsage {
        tokens_in: tokens_in.map(|told| told.saturating_add(beyond)),
        cache_read: if beyond > 0 { 0 } else { read },
        cache_written: written,
        // The total is of what was told, whatever the cache adds to it.
        total: total.map(|total| total.saturating_add(beyond)),
        ..ReportedUsage::default()
    }
}

/// Tokens out. A reasoning above the whole shows that it is told apart (recorded of Doubleword, Moonshot and xAI): then
/// the total says what both are, and without a total they are added.
pub(super) fn with_reasoning(told: Option<u32>, reasoning: Option<u32>, total: Option<u32>) -> Option<u32> {
    match (told, reasoning) {
        (Some(told), Some(reasoning)) if reasoning > told => {
            Some(if total.is_some() { reasoning } else { told.saturating_add(reasoning) })
        }
        (told, _) => told,
    }
}

/// The arguments of a call: an object, or a text that is one. What is no JSON is passed on as the text that it is, which
/// no tool takes: brackets are never mended.
pub(super) fn arguments(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(value) => value.clone(),
        None => Value::Null,
    }
}

/// A text that was asked for as structured output, as the call that it stands for.
pub(super) fn structured(text: &str) -> Option<ToolCall> {
    let input: Value = serde_json::from_str(text.trim()).ok()?;
    Some(ToolCall { name: TOOL.to_owned(), input })
}

/// Why an answer stopped that does not say so, and the note about it.
pub(super) fn stop_or_end(
    told: Option<&str>,
    read: impl FnOnce(&str) -> Stop,
) -> (Stop, Option<&'static str>) {
    match told.filter(|told| !told.is_empty()) {
        Some(told) => (read(told), None),
        None => (Stop::End, Some(NO_FINISH)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_is_read_however_it_is_written() {
        for (written, read) in [
            (json!(60), Some(60)),
            (json!(60.2), Some(61)),
            (json!(0), Some(0)),
            (json!("60"), Some(60)),
            (json!(1e30), None),
            (json!(1e300), None),
            (json!(1e-300), Some(0)),
            (json!(u64::MAX), None),
            (json!(-1), None),
            (json!(-1e300), None),
            (json!("many"), None),
            (json!(""), None),
            (json!(true), None),
            (json!(null), None),
            (json!([60]), None),
        ] {
            assert_eq!(count(&json!({"n": written}), "/n"), read, "{written}");
        }
        assert_eq!(count(&json!({}), "/n"), None);
    }

    #[test]
    fn more_cached_than_asked_is_paid_in_full() {
        let usage = within(Some(100), 400, 0, None);
        assert_eq!((usage.tokens_in, usage.cache_read), (Some(500), 0));
        let usage = within(Some(500), 400, 0, None);
        assert_eq!((usage.tokens_in, usage.cache_read), (Some(500), 400));
    }
}
