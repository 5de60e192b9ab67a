//! What all providers have in common: one request within its time, a bounded answer, and words for people.

use serde_json::Value;

use crate::ports::{BadReply, ModelError, RawReply, Usage};
use crate::time::Millis;
use crate::transport::{Request, Response, SharedTransport, TransportError};

/// The largest answer that is read.
pub(in crate::model) const LARGEST_BODY: usize = 1024 * 1024;
/// How much of the provider's words is kept for people.
const EXCERPT: usize = 300;

/// Sends once. What comes back without success is `failure`'s to name.
pub(in crate::model) async fn ask(
    transport: &SharedTransport,
    request: Request,
    timeout: Millis,
    failure: impl FnOnce(&Response) -> ModelError,
) -> Result<RawReply, ModelError> {
    let sent = transport.send(request, timeout).await;
    let response = sent.map_err(|error: TransportError| ModelError::Unavailable(error.to_string()))?;
    if !response.status().is_success() {
        return Err(failure(&response));
    }
    if response.body().len() > LARGEST_BODY {
        return Err(ModelError::Unavailable(format!("the answer has more than {LARGEST_BODY} bytes")));
    }
    Ok(RawReply { body: response.body().to_vec() })
}

/// The beginning of a body that says nothing in the provider's own form.
pub(in crate::model) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(EXCERPT).collect()
}

/// What was used where the provider counts what its cache held apart: `told.tokens_in` is what it did not hold.
pub(in crate::model) fn usage(told: Usage) -> Result<Usage, BadReply> {
    let Usage { tokens_in, cache_read, cache_written, cache_written_1h, .. } = told;
    if cache_written_1h > cache_written {
        return Err(BadReply(format!("{cache_written_1h} tokens for an hour of {cache_written}")));
    }
    let all = tokens_in.checked_add(cache_read).and_then(|sum| sum.checked_add(cache_written));
    let all = all.ok_or_else(|| BadReply("more tokens than can be counted".to_owned()))?;
    Ok(Usage { tokens_in: all, ..told })
}

/// One more field of a body under construction.
pub(in crate::model) fn set(body: &mut Value, field: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// Whether a refusal's words say that the model is not there, as the providers and the servers that imitate them
/// spell it: the model is named first, then what became of it. They come with 400, 403, 404 or 410.
pub(in crate::model) fn says_no_such_model(words: &str) -> bool {
    const GONE: [&str; 9] = [
        "does not exist",
        "not found",
        "deprecated",
        "decommissioned",
        "retired",
        "no longer available",
        "end of its life",
        "identifier is invalid",
        "on-demand throughput",
    ];
    let words = words.to_lowercase();
    let is_gone = |rest: &str| GONE.iter().any(|gone| rest.contains(gone));
    words.contains("access to the model") || words.split_once("model").is_some_and(|(_, rest)| is_gone(rest))
}
