//! The one real HTTP client: HTTP/1.1, rustls over ring, Mozilla's roots.
//!
//! It never follows a redirect and reads no proxy settings. A request leaves once. The one exception is a
//! [`Repeat::Read`] on a reused connection that closed before the head of an answer: it is sent once more, on a new
//! connection, within the same timeout.
//!
//! **Idle connections.** [`IDLE`] says how long a connection may be idle and still be used. Its age is judged by the
//! wall clock at the next use, because a frozen or restored Lambda runs no timer and its monotonic clock may have stood
//! still: AWS's web adapter saw that after a restored snapshot (aws-lambda-web-adapter pull request 569,
//! hyperium/hyper issue 3810) and not after an ordinary freeze (aws-lambda-web-adapter issue 830, 2026-09). The pool is
//! this module's own, because that of hyper-util goes by the monotonic clock and does not say whether a connection was
//! used before.
//!
//! **Never sent** means that no connection was made, or that the connection ended before it took the first byte of the
//! request. Everything else is **no answer**.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;
use tower_service::Service;

use crate::ports::SharedClock;
use crate::time::{Millis, Timestamp};
use crate::transport::{Repeat, Request, Response, Sending, Transport, TransportError};

/// A connection that was idle for longer is closed unused.
///
/// Half of the shortest time that was found among the servers that this client reuses connections to: S3 closes after
/// 20 s (hyperium/hyper issue 2136), load balancers of AWS after 60 s ("idle timeout" of the Application Load Balancer),
/// NAT gateways after 350 s ("Troubleshoot NAT gateways"). Local servers close after 5 s (Node `keepAliveTimeout`,
/// uvicorn `--timeout-keep-alive`); a read is repeated there, and a question has its own connection. One tick's calls
/// follow each other within seconds, and the next tick is a minute away, so a longer time would save nothing.
pub const IDLE: Millis = Millis::from_secs(10);
/// The most idle connections. The oldest is closed for another one.
const MOST_IDLE: usize = 32;
/// The largest answer that is read; a longer one counts as no answer.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// A connection that takes longer is given up while it is still certain that nothing was sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection without traffic is probed after this time, so that a NAT keeps it while a model thinks. Home routers
/// forget a connection after 60 s at the earliest (openai-python issue 3269).
const PROBE_AFTER: Duration = Duration::from_secs(15);

/// A TLS or client configuration that was refused.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct NoHttpClient(String);

/// A [`Transport`] over the network, with its pool of idle connections. It needs a running tokio runtime.
pub struct HttpClient {
    connector: HttpsConnector<HttpConnector>,
    clock: SharedClock,
    idle: Mutex<Vec<Idle>>,
}

/// The sending end of a connection.
type Connection = SendRequest<Full<Bytes>>;

/// A connection in the pool.
struct Idle {
    /// Scheme, host and port that it leads to.
    origin: Uri,
    connection: Connection,
    since: Timestamp,
}

/// How an exchange on a connection ended without an answer.
enum Broken {
    /// The connection ended before it took the request.
    Untaken(String),
    /// The connection ended before the head of an answer.
    Unanswered(String),
    /// An answer began and cannot be read.
    Unreadable(String),
}

impl From<Broken> for TransportError {
    fn from(broken: Broken) -> TransportError {
        match broken {
            Broken::Untaken(why) => TransportError::NeverSent(why),
            Broken::Unanswered(why) | Broken::Unreadable(why) => TransportError::NoAnswer(why),
        }
    }
}

