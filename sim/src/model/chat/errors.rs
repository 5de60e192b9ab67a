//! Faults as each server spells them: status, code, words and envelope.

use serde_json::{Value, json};

use crate::model::fault::{Fault, Kind};
use crate::model::rules::Server;
use crate::model::wire::{Ids, put, respond};
use crate::service::Response;

/// One error: its status, type, code and words, in which `{}` stands for the model or the seconds to wait.
#[derive(Debug, Clone, Copy)]
struct Told(u16, &'static str, &'static str, &'static str);

/// What a server says of each kind of fault.
struct Errors {
    invalid: Told,
    key: Told,
    model: Told,
    rate: Told,
    spent: Told,
    busy: Told,
}

const INVALID: &str = "invalid_request_error";
const NO_MODEL: &str = "The model `{}` does not exist or you do not have access to it.";
/// A server on its user's own machine knows neither money nor rates (recorded and documented: 503 alone).
const LOCAL_BUSY: Told =
    Told(503, "server_error", "", "server busy, please try again.  maximum pending requests exceeded");

/// Recorded and reported, as `shared/src/model/recorded/` names each; a code without words there has words of ours.
fn errors(server: Server) -> Errors {
    match server {
        Server::OpenAi => Errors {
            invalid: Told(400, INVALID, "", "{}"),
            key: Told(401, INVALID, "invalid_api_key", "{}"),
            model: Told(404, INVALID, "model_not_found", NO_MODEL),
            rate: Told(429, "tokens", "rate_limit_exceeded", "Rate limit reached. Please try again in {}s."),
            spent: Told(
                429,
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota, please check your plan and billing details.",
            ),
            busy: Told(
                503,
                "service_unavailable_error",
                "server_is_overloaded",
                "The engine is currently overloaded, please try again later",
            ),
        },
        Server::DeepSeek => Errors {
            invalid: Told(400, INVALID, INVALID, "{}"),
            key: Told(
                401,
                "authentication_error",
                INVALID,
                "Authentication Fails, Your api key: ****-key is invalid",
            ),
            model: Told(
                400,
                INVALID,
                INVALID,
                "The supported API model names are deepseek-v4-pro or deepseek-v4-flash, but you passed {}.",
            ),
            rate: Told(429, "unknown_error", "rate_limit", "Rate limit reached, please pace your requests."),
            spent: Told(402, "unknown_error", INVALID, "Insufficient Balance"),
            busy: Told(503, "unknown_error", "service_unavailable", "The server is overloaded."),
        },
        Server::Qwen => Errors {
            invalid: Told(400, INVALID, "invalid_parameter_error", "{}"),
            key: Told(401, INVALID, "invalid_api_key", "Incorrect API key provided."),
            model: Told(404, INVALID, "model_not_found", NO_MODEL),
            rate: Told(
                429,
                "limit_requests",
                "limit_requests",
                "Requests rate limit exceeded, please try again later.",
            ),
            spent: Told(
                400,
                "Arrearage",
                "Arrearage",
                "Access denied, please make sure your account is in good standing.",
            ),
            busy: Told(
                503,
                "ServiceUnavailable",
                "ServiceUnavailable",
                "The service is unavailable, too busy.",
            ),
        },
        Server::Kimi => Errors {
            invalid: Told(400, INVALID, "", "{}"),
            key: Told(401, "invalid_authentication_error", "", "Invalid Authentication"),
            model: Told(404, "resource_not_found_error", "", "Not found the model {} or Permission denied"),
            rate: Told(
                429,
                "rate_limit_reached_error",
                "",
                "Your account org-1 request reached max request: 3, please try again after {} seconds",
            ),
            spent: Told(
                429,
                "exceeded_current_quota_error",
                "",
                "Your account org-1 <ak-1> is suspended due to insufficient balance, please recharge your account or \
                 check your plan and billing details",
            ),
            busy: Told(
                429,
                "engine_overloaded_error",
                "",
                "The engine is currently overloaded, please try again later",
            ),
        },
        Server::Glm => Errors {
            invalid: Told(400, "", "1210", "{}"),
            key: Told(401, "", "1000", "Authentication Failed"),
            model: Told(400, "", "1211", "Unknown Model, please check the model code."),
            rate: Told(
                429,
                "",
                "1302",
                "High concurrency usage of this API, please reduce concurrency or contact customer service to increase \
                 limits",
            ),
            spent: Told(429, "", "1113", "Insufficient balance or no resource package. Please recharge."),
            busy: Told(429, "", "1305", "The service may be temporarily overloaded, please try again later"),
        },
        Server::Gemini => Errors {
            invalid: Told(400, "INVALID_ARGUMENT", "", "{}"),
            key: Told(
                400,
                "INVALID_ARGUMENT",
                "API_KEY_INVALID",
                "API key not valid. Please pass a valid API key.",
            ),
            model: Told(404, "NOT_FOUND", "", "models/{} is not found for API version v1main"),
            rate: Told(
                429,
                "RESOURCE_EXHAUSTED",
                "",
                "You exceeded your current quota, please check your plan.",
            ),
            spent: Told(402, "RESOURCE_EXHAUSTED", "", "Your prepayment credits are depleted."),
            busy: Told(503, "UNAVAILABLE", "", "The model is overloaded. Please try again later."),
        },
        Server::Xai => Errors {
            invalid: Told(400, "", "invalid-argument", "{}"),
            key: Told(
                400,
                "",
                "invalid-argument",
                "Incorrect API key provided. You can obtain an API key from https://console.x.ai.",
            ),
            model: Told(400, "", "invalid-argument", "Model not found: {}"),
            rate: Told(429, "", "resource-exhausted", "Too many requests, please slow down."),
            spent: Told(
                403,
                "",
                "permission-denied",
                "Your team 00000000-0000-0000-0000-000000000000 has either used all available credits or reached its \
                 monthly spending limit. To continue making API requests, please purchase more credits or raise your \
                 spending limit.",
            ),
            busy: Told(
                503,
                "",
                "unavailable",
                "The service is currently unavailable, the model is overloaded.",
            ),
        },
        Server::Mistral => Errors {
            invalid: Told(400, "invalid_request_invalid_args", "3051", "{}"),
            key: Told(401, "", "", "Invalid API Key"),
            model: Told(400, "invalid_model", "1500", "Invalid model: {}"),
            rate: Told(429, "rate_limited", "1300", "Rate limit exceeded"),
            spent: Told(402, "payment_required", "1900", "Payment required"),
            busy: Told(503, "service_unavailable", "3500", "Service is unavailable, overloaded"),
        },
        Server::Groq => Errors {
            invalid: Told(400, INVALID, "", "{}"),
            key: Told(401, INVALID, "invalid_api_key", "Invalid API Key"),
            model: Told(404, INVALID, "model_not_found", NO_MODEL),
            rate: Told(
                429,
                "tokens",
                "rate_limit_exceeded",
                "Rate limit reached on tokens per minute (TPM). Please try again in {}s.",
            ),
            // Its plans have limits of a day alone.
            spent: Told(402, INVALID, "", "Your spend limit has been reached."),
            busy: Told(503, "internal_server_error", "", "Service is over capacity and unavailable."),
        },
        Server::OpenRouter => Errors {
            invalid: Told(400, "", "", "{}"),
            key: Told(401, "", "", "No auth credentials found"),
            model: Told(400, "", "", "{} is not a valid model ID"),
            rate: Told(429, "", "", "Provider returned error"),
            spent: Told(
                402,
                "",
                "openrouter_credits",
                "This request requires more credits, or fewer max_tokens. To increase, visit \
                 https://openrouter.ai/settings/credits",
            ),
            busy: Told(503, "", "", "No provider is available, all are overloaded"),
        },
        Server::Ollama => Errors {
            invalid: Told(400, INVALID, "", "{}"),
            key: Told(401, INVALID, "", "unauthorized"),
            model: Told(404, "not_found_error", "", "model '{}' not found"),
            rate: LOCAL_BUSY,
            spent: LOCAL_BUSY,
            busy: LOCAL_BUSY,
        },
        Server::Vllm => Errors {
            invalid: Told(400, "BadRequestError", "400", "{}"),
            key: Told(401, "Unauthorized", "401", "Unauthorized"),
            model: Told(404, "NotFoundError", "404", "The model `{}` does not exist."),
            rate: LOCAL_BUSY,
            spent: LOCAL_BUSY,
            busy: LOCAL_BUSY,
        },
        Server::LlamaCpp => Errors {
            invalid: Told(400, INVALID, "400", "{}"),
            key: Told(401, "authentication_error", "401", "Invalid API Key"),
            model: Told(404, "not_found_error", "404", "model {} not found"),
            rate: Told(503, "unavailable_error", "503", "Loading model, server busy"),
            spent: Told(503, "unavailable_error", "503", "Loading model, server busy"),
            busy: Told(503, "unavailable_error", "503", "Loading model, server busy"),
        },
        Server::LmStudio | Server::Unknown => Errors {
            invalid: Told(400, INVALID, "", "{}"),
            key: Told(401, INVALID, "", "unauthorized"),
            model: Told(404, INVALID, "model_not_found", "Model {} not found"),
            rate: LOCAL_BUSY,
            spent: LOCAL_BUSY,
            busy: LOCAL_BUSY,
        },
    }
}

/// What is used up for today, where a provider says so. Recorded and reported: `openai-tokens-per-day`,
/// `groq-tokens-per-day`, `gemini-exhausted-per-day`. Others have no such limit, and their money is used up.
fn daily(server: Server, spent: Told) -> Told {
    const WORDS: &str = "Rate limit reached on tokens per day (TPD): Limit 100000, Used 99999, Requested 3619. Please \
                         try again in 9m38.016s.";
    if matches!(server, Server::OpenAi | Server::Groq) {
        return Told(429, "tokens", "rate_limit_exceeded", WORDS);
    }
    match server == Server::Gemini {
        true => Told(
            429,
            "RESOURCE_EXHAUSTED",
            "PerDay",
            "You exceeded your current quota, please check your plan.",
        ),
        false => spent,
    }
}

/// A fault in its envelope.
pub(in crate::model) fn fault(server: Server, fault: &Fault, ids: Ids) -> Response {
    let errors = errors(server);
    let Told(status, kind, code, words) = match fault.kind {
        Kind::Invalid | Kind::Upstream => errors.invalid,
        Kind::Unprocessable => Told(422, INVALID, "", "{}"),
        Kind::Internal => Told(500, "api_error", "", "{}"),
        Kind::Unroutable | Kind::NotFound => Told(404, INVALID, "", "{}"),
        Kind::Unauthenticated => errors.key,
        Kind::NoSuchModel | Kind::Gone => errors.model,
        Kind::RateLimit { .. } => errors.rate,
        Kind::DailyLimit => daily(server, errors.spent),
        Kind::SpendLimit => errors.spent,
        Kind::Overloaded => errors.busy,
    };
    let seconds = match fault.kind {
        Kind::RateLimit { seconds } => seconds.to_string(),
        Kind::Invalid
        | Kind::Unprocessable
        | Kind::Internal
        | Kind::Unroutable
        | Kind::Upstream
        | Kind::Unauthenticated
        | Kind::NotFound
        | Kind::NoSuchModel
        | Kind::Gone
        | Kind::DailyLimit
        | Kind::SpendLimit
        | Kind::Overloaded => String::new(),
    };
    let about = if seconds.is_empty() { &fault.message } else { &seconds };
    let told = Spelled {
        status,
        kind,
        code: fault.code.unwrap_or(code),
        words: words.replace("{}", about),
        fault,
        seconds: &seconds,
    };
    let id = ids.make("req");
    let mut headers = vec![("x-request-id", id.as_str())];
    let millis = format!("{seconds}000");
    if !seconds.is_empty() && status == 429 {
        match server {
            Server::OpenAi => headers.push(("retry-after-ms", &millis)),
            Server::Mistral | Server::Groq | Server::OpenRouter => headers.push(("retry-after", &seconds)),
            // Nothing, or in the body.
            Server::DeepSeek
            | Server::Qwen
            | Server::Kimi
            | Server::Glm
            | Server::Gemini
            | Server::Xai
            | Server::Ollama
            | Server::Vllm
            | Server::LlamaCpp
            | Server::LmStudio
            | Server::Unknown => {}
        }
    }
    respond(status, &envelope(server, &told), &headers)
}

/// An error about to be put into an envelope.
struct Spelled<'a> {
    status: u16,
    kind: &'static str,
    code: &'static str,
    words: String,
    fault: &'a Fault,
    seconds: &'a str,
}

