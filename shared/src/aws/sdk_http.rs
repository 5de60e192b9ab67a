//! The AWS SDKs' HTTP seam over [`Transport`](crate::transport::Transport).
//!
//! One pooled client serves the exchange, the model and AWS; in replayed time the embedded AWS answers the
//! real SDK clients in process. Nothing here retries; reads are marked, so that the transport may repeat them where
//! a reused connection was closed.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::time::Millis;
use crate::transport::{Repeat, Request, Response, SharedTransport, TransportError};

/// The header that names the operation: `DynamoDB_20120810.GetItem` (AWS JSON protocol).
const TARGET: &str = "x-amz-target";
/// The operations that change nothing. Every one is a POST.
const READS: [&str; 5] = ["BatchGetItem", "GetItem", "GetSecretValue", "Query", "Scan"];

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
    let target = head.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
    let is_read = target.rsplit('.').next().is_some_and(|operation| READS.contains(&operation));
    let request = http::Request::from_parts(head, body);
    Ok(if is_read { Repeat::Read.mark(request) } else { request })
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_cloudwatch::types::MetricDatum;

    use super::*;
    use crate::aws::clients::{self, AwsConfig, time_source};
    use crate::time::Timestamp;
    use crate::transport::{Sending, Transport};

    /// Keeps how each request may be carried, and answers none.
    #[derive(Debug, Default)]
    struct Marks(Mutex<Vec<Repeat>>);

    impl Transport for Marks {
        fn send(&self, request: Request, _: Millis) -> Sending<'_> {
            self.0.lock().unwrap().push(Repeat::of(&request));
            Box::pin(std::future::ready(Err(TransportError::NoAnswer(String::new()))))
        }
    }

    #[tokio::test]
    async fn only_calls_that_change_nothing_may_be_repeated() {
        let marks = Arc::new(Marks::default());
        let config = AwsConfig {
            region: "us-east-1".to_owned(),
            endpoint: None,
            keys: None,
            timeout: Millis::from_secs(1),
            time: time_source(|| Timestamp::from_millis(1)),
        };
        let tables = clients::dynamodb(&config, marks.clone());
        tables.get_item().table_name("t").send().await.unwrap_err();
        tables.batch_get_item().send().await.unwrap_err();
        tables.query().table_name("t").send().await.unwrap_err();
        tables.scan().table_name("t").send().await.unwrap_err();
        let secrets = clients::secretsmanager(&config, marks.clone());
        secrets.get_secret_value().secret_id("s").send().await.unwrap_err();
        assert_eq!(std::mem::take(&mut *marks.0.lock().unwrap()), [Repeat::Read; 5]);
        tables.put_item().table_name("t").send().await.unwrap_err();
        tables.update_item().table_name("t").send().await.unwrap_err();
        tables.transact_write_items().send().await.unwrap_err();
        clients::sns(&config, marks.clone()).publish().message("m").send().await.unwrap_err();
        let metrics = clients::cloudwatch(&config, marks.clone()).put_metric_data();
        let datum = MetricDatum::builder().metric_name("beat").value(1.0).build();
        metrics.namespace("tradai").metric_data(datum).send().await.unwrap_err();
        assert_eq!(*marks.0.lock().unwrap(), [Repeat::Write; 5]);
    }
}
