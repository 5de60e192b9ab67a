//! `tradai`: the operator's program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ops::paper;

/// A run makes and drops some hundred million small texts and maps; the system's allocator takes a quarter of its
/// time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    match Program::parse().command {
        Command::Paper(options) => paper::command::run(&options),
    }
}
