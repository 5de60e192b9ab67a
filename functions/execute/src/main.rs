//! Wiring: the environment, the clients, the venues, the clock and the log of the execute function.

use execute::config::Config;
use execute::handle;
use execute::turn::Shift;
use execute::wiring::{Approvals, Trading};
use lambda_runtime::{Error, LambdaEvent, service_fn};
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
    let approvals = &Approvals::new(machine.secrets(), machine.names.approval_secret());
    let (tables, trail) = (&machine.tables(), &Trail::from(config.egress.clone()));
    let (transport, clock) = (machine.transport.clone(), machine.clock());
    let venues = Venues::new(tables.clone(), transport, clock, config.egress, Share::Act);
    let accounts = &Trading {
        venues: venues.at(config.venue_url),
        keys: Keys::new(machine.secrets()),
        names: machine.names.clone(),
    };
    let (env, kind) = (&machine.names.env, config.stage.kind);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let deadline = deadline(event.context.deadline);
        let approval_key = approvals.key(&SystemClock, &Stdout).await;
        let shift =
            Shift { env, tick, deadline, tables, trail, clock: &SystemClock, log: &Stdout, approval_key };
        let report = handle(&shift, accounts).await;
        accounts.venues.settle(Function::Execute, tick.scheduled_at).await;
        Ok(report?.to_json())
    }))
    .await
}
