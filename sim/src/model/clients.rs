//! The system's own client against the model's faces: what it sends is accepted by each, and each policy comes to the same
//! whichever provider it is asked through.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::environment::Aws;
use shared::model::{Access, Capabilities, Client, Endpoint, Provider, Servers};
use shared::model::{chat, converse, messages, responses};
use shared::ports::{BadReply, ModelError, Question, RawReply, Reply, Stop, Tool, model_name};
use shared::secret::Secret;
use shared::testkit::at_once;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;

use super::*;
use crate::clock::SimClock;
use crate::in_process::InProcess;

/// A model of each provider, and of each endpoint.
pub(super) const ONE_EACH: [&str; 17] = [
    "anthropic/claude-haiku-4-5",
    "openai/gpt-5-mini",
    "openai/gpt-6-luna",
    "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "deepseek/deepseek-v4-flash",
    "qwen/qwen3.8-max",
    "kimi/kimi-k3",
    "glm/glm-5.3",
    "gemini/gemini-3.8-flash",
    "xai/grok-4.7",
    "mistral/mistral-large-4",
    "groq/llama-3.3-70b-versatile",
    "openrouter/anthropic/claude-sonnet-5.5",
    "ollama/qwen3:0.6b",
    "vllm/Qwen/Qwen3-32B",
    "lmstudio/qwen3-30b-a3b",
    "compatible/llama-4",
];

/// The model behind its host, and the clients that ask it.
pub(super) struct Scene {
    pub(super) model: Arc<ScriptedModel>,
    network: SharedTransport,
    clock: SimClock,
}

fn at(model: ScriptedModel, now: Timestamp) -> Scene {
    let (clock, model) = (SimClock::new(now), Arc::new(model));
    let network = InProcess::new(clock.shared()).route("model.sim", model.clone());
    Scene { model, network: Arc::new(network), clock }
}

pub(super) fn behind(model: ScriptedModel) -> Scene {
    at(model, Timestamp::parse("2023-03-01T00:25:00Z").unwrap())
}

pub(super) fn scene(policy: Policy) -> Scene {
    behind(ScriptedModel::new(policy, 0))
}

impl Scene {
    /// A client of `provider`; a server of the user's own is reached under the path that the simulation gives its kind.
    pub(super) fn client(&self, provider: Provider, secret: &str) -> Client {
        let local = provider.local().map(|_| format!("/{}/v1", provider.as_str()));
        let local = local.or((provider == Provider::Compatible).then(|| "/v1".to_owned()));
        let path = provider.home().map(|(_, path)| path.to_owned()).or(local.clone()).unwrap_or_default();
        let key = Secret::new(secret.to_owned());
        let access = match (provider, local) {
            (Provider::Bedrock, _) => {
                let (region, access_key) = ("us-east-1".to_owned(), AWS_KEY.to_owned());
                let session_token = Some(Secret::new("session".to_owned()));
                Access::Aws(Aws { region, endpoint: None, access_key, secret_key: key, session_token })
            }
            (_, Some(_)) => Access::Open,
            (_, None) => Access::Key(key),
        };
        let (network, clock) = (self.network.clone(), Arc::new(self.clock.clone()));
        Client::new(network, clock, provider, &format!("http://model.sim{path}"), access)
    }

    /// Asks in the way of these capabilities.
    pub(super) fn ask_as(&self, question: &Question, takes: &Capabilities) -> Result<RawReply, ModelError> {
        let provider = Provider::of(&question.model).unwrap();
        at_once(self.client(provider, AWS_SECRET).ask(question, takes))
    }

    fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        self.ask_as(question, &takes(&question.model))
    }

    fn answer(&self, model: &str) -> Reply {
        let raw = self.ask(&question(model)).unwrap_or_else(|error| panic!("{model}: {error}"));
        read(&raw, &takes(model)).unwrap()
    }
}

pub(super) fn takes(model: &str) -> Capabilities {
    Servers::NONE.capabilities(model)
}

/// Reads an answer in the way that it was asked for.
pub(super) fn read(raw: &RawReply, takes: &Capabilities) -> Result<Reply, BadReply> {
    let body = serde_json::from_slice(&raw.body).unwrap();
    match takes.endpoint {
        Endpoint::Messages => messages::read(&body, takes),
        Endpoint::Responses => responses::read(&body, takes),
        Endpoint::Chat => chat::read(&body, takes),
        Endpoint::Converse => converse::read(&body, takes),
    }
}

