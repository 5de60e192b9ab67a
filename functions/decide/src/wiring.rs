//! The venue and the models as decide sees them on Lambda: public market data, and a key per provider that is
//! read once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use shared::aws::tables::DynamoTables;
use shared::environment::Aws;
use shared::model::anthropic::{self, Anthropic};
use shared::model::bedrock::{self, Bedrock};
use shared::model::openai::{self, OpenAi};
use shared::model::{self, AnyModel, Provider};
use shared::ports::{
    AskModel, BadReply, ModelError, OpenVenue, Question, RawReply, Reply, SharedClock, VenueError, Wait,
};
use shared::secret::{ReadSecret, Secret, SecretError};
use shared::settings::Settings;
use shared::tables::Names;
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

/// Opens the market data of a strategy's venue; there is no key in it.
pub struct Markets(pub Venues<DynamoTables>);

impl OpenVenue for Markets {
    type Venue = Patient<Binance, DynamoTables>;

    /// A backend that no orders go to is refused before a model is asked what to order.
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        venues::account(settings)?;
        self.0.market(settings, wait)
    }
}

/// The status of a refusal that no provider gave with a key that is there now: it says nothing of a model.
const NOT_ASKED: u16 = 0;

/// Asks every provider, each with a key of its own that is read on first use. Bedrock is asked with the
/// function's role, and a compatible server only where it is configured.
pub struct KeyedModels<S> {
    /// Where the keys are.
    pub secrets: S,
    /// What they are called.
    pub names: Names,
    /// The way out.
    pub transport: SharedTransport,
    /// The clock.
    pub clock: SharedClock,
    /// The function's role and region.
    pub aws: Aws,
    /// Another address of every provider: a simulator.
    pub url: Option<String>,
    /// The server of the provider `compatible`.
    pub compatible_url: Option<String>,
    /// The keys that were read.
    pub keys: RefCell<BTreeMap<Provider, Secret>>,
}

impl<S: ReadSecret> KeyedModels<S> {
    fn base(&self, provider: Provider) -> Option<String> {
        match provider {
            Provider::Compatible => self.compatible_url.clone(),
            Provider::Anthropic => Some(self.elsewhere(anthropic::HOME)),
            Provider::OpenAi => Some(self.elsewhere(openai::HOME)),
            // An emulator of AWS has Bedrock too.
            Provider::Bedrock => Some(match &self.aws.endpoint {
                Some(endpoint) => self.elsewhere(endpoint),
                None => self.elsewhere(&bedrock::home(&self.aws.region)),
            }),
        }
    }

    fn elsewhere(&self, home: &str) -> String {
        self.url.clone().unwrap_or_else(|| home.to_owned())
    }

    async fn client(&self, provider: Provider) -> Result<AnyModel, ModelError> {
        let nowhere = || ModelError::Unavailable(format!("{} is not configured", provider.as_str()));
        let base = self.base(provider).ok_or_else(nowhere)?;
        let (transport, clock) = (self.transport.clone(), self.clock.clone());
        Ok(match provider {
            Provider::Anthropic => {
                AnyModel::Anthropic(Anthropic::new(transport, clock, &base, self.key(provider).await?))
            }
            Provider::OpenAi | Provider::Compatible => {
                AnyModel::OpenAi(OpenAi::new(transport, clock, &base, self.key(provider).await?))
            }
            Provider::Bedrock => AnyModel::Bedrock(Bedrock::new(transport, clock, &base, self.aws.clone())),
        })
    }

    /// Nothing was asked where there is no key, so nothing is paid for.
    async fn key(&self, provider: Provider) -> Result<Secret, ModelError> {
        let known = self.keys.borrow().get(&provider).cloned();
        if let Some(key) = known {
            return Ok(key);
        }
        let read = self.secrets.read(&self.names.model_secret(provider.as_str())).await;
        let read = read.map_err(|error| match error {
            SecretError::Missing { .. } | SecretError::Malformed { .. } => {
                ModelError::NoKey(error.to_string())
            }
            SecretError::Unavailable { .. } => {
                ModelError::Refused { status: NOT_ASKED, text: error.to_string() }
            }
        })?;
        let key = read.api_key().clone();
        self.keys.borrow_mut().insert(provider, key.clone());
        Ok(key)
    }
}

