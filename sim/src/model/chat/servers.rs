//! What the servers beside OpenAI refuse and ignore, in their words.

use serde_json::Value;

use super::{Forced, Taken, forced, has_tools, openai, wants_schema, way};
use crate::model::ask::{Way, list_at, text_at, text_of, unknown};
use crate::model::fault::{Fault, Kind};
use crate::model::rules::servers::{Choice, Off};
use crate::model::rules::{self, Served, Server};

/// The window of Ollama, unless its own settings say otherwise (ollama/ollama#16814).
const OLLAMA_WINDOW: u64 = 4_096;

/// Checks everything but the messages of a request of so many tokens.
pub(super) fn check(server: Server, body: &Value, input_tokens: u64) -> Result<Taken, Fault> {
    let name = text_at(body, "model");
    let row = Served::of(server, name).ok_or_else(|| Fault::new(Kind::NoSuchModel, name))?;
    fields(server, body)?;
    let effort = effort(server, row, body)?;
    if body.get("temperature").is_some_and(|told| *told != 1) && !row.takes_sampling {
        return Err(sampling(server));
    }
    strict(server, body)?;
    if server == Server::Ollama && input_tokens > OLLAMA_WINDOW {
        // The prompt is cut from its front in silence, until no turn of the user is left (ollama/ollama#18107).
        return Err(Fault::new(Kind::Internal, "no user query found in messages"));
    }
    let is_thinking = effort != "none";
    if row.off == Off::Unstreamed && is_thinking {
        let words = "parameter.enable_thinking must be set to false for non-streaming calls";
        return Err(Fault::invalid(words));
    }
    if is_thinking {
        shown_back(server, body)?;
    }
    let way = chosen(server, row, body, is_thinking)?;
    Ok(Taken { way, thought: rules::thought(effort) })
}

/// Fields that two of them do not know and refuse: editor-code-assistant/eca#231 (Mistral), llm_wiki#49 (Gemini).
fn fields(server: Server, body: &Value) -> Result<(), Fault> {
    const SHARED: [&str; 17] = [
        "frequency_penalty",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    ];
    const OWN: [(Server, &[&str]); 3] = [
        (Server::Mistral, &["random_seed", "prediction", "prompt_mode", "safe_prompt"]),
        (Server::Gemini, &["max_completion_tokens", "extra_body", "stream_options", "service_tier", "user"]),
        (
            Server::Groq,
            &["max_completion_tokens", "reasoning_format", "include_reasoning", "service_tier", "user"],
        ),
    ];
    let Some((_, own)) = OWN.into_iter().find(|(one, _)| *one == server) else { return Ok(()) };
    let known: Vec<&str> = SHARED.iter().chain(own).copied().collect();
    let Some(field) = unknown(body, &known) else { return Ok(()) };
    let (kind, words) = if server == Server::Mistral {
        (Kind::Unprocessable, "Extra inputs are not permitted".to_owned())
    } else if server == Server::Gemini {
        let words = format!("Invalid JSON payload received. Unknown name \"{field}\": Cannot find field.");
        (Kind::Invalid, words)
    } else {
        (Kind::Invalid, format!("property '{field}' is unsupported"))
    };
    Err(Fault::new(kind, words).of(field))
}

