//! The main job from outside: what it must never do, whatever the market does next.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use ops::paper::input::{self, Input};
use ops::paper::minds::Chosen;
use ops::paper::options::{Approve, FaultLevel, ModelChoice, Options};
use ops::paper::outcome::Outcome;
use ops::paper::{json, trade};
use shared::time::Timestamp;
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
        days: 1,
        candles: None,
        strategy: None,
        model: ModelChoice::Scripted(Policy::Momentum),
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

fn run(input: Input) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finished =
        runtime.block_on(trade(&options(), input, Chosen::Scripted(Policy::Momentum), |_, _, _, _| {}));
    finished.unwrap().outcome
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