impl<S> KeyedModels<S> {
    /// The error without the key: some servers repeat it to whom they refuse, and errors are logged and told.
    fn without_key(&self, provider: Provider, error: ModelError) -> ModelError {
        let keys = self.keys.borrow();
        let Some(key) = keys.get(&provider).map(Secret::expose).filter(|key| !key.is_empty()) else {
            return error;
        };
        let hidden = |text: String| text.replace(key, "[key]");
        match error {
            ModelError::SpendLimit(text) => ModelError::SpendLimit(hidden(text)),
            ModelError::NoSuchModel(text) => ModelError::NoSuchModel(hidden(text)),
            ModelError::NoKey(text) => ModelError::NoKey(hidden(text)),
            ModelError::Refused { status, text } => ModelError::Refused { status, text: hidden(text) },
            ModelError::Unavailable(text) => ModelError::Unavailable(hidden(text)),
            error @ (ModelError::Throttled { .. } | ModelError::Overloaded) => error,
        }
    }
}

/// A key that was read earlier may be the one before: that it is refused says nothing of the one that is there now.
fn of_a_known_key(error: ModelError) -> ModelError {
    match error {
        ModelError::Refused { status: 401, text } => ModelError::Refused {
            status: NOT_ASKED,
            text: format!("{text}; the next question reads the key again"),
        },
        error @ (ModelError::Refused { .. }
        | ModelError::Throttled { .. }
        | ModelError::SpendLimit(_)
        | ModelError::Overloaded
        | ModelError::NoSuchModel(_)
        | ModelError::NoKey(_)
        | ModelError::Unavailable(_)) => error,
    }
}

