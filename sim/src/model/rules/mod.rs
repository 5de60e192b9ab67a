//! What real models and servers take and refuse, as tables, a row a model or family, as of 2026-12-01.
//!
//! These tables say nothing that was read from our own table of capabilities: a belief that a fake shares proves
//! nothing. They stand on the vendors' documents, on recorded and reported answers, and on what other people's clients
//! verified against the live services; the source stands beside the rows. A name that is in no table is refused as its
//! provider refuses it; so are names that have been retired, which are left out.
//!
//! Sources that are named often: *pydantic* is PyPI `pydantic_ai` 2.68.0 (profiles and providers, verified live from
//! 2026-07 to 2026-10); *rig* is the crate rig-core 0.46.0 (catalogue of 2026-10-30) and its recorded answers;
//! *recorded* is `shared/src/model/recorded/`, which names each source.

pub(super) mod claude;
pub(super) mod converse;
pub(super) mod gpt;
pub(super) mod servers;

pub(super) use claude::Claude;
pub(super) use gpt::Gpt;
pub(super) use servers::{Served, Server};

/// Efforts from least to most.
pub(super) const LOW_TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// Tokens that a model thinks at an effort before it answers: fixed, so that a run can be repeated.
///
/// At low effort more than the 400 that were eaten whole (wafflebase PR 571, 2026-07-28, Opus 5); at high effort less
/// than the 4,000 that only hard questions ate (garrytan/gbrain PR 2806, Sonnet 5). Easy prompts took 49 to 59 (promptfoo
/// PR 10631), which no bound must rely on.
pub(super) fn thought(effort: &str) -> u64 {
    match effort {
        "none" => 0,
        "minimal" => 64,
        "low" => 600,
        "medium" => 2_000,
        "high" | "default" => 3_000,
        "xhigh" => 8_000,
        _ => 12_000,
    }
}

/// Whether `model` is `name` or a dated snapshot of it (`name-20251001`, `name-2025-08-07`).
pub(super) fn is_snapshot(model: &str, name: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    let is_date = |date: &str| {
        date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
            && date.bytes().filter(u8::is_ascii_digit).count() == 8
    };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_date)
}

/// Whether `model` is the one that `pattern` names, or begins with it where it ends in `*`.
pub(super) fn fits(model: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(family) => model.starts_with(family),
        None => model == pattern,
    }
}

/// The names that a provider tells of the models it is asked for: of a snapshot, or of the model that answers in a retired
/// one's place. Recorded: `model` of the answers to these names (shared/src/model/recorded/answers.json).
const TOLD: [(&str, &str); 8] = [
    ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("gpt-5-mini", "gpt-5-mini-2025-08-07"),
    ("gpt-5.1", "gpt-5.1-2025-11-13"),
    ("gpt-5.4", "gpt-5.4-2026-03-05"),
    ("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"),
    ("gpt-5.5", "gpt-5.5-2026-04-23"),
    ("grok-3-mini", "grok-4.3"),
];

/// The model that answers where `asked` is asked, by the name that its provider tells.
pub(super) fn told(asked: &str) -> &str {
    TOLD.iter().find(|(name, _)| *name == asked).map_or(asked, |(_, told)| told)
}

/// A model that everybody once had; it stands for all that are retired.
pub(super) fn is_retired(model: &str) -> bool {
    model.contains("retired")
}

/// `'a', 'b', and 'c'`, as OpenAI lists values.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}
