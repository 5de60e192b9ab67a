//! `tradai cost` as a command: the measurement, and one of its two views.

use std::process::ExitCode;

use super::options::Options;
use super::{NotCosted, cost, json, show};

/// Runs the command and says how it ended: 0 with a bill, 1 without one, 2 when what was given cannot be used.
pub fn run(options: &Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tradai: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cost(options)) {
        Ok(costs) if options.json => println!("{}", json::line(&costs)),
        Ok(costs) => println!("{}", show::text(&costs)),
        Err(NotCosted::Input(line)) => {
            eprintln!("tradai: {line}");
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("tradai: {}", error.to_string().replace('\n', " "));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
