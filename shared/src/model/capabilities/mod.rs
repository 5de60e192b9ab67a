//! What each model takes beside the question: one table for all providers, a row a model family. How a model is asked
//! follows from its row, so that no listed model is sent a parameter that it refuses.
//!
//! A model that is not listed gets the newest known behaviour of its family: a new model refuses what the newest one
//! refuses, and an older way of asking is refused more often than a newer one.

mod table;

use super::provider::Provider;
use crate::model_prices::{is_named, undecorated};
use crate::ports::model_name;
use crate::time::Day;

pub use table::ROWS;

/// The API in which a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// OpenAI's `POST /v1/responses`.
    Responses,
    /// `POST /v1/chat/completions` of OpenAI and of everybody who speaks it.
    Chat,
    /// Bedrock's `POST /model/{id}/converse`.
    Converse,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Endpoint; 4] =
        [Endpoint::Messages, Endpoint::Responses, Endpoint::Chat, Endpoint::Converse];
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Endpoint::Messages => "messages",
            Endpoint::Responses => "responses",
            Endpoint::Chat => "chat",
            Endpoint::Converse => "converse",
        }
    }
}

/// How the one answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A tool that is named as the one to call.
    Named,
    /// A tool, and the word that some tool must be called.
    Required,
    /// A tool; the instructions alone ask for the call.
    Auto,
    /// The provider's structured output: the text of the answer is the decision, held to the schema.
    Schema,
}

impl Ask {
    /// Every way.
    pub const ALL: [Ask; 4] = [Ask::Named, Ask::Required, Ask::Auto, Ask::Schema];
    /// How settings spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ask::Named => "named",
            Ask::Required => "required",
            Ask::Auto => "auto",
            Ask::Schema => "schema",
        }
    }
    /// Reads how settings spell it.
    pub fn parse(text: &str) -> Option<Ask> {
        Ask::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// What is sent to switch thinking off or to bound it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thinking {
    /// Nothing.
    AsIs,
    /// `thinking: {"type": "disabled"}`: Claude, DeepSeek, Kimi, GLM.
    Disabled,
    /// `thinking: {"type": "between_tools"}`: Claude Sonnet 5.5, which cannot be switched off.
    BetweenTools,
    /// `enable_thinking: false`: Qwen.
    EnableThinkingFalse,
    /// `chat_template_kwargs: {"enable_thinking": false}`: vLLM and llama.cpp, by the model's template.
    TemplateFalse,
    /// The effort `none`.
    EffortNone,
    /// The effort `minimal`.
    EffortMinimal,
    /// The effort `low`.
    EffortLow,
    /// The effort `medium`.
    EffortMedium,
    /// The effort `high`.
    EffortHigh,
    /// [`Thinking::BetweenTools`] with the effort `low`.
    BetweenToolsLow,
}

impl Thinking {
    /// Every way.
    pub const ALL: [Thinking; 11] = [
        Thinking::AsIs,
        Thinking::Disabled,
        Thinking::BetweenTools,
        Thinking::EnableThinkingFalse,
        Thinking::TemplateFalse,
        Thinking::EffortNone,
        Thinking::EffortMinimal,
        Thinking::EffortLow,
        Thinking::EffortMedium,
        Thinking::EffortHigh,
        Thinking::BetweenToolsLow,
    ];
    /// How settings spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Thinking::AsIs => "as-is",
            Thinking::Disabled => "disabled",
            Thinking::BetweenTools => "between-tools",
            Thinking::EnableThinkingFalse => "enable-thinking-false",
            Thinking::TemplateFalse => "template-false",
            Thinking::EffortNone => "effort-none",
            Thinking::EffortMinimal => "effort-minimal",
            Thinking::EffortLow => "effort-low",
            Thinking::EffortMedium => "effort-medium",
            Thinking::EffortHigh => "effort-high",
            Thinking::BetweenToolsLow => "between-tools-low",
        }
    }
    /// Reads how settings spell it.
    pub fn parse(text: &str) -> Option<Thinking> {
        Thinking::ALL.into_iter().find(|one| one.as_str() == text)
    }
    /// The word of the effort, where one is sent.
    pub const fn effort(self) -> Option<&'static str> {
        match self {
            Thinking::EffortNone => Some("none"),
            Thinking::EffortMinimal => Some("minimal"),
            Thinking::EffortLow | Thinking::BetweenToolsLow => Some("low"),
            Thinking::EffortMedium => Some("medium"),
            Thinking::EffortHigh => Some("high"),
            Thinking::AsIs
            | Thinking::Disabled
            | Thinking::BetweenTools
            | Thinking::EnableThinkingFalse
            | Thinking::TemplateFalse => None,
        }
    }
    /// The type of `thinking`, where one is sent.
    pub const fn kind(self) -> Option<&'static str> {
        match self {
            Thinking::Disabled => Some("disabled"),
            Thinking::BetweenTools | Thinking::BetweenToolsLow => Some("between_tools"),
            Thinking::AsIs
            | Thinking::EnableThinkingFalse
            | Thinking::TemplateFalse
            | Thinking::EffortNone
            | Thinking::EffortMinimal
            | Thinking::EffortLow
            | Thinking::EffortMedium
            | Thinking::EffortHigh => None,
        }
    }
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// How it is asked.
    pub ask: Ask,
    /// `strict`: the provider holds the answer to the schema. Our own reading does not rely on it.
    pub strict: bool,
    /// How its thinking is switched off or bounded.
    pub thinking: Thinking,
    /// Whether it may think all the same: then its thinking counts into the answer's limit, and is paid.
    pub thinks: bool,
    /// The least sensible limit of an answer in tokens, thinking included.
    pub answer_tokens: u32,
    /// A temperature of 0.
    pub temperature: bool,
    /// The switch that forbids several calls at once.
    pub one_call: bool,
    /// The field that bounds the answer.
    pub max_field: &'static str,
    /// Whether it is told to cache nothing by itself: a write to the cache costs more than the input.
    pub explicit_cache: bool,
    /// Tokens that fit, question and answer together.
    pub window: u32,
    /// The tokens of a text at most, in percent of what OpenAI's vocabulary o200k makes of it.
    pub vocabulary: u32,
    /// Its last day, as `2026-12-11`, where one is announced.
    pub retires: Option<&'static str>,
}

