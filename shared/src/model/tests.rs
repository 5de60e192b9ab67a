//! Real answers of providers, read as their records say is right. The files name their sources.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::capabilities::Endpoint;
use super::failure::{failure, no_answer};
use super::{
    Capabilities, Provider, Servers, capabilities, chat, converse, messages, read, responses, substitute,
};
use crate::model_prices::dollars;
use crate::ports::{ModelError, RawReply, Reply, Stop, Usage};
use crate::time::Timestamp;
use crate::transport::Response;

const FILES: [(&str, &str); 3] = [
    ("answers", include_str!("recorded/answers.json")),
    ("reported", include_str!("recorded/reported.json")),
    ("cases", include_str!("recorded/cases.json")),
];

fn records() -> Vec<Value> {
    FILES.iter().flat_map(|(_, text)| serde_json::from_str::<Vec<Value>>(text).unwrap()).collect()
}

fn text<'a>(record: &'a Value, path: &str) -> &'a str {
    record.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn response(record: &Value) -> Response {
    let mut builder = http::Response::builder().status(record["status"].as_u64().unwrap() as u16);
    for (name, value) in record["headers"].as_object().unwrap() {
        builder = builder.header(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let body = match record.get("text") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => record["body"].to_string(),
    };
    builder.body(Bytes::from(body)).unwrap()
}

fn endpoint(record: &Value) -> Endpoint {
    let name = text(record, "/endpoint");
    Endpoint::ALL.into_iter().find(|one| one.as_str() == name).unwrap()
}

/// What came of one record: the reply, or why there is none.
fn came(record: &Value) -> Result<Reply, ModelError> {
    let (response, endpoint) = (response(record), endpoint(record));
    let provider = Provider::of(text(record, "/model")).unwrap();
    let now = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
    if !response.status().is_success() {
        return Err(failure(&response, provider, now));
    }
    if let Some(error) = no_answer(&response, endpoint, provider, now) {
        return Err(error);
    }
    let is_text = text(record, "/asked/response_format/type").starts_with("json")
        && record.pointer("/reads/calls").is_some();
    let ask = if is_text { capabilities::Ask::Schema } else { capabilities::Ask::Auto };
    let takes = Capabilities { ask, ..capabilities::of(text(record, "/model")) };
    let Ok(body) = &serde_json::from_slice(response.body()) else {
        return Err(ModelError::NotAnswered("no JSON".to_owned()));
    };
    let reply = match endpoint {
        Endpoint::Messages => messages::read(body, &takes),
        Endpoint::Responses => responses::read(body, &takes),
        Endpoint::Chat => chat::read(body, &takes),
        Endpoint::Converse => converse::read(body, &takes),
    };
    reply.map_err(|bad| ModelError::NotAnswered(bad.0))
}

fn stop(stop: &Stop, note: Option<&str>) -> &'static str {
    match stop {
        Stop::Tool => "tool",
        Stop::End if note.is_some() => "other",
        Stop::End => "end",
        Stop::Length => "length",
        Stop::Refusal => "refusal",
        Stop::Other(_) => "other",
    }
}

