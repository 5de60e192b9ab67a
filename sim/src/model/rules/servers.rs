//! The servers that speak Chat Completions beside OpenAI: what each takes of which models.

use super::fits;

/// A provider or a kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Server {
    OpenAi,
    DeepSeek,
    Qwen,
    Kimi,
    Glm,
    Gemini,
    Xai,
    Mistral,
    Groq,
    OpenRouter,
    Ollama,
    Vllm,
    LlamaCpp,
    LmStudio,
    /// One that nobody knows: it knows messages, tools and a bound, and ignores everything else.
    Unknown,
}

/// What becomes of a `tool_choice` that forces a call, or of a `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Choice {
    Taken,
    /// Left out in silence.
    Ignored,
    Refused,
    /// Refused while the model thinks.
    RefusedThinking,
}

/// How thinking is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Off {
    /// It does not think unless it is asked to, or cannot be kept from it.
    NoSwitch,
    /// `thinking: {"type": "disabled"}`.
    Disabled,
    /// `enable_thinking: false`.
    EnableThinking,
    /// The same, without which an answer that is not streamed is refused.
    Unstreamed,
    /// `chat_template_kwargs: {"enable_thinking": false}`.
    Template,
    /// The effort `none`.
    EffortNone,
}

/// What a server takes of one model or family.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Served {
    server: Server,
    /// The model, or the beginning of its name with `*` at the end.
    models: &'static str,
    /// A tool that is named as the one to call.
    pub(in crate::model) named: Choice,
    /// The word that some tool must be called.
    pub(in crate::model) required: Choice,
    /// `response_format` of type `json_schema`.
    pub(in crate::model) schema: Choice,
    /// The effort at which it thinks where nothing is said; none where it then does not think.
    pub(in crate::model) thinks: Option<&'static str>,
    pub(in crate::model) off: Off,
    /// The efforts that it takes; where there are none the field is ignored.
    pub(in crate::model) efforts: &'static [&'static str],
    /// Takes a temperature, or ignores it.
    pub(in crate::model) takes_sampling: bool,
}

const fn served(server: Server, models: &'static str) -> Served {
    Served {
        server,
        models,
        named: Choice::Taken,
        required: Choice::Taken,
        schema: Choice::Taken,
        thinks: None,
        off: Off::NoSwitch,
        efforts: &[],
        takes_sampling: true,
    }
}
const fn forced(choice: Choice, served: Served) -> Served {
    Served { named: choice, required: choice, ..served }
}
const fn schema(choice: Choice, served: Served) -> Served {
    Served { schema: choice, ..served }
}
const fn thinks(effort: &'static str, off: Off, served: Served) -> Served {
    Served { thinks: Some(effort), off, ..served }
}
const fn efforts(efforts: &'static [&'static str], served: Served) -> Served {
    Served { efforts, ..served }
}
const fn fixed(served: Served) -> Served {
    Served { takes_sampling: false, ..served }
}

/// Recorded: both forms refused while thinking, taken with thinking off; `json_schema` refused on Chat (llm-exe#662, live
/// 2026-07-10). deepseek-chat and deepseek-reasoner were retired on 2026-07-24.
const fn deepseek(models: &'static str) -> Served {
    let refused = schema(Choice::Refused, forced(Choice::RefusedThinking, served(Server::DeepSeek, models)));
    thinks("high", Off::Disabled, refused)
}

/// Reported: cloudwego/eino#994, agentscope#1608 (qwen3.8-max, 2026-09-07); open models need `enable_thinking: false` where
/// nothing is streamed (langchain4j#3974).
const fn qwen(models: &'static str, off: Off) -> Served {
    thinks("high", off, forced(Choice::RefusedThinking, served(Server::Qwen, models)))
}

/// UKGovernmentBEIS/inspect_ai PR 5152 (a probe of each form, 2026-08-31); sampling is fixed (enricoros/big-AGI#1161).
const fn kimi(models: &'static str, effort: &'static str, off: Off) -> Served {
    fixed(thinks(effort, off, forced(Choice::RefusedThinking, served(Server::Kimi, models))))
}

/// java.agentscope.io, GLM page: `auto` alone. Whether another choice is refused or ignored nobody recorded: either way
/// there is no decision. Thinks by default from 4.7 on.
const fn glm(models: &'static str) -> Served {
    schema(Choice::Ignored, forced(Choice::Ignored, served(Server::Glm, models)))
}

const GEMINI_3: &[&str] = &["low", "medium", "high"];