/// The effort at which the model thinks, `none` where it does not.
fn effort<'a>(server: Server, row: &Served, body: &'a Value) -> Result<&'a str, Fault> {
    let kind = text_of(body, "/thinking/type");
    if kind == Some("disabled") && row.off == Off::NoSwitch && row.thinks.is_some() {
        // Recorded `kimi-k2-7-thinking-off-refused`; K3 takes no `thinking` at all.
        if server == Server::Kimi {
            return Err(Fault::invalid("invalid thinking: only type=enabled is allowed for this model"));
        }
        if server == Server::Glm {
            return Err(always_thinks());
        }
    }
    let sent = text_of(body, "/reasoning_effort");
    if let Some(effort) = sent.filter(|effort| !takes(server, row, effort)) {
        return Err(refused_effort(server, row, effort, text_at(body, "model")));
    }
    let flag = |path: &str| body.pointer(path).and_then(Value::as_bool);
    let is_off = match row.off {
        Off::NoSwitch | Off::EffortNone => false,
        Off::Disabled => kind == Some("disabled"),
        Off::EnableThinking | Off::Unstreamed => flag("/enable_thinking") == Some(false),
        Off::Template => flag("/chat_template_kwargs/enable_thinking") == Some(false),
    };
    let is_asked_to = row.off == Off::EnableThinking && flag("/enable_thinking") == Some(true);
    let default = row.thinks.or(is_asked_to.then_some("high")).unwrap_or("none");
    let sent = sent.filter(|_| !row.efforts.is_empty());
    Ok(if is_off { "none" } else { sent.unwrap_or(default) })
}

/// Groq's other models take no effort; Moonshot takes `none` of no model (pydantic providers/moonshotai.py).
fn takes(server: Server, row: &Served, effort: &str) -> bool {
    let ignores =
        row.efforts.is_empty() && server != Server::Groq && (server != Server::Kimi || effort != "none");
    ignores || row.efforts.contains(&effort)
}

fn always_thinks() -> Fault {
    Fault::invalid(
        "This model always engages in thinking and cannot be disabled; please use low, high, or max.",
    )
}

/// Words: charmbracelet/catwalk PR 603 (GLM), recorded `gemini-thinking-level-refused`, earendil-works/pi#1745 and
/// Lazarus-AI/clearwing PR 65 (Groq), Wei-Shaw/sub2api#4409's list and hermes-agent PR 23435's form (xAI). Those of
/// Moonshot are not told.
fn refused_effort(server: Server, row: &Served, effort: &str, model: &str) -> Fault {
    match server {
        Server::Glm => always_thinks(),
        Server::Gemini => {
            let level = if effort == "none" { "MINIMAL".to_owned() } else { effort.to_uppercase() };
            Fault::invalid(format!(
                "Thinking level {level} is not supported for this model. Please retry with other thinking level."
            ))
        }
        Server::Groq if row.efforts.is_empty() => {
            Fault::invalid("`reasoning_effort` is not supported with this model").of("reasoning_effort")
        }
        Server::Groq => {
            let words: Vec<String> = row.efforts.iter().map(|word| format!("`{word}`")).collect();
            Fault::invalid(format!("`reasoning_effort` must be one of {}", words.join(" or ")))
        }
        Server::Xai => Fault::invalid(format!("Model {model} does not support reasoningEffort {effort}.")),
        Server::OpenAi
        | Server::DeepSeek
        | Server::Qwen
        | Server::Kimi
        | Server::Mistral
        | Server::OpenRouter
        | Server::Ollama
        | Server::Vllm
        | Server::LlamaCpp
        | Server::LmStudio
        | Server::Unknown => Fault::invalid(format!("invalid reasoning_effort: {effort}")),
    }
}

/// Recorded `kimi-k3-temperature-refused`; Google's words are not told.
fn sampling(server: Server) -> Fault {
    Fault::invalid(match server == Server::Kimi {
        true => "invalid temperature: only 1 is allowed for this model",
        false => "Sampling parameters are not supported for this model.",
    })
}

/// Groq holds `strict` to OpenAI's rules ("Structured outputs").
fn strict(server: Server, body: &Value) -> Result<(), Fault> {
    let format = body.pointer("/response_format/json_schema").filter(|_| server == Server::Groq);
    match format {
        Some(format) => {
            openai::strict_form(format, format.get("schema"), "response_format", "response_format")
        }
        None => Ok(()),
    }
}

