//! `tradai paper` as a command: what is said before the run, the run with its progress, its views, and the world that stays
//! up.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use shared::tables::Table;
use sim::socket;

use super::options::Options;
use super::progress::Progress;
use super::show::one_line;
use super::{Finished, NotRun, Prepared, json, prepare, report, summary, trade};
use crate::bad_input::BadInput;
use crate::footprint::Footprint;
use crate::wait::wait;

/// Minutes of a day.
const DAY: u64 = 1_440;

/// Runs the command and says how it ended: 0 when books equal venue, no rule was broken and a model answered, 1 when not,
/// 2 when what was given cannot be used, a real model among it.
///
/// It waits here rather than in `main`, so that everything that it awaits is compiled with this library.
pub fn run(options: &Options) -> ExitCode {
    match wait(attempt(options)) {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) | None => ExitCode::FAILURE,
        Some(Err(NotRun::Input(line))) => {
            eprintln!("tradai: {line}");
            ExitCode::from(2)
        }
        Some(Err(error)) => {
            eprintln!("tradai: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn attempt(options: &Options) -> Result<bool, NotRun> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator waits in real time and wants to know how long"
    )]
    let began = Instant::now();
    #[expect(clippy::disallowed_methods, reason = "the operator's program reads the environment")]
    let variable = |name: &str| std::env::var(name).ok();
    check_report(&options.report)?;
    let Prepared { input, chosen, said } = prepare(options, variable).await?;
    for line in &said {
        eprintln!("{}", one_line(line));
    }
    let progress = Progress::new(u64::from(options.days).saturating_mul(DAY), !options.json);
    let mut footprint = Footprint::default();
    let finished = trade(options, input, chosen, |minute, at, equity, open| {
        progress.update(minute, at, equity, open);
        if minute.is_multiple_of(DAY) {
            footprint.day_ends();
        }
    })
    .await?;
    progress.finish();
    show(options, &finished)?;
    eprintln!("{}", footprint.line(began.elapsed()));
    if options.serve {
        serve(&finished).await?;
    }
    Ok(finished.outcome.is_good())
}

fn show(options: &Options, finished: &Finished) -> Result<(), NotRun> {
    let outcome = &finished.outcome;
    if options.json {
        println!("{}", json::line(outcome));
    } else {
        println!("{}", summary::table(outcome));
    }
    write_report(options, &report::html(outcome))?;
    eprintln!("report: {}", options.report.display());
    Ok(())
}

fn write_report(options: &Options, html: &str) -> Result<(), BadInput> {
    std::fs::write(&options.report, html).map_err(|error| no_report(&options.report, &error))
}

/// A report that cannot be written should not cost a whole run; what stands there is not touched yet.
fn check_report(path: &Path) -> Result<(), BadInput> {
    let checked = match path.parent() {
        _ if path.exists() => OpenOptions::new().append(true).open(path).map(drop),
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::read_dir(folder).map(drop),
        Some(_) | None => Ok(()),
    };
    checked.map_err(|error| no_report(path, &error))
}

fn no_report(path: &Path, error: &std::io::Error) -> BadInput {
    let path = path.display();
    BadInput::new(format!("{path}: the report cannot be written ({error}); give another path with --report"))
}

/// Keeps the embedded AWS up until interrupted, so that the AWS CLI can look at what the run left.
async fn serve(finished: &Finished) -> Result<(), NotRun> {
    let world = &finished.stage.world;
    let served = socket::serve_local(world.aws.clone(), world.clock.shared())
        .await
        .map_err(|error| BadInput::new(format!("--serve: no address to listen on ({error})")))?;
    let keys = "AWS_ACCESS_KEY_ID=sim AWS_SECRET_ACCESS_KEY=sim";
    println!("export AWS_ENDPOINT_URL={} AWS_DEFAULT_REGION={} {keys}", served.url(), sim::world::REGION);
    println!("aws dynamodb scan --table-name {}", world.names.table(Table::TradingState));
    eprintln!("serving until interrupted");
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("tradai: cannot wait for an interrupt: {error}");
    }
    Ok(())
}