/// A question as decide asks it, of a market that the trend follower buys.
pub(super) fn question(model: &str) -> Question {
    let text = || json!({"type": "string"});
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "analysis": text(),
            "action": {"type": "string", "enum": ["open", "close", "cancel", "adjust", "hold", "abstain"]},
            "symbol": {"type": "string", "enum": ["BTC-USDT"]},
            "side": {"type": "string", "enum": ["buy", "sell"]},
            "quantity": text(),
            "order_type": {"type": "string", "enum": ["market", "limit"]},
            "limit_price": text(),
            "time_in_force": {"type": "string", "enum": ["GTC", "IOC"]},
            "stop_loss": text(),
            "take_profit": text(),
            "order_id": text(),
            "reason": text(),
        },
        "required": ["analysis", "action", "reason"],
    });
    let tool = Tool { name: "decide".to_owned(), description: "Your decision.".to_owned(), schema };
    let facts = super::tests::rising().to_string();
    let max_tokens = takes(model).answer_tokens;
    let (model, system) = (model.to_owned(), "Trade.".to_owned());
    Question { model, system, tool, facts, format_error: None, max_tokens, timeout: Millis::from_secs(20) }
}

/// A decision without the fields that are null, which is how a strict schema says that they are absent.
fn said(reply: Reply) -> Value {
    let mut input = reply.calls.into_iter().next().unwrap().input;
    input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    input
}

#[test]
fn a_decision_is_the_same_through_every_provider() {
    for policy in [Policy::Momentum, Policy::Greedy, Policy::Slow, Policy::Gullible] {
        let inputs: Vec<Value> = ONE_EACH.iter().map(|model| said(scene(policy).answer(model))).collect();
        for (input, model) in inputs.iter().zip(ONE_EACH) {
            assert_eq!(input, &inputs[0], "{policy}: {model}");
            assert!(input["analysis"].is_string() && input["action"] == "open", "{policy}: {model}: {input}");
        }
    }
}

#[test]
fn an_analysis_is_written_only_where_the_form_has_one() {
    let mut question = question(ONE_EACH[0]);
    question.tool.schema["properties"].as_object_mut().unwrap().remove("analysis");
    question.tool.schema["required"] = json!(["action", "reason"]);
    let raw = scene(Policy::Momentum).ask(&question).unwrap();
    assert!(said(read(&raw, &takes(ONE_EACH[0])).unwrap()).get("analysis").is_none());
}

#[test]
fn a_correction_behind_the_facts_is_counted_and_answered() {
    for model in ONE_EACH {
        let scene = scene(Policy::Gullible);
        let error = "Fixed Format Error: the answer said \"sell all\"; write one decision.";
        let corrected = Question { format_error: Some(error.to_owned()), ..question(model) };
        let raw = scene.ask(&corrected).unwrap_or_else(|error| panic!("{model}: {error}"));
        assert_eq!(said(read(&raw, &takes(model)).unwrap())["action"], "open", "{model}");
        assert_eq!(scene.model.meters().corrections, 1, "{model}");
    }
}

#[test]
fn no_kind_of_garbage_is_one_decision_through_any_provider() {
    for model in ONE_EACH {
        let scene = scene(Policy::Garbage);
        for kind in Garbage::ALL {
            let reply = scene.answer(model);
            let is_one =
                matches!(&reply.calls[..], [call] if call.name == "decide" && well_formed(&call.input));
            assert!(!is_one || reply.stop == Stop::Length, "{model}: {kind:?}: {reply:?}");
        }
        assert_eq!(scene.model.meters().count(Outcome::Malformed), 13, "{model}");
    }
}

fn well_formed(input: &Value) -> bool {
    let quantity = input["quantity"].as_str().and_then(|text| text.parse::<f64>().ok());
    input["action"] == "open"
        && input["symbol"] == "BTC-USDT"
        && input.get("leverage").is_none()
        && input["stop_loss"].is_string()
        && quantity.is_some_and(|quantity| quantity > 0.0)
}

#[test]
fn refusals_and_cuts_are_told_by_every_provider() {
    for model in ONE_EACH {
        let refuses = scene(Policy::Refuses);
        assert_eq!(refuses.answer(model).stop, Stop::End, "{model}: an apology");
        assert_eq!(refuses.answer(model).stop, Stop::Refusal, "{model}");
        let cut = scene(Policy::Momentum);
        let raw = cut.ask(&Question { max_tokens: 20, ..question(model) }).unwrap();
        assert_eq!(read(&raw, &takes(model)).unwrap().stop, Stop::Length, "{model}");
        assert_eq!(cut.model.meters().count(Outcome::Malformed), 1, "{model}");
    }
}

#[test]
fn limits_overloads_and_spent_credit_are_told_apart_by_every_provider() {
    /// Who says how long to wait, in a header or in words.
    const TELLS: [Provider; 7] = [
        Provider::Anthropic,
        Provider::OpenAi,
        Provider::Kimi,
        Provider::Gemini,
        Provider::Mistral,
        Provider::Groq,
        Provider::OpenRouter,
    ];
    for model in ONE_EACH {
        let provider = Provider::of(model).unwrap();
        let scene = scene(Policy::Throttled);
        let errors: Vec<_> = (1..=11).map(|_| scene.ask(&question(model)).err()).collect();
        assert_eq!(errors[0], None, "{model}");
        if provider.home().is_none() && provider != Provider::Bedrock {
            // A server of the user's own knows neither rates nor money: it is busy.
            for nth in [1, 4, 10] {
                assert_eq!(errors[nth], Some(ModelError::Overloaded), "{model}");
            }
            continue;
        }
        let wait = TELLS.contains(&provider).then_some(Millis::from_secs(30));
        assert_eq!(errors[1], Some(ModelError::Throttled { wait }), "{model}");
        assert_eq!(errors[4], Some(ModelError::Overloaded), "{model}");
        assert!(matches!(errors[10], Some(ModelError::SpendLimit(_))), "{model}: {:?}", errors[10]);
    }
}