/// ai.google.dev "OpenAI compatibility": a choice becomes mode ANY. 3.x cannot be kept from thinking (recorded: the effort
/// `none` is refused), and thinks at `medium`. Sampling is fixed from 3.5-flash-lite and 3.6 on: pydantic and litellm say
/// refused, langchain-google PR 1897 says without effect; the fake takes the stricter.
const fn gemini(models: &'static str) -> Served {
    efforts(GEMINI_3, thinks("medium", Off::NoSwitch, served(Server::Gemini, models)))
}

/// docs.x.ai "Reasoning" through pydantic profiles/grok.py and enricoros/big-AGI#1104; recorded `grok-*`.
const fn grok(models: &'static str, effort: &'static str) -> Served {
    efforts(&["low", "medium", "high"], thinks(effort, Off::NoSwitch, served(Server::Xai, models)))
}

/// Recorded: `any` 64 times, named once; `required` at second hand. Reasons at the effort `high` alone.
const fn mistral(models: &'static str) -> Served {
    efforts(&["none", "high"], served(Server::Mistral, models))
}

/// Recorded: a forced call of gpt-oss may end as `tool_use_failed`, which the fake makes sure. `reasoning_effort`:
/// earendil-works/pi#1745, OmniRoute PR 3277.
const fn groq_llama(models: &'static str) -> Served {
    schema(Choice::Refused, served(Server::Groq, models))
}

/// Every server and family; the first that fits counts.
const SERVED: &[Served] = &[
    deepseek("deepseek-flash"),
    deepseek("deepseek-v4-flash"),
    deepseek("deepseek-v4-pro"),
    // Neither forced nor held to a schema (pydantic profiles/qwen.py).
    schema(Choice::Ignored, forced(Choice::Ignored, served(Server::Qwen, "qwen3-coder*"))),
    qwen("qwen3.8*", Off::EnableThinking),
    qwen("qwen3.7*", Off::EnableThinking),
    schema(Choice::Ignored, qwen("qwen3.5*", Off::EnableThinking)),
    schema(Choice::Ignored, qwen("qwen3.6*", Off::EnableThinking)),
    // Commercial models think where they are asked to (recorded `qwen3-max-call`, `qwen-plus-call`).
    schema(Choice::Ignored, Served { thinks: None, ..qwen("qwen3-max*", Off::EnableThinking) }),
    schema(Choice::Ignored, Served { thinks: None, ..qwen("qwen-*", Off::EnableThinking) }),
    schema(Choice::Ignored, qwen("qwen3-*", Off::Unstreamed)),
    kimi("kimi-k2.5*", "high", Off::Disabled),
    kimi("kimi-k2.6*", "high", Off::Disabled),
    // Recorded with 16 tokens of reasoning; takes `thinking` of type `enabled` alone (recorded).
    kimi("kimi-k2.7-code*", "low", Off::NoSwitch),
    // `required` is taken, a name is not; takes no `thinking` (mnfst/modelparams.dev PR 168).
    Served {
        required: Choice::Taken,
        ..efforts(&["low", "high", "max"], kimi("kimi-k3*", "max", Off::NoSwitch))
    },
    // "Always engages in thinking" (charmbracelet/catwalk PR 603, 2026-09-16); at `max` where nothing is said.
    efforts(&["low", "high", "max"], thinks("max", Off::NoSwitch, schema(Choice::Taken, glm("glm-5.3*")))),
    thinks("high", Off::Disabled, glm("glm-5*")),
    thinks("high", Off::Disabled, glm("glm-4.7*")),
    glm("glm-4*"),
    efforts(
        &["none", "minimal", "low", "medium", "high"],
        thinks("medium", Off::EffortNone, served(Server::Gemini, "gemini-2.5-flash*")),
    ),
    gemini("gemini-2.5-pro*"),
    fixed(gemini("gemini-3.5-flash-lite*")),
    fixed(gemini("gemini-3.6*")),
    fixed(gemini("gemini-3.7*")),
    fixed(gemini("gemini-3.8*")),
    gemini("gemini-3*"),
    efforts(
        &["none", "low", "medium", "high"],
        thinks("low", Off::EffortNone, served(Server::Xai, "grok-4.3*")),
    ),
    grok("grok-4.5*", "high"),
    grok("grok-4.6*", "low"),
    efforts(&["low", "medium", "high", "xhigh"], grok("grok-4.7*", "high")),
    // Retired names, which grok-4.3 answers in silence (recorded `grok-3-mini-answered-by-grok-4-3`).
    grok("grok-3*", "low"),
    mistral("mistral-large*"),
    mistral("mistral-medium*"),
    mistral("mistral-small*"),
    mistral("ministral*"),
    efforts(
        &["low", "medium", "high"],
        thinks("medium", Off::NoSwitch, forced(Choice::Refused, served(Server::Groq, "openai/gpt-oss*"))),
    ),
    schema(
        Choice::Refused,
        efforts(
            &["none", "default"],
            thinks("default", Off::EffortNone, served(Server::Groq, "qwen/qwen3*")),
        ),
    ),
    groq_llama("llama*"),
    groq_llama("meta-llama/*"),
    // Routes to other makers; those of Anthropic and OpenAI follow their makers' own tables.
    served(Server::OpenRouter, "*"),
    // ollama/ollama#17921 (0.32.15, 2026-08-21): the choice is ignored, `none` too; a schema is a grammar.
    // Recorded with 122 and 194 tokens in all (`ollama-gpt-oss-20b-call`).
    thinks("low", Off::NoSwitch, forced(Choice::Ignored, served(Server::Ollama, "gpt-oss*"))),
    forced(Choice::Ignored, served(Server::Ollama, "*")),
    // vllm-project/vllm#50477, #53363: the parsers of gpt-oss and gemma4 ignore the choice; else decoding is guided.
    thinks("medium", Off::NoSwitch, forced(Choice::Ignored, served(Server::Vllm, "openai/gpt-oss*"))),
    forced(Choice::Ignored, served(Server::Vllm, "google/gemma-4*")),
    thinks("medium", Off::Template, served(Server::Vllm, "Qwen/Qwen3*")),
    served(Server::Vllm, "*"),
    // Recorded: `required` 24 times; a named tool is taken as `auto` in silence (ggml-org/llama.cpp PR 26849).
    Served { named: Choice::Ignored, ..served(Server::LlamaCpp, "*") },
    // lmstudio-bug-tracker#670, #2115; the words are recorded.
    Served { named: Choice::Refused, ..served(Server::LmStudio, "*") },
    schema(Choice::Ignored, forced(Choice::Ignored, served(Server::Unknown, "*"))),
];

