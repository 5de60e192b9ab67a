//! Every listed model, asked as our table of capabilities says and as one would ask without it.
//!
//! The first must be answered by the fake with one decision. Then each special treatment of a row is put back to its naive
//! value, one at a time: the fake must refuse it or give no decision, or the treatment stands in [`HARMLESS`] with the
//! reason for it. Naive is: the provider's native endpoint (OpenAI: Chat Completions), a tool that is named as the one to
//! call, `strict`, temperature 0, one call at most, `max_tokens`, no word about thinking or the cache, and 400 tokens.

use std::collections::BTreeSet;

use shared::model::capabilities::{ROWS, Row};
use shared::model::{Ask, Capabilities, Endpoint, Provider, Servers, Thinking, other};
use shared::ports::{ModelError, Question, Reply, Stop};

use super::clients::{Scene, question, read, scene, takes};
use super::*;

/// The bound of an answer that we once had for every model.
const NAIVE_BOUND: u32 = 400;

/// A treatment that a row may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Treatment {
    Endpoint,
    Ask,
    Strict,
    Thinking,
    Temperature,
    OneCall,
    MaxField,
    ExplicitCache,
    AnswerTokens,
}

const TREATMENTS: [Treatment; 9] = [
    Treatment::Endpoint,
    Treatment::Ask,
    Treatment::Strict,
    Treatment::Thinking,
    Treatment::Temperature,
    Treatment::OneCall,
    Treatment::MaxField,
    Treatment::ExplicitCache,
    Treatment::AnswerTokens,
];

/// Models of each family that a row with `*` stands for; the first shows the row's treatments.
const FAMILIES: &[(Provider, &str, &[&str])] = &[
    (
        Provider::Bedrock,
        "anthropic.claude-fable-5*",
        &["anthropic.claude-fable-5-2", "anthropic.claude-fable-5"],
    ),
    (
        Provider::Bedrock,
        "anthropic.claude-mythos-5*",
        &["anthropic.claude-mythos-5-1", "anthropic.claude-mythos-5"],
    ),
    (
        Provider::Bedrock,
        "openai.gpt-5.6-*",
        &["openai.gpt-5.6-luna", "openai.gpt-5.6-sol", "openai.gpt-5.6-terra"],
    ),
    (Provider::Bedrock, "openai.gpt-6-*", &["openai.gpt-6-luna", "openai.gpt-6-sol"]),
    (Provider::Bedrock, "openai.gpt-oss-*", &["openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0"]),
    (Provider::Bedrock, "xai.grok-4*", &["xai.grok-4.6", "xai.grok-4.7"]),
    (Provider::Bedrock, "zai.glm-*", &["zai.glm-5", "zai.glm-4.7-flash"]),
    (Provider::Bedrock, "moonshotai.kimi-*", &["moonshotai.kimi-k2.5"]),
    (Provider::Bedrock, "qwen.qwen3*", &["qwen.qwen3-32b-v1:0"]),
    // R1 takes no tools at all (langchain-ai/langchain-aws#447).
    (Provider::Bedrock, "deepseek.*", &["deepseek.v3.2"]),
    (Provider::Bedrock, "meta.llama4*", &["meta.llama4-scout-17b-instruct-v1:0"]),
    (Provider::Bedrock, "meta.llama*", &["meta.llama3-3-70b-instruct-v1:0"]),
    (Provider::Qwen, "qwen3-coder*", &["qwen3-coder-plus"]),
    (Provider::Qwen, "qwen3.8-*", &["qwen3.8-max", "qwen3.8-flash"]),
    (Provider::Qwen, "qwen3.7-*", &["qwen3.7-plus", "qwen3.7-max"]),
    (Provider::Qwen, "qwen3*", &["qwen3-32b", "qwen3-max", "qwen3.5-plus"]),
    (Provider::Kimi, "kimi-k2.7-code*", &["kimi-k2.7-code", "kimi-k2.7-code-highspeed"]),
    (Provider::Glm, "glm-5.3*", &["glm-5.3", "glm-5.3-flash"]),
    (Provider::Glm, "glm-5.2*", &["glm-5.2"]),
    (Provider::Glm, "glm-5*", &["glm-5"]),
    (Provider::Glm, "glm-4*", &["glm-4.7", "glm-4.5-air"]),
    (Provider::Gemini, "gemini-2.5-flash*", &["gemini-2.5-flash", "gemini-2.5-flash-lite"]),
    (Provider::Gemini, "gemini-3.5-*", &["gemini-3.5-flash-lite", "gemini-3.5-flash"]),
    (Provider::Gemini, "gemini-3.6-*", &["gemini-3.6-flash"]),
    (Provider::Gemini, "gemini-3.8-*", &["gemini-3.8-flash"]),
    (Provider::Mistral, "mistral-large*", &["mistral-large-4", "mistral-large-latest"]),
    (Provider::Mistral, "mistral-medium*", &["mistral-medium-3.5"]),
    (Provider::Mistral, "mistral-small*", &["mistral-small-latest"]),
    (Provider::Groq, "qwen/qwen3*", &["qwen/qwen3.8-27b", "qwen/qwen3-32b"]),
    (Provider::Groq, "llama*", &["llama-3.3-70b-versatile"]),
    (
        Provider::OpenRouter,
        "anthropic/claude-fable*",
        &["anthropic/claude-fable-5.2", "anthropic/claude-fable-5"],
    ),
    (Provider::OpenRouter, "anthropic/claude-mythos*", &["anthropic/claude-mythos-5.1"]),
    (
        Provider::OpenRouter,
        "anthropic/claude-*",
        &["anthropic/claude-opus-4.8", "anthropic/claude-haiku-5.5", "anthropic/claude-sonnet-4.6"],
    ),
    (
        Provider::OpenRouter,
        "openai/gpt-*",
        &["openai/gpt-5.6-luna", "openai/gpt-6-astra", "openai/gpt-4.1-mini"],
    ),
    (Provider::OpenRouter, "google/gemini-*", &["google/gemini-3.6-flash", "google/gemini-2.5-flash"]),
    (Provider::Ollama, "*", &["qwen3:0.6b", "gpt-oss:20b"]),
    (Provider::Vllm, "openai/gpt-oss*", &["openai/gpt-oss-120b"]),
    (Provider::Vllm, "google/gemma-4*", &["google/gemma-4-26B-A4B-it"]),
    (Provider::Vllm, "*", &["Qwen/Qwen3-32B", "meta-llama/Llama-4-Scout"]),
    (Provider::LlamaCpp, "*", &["Qwen3-1.7B-Q4_K_M"]),
    (Provider::LmStudio, "*", &["qwen3-30b-a3b"]),
];

