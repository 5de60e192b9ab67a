//! The AWS SDKs' HTTP seam over [`Transport`](crate::transport::Transport).
//!
//! One pooled client serves the exchange, the model and AWS; in replayed time the embedded AWS answers the
//! real SDK clients in process. Nothing here retries.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::time::Millis;
use crate::transport::{Request, Response, SharedTransport, TransportError};

/// An SDK's HTTP client and connector in one: every request goes through the transport.
#[derive(Debug, Clone)]
pub struct SdkHttp {
    transport: SharedTransport,
    timeout: Millis,
}

impl SdkHttp {
    /// Sends through `transport`, giving each request `timeout`.
    pub fn new(transport: SharedTransport, timeout: Millis) -> SdkHttp {
        SdkHttp { transport, timeout }
    }
}

impl HttpClient for SdkHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match to_ours(request) {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(error)),
        };
        let SdkHttp { transport, timeout } = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = transport.send(request, timeout).await.map_err(connector_error)?;
            to_theirs(answer)
        })
    }
}

/// The SDK's request with its whole body; a streaming one is refused, since none of our calls streams.
fn to_ours(request: HttpRequest) -> Result<Request, ConnectorError> {
    let (head, body) =
        request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("a streaming body is not sent".into()))?;
    Ok(http::Request::from_parts(head, body))
}

/// Our answer as the SDK reads it.
fn to_theirs(answer: Response) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(answer.map(SdkBody::from))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// Keeps the one distinction that matters: whether the request may have arrived.
fn connector_error(error: TransportError) -> ConnectorError {
    match error {
        TransportError::NeverSent(_) => ConnectorError::io(error.into()).never_connected(),
        TransportError::NoAnswer(_) => ConnectorError::timeout(error.into()),
    }
}

/// Why a call got no answer, where that is why it failed: tells [`TransportError::NeverSent`] from the rest.
pub fn transport_error<E, R>(error: &SdkError<E, R>) -> Option<&TransportError> {
    let SdkError::DispatchFailure(failure) = error else { return None };
    std::error::Error::source(failure.as_connector_error()?)?.downcast_ref()
}
