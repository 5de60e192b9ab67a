//! What goes wrong with a request, before a dialect spells it.

/// An answer that refuses.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// The provider's own words; of [`Kind::NoSuchModel`] and [`Kind::Gone`] the model's name, which a dialect puts in
    /// its own sentence.
    pub(super) message: String,
    /// The parameter that is wrong, where a dialect names it.
    pub(super) param: Option<String>,
    /// The error's code, where it is not the one that the kind has in the dialect.
    pub(super) code: Option<&'static str>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request is not one that this model takes.
    Invalid,
    /// A field that the server does not know, where that has a status of its own.
    Unprocessable,
    /// The server fails at a request that it should have refused.
    Internal,
    /// Nothing here serves this model with these parameters.
    Unroutable,
    /// Another provider refuses, and its words are passed on.
    Upstream,
    /// Key or signature are not.
    Unauthenticated,
    /// The path is not.
    NotFound,
    /// There is no model of this name.
    NoSuchModel,
    /// The model was there.
    Gone,
    /// Too much, too fast.
    RateLimit { seconds: u64 },
    /// The tokens of this day are used up.
    DailyLimit,
    /// The money is used up.
    SpendLimit,
    /// Everybody is asking.
    Overloaded,
}

impl Fault {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into(), param: None, code: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Invalid, message)
    }

    pub(super) fn of(self, param: impl Into<String>) -> Fault {
        Fault { param: Some(param.into()), ..self }
    }

    pub(super) fn coded(self, code: &'static str) -> Fault {
        Fault { code: Some(code), ..self }
    }
}
