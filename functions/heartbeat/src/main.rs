//! Wiring: the environment, the clients, the clock and the log of the heartbeat function.

use std::sync::Arc;

use heartbeat::config::Config;
use heartbeat::{Ports, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::aws::clients;
use shared::aws::publish::SnsTopics;
use shared::aws::signals::CloudWatchSignals;
use shared::lambda::{Machine, Stdout, SystemClock, log_panics};
use shared::ports::Clock;
use shared::tick::WireTick;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_panics();
    let config = Config::read(std::env::vars())?;
    let machine = Machine::new(&config.aws, config.stage.names.clone())?;
    let (tables, names) = (machine.tables(), &machine.names);
    let publish = SnsTopics {
        client: clients::sns(&machine.aws, Arc::clone(&machine.transport)),
        alerts: config.alerts.clone(),
        notifications: config.notifications.clone(),
    };
    let gauge = CloudWatchSignals {
        client: clients::cloudwatch(&machine.aws, Arc::clone(&machine.transport)),
        env: names.env.clone(),
    };
    let ports =
        &Ports { tables: &tables, publish: &publish, gauge: &gauge, clock: &SystemClock, log: &Stdout };
    let kind = config.stage.kind;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        Ok(handle(tick, names, ports).await?.to_json(names))
    }))
    .await
}
