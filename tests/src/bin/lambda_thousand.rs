//! `cargo run --release -p tests --bin lambda-thousand -- --invocations 1000`: the four function binaries,
//! built as for Lambda, a thousand invocations each.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tests::lambda::{Options, Source, run, table};

/// Runs the four function binaries under the Runtime API emulator.
#[derive(Debug, Parser)]
struct Args {
    /// Invocations of each function.
    #[arg(long, default_value_t = 1_000)]
    invocations: u32,
    /// Afterwards let decide serve all of its strategies this often again, and print what it occupies each time.
    #[arg(long, default_value_t = 0)]
    rounds: u32,
    /// Where the binaries are, such as target/packages; they are built where this is not given.
    #[arg(long)]
    profile_dir: Option<PathBuf>,
    /// The profile that they are built with.
    #[arg(long, default_value = "lambda")]
    profile: String,
    /// Afterwards print the processor time of each kind of tick, as ops/data/processor.csv keeps it.
    #[arg(long)]
    processor: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { invocations, rounds, profile_dir, profile, processor } = Args::parse();
    let binaries = profile_dir.map_or(Source::Packaged(profile), Source::Directory);
    let findings = match run(&Options { invocations, rounds, binaries }).await {
        Ok(findings) => findings,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
    };
    print!("{}", table::render(&findings));
    if processor {
        print!("{}", table::processor(&findings));
    }
    let failures = findings.failures();
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("NOT GOOD: {}", failures.join("; "));
    ExitCode::FAILURE
}
