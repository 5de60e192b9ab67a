//! What an error of a provider means: read tolerantly, told apart by codes and words, the same for all providers but where
//! one word means two things.
//!
//! Sources: types of PyPI anthropic 2.14.0 and openai 3.57.0; the service model of botocore 1.44.8; help.openai.com
//! "Spend limits"; api-docs.deepseek.com "Error codes"; help.aliyun.com "Error codes"; docs.z.ai "API codes";
//! openrouter.ai "Errors and debugging"; docs.mistral.ai "Error glossary"; console.groq.com "Errors"; recorded answers in
//! `recorded/`. Read 2026-12.

use http::header::{CONTENT_TYPE, LOCATION};
use serde_json::Value;

use super::capabilities::Endpoint;
use super::provider::Provider;
use super::reading::{list_at, text_at};
use crate::ports::ModelError;
use crate::retry_after;
use crate::time::{Millis, Timestamp};
use crate::transport::Response;

/// The largest answer that is read.
pub(super) const LARGEST_BODY: usize = 1024 * 1024;
/// How much of a provider's words is kept for people.
const EXCERPT: usize = 300;

/// Codes and types of an account that has to be paid for, or whose own limit is used up: waiting does not help.
const SPENT_CODES: [&str; 18] = [
    // Anthropic.
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
    "organization_on_hold",
    "billing_error",
    "user_profile_not_billable",
    // OpenAI. DashScope calls tokens a minute by the last one.
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    INSUFFICIENT_QUOTA,
    // Bedrock, Moonshot, DashScope.
    "ServiceQuotaExceededException",
    "exceeded_current_quota_error",
    "Arrearage",
    "AllocationQuota.FreeTierOnly",
];
const INSUFFICIENT_QUOTA: &str = "insufficient_quota";
/// Z.ai: no balance, and the limits of its plans.
const SPENT_AT_ZAI: [&str; 14] = [
    "1113", "1308", "1309", "1310", "1311", "1313", "1314", "1315", "1316", "1317", "1318", "1319", "1320",
    "1321",
];
/// A budget at OpenRouter that other questions use right now: 402 that passes.
const IN_FLIGHT: &str = "openrouter_in_flight_budget";

/// The same in words, in small letters.
const SPENT_WORDS: [&str; 16] = [
    "api usage limits",
    "credit balance is too low",
    "usage credits are required",
    // Bedrock; OpenAI and Groq say "on tokens per day (TPD)" of a wait of minutes.
    "too many tokens per day",
    "invalid_payment_instrument",
    "insufficient balance",
    "run out of balance",
    "[1113]",
    "account is in good standing",
    "free quota has been exhausted",
    "used all available credits",
    "monthly spending limit",
    "any credits or licenses",
    "run out of credits",
    "insufficient credits",
    // Google's `quotaId`.
    "perday",
];

/// Words of a refusal of this question alone: its content, or its length.
const OF_THE_QUESTION: [&str; 23] = [
    "content_policy",
    "content policy",
    "content_filter",
    "content filter",
    "data_inspection_failed",
    "moderation",
    // DeepSeek, Z.ai, DashScope.
    "content exists risk",
    "sensitive content",
    "inappropriate",
    // xAI.
    "prompt length",
    "flagged",
    "invalid_prompt",
    "safety",
    "too long",
    "too large",
    "context length",
    "context_length",
    "context size",
    "exceed_context_size",
    "input token",
    "range of input length",
    "model token limit",
    "no user query found",
];

/// Words of a bound or a parameter that every question has: whatever else is said of its length.
const OF_EVERY_QUESTION: [&str; 4] =
    ["max_tokens", "max_completion_tokens", "max_output_tokens", "unsupported parameter"];

/// What llama.cpp's server says with 500 of a request that it does not take (recorded).
const UNFIT_WORDS: [&str; 2] = ["--jinja", "json_schema and grammar"];

/// An error as its provider tells it, every part of which may be missing.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Codes, types and kinds, in the order in which they stand.
    codes: Vec<String>,
    /// Its words, for people.
    words: String,
    /// Whether it names the source of a limit, as OpenRouter does.
    has_limit_source: bool,
}

