//! Recorded pairs of the Chat Completions API.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::exchange::LARGEST_BODY;
use crate::ports::{Stop, Tool, Turn, Usage};
use crate::scripted::{Scripted, answer, run, stopped};
use crate::time::Millis;
use crate::transport::TransportError;

const BASE: &str = "https://api.openai.example";

fn question(model: &str, turns: Vec<Turn>) -> Question {
    Question {
        model: model.to_owned(),
        system: "You decide.".to_owned(),
        tool: Tool {
            name: "decide".into(),
            description: "Decide.".into(),
            schema: json!({"type": "object", "required": ["action"], "properties": {
                "action": {"type": "string"}, "side": {"type": "string", "enum": ["buy", "sell"]}}}),
        },
        turns,
        max_tokens: 512,
        timeout: Millis::from_secs(20),
    }
}

fn scene(given: Result<Response, TransportError>) -> (OpenAi, Arc<Scripted>) {
    let transport = Scripted::new(vec![(format!("POST {BASE}/v1/chat/completions"), given)]);
    let key = Secret::new("canary-key".into());
    (OpenAi::new(transport.clone(), stopped(784_111_747_000), &format!("{BASE}/"), key), transport)
}

fn asked(question: &Question) -> (Request, Value) {
    let (model, transport) = scene(answer(200, &[], &reply("stop", &message(CALL))));
    run(model.ask(question)).unwrap();
    let request = transport.done().remove(0);
    let body = serde_json::from_slice(request.body()).unwrap();
    (request, body)
}

const CALL: &str = r#"{"id":"call_1","type":"function","function":{"name":"decide",
    "arguments":"{\"action\":\"hold\",\"side\":null,\"reason\":\"flat\"}"}}"#;

fn message(calls: &str) -> String {
    format!(r#"{{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{calls}]}}"#)
}

fn spoken(text: &str) -> String {
    format!(r#"{{"role":"assistant","content":"{text}","refusal":null,"annotations":[]}}"#)
}

fn reply(finish: &str, message: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1741570283,"model":"gpt-5-mini-2025-08-07",
        "choices":[{{"index":0,"message":{message},"logprobs":null,"finish_reason":"{finish}"}}],
        "usage":{{"prompt_tokens":1117,"completion_tokens":46,"total_tokens":1163,
        "prompt_tokens_details":{{"cached_tokens":1024,"audio_tokens":0}},
        "completion_tokens_details":{{"reasoning_tokens":20,"audio_tokens":0}}}},
        "service_tier":"default","system_fingerprint":null}}"#
    )
}

fn read(body: &str) -> Result<Reply, BadReply> {
    super::read(body.as_bytes())
}

#[test]
fn openai_is_asked_in_the_documented_shape() {
    let (request, body) = asked(&question("openai/gpt-4.1-mini", vec![Turn::Facts("BTC-USDT 42000".into())]));
    assert_eq!(request.headers()["authorization"], "Bearer canary-key");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        body,
        json!({
            "model": "gpt-4.1-mini",
            "max_completion_tokens": 512,
            "temperature": 0,
            "tools": [{"type": "function", "function": {
                "name": "decide", "description": "Decide.", "strict": true,
                "parameters": {"type": "object", "additionalProperties": false, "required": ["action", "side"],
                    "properties": {
                        "action": {"type": "string"},
                        "side": {"type": ["string", "null"], "enum": ["buy", "sell", null]}}}}}],
            "tool_choice": {"type": "function", "function": {"name": "decide"}},
            "parallel_tool_calls": false,
            "messages": [
                {"role": "system", "content": "You decide."},
                {"role": "user", "content": "BTC-USDT 42000"}],
        })
    );
}

