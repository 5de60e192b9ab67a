//! `tradai`: the operator's program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ops::{
    approve, cost, emergency_stop, gate, model, operate, paper, reject, replay, stage, start, status, stop,
    strategy,
};

/// A run makes and drops small texts and maps without end, which the system's allocator is slow at.
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
    /// Count what strategies use on this machine, and price it: dollars a month for 1, 100 and 10,000 of them
    Cost(cost::options::Options),
    /// List the orders of a stage that wait for a person
    Approvals(stage::Which),
    /// Show an order that waits, and approve exactly what was shown
    Approve(approve::Options),
    /// End an order that waits
    Reject(reject::Options),
    /// Gates that stop a strategy from opening
    #[command(subcommand)]
    Gate(gate::Command),
    /// Models that were switched off
    #[command(subcommand)]
    Model(model::Command),
    /// Strategies of a stage
    #[command(subcommand)]
    Strategy(strategy::Command),
    /// Show what a stage does, holds and lacks; exit code 1 where a person is needed
    Status(status::Options),
    /// Stop a strategy: a person has taken over
    Stop(stop::Options),
    /// Let a strategy warm up and run
    Start(start::Options),
    /// Stop a strategy or all of them, tell people, and go on past what fails
    EmergencyStop(emergency_stop::Options),
    /// Read the recorded answers of a stage again, and compare what they want with what was recorded
    Replay(replay::Options),
}

fn main() -> ExitCode {
    match Program::parse().command {
        Command::Paper(options) => paper::command::run(&options),
        Command::Cost(options) => cost::command::run(&options),
        Command::Approvals(which) => operate::run(&operate::Command::Approvals(which)),
        Command::Approve(options) => operate::run(&operate::Command::Approve(options)),
        Command::Reject(options) => operate::run(&operate::Command::Reject(options)),
        Command::Gate(command) => operate::run(&operate::Command::Gate(command)),
        Command::Model(command) => operate::run(&operate::Command::Model(command)),
        Command::Strategy(command) => operate::run(&operate::Command::Strategy(command)),
        Command::Status(options) => operate::run(&operate::Command::Status(options)),
        Command::Stop(options) => operate::run(&operate::Command::Stop(options)),
        Command::Start(options) => operate::run(&operate::Command::Start(options)),
        Command::EmergencyStop(options) => operate::run(&operate::Command::EmergencyStop(options)),
        Command::Replay(options) => operate::run(&operate::Command::Replay(options)),
    }
}
