//! Wiring: the environment, the clients, the clock and the log of the decide function.

use std::cell::RefCell;

use decide::config::Config;
use decide::wiring::{KeyedModels, Markets};
use decide::{Ports, handle, probing};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize as _;
use serde_json::Value;
use shared::lambda::{Machine, Stdout, SystemClock, deadline, log_panics};
use shared::model::Servers;
use shared::ports::{Clock, Level, Line, Log, ReadTables};
use shared::roster::Trail;
use shared::store::ReadError;
use shared::tables::Function;
use shared::tick::WireTick;
use shared::time::Millis;
use shared::venue::link::Share;
use shared::venue::venues::Venues;

/// The model servers of the stage. One that cannot be used is said in the log, and its models are not served.
async fn servers(tables: &impl ReadTables) -> Result<Servers, ReadError> {
    let item = tables.get(&[Servers::key()]).await?.pop().flatten();
    let read = item.as_ref().map_or(Ok(Servers::NONE), Servers::decode);
    Ok(read.unwrap_or_else(|bad| {
        Stdout.write(
            Line::new(Level::Error, SystemClock.now(), "model servers not readable").with("error", bad),
        );
        Servers::NONE
    }))
}

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
        servers: servers(&tables).await?,
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
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| -> Result<Value, Error> {
        if let Some(model) = shared::probe::asked(&event.payload) {
            return Ok(probing::serve(ports, model).await.encode());
        }
        let tick = WireTick::deserialize(event.payload)?.read(kind, SystemClock.now())?;
        let report = handle(tick, deadline(event.context.deadline), &names.env, ports).await;
        venues.0.settle(Function::Decide, tick.scheduled_at).await;
        Ok(report?.answer()?)
    }))
    .await
}
