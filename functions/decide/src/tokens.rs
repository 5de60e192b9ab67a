//! A local bound on tokens that is never below the truth: exact for the vocabulary that OpenAI publishes (o200k), and
//! a multiple of it for models whose vocabulary is not public.

mod known;
mod pieces;

use shared::model::capabilities;
use shared::ports::{Reply, Tool};

use crate::prompt::SYSTEM;
use known::Known;

/// What a provider adds around a forced tool: Anthropic documents 313 to 346 tokens.
const TOOL_OVERHEAD: u32 = 350;
/// What a provider adds around a turn.
const TURN_OVERHEAD: u32 = 8;

/// At most this many tokens are asked of `model` with the fixed text, this tool, and everything that was `said`.
pub fn asked(model: &str, tool: &Tool, said: &[&str]) -> u32 {
    let known = Known::of_o200k();
    let schema = tool.schema.to_string();
    let fixed = [SYSTEM, &tool.name, &tool.description, &schema];
    let texts = fixed.into_iter().chain(said.iter().copied());
    let plain = texts.fold(0u32, |sum, text| sum.saturating_add(known.bound(text)));
    let in_its_own = plain.saturating_mul(capabilities::of(model).vocabulary).div_ceil(100);
    let turns = u32::try_from(said.len()).unwrap_or(u32::MAX).saturating_mul(TURN_OVERHEAD);
    in_its_own.saturating_add(TOOL_OVERHEAD).saturating_add(turns)
}

/// What is said after an answer of the wrong form: its words and calls as they are shown back, and the `error` as the
/// result of each call, or by itself. What cannot be read is not shown back.
pub fn again(reply: Option<&Reply>, error: &str) -> Vec<String> {
    let calls = reply.map(|reply| reply.calls.as_slice()).unwrap_or_default();
    let shown = calls.iter().map(|call| format!("{} {} {}", call.id, call.name, call.input));
    let results = calls.iter().map(|call| format!("{} {error}", call.id));
    let alone = calls.is_empty().then(|| error.to_owned());
    reply.map(|reply| reply.text.clone()).into_iter().chain(shown).chain(results).chain(alone).collect()
}

#[cfg(test)]
mod judged;