/// What differs from what is right.
fn wrong(record: &Value) -> Option<String> {
    let wanted = text(record, "/reads/failure");
    let came = came(record);
    let reply = match (came, wanted) {
        (Ok(reply), "") => reply,
        (Err(error), "") => return Some(format!("no answer: {error}")),
        (Ok(reply), wanted) => return Some(format!("read as {reply:?}, not {wanted}")),
        (Err(error), wanted) => return wrong_failure(&error, wanted, text(record, "/reads/words")),
    };
    let reads = &record["reads"];
    if let Some(calls) = reads.get("calls").and_then(Value::as_array) {
        let found: Vec<(&str, &Value)> =
            reply.calls.iter().map(|call| (call.name.as_str(), &call.input)).collect();
        let same = found.len() == calls.len()
            && found.iter().zip(calls).all(|((name, input), wanted)| {
                *name == text(wanted, "/name")
                    && (wanted["input"] == **input || (wanted["input"].is_null() && !input.is_object()))
            });
        if !same {
            return Some(format!("calls {found:?}, not {calls:?}"));
        }
    } else if reply.text.trim() != text(reads, "/text") {
        return Some(format!("text {:?}", reply.text));
    }
    if stop(&reply.stop, reply.note) != text(reads, "/stop") && reply.note.is_none() {
        return Some(format!("stop {:?}, not {}", reply.stop, text(reads, "/stop")));
    }
    let bound = Usage { tokens_in: 1, tokens_out: 1, ..Default::default() };
    let charged = reply.usage.or_bound(bound);
    let Some(usage) = reads["usage"].as_object() else {
        return (reply.usage.tokens_in.is_some()).then(|| format!("usage {charged:?}, not none"));
    };
    let told = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0) as u32;
    // None at all is impossible, and charged at the bound.
    let same = (charged.tokens_in, charged.tokens_out) == (told("in").max(1), told("out").max(1))
        && (charged.cache_read, charged.cache_written) == (told("cache_read"), told("cache_written"));
    (!same).then(|| format!("usage {charged:?}, not {usage:?}"))
}

fn wrong_failure(error: &ModelError, wanted: &str, words: &str) -> Option<String> {
    let found = match error {
        ModelError::Throttled { .. } => "throttled",
        ModelError::SpendLimit(_) => "spent",
        ModelError::Overloaded => "overloaded",
        ModelError::NoSuchModel(_) => "gone",
        ModelError::NoKey(_) | ModelError::Refused { status: 401, .. } => "key",
        ModelError::Unfit(_) => "unfit",
        ModelError::Refused { .. } => "declined",
        ModelError::NotAnswered(_) | ModelError::NotSent(_) => "empty",
        ModelError::Unavailable(_) => "unavailable",
    };
    let says = |word: &str| error.to_string().contains(word);
    let is_same = found == wanted || (found == "empty" && wanted == "unavailable");
    let has_words = matches!(found, "throttled" | "overloaded") || words.split('…').all(says);
    (!is_same || !has_words).then(|| format!("{found} ({error}), not {wanted} with {words:?}"))
}

/// Records that are read in another way, on purpose.
const OTHERWISE: [(&str, &str); 6] = [
    ("claude-haiku-4-5-stop-sequence-empty", "a stop sequence is an end: it is judged by what it says"),
    ("gpt-4o-responses-queued-no-usage", "an answer in the background is never asked for: no answer came"),
    ("doubleword-bad-key-403", "a 403 shuts one model and not a provider: it may be of that model alone"),
    (
        "bedrock-use-case-form-missing",
        "the form is of Claude alone: it shuts the model and not all of Bedrock",
    ),
    ("bedrock-access-denied", "access is of one model: it shuts the model and not all of Bedrock"),
    ("case-moved", "a page names the new address: the next question would meet the same"),
];

