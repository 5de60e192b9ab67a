//! Runs a program to its end and says what it said.

use std::process::Command;

/// Why a program did not do what it was for.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It is not installed.
    #[error("{program} is missing ({why}); {mend}")]
    Missing {
        /// What was called.
        program: String,
        /// What the system said.
        why: std::io::Error,
        /// The line that installs it.
        mend: &'static str,
    },
    /// It ended with an error.
    #[error("{what} failed:\n{said}")]
    Ended {
        /// What it was for.
        what: String,
        /// The end of what it said.
        said: String,
    },
    /// A file could not be read or written.
    #[error("{what}: {why}")]
    File {
        /// Which.
        what: String,
        /// Why not.
        why: std::io::Error,
    },
    /// The tools from PyPI.
    #[error(transparent)]
    Python(#[from] registries::python::NoPython),
    /// The world outside could not be made.
    #[error("no exchange and no model: {0}")]
    World(String),
    /// What was waited for did not come.
    #[error("not within {seconds} seconds: {what}; last seen: {seen}")]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What was there instead.
        seen: String,
    },
}

/// How much of a failing program's words is kept.
const MOST_LINES: usize = 60;

/// Both outputs of `command`, which must succeed.
pub fn run(what: &str, mend: &'static str, command: &mut Command) -> Result<String, Failed> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|why| Failed::Missing { program, why, mend })?;
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if output.status.success() {
        return Ok(said);
    }
    let lines: Vec<&str> = said.lines().collect();
    let end = lines.get(lines.len().saturating_sub(MOST_LINES)..).unwrap_or_default();
    Err(Failed::Ended { what: what.to_owned(), said: end.join("\n") })
}
