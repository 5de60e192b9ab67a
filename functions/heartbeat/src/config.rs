//! What heartbeat reads from its environment.

use shared::environment::{Aws, BadEnvironment, Environment, Stage};
use shared::tables::EnvVar;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The stage.
    pub stage: Stage,
    /// Where AWS is.
    pub aws: Aws,
    /// The ARN of the topic of pages.
    pub alerts: String,
    /// The ARN of the topic of notices.
    pub notifications: String,
}

impl Config {
    /// Reads everything before it refuses anything.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Config, BadEnvironment> {
        let mut env = Environment::new(vars);
        let (stage, aws) = (env.stage(), env.aws());
        let (alerts, notifications) = (env.need(EnvVar::AlertsTopic), env.need(EnvVar::NotificationsTopic));
        let config =
            || Some(Config { stage: stage?, aws: aws?, alerts: alerts?, notifications: notifications? });
        let config = config();
        env.finish(config)
    }
}
