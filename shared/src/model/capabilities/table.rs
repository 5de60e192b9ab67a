//! The rows. A figure without a source of its own has that of its row; the least sensible limits of an answer and the
//! choice of the way are ours: the way is the one that each provider accepts and that leaves the least to the model.

use super::{Ask, Capabilities, Endpoint, Row, Thinking};
use crate::model::Provider;

/// The window of a model that is not listed: the smallest of a hosted model in use today.
const SMALL: u32 = 32_000;
/// Ollama cuts what is longer in silence, unless its own settings say otherwise (ollama/ollama#16814).
const OLLAMA: u32 = 4_096;
/// OpenAI's listed models all have o200k (tiktoken, `model.py`).
const O200K: u32 = 100;
/// Other vocabularies are not public. Of our prompts an unofficial reconstruction (PyPI's ctok 1.3.0) makes 1.2 of o200k's
/// tokens for Anthropic's models before Opus 4.7, and 1.6 to 1.8 since; Anthropic itself says up to 1.35 between the two.
/// Usage above this raises it (`factors` of `llm#…`).
const ANOTHER: u32 = 200;

/// A decision of ours with its analysis is 150 to 300 tokens; recorded ones of Claude Sonnet 5.5 have 97.
const DECISION: u32 = 1_000;
/// The vendor's example for Claude Sonnet 5.5 has 4,096; 400 and 4,000 were eaten whole by thinking at higher efforts
/// (platform.claude.com; garrytan/gbrain PR 2806).
const THOUGHT: u32 = 4_096;

/// What every model takes.
pub(super) const LEAST: Capabilities = Capabilities {
    endpoint: Endpoint::Chat,
    ask: Ask::Auto,
    strict: false,
    thinking: Thinking::AsIs,
    thinks: true,
    answer_tokens: THOUGHT,
    temperature: false,
    one_call: false,
    max_field: "max_tokens",
    explicit_cache: false,
    window: SMALL,
    vocabulary: ANOTHER,
    retires: None,
};

/// Without thinking.
const fn plain(takes: Capabilities) -> Capabilities {
    Capabilities { thinks: false, answer_tokens: DECISION, ..takes }
}
/// Thinking is switched off in this way.
const fn off(thinking: Thinking, takes: Capabilities) -> Capabilities {
    plain(Capabilities { thinking, ..takes })
}
/// It thinks, bounded in this way.
const fn bounded(thinking: Thinking, takes: Capabilities) -> Capabilities {
    Capabilities { thinking, thinks: true, answer_tokens: THOUGHT, ..takes }
}
const fn by(ask: Ask, takes: Capabilities) -> Capabilities {
    Capabilities { ask, ..takes }
}
const fn strict(takes: Capabilities) -> Capabilities {
    Capabilities { strict: true, ..takes }
}
const fn cold(takes: Capabilities) -> Capabilities {
    Capabilities { temperature: true, ..takes }
}
const fn until(day: &'static str, takes: Capabilities) -> Capabilities {
    Capabilities { retires: Some(day), ..takes }
}
const fn within(window: u32, takes: Capabilities) -> Capabilities {
    Capabilities { window, ..takes }
}

/// A Claude by the Messages API: one call at most is asked for inside `tool_choice`, strict tools from 4.5 on.
const CLAUDE: Capabilities =
    Capabilities { endpoint: Endpoint::Messages, one_call: true, strict: true, window: 200_000, ..LEAST };
const CLAUDE_4: Capabilities = cold(plain(by(Ask::Named, CLAUDE)));
const CLAUDE_4_7: Capabilities = within(M, plain(by(Ask::Named, CLAUDE)));
const CLAUDE_5: Capabilities = within(M, off(Thinking::Disabled, by(Ask::Named, CLAUDE)));
const SONNET_5_5: Capabilities = Capabilities {
    answer_tokens: 2_048,
    ..within(M, bounded(Thinking::BetweenToolsLow, by(Ask::Auto, CLAUDE)))
};
const OPUS_5_5: Capabilities = within(M, bounded(Thinking::EffortLow, by(Ask::Schema, CLAUDE)));