#[test]
fn openai_gets_of_each_parameter_what_the_model_is_known_to_take() {
    let given = |model| {
        let body = asked(&question(&format!("openai/{model}"), vec![])).1;
        let text = |name: &str| body.get(name).map(ToString::to_string).unwrap_or_default();
        [text("temperature"), text("reasoning_effort"), text("parallel_tool_calls")].join(" ")
    };
    for (model, expected) in [
        ("gpt-4.1", "0  false"),
        ("gpt-4o-2024-08-06", "0  false"),
        ("gpt-5", " \"minimal\" false"),
        ("gpt-5-mini-2025-08-07", " \"minimal\" false"),
        ("gpt-5.2", " \"none\" false"),
        ("gpt-5.5", " \"none\" false"),
        ("gpt-6", "  false"),
        ("o3", " \"low\" "),
        ("o4-mini-2025-04-16", " \"low\" "),
        ("o9-next", "  "),
    ] {
        assert_eq!(given(model), expected, "{model}");
    }
}

#[test]
fn a_compatible_server_gets_what_every_server_takes() {
    let body = asked(&question("compatible/meta-llama/Llama-4", vec![])).1;
    let mut fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["max_tokens", "messages", "model", "tool_choice", "tools"]);
    assert_eq!(body["model"], "meta-llama/Llama-4");
    let function = &body["tools"][0]["function"];
    assert_eq!((function.get("strict"), &function["parameters"]["required"]), (None, &json!(["action"])));
}

fn second_round(body: &str) -> Value {
    let raw = RawReply { body: body.as_bytes().to_vec() };
    let turns = vec![
        Turn::Facts("facts".into()),
        Turn::Answered(Box::new(raw)),
        Turn::FormatError("Format error.".into()),
    ];
    asked(&question("openai/gpt-5-mini", turns)).1["messages"].clone()
}