impl Told {
    /// Reads an error body: an object, an array with one error (Gemini), a text (xAI, LM Studio), or flat (Mistral), with
    /// codes as texts or numbers.
    pub(super) fn read(response: &Response) -> Told {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        let mut told = Told::of(&body);
        let kind = response.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        if let Some(kind) = kind {
            told.codes.insert(0, bare(kind));
        }
        if told.words.is_empty() {
            told.words = excerpt(response.body());
        }
        told
    }

    /// The error in `body`.
    pub(super) fn of(body: &Value) -> Told {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let code = |path: &str| {
            let value = error.pointer(path)?;
            value.as_str().map(bare).or_else(|| value.as_i64().map(|code| code.to_string()))
        };
        let paths = ["/details/error_code", "/metadata/limit_source", "/code", "/type", "/status", "/__type"];
        let mut codes: Vec<String> = paths.iter().filter_map(|path| code(path)).collect();
        // Google's reasons stand in a list beside the message.
        for detail in list_at(error, "/details") {
            codes.extend(text_at(detail, "/reason").map(str::to_owned));
            for violation in list_at(detail, "/violations") {
                codes.extend(text_at(violation, "/quotaId").map(str::to_owned));
            }
        }
        // Beside an error that is a text stands its code.
        codes.extend(text_at(body, "/code").filter(|_| error.is_string()).map(str::to_owned));
        let paths = ["/message", "/Message", "/detail", "/msg", "/error"];
        let words = paths.iter().find_map(|path| error.pointer(path)).unwrap_or(error);
        let mut words = match words {
            Value::String(words) => words.clone(),
            Value::Object(_) | Value::Array(_) if words != error => words.to_string(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                String::new()
            }
        };
        // OpenRouter passes the words of the provider behind it on in a field of their own.
        if let Some(raw) = text_at(error, "/metadata/raw") {
            words = format!("{words}: {raw}");
        }
        let has_limit_source = text_at(error, "/metadata/limit_source").is_some();
        Told { codes, words: shorten(&words), has_limit_source }
    }

    fn has_code(&self, wanted: &str) -> bool {
        self.codes.iter().any(|code| code == wanted)
    }

    fn says(&self, words: &[&str]) -> bool {
        let said = format!("{} {}", self.words, self.codes.join(" ")).to_lowercase();
        words.iter().any(|one| said.contains(one))
    }

    /// For people: the status and the provider's own words.
    fn text(&self, status: u16) -> String {
        let code = self.codes.first().filter(|code| !self.words.contains(code.as_str()));
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        match status {
            200 => format!("{}{code}", self.words),
            _ => format!("HTTP {status}: {}{code}", self.words),
        }
    }

    fn has_any(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.has_code(code))
    }

    /// A limit that waiting does not lift.
    fn is_spent(&self, status: u16, provider: Provider) -> bool {
        if self.has_code(IN_FLIGHT) || (provider == Provider::Qwen && self.has_code(INSUFFICIENT_QUOTA)) {
            return false;
        }
        // The limits of OpenRouter's workspaces, keys and guardrails have a source; a moderated question has none.
        let is_limit = provider == Provider::OpenRouter && status == 403 && self.has_limit_source;
        let is_zai = matches!(status, 200 | 429) && self.has_any(&SPENT_AT_ZAI);
        let is_googles = self.has_code("FAILED_PRECONDITION") && self.says(&["billing"]);
        let is_said = matches!(status, 200 | 400 | 403 | 429) && self.says(&SPENT_WORDS);
        self.has_any(&SPENT_CODES) || status == 402 || is_limit || is_zai || is_googles || is_said
    }

    /// By its code, or in the words of servers that have none.
    fn is_no_such_model(&self) -> bool {
        const CODES: [&str; 4] = ["model_not_found", "ModelNotFound", "invalid_model", "1211"];
        let is_anthropics = self.has_code("not_found_error") && self.words.starts_with("model:");
        is_anthropics
            || self.has_any(&CODES)
            || self.has_code("ResourceNotFoundException")
            || says_no_such_model(&self.words)
    }

    /// A key that its provider does not know. Google and xAI say so with 400.
    fn is_of_key(&self, status: u16) -> bool {
        const CODES: [&str; 3] =
            ["UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"];
        status == 401
            || self.has_any(&CODES)
            || (status == 400
                && (self.has_code("API_KEY_INVALID")
                    || self.says(&["incorrect api key", "api key not valid"])))
    }

    fn is_overload(&self, status: u16) -> bool {
        const CODES: [&str; 7] = [
            "capacity_exceeded",
            "engine_overloaded_error",
            "1305",
            "server_is_overloaded",
            "ModelNotReadyException",
            "ServiceUnavailableException",
            "overloaded_error",
        ];
        status == 529
            || self.has_any(&CODES)
            || (status == 503 && self.says(&["overloaded", "slow down", "unavailable", "busy"]))
    }

    fn is_throttle(&self, status: u16) -> bool {
        const CODES: [&str; 5] = [
            "rate_limit_exceeded",
            "rate_limit_error",
            "slow_down",
            "ThrottlingException",
            "RESOURCE_EXHAUSTED",
        ];
        status == 429 || self.has_any(&CODES)
    }
}

