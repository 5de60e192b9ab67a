//! The venue and the models as decide sees them on Lambda: public market data, and a key per provider that is
//! read once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use shared::aws::tables::DynamoTables;
use shared::environment::Aws;
use shared::model::{self, Access, Client, Provider, Servers};
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

/// Asks every provider and every server of the stage, each with a key of its own that is read on first use. Bedrock is
/// asked with the function's role.
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
    /// Another host of every provider: a simulator.
    pub url: Option<String>,
    /// The model servers of the stage.
    pub servers: Servers,
    /// The keys that were read, by the name of their provider or server.
    pub keys: RefCell<BTreeMap<String, Secret>>,
}

impl<S> KeyedModels<S> {
    /// Where a provider or server is, and of which kind; none of a name that is not served.
    fn place(&self, name: &str) -> Option<(Provider, String)> {
        if let Some(server) = self.servers.get(name) {
            return Some((server.kind, server.url.clone()));
        }
        let provider = Provider::parse(name)?;
        let elsewhere = |home: &str| self.url.clone().unwrap_or_else(|| home.to_owned());
        if provider == Provider::Bedrock {
            // An emulator of AWS has Bedrock too.
            let home = format!("https://bedrock-runtime.{}.amazonaws.com", self.aws.region);
            return Some((provider, elsewhere(self.aws.endpoint.as_ref().unwrap_or(&home))));
        }
        let (host, path) = provider.home()?;
        Some((provider, format!("{}{path}", elsewhere(host))))
    }
}

impl<S: ReadSecret> KeyedModels<S> {
    /// A client of the provider or server of this name.
    pub async fn client(&self, name: &str) -> Result<Client, ModelError> {
        let unknown =
            || ModelError::NoSuchModel(format!("{name} is no provider and no server of this stage"));
        let (provider, base) = self.place(name).ok_or_else(unknown)?;
        let access = if provider == Provider::Bedrock {
            Access::Aws(self.aws.clone())
        } else {
            Access::Key(self.key(name).await?)
        };
        Ok(Client::new(self.transport.clone(), self.clock.clone(), provider, &base, access))
    }

    /// Nothing was asked where there is no key, so nothing is paid for.
    async fn key(&self, name: &str) -> Result<Secret, ModelError> {
        let known = self.keys.borrow().get(name).cloned();
        if let Some(key) = known {
            return Ok(key);
        }
        let read = self.secrets.read(&self.names.model_secret(name)).await;
        let read = read.map_err(|error| match error {
            SecretError::Missing { .. } | SecretError::Malformed { .. } => {
                ModelError::NoKey(error.to_string())
            }
            SecretError::Unavailable { .. } => {
                ModelError::Refused { status: NOT_ASKED, text: error.to_string() }
            }
        })?;
        let key = read.api_key().clone();
        self.keys.borrow_mut().insert(name.to_owned(), key.clone());
        Ok(key)
    }
}

impl<S> KeyedModels<S> {
    /// The error without the key: some servers repeat it to whom they refuse, and errors are logged and told.
    fn without_key(&self, name: &str, error: ModelError) -> ModelError {
        let keys = self.keys.borrow();
        let Some(key) = keys.get(name).map(Secret::expose).filter(|key| !key.is_empty()) else {
            return error;
        };
        let hidden = |text: String| text.replace(key, "[key]");
        match error {
            ModelError::SpendLimit(text) => ModelError::SpendLimit(hidden(text)),
            ModelError::NoSuchModel(text) => ModelError::NoSuchModel(hidden(text)),
            ModelError::NoKey(text) => ModelError::NoKey(hidden(text)),
            ModelError::Unfit(text) => ModelError::Unfit(hidden(text)),
            ModelError::NotSent(text) => ModelError::NotSent(hidden(text)),
            ModelError::NotAnswered(text) => ModelError::NotAnswered(hidden(text)),
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
        | ModelError::Unfit(_)
        | ModelError::NotSent(_)
        | ModelError::NotAnswered(_)
        | ModelError::Unavailable(_)) => error,
    }
}

impl<S: ReadSecret> AskModel for KeyedModels<S> {
    fn servers(&self) -> &Servers {
        &self.servers
    }