impl Capabilities {
    /// Its last day, where one is announced.
    pub fn last_day(&self) -> Option<Day> {
        self.retires.and_then(|day| Day::parse(day).ok())
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The provider.
    pub provider: Provider,
    /// The model's name there, also of its dated snapshots; with `*` at its end the beginning of the names of a family.
    pub model: &'static str,
    /// What it takes.
    pub takes: Capabilities,
    /// Where that stands, and when it was read.
    pub source: &'static str,
}

impl Row {
    fn is_of(&self, provider: Provider, name: &str) -> bool {
        let matches = |name: &str| match self.model.strip_suffix('*') {
            Some(family) => name.starts_with(family),
            None => is_named(name, self.model),
        };
        self.provider == provider && matches(name)
    }
}

/// What `model` (`provider/name`) takes; the least that any model takes where its provider is not known.
pub fn of(model: &str) -> Capabilities {
    let name = model_name(model);
    match Provider::of(model) {
        Some(provider) => at(provider, name),
        None => table::LEAST,
    }
}

/// What the model called `name` takes at a provider or a kind of server.
pub fn at(provider: Provider, name: &str) -> Capabilities {
    row(provider, name).map_or_else(|| table::unlisted(provider, name), |row| row.takes)
}

/// The row of a model, where it is listed: the first that fits.
pub fn row(provider: Provider, name: &str) -> Option<&'static Row> {
    let is_id = provider == Provider::Bedrock;
    let name = if is_id { undecorated(name.strip_prefix("global.").unwrap_or(name)) } else { name };
    ROWS.iter().find(|row| row.is_of(provider, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_the_rows_that_users_need() {
        let providers: BTreeSet<Provider> = ROWS.iter().map(|row| row.provider).collect();
        assert!(ROWS.len() >= 45 && providers.len() >= 12, "{} of {}", ROWS.len(), providers.len());
        for row in ROWS {
            assert!(!row.source.is_empty() && row.takes.retires.is_none_or(|day| Day::parse(day).is_ok()));
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_name() {
        for one in ROWS {
            let name = one.model.replace('*', "x");
            let found = row(one.provider, &name).unwrap();
            assert_eq!(found.model, one.model, "{:?}", one.provider);
        }
    }

    #[test]
    fn an_unlisted_model_is_asked_like_the_newest_of_its_family() {
        for (model, like) in [
            ("anthropic/claude-haiku-6", "anthropic/claude-haiku-5-5"),
            ("anthropic/claude-sonnet-6", "anthropic/claude-sonnet-5-5"),
            ("anthropic/claude-opus-6-1", "anthropic/claude-opus-5-5"),
            ("anthropic/claude-next", "anthropic/claude-opus-5-5"),
            ("openai/gpt-7", "openai/gpt-6-astra"),
            ("deepseek/deepseek-v5", "deepseek/deepseek-v4-pro"),
            ("kimi/kimi-k4", "kimi/kimi-k3"),
            ("xai/grok-5", "xai/grok-4.7"),
        ] {
            let (found, like) = (of(model), of(like));
            assert_eq!(
                (found.endpoint, found.ask, found.thinking),
                (like.endpoint, like.ask, like.thinking),
                "{model}"
            );
            assert!(!found.temperature || like.temperature, "{model}");
            assert!(found.window <= like.window && found.answer_tokens >= like.answer_tokens, "{model}");
        }
        assert_eq!(of("azure/gpt-5"), table::LEAST);
    }

    #[test]
    fn a_model_that_thinks_has_room_to_think() {
        for row in ROWS {
            let Capabilities { thinks, answer_tokens, .. } = row.takes;
            assert!(answer_tokens >= if thinks { 2_048 } else { 1_000 }, "{}", row.model);
        }
    }

    #[test]
    fn a_claude_is_forced_on_bedrock_only_where_it_is_forced_directly() {
        for one in ROWS.iter().filter(|row| row.provider == Provider::Anthropic) {
            for region in ["", "us.", "eu.", "global."] {
                let id = format!("{region}anthropic.{}-20251001-v1:0", one.model.trim_end_matches('*'));
                let there = at(Provider::Bedrock, &id);
                assert!(one.takes.ask == Ask::Named || there.ask != Ask::Named, "{id}");
                assert!(one.takes.temperature || !there.temperature, "{id}");
            }
        }
    }
}