#[test]
fn recorded_answers_are_read_as_they_were_meant() {
    let records = records();
    let wrong: Vec<String> = records
        .iter()
        .filter(|record| OTHERWISE.iter().all(|(name, _)| *name != text(record, "/name")))
        .filter_map(|record| Some(format!("{}: {}", text(record, "/name"), wrong(record)?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), records.len(), wrong.join("\n"));
}

#[test]
fn another_model_than_the_asked_one_is_noticed_in_recorded_answers() {
    let other = |record: &Value| {
        let body = record.get("body")?;
        substitute::of(&Servers::NONE, text(record, "/model"), body).map(|_| text(record, "/name").to_owned())
    };
    let records = records();
    assert_eq!(
        records.iter().filter_map(other).collect::<Vec<_>>(),
        [
            "deepseek-reasoner-answered-by-v4-flash",
            "deepseek-chat-answered-by-v4-flash",
            "grok-3-mini-answered-by-grok-4-3",
            "openrouter-fallback-model-answers",
            "claude-fallback-block",
        ]
    );
    let told = records.iter().filter(|record| !text(record, "/body/model").is_empty());
    assert!(told.count() >= 130, "most others are answered by what was asked, or by a dated snapshot of it");
}

/// Usage as each provider spells it, with the dollars that genai-prices 0.2.3 says. To add one, leave its dollars out and
/// run `tests/registries/tests/prices/judge.py write` on the file.
const PRICED: &str = include_str!("../model_prices/usage.json");

/// An answer with this usage.
fn used(endpoint: Endpoint, usage: &Value) -> Value {
    match endpoint {
        Endpoint::Messages => json!({"role": "assistant", "content": [], "usage": usage}),
        Endpoint::Responses => json!({"output": [], "usage": usage}),
        Endpoint::Chat => json!({"choices": [{"message": {"role": "assistant"}}], "usage": usage}),
        Endpoint::Converse => json!({"output": {"message": {"content": []}}, "usage": usage}),
    }
}

#[test]
fn a_recorded_usage_costs_what_genai_prices_says() {
    let records: Vec<Value> = serde_json::from_str(PRICED).unwrap();
    assert!(records.len() >= 150);
    for record in &records {
        let model = format!("{}/{}", text(record, "/provider"), text(record, "/model"));
        // OpenAI's usages are recorded of Chat Completions.
        let (endpoint, reads) = match text(record, "/provider") {
            "anthropic" => (Endpoint::Messages, "anthropic/x"),
            "bedrock" => (Endpoint::Converse, "bedrock/x"),
            _ => (Endpoint::Chat, "compatible/x"),
        };
        let body = used(endpoint, &record["usage"]).to_string().into_bytes();
        let reported = read(&Servers::NONE, reads, &RawReply { body }).unwrap().usage;
        let cost = dollars(
            &model,
            Timestamp::parse(text(record, "/at")).unwrap(),
            reported.or_bound(Usage::default()),
        );
        assert_eq!(cost.to_string(), text(record, "/dollars"), "{record}");
    }
}

/// Ways in which a server writes a count: as it should, in other types, or not at all.
fn written() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(json!(0))),
        6 => (0..9_000_u32).prop_map(|count| Some(json!(count))),
        1 => (0..9_000_u32).prop_map(|count| Some(json!(f64::from(count) + 0.25))),
        1 => (0..9_000_u32).prop_map(|count| Some(json!(count.to_string()))),
        1 => (1..9_000_i64).prop_map(|count| Some(json!(-count))),
        1 => prop_oneof![Just(json!(1e30)), Just(json!(u64::MAX)), Just(json!(1e-9))].prop_map(Some),
        1 => prop_oneof![Just(json!("many")), Just(json!([])), Just(json!({})), Just(json!(true))].prop_map(Some),
    ]
}

/// A body with one good call and these counts, as the endpoint spells them, and the counts by their meaning: in, read from
/// the cache, written to it, out, reasoned, all.
fn body_with(endpoint: Endpoint, counts: &[Option<Value>]) -> Value {
    let names: [&str; 6] = match endpoint {
        Endpoint::Messages => [
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "output_tokens",
            "x",
            "y",
        ],
        Endpoint::Converse => [
            "inputTokens",
            "cacheReadInputTokens",
            "cacheWriteInputTokens",
            "outputTokens",
            "x",
            "totalTokens",
        ],
        Endpoint::Responses => {
            ["input_tokens", "/input", "/written", "output_tokens", "/output", "total_tokens"]
        }
        Endpoint::Chat => {
            ["prompt_tokens", "/input", "/written", "completion_tokens", "/output", "total_tokens"]
        }
    };
    let (ins, outs) = match endpoint {
        Endpoint::Responses => ("input_tokens_details", "output_tokens_details"),
        Endpoint::Messages | Endpoint::Chat | Endpoint::Converse => {
            ("prompt_tokens_details", "completion_tokens_details")
        }
    };
    let mut usage = json!({});
    for (name, count) in names.iter().zip(counts).filter_map(|(name, count)| Some((name, count.clone()?))) {
        match *name {
            "/input" => usage[ins]["cached_tokens"] = count,
            "/written" => usage[ins]["cache_write_tokens"] = count,
            "/output" => usage[outs]["reasoning_tokens"] = count,
            plain => usage[plain] = count,
        }
    }
    let input = json!({"action": "hold", "reason": "flat"});
    let function = json!({"name": "decide", "arguments": input.to_string()});
    match endpoint {
        Endpoint::Messages => json!({"content": [{"type": "tool_use", "name": "decide", "input": input}],
            "stop_reason": "tool_use", "usage": usage}),
        Endpoint::Converse => {
            json!({"output": {"message": {"content": [{"toolUse": {"name": "decide", "input": input}}]}},
            "stopReason": "tool_use", "usage": usage})
        }
        Endpoint::Responses => json!({"status": "completed", "usage": usage,
            "output": [{"type": "function_call", "name": "decide", "arguments": input.to_string()}]}),
        Endpoint::Chat => json!({"usage": usage,
            "choices": [{"message": {"tool_calls": [{"function": function}]}, "finish_reason": "tool_calls"}]}),
    }
}

