//! `tradai`: the operator's program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ops::paper::{self, NotRun, options::Options};

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
    Paper(Options),
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tradai: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match Program::parse().command {
        Command::Paper(options) => runtime.block_on(run_paper(&options)),
    }
}

async fn run_paper(options: &Options) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the operator's program reads the environment")]
    let variable = |name: &str| std::env::var(name).ok();
    match paper::paper(options, variable, |_, _, _, _| {}).await {
        Ok(finished) => {
            println!("{:#?}", finished.outcome.run);
            println!(
                "trips {} pnl {} orders {} fills {} fees {:?} pages {}",
                finished.outcome.round_trips(),
                finished.outcome.pnl,
                finished.outcome.orders.len(),
                finished.outcome.fills.len(),
                finished.outcome.fees,
                finished.outcome.pages.len()
            );
            for line in finished.stage.journal.lines().iter().take(40) {
                println!("{}", line.to_json());
            }
            for p in finished.outcome.pages.iter().take(10) {
                println!("{} {}", p.at, p.subject);
            }
            let mut by = std::collections::BTreeMap::new();
            for d in &finished.outcome.decisions {
                *by.entry(d.outcome.clone()).or_insert(0) += 1;
            }
            println!("{by:?}");
            ExitCode::SUCCESS
        }
        Err(NotRun::Input(line)) => {
            eprintln!("tradai: {line}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("tradai: {error}");
            ExitCode::FAILURE
        }
    }
}
