//! What a request is for, as far as faults tell requests apart.

use http::Method;
use http::header::HOST;

use crate::service::Request;
use crate::world::{EXCHANGE_HOST, MODEL_HOST};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An order or a cancel.
    VenueSend,
    /// Any other request to the exchange.
    VenueRead,
    /// The model.
    Model,
    /// DynamoDB, one call.
    Table,
    /// DynamoDB, `TransactWriteItems`.
    Transaction,
    /// SNS, `Publish`.
    Publish,
    /// CloudWatch.
    Metrics,
    /// Whatever no fault befalls.
    Other,
}

/// The host names that are not AWS's; by default those of the simulated world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// The exchange.
    pub venue: String,
    /// The model provider.
    pub model: String,
}

impl Default for Hosts {
    fn default() -> Hosts {
        Hosts { venue: EXCHANGE_HOST.to_owned(), model: MODEL_HOST.to_owned() }
    }
}

/// The host of a request in lower case.
pub(super) fn host(request: &Request) -> String {
    let header = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let name = request.uri().host().or_else(header).unwrap_or_default();
    name.to_ascii_lowercase()
}

/// What `request` to `host` is for.
pub(super) fn of(request: &Request, host: &str, hosts: &Hosts) -> Target {
    if host == hosts.venue {
        return venue(request);
    }
    if host == hosts.model {
        return Target::Model;
    }
    aws(request, host)
}

fn venue(request: &Request) -> Target {
    let acts = request.method() == Method::POST || request.method() == Method::DELETE;
    let is_test = request.uri().path().ends_with("/test");
    if acts && !is_test { Target::VenueSend } else { Target::VenueRead }
}

fn aws(request: &Request, host: &str) -> Target {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.split_once('.')) {
        Some(("DynamoDB_20120810", "TransactWriteItems")) => return Target::Transaction,
        Some(("DynamoDB_20120810", _)) => return Target::Table,
        Some(("GraniteServiceVersion20100801", _)) => return Target::Metrics,
        Some(_) | None => {}
    }
    match host.split('.').next() {
        Some("monitoring") => Target::Metrics,
        Some("sns") if publishes(request.body()) => Target::Publish,
        Some(_) | None => Target::Other,
    }
}

fn publishes(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "Action" && value == "Publish")
}
