//! How an invocation ends.

use std::process::ExitStatus;

use http::HeaderMap;
use serde_json::Value;
use shared::time::Millis;

/// An invocation that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What the handler returned.
    pub response: Value,
    /// From handing the event over to its answer.
    pub duration: Millis,
    /// From starting the process to its first request for work; only with a process's first invocation.
    pub init: Option<Millis>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The handler returned an error; the process goes on.
    #[error("function error {kind}: {message}")]
    FunctionError {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// The function could not initialise.
    #[error("init error {kind}: {message}")]
    InitError {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// No answer in time; the process was killed.
    #[error("timed out after {after}")]
    TimedOut {
        /// The limit that was passed.
        after: Millis,
    },
    /// The process ended without an answer.
    #[error("{status} without an answer; stderr: {stderr}")]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote to stderr.
        stderr: String,
    },
    /// No process could be started, or the one that was could not be watched.
    #[error("no process: {0}")]
    NoProcess(#[from] std::io::Error),
}

/// An error as a function reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) kind: String,
    pub(super) message: String,
}

impl Complaint {
    /// From `errorType` and `errorMessage`, else from the header and the body as it is.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Complaint {
        let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
        let field = |name: &str| parsed.get(name).and_then(Value::as_str).map(str::to_owned);
        let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
        Complaint {
            kind: field("errorType")
                .or_else(|| header.map(str::to_owned))
                .unwrap_or_else(|| "Unhandled".to_owned()),
            message: field("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
        }
    }

    pub(super) fn into_function_error(self) -> InvokeError {
        InvokeError::FunctionError { kind: self.kind, message: self.message }
    }

    pub(super) fn into_init_error(self) -> InvokeError {
        InvokeError::InitError { kind: self.kind, message: self.message }
    }
}
