//! Another model than the one that was asked: some providers let one answer without a word.

use serde_json::Value;

use super::provider::Provider;
use super::reading::text_at;
use super::servers::Servers;
use crate::ports::model_name;

/// Words after which digits are a date, and which are no part of a model's own name.
const STAGES: [&str; 3] = ["latest", "preview", "exp"];

/// The model that answered, where it is not the model `asked` (`provider/name`). Recorded of xAI and DeepSeek for retired
/// names, of OpenRouter and Anthropic for fallbacks. A server of the user's own may call its model as it likes: llama.cpp
/// tells the path of a file.
pub(super) fn of(servers: &Servers, asked: &str, body: &Value) -> Option<String> {
    let told = text_at(body, "/model").filter(|told| !told.is_empty())?;
    let provider = Provider::of(asked).filter(|_| servers.of(asked).is_none())?;
    let is_own = provider.local().is_some() || provider == Provider::Compatible;
    let name = model_name(asked);
    // OpenRouter's own names, such as `openrouter/auto`, choose a model.
    let is_choice = name.starts_with("openrouter/");
    (!is_own && !is_choice && !is_same(name, told)).then(|| told.to_owned())
}

/// Whether `told` is `asked`, a dated snapshot of it, or the newest model of a name without a version.
fn is_same(asked: &str, told: &str) -> bool {
    let (asked, told) = (words(asked), words(told));
    let has_version = asked.iter().any(|word| word.contains(|sign: char| sign.is_ascii_digit()));
    match has_version {
        true => asked == told,
        false => asked.iter().all(|word| told.contains(word)),
    }
}

/// The words of a name in alphabetical order, without vendor, variant and date: `anthropic/claude-4.5-haiku-20251001` has
/// those of `claude-haiku-4-5`.
fn words(name: &str) -> Vec<String> {
    let name = name.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let name = name.to_lowercase();
    let (mut words, mut in_date, mut in_version) = (Vec::<String>::new(), false, false);
    for word in name.split(['-', '.', '@', '_']).filter(|word| !word.is_empty()) {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let is_stage = STAGES.contains(&word);
        in_date = is_stage || (is_number && (in_date || word.len() >= 4));
        match words.last_mut() {
            _ if in_date => {}
            Some(version) if in_version && is_number => *version = format!("{version}.{word}"),
            Some(_) | None => words.push(word.to_owned()),
        }
        in_version = is_number && !in_date;
    }
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshot_an_alias_and_another_spelling_are_the_same_model() {
        for (asked, told) in [
            ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
            ("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"),
            ("grok-4", "grok-4-0709"),
            ("mistral-large-latest", "mistral-large-2512"),
            ("gemini-flash-latest", "models/gemini-3.5-flash"),
            ("deepseek-flash", "deepseek-v4-flash"),
            ("gemini-2.5-pro", "gemini-2.5-pro-preview-05-06"),
            ("anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku-20251001"),
            ("x-ai/grok-4.7:online", "x-ai/grok-4.7"),
            ("glm-5.3", "GLM-5.3"),
        ] {
            assert!(is_same(asked, told), "{asked} {told}");
        }
    }

    #[test]
    fn a_model_of_another_name_or_version_is_another() {
        for (asked, told) in [
            ("grok-3", "grok-4.3"),
            ("deepseek-chat", "deepseek-v4-flash"),
            ("claude-opus-4-8", "claude-opus-4"),
            ("claude-opus-4", "claude-opus-4-8"),
            ("claude-opus-5-5", "claude-opus-5-6"),
            ("gpt-5.4", "gpt-5.4-mini"),
            ("gpt-4.5", "gpt-5.4"),
            ("google/gemini-3.5-flash", "x-ai/grok-4.7"),
            ("mistral-large-latest", "mistral-small-latest"),
        ] {
            assert!(!is_same(asked, told), "{asked} {told}");
        }
    }

    #[test]
    fn the_names_of_a_users_own_server_are_not_compared() {
        let servers = Servers::from_toml("[servers.home]\nurl = \"https://models.example/v1\"").unwrap();
        let told = |asked: &str| of(&servers, asked, &json!({"model": "other-9"}));
        assert_eq!(told("xai/grok-4.7").as_deref(), Some("other-9"));
        for own in ["home/x-1", "llamacpp/x-1", "compatible/x-1", "openrouter/openrouter/auto"] {
            assert_eq!(told(own), None, "{own}");
        }
    }
}
