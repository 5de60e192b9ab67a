//! A simulated service behind a real socket, for the real function binaries and other clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::clock::SharedNow;
use crate::service::{Request, Service};

/// The largest request that is read.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A service that is being served; dropping it stops listening.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Its base address, such as `http://127.0.0.1:4566`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves on a free port of this machine alone.
pub async fn serve_local(service: Arc<dyn Service>, clock: SharedNow) -> io::Result<Served> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    serve(service, clock, listener)
}

/// Serves every path and method on `listener`. Needs a running tokio runtime.
pub fn serve(service: Arc<dyn Service>, clock: SharedNow, listener: TcpListener) -> io::Result<Served> {
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new().fallback(answer).with_state((service, clock));
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        // Sent never, dropped once: both mean stop.
        stopped.await.ok();
    });
    tokio::spawn(async move { serving.await });
    Ok(Served { address, _stop: stop })
}

/// One request to the service, on a thread of its own: a slow service holds up nobody else.
async fn answer(
    State((service, clock)): State<(Arc<dyn Service>, SharedNow)>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let request = Request::from_parts(head, body);
    let serving = tokio::task::spawn_blocking(move || service.serve(request, clock.now()));
    match serving.await {
        Ok(answer) => answer.map(Body::from),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn plain(status: StatusCode) -> http::Response<Body> {
    let mut answer = http::Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
