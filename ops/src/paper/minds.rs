//! Who decides in a paper run: a scripted model of the world, or a real provider over the real network.

use std::sync::Arc;

use shared::http_client::HttpClient;
use shared::model::anthropic::Anthropic;
use shared::model::openai::OpenAi;
use shared::ports::{AskModel, BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use shared::secret::Secret;
use shared::settings::Settings;
use shared::transport::SharedTransport;
use sim::model::Policy;
use sim::world::{MODEL_HOST, MODEL_KEY, World};

use super::options::ModelChoice;
use crate::bad_input::BadInput;

/// The model of a run.
pub enum Mind {
    /// It speaks Anthropic's Messages API: Anthropic itself, or the scripted model.
    Anthropic(Anthropic),
    /// It speaks OpenAI's Chat Completions API.
    OpenAi(OpenAi),
}

/// What is known of a model before the world is made.
pub enum Chosen {
    /// A scripted policy.
    Scripted(Policy),
    /// Anthropic, with the key of the environment.
    Anthropic(Secret),
    /// OpenAI, with the key of the environment.
    OpenAi(Secret),
}

impl Chosen {
    /// The scripted policy of the world; worlds of real providers have one that is never asked.
    pub const fn policy(&self) -> Policy {
        match self {
            Chosen::Scripted(policy) => *policy,
            Chosen::Anthropic(_) | Chosen::OpenAi(_) => Policy::Momentum,
        }
    }
}

/// Looks up what the choice needs; `variable` reads the environment.
pub fn choose(choice: &ModelChoice, variable: impl Fn(&str) -> Option<String>) -> Result<Chosen, BadInput> {
    let key = |name: &str| match variable(name).filter(|key| !key.is_empty()) {
        Some(key) => Ok(Secret::new(key)),
        None => Err(BadInput::new(format!("--model {choice}: {name} is not set; export {name}=… first"))),
    };
    match choice {
        ModelChoice::Scripted(policy) => Ok(Chosen::Scripted(*policy)),
        ModelChoice::Anthropic => Ok(Chosen::Anthropic(key("ANTHROPIC_API_KEY")?)),
        ModelChoice::OpenAi => Ok(Chosen::OpenAi(key("OPENAI_API_KEY")?)),
    }
}

/// The model that is asked where the strategy names one of another provider. The scripted model speaks
/// Anthropic's API.
const fn default_model(choice: &ModelChoice) -> &'static str {
    match choice {
        ModelChoice::Scripted(_) | ModelChoice::Anthropic => "anthropic/claude-haiku-4-5",
        ModelChoice::OpenAi => "openai/gpt-5-mini",
    }
}

/// Keeps the strategy's model where the choice serves its provider; else the provider's default is asked, and
/// noted.
pub fn name_model(choice: &ModelChoice, settings: &mut Settings, notes: &mut Vec<String>) {
    let default = default_model(choice);
    let provider = |model: &str| model.split_once('/').map(|(provider, _)| provider.to_owned());
    if provider(&settings.model) != provider(default) {
        let model = &settings.model;
        notes.push(format!("model: {default} is asked, because --model {choice} does not serve {model}"));
        settings.model = default.to_owned();
    }
}

/// Makes the model of a run.
pub fn mind(chosen: Chosen, world: &World, network: &SharedTransport) -> Result<Mind, BadInput> {
    let clock: SharedClock = Arc::new(world.clock.clone());
    match chosen {
        Chosen::Scripted(_) => {
            let key = Secret::new(MODEL_KEY.to_owned());
            Ok(Mind::Anthropic(Anthropic::new(network.clone(), clock, &format!("http://{MODEL_HOST}"), key)))
        }
        Chosen::Anthropic(key) => {
            let internet = HttpClient::new().map_err(BadInput::new)?;
            let base = "https://api.anthropic.com";
            Ok(Mind::Anthropic(Anthropic::new(Arc::new(internet), clock, base, key)))
        }
        Chosen::OpenAi(key) => {
            let internet = HttpClient::new().map_err(BadInput::new)?;
            let base = "https://api.openai.com";
            Ok(Mind::OpenAi(OpenAi::new(Arc::new(internet), clock, base, key)))
        }
    }
}

impl AskModel for Mind {
    fn provider(&self) -> &'static str {
        match self {
            Mind::Anthropic(model) => model.provider(),
            Mind::OpenAi(model) => model.provider(),
        }
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        match self {
            Mind::Anthropic(model) => model.ask(question).await,
            Mind::OpenAi(model) => model.ask(question).await,
        }
    }
    fn read(&self, reply: &RawReply) -> Result<Reply, BadReply> {
        match self {
            Mind::Anthropic(model) => model.read(reply),
            Mind::OpenAi(model) => model.read(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRATEGY: &str = include_str!("../../strategies/demo.toml");

    fn named(choice: &ModelChoice, model: &str) -> (String, usize) {
        let mut settings = Settings::from_toml(STRATEGY, "demo.toml").unwrap().settings;
        settings.model = model.to_owned();
        let mut notes = Vec::new();
        name_model(choice, &mut settings, &mut notes);
        (settings.model, notes.len())
    }

    #[test]
    fn the_strategys_model_is_asked_where_its_provider_is_served_and_else_the_default() {
        let scripted = ModelChoice::Scripted(Policy::Momentum);
        for (choice, model, asked, notes) in [
            (&ModelChoice::OpenAi, "openai/gpt-5.2", "openai/gpt-5.2", 0),
            (&ModelChoice::OpenAi, "anthropic/claude-opus-5", "openai/gpt-5-mini", 1),
            (&ModelChoice::Anthropic, "anthropic/claude-opus-5", "anthropic/claude-opus-5", 0),
            (&ModelChoice::Anthropic, "openai/gpt-5.2", "anthropic/claude-haiku-4-5", 1),
            (&scripted, "openai/gpt-5.2", "anthropic/claude-haiku-4-5", 1),
        ] {
            assert_eq!(named(choice, model), (asked.to_owned(), notes), "{choice} {model}");
        }
    }

    #[test]
    fn a_provider_without_its_key_is_one_line_that_names_the_variable() {
        let error = choose(&ModelChoice::OpenAi, |_| None).err().unwrap().to_string();
        assert!(error.contains("OPENAI_API_KEY") && !error.contains('\n'), "{error}");
        let key = |name: &str| (name == "OPENAI_API_KEY").then(|| "k".to_owned());
        assert!(matches!(choose(&ModelChoice::OpenAi, key), Ok(Chosen::OpenAi(_))));
    }
}
