//! Who decides in a paper run: a scripted model of the world, or real providers over the real network.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::lambda::SystemClock;
use shared::model::anthropic::{self, Anthropic};
use shared::model::bedrock::{self, Bedrock};
use shared::model::openai::{self, OpenAi};
use shared::model::{self, AnyModel, Provider};
use shared::ports::{AskModel, BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use shared::secret::Secret;
use shared::settings::Settings;
use shared::transport::SharedTransport;
use sim::model::{AWS_KEY, AWS_SECRET, Policy};
use sim::world::{MODEL_HOST, MODEL_KEY, World};

use super::options::ModelChoice;
use super::recording::{self, Recording};
use super::tape::Tape;
use crate::bad_input::BadInput;

/// The providers that a run can ask.
pub struct Mind {
    clients: BTreeMap<Provider, AnyModel>,
    tape: Arc<Tape>,
}

/// What is known of the models before the world is made.
pub enum Chosen {
    /// A scripted policy, whichever provider's model is asked.
    Scripted(Policy),
    /// Every provider that the environment has a key for; that of the choice is among them.
    Real(BTreeMap<Provider, Access>),
    /// What was answered before, whoever answered it.
    Recorded(Arc<Recording>),
}

/// Where a provider is, and what it is asked with.
pub enum Access {
    /// With a key.
    Key(String, Secret),
    /// With the keys of AWS.
    Aws(String, Aws),
}

impl Chosen {
    /// The answers that are played.
    pub fn recording(&self) -> Option<Arc<Recording>> {
        match self {
            Chosen::Recorded(recording) => Some(Arc::clone(recording)),
            Chosen::Scripted(_) | Chosen::Real(_) => None,
        }
    }

    /// The scripted policy of the world; worlds of real providers have one that is never asked.
    pub const fn policy(&self) -> Policy {
        match self {
            Chosen::Scripted(policy) => *policy,
            Chosen::Real(_) | Chosen::Recorded(_) => Policy::Momentum,
        }
    }
}

/// Looks up what the choice needs, and what its fallbacks may need; `variable` reads the environment.
pub fn choose(choice: &ModelChoice, variable: impl Fn(&str) -> Option<String>) -> Result<Chosen, BadInput> {
    let wanted = match choice {
        ModelChoice::Scripted(policy) => return Ok(Chosen::Scripted(*policy)),
        ModelChoice::Real { provider, .. } => *provider,
        ModelChoice::Recorded(file) => {
            return recording::read(file).map(|read| Chosen::Recorded(Arc::new(read)));
        }
    };
    let mut found = BTreeMap::new();
    for provider in Provider::ALL {
        match access(provider, &variable) {
            Ok(access) => drop(found.insert(provider, access)),
            Err(missing) if provider == wanted => {
                let problem = format!("--model {choice}: {missing} is not set; export {missing}=… first");
                return Err(BadInput::new(problem));
            }
            // A fallback that has no key is not served.
            Err(_) => {}
        }
    }
    Ok(Chosen::Real(found))
}

/// What the environment says of a provider, or the first variable that is missing.
fn access(provider: Provider, variable: impl Fn(&str) -> Option<String>) -> Result<Access, &'static str> {
    let find = |name: &'static str| variable(name).filter(|text| !text.is_empty()).ok_or(name);
    let secret = |name| find(name).map(Secret::new);
    let key = |base: &str, name| Ok(Access::Key(base.to_owned(), secret(name)?));
    match provider {
        Provider::Anthropic => key(anthropic::HOME, "ANTHROPIC_API_KEY"),
        Provider::OpenAi => key(openai::HOME, "OPENAI_API_KEY"),
        Provider::Compatible => key(&find("TRADAI_COMPATIBLE_URL")?, "TRADAI_COMPATIBLE_KEY"),
        Provider::Bedrock => {
            let region = find("AWS_REGION")?;
            let base = bedrock::home(&region);
            let access_key = find("AWS_ACCESS_KEY_ID")?;
            let secret_key = secret("AWS_SECRET_ACCESS_KEY")?;
            let session_token = secret("AWS_SESSION_TOKEN").ok();
            Ok(Access::Aws(base, Aws { region, endpoint: None, access_key, secret_key, session_token }))
        }
    }
}

