//! What the prompt tells the model: the last user message, one JSON object.
//!
//! Reading is lenient: a number that is absent, null or not a decimal string is unknown, and a policy
//! that needs it holds. A model has no way to complain about its prompt.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The facts of one cycle.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Facts {
    // Required: by it the facts are told from any other JSON in the conversation.
    pub(super) symbols: Vec<Symbol>,
    #[serde(default)]
    allowed_actions: Vec<String>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) quote_balance: Option<Decimal>,
}

/// What is known of one symbol.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Symbol {
    #[serde(rename = "symbol")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) features: Features,
    #[serde(default)]
    pub(super) position: Option<Position>,
    #[serde(default)]
    pub(super) open_orders: Vec<OpenOrder>,
    #[serde(default)]
    pub(super) bounds: Bounds,
}

/// The market in figures; percentages are in percent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Features {
    #[serde(default, deserialize_with = "decimal")]
    pub(super) last: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) return_60m_pct: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) ema_fast: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) ema_slow: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) rsi_14: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) atr_60m_pct: Option<Decimal>,
}

/// What is held of a symbol.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Position {
    #[serde(default, deserialize_with = "decimal")]
    pub(super) gain_pct: Option<Decimal>,
}

/// An order that rests at the venue.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OpenOrder {
    #[serde(default)]
    pub(super) order_id: String,
    #[serde(default)]
    side: String,
    #[serde(default)]
    pub(super) age_minutes: i64,
}

/// What an order must keep to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Bounds {
    #[serde(default, deserialize_with = "decimal")]
    pub(super) max_quantity: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) min_quantity: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) quantity_step: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) price_tick: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub(super) min_notional: Option<Decimal>,
}

impl Facts {
    /// Reads the facts; anything else is no facts at all.
    pub(super) fn read(text: &str) -> Option<Facts> {
        let value: Value = serde_json::from_str(text).ok()?;
        value.is_object().then(|| serde_json::from_value(value).ok())?
    }

    /// Whether the caller would accept `action`.
    pub(super) fn allows(&self, action: &str) -> bool {
        self.allowed_actions.iter().any(|allowed| allowed == action)
    }
}

impl Symbol {
    /// The entry that rests, if one does. Sells are protective stops and not the model's.
    pub(super) fn resting_entry(&self) -> Option<&OpenOrder> {
        self.open_orders.iter().find(|order| order.side == "buy")
    }
}

/// A decimal string; anything else is unknown.
fn decimal<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Decimal>, D::Error> {
    let value = Value::deserialize(input)?;
    Ok(value.as_str().and_then(|text| Decimal::from_str_exact(text).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_null_features_are_unknown() {
        let facts =
            Facts::read(r#"{"symbols":[{"symbol":"BTC-USDT","features":{"last":null,"rsi_14":"55"}}]}"#);
        let features = &facts.unwrap().symbols[0].features;
        assert_eq!((features.last, features.ema_fast), (None, None));
        assert_eq!(features.rsi_14, Some(Decimal::from(55)));
    }

    #[test]
    fn what_is_not_an_object_is_no_facts() {
        for text in ["", "hello", "[]", "12", "{"] {
            assert!(Facts::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_protective_stop_is_not_a_resting_entry() {
        let facts = Facts::read(
            r#"{"symbols":[{"symbol":"BTC-USDT","open_orders":[{"order_id":"s","side":"sell"},{"order_id":"b","side":"buy"}]}]}"#,
        );
        assert_eq!(facts.unwrap().symbols[0].resting_entry().unwrap().order_id, "b");
    }
}