impl HttpClient {
    /// A client without connections, which judges the age of idle ones by `clock`.
    pub fn new(clock: SharedClock) -> Result<HttpClient, NoHttpClient> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Ok(HttpClient { connector: HttpsConnector::from((tcp, tls()?)), clock, idle: Mutex::default() })
    }

    /// One exchange within `timeout`. Where the time ends before any connection took the request, it was never sent.
    async fn exchange(&self, request: Request, within: Millis) -> Result<Response, TransportError> {
        let within = Duration::from_millis(u64::try_from(within.0).unwrap_or_default());
        let left = AtomicBool::new(false);
        let carried = timeout(within, self.carry(request, &left)).await;
        let outcome = carried.unwrap_or_else(|_| Err(TransportError::NeverSent("timed out".to_owned())));
        match outcome {
            Err(TransportError::NeverSent(why)) if left.load(Ordering::Relaxed) => {
                Err(TransportError::NoAnswer(why))
            }
            outcome => outcome,
        }
    }

    /// Over an idle connection where the request may use one, else over a new one. `left` says whether the request may
    /// have left this machine.
    async fn carry(&self, request: Request, left: &AtomicBool) -> Result<Response, TransportError> {
        let repeat = Repeat::of(&request);
        let (origin, request) = addressed(request)?;
        if let Some(connection) = self.reusable(&origin, repeat).await {
            match self.over(connection, &origin, request.clone(), repeat, left).await {
                Ok(answer) => return Ok(answer),
                Err(Broken::Untaken(_)) => {}
                Err(Broken::Unanswered(_)) if repeat == Repeat::Read => {}
                Err(broken) => return Err(broken.into()),
            }
        }
        let connection = self.connect(&origin).await.map_err(TransportError::NeverSent)?;
        Ok(self.over(connection, &origin, request, repeat, left).await?)
    }

    /// The youngest idle connection to `origin` that is open and not too old. Older ones are closed, to any origin.
    async fn reusable(&self, origin: &Uri, repeat: Repeat) -> Option<Connection> {
        if repeat == Repeat::Once {
            return None;
        }
        // The runtime looks at its sockets here: what a server closed meanwhile is known to be closed.
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut idle = self.idle();
        idle.retain(|one| (0..=IDLE.0).contains(&now.since(one.since).0) && !one.connection.is_closed());
        let at = idle.iter().rposition(|one| one.origin == *origin && one.connection.is_ready())?;
        Some(idle.remove(at).connection)
    }

    async fn over(
        &self,
        mut connection: Connection,
        origin: &Uri,
        request: http::Request<Full<Bytes>>,
        repeat: Repeat,
        left: &AtomicBool,
    ) -> Result<Response, Broken> {
        let had_left = left.swap(true, Ordering::Relaxed);
        let answer = connection.try_send_request(request).await.map_err(|mut failure| {
            let why = chain(failure.error());
            if failure.take_message().is_some() {
                left.store(had_left, Ordering::Relaxed);
                return Broken::Untaken(why);
            }
            let error = failure.into_error();
            if error.is_parse() || error.is_user() {
                Broken::Unreadable(why)
            } else {
                Broken::Unanswered(why)
            }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        let body = body.map_err(|error| Broken::Unreadable(chain(error.as_ref())))?.to_bytes();
        if repeat != Repeat::Once {
            self.keep(origin, connection);
        }
        Ok(http::Response::from_parts(head, body))
    }

    fn keep(&self, origin: &Uri, connection: Connection) {
        let one = Idle { origin: origin.clone(), connection, since: self.clock.now() };
        let mut idle = self.idle();
        if idle.len() >= MOST_IDLE {
            idle.remove(0);
        }
        idle.push(one);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection, TLS included.
    async fn connect(&self, origin: &Uri) -> Result<Connection, String> {
        let mut connector = self.connector.clone();
        let dialed = timeout(CONNECT_TIMEOUT, async {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            connector.call(origin.clone()).await
        });
        let stream = dialed.await.map_err(|_| "no connection in time".to_owned())?;
        let stream = stream.map_err(|error| chain(error.as_ref()))?;
        let (sender, connection) = handshake(stream).await.map_err(|error| chain(&error))?;
        // It ends when its sender is dropped or the server closes; its errors reach the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpClient").field("idle", &self.idle().len()).finish_non_exhaustive()
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
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Where the request goes, and the request as it stands on the wire: the path alone, with the host as a header.
fn addressed(request: Request) -> Result<(Uri, http::Request<Full<Bytes>>), TransportError> {
    let (mut head, body) = request.into_parts();
    let address = std::mem::take(&mut head.uri).into_parts();
    let unsendable = |why: &str| TransportError::NeverSent(why.to_owned());
    let scheme = address.scheme.filter(|scheme| *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP);
    let scheme = scheme.ok_or_else(|| unsendable("the address begins with neither https:// nor http://"))?;
    let authority = address.authority.ok_or_else(|| unsendable("the address has no host"))?;
    let usual = if scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = match authority.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{}:{port}", authority.host()),
        None => authority.host().to_owned(),
    };
    let origin = Uri::builder().scheme(scheme).authority(host.as_str()).path_and_query("/").build();
    let origin = origin.map_err(|error| unsendable(&error.to_string()))?;
    let host = HeaderValue::try_from(host).map_err(|error| unsendable(&error.to_string()))?;
    let agent = HeaderValue::from_static(concat!("tradai/", env!("CARGO_PKG_VERSION")));
    head.headers.entry(HOST).or_insert(host);
    head.headers.entry(USER_AGENT).or_insert(agent);
    head.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    head.uri = Uri::from(address.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok((origin, http::Request::from_parts(head, Full::new(body))))
}

/// The error and its causes. None of them names the address, whose query may carry a signature.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (**error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