/// What a status that is no success means.
pub(super) fn failure(response: &Response, provider: Provider, now: Timestamp) -> ModelError {
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
        return ModelError::Unfit(format!("HTTP {status}: it has moved to {to}; set that address"));
    }
    meaning(&Told::read(response), status, provider, || wait(response, now))
}

/// What an error means, whichever status it came with: 200 where it stands inside an answer.
fn meaning(
    told: &Told,
    status: u16,
    provider: Provider,
    wait: impl FnOnce() -> Option<Millis>,
) -> ModelError {
    let text = told.text(status);
    let coded: Option<u16> = told.codes.iter().find_map(|code| code.parse().ok());
    // Inside an answer the error's own number is its status.
    let status =
        if status == 200 { coded.filter(|code| (400..600).contains(code)).unwrap_or(200) } else { status };
    if told.is_spent(status, provider) {
        return ModelError::SpendLimit(text);
    }
    if matches!(status, 200 | 400..=499) && status != 429 && told.is_no_such_model() {
        return ModelError::NoSuchModel(text);
    }
    if told.is_overload(status) {
        return ModelError::Overloaded;
    }
    if told.is_throttle(status) || told.has_code(IN_FLIGHT) {
        return ModelError::Throttled { wait: wait() };
    }
    if told.is_of_key(status) {
        return ModelError::Refused { status: 401, text };
    }
    match status {
        200 | 400..=500 if told.says(&OF_THE_QUESTION) && !told.says(&OF_EVERY_QUESTION) => {
            let status = if (400..500).contains(&status) { status } else { 400 };
            ModelError::Refused { status, text }
        }
        200 => ModelError::NotAnswered(text),
        408 | 424 | 499 => ModelError::Unavailable(text),
        500 if told.says(&UNFIT_WORDS) => ModelError::Unfit(text),
        // The model's own fault, which may not happen again (Groq, "tool_use_failed").
        400 if told.has_code("tool_use_failed") => ModelError::NotAnswered(text),
        // A form that this model or server does not take, or an account that may not ask it.
        400 | 403 | 404 | 405 | 406 | 415 | 422 => ModelError::Unfit(text),
        401..=499 => ModelError::Refused { status, text },
        _ => ModelError::Unavailable(text),
    }
}

/// A body with status 200 that is no answer, if it is none.
pub(super) fn no_answer(
    response: &Response,
    endpoint: Endpoint,
    provider: Provider,
    now: Timestamp,
) -> Option<ModelError> {
    let body = response.body();
    if body.len() > LARGEST_BODY {
        return Some(ModelError::Unavailable(format!("the answer has more than {LARGEST_BODY} bytes")));
    }
    let start = body.trim_ascii_start();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/event-stream")
        || [&b"data:"[..], b"event:", b":"].iter().any(|it| start.starts_with(it))
    {
        return Some(ModelError::Unavailable("a stream came that nobody asked for".to_owned()));
    }
    if start.starts_with(b"<") {
        return Some(ModelError::NotAnswered(format!("a web page came: {}", excerpt(body))));
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return Some(ModelError::Unavailable(format!("not JSON: {}", excerpt(body))));
    };
    let inside = |value: &Value| meaning(&Told::of(value), 200, provider, || wait(response, now));
    if says_error(&json) || text_at(&json, "/type") == Some("error") {
        return Some(inside(&json));
    }
    let choice = list_at(&json, "/choices").first();
    let nothing = |what: &str| Some(ModelError::NotAnswered(format!("{what}: {}", excerpt(body))));
    match endpoint {
        Endpoint::Chat => match choice {
            None => nothing("an answer without choices"),
            Some(choice) if says_error(choice) => Some(inside(choice)),
            // OpenRouter; DeepSeek ("Create chat completion"); Z.ai ("Chat completion").
            Some(choice)
                if matches!(
                    text_at(choice, "/finish_reason"),
                    Some("error" | "insufficient_system_resource" | "network_error")
                ) =>
            {
                nothing("it stopped for an error of the provider")
            }
            Some(choice) if choice.get("message").is_none_or(|message| !message.is_object()) => {
                nothing("a choice without a message")
            }
            Some(_) => None,
        },
        Endpoint::Messages if !json.get("content").is_some_and(Value::is_array) => nothing("no content"),
        Endpoint::Converse if !json.pointer("/output/message").is_some_and(Value::is_object) => {
            nothing("no message")
        }
        Endpoint::Responses
            if matches!(text_at(&json, "/status"), Some("queued" | "in_progress" | "cancelled")) =>
        {
            Some(ModelError::Unavailable("the answer is not finished".to_owned()))
        }
        Endpoint::Responses if !json.get("output").is_some_and(Value::is_array) => nothing("no output"),
        Endpoint::Messages | Endpoint::Converse | Endpoint::Responses => None,
    }
}

