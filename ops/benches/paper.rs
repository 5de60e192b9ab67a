//! The whole candle file through the main job: how long it takes and whether its memory stays flat.
//!
//! usage: cargo bench -p ops --bench paper [-- --days N] [--faults none|light|heavy]

#![allow(
    clippy::disallowed_methods,
    missing_docs,
    reason = "real time is what is measured, and a real model's key stands in the environment"
)]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ops::footprint::Footprint;
use ops::paper::options::Options;
use ops::paper::{NotRun, paper};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Minutes of a day.
const DAY: u64 = 1_440;

#[derive(Parser)]
struct Bench {
    #[command(flatten)]
    options: Options,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let bench = Bench::parse_from(arguments());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(measure(&bench.options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// All days of the bundled file unless told otherwise.
fn arguments() -> Vec<String> {
    let given: Vec<String> = std::env::args().collect();
    match given.iter().any(|one| one == "--days") {
        true => given,
        false => given.into_iter().chain(["--days".to_owned(), "21".to_owned()]).collect(),
    }
}

async fn measure(options: &Options) -> Result<bool, NotRun> {
    let (began, mut footprint) = (Instant::now(), Footprint::default());
    let watch = |minute: u64, _, _, _| {
        if minute.is_multiple_of(DAY) {
            footprint.day_ends();
        }
    };
    let outcome = paper(options, |name| std::env::var(name).ok(), watch).await?.outcome;
    println!("{}", footprint.line(began.elapsed()));
    let (ticks, trips, calls) = (outcome.ticks, outcome.round_trips(), outcome.ddb.calls);
    println!("{ticks} ticks, {trips} round trips, {calls} DynamoDB calls");
    for wrong in outcome.differences.iter().chain(&outcome.violations) {
        println!("{wrong}");
    }
    Ok(outcome.books_equal_venue() && outcome.violations.is_empty())
}
