//! A local bound on tokens that is never below the truth: exact for the vocabulary that OpenAI publishes (o200k), and
//! a multiple of it for models whose vocabulary is not public.

mod known;
mod pieces;

use shared::model::Capabilities;
use shared::ports::Tool;

use crate::prompt::SYSTEM;
use known::Known;

/// What a provider adds around a forced tool: Anthropic documents 313 to 346 tokens.
const TOOL_OVERHEAD: u32 = 350;
/// What a provider adds around a turn.
const TURN_OVERHEAD: u32 = 8;

/// At most this many tokens are asked of a model that takes this with the fixed text, this tool, and everything that was `said`.
pub fn asked(takes: &Capabilities, tool: &Tool, said: &[&str]) -> u32 {
    let known = Known::of_o200k();
    let schema = tool.schema.to_string();
    let fixed = [SYSTEM, &tool.name, &tool.description, &schema];
    let texts = fixed.into_iter().chain(said.iter().copied());
    let plain = texts.fold(0u32, |sum, text| sum.saturating_add(known.bound(text)));
    let in_its_own = plain.saturating_mul(takes.vocabulary).div_ceil(100);
    let turns = u32::try_from(said.len()).unwrap_or(u32::MAX).saturating_mul(TURN_OVERHEAD);
    in_its_own.saturating_add(TOOL_OVERHEAD).saturating_add(turns)
}

#[cfg(test)]
mod judged;
