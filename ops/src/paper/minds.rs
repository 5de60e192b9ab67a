//! Who decides in a paper run: a scripted model of the world, or real providers and servers over the real network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::lambda::SystemClock;
use shared::model::{self, Access, Client, Provider, Servers};
use shared::ports::{AskModel, BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use shared::secret::Secret;
use shared::settings::Settings;
use shared::transport::SharedTransport;
use sim::model::{AWS_KEY, AWS_SECRET, Policy};
use sim::world::{MODEL_HOST, MODEL_KEY, World};

use super::options::{ModelChoice, Options};
use super::recording::{self, Recording};
use super::tape::Tape;
use crate::bad_input::BadInput;
use crate::models::{Models, Way};

/// The providers and servers that a run can ask.
pub struct Mind {
    clients: BTreeMap<String, Client>,
    servers: Servers,
    tape: Arc<Tape>,
}

/// What is known of the models before the world is made.
pub enum Chosen {
    /// A scripted policy, whichever provider's model is asked.
    Scripted(Policy),
    /// Everything that can be asked from here; that of the choice is among it.
    Real(Models),
    /// What was answered before, whoever answered it.
    Recorded(Arc<Recording>),
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
pub fn choose(options: &Options, variable: impl Fn(&str) -> Option<String>) -> Result<Chosen, BadInput> {
    let choice = &options.model;
    let of_choice = |line: BadInput| BadInput::new(format!("--model {choice}: {line}"));
    match (choice, &options.servers) {
        (ModelChoice::Scripted(_) | ModelChoice::Recorded(_), Some(_)) => {
            let fix = "leave it out, or name a model of one with --model NAME/MODEL";
            Err(BadInput::new(format!("--servers: {choice} asks no server; {fix}")))
        }
        (ModelChoice::Scripted(policy), None) => Ok(Chosen::Scripted(*policy)),
        (ModelChoice::Recorded(file), None) => {
            recording::read(file).map(|read| Chosen::Recorded(Arc::new(read)))
        }
        (ModelChoice::Real { provider, .. }, file) => {
            let models = Models::read(file.as_deref(), variable)?;
            models.way(provider).map_err(of_choice)?;
            Ok(Chosen::Real(models))
        }
    }
}

/// The scripted model, as each provider is asked: under its own path, and a server of this machine under its name.
fn scripted(provider: Provider) -> Way {
    let path = match (provider.home(), provider.local()) {
        (Some((_, path)), _) => path.to_owned(),
        (None, Some(_)) => format!("/{}/v1", provider.as_str()),
        (None, None) if provider == Provider::Bedrock => String::new(),
        (None, None) => "/v1".to_owned(),
    };
    let access = if provider == Provider::Bedrock {
        let (access_key, secret_key) = (AWS_KEY.to_owned(), Secret::new(AWS_SECRET.to_owned()));
        let region = "us-east-1".to_owned();
        Access::Aws(Aws { region, endpoint: None, access_key, secret_key, session_token: None })
    } else {
        Access::Key(Secret::new(MODEL_KEY.to_owned()))
    };
    Way { kind: provider, base: format!("http://{MODEL_HOST}{path}"), access }
}

/// The model that is asked where the strategy names one of another provider: one that costs little. A server's models
/// have no names that are known.
pub const fn default_model(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Anthropic => Some("anthropic/claude-haiku-5-5"),
        Provider::OpenAi => Some("openai/gpt-6-luna"),
        Provider::Bedrock => Some("bedrock/global.anthropic.claude-haiku-5-5"),
        Provider::DeepSeek => Some("deepseek/deepseek-flash"),
        Provider::Qwen => Some("qwen/qwen3.8-flash"),
        Provider::Kimi => Some("kimi/kimi-k2.6"),
        Provider::Glm => Some("glm/glm-5.2"),
        Provider::Gemini => Some("gemini/gemini-3.8-flash"),
        Provider::Xai => Some("xai/grok-4.3"),
        Provider::Mistral => Some("mistral/mistral-small-latest"),
        Provider::Groq => Some("groq/openai/gpt-oss-20b"),
        Provider::OpenRouter => Some("openrouter/openai/gpt-6-luna"),
        Provider::Ollama
        | Provider::Vllm
        | Provider::LlamaCpp
        | Provider::LmStudio
        | Provider::Compatible => None,
    }
}

/// Keeps the strategy's model where the choice serves its provider and names no other; else the choice's own
/// model is asked, or its provider's default, and noted. The scripted model answers for every provider.
/// Recorded answers are those of one model.
pub fn name_model(choice: &ModelChoice, chosen: &Chosen, settings: &mut Settings, notes: &mut Vec<String>) {
    let asked = match (choice, chosen) {
        (_, Chosen::Recorded(recording)) => recording.model.clone(),
        (ModelChoice::Real { provider, name: Some(name) }, _) => format!("{provider}/{name}"),
        (ModelChoice::Real { provider, name: None }, _) => model_of(Provider::parse(provider), settings),
        (ModelChoice::Scripted(_) | ModelChoice::Recorded(_), _) => {
            model_of(Provider::of(&settings.model).or(Some(Provider::Anthropic)), settings)
        }
    };
    if asked != settings.model {
        let model = &settings.model;
        notes.push(format!("model: {asked} is asked, because --model {choice} does not ask {model}"));
        settings.model = asked;
    }
}

/// The strategy's own model where it is one of `provider`, else that provider's default.
fn model_of(provider: Option<Provider>, settings: &Settings) -> String {
    let own = &settings.model;
    match provider {
        Some(provider) if Provider::of(own) != Some(provider) => {
            default_model(provider).unwrap_or(own).to_owned()
        }
        Some(_) | None => own.clone(),
    }
}

/// The clock of the providers. Real ones live in real time: their signatures and waits are of today.
pub fn clock(chosen: &Chosen, world: &World) -> SharedClock {
    match chosen {
        Chosen::Scripted(_) | Chosen::Recorded(_) => Arc::new(world.clock.clone()),
        Chosen::Real(_) => Arc::new(SystemClock),
    }
}

/// The network to real providers.
pub fn internet() -> Result<SharedTransport, BadInput> {
    Ok(Arc::new(HttpClient::new(Arc::new(SystemClock)).map_err(BadInput::new)?))
}

/// Makes the models of a run, whose wire is `tape`. The faults of a run lie between it and a scripted model, and not
/// between it and a real one; recorded answers come as those that were recorded did.
pub fn mind(
    chosen: Chosen,
    world: &World,
    network: &SharedTransport,
    tape: Arc<Tape>,
) -> Result<Mind, BadInput> {
    let clock = clock(&chosen, world);
    let all = || Provider::ALL.into_iter().map(|provider| (provider.as_str().to_owned(), scripted(provider)));
    let (ways, servers, way): (BTreeMap<String, Way>, Servers, SharedTransport) = match chosen {
        Chosen::Scripted(_) => (all().collect(), Servers::NONE, network.clone()),
        Chosen::Recorded(recording) => {
            let way = match recording.is_real {
                true => tape.over(world.network(), Some(MODEL_HOST)),
                false => network.clone(),
            };
            (recorded(&recording), recording.servers.clone(), way)
        }
        Chosen::Real(models) => {
            let ways = models.served().map(|(name, way)| (name.to_owned(), way.clone())).collect();
            (ways, models.servers().clone(), tape.over(internet()?, None))
        }
    };
    let clients = ways.into_iter().map(|(name, of)| (name, of.client(&way, &clock))).collect();
    Ok(Mind { clients, servers, tape })
}

/// Whoever was asked, at the recording.
fn recorded(recording: &Recording) -> BTreeMap<String, Way> {
    let asked: BTreeSet<&str> = recording.asked().collect();
    let kind =
        |name: &str| recording.servers.get(name).map(|server| server.kind).or_else(|| Provider::parse(name));
    let way = |name: &str| Some((name.to_owned(), scripted(kind(name)?)));
    asked.into_iter().filter_map(way).collect()
}

impl Mind {
    /// The wire to the models.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl AskModel for Mind {
    fn servers(&self) -> &Servers {
        &self.servers
    }
    fn serves(&self, provider: &str) -> bool {
        self.clients.contains_key(provider)
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let name = question.model.split_once('/').map(|(name, _)| name);
        let Some(client) = name.and_then(|name| self.clients.get(name)) else {
            return Err(ModelError::NoSuchModel(format!("{} is not served here", question.model)));
        };
        self.tape.begin(question);
        let came = client.ask(question, &self.servers.capabilities(&question.model)).await;
        self.tape.end(came.as_ref().err());
        came
    }
    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        model::read(&self.servers, model, reply)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use shared::model::capabilities;
    use shared::time::Timestamp;

    use super::*;
    use crate::models::key_variable;

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
        let recording = Recording { model: "openai/gpt-5.2".to_owned(), ..Recording::default() };
        let (choice, mut notes) = ("recorded:answers.jsonl".parse().unwrap(), Vec::new());
        name_model(&choice, &Chosen::Recorded(Arc::new(recording)), &mut settings, &mut notes);
        assert_eq!((settings.model.as_str(), notes.len()), ("openai/gpt-5.2", 1));
        for unnamed in ["recorded:", "ollama", "compatible", "home", "/x", "home/", ""] {
            assert!(unnamed.parse::<ModelChoice>().is_err(), "{unnamed}");
        }
    }

    #[test]
    fn the_strategys_model_is_asked_where_its_provider_is_served_and_else_the_default() {
        for (choice, model, asked, notes) in [
            ("openai", "openai/gpt-5.2", "openai/gpt-5.2", 0),
            ("openai", "anthropic/claude-opus-5", "openai/gpt-6-luna", 1),
            ("anthropic", "anthropic/claude-opus-5", "anthropic/claude-opus-5", 0),
            ("anthropic", "openai/gpt-5.2", "anthropic/claude-haiku-5-5", 1),
            ("anthropic/claude-opus-5", "anthropic/claude-haiku-4-5", "anthropic/claude-opus-5", 1),
            ("compatible/llama-4", "openai/gpt-5.2", "compatible/llama-4", 1),
            ("home/llama-4", "openai/gpt-5.2", "home/llama-4", 1),
            ("bedrock/us.amazon.nova-lite-v1:0", "openai/gpt-5.2", "bedrock/us.amazon.nova-lite-v1:0", 1),
            ("bedrock", "bedrock/us.amazon.nova-lite-v1:0", "bedrock/us.amazon.nova-lite-v1:0", 0),
            ("scripted:momentum", "openai/gpt-5.2", "openai/gpt-5.2", 0),
            ("scripted:momentum", "home/large", "anthropic/claude-haiku-5-5", 1),
        ] {
            assert_eq!(named(choice, model), (asked.to_owned(), notes), "{choice} {model}");
        }
    }

    #[test]
    fn every_default_model_lives_and_has_a_price() {
        let now = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
        for provider in Provider::ALL {
            let Some(model) = default_model(provider) else {
                assert!(provider.home().is_none(), "{provider:?}");
                continue;
            };
            assert_eq!(Provider::of(model), Some(provider));
            let name = shared::ports::model_name(model);
            assert!(capabilities::row(provider, name).is_some(), "{model} is not listed");
            let takes = capabilities::of(model);
            assert_eq!(takes.last_day(), None, "{model}");
            // A route of OpenRouter has no price of its own: its answers tell what they cost.
            let is_priced = Servers::NONE.is_priced(model, now) || provider == Provider::OpenRouter;
            assert!(is_priced, "{model} has no price");
        }
    }

    #[test]
    fn the_page_names_each_providers_variable_and_default_model() {
        let page = include_str!("../../../README.md");
        for provider in Provider::ALL {
            if let (Some(variable), Some(model)) = (key_variable(provider), default_model(provider)) {
                let name = shared::ports::model_name(model);
                let row = format!("| `{}` | `{variable}` | `{name}` |", provider.as_str());
                assert!(page.lines().any(|line| line == row), "{row}");
            }
        }
        let (_, file) = page.split_once("```toml\n[servers.").unwrap();
        let file = format!("[servers.{}", file.split("```").next().unwrap());
        assert_eq!(Servers::from_toml(&file).map(|servers| servers.iter().count()), Ok(1));
    }

    fn chosen(choice: &str, set: &[&str]) -> Result<Chosen, BadInput> {
        #[derive(Parser)]
        struct Given {
            #[command(flatten)]
            options: Options,
        }
        let given = Given::parse_from(["paper", "--model", choice]);
        choose(&given.options, |name| set.contains(&name).then(|| "k".to_owned()))
    }

    #[test]
    fn a_provider_without_its_key_is_one_line_that_names_the_variable() {
        for (choice, variable) in [
            ("anthropic", "ANTHROPIC_API_KEY"),
            ("openai", "OPENAI_API_KEY"),
            ("bedrock", "AWS_REGION"),
            ("compatible/llama-4", "TRADAI_COMPATIBLE_URL"),
            ("home/llama-4", "--servers"),
        ] {
            let error = chosen(choice, &[]).err().unwrap().to_string();
            assert!(error.contains(variable) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_fallback_is_served_where_its_provider_has_a_key_or_runs_here() {
        let Ok(Chosen::Real(models)) = chosen("openai", &["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]) else {
            panic!("not served")
        };
        let served: Vec<&str> = models.served().map(|(name, _)| name).collect();
        assert_eq!(served, ["anthropic", "llamacpp", "lmstudio", "ollama", "openai", "vllm"]);
    }
}
