//! The system's own provider clients against the model's three faces: what each sends is accepted for every
//! model that is listed, and each policy comes to the same whichever provider it is asked through.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use serde_json::json;
use shared::environment::Aws;
use shared::model::anthropic::Anthropic;
use shared::model::bedrock::Bedrock;
use shared::model::openai::OpenAi;
use shared::model::{AnyModel, Provider, read};
use shared::ports::{ModelError, Question, RawReply, Reply, Stop, Tool, Turn};
use shared::secret::Secret;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;

use super::*;
use crate::clock::SimClock;
use crate::in_process::InProcess;

/// A model of each provider.
const ONE_EACH: [&str; 4] = [
    "anthropic/claude-haiku-4-5",
    "openai/gpt-5-mini",
    "compatible/llama-4",
    "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0",
];

/// The model behind its host, and the clients that ask it.
struct Scene {
    model: Arc<ScriptedModel>,
    network: SharedTransport,
    clock: SimClock,
}

fn scene(policy: Policy) -> Scene {
    let clock = SimClock::new(Timestamp::parse("2023-03-01T00:25:00Z").unwrap());
    let model = Arc::new(ScriptedModel::new(policy, 0));
    let network = InProcess::new(clock.shared()).route("model.sim", model.clone());
    Scene { model, network: Arc::new(network), clock }
}

impl Scene {
    fn client(&self, provider: Provider, secret: &str) -> AnyModel {
        let (network, clock) = (self.network.clone(), Arc::new(self.clock.clone()));
        let base = "http://model.sim";
        let key = Secret::new(secret.to_owned());
        match provider {
            Provider::Anthropic => AnyModel::Anthropic(Anthropic::new(network, clock, base, key)),
            Provider::OpenAi | Provider::Compatible => {
                AnyModel::OpenAi(OpenAi::new(network, clock, base, key))
            }
            Provider::Bedrock => {
                let (region, access_key) = ("us-east-1".to_owned(), AWS_KEY.to_owned());
                let session_token = Some(Secret::new("session".to_owned()));
                let aws = Aws { region, endpoint: None, access_key, secret_key: key, session_token };
                AnyModel::Bedrock(Bedrock::new(network, clock, base, aws))
            }
        }
    }

    fn ask(&self, model: &str, turns: Vec<Turn>) -> Result<RawReply, ModelError> {
        let client = self.client(Provider::of(model).unwrap(), AWS_SECRET);
        run(client.ask(&question(model, turns)))
    }

    fn answer(&self, model: &str) -> Reply {
        read(model, &self.ask(model, vec![facts()]).unwrap()).unwrap()
    }
}

/// Runs a future whose every await is ready at once.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn question(model: &str, turns: Vec<Turn>) -> Question {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"action": {"type": "string"}, "symbol": {"type": "string"}},
        "required": ["action"],
    });
    let tool = Tool { name: "decide".to_owned(), description: "Decide.".to_owned(), schema };
    let (model, system) = (model.to_owned(), "Trade.".to_owned());
    Question { model, system, tool, turns, max_tokens: 400, timeout: Millis::from_secs(20) }
}

fn facts() -> Turn {
    Turn::Facts(json!({"symbols": [{"symbol": "BTC-USDT"}], "allowed_actions": ["open"]}).to_string())
}

#[test]
fn every_listed_model_takes_what_it_is_sent() {
    let scene = scene(Policy::Momentum);
    for model in [
        "anthropic/claude-opus-4-1",
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-opus-4-7",
        "anthropic/claude-sonnet-5",
        "anthropic/claude-opus-5-5",
        "anthropic/claude-next",
        "openai/gpt-4.1-mini",
        "openai/gpt-4o-2024-08-06",
        "openai/gpt-5-nano",
        "openai/gpt-5.5",
        "openai/gpt-6-sol",
        "openai/o3",
        "openai/o4-mini-2025-04-16",
        "openai/o1",
        "compatible/gpt-4o",
        "compatible/meta-llama/Llama-4",
        "bedrock/us.anthropic.claude-opus-4-7-v1:0",
        "bedrock/global.anthropic.claude-sonnet-4-6",
        "bedrock/amazon.nova-lite-v1:0",
        "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "bedrock/meta.llama4-scout-17b-instruct-v1:0",
    ] {
        let reply = scene.answer(model);
        assert_eq!((reply.calls.len(), reply.calls[0].name.as_str()), (1, "decide"), "{model}");
        assert_eq!(reply.calls[0].input["action"], "hold", "{model}");
        assert!(reply.usage.tokens_in > 0 && reply.usage.tokens_out > 0, "{model}");
    }
    assert_eq!(scene.model.meters().count(Outcome::Invalid), 0);
}