/// A count as a provider can have meant it: by hand, and not by the reader under test. A fraction of a token is one.
fn meant(count: &Option<Value>) -> Option<f64> {
    let number = match count.as_ref()? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (0.0..=20_000_000.0).contains(&number).then(|| number.ceil())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// The providers' own rules: Messages and Converse bill what the cache held beside the tokens in; Chat and Responses
    /// bill the tokens in, among which they are, and what the total has beyond them as tokens out.
    #[test]
    fn no_answer_is_lost_for_its_usage_and_no_charge_is_below_the_bill(
        counts in prop::collection::vec(written(), 6),
        endpoint in prop::sample::select(Endpoint::ALL.to_vec()),
    ) {
        let body = body_with(endpoint, &counts).to_string().into_bytes();
        let model = match endpoint {
            Endpoint::Messages => "anthropic/claude-haiku-4-5",
            Endpoint::Converse => "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0",
            Endpoint::Responses => "openai/gpt-6-luna",
            Endpoint::Chat => "openai/gpt-4.1",
        };
        let reply = read(&Servers::NONE, model, &RawReply { body }).unwrap();
        prop_assert_eq!(reply.calls.len(), 1);
        let bound = Usage { tokens_in: 2_000, tokens_out: 1_000, ..Usage::default() };
        let charged = reply.usage.or_bound(bound);
        let told: Vec<Option<f64>> = counts.iter().map(meant).collect();
        let [tokens_in, read, written, tokens_out, reasoned, total] = told.as_slice() else { panic!("six counts") };
        let is_apart = matches!(endpoint, Endpoint::Messages | Endpoint::Converse);
        let cached = read.unwrap_or(0.0) + written.unwrap_or(0.0);
        let billed_in = match tokens_in {
            Some(told) if is_apart => told + cached,
            Some(told) => *told,
            None => f64::from(bound.tokens_in),
        };
        prop_assert!(f64::from(charged.tokens_in) >= billed_in.min(f64::from(u32::MAX)), "{:?}", charged);
        let reasoned = if is_apart { &None } else { reasoned };
        let rest = match (tokens_in, total) {
            (Some(told), Some(total)) if !is_apart => total - told,
            _ => 0.0,
        };
        let billed_out = tokens_out.unwrap_or(f64::from(bound.tokens_out)).max(reasoned.unwrap_or(0.0)).max(rest);
        if tokens_out.is_some() {
            // Beyond the largest count no bill is compared.
            let charged = f64::from(charged.tokens_in) + f64::from(charged.tokens_out);
            prop_assert!(charged >= (billed_in + billed_out).min(f64::from(u32::MAX)), "{:?}", charged);
        } else {
            prop_assert!(charged.tokens_out >= bound.tokens_out);
        }
        prop_assert!(u64::from(charged.cache_read) + u64::from(charged.cache_written) <= u64::from(charged.tokens_in));
        prop_assert!(charged.cache_written_1h <= charged.cache_written);
    }
}