/// The envelope: an object, an array with one (Google), a text (xAI, LM Studio), or flat (Mistral), with codes as texts or
/// numbers.
fn envelope(server: Server, told: &Spelled<'_>) -> Value {
    let Spelled { status, kind, code, words, fault, .. } = told;
    let code_or_null = Some(code).filter(|code| !code.is_empty());
    match server {
        Server::OpenAi | Server::DeepSeek | Server::Ollama | Server::Unknown => {
            json!({"error": {"message": words, "type": kind, "param": fault.param, "code": code_or_null}})
        }
        Server::Qwen => json!({
            "error": {"message": words, "type": kind, "param": null, "code": code},
            "request_id": "x1",
        }),
        Server::Kimi => json!({"error": {"message": words, "type": kind}}),
        Server::Groq => json!({"error": groq(told)}),
        Server::Glm => json!({"error": {"code": code, "message": words}}),
        Server::Gemini => json!([{"error": gemini(told)}]),
        Server::Xai => json!({"code": code, "error": words}),
        Server::LmStudio => json!({"error": words}),
        Server::Mistral if *status == 401 => json!({"detail": words}),
        Server::Mistral if *status == 422 => json!({
            "object": "error",
            "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", fault.param], "msg": words}]},
            "type": INVALID,
            "param": null,
            "code": null,
        }),
        Server::Mistral => json!({
            "object": "error",
            "message": words,
            "type": kind,
            "param": null,
            "code": code,
            "raw_status_code": status,
        }),
        Server::OpenRouter => json!({"error": router(told), "user_id": "x1"}),
        Server::Vllm | Server::LlamaCpp => {
            json!({"error": {"message": words, "type": kind, "param": fault.param, "code": status}})
        }
    }
}

