//! Another model than the one that was asked: some providers let one answer without a word.

use std::collections::BTreeSet;

use serde_json::Value;

use super::provider::Provider;
use super::reading::text_at;
use super::servers::Servers;
use crate::ports::model_name;

/// Words that say how finished a model is, and xAI's word for its usual variant: no part of a model's own name.
const STAGES: [&str; 6] = ["latest", "preview", "exp", "experimental", "beta", "reasoning"];
/// Names that stand for a model of another name: developers.openai.com "GPT-5.6 Sol"; `canonical_slug` of two models in
/// OpenRouter's list.
const ALIASES: [(&str, &str); 3] =
    [("gpt-5.6", "gpt-5.6-sol"), ("glm-4.6v", "glm-4.6"), ("qwen3.5-plus-02-15", "qwen3.5-plus-20260216")];

/// The model that answered (`provider/name`), where it is not the model `asked`. Recorded of xAI and DeepSeek for retired
/// names, of OpenRouter and Anthropic for fallbacks. A server of the user's own may call its model as it likes: llama.cpp
/// tells the path of a file.
pub(super) fn of(servers: &Servers, asked: &str, body: &Value) -> Option<String> {
    let told = text_at(body, "/model").filter(|told| !told.is_empty())?;
    let told = told.strip_prefix("models/").unwrap_or(told);
    let provider = Provider::of(asked).filter(|_| servers.of(asked).is_none())?;
    let is_own = provider.local().is_some() || provider == Provider::Compatible;
    let name = model_name(asked);
    // OpenRouter's own names (`openrouter/auto`, `~openai/gpt-latest`) and a user's presets choose a model.
    let is_choice = name.starts_with("openrouter/") || name.starts_with('~') || name.contains("@preset/");
    (!is_own && !is_choice && !is_same(provider, name, told)).then(|| format!("{}/{told}", provider.as_str()))
}

/// Whether `told` is `asked`, a dated snapshot of it, or the newest version of a name without version and date. OpenRouter
/// tells its canonical slug, which may add a size.
fn is_same(provider: Provider, asked: &str, told: &str) -> bool {
    let asked = asked.rsplit('/').next().unwrap_or_default();
    let asked = ALIASES.iter().find(|(name, _)| *name == asked).map_or(asked, |(_, of)| of);
    let (asked, told) = (Name::of(asked), Name::of(told));
    let is_newest = asked.date.is_empty() && !asked.words.iter().any(|word| is_version(word));
    let may_be_added = |word: &String| {
        (is_newest && is_version(word)) || (provider == Provider::OpenRouter && is_size(word))
    };
    let is_named = asked.words.is_subset(&told.words);
    is_named && told.words.difference(&asked.words).all(may_be_added) && asked.is_of_date(&told)
}

/// `480b`, `a35b`, `128e`, or that it was instructed.
fn is_size(word: &str) -> bool {
    let count = word.strip_prefix('a').unwrap_or(word).strip_suffix(['b', 'e']);
    let is_count = count.is_some_and(|count| !count.is_empty() && digits(count).is_some());
    is_count || matches!(word, "instruct" | "it")
}

fn is_version(word: &str) -> bool {
    word.contains(|sign: char| sign.is_ascii_digit())
}

/// A name without vendor and variant, in parts whose order says nothing: `anthropic/claude-4.5-haiku-20251001` is
/// `claude-haiku-4-5` of a date.
#[derive(Debug, Default)]
struct Name {
    words: BTreeSet<String>,
    /// Its digits in pairs. Where one of them is no month they are sorted: some write the year before the month, others after
    /// it.
    date: Vec<String>,
}

impl Name {
    fn of(text: &str) -> Name {
        let text = text.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let text = text.to_lowercase();
        let mut parts = text.split(['-', '@', '_']).filter(|part| !part.is_empty()).peekable();
        let (mut words, mut date, mut before) = (Vec::<String>::new(), String::new(), Part::Word);
        while let Some(part) = parts.next() {
            before = match digits(part) {
                _ if STAGES.contains(&part) => Part::Stage,
                Some(3..) => Part::Date,
                Some(2) if matches!(before, Part::Stage | Part::Date) => Part::Date,
                Some(2) if parts.peek().is_some_and(|next| digits(next) >= Some(2)) => Part::Date,
                Some(_) if before == Part::Number => Part::Minor,
                Some(_) => Part::Number,
                None => Part::Word,
            };
            match (before, words.last_mut()) {
                (Part::Stage, _) => {}
                (Part::Date, _) => date.push_str(part),
                (Part::Minor, Some(major)) => *major = format!("{major}.{part}"),
                (Part::Minor | Part::Number | Part::Word, _) => words.push(part.to_owned()),
            }
        }
        let words = words.iter().map(|word| word.strip_suffix(".0").unwrap_or(word).to_owned()).collect();
        let signs: Vec<char> = date.chars().collect();
        let mut date: Vec<String> = signs.chunks(2).map(|pair| pair.iter().collect()).collect();
        if date.iter().any(|pair| pair.as_str() > "12") {
            date.sort();
        }
        Name { words, date }
    }

    /// Whether one date is the other, or tells less of it: `0731` of `20260731`.
    fn is_of_date(&self, other: &Name) -> bool {
        let within = |one: &[String], other: &[String]| one.iter().all(|pair| other.contains(pair));
        match self.date.len() == other.date.len() {
            true => self.date == other.date,
            false => within(&self.date, &other.date) || within(&other.date, &self.date),
        }
    }
}