/// The scripted model, as each provider is asked.
fn scripted(provider: Provider) -> Access {
    let base = format!("http://{MODEL_HOST}");
    match provider {
        Provider::Anthropic | Provider::OpenAi | Provider::Compatible => {
            Access::Key(base, Secret::new(MODEL_KEY.to_owned()))
        }
        Provider::Bedrock => {
            let (access_key, secret_key) = (AWS_KEY.to_owned(), Secret::new(AWS_SECRET.to_owned()));
            let region = "us-east-1".to_owned();
            Access::Aws(base, Aws { region, endpoint: None, access_key, secret_key, session_token: None })
        }
    }
}

/// The model that is asked where the strategy names one of another provider. A compatible server's models have
/// no names that are known.
const fn default_model(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Anthropic => Some("anthropic/claude-haiku-4-5"),
        Provider::OpenAi => Some("openai/gpt-5-mini"),
        Provider::Compatible => None,
        Provider::Bedrock => Some("bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0"),
    }
}

/// Keeps the strategy's model where the choice serves its provider and names no other; else the choice's own
/// model is asked, or its provider's default, and noted. The scripted model answers for every provider.
/// Recorded answers are those of one model.
pub fn name_model(choice: &ModelChoice, chosen: &Chosen, settings: &mut Settings, notes: &mut Vec<String>) {
    let asked = match (choice, chosen) {
        (_, Chosen::Recorded(recording)) => recording.model.clone(),
        (ModelChoice::Real { provider, name: Some(name) }, _) => format!("{}/{name}", provider.as_str()),
        (ModelChoice::Real { provider, name: None }, _) => model_of(*provider, settings),
        (ModelChoice::Scripted(_) | ModelChoice::Recorded(_), _) => {
            model_of(Provider::of(&settings.model).unwrap_or(Provider::Anthropic), settings)
        }
    };
    if asked != settings.model {
        let model = &settings.model;
        notes.push(format!("model: {asked} is asked, because --model {choice} does not ask {model}"));
        settings.model = asked;
    }
}

/// The strategy's own model where it is one of `provider`.
fn model_of(provider: Provider, settings: &Settings) -> String {
    let own = &settings.model;
    if Provider::of(own) == Some(provider) {
        own.clone()
    } else {
        default_model(provider).unwrap_or(own).to_owned()
    }
}

/// The clock of the providers. Real ones live in real time: their signatures and waits are of today.
pub fn clock(chosen: &Chosen, world: &World) -> SharedClock {
    match chosen {
        Chosen::Scripted(_) | Chosen::Recorded(_) => Arc::new(world.clock.clone()),
        Chosen::Real(_) => Arc::new(SystemClock),
    }
}

/// Makes the models of a run, whose wire is `tape`.
pub fn mind(
    chosen: Chosen,
    world: &World,
    network: &SharedTransport,
    tape: Arc<Tape>,
) -> Result<Mind, BadInput> {
    let clock = clock(&chosen, world);
    let (found, way) = match chosen {
        Chosen::Scripted(_) => (everyone(|_| true), network.clone()),
        Chosen::Recorded(recording) => (everyone(|provider| recording.asks(provider)), network.clone()),
        Chosen::Real(found) => {
            let internet = Arc::new(HttpClient::new().map_err(BadInput::new)?);
            (found, tape.over(internet, None))
        }
    };
    let clients = found.into_iter().map(|(of, access)| (of, client(of, access, &way, &clock))).collect();
    Ok(Mind { clients, tape })
}

/// Every provider that `is_asked`, at the scripted model.
fn everyone(is_asked: impl Fn(Provider) -> bool) -> BTreeMap<Provider, Access> {
    let asked = Provider::ALL.into_iter().filter(|provider| is_asked(*provider));
    asked.map(|provider| (provider, scripted(provider))).collect()
}

fn client(provider: Provider, access: Access, way: &SharedTransport, clock: &SharedClock) -> AnyModel {
    let (way, clock) = (way.clone(), clock.clone());
    match access {
        Access::Key(base, key) if provider == Provider::Anthropic => {
            AnyModel::Anthropic(Anthropic::new(way, clock, &base, key))
        }
        Access::Key(base, key) => AnyModel::OpenAi(OpenAi::new(way, clock, &base, key)),
        Access::Aws(base, aws) => AnyModel::Bedrock(Bedrock::new(way, clock, &base, aws)),
    }
}