#[test]
fn openai_is_shown_its_words_and_calls_and_every_call_gets_the_format_error() {
    let two = message(&format!("{CALL},{}", CALL.replace("call_1", "call_2")));
    let thought = format!(r#"{{"reasoning_content":"{}","#, "hm ".repeat(9_000));
    let two = two.replacen('{', &thought, 1);
    let call = |id| {
        let arguments = r#"{"action":"hold","reason":"flat"}"#;
        json!({"id": id, "type": "function", "function": {"name": "decide", "arguments": arguments}})
    };
    let said = json!({"role": "assistant", "content": null, "tool_calls": [call("call_1"), call("call_2")]});
    let error = |id| json!({"role": "tool", "tool_call_id": id, "content": "Format error."});
    assert_eq!(
        second_round(&reply("tool_calls", &two)),
        json!([
            {"role": "system", "content": "You decide."},
            {"role": "user", "content": "facts"},
            said,
            error("call_1"),
            error("call_2"),
        ])
    );
}

#[test]
fn openai_gets_plain_words_where_it_made_no_call_and_nothing_back_that_cannot_be_shown() {
    let said = second_round(&reply("stop", &spoken("No.")));
    assert_eq!(said[2]["content"], "No.");
    assert_eq!(said[3], json!({"role": "user", "content": "Format error."}));
    let empty = reply("stop", &spoken(""));
    for body in
        ["not json", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":"x"}}]}"#, &empty]
    {
        let said = second_round(body);
        assert_eq!(said.as_array().unwrap().len(), 3, "{body}");
        assert_eq!(said[2], json!({"role": "user", "content": "Format error."}));
    }
}

#[test]
fn openai_answers_are_read_with_all_their_tokens_and_nulls_are_absent() {
    let read = read(&reply("stop", &message(CALL))).unwrap();
    assert_eq!((read.stop, read.text.as_str()), (Stop::End, ""));
    // 1117 includes the 1024 that were cached; 46 includes the 20 that were reasoned.
    assert_eq!(read.usage, Usage { tokens_in: 1117, cache_read: 1024, tokens_out: 46, ..Usage::default() });
    let [call] = &read.calls[..] else { panic!("{:?}", read.calls) };
    assert_eq!((call.id.as_str(), call.name.as_str()), ("call_1", "decide"));
    assert_eq!(call.input, json!({"action": "hold", "reason": "flat"}));
}

#[test]
fn openai_arguments_that_are_no_json_are_the_models_malformed_answer() {
    for (arguments, text) in
        [(r#"{\"action\":\"ho"#, "{\"action\":\"ho"), ("", ""), ("hold", "hold"), ("{} {}", "{} {}")]
    {
        let call = format!(
            r#"{{"id":"call_1","type":"function","function":{{"name":"decide","arguments":"{arguments}"}}}}"#
        );
        let read = read(&reply("length", &message(&call))).unwrap();
        assert_eq!(read.calls[0].input, Value::String(text.to_owned()), "{arguments}");
    }
}

#[test]
fn openai_stops_have_one_meaning_each() {
    let cases = [
        ("tool_calls", Stop::Tool),
        ("stop", Stop::End),
        ("length", Stop::Length),
        ("content_filter", Stop::Refusal),
        ("function_call", Stop::Other("function_call".into())),
        ("of_tomorrow", Stop::Other("of_tomorrow".into())),
    ];
    for (word, stop) in cases {
        assert_eq!(read(&reply(word, &spoken("x"))).unwrap().stop, stop, "{word}");
    }
}

#[test]
fn openai_refuses_in_a_field_of_its_own_whatever_the_finish_reason() {
    let refused = r#"{"role":"assistant","content":null,"refusal":"I can't help with that."}"#;
    for finish in ["stop", "tool_calls", "length"] {
        let read = read(&reply(finish, refused)).unwrap();
        assert_eq!((read.stop, read.text.as_str()), (Stop::Refusal, "I can't help with that."));
    }
}

#[test]
fn openai_answers_with_missing_null_or_malformed_parts_are_not_read() {
    let good = reply("tool_calls", &message(CALL));
    for (from, to) in [
        ("\"prompt_tokens\":1117,", ""),
        ("\"completion_tokens\":46", "\"completion_tokens\":null"),
        ("\"completion_tokens\":46", "\"completion_tokens\":-46"),
        ("\"prompt_tokens\":1117", "\"prompt_tokens\":4294967296"),
        ("\"cached_tokens\":1024", "\"cached_tokens\":1118"),
        ("\"cached_tokens\":1024", "\"cached_tokens\":1024,\"cache_write_tokens\":94"),
        ("\"finish_reason\":\"tool_calls\"", "\"finish_reason\":null"),
        ("\"role\":\"assistant\"", "\"role\":\"user\""),
        ("\"role\":\"assistant\",", ""),
        ("\"name\":\"decide\",", ""),
        ("\"id\":\"call_1\"", "\"id\":null"),
        ("\"type\":\"function\"", "\"type\":\"custom\""),
        ("\"choices\":", "\"choice\":"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(read(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
    for body in ["", "{", "[]", "<html>", r#"{"choices":[]}"#, good.split_at(200).0] {
        assert!(read(body).is_err(), "{body}");
    }
    let plain = good.replace("{\"cached_tokens\":1024,\"audio_tokens\":0}", "null");
    assert_eq!(read(&plain).unwrap().usage.cache_read, 0);
}

fn refused(status: u16, headers: &[(&'static str, &str)], error: &str) -> ModelError {
    let (model, transport) = scene(answer(status, headers, &format!(r#"{{"error":{error}}}"#)));
    let error = run(model.ask(&question("openai/gpt-5-mini", vec![]))).unwrap_err();
    assert_eq!(transport.done().len(), 1);
    error
}

#[test]
fn openai_without_quota_is_not_throttled() {
    let quota = r#"{"message":"You exceeded your current quota, please check your plan and billing details.",
        "type":"insufficient_quota","param":null,"code":"insufficient_quota"}"#
        .replace("\n        ", " ");
    let by_type = quota.replace(r#""code":"insufficient_quota""#, r#""code":null"#);
    let hard =
        r#"{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,
        "code":"billing_hard_limit_reached"}"#
            .replace("\n        ", " ");
    let credits = r#"{"message":"Insufficient credits","code":402}"#;
    let retry = [("retry-after", "1")];
    for (status, error) in [(429, &*quota), (429, &by_type), (400, &hard), (402, credits)] {
        assert!(matches!(refused(status, &retry, error), ModelError::SpendLimit(_)), "{error}");
    }
}

#[test]
fn openai_failures_say_what_to_do_next() {
    let limit =
        r#"{"message":"Rate limit reached for gpt-5-mini","type":"tokens","code":"rate_limit_exceeded"}"#;
    let wait = |wait| ModelError::Throttled { wait };
    assert_eq!(refused(429, &[("retry-after", "61")], limit), wait(Some(Millis::from_secs(61))));
    assert_eq!(refused(429, &[("retry-after-ms", "250")], limit), wait(Some(Millis(250))));
    let date = [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")];
    assert_eq!(refused(429, &date, limit), wait(Some(Millis::from_secs(30))));
    assert_eq!(refused(429, &[], limit), wait(None));
    for status in [400, 401, 403, 404, 413] {
        let expected = ModelError::Refused { status, text: "no".into() };
        assert_eq!(refused(status, &[], r#"{"message":"no","type":"invalid_request_error"}"#), expected);
    }
    for status in [408, 500, 502, 503, 504, 302] {
        assert!(matches!(refused(status, &[], "null"), ModelError::Unavailable(_)), "{status}");
    }
}

#[test]
fn openai_models_that_are_gone_are_an_error_of_their_own() {
    for (status, error) in [
        (404, r#"{"message":"The model `gpt-4-32k` has been deprecated","code":"model_not_found"}"#),
        (400, r#"{"message":"no","type":"invalid_request_error","code":"model_not_found"}"#),
        (404, r#"{"message":"The model `llama-9` does not exist.","type":"NotFoundError","code":404}"#),
    ] {
        assert!(matches!(refused(status, &[], error), ModelError::NoSuchModel(_)), "{error}");
    }
    let temperature = r#"{"message":"Unsupported value: 'temperature' does not support 0 with this model.",
        "type":"invalid_request_error","param":"temperature","code":"unsupported_value"}"#;
    assert!(matches!(refused(400, &[], temperature), ModelError::Refused { status: 400, .. }));
}

#[test]
fn openai_overloads_are_told_from_what_else_fails() {
    let busy = r#"{"message":"The engine is currently overloaded, please try again later"}"#;
    assert_eq!(refused(503, &[], busy), ModelError::Overloaded);
    assert_eq!(refused(503, &[], r#"{"message":"Slow Down"}"#), ModelError::Overloaded);
    assert_eq!(refused(529, &[], "null"), ModelError::Overloaded);
}

fn ask(given: Result<Response, TransportError>) -> Result<RawReply, ModelError> {
    run(scene(given).0.ask(&question("openai/gpt-5-mini", vec![])))
}

#[test]
fn openai_is_unavailable_where_its_answer_does_not_arrive_or_is_too_long() {
    let lost = [
        Err(TransportError::NoAnswer("timed out".into())),
        Err(TransportError::NeverSent("no route".into())),
        answer(200, &[], &"x".repeat(LARGEST_BODY + 1)),
        answer(502, &[], "<html>502</html>"),
    ];
    for given in lost {
        assert!(matches!(ask(given), Err(ModelError::Unavailable(_))));
    }
    assert_eq!(ask(answer(200, &[], "not json")).unwrap().body, b"not json");
}

#[test]
fn openai_keys_are_never_printed() {
    let (model, transport) = scene(answer(200, &[], "{}"));
    run(model.ask(&question("openai/gpt-5-mini", vec![]))).unwrap();
    assert!(!format!("{model:?} {:?}", transport.done()).contains("canary"));
    let broken = OpenAi::new(transport, stopped(0), BASE, Secret::new("canary\n".into()));
    let error = run(broken.ask(&question("openai/gpt-5-mini", vec![]))).unwrap_err();
    assert!(!error.to_string().contains("canary"));
}
