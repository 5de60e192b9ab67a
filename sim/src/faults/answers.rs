//! What services say when they fail.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response as HttpResponse, StatusCode};
use serde_json::{Value, json};

use crate::service::{Request, Response};

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

fn answer(status: u16, content_type: HeaderValue, body: impl Into<Bytes>) -> Response {
    let mut answer = HttpResponse::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

fn venue(status: u16, code: i64, msg: &str) -> Response {
    answer(status, JSON, json!({"code": code, "msg": msg}).to_string())
}

fn waiting(mut answer: Response, seconds: i64) -> Response {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// The exchange does not know itself.
pub(super) fn venue_unknown() -> Response {
    venue(503, -1000, "Unknown error, please check your request or try again later.")
}

/// The exchange took nothing.
pub(super) fn venue_overloaded() -> Response {
    venue(
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    )
}

/// The matching engine did not answer the API in time.
pub(super) fn venue_timeout() -> Response {
    venue(
        504,
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    )
}

/// The exchange wants to be left alone.
pub(super) fn venue_wait(seconds: i64) -> Response {
    let text = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use \
        WebSocket Streams for live updates to avoid polling the API.";
    waiting(venue(429, -1003, text), seconds)
}

/// A proxy's page.
pub(super) fn html() -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway\
        </h1></center>\r\n</body>\r\n</html>\r\n";
    answer(502, HeaderValue::from_static("text/html"), page)
}

/// The first half of an answer.
pub(super) fn cut(response: Response) -> Response {
    response.map(|body| body.slice(..body.len() / 2))
}

/// The model provider wants to be left alone.
pub(super) fn model_wait(seconds: i64) -> Response {
    let error = json!({"type": "rate_limit_error", "message": "This request would exceed your rate limit."});
    waiting(answer(429, JSON, json!({"type": "error", "error": error}).to_string()), seconds)
}

/// The model provider is overloaded.
pub(super) fn model_overloaded() -> Response {
    let error = json!({"type": "overloaded_error", "message": "Overloaded"});
    answer(529, JSON, json!({"type": "error", "error": error}).to_string())
}

fn table(status: u16, kind: &str, message: &str, more: Option<(&str, Value)>) -> Response {
    let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message});
    if let (Some((name, value)), Some(fields)) = (more, body.as_object_mut()) {
        fields.insert(name.to_owned(), value);
    }
    answer(status, AMZ_JSON, body.to_string())
}

/// DynamoDB says: not now.
pub(super) fn table_throttled() -> Response {
    let text = "The level of configured provisioned throughput for the table was exceeded.";
    table(400, "ProvisionedThroughputExceededException", text, None)
}

/// DynamoDB failed.
pub(super) fn table_failed() -> Response {
    table(500, "InternalServerError", "Internal server error", None)
}

/// Another transaction holds the first item of this one.
pub(super) fn table_conflict(request: &Request) -> Response {
    let input: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let items = input.get("TransactItems").and_then(Value::as_array).map_or(1, Vec::len);
    let reasons: Vec<Value> = (0..items)
        .map(|at| match at {
            0 => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    let text = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    table(400, "TransactionCanceledException", text, Some(("CancellationReasons", Value::Array(reasons))))
}

/// SNS failed.
pub(super) fn publish_failed() -> Response {
    let body = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Receiver</Type>\
        <Code>InternalError</Code><Message>Internal error</Message></Error><RequestId>fault</RequestId>\
        </ErrorResponse>";
    answer(500, HeaderValue::from_static("text/xml"), body)
}

/// CloudWatch failed.
pub(super) fn metrics_failed() -> Response {
    let mut body = Vec::new();
    let fault = json!({"__type": "com.amazonaws.cloudwatch#InternalServiceFault", "Message": "Internal"});
    // Without a body it is the same failure in fewer words.
    ciborium::into_writer(&fault, &mut body).ok();
    let mut answer = answer(500, HeaderValue::from_static("application/cbor"), body);
    let protocol = HeaderName::from_static("smithy-protocol");
    answer.headers_mut().insert(protocol, HeaderValue::from_static("rpc-v2-cbor"));
    answer
}