/// A treatment whose naive value is taken as well, of these rows, and why ours is sent all the same.
struct Harmless {
    treatment: Treatment,
    of: fn(&Row) -> bool,
    why: &'static str,
}

const fn harmless(treatment: Treatment, of: fn(&Row) -> bool, why: &'static str) -> Harmless {
    Harmless { treatment, of, why }
}

const HARMLESS: &[Harmless] = &[
    harmless(
        Treatment::Thinking,
        |row| is(row, Provider::OpenAi, &["gpt-5-pro"]),
        "high is its only effort, also where none is sent; it is written so that the answer's limit fits it",
    ),
    harmless(
        Treatment::AnswerTokens,
        |row| !row.takes.thinks,
        "400 tokens hold a decision where nothing is thought; 1,000 leave room for a longer analysis",
    ),
    harmless(
        Treatment::AnswerTokens,
        |row| {
            is(row, Provider::OpenAi, &["gpt-5", "gpt-5-mini", "gpt-5-nano"])
                || is(row, Provider::Anthropic, &["claude-sonnet-5-5"])
                || is(row, Provider::Bedrock, &["anthropic.claude-sonnet-5-5"])
                || is(row, Provider::OpenRouter, &["anthropic/claude-sonnet-5.5"])
        },
        "almost nothing is thought in this way of asking, of which nobody gives a bound",
    ),
    harmless(
        Treatment::AnswerTokens,
        |row| {
            is(row, Provider::Bedrock, &["zai.glm-*", "qwen.qwen3*", "deepseek.*"])
                || is(row, Provider::OpenRouter, &["anthropic/claude-*"])
        },
        "the first model of the row does not think by itself; others of it do",
    ),
    harmless(
        Treatment::Strict,
        |row| row.takes.endpoint == Endpoint::Chat && row.provider != Provider::OpenAi,
        "ignored or taken; what it promises is not told, and our own reading does not rely on it",
    ),
    harmless(
        Treatment::Strict,
        |row| {
            is(row, Provider::OpenAi, &["gpt-5.2-pro", "gpt-5-pro"])
                || is(row, Provider::Bedrock, &["zai.glm-*", "moonshotai.kimi-*", "qwen.qwen3*"])
        },
        "others of the family refuse it, or are said to",
    ),
    harmless(
        Treatment::OneCall,
        |row| row.takes.endpoint == Endpoint::Chat && row.provider != Provider::OpenAi,
        "ignored or taken; one tool is offered and two calls are no decision",
    ),
    harmless(
        Treatment::MaxField,
        |row| {
            (row.provider == Provider::OpenAi && row.model.starts_with("gpt-4"))
                || matches!(row.provider, Provider::Kimi | Provider::Groq)
        },
        "the older name is deprecated and still taken",
    ),
    harmless(
        Treatment::ExplicitCache,
        |row| row.takes.explicit_cache,
        "a write to the cache costs a quarter more than the input and is never refused",
    ),
    harmless(
        Treatment::Endpoint,
        |row| {
            let models =
                ["gpt-5.5", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-6-sol", "gpt-6-luna"];
            is(row, Provider::OpenAi, &models)
        },
        "Chat takes tools at the effort none alone, Responses at any",
    ),
    harmless(
        Treatment::Temperature,
        |row| row.provider == Provider::OpenAi && row.takes.thinking == Thinking::EffortNone,
        "taken at the effort none, and refused as soon as a user sets another",
    ),
    harmless(
        Treatment::Temperature,
        |row| {
            let families =
                ["openai.gpt-oss-*", "zai.glm-*", "moonshotai.kimi-*", "qwen.qwen3*", "deepseek.*"];
            is(row, Provider::Bedrock, &families)
                || row.provider == Provider::Glm
                || is(row, Provider::Vllm, &["openai/gpt-oss*"])
        },
        "taken, as far as it is told; it has no effect where a model thinks",
    ),
    harmless(
        Treatment::Thinking,
        |row| {
            let models =
                ["claude-sonnet-5", "claude-opus-5", "anthropic.claude-sonnet-5", "anthropic.claude-opus-5"];
            models.contains(&row.model)
        },
        "a call that is forced is begun by the server, so nothing is thought; the switch makes sure",
    ),
    harmless(
        Treatment::Thinking,
        |row| {
            matches!(row.takes.thinking, Thinking::EffortLow | Thinking::EffortMedium)
                && !matches!(row.provider, Provider::Kimi | Provider::Glm)
        },
        "the effort of the model itself fits into the bound of an easy question, and costs more",
    ),
    harmless(
        Treatment::Thinking,
        |row| {
            let models = ["gpt-5.1", "gpt-5.2", "gpt-5.3-codex", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"];
            is(row, Provider::OpenAi, &models)
        },
        "the effort none is their own; it is written out so that it stays",
    ),
    harmless(
        Treatment::Thinking,
        |row| is(row, Provider::Xai, &["grok-4.3"]),
        "its own effort is low, which costs more and fits",
    ),
    harmless(
        Treatment::Ask,
        |row| is(row, Provider::Anthropic, &["claude-fable-5", "claude-mythos-5"]),
        "they refused a forced call in June and took it in September; their successors refuse it",
    ),
    harmless(
        Treatment::Ask,
        |row| {
            let makers = ["anthropic/claude-*", "openai/gpt-*", "google/gemini-*"];
            matches!(row.provider, Provider::Gemini | Provider::Mistral)
                || is(row, Provider::OpenRouter, &makers)
        },
        "a name is taken like the word, of the one tool that is offered; the word is what most servers list",
    ),
];

/// Rows of which every naive value is taken: what they add is room for the answer, or a field's newer name.
const ALL_HARMLESS: &[(Provider, &[&str])] = &[
    (Provider::Anthropic, &["claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-6"]),
    (Provider::OpenAi, &["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"]),
    (
        Provider::Bedrock,
        &[
            "anthropic.claude-haiku-4-5",
            "anthropic.claude-sonnet-4-5",
            "anthropic.claude-opus-4-5",
            "anthropic.claude-sonnet-4-6",
            "anthropic.claude-opus-4-6",
            "zai.glm-*",
        ],
    ),
    (Provider::Mistral, &["mistral-large*", "mistral-medium*", "mistral-small*"]),
    (Provider::Groq, &["llama*"]),
    (Provider::Xai, &["grok-4.3"]),
];

fn is(row: &Row, provider: Provider, models: &[&str]) -> bool {
    row.provider == provider && models.contains(&row.model)
}

/// The native endpoint of a provider, and the oldest name of its bound.
const fn native(provider: Provider) -> (Endpoint, &'static str) {
    match provider {
        Provider::Anthropic => (Endpoint::Messages, "max_tokens"),
        Provider::Bedrock => (Endpoint::Converse, "maxTokens"),
        Provider::OpenAi
        | Provider::DeepSeek
        | Provider::Qwen
        | Provider::Kimi
        | Provider::Glm
        | Provider::Gemini
        | Provider::Xai
        | Provider::Mistral
        | Provider::Groq
        | Provider::OpenRouter
        | Provider::Ollama
        | Provider::Vllm
        | Provider::LlamaCpp
        | Provider::LmStudio
        | Provider::Compatible => (Endpoint::Chat, "max_tokens"),
    }
}

/// What the row takes, with one treatment put back, and the bound of the answer.
fn put_back(row: &Row, treatment: Treatment) -> (Capabilities, u32) {
    let takes = row.takes;
    let (endpoint, max_field) = native(row.provider);
    let takes = match treatment {
        // There the bound has the name that reasoners want; its own name is another treatment.
        Treatment::Endpoint if endpoint != takes.endpoint => {
            Capabilities { endpoint, max_field: "max_completion_tokens", ..takes }
        }
        Treatment::Endpoint | Treatment::AnswerTokens => takes,
        Treatment::Ask => Capabilities { ask: Ask::Named, ..takes },
        Treatment::Strict => Capabilities { strict: true, ..takes },
        Treatment::Thinking => Capabilities { thinking: Thinking::AsIs, ..takes },
        Treatment::Temperature => Capabilities { temperature: true, ..takes },
        Treatment::OneCall => Capabilities { one_call: true, ..takes },
        Treatment::MaxField => Capabilities { max_field, ..takes },
        Treatment::ExplicitCache => Capabilities { explicit_cache: false, ..takes },
    };
    let bound = if treatment == Treatment::AnswerTokens { NAIVE_BOUND } else { row.takes.answer_tokens };
    (takes, bound)
}

/// The models that are asked for a row. Those of Anthropic are reached on Bedrock by a profile.
fn models(row: &Row) -> Vec<String> {
    let named =
        FAMILIES.iter().find(|(provider, family, _)| (*provider, *family) == (row.provider, row.model));
    let names: Vec<&str> = named.map_or_else(|| vec![row.model], |(_, _, names)| names.to_vec());
    let is_profiled = |name: &str| row.provider == Provider::Bedrock && name.starts_with("anthropic.");
    let whole = |name: &str| {
        assert!(!name.contains('*'), "{:?} {}: name models of the family", row.provider, row.model);
        format!("{}/{}{name}", row.provider.as_str(), if is_profiled(name) { "us." } else { "" })
    };
    names.into_iter().map(whole).collect()
}

fn model(row: &Row) -> String {
    models(row).swap_remove(0)
}

fn asked(model: &str, bound: u32) -> Question {
    Question { max_tokens: bound, ..question(model) }
}

/// The body that is sent.
fn body(scene: &Scene, row: &Row, takes: &Capabilities, bound: u32) -> (String, Vec<u8>) {
    let request = scene.client(row.provider, AWS_SECRET).request(&asked(&model(row), bound), takes).unwrap();
    (request.uri().to_string(), request.body().to_vec())
}

/// The one decision, or why there is none.
fn decision(scene: &Scene, model: &str, takes: &Capabilities, bound: u32) -> Result<Reply, String> {
    let raw = scene.ask_as(&asked(model, bound), takes).map_err(|error| error.to_string())?;
    if let Some(other) = other(&Servers::NONE, model, &raw) {
        return Err(format!("{other} answered"));
    }
    let reply = read(&raw, takes).map_err(|bad| bad.to_string())?;
    match (&reply.stop, &reply.calls[..]) {
        (Stop::Tool | Stop::End, [call]) if call.name == "decide" && call.input["action"] == "open" => {
            Ok(reply)
        }
        (stop, calls) => Err(format!("no decision: {stop:?}, {} calls", calls.len())),
    }
}

/// Whether the row's last day is over, on the day of the fake's tables.
fn is_retired(row: &Row) -> bool {
    row.takes.retires.is_some_and(|day| day < "2026-12-01")
}

fn living() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| !is_retired(row))
}