/// Calls that are shown back without what was thought before them. Recorded `deepseek-reasoning-content-missing`,
/// `kimi-reasoning-content-missing`, `gemini-thought-signature-missing`.
fn shown_back(server: Server, body: &Value) -> Result<(), Fault> {
    let calls = |message: &Value| list_at(message, "tool_calls").next().is_some();
    let is_bare =
        |field: &str| list_at(body, "messages").any(|message| calls(message) && message.get(field).is_none());
    let words = if server == Server::DeepSeek && is_bare("reasoning_content") {
        "The `reasoning_content` in the thinking mode must be passed back to the API."
    } else if server == Server::Kimi && is_bare("reasoning_content") {
        "thinking is enabled but reasoning_content is missing in assistant tool call message"
    } else if server == Server::Gemini
        && text_at(body, "model").starts_with("gemini-3")
        && is_bare("thought_signature")
    {
        "Function call is missing a thought_signature in functionCall parts."
    } else {
        return Ok(());
    };
    Err(Fault::invalid(words))
}

/// The way of the answer, by what becomes of the choice and the schema.
fn chosen(server: Server, row: &Served, body: &Value, is_thinking: bool) -> Result<Way, Fault> {
    if wants_schema(body) {
        return match row.schema {
            Choice::Taken => Ok(Way::Schema),
            Choice::Ignored => Ok(Way::Prose),
            Choice::Refused | Choice::RefusedThinking => Err(refused_schema(server)),
        };
    }
    let Some(forced) = forced(body).filter(|_| has_tools(body)) else { return Ok(way(body)) };
    let choice = match forced {
        Forced::Named => row.named,
        Forced::Required => row.required,
    };
    match choice {
        Choice::Taken => Ok(Way::Call),
        Choice::Ignored => Ok(Way::Prose),
        Choice::RefusedThinking if !is_thinking => Ok(Way::Call),
        Choice::Refused | Choice::RefusedThinking => Err(refused_choice(server, forced)),
    }
}

/// Words: llm-exe#662 (DeepSeek); Groq's page on structured outputs.
fn refused_schema(server: Server) -> Fault {
    Fault::invalid(match server == Server::Groq {
        true => "This model does not support response format `json_schema`.",
        false => "This response_format type is unavailable now",
    })
}

/// Recorded: `deepseek-*-while-thinking`, `qwen-forced-while-thinking`, `kimi-*-while-thinking`,
/// `groq-tool-use-failed-no-call`, `lmstudio-named-refused`.
fn refused_choice(server: Server, forced: Forced) -> Fault {
    match server {
        Server::Qwen => Fault::invalid(
            "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to \
             required or object in thinking mode",
        ),
        Server::Kimi => {
            let word = if forced == Forced::Named { "specified" } else { "required" };
            Fault::invalid(format!("tool_choice '{word}' is incompatible with thinking enabled"))
        }
        Server::Groq => {
            Fault::invalid("Tool choice is required, but model did not call a tool").coded("tool_use_failed")
        }
        Server::LmStudio => Fault::invalid(
            "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
        ),
        Server::OpenAi
        | Server::DeepSeek
        | Server::Glm
        | Server::Gemini
        | Server::Xai
        | Server::Mistral
        | Server::OpenRouter
        | Server::Ollama
        | Server::Vllm
        | Server::LlamaCpp
        | Server::Unknown => Fault::invalid("Thinking mode does not support this tool_choice"),
    }
}

/// The bound of the answer, by the field that the server knows: the newer name is ignored in silence by some.
pub(super) fn bound(server: Server, body: &Value) -> u64 {
    const OLD_ALONE: [Server; 3] = [Server::DeepSeek, Server::Qwen, Server::Glm];
    let newer = body.get("max_completion_tokens").filter(|_| !OLD_ALONE.contains(&server));
    newer.or_else(|| body.get("max_tokens")).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

/// The model that the answer tells (recorded `grok-3-mini-answered-by-grok-4-3`, `llamacpp-unknown-name-answers`).
pub(super) fn told(server: Server, model: &str) -> &str {
    if server == Server::Xai && model.starts_with("grok-3") {
        return "grok-4.3";
    }
    if server == Server::LlamaCpp { "/models/loaded.gguf" } else { model }
}
