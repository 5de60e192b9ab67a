//! A note that the user's own pipeline writes for a strategy: `tradai-context`. It is a stranger's text: who shows it
//! to a model cleans and bounds it first.

use rust_decimal::Decimal;

use crate::ids::StrategyId;
use crate::records::attrs::{Draft, number, text};
use crate::records::decision::{expiry, expiry_attr};
use crate::records::fields::{Corrupt, Fields, Found, Read};
use crate::store::{Item, Key};
use crate::tables::Table;
use crate::time::Timestamp;

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextNote {
    /// For whom.
    pub strategy_id: StrategyId,
    /// When it was written.
    pub noted_at: Timestamp,
    /// Where it comes from, in the pipeline's words.
    pub source: String,
    /// What it says.
    pub text: String,
    /// How close it is to what was looked for, from 0 to 1.
    pub similarity: Decimal,
    /// Until when it is of use; the tables drop it then.
    pub expires_at: Timestamp,
}

/// The item of a note.
pub fn key(strategy: &StrategyId, noted_at: Timestamp) -> Key {
    Key { table: Table::Context, hash: strategy.to_string(), range: Some(noted_at.to_string()) }
}

/// The whole item.
pub fn encode(note: &ContextNote) -> Item {
    Draft::under(key(&note.strategy_id, note.noted_at))
        .with("source", text(&note.source))
        .with("text", text(&note.text))
        .with("similarity", number(note.similarity))
        .with("expires_at", expiry_attr(note.expires_at))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<ContextNote, Corrupt> {
    let fields = Fields::of(Table::Context, item);
    Ok(ContextNote {
        strategy_id: fields.need("strategy_id", Found::word)?,
        noted_at: fields.need("noted_at", Found::word)?,
        source: fields.need("source", Found::filled)?,
        text: fields.need("text", Found::filled)?,
        similarity: fields.need("similarity", share)?,
        expires_at: fields.need("expires_at", expiry)?,
    })
}

fn share(found: Found<'_>) -> Read<Decimal> {
    let value: Decimal = found.clone().number()?;
    let is_share = (Decimal::ZERO..=Decimal::ONE).contains(&value);
    if is_share { Ok(value) } else { Err(found.bad(&value.to_string(), "not within 0 to 1")) }
}
