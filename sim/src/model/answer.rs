//! An answer with status 200 before a dialect spells it.

use serde_json::{Map, Value};

use super::ask::{Ask, Way};
use super::wire::tokens;

/// Said by a model that was asked in a way that its server ignores.
const PROSE: &str = "Given the figures I would rather wait, but a small position could be justified as well.";

/// One block of an answer.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// Prose, or the text of structured output.
    Text(String),
    /// A tool call.
    ToolUse { name: String, input: Value },
}

impl Block {
    fn weight(&self) -> u64 {
        match self {
            Block::Text(text) => tokens(text.len()),
            Block::ToolUse { name, input } => tokens(name.len().saturating_add(input.to_string().len())),
        }
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    ToolUse,
    EndTurn,
    MaxTokens,
    Refusal,
}

/// An answer with status 200.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) blocks: Vec<Block>,
    pub(super) stop: Stop,
    /// Tokens of thinking, which come first and count into the bound.
    pub(super) thought: u64,
    /// All tokens; counted before a cut, since what was cut off was generated and is paid for.
    spent: u64,
}

impl Answer {
    pub(super) fn new(blocks: Vec<Block>, stop: Stop) -> Answer {
        let spent = blocks.iter().map(Block::weight).sum();
        Answer { blocks, stop, thought: 0, spent }
    }

    /// Tokens of the whole answer, thinking included.
    pub(super) fn output_tokens(&self) -> u64 {
        self.spent
    }

    /// Tokens beside the thinking.
    pub(super) fn visible_tokens(&self) -> u64 {
        self.spent.saturating_sub(self.thought)
    }

    /// Its prose, where there is any.
    pub(super) fn text(&self) -> Option<String> {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::ToolUse { .. } => None,
        });
        Some(texts.collect::<String>()).filter(|text| !text.is_empty())
    }

    /// The action of its call, where it has one.
    pub(super) fn action(&self) -> Option<&str> {
        self.blocks.iter().find_map(|block| match block {
            Block::ToolUse { input, .. } => input.get("action")?.as_str(),
            Block::Text(_) => None,
        })
    }

    /// The same in the way that it was asked for: as a call, as the text of structured output, or in prose.
    pub(super) fn asked_by(self, ask: &Ask) -> Answer {
        match ask.way {
            Way::Call => self,
            Way::Schema => self.structured(&ask.tool),
            Way::Prose => self.prose(),
        }
    }

    fn structured(self, tool: &str) -> Answer {
        let calls: Vec<String> = self.blocks.iter().filter_map(|block| text_of(block, tool)).collect();
        if calls.is_empty() {
            return self;
        }
        let stop = if self.stop == Stop::ToolUse { Stop::EndTurn } else { self.stop };
        let mut text = calls.join("\n");
        if stop == Stop::MaxTokens {
            text = half(&text);
        }
        Answer::new(vec![Block::Text(text)], stop)
    }

    fn prose(self) -> Answer {
        let text = self.text().unwrap_or_else(|| PROSE.to_owned());
        let stop = if self.stop == Stop::ToolUse { Stop::EndTurn } else { self.stop };
        Answer::new(vec![Block::Text(text)], stop)
    }

    /// After thinking, and cut off where the caller's bound lies: a tool's input that did not fit arrives empty, and
    /// where the thinking alone reached the bound nothing arrives.
    pub(super) fn within(mut self, ask: &Ask) -> Answer {
        self.thought = ask.thought.min(ask.max_tokens);
        self.spent = self.spent.saturating_add(ask.thought);
        if self.spent <= ask.max_tokens {
            return self;
        }
        self.spent = ask.max_tokens;
        self.stop = Stop::MaxTokens;
        if ask.thought >= ask.max_tokens {
            self.blocks.clear();
        }
        for block in &mut self.blocks {
            match block {
                Block::ToolUse { input, .. } => *input = Value::Object(Map::new()),
                Block::Text(text) if ask.way == Way::Schema => *text = half(text),
                Block::Text(_) => {}
            }
        }
        self
    }
}

/// A call as the text of structured output. A grammar lets no other tool be called, so a call of one is what a model
/// without a grammar writes: the object in a fence.
fn text_of(block: &Block, tool: &str) -> Option<String> {
    match block {
        Block::ToolUse { name, input } if name == tool => Some(input.to_string()),
        Block::ToolUse { input, .. } => Some(format!("```json\n{input}\n```")),
        Block::Text(_) => None,
    }
}

fn half(text: &str) -> String {
    text.chars().take(text.chars().count().div_euclid(2)).collect()
}
