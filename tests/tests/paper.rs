//! The main job from outside: what it must never do, whatever the market does next.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ops::paper::input::{self, Input};
use ops::paper::minds;
use ops::paper::options::{Approve, FaultLevel, ModelChoice, Options};
use ops::paper::outcome::Outcome;
use ops::paper::{Finished, json, trade};
use shared::time::{Millis, Timestamp};
use sim::exchange::Candle;
use sim::model::Policy;

/// Minutes of the file that are traded: the bundled strategy opens and closes twice in them.
const MINUTES: usize = 19 * 60;
/// The last minute that is the same in both futures.
const T: usize = 17 * 60;

/// What really happened, run once for all tests.
static REAL: LazyLock<Outcome> = LazyLock::new(|| run(market()));

fn options() -> Options {
    Options {
        servers: None,
        days: 1,
        candles: None,
        strategy: None,
        model: ModelChoice::Scripted(Policy::Momentum),
        record: None,
        approve: Approve::None,
        faults: FaultLevel::None,
        seed: 1,
        json: true,
        report: "unused.html".into(),
        serve: false,
    }
}

fn market() -> Input {
    let mut input = input::read(&options()).unwrap();
    input.candles = input.candles[..MINUTES].to_vec();
    input
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run(input: Input) -> Outcome {
    run_as(&options(), input).outcome
}

fn run_as(options: &Options, input: Input) -> Finished {
    let chosen = minds::choose(options, |_| None).unwrap();
    wait(trade(options, input, chosen, |_, _, _, _| {})).unwrap()
}

fn raised(candle: &Candle) -> Candle {
    let higher = |price| price * rust_decimal::Decimal::new(11, 1);
    Candle {
        open: higher(candle.open),
        high: higher(candle.high),
        low: higher(candle.low),
        close: higher(candle.close),
        ..*candle
    }
}

/// Decisions and fills up to `until`, as text.
fn done_until(outcome: &Outcome, until: Timestamp) -> (Vec<String>, Vec<String>) {
    let decisions = outcome.decisions.iter().filter(|one| one.at <= until).map(|one| format!("{one:?}"));
    let fills = outcome.fills.iter().filter(|one| one.at <= until).map(|one| format!("{one:?}"));
    (decisions.collect(), fills.collect())
}

#[test]
fn no_decision_and_no_fill_depends_on_a_later_candle() {
    let mut other = market();
    let until = other.candles[T].open_time;
    for candle in other.candles.iter_mut().skip(T + 1) {
        *candle = raised(candle);
    }
    let other = run(other);
    let (before, same) = (done_until(&REAL, until), done_until(&other, until));
    assert!(!before.1.is_empty(), "nothing was traded before T: the test shows nothing");
    assert_eq!(before, same);
    assert_ne!(REAL.equity.last(), other.equity.last(), "the later candles were not changed");
}

#[test]
fn the_same_seed_twice_prints_the_same_bytes_and_books_equal_venue() {
    assert_eq!(json::line(&REAL), json::line(&run(market())));
    assert_eq!(REAL.differences, Vec::<String>::new());
    assert_eq!(REAL.violations, Vec::<String>::new());
    assert!(REAL.round_trips() > 0);
}

/// A new place for a recording.
fn place(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.jsonl"));
    match std::fs::remove_file(&path) {
        Ok(()) => path,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            path
        }
    }
}

fn hours(hours: usize) -> Input {
    let mut input = market();
    input.candles.truncate(hours * 60);
    input
}

/// The outcome of a scripted run, and the answers that it wrote down.
fn recorded(policy: Policy, faults: FaultLevel, input: Input, path: &Path) -> (Outcome, String) {
    let model = ModelChoice::Scripted(policy);
    let options = Options { model, faults, record: Some(path.to_owned()), ..options() };
    let outcome = run_as(&options, input).outcome;
    (outcome, std::fs::read_to_string(path).unwrap())
}