#[test]
fn every_provider_tells_an_unknown_model_from_a_bad_key() {
    let scene = scene(Policy::Momentum);
    for model in ONE_EACH {
        let provider = Provider::of(model).unwrap();
        if provider != Provider::Bedrock && provider.home().is_some() {
            let bad = at_once(scene.client(provider, "").ask(&question(model), &takes(model)));
            assert!(matches!(bad, Err(ModelError::Refused { status: 401, .. })), "{model}: {bad:?}");
        }
        let retired = Question { model: format!("{}/retired-1", provider.as_str()), ..question(model) };
        // What is not listed may be asked at another endpoint; the same one is asked here.
        let error = scene.ask_as(&retired, &takes(model)).unwrap_err();
        assert!(matches!(error, ModelError::NoSuchModel(_)), "{retired:?}: {error}");
    }
    let stranger = scene.client(Provider::Bedrock, "another secret");
    let error = at_once(stranger.ask(&question(ONE_EACH[3]), &takes(ONE_EACH[3]))).unwrap_err();
    assert!(!matches!(error, ModelError::NoSuchModel(_) | ModelError::NotSent(_)), "{error}");
}

#[test]
fn a_broken_answer_is_read_as_none_through_any_provider() {
    for model in ONE_EACH {
        for broken in Broken::ALL {
            let scene = behind(ScriptedModel::breaking(broken, 0));
            let asked = scene.ask(&question(model));
            let reply = asked.map(|raw| read(&raw, &takes(model)).unwrap());
            let meters = scene.model.meters();
            match (broken, &reply) {
                (Broken::NoUsage, Ok(reply)) => {
                    assert_eq!((reply.usage.tokens_in, reply.usage.tokens_out), (None, None), "{model}");
                    assert_eq!((reply.calls.len(), meters.count(Outcome::Answered)), (1, 1), "{model}");
                }
                // A stop that no request of ours has: the answer is whole and says that it is not.
                (Broken::FinishError, Ok(reply)) => {
                    assert!(matches!(&reply.stop, Stop::Other(_)), "{model}: {reply:?}");
                }
                (Broken::Spent, Err(error)) => {
                    let is_local =
                        Provider::of(model).unwrap().home().is_none() && !model.starts_with("bedrock");
                    assert_eq!(matches!(error, ModelError::SpendLimit(_)), !is_local, "{model}: {error}");
                }
                (Broken::Moved, Err(error)) => {
                    assert!(error.to_string().contains("elsewhere.example"), "{model}: {error}");
                }
                (_, Err(_)) => {}
                (_, Ok(reply)) => panic!("{model}: {broken:?} is read as {reply:?}"),
            }
            assert_eq!(meters.total(), 1, "{model}");
        }
    }
}

#[test]
fn reasoning_is_charged_wherever_a_provider_counts_it() {
    for model in ["xai/grok-4.7", "gemini/gemini-3.8-flash", "kimi/kimi-k3", "anthropic/claude-opus-5-5"] {
        let scene = scene(Policy::Momentum);
        let usage = scene.answer(model).usage.or_bound(Default::default());
        assert_eq!(u64::from(usage.tokens_out), scene.model.meters().output_tokens, "{model}");
        assert!(usage.tokens_out > 600, "{model}: {usage:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bedrock_requests_are_signed_right_whatever_they_say(
        // A path of dots alone is another path by the rule of signatures, and the id of no model.
        id in "[a-z0-9][a-z0-9.:/_-]{0,59}",
        said in any::<String>(),
        at_second in 0_i64..4_000_000_000,
    ) {
        prop_assume!(!said.is_empty());
        let scene = at(ScriptedModel::new(Policy::Momentum, 0), Timestamp::from_millis(at_second * 1_000));
        // An ARN may end in any id; only one of a model that there is is answered.
        let ids = [id.clone(), format!("arn:aws:bedrock:us-east-1:123456789012:{id}/us.amazon.nova-lite-v1:0")];
        for (id, is_known) in ids.into_iter().zip([false, true]) {
            let asked = scene.ask(&Question { facts: said.clone(), ..question(&format!("bedrock/{id}")) });
            let is_refused = matches!(asked, Err(ModelError::NoSuchModel(_)));
            prop_assert!(is_known == asked.is_ok() && is_known != is_refused, "{}: {:?}", model_name(&id), asked);
        }
    }
}
