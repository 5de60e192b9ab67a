//! One server for one process: events go in by [`RuntimeApi::invoke`], the process answers over HTTP.

use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use shared::time::Millis;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use super::desk::{Desk, Event};
use super::outcome::{Invocation, InvokeError};
use super::routes;
use super::wall::{self, Stopwatch};

/// More than one invocation can say.
const EVENTS: usize = 64;

/// How long a function may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until it asks for work.
    pub init: Millis,
    /// From then to its answer.
    pub timeout: Millis,
}

/// A Runtime API on a port of its own. Dropping it closes the port.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    desk: Arc<Desk>,
    events: Mutex<Receiver<Event>>,
    server: JoinHandle<io::Result<()>>,
}

impl RuntimeApi {
    /// Opens a free port on this machine.
    pub async fn start(function_arn: &str) -> io::Result<RuntimeApi> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, heard) = mpsc::channel(EVENTS);
        let desk = Arc::new(Desk::new(function_arn, address.port(), events));
        let serve = axum::serve(listener, routes::router(Arc::clone(&desk)));
        let server = tokio::spawn(serve.into_future());
        Ok(RuntimeApi { address, desk, events: Mutex::new(heard), server })
    }

    /// Where the function finds it: `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands `payload` to the function and waits for what it says. One invocation at a time; more wait.
    pub async fn invoke(&self, payload: &Value, limits: Limits) -> Result<Invocation, InvokeError> {
        let mut events = self.events.lock().await;
        let first = self.desk.is_fresh();
        let id = self.desk.offer(Bytes::from(payload.to_string()), limits.timeout);
        let outcome = self.follow(&mut events, &id, limits).await;
        self.desk.clear();
        outcome.map(|(response, duration)| Invocation {
            response,
            duration,
            init: self.desk.ready_after().filter(|_| first),
        })
    }

    async fn follow(
        &self,
        events: &mut Receiver<Event>,
        id: &str,
        limits: Limits,
    ) -> Result<(Value, Millis), InvokeError> {
        in_time(limits.init, taken(events, id)).await?;
        let watch = Stopwatch::start();
        let body = in_time(limits.timeout, answered(events, id)).await?;
        Ok((parse(&body)?, watch.elapsed()))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn in_time<T>(
    limit: Millis,
    work: impl Future<Output = Result<T, InvokeError>>,
) -> Result<T, InvokeError> {
    wall::within(limit, work).await.unwrap_or(Err(InvokeError::TimedOut { after: limit }))
}

/// Waits until the function has collected `id`. What it says of earlier invocations is too late.
async fn taken(events: &mut Receiver<Event>, id: &str) -> Result<(), InvokeError> {
    loop {
        match heard(events).await? {
            Event::Taken { id: taken } if taken == id => return Ok(()),
            Event::InitFailed(complaint) => return Err(complaint.into_init_error()),
            Event::Taken { .. } | Event::Answered { .. } | Event::Failed { .. } => {}
        }
    }
}

/// Waits for what the function says of `id`.
async fn answered(events: &mut Receiver<Event>, id: &str) -> Result<Bytes, InvokeError> {
    loop {
        match heard(events).await? {
            Event::Answered { id: answered, body } if answered == id => return Ok(body),
            Event::Failed { id: failed, complaint } if failed == id => {
                return Err(complaint.into_function_error());
            }
            Event::InitFailed(complaint) => return Err(complaint.into_init_error()),
            Event::Taken { .. } | Event::Answered { .. } | Event::Failed { .. } => {}
        }
    }
}

async fn heard(events: &mut Receiver<Event>) -> Result<Event, InvokeError> {
    // The desk holds the other end for as long as this server lives.
    let closed = || io::Error::other("the Runtime API is closed");
    events.recv().await.ok_or_else(|| InvokeError::NoProcess(closed()))
}

fn parse(body: &[u8]) -> Result<Value, InvokeError> {
    serde_json::from_slice(body).map_err(|error| InvokeError::FunctionError {
        kind: "Runtime.InvalidResponse".to_owned(),
        message: format!("the answer is not JSON: {error}"),
    })
}