/// OpenAI's Chat Completions; reasoners know `max_completion_tokens` alone.
const GPT: Capabilities = Capabilities {
    ask: Ask::Named,
    strict: true,
    one_call: true,
    max_field: "max_completion_tokens",
    window: 400_000,
    vocabulary: O200K,
    ..LEAST
};
const GPT_4: Capabilities = cold(plain(GPT));
const GPT_5: Capabilities = Capabilities { answer_tokens: 2_048, ..bounded(Thinking::EffortMinimal, GPT) };
const GPT_5_1: Capabilities = off(Thinking::EffortNone, GPT);
/// OpenAI's Responses, which take tools beside reasoning.
const RESPONSES: Capabilities =
    Capabilities { endpoint: Endpoint::Responses, max_field: "max_output_tokens", window: 1_050_000, ..GPT };
const GPT_5_5: Capabilities = off(Thinking::EffortNone, RESPONSES);
/// From the 5.6 family on a write to the cache costs 1.25 times the input and happens by default.
const GPT_5_6: Capabilities = Capabilities { explicit_cache: true, ..GPT_5_5 };
const ASTRA: Capabilities = Capabilities { explicit_cache: true, ..bounded(Thinking::EffortLow, RESPONSES) };
const PRO: Capabilities = Capabilities {
    answer_tokens: 16_000,
    strict: false,
    ..bounded(Thinking::EffortMedium, within(400_000, RESPONSES))
};
const O_SERIES: Capabilities =
    Capabilities { one_call: false, ..bounded(Thinking::EffortLow, within(200_000, GPT)) };

/// Converse has no switch against several calls, and bounds the answer in a field of its own.
const CONVERSE: Capabilities =
    Capabilities { endpoint: Endpoint::Converse, max_field: "maxTokens", window: 200_000, ..LEAST };
const CONVERSE_CLAUDE_4: Capabilities = strict(cold(plain(by(Ask::Named, CONVERSE))));
const CONVERSE_CLAUDE_4_7: Capabilities = within(M, plain(by(Ask::Named, CONVERSE)));
const CONVERSE_CLAUDE_5: Capabilities = within(M, off(Thinking::Disabled, by(Ask::Named, CONVERSE)));
const CONVERSE_SONNET_5_5: Capabilities =
    Capabilities { answer_tokens: 2_048, ..within(M, bounded(Thinking::BetweenToolsLow, CONVERSE)) };
const CONVERSE_OPUS_5_5: Capabilities = within(M, bounded(Thinking::EffortLow, CONVERSE));
const NOVA: Capabilities = cold(plain(by(Ask::Named, CONVERSE)));
const CONVERSE_GPT: Capabilities = within(M, off(Thinking::EffortNone, CONVERSE));

/// A server that speaks Chat Completions. Of the newer fields some know none.
const OTHER: Capabilities = LEAST;
const DEEPSEEK: Capabilities = within(M, cold(off(Thinking::Disabled, by(Ask::Named, OTHER))));
const QWEN: Capabilities = within(262_000, cold(off(Thinking::EnableThinkingFalse, by(Ask::Named, OTHER))));
const KIMI: Capabilities = Capabilities { max_field: "max_completion_tokens", window: 262_000, ..OTHER };
const KIMI_3: Capabilities = within(M, bounded(Thinking::EffortLow, by(Ask::Required, KIMI)));
const GLM: Capabilities = within(128_000, off(Thinking::Disabled, OTHER));
const GLM_5_3: Capabilities = within(M, bounded(Thinking::EffortLow, OTHER));
const GEMINI: Capabilities = within(M, bounded(Thinking::EffortLow, by(Ask::Required, OTHER)));
const GROK: Capabilities = within(500_000, cold(bounded(Thinking::EffortLow, strict(by(Ask::Named, OTHER)))));
const MISTRAL: Capabilities = within(128_000, cold(plain(by(Ask::Required, OTHER))));
const GROQ: Capabilities = Capabilities {
    max_field: "max_completion_tokens",
    window: 131_000,
    ..cold(plain(by(Ask::Named, OTHER)))
};
const GROQ_OSS: Capabilities = bounded(Thinking::EffortLow, strict(by(Ask::Schema, GROQ)));
const LOCAL: Capabilities = cold(plain(by(Ask::Schema, OTHER)));

