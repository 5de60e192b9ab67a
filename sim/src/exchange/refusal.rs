//! The exchange's ways to say no: HTTP status, code and text.

use std::borrow::Cow;

use serde_json::{Value, json};

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Binance's code.
    pub code: i64,
    /// Binance's text.
    pub msg: Cow<'static, str>,
    /// The two legs of a cancel-replace.
    pub data: Option<Box<Value>>,
    /// Whole seconds to stay away.
    pub retry_after: Option<i64>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "HTTP {}, {}: {}", self.status, self.code, self.msg)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// A caller's error: HTTP 400.
    pub(super) fn bad(code: i64, msg: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status: 400, code, msg: msg.into(), data: None, retry_after: None }
    }

    /// HTTP 401: the key.
    pub(super) fn key(code: i64, msg: &'static str) -> Refusal {
        Refusal { status: 401, ..Refusal::bad(code, msg) }
    }

    /// HTTP 429 or 418: stay away for a while.
    pub(super) fn wait(status: u16, code: i64, msg: String, seconds: i64) -> Refusal {
        Refusal { status, retry_after: Some(seconds), ..Refusal::bad(code, msg) }
    }

    pub(super) fn filter(name: &str) -> Refusal {
        Refusal::bad(-1013, format!("Filter failure: {name}"))
    }

    /// Recorded (JKorf/Binance.Net#622): -1013, where `errors.md` lists the text under -2010.
    pub(super) fn unsupported(kind: &str) -> Refusal {
        Refusal::bad(-1013, format!("{kind} orders are not supported for this symbol."))
    }

    pub(super) fn missing(name: &str) -> Refusal {
        Refusal::bad(
            -1102,
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
        )
    }

    pub(super) fn not_required(name: &str) -> Refusal {
        Refusal::bad(-1106, format!("Parameter '{name}' sent when not required."))
    }

    pub(super) fn illegal(name: &str, range: &str) -> Refusal {
        Refusal::bad(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."),
        )
    }

    pub(super) fn symbol() -> Refusal {
        Refusal::bad(-1121, "Invalid symbol.")
    }

    pub(super) fn closed() -> Refusal {
        Refusal::bad(-2010, "Market is closed.")
    }

    pub(super) fn insufficient() -> Refusal {
        Refusal::bad(-2010, "Account has insufficient balance for requested action.")
    }

    pub(super) fn unknown_order() -> Refusal {
        Refusal::bad(-2011, "Unknown order sent.")
    }

    pub(super) fn no_such_order() -> Refusal {
        Refusal::bad(-2013, "Order does not exist.")
    }

    pub(super) fn rights() -> Refusal {
        Refusal::key(-2015, "Invalid API-key, IP, or permissions for action.")
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        match &self.data {
            Some(data) => json!({"code": self.code, "msg": self.msg, "data": data}),
            None => json!({"code": self.code, "msg": self.msg}),
        }
    }
}
