//! Writes the report of a made-up run, for looking at it and for `.ci/report-check.sh`:
//! `cargo run -p ops --example sample_report -- /tmp/report.html [days] [rich|hostile|idle]`.

use std::process::ExitCode;

use ops::paper::{outcome, report};

#[path = "../src/paper/sample.rs"]
mod sample;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else {
        eprintln!("sample_report PATH [DAYS] [rich|hostile|idle]");
        return ExitCode::FAILURE;
    };
    let days = args.next().and_then(|days| days.parse().ok()).unwrap_or(3);
    let outcome: outcome::Outcome = match args.next().as_deref() {
        Some("hostile") => sample::hostile(),
        Some("idle") => sample::idle(),
        Some(_) | None => sample::rich(days),
    };
    match std::fs::write(&path, report::html(&outcome)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{path}: {why}");
            ExitCode::FAILURE
        }
    }
}