#[test]
fn every_listed_model_answers_what_it_is_asked() {
    let scene = scene(Policy::Momentum);
    let asked = living().flat_map(|row| models(row).into_iter().map(move |model| (row, model)));
    let refused: Vec<String> = asked
        .filter_map(|(row, model)| {
            assert_eq!(takes(&model), row.takes, "{model} is of another row");
            let wrong = decision(&scene, &model, &row.takes, row.takes.answer_tokens).err()?;
            Some(format!("{model}: {wrong}"))
        })
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(living().count() >= 100, "{} rows", living().count());
}

#[test]
fn a_retired_grok_is_answered_by_another_model() {
    let (scene, model) = (scene(Policy::Momentum), "xai/grok-3-mini");
    let why = decision(&scene, model, &takes(model), 4_000).unwrap_err();
    assert_eq!(why, "xai/grok-4.3 answered");
}

#[test]
fn a_retired_model_is_gone() {
    let scene = scene(Policy::Momentum);
    for row in ROWS.iter().filter(|row| is_retired(row)) {
        let error = scene.ask_as(&asked(&model(row), row.takes.answer_tokens), &row.takes).unwrap_err();
        assert!(matches!(error, ModelError::NoSuchModel(_)), "{}: {error}", model(row));
    }
}

#[test]
fn a_treatment_put_back_is_refused_or_listed_as_harmless() {
    let scene = scene(Policy::Momentum);
    let (mut wrong, mut used, mut unrefused) = (Vec::new(), BTreeSet::new(), Vec::new());
    for row in living() {
        let (mut treated, mut refusals) = (0, 0);
        let own = body(&scene, row, &row.takes, row.takes.answer_tokens);
        for treatment in TREATMENTS {
            let (takes, bound) = put_back(row, treatment);
            if body(&scene, row, &takes, bound) == own {
                continue;
            }
            treated += 1;
            let known = HARMLESS.iter().position(|one| one.treatment == treatment && (one.of)(row));
            let came = decision(&scene, &model(row), &takes, bound);
            match (came, known) {
                (Err(_), None) => refusals += 1,
                (Ok(_), Some(at)) => drop(used.insert(at)),
                (Ok(_), None) => wrong.push(format!("{}: {treatment:?} is harmless", model(row))),
                (Err(why), Some(at)) => {
                    wrong.push(format!("{}: {treatment:?} ({}): {why}", model(row), HARMLESS[at].why));
                }
            }
        }
        if treated > 0 && refusals == 0 {
            unrefused.push((row.provider, row.model));
        }
    }
    let unused: Vec<&str> =
        (0..HARMLESS.len()).filter(|at| !used.contains(at)).map(|at| HARMLESS[at].why).collect();
    assert!(wrong.is_empty() && unused.is_empty(), "{wrong:#?}, not met: {unused:#?}");
    let listed = |(provider, model): &(Provider, &str)| {
        ALL_HARMLESS.iter().any(|(of, models)| of == provider && models.contains(model))
    };
    let unlisted: Vec<_> = unrefused.iter().filter(|row| !listed(row)).collect();
    let count: usize = ALL_HARMLESS.iter().map(|(_, models)| models.len()).sum();
    assert!(unlisted.is_empty() && count == unrefused.len(), "{unlisted:#?}, {count} listed");
}
