//! Who decides in a paper run: a scripted model of the world, or a real provider over the real network.

use std::sync::Arc;

use shared::http_client::HttpClient;
use shared::model::anthropic::Anthropic;
use shared::ports::{AskModel, BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use shared::secret::Secret;
use shared::transport::SharedTransport;
use sim::model::Policy;
use sim::world::{MODEL_HOST, MODEL_KEY, World};

use super::options::ModelChoice;
use crate::bad_input::BadInput;

/// The model of a run.
pub enum Mind {
    /// It speaks Anthropic's Messages API: Anthropic itself, or the scripted model.
    Anthropic(Anthropic),
}

/// What is known of a model before the world is made.
pub enum Chosen {
    /// A scripted policy.
    Scripted(Policy),
    /// Anthropic, with the key of the environment.
    Anthropic(Secret),
}

impl Chosen {
    /// The scripted policy of the world; worlds of real providers have one that is never asked.
    pub const fn policy(&self) -> Policy {
        match self {
            Chosen::Scripted(policy) => *policy,
            Chosen::Anthropic(_) => Policy::Momentum,
        }
    }
}

/// Looks up what the choice needs; `variable` reads the environment.
pub fn choose(
    choice: &ModelChoice,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Chosen, BadInput> {
    let key = |name: &str| match variable(name).filter(|key| !key.is_empty()) {
        Some(key) => Ok(Secret::new(key)),
        None => Err(BadInput::new(format!("--model {choice}: {name} is not set; export {name}=… first"))),
    };
    match choice {
        ModelChoice::Scripted(policy) => Ok(Chosen::Scripted(*policy)),
        ModelChoice::Anthropic => Ok(Chosen::Anthropic(key("ANTHROPIC_API_KEY")?)),
        ModelChoice::OpenAi => {
            key("OPENAI_API_KEY")?;
            Err(BadInput::new("--model openai: this version speaks to anthropic only; use --model anthropic"))
        }
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
    }
}

impl AskModel for Mind {
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        match self {
            Mind::Anthropic(model) => model.ask(question).await,
        }
    }
    fn read(&self, reply: &RawReply) -> Result<Reply, BadReply> {
        match self {
            Mind::Anthropic(model) => model.read(reply),
        }
    }
}