#[test]
fn a_decision_is_the_same_through_every_provider() {
    for policy in [Policy::Momentum, Policy::Greedy, Policy::Slow, Policy::Gullible] {
        let inputs: Vec<_> =
            ONE_EACH.iter().map(|model| scene(policy).answer(model).calls.remove(0).input).collect();
        assert!(inputs.windows(2).all(|pair| pair[0] == pair[1]), "{policy}: {inputs:?}");
    }
}

#[test]
fn a_format_error_is_returned_to_its_call_through_every_provider() {
    for model in ONE_EACH {
        let scene = scene(Policy::Garbage);
        for _ in 0..Garbage::ALL.len() {
            let first = Box::new(scene.ask(model, vec![facts()]).unwrap());
            let turns = vec![facts(), Turn::Answered(first), Turn::FormatError("again".to_owned())];
            scene.ask(model, turns).unwrap();
        }
        let meters = scene.model.meters();
        assert_eq!(meters.count(Outcome::Invalid), 0, "{model}");
        assert!(meters.corrections >= 10, "{model}: {}", meters.corrections);
    }
}

#[test]
fn refusals_and_cuts_are_told_by_every_provider() {
    for model in ONE_EACH {
        let refuses = scene(Policy::Refuses);
        assert_eq!(refuses.answer(model).stop, Stop::End, "{model}: an apology");
        assert_eq!(refuses.answer(model).stop, Stop::Refusal, "{model}");
        let cut = scene(Policy::Momentum);
        let client = cut.client(Provider::of(model).unwrap(), AWS_SECRET);
        let short = Question { max_tokens: 5, ..question(model, vec![facts()]) };
        assert_eq!(read(model, &run(client.ask(&short)).unwrap()).unwrap().stop, Stop::Length, "{model}");
    }
}

#[test]
fn limits_overloads_and_an_empty_purse_are_three_things_for_every_provider() {
    for model in ONE_EACH {
        let scene = scene(Policy::Throttled);
        let errors: Vec<_> = (1..=11).map(|_| scene.ask(model, vec![facts()]).err()).collect();
        let wait = (Provider::of(model) != Some(Provider::Bedrock)).then_some(Millis::from_secs(30));
        assert_eq!(errors[1], Some(ModelError::Throttled { wait }), "{model}");
        assert_eq!(errors[4], Some(ModelError::Overloaded), "{model}");
        assert!(matches!(errors[10], Some(ModelError::SpendLimit(_))), "{model}: {:?}", errors[10]);
        assert!(errors[0].is_none(), "{model}");
    }
}

#[test]
fn a_retired_model_and_a_bad_key_are_told_apart_by_every_provider() {
    let scene = scene(Policy::Momentum);
    for model in ONE_EACH {
        let provider = Provider::of(model).unwrap();
        let retired = format!("{}/retired-1", provider.as_str());
        let error = scene.ask(&retired, vec![facts()]).unwrap_err();
        assert!(matches!(error, ModelError::NoSuchModel(_)), "{retired}: {error}");
    }
    let stranger = scene.client(Provider::Bedrock, "another secret");
    let error = run(stranger.ask(&question(ONE_EACH[3], vec![facts()]))).unwrap_err();
    assert!(matches!(error, ModelError::Refused { status: 403, .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bedrock_requests_are_signed_right_whatever_they_say(
        id in "[a-z0-9.:/_-]{1,60}",
        said in any::<String>(),
        at in 0_i64..4_000_000_000,
    ) {
        prop_assume!(!id.contains("retired") && !said.is_empty());
        let mut scene = scene(Policy::Momentum);
        scene.clock = SimClock::new(Timestamp::from_millis(at * 1_000));
        scene.network = Arc::new(InProcess::new(scene.clock.shared()).route("model.sim", scene.model.clone()));
        let asked = scene.ask(&format!("bedrock/{id}"), vec![Turn::Facts(said)]);
        prop_assert!(asked.is_ok(), "{:?}", asked);
    }
}
