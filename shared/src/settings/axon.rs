//! The layout of axon-llm (its operations runbook, section 1.3), so that its users' files load as they are.
//!
//! Its limits and its gate come from the file. It cannot say the rest: that comes from the profile `cautious`,
//! and the names from here; both are noted. Its keys must be placeholders like `${AXON_API_KEY}`, which nothing
//! reads: keys are kept in Secrets Manager.

use super::document::Document;
use super::known::check;
use super::note::{BadSettings, Note};
use super::profile::{DEFAULTS, FALLBACK};
use super::read::{Found, Reader};
use crate::ids::StrategyId;

/// Tables that only this layout has.
pub(super) const TABLES: &[&str] = &["trading", "safety", "risk", "metrics"];

/// The layout's fields; `risk.max_daily_cancels` is in its code and not in its runbook.
const FIELDS: &[&str] = &[
    "trading.backend",
    "trading.api_key",
    "trading.api_secret",
    "trading.testnet",
    "safety.mode",
    "risk.max_order_notional",
    "risk.max_daily_orders",
    "risk.max_daily_cancels",
    "risk.max_position_abs",
    "risk.allowed_symbols",
    "gate.type",
    "gate.threshold",
    "gate.cooldown_ms",
    "metrics.callback",
];

/// Fields that name a secret.
const SECRETS: &[&str] = &["trading.api_key", "trading.api_secret"];

/// How this layout spells a native field.
fn spelling(path: &'static str) -> &'static str {
    match path {
        "backend" => "trading.backend",
        "testnet" => "trading.testnet",
        "safety_mode" => "safety.mode",
        "symbols" | "limits.allowed_symbols" => "risk.allowed_symbols",
        "limits.max_order_notional" => "risk.max_order_notional",
        "limits.max_daily_orders" => "risk.max_daily_orders",
        "limits.max_daily_cancels" => "risk.max_daily_cancels",
        "limits.max_position_abs" => "risk.max_position_abs",
        other => other,
    }
}

/// A reader of this layout; the strategy is called `name`.
pub(super) fn reader<'a>(
    document: Document,
    file: &'a str,
    name: Option<&StrategyId>,
) -> Result<Reader<'a>, BadSettings> {
    check(&document, file, FIELDS)?;
    let mut reader = Reader::new(file, document, spelling);
    SECRETS.iter().try_for_each(|field| placeholder(&mut reader, field))?;
    gate_type(&reader)?;
    callback(&mut reader)?;
    reader.supply("axon-llm layout", &names(name.map_or("axon", StrategyId::as_str)))?;
    reader.supply_profile(FALLBACK)?;
    reader.supply("default", DEFAULTS)?;
    Ok(reader)
}

/// What the native layout requires, no profile supplies and this layout cannot say.
fn names(strategy: &str) -> String {
    format!(
        "strategy_id = \"{strategy}\"\naccount = \"{strategy}\"\nvenue = \"binance\"\n\
         model = \"anthropic/claude-haiku-4-5\"\nllm_usd_per_day = 1.0\n"
    )
}

fn placeholder(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BadSettings> {
    let Some(found) = reader.optional(field) else { return Ok(()) };
    if !found.as_text().is_some_and(is_placeholder) {
        let mend = "write \"${NAME}\", keep the key in Secrets Manager, and replace the key that stood here";
        return Err(found.place.refuse("this is not a placeholder and may be a secret", mend));
    }
    unused(reader, field, "since keys are read from Secrets Manager");
    Ok(())
}

/// `${NAME}` and nothing else.
fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Another gate would close less than the file's author expects, or nothing.
fn gate_type(reader: &Reader<'_>) -> Result<(), BadSettings> {
    const ONLY: &str = "RejectionCircuitBreaker";
    let Some(found) = reader.optional("gate.type") else { return Ok(()) };
    match found.text()? {
        ONLY => Ok(()),
        other => Err(found.place.refuse(format!("there is no gate {other:?}"), format!("write {ONLY:?}"))),
    }
}

fn callback(reader: &mut Reader<'_>) -> Result<(), BadSettings> {
    let found: Option<Found> = reader.optional("metrics.callback");
    if let Some(found) = found {
        if found.as_text().is_none() {
            return Err(found.place.refuse("this is not a text", "remove it: metrics go to CloudWatch"));
        }
        unused(reader, "metrics.callback", "since metrics go to CloudWatch");
    }
    Ok(())
}

fn unused(reader: &mut Reader<'_>, field: &str, why: &str) {
    reader.notes.push(Note::Unused { field: field.to_owned(), why: why.to_owned() });
}
