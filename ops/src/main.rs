//! `tradai`: the operator's program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ops::paper;

/// A trading system driven by a language model: run it on this machine, and operate it on AWS.
#[derive(Debug, Parser)]
#[command(name = "tradai", version, about)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trade recorded candles with simulated money, and explain every decision
    Paper(paper::options::Options),
}

fn main() -> ExitCode {
    let program = Program::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tradai: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match program.command {
        Command::Paper(options) => runtime.block_on(paper::command::run(&options)),
    }
}