    fn serves(&self, provider: &str) -> bool {
        self.place(provider).is_some()
    }

    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let name = question.model.split_once('/').map_or("", |(name, _)| name);
        let is_known = self.keys.borrow().contains_key(name);
        let takes = self.servers.capabilities(&question.model);
        let answer = self.client(name).await?.ask(question, &takes).await;
        let answer = answer.map_err(|error| self.without_key(name, error));
        if let Err(
            ModelError::Refused { .. }
            | ModelError::NoKey(_)
            | ModelError::Unfit(_)
            | ModelError::SpendLimit(_),
        ) = &answer
        {
            // The key may have been rotated or mended: the next question reads it again.
            self.keys.borrow_mut().remove(name);
        }
        answer.map_err(|error| if is_known { of_a_known_key(error) } else { error })
    }

    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        model::read(&self.servers, model, reply)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use shared::ids::Env;
    use shared::ports::Clock;
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
            servers: servers(),
            keys: RefCell::default(),
        }
    }

    fn servers() -> Servers {
        Servers::from_toml("[servers.home]\nurl = \"https://models.example/v1\"").unwrap()
    }

    fn question(model: &str) -> Question {
        let (tool, facts) = (tool(&[symbol()]), "{}".to_owned());
        Prompt { facts, tool, symbols: vec![symbol()], print: None, inputs: no_inputs() }.question(
            model,
            None,
            9,
            Millis(9),
        )
    }

    #[test]
    fn a_key_that_cannot_stand_in_a_header_is_no_key_and_read_again() {
        let models = models(&Arc::default());
        models.keys.borrow_mut().insert("openai".to_owned(), Secret::new("sk-test\n".to_owned()));
        let error = at_once(models.ask(&question("openai/m"))).unwrap_err();
        assert!(matches!(error, ModelError::NoKey(_)), "{error}");
        assert!(models.keys.borrow().is_empty());
    }

    #[test]
    fn each_provider_is_asked_at_its_own_address() {
        for (model, address) in [
            ("anthropic/claude-haiku-4-5", "https://api.anthropic.com/v1/messages"),
            ("openai/gpt-4.1", "https://api.openai.com/v1/chat/completions"),
            ("openai/gpt-6-luna", "https://api.openai.com/v1/responses"),
            ("deepseek/deepseek-v4-flash", "https://api.deepseek.com/chat/completions"),
            (
                "gemini/gemini-3.8-flash",
                "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            ),
            ("home/llama", "https://models.example/v1/chat/completions"),
            (
                "bedrock/amazon.nova-lite-v1:0",
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse",
            ),
        ] {
            let desk = Arc::new(Desk::default());
            assert!(at_once(models(&desk).ask(&question(model))).is_err());
            assert_eq!(desk.0.lock().unwrap()[0].uri().to_string(), address);
        }
        assert!(!models(&Arc::default()).serves("ollama"), "it has no address here");
    }

    #[test]
    fn a_correction_sends_no_more_than_was_counted() {
        for model in [
            "anthropic/claude-haiku-4-5",
            "anthropic/claude-opus-5-5",
            "openai/gpt-5-mini",
            "openai/gpt-6-luna",
            "home/small",
            "bedrock/us.amazon.nova-lite-v1:0",
        ] {
            let desk = Arc::new(Desk::default());
            let (error, facts) = ("Fixed Format Error: no.", "BTC-USDT is up");
            let (tool, takes) = (tool(&[symbol()]), servers().capabilities(model));
            let reserved = tokens::asked(&takes, &tool, &[facts, error]);
            let prompt = Prompt {
                facts: facts.to_owned(),
                tool,
                symbols: Vec::new(),
                print: None,
                inputs: no_inputs(),
            };
            let question = prompt.question(model, Some(error), 9, Millis::from_secs(1));
            assert!(at_once(models(&desk).ask(&question)).is_err());
            let sent = desk.0.lock().unwrap().remove(0);
            let body = String::from_utf8(sent.body().to_vec()).unwrap();
            let truth = tiktoken_rs::o200k_base_singleton().encode_ordinary(&body).len();
            assert!(u32::try_from(truth).unwrap() <= reserved, "{model}: {truth} of {reserved}: {body}");
            assert!(body.contains(error) && body.contains(facts), "{body}");
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
        for provider in ["anthropic", "openai", "deepseek", "home"] {
            let models = KeyedModels { transport: Arc::new(Echo), ..models(&Arc::default()) };
            let error = at_once(models.ask(&question(&format!("{provider}/m")))).unwrap_err();
            assert!(matches!(&error, ModelError::Refused { status: 401, .. }), "{error}");
            let words = format!("{error} {error:?}");
            assert!(words.contains("[key]") && !words.contains(KEY), "{words}");
        }
    }

    #[test]
    fn a_key_that_was_rotated_is_read_again_and_says_nothing_of_the_model_until_then() {
        let models = KeyedModels { transport: Arc::new(Echo), ..models(&Arc::default()) };
        models.keys.borrow_mut().insert("anthropic".to_owned(), Secret::new("the one before".to_owned()));
        let ask = || at_once(models.ask(&question("anthropic/m"))).unwrap_err();
        let causes = [(); 2].map(|()| crate::unusable::cause(&ask()));
        assert_eq!(causes, [None, Some(shared::records::llm::Cause::Key)]);
    }

    #[test]
    fn a_key_stands_in_its_header_alone_and_in_no_words_of_ours() {
        for (provider, headers) in [
            ("anthropic", ["x-api-key"].as_slice()),
            ("openai", &["authorization"]),
            ("gemini", &["authorization"]),
            ("home", &["authorization"]),
            ("bedrock", &[]),
        ] {
            let desk = Arc::new(Desk::default());
            let models = models(&desk);
            let model = format!("{provider}/m");
            let error = at_once(models.ask(&question(&model))).unwrap_err();
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
                format!("{error} {error:?} {:?} {:?}", models.keys.borrow(), question(&model)),
            ] {
                assert!(!words.contains(KEY), "{model}: {words}");
            }
        }
    }
}
