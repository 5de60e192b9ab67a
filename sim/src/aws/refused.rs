//! What AWS says no to, in no particular wire format yet.

use std::borrow::Cow;

/// A refusal: the HTTP status, the error code that clients branch on, and a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The error code, such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl Refused {
    /// A bad request.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Refused {
        Refused { status: 400, code: Cow::Borrowed(code), message: message.into() }
    }
    /// Something that the embedded AWS does not imitate.
    pub(super) fn unknown(what: &str) -> Refused {
        Refused::new("UnknownOperationException", format!("the embedded AWS does not imitate {what}"))
    }
}