/// A million tokens.
const M: u32 = 1_000_000;

const fn row(provider: Provider, model: &'static str, takes: Capabilities, source: &'static str) -> Row {
    Row { provider, model, takes, source }
}

// Sources that many rows share.
const CLAUDE_PROFILES: &str = "pydantic_ai 2.68.0 profiles and rig-core 0.46.0 catalogue, 2026-10/11";
const CLAUDE_FORCED: &str =
    "platform.claude.com, models and migration guides, 2026-12-01; litellm PR 39151, 2026-09";
const OPENAI_PROFILES: &str =
    "developers.openai.com deprecations, 2026-12-01; pydantic_ai 2.68.0 profiles/openai.py, 2026-11";
const OPENAI_TOOLS: &str =
    "litellm PR 34569 (raw probes), 2026-07-24; onyx#15008, 2026-09-23; bolna PR 1019, 2026-09-05";
const CONVERSE_4: &str = "pydantic-ai cassettes tests/models/bedrock, 2026-08-22; litellm 1.110.2";
const CONVERSE_NEW: &str = "litellm#31582, 2026-06-29; ax-llm/ax#667 and vercel/ai#21364, 2026-09-23";
const CONVERSE_PROFILES: &str = "pydantic_ai 2.68.0 profiles for Bedrock, 2026-11";
const DEEPSEEK_SOURCE: &str =
    "rig cassettes deepseek/wire_shape_matrix, 2026-08-22; deepseek-ai/DeepSeek-V3#1376, 2026-08-21";
const QWEN_SOURCE: &str = "cloudwego/eino#994, 2026-04-24; agentscope#1608, 2026-09-07";
const KIMI_SOURCE: &str =
    "UKGovernmentBEIS/inspect_ai PR 5152, 2026-08-31; pydantic_ai providers/moonshotai.py";
const GLM_SOURCE: &str =
    "java.agentscope.io GLM page, 2026-12-01; pydantic-ai test_zai cassettes, 2026-08/11";
const GEMINI_SOURCE: &str =
    "ai.google.dev gemini-api/docs/openai, 2026-12-01; pydantic_ai 2.68.0 profiles/google.py";
const GROK_SOURCE: &str = "rig cassettes xai, 2026-08-22; pydantic_ai 2.68.0 profiles/grok.py";
const MISTRAL_SOURCE: &str = "rig cassettes mistral (any 64 times, named once), 2026-08-22";
const GROQ_SOURCE: &str = "pydantic-ai cassettes test_groq (tool_use_failed), 2026-08-22; console.groq.com";
const OPENROUTER_SOURCE: &str = "razzant/ouroboros#716, 2026-09-06; openrouter.ai docs, 2026-12-01";
const OLLAMA_SOURCE: &str = "ollama/ollama#17921, 2026-08-21";
const VLLM_SOURCE: &str = "vllm-project/vllm#50477, #53363; pydantic_ai providers/vllm.py, 2026";
const LLAMACPP_SOURCE: &str =
    "rig cassettes llamacpp/model_family_matrix, 2026-08-22; llama.cpp PR 26849, 2026-08-10";
const LMSTUDIO_SOURCE: &str = "lmstudio-bug-tracker#670, 2025-05-21, and #2115, 2026-06-28";

