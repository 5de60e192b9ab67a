//! One client for every endpoint: one request within its time, one bounded answer. It never retries.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, header};

use super::capabilities::{Capabilities, Endpoint};
use super::failure::{failure, no_answer};
use super::provider::Provider;
use super::{chat, converse, messages, responses};
use crate::environment::Aws;
use crate::ports::{ModelError, Question, RawReply, SharedClock};
use crate::secret::Secret;
use crate::signature;
use crate::time::Millis;
use crate::transport::{Repeat, Request, Response, SharedTransport, TransportError};

/// The version of Anthropic's API that is spoken. 2026-10-21, which the SDKs speak by now, rejects a temperature for every
/// model ("Migrating to API version 2026-10-21"); the older one keeps its parameters ("Versions").
const VERSION: &str = "2023-06-01";
/// The service's name in a signature; it is not that of its host.
const BEDROCK: &str = "bedrock";

/// What a provider is asked with.
#[derive(Clone)]
pub enum Access {
    /// A key.
    Key(Secret),
    /// Nothing: a server of the user's own without a key.
    Open,
    /// The keys of AWS, with which requests are signed.
    Aws(Aws),
}

/// Asks the models of one provider or server.
#[derive(Clone)]
pub struct Client {
    transport: SharedTransport,
    clock: SharedClock,
    provider: Provider,
    base: String,
    access: Access,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// Speaks to `base`, the address before the endpoint's own path, as to a provider or server of this kind.
    pub fn new(
        transport: SharedTransport,
        clock: SharedClock,
        provider: Provider,
        base: &str,
        access: Access,
    ) -> Client {
        Client { transport, clock, provider, base: base.trim_end_matches('/').to_owned(), access }
    }

    /// Asks once as the model takes it, and returns what came back, unread.
    pub async fn ask(&self, question: &Question, takes: &Capabilities) -> Result<RawReply, ModelError> {
        let request = self.request(question, takes)?;
        let response = self.send(request, question.timeout).await?;
        self.answer(&response, takes)
    }

    /// Sends one request. Some servers repeat the key to whom they refuse; it does not stand in what is returned.
    pub async fn send(&self, request: Request, timeout: Millis) -> Result<Response, ModelError> {
        match self.transport.send(Repeat::Once.mark(request), timeout).await {
            Ok(response) => Ok(self.without_key(response)),
            Err(TransportError::NeverSent(why)) => Err(ModelError::NotSent(why)),
            Err(TransportError::NoAnswer(why)) => Err(ModelError::Unavailable(why)),
        }
    }

    /// What came back, where it is an answer and no failure.
    pub fn answer(&self, response: &Response, takes: &Capabilities) -> Result<RawReply, ModelError> {
        let now = self.clock.now();
        if !response.status().is_success() {
            return Err(failure(response, self.provider, now));
        }
        match no_answer(response, takes.endpoint, self.provider, now) {
            Some(error) => Err(error),
            None => Ok(RawReply { body: response.body().to_vec() }),
        }
    }

    fn without_key(&self, response: Response) -> Response {
        let Access::Key(key) = &self.access else { return response };
        let key = key.expose();
        let has_key = |body: &[u8]| !key.is_empty() && body.windows(key.len()).any(|it| it == key.as_bytes());
        match has_key(response.body()) {
            true => response.map(|body| String::from_utf8_lossy(&body).replace(key, "[key]").into()),
            false => response,
        }
    }

    /// The request as it is sent.
    pub fn request(&self, question: &Question, takes: &Capabilities) -> Result<Request, ModelError> {
        let unmade = |why: String| ModelError::NotSent(format!("no request could be made: {why}"));
        let (path, body) = match takes.endpoint {
            Endpoint::Messages => ("/messages".to_owned(), messages::body(question, takes)),
            Endpoint::Responses => ("/responses".to_owned(), responses::body(question, takes)),
            Endpoint::Chat => ("/chat/completions".to_owned(), chat::body(question, takes, self.provider)),
            Endpoint::Converse => (
                format!("/model/{}/converse", converse::escaped(question.name())),
                converse::body(question, takes),
            ),
        };
        let mut request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| unmade(error.to_string()))?;
        match &self.access {
            Access::Aws(aws) => {
                return signature::signed(request, BEDROCK, aws, self.clock.now()).map_err(unmade);
            }
            Access::Open => {}
            Access::Key(key) if takes.endpoint == Endpoint::Messages => {
                let headers = request.headers_mut();
                headers.insert("x-api-key", secret(key.expose())?);
                headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
            }
            Access::Key(key) => {
                let bearer = secret(&format!("Bearer {}", key.expose()))?;
                request.headers_mut().insert(header::AUTHORIZATION, bearer);
            }
        }
        Ok(request)
    }
}

/// A key that cannot stand in a header is no key.
fn secret(text: &str) -> Result<HeaderValue, ModelError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        ModelError::NoKey("the key has a line feed or another sign that cannot stand in a header".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}
