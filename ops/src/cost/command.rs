//! `tradai cost` as a command: the measurement, and one of its two views.

use std::process::ExitCode;

use super::options::Options;
use super::{NotCosted, cost, json, show};
use crate::wait::wait;

/// Runs the command and says how it ended: 0 with a bill, 1 without one, 2 when what was given cannot be used.
pub fn run(options: &Options) -> ExitCode {
    match wait(cost(options)) {
        Some(Ok(costs)) if options.json => println!("{}", json::line(&costs)),
        Some(Ok(costs)) => println!("{}", show::text(&costs)),
        None => return ExitCode::FAILURE,
        Some(Err(NotCosted::Input(line))) => {
            eprintln!("tradai: {line}");
            return ExitCode::from(2);
        }
        Some(Err(error)) => {
            eprintln!("tradai: {}", error.to_string().replace('\n', " "));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
