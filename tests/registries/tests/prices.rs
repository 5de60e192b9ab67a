//! The price list judged by `genai-prices`: the recorded costs that `cargo test` compares our cost meter with are what
//! that package says, and so is what we charge for every model that both know.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use registries::python::judge;
use rust_decimal::Decimal;
use serde_json::Value;
use shared::model_prices::{dollars, is_listed};
use shared::ports::Usage;
use shared::time::Timestamp;

/// Where we charge more than genai-prices says, and why: the model, the times, the reason.
const DEARER: [(&str, &str, &str); 8] = [
    ("openai/gpt-5.6-sol", "2026-12-01", "the promotion was promised through 2026-11-21 alone"),
    ("bedrock/global.openai.gpt-5.6-sol", "2026-12-01", "as OpenAI's"),
    ("bedrock/us.openai.gpt-5.6-sol", "2026-12-01", "as OpenAI's"),
    ("bedrock/us.openai.gpt-5.6-luna", "2026-07-29", "its long tier came in August, with the window for it"),
    ("bedrock/us.openai.gpt-5.6-terra", "2026-07-29", "its long tier came in August, with the window for it"),
    ("deepseek/deepseek-v4-flash", "2026-08-16", "the price rose at 16:00 UTC; genai-prices has days alone"),
    ("deepseek/deepseek-v4-pro", "2026-08-16", "the price rose at 16:00 UTC; genai-prices has days alone"),
    ("glm/glm-5.3-flash", "2026-09-09", "the promotion ended at 16:00 UTC; genai-prices has days alone"),
];

/// Routes of OpenRouter that cost more than we assume: a host that asks more than the vendor, fast modes, and models
/// of the past. Their answers tell what they cost.
const UNDERSTATED: [&str; 8] = [
    "openrouter/anthropic/claude-opus-4.6-fast",
    "openrouter/anthropic/claude-opus-4.7-fast",
    "openrouter/deepseek/deepseek-v4-pro",
    "openrouter/gpt-4.5-preview",
    "openrouter/openai/gpt-4",
    "openrouter/openai/gpt-4-32k",
    "openrouter/openai/gpt-4.5-preview",
    "openrouter/openai/o1-pro",
];

fn judged(args: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    judge(folder, "prices/judge.py", args, "").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_recorded_costs_are_what_genai_prices_says() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/src/model_prices/usage.json");
    let records: u32 = judged(&["check", recorded]).trim().parse().unwrap();
    assert!(records >= 150, "{records}");
}

/// One record of the judge's grid: the model, when, what we charge, what genai-prices says.
fn compared(record: &Value) -> (&str, &str, Decimal, Decimal) {
    let text = |field: &str| record[field].as_str().unwrap();
    let tokens = |name: &str| {
        u32::try_from(record["usage"].get(name).and_then(Value::as_u64).unwrap_or_default()).unwrap()
    };
    let usage = Usage {
        tokens_in: tokens("input_tokens"),
        cache_read: tokens("cache_read_tokens"),
        cache_written: tokens("cache_write_tokens"),
        cache_written_1h: tokens("cache_write_1h_tokens"),
        tokens_out: tokens("output_tokens"),
    };
    let ours = dollars(text("model"), Timestamp::parse(text("at")).unwrap(), usage);
    (text("model"), text("at"), ours.value(), text("dollars").parse().unwrap())
}

#[test]
fn listed_models_cost_what_genai_prices_says() {
    let grid: Vec<Value> = serde_json::from_str(&judged(&["grid"])).unwrap();
    let today = Timestamp::parse("2026-12-01T12:00:00Z").unwrap();
    let (mut models, mut unlike, mut wrong) =
        (BTreeMap::<_, BTreeSet<_>>::new(), BTreeSet::new(), Vec::new());
    for (model, at, ours, theirs) in grid.iter().map(compared).filter(|(model, ..)| is_listed(model, today)) {
        models.entry(model.split_once('/').unwrap().0).or_default().insert(model);
        let known = DEARER.iter().find(|(known, when, _)| *known == model && at.starts_with(when));
        match known {
            Some(known) if ours > theirs => drop(unlike.insert(known)),
            _ if ours == theirs => {}
            _ => wrong.push(format!("{model} at {at}: {ours}, not {theirs}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(unlike.len(), DEARER.len(), "{unlike:?}");
    let judged: usize = models.values().map(BTreeSet::len).sum();
    assert!(models.len() == 10 && judged >= 170, "{judged}: {models:?}");
}

#[test]
fn openrouter_routes_cost_at_most_the_assumed_price() {
    let grid: Vec<Value> = serde_json::from_str(&judged(&["grid"])).unwrap();
    let is_asked = |model: &str| model.starts_with("openrouter/") && !model.ends_with(":batch");
    let above = grid.iter().map(compared).filter(|(model, _, ours, theirs)| is_asked(model) && ours < theirs);
    let above: BTreeSet<_> = above.map(|(model, ..)| model).collect();
    assert_eq!(above.into_iter().collect::<Vec<_>>(), UNDERSTATED);
}
