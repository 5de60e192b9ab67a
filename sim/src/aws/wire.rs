//! How answers look on the wire: JSON 1.0 and 1.1, CBOR, and the query format's XML.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::refused::Refused;

/// An answer before its request id.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

impl Reply {
    /// The HTTP answer.
    pub(super) fn into_response(self, id: u64) -> Response<Bytes> {
        let mut answer = Response::new(self.body);
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(HeaderName::from_static("x-amzn-requestid"), HeaderValue::from(id));
        if self.content_type == "application/cbor" {
            let protocol = HeaderValue::from_static("rpc-v2-cbor");
            headers.insert(HeaderName::from_static("smithy-protocol"), protocol);
        }
        answer
    }
}

/// JSON 1.0: DynamoDB and newer CloudWatch clients.
pub(super) fn json10(done: Result<Value, Refused>) -> Reply {
    json_as("application/x-amz-json-1.0", done)
}

/// JSON 1.1: Secrets Manager.
pub(super) fn json11(done: Result<Value, Refused>) -> Reply {
    json_as("application/x-amz-json-1.1", done)
}

fn json_as(content_type: &'static str, done: Result<Value, Refused>) -> Reply {
    let (status, value) = value(done);
    Reply { status, content_type, body: Bytes::from(value.to_string()) }
}

/// CBOR: what the Rust SDK speaks to CloudWatch.
pub(super) fn cbor(done: Result<Value, Refused>) -> Reply {
    let (status, value) = value(done);
    let mut body = Vec::new();
    match ciborium::into_writer(&value, &mut body) {
        Ok(()) => Reply { status, content_type: "application/cbor", body: Bytes::from(body) },
        Err(_) => Reply { status: 500, content_type: "application/cbor", body: Bytes::new() },
    }
}

/// The answer, or the error in the shape that JSON and CBOR share.
fn value(done: Result<Value, Refused>) -> (u16, Value) {
    match done {
        Ok(value) => (200, value),
        // Clients read the message under either name, depending on the service.
        Err(Refused { status, code, message }) => {
            (status, json!({"__type": code, "message": message, "Message": message}))
        }
    }
}

/// The query format: XML named after the operation.
pub(super) fn query(operation: &str, namespace: &str, done: Result<Value, Refused>) -> Reply {
    let mut body = String::new();
    let status = match done {
        Ok(value) => {
            let inner = element(&format!("{operation}Result"), &value);
            let metadata = "<ResponseMetadata><RequestId>embedded</RequestId></ResponseMetadata>";
            // Writing to a String cannot fail.
            write!(
                body,
                "<{operation}Response xmlns=\"{namespace}\">{inner}{metadata}</{operation}Response>"
            )
            .ok();
            200
        }
        Err(Refused { status, code, message }) => {
            let error = json!({"Type": "Sender", "Code": code, "Message": message});
            let error = element("Error", &error);
            write!(
                body,
                "<ErrorResponse xmlns=\"{namespace}\">{error}<RequestId>embedded</RequestId></ErrorResponse>"
            )
            .ok();
            status
        }
    };
    Reply { status, content_type: "text/xml", body: Bytes::from(body) }
}

/// One value as XML: lists in the query format's `member` elements.
fn element(name: &str, value: &Value) -> String {
    let inner: String = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
        Value::Array(items) => items.iter().map(|item| element("member", item)).collect(),
        Value::String(text) => escaped(text),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_escapes_what_people_wrote() {
        let reply = query("Publish", "urn:x", Ok(json!({"MessageId": "<a & b>"})));
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(text.contains("<PublishResult><MessageId>&lt;a &amp; b&gt;</MessageId></PublishResult>"));
    }
}
