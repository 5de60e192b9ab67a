//! What each model takes beside the question. One table for all providers: a parameter that a model rejects is
//! never sent to it, so a 400 that names `temperature` cannot happen to a model that is listed. A model that is
//! not listed gets the least, which every model takes.
//!
//! Sources: docs.anthropic.com "Models overview", "Structured outputs"; platform.openai.com "Models",
//! "Reasoning"; the Bedrock user guide, "Tool use" and "Prompt caching"; genai-prices 0.2.3 for windows; issues of
//! several clients of 2026 for what is rejected. Not tried against the services.

use super::provider::Provider;
use crate::model_prices::is_named;
use crate::ports::model_name;

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A temperature of 0. Anthropic's models reject one from Opus 4.7 on, OpenAI's that reason always.
    pub temperature: bool,
    /// `strict` tools: the provider holds the input to the schema. Our own reading does not rely on it.
    pub strict: bool,
    /// That one tool is named as the one to call. Elsewhere the instructions ask for it.
    pub names_tool: bool,
    /// The switch that forbids several calls at once; the o-series rejects it and calls one.
    pub one_call: bool,
    /// The least reasoning that may be asked for: it is paid from the answer's tokens, and an answer of ours is
    /// short. From gpt-5.1 on `minimal` is rejected.
    pub effort: Option<&'static str>,
    /// The field that bounds the answer.
    pub max_field: &'static str,
    /// Tokens that fit, question and answer together.
    pub window: u32,
    /// The tokens of a text at most, in percent of what OpenAI's vocabulary o200k makes of it.
    pub vocabulary: u32,
}

/// The window of a model that is not listed: the smallest of a model in use today.
const SMALL: u32 = 32_000;
/// OpenAI's listed models all have o200k (tiktoken, `model.py`).
const O200K: u32 = 100;
/// Other vocabularies are not public. Of our prompts an unofficial reconstruction (PyPI's ctok 1.3.0) makes 1.2 of
/// o200k's tokens for Anthropic's models before Opus 4.7, and 1.6 to 1.8 since; Anthropic itself says up to 1.35 between
/// the two. What a model used above this raises it (`factors` of `llm#…`).
const ANOTHER: u32 = 200;

/// What `model` (`provider/name`) takes.
pub fn of(model: &str) -> Capabilities {
    let name = model_name(model);
    match Provider::of(model) {
        Some(Provider::Anthropic) => listed(&ANTHROPIC, name).unwrap_or(UNLISTED_CLAUDE),
        Some(Provider::OpenAi) if is_of_o_series(name) => listed(&OPENAI, name).unwrap_or(UNLISTED_O),
        Some(Provider::OpenAi) => listed(&OPENAI, name).unwrap_or(UNLISTED_GPT),
        Some(Provider::Bedrock) => {
            listed(&BEDROCK, name.trim_start_matches("global.")).unwrap_or(UNLISTED_CONVERSE)
        }
        Some(Provider::Compatible) => UNLISTED_COMPATIBLE,
        None => LEAST,
    }
}

fn listed(table: &[(&str, Capabilities)], name: &str) -> Option<Capabilities> {
    table.iter().find(|(listed, _)| is_named(name, listed)).map(|(_, takes)| *takes)
}

fn is_of_o_series(name: &str) -> bool {
    name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
}

/// What every model takes.
const LEAST: Capabilities = Capabilities {
    temperature: false,
    strict: false,
    names_tool: false,
    one_call: false,
    effort: None,
    max_field: "max_tokens",
    window: SMALL,
    vocabulary: ANOTHER,
};

/// Every Claude of today takes these two; whether the next takes more is not known.
const UNLISTED_CLAUDE: Capabilities = Capabilities { names_tool: true, one_call: true, ..LEAST };
const UNLISTED_GPT: Capabilities = Capabilities { max_field: "max_completion_tokens", ..UNLISTED_CLAUDE };
const UNLISTED_O: Capabilities = Capabilities { one_call: false, ..UNLISTED_GPT };
/// Servers that speak Chat Completions know `max_tokens`; of the newer fields some know none.
const UNLISTED_COMPATIBLE: Capabilities = Capabilities { names_tool: true, ..LEAST };

const fn claude(temperature: bool, strict: bool, window: u32) -> Capabilities {
    Capabilities { temperature, strict, window, ..UNLISTED_CLAUDE }
}

const ANTHROPIC: [(&str, Capabilities); 13] = [
    ("claude-opus-4-1", claude(true, true, 200_000)),
    ("claude-haiku-4-5", claude(true, true, 200_000)),
    ("claude-sonnet-4-5", claude(true, true, 200_000)),
    ("claude-opus-4-5", claude(true, true, 200_000)),
    ("claude-sonnet-4-6", claude(true, true, 200_000)),
    ("claude-opus-4-6", claude(true, true, 200_000)),
    ("claude-opus-4-7", claude(false, true, 1_000_000)),
    ("claude-opus-4-8", claude(false, true, 1_000_000)),
    ("claude-sonnet-5", claude(false, true, 1_000_000)),
    ("claude-opus-5", claude(false, true, 1_000_000)),
    ("claude-haiku-5-5", claude(false, true, 1_000_000)),
    ("claude-sonnet-5-5", claude(false, true, 1_000_000)),
    ("claude-opus-5-5", claude(false, true, 1_000_000)),
];