/// What a part of a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Word,
    Stage,
    Date,
    Number,
    /// The second number of a version.
    Minor,
}

/// How many digits `part` has; none where it has other signs.
fn digits(part: &str) -> Option<usize> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then_some(part.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What `asked` is taken for where `told` answers: none if it is the same model.
    fn other(asked: &str, told: &str) -> Option<String> {
        of(&Servers::NONE, asked, &json!({"model": told}))
    }

    #[test]
    fn snapshots_aliases_and_other_spellings_are_the_same_model() {
        for (asked, told) in [
            ("anthropic/claude-haiku-4-5", "claude-haiku-4-5-20251001"),
            ("anthropic/claude-sonnet-4-0", "claude-sonnet-4-20250514"),
            ("openai/gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"),
            ("openai/gpt-5.6", "gpt-5.6-sol"),
            ("xai/grok-4", "grok-4-0709"),
            ("xai/grok-4-fast", "grok-4-fast-reasoning"),
            ("xai/grok-4.20", "grok-4.20-0309-reasoning"),
            ("mistral/mistral-large-latest", "mistral-large-2512"),
            ("mistral/mistral-medium-latest", "mistral-medium-3.5"),
            ("gemini/gemini-flash-latest", "models/gemini-3.5-flash"),
            ("gemini/gemini-2.0-flash", "gemini-2.0-flash-001"),
            ("gemini/gemini-2.5-pro", "gemini-2.5-pro-preview-05-06"),
            ("gemini/gemini-2.5-flash-preview", "gemini-2.5-flash-preview-09-2025"),
            ("deepseek/deepseek-flash", "deepseek-v4.1-flash"),
            ("xai/grok-4.20-beta-latest-reasoning", "grok-4.20-0309-reasoning"),
            ("openai/gpt-5.6", "gpt-5.6-sol-2026-07-09"),
            ("openrouter/qwen/qwen3-coder:free", "qwen/qwen3-coder-480b-a35b-07-25"),
            ("openrouter/meta-llama/llama-4-maverick", "meta-llama/llama-4-maverick-17b-128e-instruct"),
            ("openrouter/z-ai/glm-4.6v", "z-ai/glm-4.6-20251208"),
            ("openrouter/deepseek/deepseek-v4-flash-0731", "deepseek/deepseek-v4-flash-20260731"),
            ("openrouter/qwen/qwen3.5-plus-02-15", "qwen/qwen3.5-plus-20260216"),
            ("glm/glm-5.3", "GLM-5.3"),
            ("openrouter/x-ai/grok-4", "x-ai/grok-4-07-09"),
            ("openrouter/x-ai/grok-4.7:online", "x-ai/grok-4.7"),
            ("openrouter/qwen/qwen3-235b-a22b-2507", "qwen/qwen3-235b-a22b-07-25"),
            ("openrouter/anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku-20251001"),
        ] {
            assert_eq!(other(asked, told), None, "{asked} {told}");
        }
    }

    #[test]
    fn a_model_of_another_name_or_version_is_another() {
        for (asked, told) in [
            ("xai/grok-3", "grok-4.3"),
            ("xai/grok-4.20-non-reasoning", "grok-4.20-0309-reasoning"),
            ("deepseek/deepseek-chat", "deepseek-v4-flash"),
            ("anthropic/claude-opus-4-8", "claude-opus-4"),
            ("anthropic/claude-opus-4", "claude-opus-4-8"),
            ("anthropic/claude-opus-5-5", "claude-opus-5-6"),
            ("openai/gpt-5.4", "gpt-5.4-mini"),
            ("openai/gpt-4.5", "gpt-5.4"),
            ("openai/gpt-4o-2024-05-13", "gpt-4o-2024-11-20"),
            ("mistral/mistral-large-latest", "mistral-small-latest"),
            ("mistral/mistral-large-2411", "mistral-large-4"),
            ("mistral/mistral-large-2411", "mistral-large-2512"),
            ("gemini/gemini-flash-latest", "gemini-3.5-flash-lite"),
            ("gemini/gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview-06-05"),
            ("groq/qwen3-coder", "qwen3-coder-480b"),
            ("openrouter/google/gemini-3.5-flash", "x-ai/grok-4.7"),
        ] {
            let provider = asked.split_once('/').unwrap().0;
            assert_eq!(other(asked, told), Some(format!("{provider}/{told}")), "{asked}");
        }
    }

    #[test]
    fn the_names_of_a_users_own_server_are_not_compared() {
        let servers = Servers::from_toml("[servers.home]\nurl = \"https://models.example/v1\"").unwrap();
        let told = |asked: &str| of(&servers, asked, &json!({"model": "other-9"}));
        assert_eq!(told("xai/grok-4.7").as_deref(), Some("xai/other-9"));
        for own in [
            "home/x-1",
            "llamacpp/x-1",
            "compatible/x-1",
            "openrouter/openrouter/auto",
            "openrouter/@preset/mine",
            "openrouter/openai/gpt-4o@preset/mine",
            "openrouter/~openai/gpt-latest",
        ] {
            assert_eq!(told(own), None, "{own}");
        }
    }
}
