//! What a failed call to AWS means: it did not happen, or nobody knows.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::transport::TransportError;

/// What became of a call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It did not happen: never sent, throttled or refused.
    NotDone(String),
    /// It may have happened: no answer, an unreadable one, or a failure on their side.
    NoAnswer(String),
}

impl Fate {
    /// The words, for ports that treat both alike.
    pub(super) fn text(self) -> String {
        match self {
            Fate::NotDone(text) | Fate::NoAnswer(text) => text,
        }
    }
}

/// Judges a failed call. Only an answer in which AWS says that it refused, or a request that never left,
/// counts as not done.
pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> Fate {
    match error {
        SdkError::ConstructionFailure(_) => Fate::NotDone(chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || never_sent(error) => {
            Fate::NotDone(chain(error))
        }
        SdkError::ServiceError(answer) => refusal(answer.err(), answer.raw().status().as_u16())
            .unwrap_or_else(|| Fate::NoAnswer(chain(error))),
        // Timeouts, broken connections, unreadable answers, and whatever the SDK adds later.
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => {
            Fate::NoAnswer(chain(error))
        }
    }
}

/// Throttled by any status, or refused by a 4xx that carries AWS's own code.
fn refusal<E: ProvideErrorMetadata>(error: &E, status: u16) -> Option<Fate> {
    let code = error.code()?;
    let refused = THROTTLED.contains(&code) || (400..500).contains(&status);
    refused.then(|| Fate::NotDone(format!("{code}: {}", error.message().unwrap_or_default())))
}

/// Codes by which AWS says: not now.
const THROTTLED: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
];

/// Whether our own transport says that nothing left this machine.
fn never_sent(error: &(dyn Error + 'static)) -> bool {
    let found = causes(error).find_map(|cause| cause.downcast_ref::<TransportError>());
    matches!(found, Some(TransportError::NeverSent(_)))
}

/// The error and what lies behind it, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}
