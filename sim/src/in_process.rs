//! A network without sockets: requests reach simulated services by host name, in process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use shared::time::Millis;
use shared::transport::{Request, Response, Sending, Transport, TransportError};

use crate::clock::SharedNow;
use crate::service::Service;

/// A [`Transport`] that hands each request to the service behind its host name.
#[derive(Clone)]
pub struct InProcess {
    clock: SharedNow,
    routes: BTreeMap<String, Arc<dyn Service>>,
}

impl InProcess {
    /// A network that reaches nothing yet; services see the time of `clock`.
    pub fn new(clock: SharedNow) -> InProcess {
        InProcess { clock, routes: BTreeMap::new() }
    }

    /// Puts `service` behind `host`; `*.example.com` stands for every name below `example.com`.
    #[must_use]
    pub fn route(mut self, host: &str, service: Arc<dyn Service>) -> InProcess {
        self.routes.insert(host.to_ascii_lowercase(), service);
        self
    }

    /// The service behind the exact name, or behind the closest wildcard above it.
    fn service(&self, host: &str) -> Option<&Arc<dyn Service>> {
        if let Some(service) = self.routes.get(host) {
            return Some(service);
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(service) = self.routes.get(&format!("*.{parent}")) {
                return Some(service);
            }
            rest = parent;
        }
        None
    }

    fn answer(&self, request: Request) -> Result<Response, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_ascii_lowercase();
        let service =
            self.service(&host).ok_or_else(|| TransportError::NeverSent(format!("no host {host}")))?;
        Ok(service.serve(request, self.clock.now()))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("InProcess").field(&self.routes.keys()).finish()
    }
}

impl Transport for InProcess {
    /// Answers on the first poll, so a future that is dropped unpolled was never sent. The services
    /// take no simulated time of their own, hence no timeout: lateness is a fault, injected above this.
    fn send(&self, request: Request, _timeout: Millis) -> Sending<'_> {
        Box::pin(async move { self.answer(request) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;
    use bytes::Bytes;
    use shared::time::Timestamp;

    struct Named(&'static str);
    impl Service for Named {
        fn serve(&self, _: Request, now: Timestamp) -> Response {
            http::Response::new(Bytes::from(format!("{} at {now}", self.0)))
        }
    }

    fn ask(network: &InProcess, uri: &str) -> Result<String, TransportError> {
        let request = http::Request::get(uri).body(Bytes::new()).unwrap();
        network.answer(request).map(|answer| String::from_utf8(answer.into_body().to_vec()).unwrap())
    }

    #[test]
    fn hosts_are_reached_by_name_then_by_wildcard() {
        let clock = SimClock::new(Timestamp::parse("2023-03-01T00:00:00Z").unwrap());
        let network = InProcess::new(clock.shared())
            .route("api.exchange.test", Arc::new(Named("exchange")))
            .route("*.amazonaws.com", Arc::new(Named("aws")));
        assert_eq!(ask(&network, "https://api.exchange.test/x").unwrap(), "exchange at 2023-03-01T00:00:00Z");
        assert!(ask(&network, "https://sns.us-east-1.amazonaws.com/").unwrap().starts_with("aws"));
        assert!(matches!(ask(&network, "https://elsewhere.test/"), Err(TransportError::NeverSent(_))));
    }
}
