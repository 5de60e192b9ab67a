//! The log lines of orders with the documented names of the axon-llm runbook as fields, so that a filter on the
//! log finds what its dashboards and alerts were made for. One trace leads from the decision to the last fill.

use shared::market::Side;
use shared::order::{Order, Terms};
use shared::ports::{Level, Line};
use shared::settings::Settings;
use shared::time::Millis;

use crate::turn::Turn;

/// What was done: the label `tool`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// An order was sent.
    Place,
    /// An order was taken back.
    Cancel,
}

impl Tool {
    /// The documented spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tool::Place => "place",
            Tool::Cancel => "cancel",
        }
    }
}

/// How it went: the label `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The venue took it.
    Success,
    /// The venue, or a rule of ours, said no.
    Rejected,
    /// It did not arrive, or nobody knows.
    Failed,
}

impl Fate {
    /// The documented spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fate::Success => "success",
            Fate::Rejected => "rejected",
            Fate::Failed => "failed",
        }
    }
    const fn level(self) -> Level {
        match self {
            Fate::Success => Level::Info,
            Fate::Rejected => Level::Error,
            Fate::Failed => Level::Warn,
        }
    }
}

/// Who refused: the label `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A rule of the risk chain, or a daily cap.
    RiskLimits,
    /// The status, a hold or a gate.
    RiskGate,
    /// The safety mode: an approval that is missing, late or wrong.
    SafetyMode,
}

impl Source {
    /// The documented spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::RiskLimits => "risk_limits",
            Source::RiskGate => "risk_gate",
            Source::SafetyMode => "safety_mode",
        }
    }
}

/// A line about one order.
pub fn about<T, V>(turn: &Turn<'_, T, V>, level: Level, what: &'static str, terms: &Terms) -> Line {
    let line = turn.line(level, what).with("trace", &terms.trace).with("order_id", &terms.order_id);
    let line = line.with("position_id", &terms.position_id).with("symbol", &terms.symbol);
    line.with("leg", terms.leg.as_str()).with("origin", terms.origin.as_str())
}

/// A send or a cancel, as `trading_orders_total`, with how long the venue took.
pub fn acted<T, V>(turn: &Turn<'_, T, V>, tool: Tool, order: &Order, fate: Fate, took: Millis) -> Line {
    let what = match tool {
        Tool::Place => "order sent",
        Tool::Cancel => "order cancelled",
    };
    let line = orders_total(about(turn, fate.level(), what, &order.terms), tool, order.terms.side, fate);
    let day = &turn.desk.books.state.exec_day;
    line.with("quantity", order.terms.quantity)
        .count("trading_daily_orders_count", day.orders.into())
        .count("daily_cancels", day.cancels.into())
        .seconds("backend_call_duration_seconds", took)
        .seconds("trading_tool_execute_duration_seconds", took)
}

/// A refusal by a rule of ours, as `trading_risk_rejections_total`.
pub fn refused<T, V>(turn: &Turn<'_, T, V>, tool: Tool, terms: &Terms, source: Source, rule: &str) -> Line {
    let line = about(turn, Level::Warn, "order refused", terms);
    let line = orders_total(line, tool, terms.side, Fate::Rejected).with("rule", rule);
    line.with("source", source.as_str()).count("trading_risk_rejections_total", 1)
}

fn orders_total(line: Line, tool: Tool, side: Side, fate: Fate) -> Line {
    let line = line.with("tool", tool.as_str()).with("side", side.as_str()).with("status", fate.as_str());
    line.count("trading_orders_total", 1)
}

/// A failed call of the venue, as `trading_backend_errors_total`.
pub fn backend_error(line: Line, settings: &Settings, kind: &'static str) -> Line {
    let line = line.with("backend", settings.backend.as_str()).with("kind", kind);
    line.count("trading_backend_errors_total", 1)
}