impl<S: ReadSecret> AskModel for KeyedModels<S> {
    fn serves(&self, provider: &str) -> bool {
        Provider::parse(provider).is_some_and(|provider| self.base(provider).is_some())
    }

    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let unknown = || ModelError::NoSuchModel(format!("{} is of no known provider", question.model));
        let provider = Provider::of(&question.model).ok_or_else(unknown)?;
        let is_known = self.keys.borrow().contains_key(&provider);
        let answer = self.client(provider).await?.ask(question).await;
        let answer = answer.map_err(|error| self.without_key(provider, error));
        if let Err(ModelError::Refused { status: 401 | 403, .. }) = &answer {
            // The key may have been rotated: the next question reads it again.
            self.keys.borrow_mut().remove(&provider);
        }
        answer.map_err(|error| if is_known { of_a_known_key(error) } else { error })
    }

    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        model::read(model, reply)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use shared::ids::Env;
    use shared::ports::{Clock, Turn};
    use shared::secret::Credentials;
    use shared::tables::PREFIX;
    use shared::testkit::at_once;
    use shared::time::{Millis, Timestamp};
    use shared::transport::{Request, Response, Sending, Transport, TransportError};

    use super::*;
    use crate::prompt::{Prompt, tool};
    use crate::testing::{at, no_inputs, symbol};
    use crate::tokens;

    /// It may stand in one header, marked as sensitive, and nowhere else.
    const KEY: &str = "canary-5ec2e7";

    struct Vault;

    impl ReadSecret for Vault {
        async fn read(&self, name: &str) -> Result<Credentials, SecretError> {
            Credentials::parse(name, &serde_json::json!({"api_key": KEY}).to_string())
        }
    }

    /// Keeps every request and sends none.
    #[derive(Debug, Default)]
    struct Desk(Mutex<Vec<Request>>);

    impl Transport for Desk {
        fn send(&self, request: Request, _: Millis) -> Sending<'_> {
            self.0.lock().unwrap().push(request);
            Box::pin(std::future::ready(Err(TransportError::NoAnswer("down".to_owned()))))
        }
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            at("2023-03-01T16:00:05Z")
        }
    }

    fn models(desk: &Arc<Desk>) -> KeyedModels<Vault> {
        KeyedModels {
            secrets: Vault,
            names: Names { prefix: PREFIX.to_owned(), env: Env::parse("dev").unwrap() },
            transport: desk.clone(),
            clock: Arc::new(Still),
            aws: Aws {
                region: "us-east-1".to_owned(),
                endpoint: None,
                access_key: "id".to_owned(),
                secret_key: Secret::new(KEY.to_owned()),
                session_token: None,
            },
            url: None,
            compatible_url: Some("https://models.example".to_owned()),
            keys: RefCell::default(),
        }
    }

    /// An answer of each provider that thought long, said something and called twice.
    fn thoughtful(model: &str) -> RawReply {
        let (thought, input) = ("and so on, ".repeat(3_000), json!({"action": "yolo", "reason": "\"why\""}));
        let body = match Provider::of(model).unwrap() {
            Provider::Anthropic => json!({
                "type": "message", "role": "assistant", "stop_reason": "tool_use", "extra": thought,
                "usage": {"input_tokens": 1, "output_tokens": 1},
                "content": [
                    {"type": "thinking", "thinking": thought, "signature": thought},
                    {"type": "text", "text": "Twice."},
                    {"type": "tool_use", "id": "toolu_1", "name": "decide", "input": input},
                    {"type": "tool_use", "id": "toolu_2", "name": "decide", "input": input, "caller": thought},
                ],
            }),
            Provider::OpenAi | Provider::Compatible => {
                let call = |id| {
                    let function =
                        json!({"name": "decide", "arguments": input.to_string(), "parsed": thought});
                    json!({"id": id, "type": "function", "function": function})
                };
                let message = json!({
                    "role": "assistant", "content": "Twice.", "reasoning_content": thought,
                    "tool_calls": [call("call_1"), call("call_2")],
                });
                let usage = json!({"prompt_tokens": 1, "completion_tokens": 1});
                json!({"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": usage})
            }
            Provider::Bedrock => {
                let call = |id| json!({"toolUse": {"toolUseId": id, "name": "decide", "input": input}});
                let content = json!([
                    {"reasoningContent": {"reasoningText": {"text": thought}}},
                    {"text": "Twice."}, call("tooluse_1"), call("tooluse_2"),
                ]);
                let message = json!({"role": "assistant", "content": content});
                let usage = json!({"inputTokens": 1, "outputTokens": 1});
                json!({"output": {"message": message}, "stopReason": "tool_use", "usage": usage})
            }
        };
        RawReply { body: body.to_string().into_bytes() }
    }

    #[test]
    fn no_more_of_an_answer_is_shown_back_than_was_counted() {
        for model in [
            "anthropic/claude-haiku-4-5",
            "openai/gpt-5-mini",
            "compatible/small",
            "bedrock/us.amazon.nova-lite-v1:0",
        ] {
            let desk = Arc::new(Desk::default());
            let (raw, error, facts) = (thoughtful(model), "Fixed Format Error: no.", "BTC-USDT is up");
            let reply = model::read(model, &raw).unwrap();
            let again = tokens::again(Some(&reply), error);
            let texts: Vec<&str> = std::iter::once(facts).chain(again.iter().map(String::as_str)).collect();
            let tool = tool(&[symbol()]);
            let reserved = tokens::asked(model, &tool, &texts);
            let said = vec![
                Turn::Facts(facts.to_owned()),
                Turn::Answered(Box::new(raw)),
                Turn::FormatError(error.to_owned()),
            ];
            let prompt = Prompt {
                facts: facts.to_owned(),
                tool,
                symbols: Vec::new(),
                print: None,
                inputs: no_inputs(),
            };
            let question = prompt.question(model, said, Millis::from_secs(1));
            assert!(at_once(models(&desk).ask(&question)).is_err());
            let sent = desk.0.lock().unwrap().remove(0);
            let body = String::from_utf8(sent.body().to_vec()).unwrap();
            let truth = tiktoken_rs::o200k_base_singleton().encode_ordinary(&body).len();
            assert!(u32::try_from(truth).unwrap() <= reserved, "{model}: {truth} of {reserved}: {body}");
            for call in &reply.calls {
                assert_eq!(body.matches(&call.id).count(), 2, "{model}: the call and its result");
            }
        }
    }

    /// Refuses, and repeats every header that it was shown.
    #[derive(Debug)]
    struct Echo;

    impl Transport for Echo {
        fn send(&self, request: Request, _: Millis) -> Sending<'_> {
            let shown: Vec<_> =
                request.headers().values().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            let body = serde_json::json!({"error": {"message": shown.join(" ")}}).to_string();
            let mut answer = Response::new(body.into());
            *answer.status_mut() = 401_u16.try_into().unwrap();
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    #[test]
    fn a_key_that_a_provider_repeats_is_told_to_nobody() {
        for provider in [Provider::Anthropic, Provider::OpenAi, Provider::Compatible] {
            let models = KeyedModels { transport: Arc::new(Echo), ..models(&Arc::default()) };
            let (system, model) = (String::new(), format!("{}/m", provider.as_str()));
            let turns = vec![Turn::Facts("{}".to_owned())];
            let question =
                Question { model, system, tool: tool(&[symbol()]), turns, max_tokens: 9, timeout: Millis(9) };
            let error = at_once(models.ask(&question)).unwrap_err();
            assert!(matches!(&error, ModelError::Refused { status: 401, .. }), "{error}");
            let words = format!("{error} {error:?}");
            assert!(words.contains("[key]") && !words.contains(KEY), "{words}");
        }
    }

    #[test]
    fn a_key_that_was_rotated_is_read_again_and_says_nothing_of_the_model_until_then() {
        let models = KeyedModels { transport: Arc::new(Echo), ..models(&Arc::default()) };
        models.keys.borrow_mut().insert(Provider::Anthropic, Secret::new("the one before".to_owned()));
        let turns = vec![Turn::Facts("{}".to_owned())];
        let (model, system) = ("anthropic/m".to_owned(), String::new());
        let question =
            Question { model, system, tool: tool(&[symbol()]), turns, max_tokens: 9, timeout: Millis(9) };
        let causes = [(); 2].map(|()| crate::unusable::cause(&at_once(models.ask(&question)).unwrap_err()));
        assert_eq!(causes, [None, Some(shared::records::llm::Cause::Key)]);
    }

    #[test]
    fn a_key_stands_in_its_header_alone_and_in_no_words_of_ours() {
        let tool = tool(&[symbol()]);
        let (facts, symbols) = ("{}".to_owned(), vec![symbol()]);
        let prompt = Prompt { facts, tool, symbols, print: None, inputs: no_inputs() };
        for (provider, headers) in [
            (Provider::Anthropic, ["x-api-key"].as_slice()),
            (Provider::OpenAi, &["authorization"]),
            (Provider::Compatible, &["authorization"]),
            (Provider::Bedrock, &[]),
        ] {
            let desk = Arc::new(Desk::default());
            let models = models(&desk);
            let turns = vec![Turn::Facts(prompt.facts.clone())];
            let model = format!("{}/m", provider.as_str());
            let question = prompt.question(&model, turns, Millis::from_secs(20));
            let error = at_once(models.ask(&question)).unwrap_err();
            let sent = desk.0.lock().unwrap();
            let [request] = sent.as_slice() else { panic!("{model}: {sent:?}") };
            let with_key =
                |(name, value): (_, &[u8])| String::from_utf8_lossy(value).contains(KEY).then_some(name);
            let told = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            assert_eq!(told.filter_map(with_key).collect::<Vec<_>>(), headers, "{model}");
            let client = at_once(models.client(provider)).unwrap();
            for words in [
                request.uri().to_string(),
                String::from_utf8_lossy(request.body()).into_owned(),
                format!("{:?} {:?}", request.headers(), client),
                format!("{error} {error:?} {:?} {}", models.keys.borrow(), prompt.text()),
            ] {
                assert!(!words.contains(KEY), "{model}: {words}");
            }
        }
    }
}
