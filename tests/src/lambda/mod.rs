//! The four function binaries, built as for Lambda, under the Runtime API emulator and real sockets.
//!
//! The binaries live in real time, so every strategy gets one scheduled minute: a thousand invocations are a
//! thousand strategies, each with a shard, an account and an exchange of its own, in a market that rises.

pub mod books;
pub mod build;
pub mod drive;
pub mod fleet;
pub mod market;
pub mod meters;
pub mod stats;
pub mod table;
pub mod venue;
pub mod world;

use std::path::PathBuf;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Invocations of each function.
    pub invocations: u32,
    /// How often decide serves all of its strategies once more afterwards.
    pub rounds: u32,
    /// Where the binaries come from.
    pub binaries: Source,
}

/// Where binaries come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A directory has them.
    Directory(PathBuf),
    /// They are built as they are packaged, with this profile.
    Packaged(String),
    /// They are built for development, all at once: fast, and with unified features.
    Together,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A binary could not be built.
    #[error("{what} was not built: {why}")]
    Build {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// The world could not be set up.
    #[error("the world could not be set up: {0}")]
    World(String),
    /// A socket or process failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// Setting up failed for this reason.
    pub fn world(why: impl ToString) -> Failure {
        Failure::World(why.to_string())
    }
}

/// Builds the binaries if need be, runs them, and says what was measured.
pub async fn run(options: &Options) -> Result<stats::Findings, Failure> {
    let binaries = match &options.binaries {
        Source::Directory(path) => build::found_in(path)?,
        Source::Packaged(profile) => build::packaged(profile)?,
        Source::Together => build::together()?,
    };
    let world = world::World::start().await?;
    let load = fleet::Fleet::of(fleet::LOAD, options.invocations, fleet::EVERY_MINUTE);
    let idle = fleet::Fleet::of(fleet::IDLE, options.invocations.min(100), fleet::ONCE_A_DAY);
    let runner = drive::Runner::start(&world, &binaries).await?;
    drive::everything(&runner, &load, &idle, options.rounds).await
}