fn groq(told: &Spelled<'_>) -> Value {
    let mut error = json!({"message": told.words, "type": told.kind});
    if !told.code.is_empty() {
        put(&mut error, "code", json!(told.code));
    }
    if told.code == "tool_use_failed" {
        put(&mut error, "failed_generation", json!("maybe"));
    }
    error
}

fn gemini(told: &Spelled<'_>) -> Value {
    let details = match told.code {
        "API_KEY_INVALID" => {
            Some(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}))
        }
        "PerDay" => Some(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
        })),
        _ if !told.seconds.is_empty() => Some(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", told.seconds),
        })),
        _ => None,
    };
    let mut error = json!({"code": told.status, "message": told.words, "status": told.kind});
    if let Some(details) = details {
        put(&mut error, "details", json!([details]));
    }
    error
}

/// OpenRouter passes the words of who refuses on in `metadata.raw`, and tells a limit's source.
fn router(told: &Spelled<'_>) -> Value {
    let mut error = json!({"code": told.status, "message": told.words});
    if told.fault.kind == Kind::Upstream {
        let raw = json!({"type": "error", "error": {"type": INVALID, "message": told.words}}).to_string();
        put(&mut error, "message", json!("Provider returned error"));
        put(&mut error, "metadata", json!({"raw": raw, "provider_name": "Simulated"}));
    } else if !told.code.is_empty() {
        put(&mut error, "metadata", json!({"limit_source": told.code}));
    }
    error
}