impl Mind {
    /// The wire to the models.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl AskModel for Mind {
    fn serves(&self, provider: &str) -> bool {
        Provider::parse(provider).is_some_and(|provider| self.clients.contains_key(&provider))
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let client = Provider::of(&question.model).and_then(|provider| self.clients.get(&provider));
        let Some(client) = client else {
            return Err(ModelError::NoSuchModel(format!("{} is not served here", question.model)));
        };
        self.tape.begin(question);
        let came = client.ask(question).await;
        self.tape.end(came.as_ref().err());
        came
    }
    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        model::read(model, reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRATEGY: &str = include_str!("../../strategies/demo.toml");

    fn named(choice: &str, model: &str) -> (String, usize) {
        let mut settings = Settings::from_toml(STRATEGY, "demo.toml").unwrap().settings;
        settings.model = model.to_owned();
        let mut notes = Vec::new();
        let anybody = Chosen::Scripted(Policy::Momentum);
        name_model(&choice.parse().unwrap(), &anybody, &mut settings, &mut notes);
        (settings.model, notes.len())
    }

    #[test]
    fn the_model_of_a_recording_is_asked_whatever_the_strategy_names() {
        let mut settings = Settings::from_toml(STRATEGY, "demo.toml").unwrap().settings;
        let recording = Recording { model: "openai/gpt-5.2".to_owned(), answers: BTreeMap::new() };
        let (choice, mut notes) = ("recorded:answers.jsonl".parse().unwrap(), Vec::new());
        name_model(&choice, &Chosen::Recorded(Arc::new(recording)), &mut settings, &mut notes);
        assert_eq!((settings.model.as_str(), notes.len()), ("openai/gpt-5.2", 1));
        assert!("recorded:".parse::<ModelChoice>().is_err());
    }

    #[test]
    fn the_strategys_model_is_asked_where_its_provider_is_served_and_else_the_default() {
        for (choice, model, asked, notes) in [
            ("openai", "openai/gpt-5.2", "openai/gpt-5.2", 0),
            ("openai", "anthropic/claude-opus-5", "openai/gpt-5-mini", 1),
            ("anthropic", "anthropic/claude-opus-5", "anthropic/claude-opus-5", 0),
            ("anthropic", "openai/gpt-5.2", "anthropic/claude-haiku-4-5", 1),
            ("anthropic/claude-opus-5", "anthropic/claude-haiku-4-5", "anthropic/claude-opus-5", 1),
            ("compatible/llama-4", "openai/gpt-5.2", "compatible/llama-4", 1),
            ("bedrock/us.amazon.nova-lite-v1:0", "openai/gpt-5.2", "bedrock/us.amazon.nova-lite-v1:0", 1),
            ("bedrock", "bedrock/us.amazon.nova-lite-v1:0", "bedrock/us.amazon.nova-lite-v1:0", 0),
            ("scripted:momentum", "openai/gpt-5.2", "openai/gpt-5.2", 0),
            ("scripted:momentum", "mistral/large", "anthropic/claude-haiku-4-5", 1),
        ] {
            assert_eq!(named(choice, model), (asked.to_owned(), notes), "{choice} {model}");
        }
    }

    fn chosen(choice: &str, set: &[&str]) -> Result<Chosen, BadInput> {
        let variable = |name: &str| set.contains(&name).then(|| "k".to_owned());
        choose(&choice.parse().unwrap(), variable)
    }

    #[test]
    fn a_provider_without_its_key_is_one_line_that_names_the_variable() {
        for (choice, variable) in [
            ("anthropic", "ANTHROPIC_API_KEY"),
            ("openai", "OPENAI_API_KEY"),
            ("bedrock", "AWS_REGION"),
            ("compatible/llama-4", "TRADAI_COMPATIBLE_URL"),
        ] {
            let error = chosen(choice, &[]).err().unwrap().to_string();
            assert!(error.contains(variable) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_fallback_is_served_where_its_provider_has_a_key() {
        let Ok(Chosen::Real(found)) = chosen("openai", &["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]) else {
            panic!("not served")
        };
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [Provider::Anthropic, Provider::OpenAi]);
    }
}
