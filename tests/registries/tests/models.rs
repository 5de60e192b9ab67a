//! The simulated model judged by its providers' own SDKs: what they send is accepted, what it answers they parse,
//! and each of its refusals becomes the error that they document. `models/judge.py` says what is asked.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::Arc;

use registries::python::judge;
use shared::time::Timestamp;
use sim::clock::SimClock;
use sim::model::{AWS_KEY, AWS_SECRET, Outcome, Policy, ScriptedModel};
use sim::socket::serve_local;

/// The time of the model's world, in Unix seconds; requests are signed with it.
const NOW: &str = "1677629100";

/// One provider's SDK asks a model with this policy; its own words are shown where it is not content.
fn session(provider: &str, policy: Policy) -> Arc<ScriptedModel> {
    let model = Arc::new(ScriptedModel::new(policy, 0));
    let clock = SimClock::new(Timestamp::from_millis(NOW.parse::<i64>().unwrap() * 1_000));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let serving = runtime.block_on(serve_local(model.clone(), clock.shared())).unwrap();
    let args = [provider, policy.name(), &serving.url(), NOW, AWS_KEY, AWS_SECRET];
    judge(Path::new(env!("CARGO_TARGET_TMPDIR")), "models/judge.py", &args, "")
        .unwrap_or_else(|error| panic!("{error}"));
    model
}

#[test]
fn the_sdks_parse_a_decision_and_return_an_error_to_its_call() {
    for provider in ["anthropic", "openai", "bedrock"] {
        let meters = session(provider, Policy::Momentum).meters();
        assert_eq!((meters.count(Outcome::Answered), meters.corrections), (2, 1), "{provider}");
    }
}

#[test]
fn the_sdks_see_refusals_where_their_types_have_them() {
    for provider in ["anthropic", "openai", "bedrock"] {
        assert_eq!(session(provider, Policy::Refuses).meters().count(Outcome::Refused), 2, "{provider}");
    }
}

#[test]
fn the_sdks_parse_every_kind_of_garbage_that_is_well_formed_on_the_wire() {
    for provider in ["anthropic", "openai", "bedrock"] {
        assert_eq!(session(provider, Policy::Garbage).meters().count(Outcome::Malformed), 13, "{provider}");
    }
}

#[test]
fn the_sdks_raise_the_documented_error_for_each_refusal() {
    for provider in ["anthropic", "openai", "bedrock"] {
        let meters = session(provider, Policy::Throttled).meters();
        assert_eq!(meters.count(Outcome::SpendLimited), 1, "{provider}");
        assert!(meters.count(Outcome::Invalid) >= 3, "{provider}");
    }
}
