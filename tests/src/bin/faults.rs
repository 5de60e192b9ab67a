//! `cargo run --release -p tests --bin faults -- --depth 1`: every external call of every scenario meets every
//! fault that it can suffer, and the outcome is judged from outside.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;
use tests::crash::campaign::{self, Findings, Share};
use tests::crash::judge::INVARIANTS;
use tests::crash::phases::Phase;
use tests::crash::replay::{self, Replay};
use tests::crash::scenario::Scenario;
use tests::crash::scenarios;

/// A third of a run is allocation: maps of attributes, read and written over and over.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Walks through faults.
#[derive(Debug, Parser)]
struct Args {
    /// How many faults a run meets: 0, 1 or 2.
    #[arg(long, default_value_t = 1)]
    depth: u8,
    /// One scenario instead of all.
    #[arg(long)]
    scenario: Option<String>,
    /// One run, from the line that a violation printed.
    #[arg(long)]
    replay: Option<String>,
    /// Puts known protocol bugs in: each must be caught.
    #[arg(long)]
    mutants: bool,
    /// Walks through what `cargo test` walks through.
    #[arg(long)]
    thinned: bool,
    /// Runs at once; each run is single-threaded.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

impl Args {
    fn share(&self) -> Share {
        if self.thinned { Share::Thinned } else { Share::Whole }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match chosen(&args) {
        Ok(code) => code,
        Err(line) => {
            eprintln!("{line}");
            ExitCode::from(2)
        }
    }
}

fn chosen(args: &Args) -> Result<ExitCode, String> {
    if let Some(line) = &args.replay {
        return Ok(replayed(&Replay::parse(line).map_err(|error| error.to_string())?));
    }
    let scenarios = match &args.scenario {
        Some(name) => vec![replay::find(name).map_err(|error| error.to_string())?],
        None => scenarios::all(),
    };
    if args.mutants {
        return Ok(caught(&campaign::mutants()));
    }
    match args.depth {
        0 => Ok(report(&campaign::fault_free(&scenarios), &scenarios)),
        1 => Ok(report(&campaign::depth_one(&scenarios, args.share(), args.threads), &scenarios)),
        2 => Ok(report(&campaign::depth_two(&scenarios, args.threads), &scenarios)),
        other => Err(format!("--depth {other}: use 0, 1 or 2")),
    }
}

/// Prints which invariant caught each bug; a bug that its invariant missed is a failure.
fn caught(found: &[campaign::Caught]) -> ExitCode {
    for one in found {
        let by = one.by.iter().copied().collect::<Vec<_>>().join(" ");
        println!("{:22} {:6} by {by:24} --replay \"{}\"", one.mutant.as_str(), one.expected, one.line);
    }
    let missed = found.iter().filter(|one| !one.is_caught()).count();
    println!("{} of {} caught", found.len() - missed, found.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints every call of one run, and what it broke.
fn replayed(replay: &Replay) -> ExitCode {
    let (ended, found) = campaign::one(&replay.scenario, &replay.manner);
    for (number, call) in ended.world.effects.calls().iter().enumerate() {
        let fault = replay.manner.faults.get(&number).map_or("", |phase| phase.as_str());
        let function = call.function.as_str();
        println!(
            "{number:4} {fault:4} {} #{} {function} {} {}",
            call.at, call.invocation, call.method, call.what
        );
    }
    for line in ended.world.journal.0.borrow().iter() {
        println!("{}", line.to_json());
    }
    for (key, item) in ended.world.tables.stream.store.snapshot() {
        let status = item.get("status");
        println!("{key} {status:?}");
    }
    for violation in &found {
        println!("{}: {}", violation.invariant, violation.what);
    }
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(findings: &Findings, scenarios: &[Scenario]) -> ExitCode {
    println!("{} runs", findings.runs);
    for scenario in scenarios {
        let calls = findings.calls.get(scenario.name).copied().unwrap_or_default();
        println!("  {:24} {calls:4} calls  {}", scenario.name, scenario.about);
    }
    println!("faults by phase:");
    let mut by_phase: BTreeMap<Phase, usize> = BTreeMap::new();
    for ((_, phase), times) in &findings.suffered {
        *by_phase.entry(*phase).or_default() += times;
    }
    for (phase, times) in by_phase {
        println!("  {phase:4} {times}");
    }
    println!("violations by invariant:");
    for name in INVARIANTS.iter().chain(&["REACHES"]) {
        let times = findings.violations.iter().filter(|(_, one)| one.invariant == *name).count();
        println!("  {name:8} {times}");
    }
    for (method, phase) in findings.not_reached() {
        println!("not reached: {method} {phase}");
    }
    for (line, violation) in &findings.violations {
        println!("{} {} | --replay \"{line}\"", violation.invariant, violation.what);
    }
    if findings.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