/// The same with the answers of `path` and without any model.
fn repeated(faults: FaultLevel, input: Input, path: &Path) -> Outcome {
    run_as(&Options { model: ModelChoice::Recorded(path.to_owned()), faults, ..options() }, input).outcome
}

/// C14: hours in which positions are opened and closed.
#[test]
fn recorded_answers_reproduce_the_same_orders() {
    let path = place("recorded");
    let (first, _) = recorded(Policy::Momentum, FaultLevel::None, market(), &path);
    assert!(first.round_trips() > 0);
    let again = repeated(FaultLevel::None, market(), &path);
    assert_eq!(again.run.model, format!("recorded:{}", path.display()));
    assert_same(&first, again, "momentum");
}

/// Whatever the model does: ask to wait, refuse, wish too much, or answer in the wrong form and be asked again.
#[test]
fn recorded_answers_reproduce_a_model_that_misbehaves() {
    for (policy, seen) in [
        (Policy::Garbage, "\"question\":2"),
        (Policy::Throttled, "\"status\":429,\"wait_ms\":30000"),
        (Policy::Refuses, "\"stop_reason\":\"refusal\""),
        (Policy::Greedy, "\"action\":\"open\""),
    ] {
        let path = place(&format!("recorded-{policy}"));
        let (first, answers) = recorded(policy, FaultLevel::None, hours(3), &path);
        assert!(answers.replace('\\', "").contains(seen), "{policy}: {answers}");
        assert_same(&first, repeated(FaultLevel::None, hours(3), &path), &policy.to_string());
    }
}

/// What the faults of a run took from its answers, they take again.
#[test]
fn recorded_answers_reproduce_a_run_with_its_faults() {
    // Often enough for every fault of a model to be met.
    let often = || {
        let mut input = hours(6);
        input.settings.decide_every = Millis::from_minutes(2);
        input
    };
    let path = place("recorded-faults");
    let (first, answers) = recorded(Policy::Momentum, FaultLevel::Heavy, often(), &path);
    assert!(first.faults.keys().any(|kind| kind.starts_with("model_")), "{:?}", first.faults);
    assert!(answers.contains("no_answer"), "{answers}");
    assert_same(&first, repeated(FaultLevel::Heavy, often(), &path), "heavy");
}

fn assert_same(first: &Outcome, mut again: Outcome, what: &str) {
    again.run.model.clone_from(&first.run.model);
    assert_eq!(again.orders, first.orders, "{what}");
    assert_eq!(again.fills, first.fills, "{what}");
    assert_eq!(again.differences, Vec::<String>::new(), "{what}");
    assert_eq!(again.model.not_recorded, 0, "{what}");
    assert_eq!(&again, first, "{what}");
}

#[test]
fn a_question_that_is_not_recorded_is_an_abstention_that_is_counted() {
    let path = place("recorded-less");
    let (_, answers) = recorded(Policy::Momentum, FaultLevel::None, hours(3), &path);
    let (_, rest) = answers.split_once('\n').unwrap();
    std::fs::write(&path, rest).unwrap();
    let again = repeated(FaultLevel::None, hours(3), &path);
    let told =
        again.decisions.iter().filter(|one| one.reason.contains("this question is not in the recording"));
    let told: Vec<&str> = told.map(|one| one.outcome.as_str()).collect();
    assert!(!told.is_empty() && told.iter().all(|outcome| *outcome == "abstain:unavailable"), "{told:?}");
    assert_eq!(again.model.not_recorded, u64::try_from(told.len()).unwrap());
    assert_eq!(again.differences, Vec::<String>::new());
}

/// Answers may have cost money.
#[test]
fn a_recording_is_never_written_over() {
    let path = place("recorded-once");
    std::fs::write(&path, "paid for").unwrap();
    let options = Options { record: Some(path.clone()), ..options() };
    let chosen = minds::choose(&options, |_| None).unwrap();
    let ended = wait(trade(&options, hours(1), chosen, |_, _, _, _| {}));
    let error = ended.err().unwrap().to_string();
    assert!(error.contains("is there already; give another path with --record"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "paid for");
}
