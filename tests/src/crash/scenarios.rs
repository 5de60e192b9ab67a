//! The scenarios: each is about one thing that can happen to an order or to those who watch it.

use shared::money::{Notional, Percent};
use shared::settings::{Exits, SafetyMode};
use shared::status::Status;
use shared::time::Millis;

use super::scenario::{Act, Scenario, bids, buys};

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    vec![
        entry_market(),
        entry_limit(),
        stop_triggers(),
        model_closes(),
        entry_cancelled(),
    ]
}

/// The scenario of this name.
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

const FLAT: ([i64; 4], &str) = ([20_000, 20_000, 20_000, 20_000], "100");

fn entry_market() -> Scenario {
    Scenario {
        answers: vec![(0, buys("0.01"))],
        reaches: vec!["entry filled", "stop open", "position open"],
        core: true,
        ..Scenario::new("entry_market", "a market entry fills and its stop is placed")
    }
}

fn entry_limit() -> Scenario {
    Scenario {
        answers: vec![(0, bids("0.01", "19900"))],
        rows: vec![FLAT, FLAT, ([20_000, 20_000, 19_850, 19_950], "100")],
        minutes: 5,
        reaches: vec!["entry filled", "stop open", "position open"],
        core: true,
        ..Scenario::new("entry_limit", "a limit entry rests, fills at the venue, and its stop is placed")
    }
}

fn stop_triggers() -> Scenario {
    Scenario {
        answers: vec![(0, buys("0.01"))],
        rows: vec![FLAT, FLAT, ([20_000, 20_000, 18_950, 18_960], "100")],
        minutes: 5,
        reaches: vec!["entry filled", "stop filled", "position closed"],
        core: true,
        ..Scenario::new("stop_triggers", "the market falls through the stop, which fills at the venue")
    }
}

fn model_closes() -> Scenario {
    Scenario {
        answers: vec![(0, buys("0.01")), (1, super::scenario::Answer::Close)],
        minutes: 6,
        reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
        core: true,
        ..Scenario::new("model_closes", "the model closes: the stop is cancelled, then everything is sold")
    }
}

fn entry_cancelled() -> Scenario {
    Scenario {
        answers: vec![(0, bids("0.01", "19000")), (1, super::scenario::Answer::Cancel)],
        minutes: 6,
        reaches: vec!["entry cancelled"],
        ..Scenario::new("entry_cancelled", "the model takes back an entry that rests")
    }
}
