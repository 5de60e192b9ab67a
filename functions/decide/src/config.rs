//! What decide reads from its environment.

use shared::environment::{Aws, BadEnvironment, Environment, Stage};
use shared::ids::Egress;
use shared::tables::EnvVar;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The stage.
    pub stage: Stage,
    /// Where AWS is.
    pub aws: Aws,
    /// Another address of the venue: a simulator.
    pub venue_url: Option<String>,
    /// Another address of every model provider: a simulator.
    pub model_url: Option<String>,
    /// The address from which venues are called.
    pub egress: Egress,
}

impl Config {
    /// Reads everything before it refuses anything.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Config, BadEnvironment> {
        let mut env = Environment::new(vars);
        let (stage, aws) = (env.stage(), env.aws());
        let (venue_url, model_url) = (env.maybe(EnvVar::VenueUrl), env.maybe(EnvVar::ModelUrl));
        let egress = env.egress();
        let config = || {
            let (stage, aws, egress) = (stage?, aws?, egress?);
            Some(Config { stage, aws, venue_url, model_url, egress })
        };
        let config = config();
        env.finish(config)
    }
}
