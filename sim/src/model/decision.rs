//! The input of the `decide` tool: fields that do not apply are absent.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::answer::{Answer, Block, Stop};
use super::ask::Ask;

/// One decision under construction.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    fields: Map<String, Value>,
    reason: String,
}

impl Decision {
    /// A decision to do `action`, for a reason.
    pub(super) fn new(action: &str, reason: impl Into<String>) -> Decision {
        Decision { fields: Map::new(), reason: reason.into() }.with("action", action)
    }

    /// To do nothing, on purpose.
    pub(super) fn hold(reason: impl Into<String>) -> Decision {
        Decision::new("hold", reason)
    }

    /// With one more text.
    pub(super) fn with(mut self, field: &str, value: &str) -> Decision {
        self.fields.insert(field.to_owned(), Value::from(value));
        self
    }

    /// With one more number, as a decimal string.
    pub(super) fn with_number(self, field: &str, value: Decimal) -> Decision {
        self.with(field, &value.normalize().to_string())
    }

    /// The tool's input.
    pub(super) fn input(self) -> Value {
        let reason = self.reason.clone();
        Value::Object(self.with("reason", &reason).fields)
    }

    /// A sentence and the tool call.
    pub(super) fn answer(self, ask: &Ask) -> Answer {
        let text = Block::Text(self.reason.clone());
        let call = Block::ToolUse { name: ask.tool.clone(), input: ask.filled(self.input()) };
        Answer::new(vec![text, call], Stop::ToolUse)
    }
}