/// Every listed model. The first row that fits counts.
pub static ROWS: &[Row] = &[
    row(
        Provider::Anthropic,
        "claude-opus-4-1",
        until("2026-08-05", CLAUDE_4),
        "anthropic 2.14.0: no longer among its models",
    ),
    row(Provider::Anthropic, "claude-haiku-4-5", CLAUDE_4, CLAUDE_PROFILES),
    row(
        Provider::Anthropic,
        "claude-sonnet-4-5",
        until("2026-11-30", CLAUDE_4),
        "anthropic 2.14.0 _data/deprecated_models.py",
    ),
    row(
        Provider::Anthropic,
        "claude-opus-4-5",
        until("2027-01-22", CLAUDE_4),
        "anthropic 2.14.0 _data/deprecated_models.py",
    ),
    row(Provider::Anthropic, "claude-sonnet-4-6", within(M, CLAUDE_4), CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-opus-4-6", within(M, CLAUDE_4), CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-opus-4-7", CLAUDE_4_7, CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-opus-4-8", CLAUDE_4_7, CLAUDE_PROFILES),
    row(
        Provider::Anthropic,
        "claude-haiku-5-5",
        CLAUDE_5,
        "platform.claude.com models/haiku-5-5/migration-guide, 2026-12-01",
    ),
    row(Provider::Anthropic, "claude-sonnet-5", CLAUDE_5, CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-opus-5", CLAUDE_5, CLAUDE_PROFILES),
    row(
        Provider::Anthropic,
        "claude-sonnet-5-5",
        SONNET_5_5,
        "platform.claude.com models/sonnet-5-5, 2026-12-01; pydantic-ai cassette test_output, 2026-09-28",
    ),
    row(Provider::Anthropic, "claude-opus-5-5", OPUS_5_5, CLAUDE_FORCED),
    row(Provider::Anthropic, "claude-fable-5", OPUS_5_5, CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-mythos-5", OPUS_5_5, CLAUDE_PROFILES),
    row(Provider::Anthropic, "claude-fable-5-1", OPUS_5_5, CLAUDE_FORCED),
    row(Provider::Anthropic, "claude-fable-5-2", OPUS_5_5, CLAUDE_FORCED),
    row(Provider::Anthropic, "claude-mythos-5-1", OPUS_5_5, CLAUDE_FORCED),
    row(Provider::Anthropic, "claude-mythos-5-2", OPUS_5_5, CLAUDE_FORCED),
    row(Provider::OpenAi, "gpt-4.1", within(M, until("2027-01-14", GPT_4)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-4.1-mini", within(M, until("2027-01-14", GPT_4)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-4.1-nano", within(M, until("2026-10-23", GPT_4)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-4o", within(128_000, until("2027-01-14", GPT_4)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-4o-mini", within(128_000, until("2027-01-14", GPT_4)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5", until("2026-12-11", GPT_5), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5-mini", until("2026-12-11", GPT_5), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5-nano", until("2026-12-11", GPT_5), OPENAI_PROFILES),
    row(
        Provider::OpenAi,
        "gpt-5-pro",
        Capabilities { thinking: Thinking::EffortHigh, ..until("2026-12-11", PRO) },
        OPENAI_PROFILES,
    ),
    row(Provider::OpenAi, "gpt-5.1", until("2027-04-01", GPT_5_1), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.2", GPT_5_1, OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.2-pro", PRO, OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.3-codex", until("2027-04-01", within(400_000, GPT_5_5)), OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.4", within(1_050_000, GPT_5_1), OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.4-mini", GPT_5_1, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.4-nano", until("2027-04-01", GPT_5_1), OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.4-pro", PRO, OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.5", GPT_5_5, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.5-pro", PRO, OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-5.6-sol", GPT_5_6, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.6-terra", GPT_5_6, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-5.6-luna", GPT_5_6, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-6-sol", GPT_5_6, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-6-luna", GPT_5_6, "dust-tt/dust PR 33031 (92 of 92 live checks), 2026-09-22"),
    row(Provider::OpenAi, "gpt-6-astra", ASTRA, OPENAI_TOOLS),
    row(Provider::OpenAi, "gpt-6.1-sol", ASTRA, OPENAI_PROFILES),
    row(Provider::OpenAi, "gpt-6.1-terra", GPT_5_6, "rig PR 2956, 2026-10: never on Chat; Responses take it"),
    row(Provider::OpenAi, "o1", until("2026-10-23", O_SERIES), OPENAI_PROFILES),
    row(Provider::OpenAi, "o3", until("2026-12-11", O_SERIES), OPENAI_PROFILES),
    row(Provider::OpenAi, "o3-mini", until("2026-10-23", O_SERIES), OPENAI_PROFILES),
    row(Provider::OpenAi, "o4-mini", until("2026-10-23", O_SERIES), OPENAI_PROFILES),
    row(Provider::Bedrock, "anthropic.claude-haiku-4-5", CONVERSE_CLAUDE_4, CONVERSE_4),
    row(Provider::Bedrock, "anthropic.claude-sonnet-4-5", until("2027-04-08", CONVERSE_CLAUDE_4), CONVERSE_4),
    row(Provider::Bedrock, "anthropic.claude-opus-4-5", CONVERSE_CLAUDE_4, CONVERSE_4),
    row(Provider::Bedrock, "anthropic.claude-sonnet-4-6", within(M, CONVERSE_CLAUDE_4), CONVERSE_4),
    row(Provider::Bedrock, "anthropic.claude-opus-4-6", within(M, CONVERSE_CLAUDE_4), CONVERSE_4),
    row(Provider::Bedrock, "anthropic.claude-opus-4-7", CONVERSE_CLAUDE_4_7, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-opus-4-8", CONVERSE_CLAUDE_4_7, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-haiku-5-5", CONVERSE_CLAUDE_5, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-sonnet-5", CONVERSE_CLAUDE_5, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-opus-5", CONVERSE_CLAUDE_5, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-sonnet-5-5", CONVERSE_SONNET_5_5, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-opus-5-5", CONVERSE_OPUS_5_5, CONVERSE_NEW),
    row(Provider::Bedrock, "anthropic.claude-fable-5*", CONVERSE_OPUS_5_5, "langchain-aws#1273, 2026-09-10"),
    row(Provider::Bedrock, "anthropic.claude-mythos-5*", CONVERSE_OPUS_5_5, CONVERSE_NEW),
    row(Provider::Bedrock, "amazon.nova-micro", within(128_000, NOVA), CONVERSE_4),
    row(Provider::Bedrock, "amazon.nova-lite", within(300_000, NOVA), CONVERSE_4),
    row(Provider::Bedrock, "amazon.nova-pro", within(300_000, NOVA), CONVERSE_4),
    row(Provider::Bedrock, "amazon.nova-premier", within(M, NOVA), CONVERSE_4),
    row(Provider::Bedrock, "amazon.nova-2-lite", within(M, NOVA), CONVERSE_4),
    row(
        Provider::Bedrock,
        "openai.gpt-6-astra",
        bounded(Thinking::EffortLow, CONVERSE_GPT),
        CONVERSE_PROFILES,
    ),
    row(
        Provider::Bedrock,
        "openai.gpt-6.1-sol",
        bounded(Thinking::EffortLow, CONVERSE_GPT),
        CONVERSE_PROFILES,
    ),
    row(Provider::Bedrock, "openai.gpt-5.6-*", CONVERSE_GPT, CONVERSE_PROFILES),
    row(Provider::Bedrock, "openai.gpt-6-*", CONVERSE_GPT, CONVERSE_PROFILES),
    row(Provider::Bedrock, "openai.gpt-oss-*", within(128_000, CONVERSE), CONVERSE_PROFILES),
    row(Provider::Bedrock, "xai.grok-4*", within(256_000, by(Ask::Named, CONVERSE)), CONVERSE_PROFILES),
    row(Provider::Bedrock, "zai.glm-*", by(Ask::Named, within(128_000, CONVERSE)), CONVERSE_PROFILES),
    row(Provider::Bedrock, "moonshotai.kimi-*", by(Ask::Named, CONVERSE), CONVERSE_PROFILES),
    row(Provider::Bedrock, "qwen.qwen3*", within(32_000, CONVERSE), CONVERSE_PROFILES),
    row(Provider::Bedrock, "deepseek.*", within(128_000, CONVERSE), CONVERSE_PROFILES),
    row(Provider::Bedrock, "meta.llama4*", cold(plain(within(128_000, CONVERSE))), CONVERSE_PROFILES),
    row(Provider::Bedrock, "meta.llama*", cold(plain(within(8_000, CONVERSE))), CONVERSE_PROFILES),
    row(
        Provider::DeepSeek,
        "deepseek-chat",
        until("2026-07-24", within(131_000, DEEPSEEK)),
        "litellm 1.110.2 model map, 2026-11-20",
    ),
    row(
        Provider::DeepSeek,
        "deepseek-reasoner",
        until("2026-07-24", within(131_000, DEEPSEEK)),
        "litellm 1.110.2 model map, 2026-11-20",
    ),
    row(Provider::DeepSeek, "deepseek-flash", DEEPSEEK, DEEPSEEK_SOURCE),
    row(Provider::DeepSeek, "deepseek-v4-flash", DEEPSEEK, DEEPSEEK_SOURCE),
    row(Provider::DeepSeek, "deepseek-v4-pro", DEEPSEEK, DEEPSEEK_SOURCE),
    row(Provider::Qwen, "qwen3-coder*", cold(plain(within(256_000, OTHER))), QWEN_SOURCE),
    row(Provider::Qwen, "qwen3.8-*", within(991_000, QWEN), QWEN_SOURCE),
    row(Provider::Qwen, "qwen3.7-*", QWEN, QWEN_SOURCE),
    row(Provider::Qwen, "qwen3*", within(128_000, QWEN), QWEN_SOURCE),
    row(Provider::Kimi, "kimi-k2.6", off(Thinking::Disabled, by(Ask::Named, KIMI)), KIMI_SOURCE),
    row(Provider::Kimi, "kimi-k2.7-code*", KIMI, KIMI_SOURCE),
    row(Provider::Kimi, "kimi-k3", KIMI_3, KIMI_SOURCE),
    row(Provider::Kimi, "kimi-k3.1-pro", KIMI_3, KIMI_SOURCE),
    row(Provider::Glm, "glm-5.3*", GLM_5_3, GLM_SOURCE),
    row(Provider::Glm, "glm-5.2*", within(M, GLM), GLM_SOURCE),
    row(Provider::Glm, "glm-5*", GLM, GLM_SOURCE),
    row(Provider::Glm, "glm-4*", GLM, GLM_SOURCE),
    row(Provider::Gemini, "gemini-2.5-flash*", cold(off(Thinking::EffortNone, GEMINI)), GEMINI_SOURCE),
    row(Provider::Gemini, "gemini-2.5-pro", cold(GEMINI), GEMINI_SOURCE),
    row(Provider::Gemini, "gemini-3.5-*", GEMINI, GEMINI_SOURCE),
    row(Provider::Gemini, "gemini-3.6-*", GEMINI, GEMINI_SOURCE),
    row(Provider::Gemini, "gemini-3.8-*", GEMINI, GEMINI_SOURCE),
    row(Provider::Xai, "grok-4.3", within(M, off(Thinking::EffortNone, GROK)), GROK_SOURCE),
    row(Provider::Xai, "grok-4.5", GROK, GROK_SOURCE),
    row(Provider::Xai, "grok-4.6", GROK, GROK_SOURCE),
    row(Provider::Xai, "grok-4.7", GROK, GROK_SOURCE),
    row(Provider::Mistral, "mistral-large*", within(256_000, MISTRAL), MISTRAL_SOURCE),
    row(Provider::Mistral, "mistral-medium*", MISTRAL, MISTRAL_SOURCE),
    row(Provider::Mistral, "mistral-small*", within(32_000, MISTRAL), MISTRAL_SOURCE),
    row(Provider::Groq, "openai/gpt-oss-20b", GROQ_OSS, GROQ_SOURCE),
    row(Provider::Groq, "openai/gpt-oss-120b", GROQ_OSS, GROQ_SOURCE),
    row(Provider::Groq, "qwen/qwen3*", off(Thinking::EffortNone, GROQ), GROQ_SOURCE),
    row(Provider::Groq, "llama*", GROQ, GROQ_SOURCE),
    row(Provider::OpenRouter, "anthropic/claude-sonnet-5.5", within(M, OTHER), OPENROUTER_SOURCE),
    row(Provider::OpenRouter, "anthropic/claude-opus-5.5", within(M, OTHER), OPENROUTER_SOURCE),
    row(Provider::OpenRouter, "anthropic/claude-fable*", within(M, OTHER), OPENROUTER_SOURCE),
    row(Provider::OpenRouter, "anthropic/claude-mythos*", within(M, OTHER), OPENROUTER_SOURCE),
    row(
        Provider::OpenRouter,
        "anthropic/claude-*",
        by(Ask::Required, within(200_000, OTHER)),
        OPENROUTER_SOURCE,
    ),
    row(Provider::OpenRouter, "openai/gpt-*", by(Ask::Required, within(128_000, OTHER)), OPENROUTER_SOURCE),
    row(Provider::OpenRouter, "google/gemini-*", by(Ask::Required, within(M, OTHER)), OPENROUTER_SOURCE),
    row(Provider::Ollama, "*", within(OLLAMA, LOCAL), OLLAMA_SOURCE),
    row(Provider::Vllm, "openai/gpt-oss*", by(Ask::Schema, OTHER), VLLM_SOURCE),
    row(Provider::Vllm, "google/gemma-4*", LOCAL, VLLM_SOURCE),
    row(Provider::Vllm, "*", cold(by(Ask::Named, OTHER)), VLLM_SOURCE),
    row(Provider::LlamaCpp, "*", LOCAL, LLAMACPP_SOURCE),
    row(Provider::LmStudio, "*", LOCAL, LMSTUDIO_SOURCE),
];

/// What a model takes that is not listed: what the newest of its family takes, in a window that is not told.
pub(super) fn unlisted(provider: Provider, name: &str) -> Capabilities {
    let newest = match provider {
        Provider::Anthropic if name.contains("haiku") => CLAUDE_5,
        Provider::Anthropic if name.contains("sonnet") => SONNET_5_5,
        Provider::Anthropic => OPUS_5_5,
        Provider::OpenAi if name.ends_with("-pro") => PRO,
        Provider::OpenAi => ASTRA,
        Provider::Bedrock if name.contains("claude-haiku") => CONVERSE_CLAUDE_5,
        Provider::Bedrock if name.contains("claude-sonnet") => CONVERSE_SONNET_5_5,
        Provider::Bedrock if name.contains("claude") => CONVERSE_OPUS_5_5,
        Provider::Bedrock if name.contains("nova") => NOVA,
        Provider::Bedrock => CONVERSE,
        Provider::DeepSeek => DEEPSEEK,
        Provider::Qwen => QWEN,
        Provider::Kimi => KIMI_3,
        Provider::Glm => GLM_5_3,
        Provider::Gemini => GEMINI,
        Provider::Xai => GROK,
        Provider::Mistral => MISTRAL,
        Provider::Groq => Capabilities { max_field: "max_completion_tokens", ..OTHER },
        Provider::OpenRouter
        | Provider::Ollama
        | Provider::Vllm
        | Provider::LlamaCpp
        | Provider::LmStudio
        | Provider::Compatible => OTHER,
    };
    let vocabulary = ANOTHER;
    Capabilities { window: if newest.window < SMALL { newest.window } else { SMALL }, vocabulary, ..newest }
}
