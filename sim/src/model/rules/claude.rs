//! The models of Anthropic, directly and on Bedrock.
//!
//! Sources: platform.claude.com, "Thinking", "Structured outputs", model and migration guides, read 2026-12-01; pydantic
//! profiles/anthropic.py (forced choice, thinking, efforts, sampling, most tokens of an answer); recorded
//! `claude-*`. Prefill: router-for-me/CLIProxyAPI#5319, 2026-08-28.

use super::{LOW_TO_MAX, is_snapshot};

/// One model.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Claude {
    /// Its name, also of its dated snapshots.
    pub(in crate::model) name: &'static str,
    /// Gone from Anthropic's own API; Bedrock has dates of its own.
    pub(in crate::model) is_retired: bool,
    /// Takes a `tool_choice` that forces a call.
    pub(in crate::model) takes_forced: bool,
    /// Thinks before a call that is forced; for others the call is begun by the server.
    pub(in crate::model) thinks_when_forced: bool,
    /// The types of `thinking` that it takes.
    pub(in crate::model) thinking: &'static [&'static str],
    /// The effort at which it thinks where nothing is said; none where it then does not think.
    pub(in crate::model) thinks: Option<&'static str>,
    /// The efforts that it takes; none where it has no such field.
    pub(in crate::model) efforts: &'static [&'static str],
    /// Refuses an effort above `high` while thinking is off.
    pub(in crate::model) caps_effort: bool,
    /// Takes `temperature`, `top_p` and `top_k`, in API version 2023-06-01.
    pub(in crate::model) takes_sampling: bool,
    /// Takes a last message of the assistant.
    pub(in crate::model) takes_prefill: bool,
    /// Most tokens of an answer.
    pub(in crate::model) most_tokens: u64,
}

/// Claude 4.5: manual thinking alone.
const CLAUDE_4_5: Claude = Claude {
    name: "",
    is_retired: false,
    takes_forced: true,
    thinks_when_forced: true,
    thinking: &["disabled", "enabled"],
    thinks: None,
    efforts: &[],
    caps_effort: false,
    takes_sampling: true,
    takes_prefill: true,
    most_tokens: 64_000,
};
/// 4.6: both ways of thinking; no prefill.
const CLAUDE_4_6: Claude = Claude {
    thinking: &["adaptive", "disabled", "enabled"],
    efforts: &["low", "medium", "high", "max"],
    takes_prefill: false,
    most_tokens: 128_000,
    ..CLAUDE_4_5
};
/// 4.7 and 4.8: adaptive thinking alone, off by default; no sampling.
const CLAUDE_4_7: Claude =
    Claude { thinking: &["adaptive", "disabled"], efforts: LOW_TO_MAX, takes_sampling: false, ..CLAUDE_4_6 };
/// 5: thinks by default, at the effort `high` ("Effort": nothing said means high).
const CLAUDE_5: Claude = Claude { thinks: Some("high"), caps_effort: true, ..CLAUDE_4_7 };
/// Models that always think.
const ALWAYS: Claude = Claude { thinking: &["adaptive"], caps_effort: false, ..CLAUDE_5 };
/// Models that always think and refuse a forced call (litellm PR 39151 has the 400 of Fable 5.1, 2026-09).
const UNFORCED: Claude = Claude { takes_forced: false, ..ALWAYS };

/// Every model that is known, by name. Gone from Anthropic's own API: claude-sonnet-4-5 on 2026-11-30 (PyPI anthropic
/// 2.14.0, `_data/deprecated_models.py`) and claude-opus-4-1 on 2026-08-05 (no name of that SDK's `types/model.py` any
/// more; totalum.app and indragustiprasetya.com, 2026-06, quote the deprecations page). Opus 4 and Sonnet 4 went on
/// 2026-06-15.
const MODELS: &[Claude] = &[
    Claude { name: "claude-opus-4-1", is_retired: true, ..CLAUDE_4_5 },
    Claude { name: "claude-haiku-4-5", ..CLAUDE_4_5 },
    Claude { name: "claude-sonnet-4-5", is_retired: true, ..CLAUDE_4_5 },
    Claude { name: "claude-opus-4-5", efforts: &["low", "medium", "high"], ..CLAUDE_4_5 },
    Claude { name: "claude-sonnet-4-6", ..CLAUDE_4_6 },
    Claude { name: "claude-opus-4-6", ..CLAUDE_4_6 },
    Claude { name: "claude-opus-4-7", ..CLAUDE_4_7 },
    Claude { name: "claude-opus-4-8", ..CLAUDE_4_7 },
    // Nothing says that a forced call keeps it from thinking, as it does Sonnet 5 and Opus 5.
    Claude { name: "claude-haiku-5-5", ..CLAUDE_5 },
    Claude { name: "claude-sonnet-5", thinks_when_forced: false, caps_effort: false, ..CLAUDE_5 },
    Claude { name: "claude-opus-5", thinks_when_forced: false, ..CLAUDE_5 },
    // `between_tools` keeps it from thinking before it answers; `disabled` is a 400 that names it.
    Claude {
        name: "claude-sonnet-5-5",
        thinking: &["adaptive", "between_tools"],
        caps_effort: true,
        ..UNFORCED
    },
    Claude { name: "claude-opus-5-5", thinks: Some("medium"), ..UNFORCED },
    // Refused a forced call in June 2026, and took it in 25 of 25 runs on 2026-09-02 (anthropics/claude-cookbooks#854).
    Claude { name: "claude-fable-5", ..ALWAYS },
    Claude { name: "claude-mythos-5", ..ALWAYS },
    Claude { name: "claude-fable-5-1", ..UNFORCED },
    Claude { name: "claude-fable-5-2", ..UNFORCED },
    Claude { name: "claude-mythos-5-1", ..UNFORCED },
    Claude { name: "claude-mythos-5-2", ..UNFORCED },
];

impl Claude {
    /// The model of this name.
    pub(in crate::model) fn of(name: &str) -> Option<&'static Claude> {
        MODELS.iter().find(|model| is_snapshot(name, model.name))
    }

    /// Whether it cannot be kept from thinking.
    pub(in crate::model) fn always_thinks(&self) -> bool {
        self.thinks.is_some() && !self.thinking.iter().any(|kind| *kind != "adaptive")
    }
}
