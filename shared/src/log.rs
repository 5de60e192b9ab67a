//! One JSON line per thing that happened: time, level, what, strategy, trace, and typed fields.

use serde_json::{Map, Value};

use crate::time::{Millis, Timestamp};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What happened, as it should.
    Info,
    /// What should be looked at.
    Warn,
    /// What failed.
    Error,
    /// What must never happen.
    Critical,
}

impl Level {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// When.
    pub at: Timestamp,
    /// What happened, in a few words that can be searched for.
    pub what: &'static str,
    /// Everything else, by name.
    pub fields: Map<String, Value>,
}

impl Line {
    /// A line without fields.
    pub fn new(level: Level, at: Timestamp, what: &'static str) -> Line {
        Line { level, at, what, fields: Map::new() }
    }
    /// Adds a field. Values are texts and numbers of ours; secrets have no `Display`.
    pub fn with(mut self, name: &str, value: impl ToString) -> Line {
        self.fields.insert(name.to_owned(), Value::String(value.to_string()));
        self
    }
    /// Adds a count.
    pub fn count(mut self, name: &str, value: u64) -> Line {
        self.fields.insert(name.to_owned(), Value::from(value));
        self
    }
    /// Adds a duration in seconds, exact to the millisecond.
    pub fn seconds(mut self, name: &str, span: Millis) -> Line {
        let millis = i32::try_from(span.0).unwrap_or(i32::MAX);
        self.fields.insert(name.to_owned(), Value::from(f64::from(millis) / 1_000.0));
        self
    }
    /// The line as it is written.
    pub fn to_json(&self) -> String {
        let mut whole = Map::new();
        whole.insert("time".to_owned(), Value::String(self.at.to_string()));
        whole.insert("level".to_owned(), Value::String(self.level.as_str().to_owned()));
        whole.insert("message".to_owned(), Value::String(self.what.to_owned()));
        whole.extend(self.fields.clone());
        Value::Object(whole).to_string()
    }
}

/// Takes log lines.
pub trait Log {
    /// Writes one line.
    fn write(&self, line: Line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_on_one_line() {
        let line = Line::new(Level::Warn, Timestamp::from_millis(0), "order refused")
            .with("strategy_id", "demo")
            .with("detail", "two\nlines")
            .count("trading_daily_orders_count", 3)
            .seconds("backend_call_duration_seconds", Millis(42));
        let text = line.to_json();
        assert!(!text.contains('\n'));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["time"], "1970-01-01T00:00:00Z");
        assert_eq!(read["trading_daily_orders_count"], 3);
        assert_eq!(read["backend_call_duration_seconds"], 0.042);
    }
}
