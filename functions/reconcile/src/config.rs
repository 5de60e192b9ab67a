//! What reconcile reads from its environment.

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
    /// Another base address of the venue.
    pub venue_url: Option<String>,
    /// The address from which venues are called.
    pub egress: Egress,
}

impl Config {
    /// Reads everything before it refuses anything.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Config, BadEnvironment> {
        let mut env = Environment::new(vars);
        let (stage, aws, venue_url) = (env.stage(), env.aws(), env.maybe(EnvVar::VenueUrl));
        let egress = env.egress();
        let config = || Some(Config { stage: stage?, aws: aws?, venue_url, egress: egress? });
        let config = config();
        env.finish(config)
    }
}