/// Whether an error stands in it that says something: some proxies send an empty one beside a whole answer.
fn says_error(value: &Value) -> bool {
    let is_code = |code: &Value| {
        code.as_i64().is_some_and(|code| code != 0) || code.as_str().is_some_and(|code| !code.is_empty())
    };
    match value.get("error") {
        Some(Value::String(words)) => !words.is_empty(),
        Some(Value::Object(fields)) => {
            let says =
                |name: &str| fields.get(name).and_then(Value::as_str).is_some_and(|words| !words.is_empty());
            says("message") || says("type") || fields.get("code").is_some_and(is_code)
        }
        Some(Value::Array(errors)) => !errors.is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => false,
    }
}

/// How long it asks to wait: in a header, or in the body (Google's `retryDelay`, "14s"; Moonshot's "try again after 1
/// seconds").
fn wait(response: &Response, now: Timestamp) -> Option<Millis> {
    retry_after::wait(response.headers(), now).or_else(|| {
        let body = String::from_utf8_lossy(response.body());
        let after = |words: &str| {
            let rest = body.split_once(words)?.1.trim_start_matches([' ', '"', ':']);
            let number: String =
                rest.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect();
            let unit = rest.strip_prefix(number.as_str())?.trim_start();
            unit.starts_with('s').then(|| retry_after::seconds(&number)).flatten()
        };
        after("retryDelay").or_else(|| after("try again after")).or_else(|| after("try again in"))
    })
}

/// Whether a refusal's words say that the model is not there, as the providers and the servers that imitate them spell it:
/// the model is named first, then what became of it. They come with 400, 403, 404 or 410.
fn says_no_such_model(words: &str) -> bool {
    const GONE: [&str; 11] = [
        "does not exist",
        "not found",
        "deprecated",
        "decommissioned",
        "retired",
        "no longer available",
        "end of its life",
        "identifier is invalid",
        "on-demand throughput",
        "not supported in this region",
        "use case details have not been submitted",
    ];
    const NAMED: [&str; 7] = [
        "access to the model",
        "not found the model",
        "is not a valid model",
        "supported api model names are",
        "invalid model",
        "unknown model",
        "use case details have not been submitted",
    ];
    let words = words.to_lowercase();
    let is_gone = |rest: &str| GONE.iter().any(|gone| rest.contains(gone));
    NAMED.iter().any(|named| words.contains(named))
        // A parameter that is deprecated for a model is not the model.
        || (!words.contains("deprecated for this model")
            && words.split_once("model").is_some_and(|(_, rest)| is_gone(rest)))
}

/// `ThrottlingException:http://…` and `com.amazon#ThrottlingException` as the bare type.
fn bare(kind: &str) -> String {
    let kind = kind.split_once(":http").map_or(kind, |(kind, _)| kind);
    kind.rsplit_once('#').map_or(kind, |(_, kind)| kind).to_owned()
}

/// The beginning of a body that says nothing in the provider's own form.
fn excerpt(body: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(body))
}

fn shorten(words: &str) -> String {
    words.chars().map(|char| if char.is_control() { ' ' } else { char }).take(EXCERPT).collect()
}