const fn plain(window: u32) -> Capabilities {
    Capabilities { temperature: true, strict: true, window, vocabulary: O200K, ..UNLISTED_GPT }
}
const fn reasons(effort: &'static str, window: u32) -> Capabilities {
    Capabilities { strict: true, effort: Some(effort), window, vocabulary: O200K, ..UNLISTED_GPT }
}
const fn of_o_series(window: u32) -> Capabilities {
    Capabilities { strict: true, effort: Some("low"), window, vocabulary: O200K, ..UNLISTED_O }
}

const OPENAI: [(&str, Capabilities); 16] = [
    ("gpt-4.1", plain(1_000_000)),
    ("gpt-4.1-mini", plain(1_000_000)),
    ("gpt-4.1-nano", plain(1_000_000)),
    ("gpt-4o", plain(128_000)),
    ("gpt-4o-mini", plain(128_000)),
    ("gpt-5", reasons("minimal", 400_000)),
    ("gpt-5-mini", reasons("minimal", 400_000)),
    ("gpt-5-nano", reasons("minimal", 400_000)),
    ("gpt-5.1", reasons("none", 400_000)),
    ("gpt-5.2", reasons("none", 400_000)),
    ("gpt-5.4", reasons("none", 1_050_000)),
    ("gpt-5.5", reasons("none", 1_050_000)),
    ("o1", of_o_series(200_000)),
    ("o3", of_o_series(200_000)),
    ("o3-mini", of_o_series(200_000)),
    ("o4-mini", of_o_series(200_000)),
];

/// Converse has no switch against several calls, and bounds the answer in a field of its own.
const UNLISTED_CONVERSE: Capabilities = Capabilities { max_field: "maxTokens", ..LEAST };
const fn converse(temperature: bool, strict: bool, window: u32) -> Capabilities {
    Capabilities { temperature, strict, names_tool: true, window, ..UNLISTED_CONVERSE }
}

const BEDROCK: [(&str, Capabilities); 15] = [
    ("anthropic.claude-haiku-4-5", converse(true, true, 200_000)),
    ("anthropic.claude-sonnet-4-5", converse(true, true, 200_000)),
    ("anthropic.claude-opus-4-5", converse(true, true, 200_000)),
    ("anthropic.claude-sonnet-4-6", converse(true, true, 200_000)),
    ("anthropic.claude-opus-4-6", converse(true, true, 200_000)),
    ("anthropic.claude-opus-4-7", converse(false, true, 1_000_000)),
    ("anthropic.claude-opus-4-8", converse(false, true, 1_000_000)),
    ("anthropic.claude-sonnet-5", converse(false, true, 1_000_000)),
    ("anthropic.claude-opus-5", converse(false, true, 1_000_000)),
    ("anthropic.claude-haiku-5-5", converse(false, true, 1_000_000)),
    ("amazon.nova-micro", converse(true, false, 128_000)),
    ("amazon.nova-lite", converse(true, false, 300_000)),
    ("amazon.nova-pro", converse(true, false, 300_000)),
    ("amazon.nova-premier", converse(true, false, 1_000_000)),
    ("amazon.nova-2-lite", converse(true, false, 1_000_000)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_listed_gets_the_least() {
        for model in [
            "anthropic/claude-next",
            "openai/gpt-7",
            "openai/o9",
            "compatible/gpt-4o",
            "bedrock/meta.llama4-maverick-17b-instruct-v1:0",
            "mistral/large",
            "claude-haiku-4-5",
        ] {
            let takes = of(model);
            assert!(!takes.temperature && !takes.strict && takes.effort.is_none(), "{model}");
            assert_eq!((takes.window, takes.vocabulary), (SMALL, ANOTHER), "{model}");
        }
    }

    #[test]
    fn no_model_that_reasons_is_sent_a_temperature() {
        for (name, takes) in OPENAI {
            assert!(!(takes.temperature && takes.effort.is_some()), "{name}");
            assert!(!(is_of_o_series(name) && (takes.temperature || takes.one_call)), "{name}");
        }
    }

    #[test]
    fn a_model_takes_the_same_wherever_it_runs() {
        for (name, takes) in ANTHROPIC {
            for region in ["", "us.", "eu.", "global."] {
                let id = format!("bedrock/{region}anthropic.{name}-20251001-v1:0");
                let there = of(&id);
                // A model that is not listed there gets less, never more.
                assert!(takes.temperature || !there.temperature, "{id}");
                assert!(there == UNLISTED_CONVERSE || there.window == takes.window, "{id}");
            }
        }
    }

    #[test]
    fn the_answers_bound_has_the_name_that_each_provider_knows() {
        for (model, field) in [
            ("anthropic/claude-haiku-4-5", "max_tokens"),
            ("openai/gpt-5-mini", "max_completion_tokens"),
            ("openai/gpt-next", "max_completion_tokens"),
            ("compatible/llama-4", "max_tokens"),
            ("bedrock/us.amazon.nova-lite-v1:0", "maxTokens"),
        ] {
            assert_eq!(of(model).max_field, field, "{model}");
        }
    }
}
