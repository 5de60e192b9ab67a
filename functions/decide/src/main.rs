//! Wiring: the environment, the clients, the clock and the log of the decide function.

use std::cell::RefCell;

use decide::config::Config;
use decide::wiring::{KeyedModels, Markets};
use decide::{Ports, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::lambda::{Machine, Stdout, SystemClock, deadline, log_panics};
use shared::ports::Clock;
use shared::roster::Trail;
use shared::tables::Function;
use shared::tick::WireTick;
use shared::time::Millis;
use shared::venue::link::Share;
use shared::venue::venues::Venues;

/// The time that one call of a venue may take.
const VENUE_TIMEOUT: Millis = Millis::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_panics();
    let config = Config::read(std::env::vars())?;
    let machine = Machine::new(&config.aws, config.stage.names.clone())?;
    let (tables, names) = (machine.tables(), &machine.names);
    let (transport, clock) = (machine.transport.clone(), machine.clock());
    let venues = Venues::new(tables.clone(), transport, clock, config.egress.clone(), Share::Look);
    let venues = Markets(venues.at(config.venue_url).within(VENUE_TIMEOUT));
    let model = KeyedModels {
        secrets: machine.secrets(),
        names: names.clone(),
        transport: machine.transport.clone(),
        clock: machine.clock(),
        aws: config.aws,
        url: config.model_url,
        compatible_url: config.compatible_url,
        keys: RefCell::default(),
    };
    let ports = &Ports {
        tables: &tables,
        trail: &Trail::from(config.egress),
        venues: &venues,
        model: &model,
        clock: &SystemClock,
        log: &Stdout,
    };
    let kind = config.stage.kind;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let report = handle(tick, deadline(event.context.deadline), &names.env, ports).await;
        venues.0.settle(Function::Decide, tick.scheduled_at).await;
        Ok(report?.answer()?)
    }))
    .await
}
