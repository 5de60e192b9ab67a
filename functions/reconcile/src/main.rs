//! Wiring: the environment, the clients, the venues, the clock and the log of the reconcile function.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use reconcile::config::Config;
use reconcile::wiring::ReadOnly;
use reconcile::{Ports, handle};
use serde_json::Value;
use shared::lambda::{Machine, Stdout, SystemClock, deadline, log_panics};
use shared::ports::Clock;
use shared::roster::Trail;
use shared::tables::Function;
use shared::tick::WireTick;
use shared::venue::keys::Keys;
use shared::venue::link::Share;
use shared::venue::venues::Venues;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_panics();
    let config = Config::read(std::env::vars())?;
    let machine = Machine::new(&config.aws, config.stage.names.clone())?;
    let (tables, trail) = (machine.tables(), Trail::from(config.egress.clone()));
    let (transport, clock) = (machine.transport.clone(), machine.clock());
    let venues = Venues::new(tables.clone(), transport, clock, config.egress, Share::Look);
    let accounts = &ReadOnly {
        venues: venues.at(config.venue_url),
        keys: Keys::new(machine.secrets()),
        names: machine.names.clone(),
    };
    let ports = &Ports { tables: &tables, trail: &trail, accounts, clock: &SystemClock, log: &Stdout };
    let kind = config.stage.kind;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let report = handle(tick, deadline(event.context.deadline), ports).await;
        accounts.venues.settle(Function::Reconcile, tick.scheduled_at).await;
        Ok(report?.to_json())
    }))
    .await
}
