//! Invokes a function and waits until it is done: the operator's way to have a tick in seconds.
//!
//! Facts: the Lambda API reference, "Invoke".

use std::fmt;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::Value;

use crate::environment::Aws;
use crate::signature;
use crate::time::{Millis, Timestamp};
use crate::transport::{Request, SharedTransport};

/// The service's name in a signature.
const SERVICE: &str = "lambda";
/// The alias that schedules invoke too: the version that runs now. `infra/cdk/lib/names.ts` has the same word.
const ALIAS: &str = "live";
/// There where the function itself failed.
const FUNCTION_ERROR: &str = "x-amz-function-error";
/// What an emulator of AWS says that has no functions at all.
const UNKNOWN_OPERATION: &str = "UnknownOperationException";
/// Most characters of an answer that an error repeats.
const MOST_SHOWN: usize = 200;

/// Where functions are invoked.
#[derive(Clone)]
pub struct Functions {
    transport: SharedTransport,
    aws: Aws,
}

/// A function that was not invoked, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function} failed: {why}")]
pub struct NotInvoked {
    /// The function.
    pub function: String,
    /// Why, in AWS's words where it answered.
    pub why: String,
    /// Whether there is no such function.
    pub is_absent: bool,
}

impl fmt::Debug for Functions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Functions").field("region", &self.aws.region).finish_non_exhaustive()
    }
}

impl Functions {
    /// The functions of the account and region of `aws`.
    pub const fn new(transport: SharedTransport, aws: Aws) -> Functions {
        Functions { transport, aws }
    }

    /// Invokes what stands behind the alias of `function` with `event`, and returns its answer once it has ended well.
    pub async fn invoke(
        &self,
        function: &str,
        event: &Value,
        now: Timestamp,
        timeout: Millis,
    ) -> Result<Bytes, NotInvoked> {
        let failed = |why: String| NotInvoked { function: function.to_owned(), why, is_absent: false };
        let request = self.request(function, event, now).map_err(failed)?;
        let answer =
            self.transport.send(request, timeout).await.map_err(|error| failed(error.to_string()))?;
        let status = answer.status();
        if status.is_success() && !answer.headers().contains_key(FUNCTION_ERROR) {
            return Ok(answer.into_body());
        }
        let words: String = String::from_utf8_lossy(answer.body()).chars().take(MOST_SHOWN).collect();
        let is_absent = status == StatusCode::NOT_FOUND || words.contains(UNKNOWN_OPERATION);
        Err(NotInvoked { is_absent, ..failed(format!("HTTP {} {words}", status.as_u16())) })
    }

    fn request(&self, function: &str, event: &Value, now: Timestamp) -> Result<Request, String> {
        let home = || format!("https://lambda.{}.amazonaws.com", self.aws.region);
        let base = self.aws.endpoint.clone().unwrap_or_else(home);
        let base = base.trim_end_matches('/');
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{base}/2015-03-31/functions/{function}/invocations?Qualifier={ALIAS}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(event.to_string()))
            .map_err(|error| error.to_string())?;
        signature::signed(request, SERVICE, &self.aws, now)
    }
}
