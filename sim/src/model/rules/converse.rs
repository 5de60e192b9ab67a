//! The models of Bedrock's Converse.
//!
//! Sources: pydantic providers/bedrock.py (a choice of tools, strict tools, native output, sampling, the field of the
//! effort; verified live 2026-05 to 2026-10); PyPI botocore 1.44.8, `bedrock-runtime`; recorded `bedrock-*`, `nova-*`;
//! strands-agents/harness-sdk#1241 and llama_index#19886 (the words of a choice that Llama refuses); litellm 1.110.2 (ends
//! of life). Where a support is not told it is taken to be none.

use super::Claude;
use super::fits;

/// One model or family.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Converse {
    /// The id without region and version, or its beginning with `*` at the end.
    ids: &'static str,
    /// Takes tools.
    pub(in crate::model) takes_tools: bool,
    /// Takes a `toolChoice` that forces a call.
    pub(in crate::model) takes_forced: bool,
    /// Takes `strict` of a tool and `outputConfig.textFormat`, which AWS enables together.
    pub(in crate::model) takes_strict: bool,
    /// Takes `inferenceConfig.temperature` and `topP`.
    pub(in crate::model) takes_sampling: bool,
    /// Where in `additionalModelRequestFields` an effort stands, and which it takes.
    pub(in crate::model) effort_at: &'static str,
    pub(in crate::model) efforts: &'static [&'static str],
    /// The effort where none is sent.
    pub(in crate::model) effort: &'static str,
    /// Not to be had by its bare id.
    pub(in crate::model) needs_profile: bool,
    /// The same model by Anthropic's own API, whose rules hold here too.
    pub(in crate::model) claude: Option<&'static Claude>,
}

const OTHER: Converse = Converse {
    ids: "",
    takes_tools: true,
    takes_forced: false,
    takes_strict: false,
    takes_sampling: true,
    effort_at: "",
    efforts: &[],
    effort: "none",
    needs_profile: false,
    claude: None,
};
const NOVA: Converse = Converse { takes_forced: true, ..OTHER };
const GPT: Converse = Converse {
    takes_sampling: false,
    effort_at: "/reasoning/effort",
    efforts: &["none", "low", "medium", "high", "xhigh"],
    effort: "medium",
    ..OTHER
};
const GROK: Converse = Converse {
    takes_forced: true,
    takes_sampling: false,
    effort_at: "/reasoning/effort",
    efforts: &["low", "medium", "high", "xhigh"],
    ..OTHER
};
const GLM: Converse = Converse {
    takes_forced: true,
    takes_strict: true,
    effort_at: "/reasoning_effort",
    efforts: &["none", "high"],
    ..OTHER
};

/// The families beside Claude; the first that fits counts. gpt-5.4, 5.5 and 6.1-terra are told by litellm alone.
const FAMILIES: &[Converse] = &[
    Converse { ids: "amazon.nova-*", ..NOVA },
    // Recorded with reasoning, and without `reasoning_effort` "none".
    Converse {
        ids: "openai.gpt-oss-*",
        effort_at: "/reasoning_effort",
        efforts: &["low", "medium", "high"],
        effort: "medium",
        ..OTHER
    },
    Converse { ids: "openai.gpt-6-astra", efforts: &["low", "medium", "high", "xhigh"], ..GPT },
    Converse { ids: "openai.gpt-6.1-sol", efforts: &["low", "medium", "high", "xhigh"], ..GPT },
    Converse { ids: "openai.gpt-5.6-*", ..GPT },
    Converse { ids: "openai.gpt-6-*", ..GPT },
    Converse { ids: "xai.grok-4.6*", effort: "low", ..GROK },
    Converse { ids: "xai.grok-4.7*", effort: "high", ..GROK },
    // Always thinks, as at home at the effort `max` where none is sent.
    Converse { ids: "zai.glm-5.3*", efforts: super::LOW_TO_MAX, effort: "max", ..GLM },
    Converse { ids: "zai.glm-*", ..GLM },
    // Recorded with a little reasoning (kimi-k2-thinking); nothing is told of a switch.
    Converse { ids: "moonshotai.kimi-*", takes_forced: true, takes_strict: true, effort: "low", ..OTHER },
    Converse { ids: "moonshot.kimi-*", takes_forced: true, takes_strict: true, effort: "low", ..OTHER },
    Converse {
        ids: "qwen.qwen3*",
        takes_strict: true,
        effort_at: "/reasoning_config",
        efforts: &["none", "low", "medium", "high"],
        ..OTHER
    },
    // Recorded: needs a profile. "This model doesn't support tool use" (langchain-ai/langchain-aws#447).
    Converse { ids: "deepseek.r1*", takes_tools: false, effort: "medium", needs_profile: true, ..OTHER },
    Converse { ids: "deepseek.*", effort_at: "/reasoning_effort", efforts: &["none", "high"], ..OTHER },
    Converse { ids: "meta.llama*", ..OTHER },
];

/// Strict tools and native output work on Bedrock for these; for 4.7 and later they were refused from 2026-06-29 to
/// 2026-09-23 (BerriAI/litellm#31582, ax-llm/ax#667), and are said to work since the end of October. Until a live check says
/// so the fake refuses them.
const STRICT_CLAUDES: [&str; 5] =
    ["claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-6"];
/// Claude 4 to 4.5 answers by an inference profile alone (crewAIInc/crewAI PR 5551, 2026-04).
const PROFILED_CLAUDES: [&str; 4] =
    ["claude-opus-4-1", "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"];

/// Beginnings of ids that have reached their end: Claude 3.5 is recorded (`bedrock-end-of-life`), Sonnet 4 went on
/// 2026-10-14 (litellm).
const GONE: [&str; 2] = ["anthropic.claude-3-", "anthropic.claude-sonnet-4-2025"];

/// Whether an id without region and version has reached its end.
pub(in crate::model) fn is_gone(id: &str) -> bool {
    super::is_retired(id) || GONE.iter().any(|gone| id.starts_with(gone))
}

impl Converse {
    /// The model of an id without region and version.
    pub(in crate::model) fn of(id: &str) -> Option<Converse> {
        if let Some(name) = id.strip_prefix("anthropic.") {
            return Claude::of(name).map(Converse::of_claude);
        }
        FAMILIES.iter().find(|family| fits(id, family.ids)).copied()
    }

    fn of_claude(claude: &'static Claude) -> Converse {
        Converse {
            ids: claude.name,
            // Bedrock still refuses it for Fable 5 by langchain-aws#1273 (2026-09-10).
            takes_forced: claude.takes_forced && claude.name != "claude-fable-5",
            takes_strict: STRICT_CLAUDES.contains(&claude.name),
            takes_sampling: claude.takes_sampling,
            effort_at: "/output_config/effort",
            efforts: claude.efforts,
            needs_profile: PROFILED_CLAUDES.contains(&claude.name),
            claude: Some(claude),
            ..OTHER
        }
    }
}
