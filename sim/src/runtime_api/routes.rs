//! The four endpoints that a function's runtime speaks to.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::desk::{Desk, Handover};
use super::outcome::Complaint;

/// The largest answer that Lambda takes, with room for its envelope.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024 + 100 * 1024;

type Reply = (StatusCode, HeaderMap, Bytes);

/// The endpoints over a desk.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
        .with_state(desk)
}

async fn next(State(desk): State<Arc<Desk>>) -> Reply {
    let handover = desk.take().await;
    (StatusCode::OK, headers(&handover), handover.payload)
}

async fn response(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: Bytes) -> Reply {
    accepted(desk.answered(&id, body))
}

async fn error(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    accepted(desk.failed(&id, Complaint::read(&headers, &body)))
}

async fn init_error(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Reply {
    accepted(desk.init_failed(Complaint::read(&headers, &body)))
}

fn headers(handover: &Handover) -> HeaderMap {
    let texts = [
        ("lambda-runtime-aws-request-id", handover.id.clone()),
        ("lambda-runtime-deadline-ms", handover.deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", handover.function_arn.clone()),
        ("lambda-runtime-trace-id", handover.trace.clone()),
    ];
    let mut headers = json_headers();
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    headers
}

fn accepted(known: bool) -> Reply {
    let (status, body) = match known {
        true => (StatusCode::ACCEPTED, json!({"status": "OK"})),
        false => (
            StatusCode::BAD_REQUEST,
            json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}),
        ),
    };
    (status, json_headers(), Bytes::from(body.to_string()))
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}
