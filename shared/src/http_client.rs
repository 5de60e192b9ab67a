//! The one real HTTP client: pooled, HTTP/1.1, rustls over ring, Mozilla's roots.
//!
//! It never follows a redirect, never retries and reads no proxy settings, so what was sent is exactly what
//! the caller asked for, once.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::time::Millis;
use crate::transport::{Request, Response, Sending, Transport, TransportError};

/// The largest answer that is read; a longer one counts as no answer.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// A connection that takes longer is given up while it is still certain that nothing was sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A TLS or client configuration that was refused.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct NoHttpClient(String);

/// A [`Transport`] over the network. Cloning shares the pool.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A client with an empty pool.
    pub fn new() -> Result<HttpClient, NoHttpClient> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("tradai/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NoHttpClient(error.to_string()))?;
        Ok(HttpClient(client))
    }

    async fn exchange(&self, request: Request, timeout: Millis) -> Result<Response, TransportError> {
        let mut request = reqwest::Request::try_from(request).map_err(|error| never_sent(&error))?;
        *request.timeout_mut() = Some(duration(timeout));
        let answer = self.0.execute(request).await.map_err(|error| failure(&error))?;
        whole(answer).await
    }
}

impl Transport for HttpClient {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        Box::pin(self.exchange(request, timeout))
    }
}

/// Ring as the provider and compiled-in roots: no system store, so Lambda and a laptop trust the same.
fn tls() -> Result<rustls::ClientConfig, NoHttpClient> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NoHttpClient(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The answer with its whole body, up to the limit.
async fn whole(mut answer: reqwest::Response) -> Result<Response, TransportError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failure(&error))? {
        if body.len().saturating_add(chunk.len()) > BODY_LIMIT {
            return Err(TransportError::NoAnswer(format!("the answer is longer than {BODY_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = http::Response::new(Bytes::from(body));
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}

/// Only a connection that was never made is certain not to have carried the request.
fn failure(error: &reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        return never_sent(error);
    }
    TransportError::NoAnswer(chain(error))
}

fn never_sent(error: &reqwest::Error) -> TransportError {
    TransportError::NeverSent(chain(error))
}

/// The error and its causes, without the address: query strings of exchanges carry signatures.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { "failed".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

fn duration(timeout: Millis) -> Duration {
    Duration::from_millis(u64::try_from(timeout.0).unwrap_or_default())
}
