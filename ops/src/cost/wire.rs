//! The network of a measured fleet: it passes every request on to the simulated world and counts who was called, what
//! that weighs on the wire, and whether two calls were ever under way at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use shared::time::Millis;
use shared::transport::{Request, Response, Sending, SharedTransport, Transport};
use sim::world::MODEL_HOST;

/// What passed the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Calls of AWS.
    pub aws: u64,
    /// Calls of an exchange.
    pub venue: u64,
    /// Calls of the model.
    pub model: u64,
    /// Bytes of requests that leave AWS.
    pub out: u64,
    /// Bytes that a gateway would carry, both ways: everything but the tables, which have a way of their own.
    pub carried: u64,
}

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Party {
    Tables,
    OtherAws,
    Venue,
    Model,
}

/// A network that counts.
#[derive(Debug)]
pub struct Wire {
    world: SharedTransport,
    passed: Mutex<Passed>,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    now: u32,
    most: u32,
}

impl Wire {
    /// Nothing has passed yet on the way to `world`.
    pub fn to(world: SharedTransport) -> Arc<Wire> {
        Arc::new(Wire { world, passed: Mutex::default(), under_way: Mutex::default() })
    }

    /// What has passed since this was asked last.
    pub fn take(&self) -> Passed {
        std::mem::take(&mut *locked(&self.passed))
    }

    /// The most calls that were ever under way at once.
    pub fn most_at_once(&self) -> u32 {
        locked(&self.under_way).most
    }

    fn sent(&self, party: Party, request: &Request) {
        let bytes = weight(request.headers(), request.body().len(), request.uri().to_string().len());
        let mut passed = locked(&self.passed);
        match party {
            Party::Tables | Party::OtherAws => passed.aws = passed.aws.saturating_add(1),
            Party::Venue => passed.venue = passed.venue.saturating_add(1),
            Party::Model => passed.model = passed.model.saturating_add(1),
        }
        if matches!(party, Party::Venue | Party::Model) {
            passed.out = passed.out.saturating_add(bytes).saturating_add(AROUND);
        }
        if party != Party::Tables {
            passed.carried = passed.carried.saturating_add(bytes).saturating_add(AROUND);
        }
    }

    fn answered(&self, party: Party, answer: &Response) {
        if party != Party::Tables {
            let mut passed = locked(&self.passed);
            passed.carried = passed
                .carried
                .saturating_add(weight(answer.headers(), answer.body().len(), 0))
                .saturating_add(AROUND);
        }
    }

    fn begins(&self) {
        let mut under_way = locked(&self.under_way);
        under_way.now = under_way.now.saturating_add(1);
        under_way.most = under_way.most.max(under_way.now);
    }

    fn ends(&self) {
        let mut under_way = locked(&self.under_way);
        under_way.now = under_way.now.saturating_sub(1);
    }
}

/// What is assumed to be around each request and each answer: packets, TLS, and a share of opening the connection.
pub const AROUND: u64 = 500;

/// A message without what is around it, in bytes.
fn weight(headers: &HeaderMap, body: usize, address: usize) -> u64 {
    let of = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len().saturating_add(value.len()).saturating_add(": \r\n".len())
    };
    let whole: usize = headers.iter().map(of).sum();
    u64::try_from(whole.saturating_add(body).saturating_add(address)).unwrap_or(u64::MAX)
}

fn party(request: &Request) -> Party {
    match request.uri().host().unwrap_or_default() {
        MODEL_HOST => Party::Model,
        host if host.starts_with("dynamodb.") => Party::Tables,
        host if host.ends_with(".amazonaws.com") => Party::OtherAws,
        _ => Party::Venue,
    }
}

impl Transport for Wire {
    /// Gives everybody else a turn before it passes a request on: whoever calls two parties at once is seen.
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        Box::pin(async move {
            let party = party(&request);
            self.sent(party, &request);
            self.begins();
            tokio::task::yield_now().await;
            let answer = self.world.send(request, timeout).await;
            self.ends();
            if let Ok(answer) = &answer {
                self.answered(party, answer);
            }
            answer
        })
    }
}

/// Counts are whole numbers: a panic elsewhere leaves them true.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