impl Served {
    /// What `server` takes of `model`; none where it has no such model.
    pub(in crate::model) fn of(server: Server, model: &str) -> Option<&'static Served> {
        SERVED.iter().find(|row| row.server == server && fits(model, row.models))
    }
}

impl Server {
    /// The one that is asked at `path` for `model`. Providers whose address has a path of its own are told apart by it;
    /// OpenAI, Kimi, xAI and Mistral share one and are told apart by the model's name. The paths of the local servers are
    /// ours: each has `/v1` behind its name, so that one simulated host can be all of them.
    pub(in crate::model) fn of(path: &str, model: &str) -> Option<Server> {
        match path.strip_suffix("/chat/completions")? {
            "/v1" => Some(Server::by_model(model)),
            "" => Some(Server::DeepSeek),
            "/compatible-mode/v1" => Some(Server::Qwen),
            "/api/paas/v4" => Some(Server::Glm),
            "/v1beta/openai" => Some(Server::Gemini),
            "/openai/v1" => Some(Server::Groq),
            "/api/v1" => Some(Server::OpenRouter),
            "/ollama/v1" => Some(Server::Ollama),
            "/vllm/v1" => Some(Server::Vllm),
            "/llamacpp/v1" => Some(Server::LlamaCpp),
            "/lmstudio/v1" => Some(Server::LmStudio),
            _ => None,
        }
    }

    fn by_model(model: &str) -> Server {
        const KIMI: [&str; 2] = ["kimi-", "moonshot-"];
        const MISTRAL: [&str; 3] = ["mistral-", "ministral-", "magistral-"];
        const OPENAI: [&str; 5] = ["gpt-", "o1", "o3", "o4", "chatgpt-"];
        let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
        if begins(&KIMI) {
            Server::Kimi
        } else if begins(&MISTRAL) {
            Server::Mistral
        } else if model.starts_with("grok-") {
            Server::Xai
        } else if (begins(&OPENAI) && !model.starts_with("gpt-oss")) || model.is_empty() {
            Server::OpenAi
        } else {
            Server::Unknown
        }
    }

    /// Whether it runs on its user's own machine, and asks for no key.
    pub(in crate::model) fn is_local(self) -> bool {
        const LOCAL: [Server; 5] =
            [Server::Ollama, Server::Vllm, Server::LlamaCpp, Server::LmStudio, Server::Unknown];
        LOCAL.contains(&self)
    }
}
