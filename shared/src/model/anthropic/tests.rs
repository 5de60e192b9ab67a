//! Recorded pairs of the Messages API.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::exchange::LARGEST_BODY;
use crate::ports::{Stop, Tool, Turn, Usage};
use crate::scripted::{Scripted, answer, run, stopped};
use crate::time::Millis;
use crate::transport::TransportError;

const BASE: &str = "https://api.anthropic.example";

fn question(model: &str, turns: Vec<Turn>) -> Question {
    Question {
        model: model.to_owned(),
        system: "You decide.".to_owned(),
        tool: Tool {
            name: "decide".into(),
            description: "Decide.".into(),
            schema: json!({"type": "object"}),
        },
        turns,
        max_tokens: 512,
        timeout: Millis::from_secs(20),
    }
}

fn scene(given: Result<Response, TransportError>) -> (Anthropic, Arc<Scripted>) {
    let transport = Scripted::new(vec![(format!("POST {BASE}/v1/messages"), given)]);
    let key = Secret::new("canary-key".into());
    (Anthropic::new(transport.clone(), stopped(784_111_747_000), BASE, key), transport)
}

fn asked(question: &Question) -> (Request, Value) {
    let (model, transport) = scene(answer(200, &[], &reply("tool_use", CALL)));
    run(model.ask(question)).unwrap();
    let request = transport.done().remove(0);
    let body = serde_json::from_slice(request.body()).unwrap();
    (request, body)
}

const CALL: &str = r#"{"type":"text","text":"Holding."},
    {"type":"tool_use","id":"toolu_1","name":"decide","input":{"action":"hold","reason":"flat"}}"#;

fn reply(stop: &str, content: &str) -> String {
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{content}],
        "stop_reason":"{stop}","stop_sequence":null,"usage":{{"input_tokens":100,"cache_creation_input_tokens":20,
        "cache_read_input_tokens":3,"cache_creation":{{"ephemeral_5m_input_tokens":8,"ephemeral_1h_input_tokens":12}},
        "output_tokens":7,"service_tier":"standard"}}}}"#
    )
}

fn read(body: &str) -> Result<Reply, BadReply> {
    super::read(body.as_bytes())
}

#[test]
fn a_question_is_asked_in_the_documented_shape() {
    let (request, body) =
        asked(&question("anthropic/claude-haiku-4-5", vec![Turn::Facts("BTC-USDT 42000".into())]));
    assert_eq!(request.headers()["x-api-key"], "canary-key");
    assert_eq!(request.headers()["anthropic-version"], "2023-06-01");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        body,
        json!({
            "model": "claude-haiku-4-5",
            "max_tokens": 512,
            "temperature": 0,
            "system": "You decide.",
            "tools": [{"name": "decide", "description": "Decide.", "input_schema": {"type": "object"}, "strict": true}],
            "tool_choice": {"type": "tool", "name": "decide", "disable_parallel_tool_use": true},
            "messages": [{"role": "user", "content": "BTC-USDT 42000"}],
        })
    );
}

#[test]
fn a_temperature_goes_only_to_models_that_are_known_to_take_one() {
    let temperature =
        |model| asked(&question(&format!("anthropic/{model}"), vec![])).1.get("temperature").cloned();
    for model in ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-opus-4-6", "claude-sonnet-4-6"] {
        assert_eq!(temperature(model), Some(json!(0)), "{model}");
    }
    for model in ["claude-opus-4-7", "claude-opus-4-8", "claude-opus-5", "claude-sonnet-5", "claude-next"] {
        assert_eq!(temperature(model), None, "{model}");
    }
}

fn second_round(body: &str) -> Value {
    let raw = RawReply { body: body.as_bytes().to_vec() };
    let turns = vec![
        Turn::Facts("facts".into()),
        Turn::Answered(Box::new(raw)),
        Turn::FormatError("Format error.".into()),
    ];
    asked(&question("anthropic/claude-haiku-4-5", turns)).1["messages"].clone()
}

#[test]
fn an_answers_words_and_calls_are_shown_back_and_its_call_gets_the_format_error() {
    let content: Value = serde_json::from_str(&format!("[{CALL}]")).unwrap();
    let thought =
        format!(r#"{{"type":"thinking","thinking":"{}","signature":"x"}},{CALL}"#, "hm ".repeat(9_000));
    assert_eq!(
        second_round(&reply("tool_use", &thought.replace(r#""name":"#, r#""extra":"long","name":"#))),
        json!([
            {"role": "user", "content": "facts"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": "Format error."}]},
        ])
    );
}

#[test]
fn every_call_of_an_answer_gets_the_format_error() {
    let two = format!("{CALL},{}", CALL.replace("toolu_1", "toolu_2"));
    let results = second_round(&reply("tool_use", &two))[2]["content"].clone();
    let ids: Vec<&str> =
        results.as_array().unwrap().iter().filter_map(|result| result["tool_use_id"].as_str()).collect();
    assert_eq!(ids, ["toolu_1", "toolu_2"]);
}

#[test]
fn an_answer_without_a_call_gets_plain_words_and_one_that_cannot_be_shown_is_left_out() {
    let spoken = second_round(&reply("end_turn", r#"{"type":"text","text":"No."}"#));
    assert_eq!(spoken[2], json!({"role": "user", "content": "Format error."}));
    for body in ["not json", "{}", r#"{"content":"text"}"#, &reply("end_turn", "")] {
        assert_eq!(
            second_round(body),
            json!([{"role": "user", "content": "facts"}, {"role": "user", "content": "Format error."}])
        );
    }
}

#[test]
fn an_answer_is_read_with_all_its_tokens() {
    let read = read(&reply("tool_use", CALL)).unwrap();
    assert_eq!((read.stop, read.text.as_str()), (Stop::Tool, "Holding."));
    // 100 leaves out the 3 that were read and the 20 that were written, 12 of them for an hour.
    let usage =
        Usage { tokens_in: 123, cache_read: 3, cache_written: 20, cache_written_1h: 12, tokens_out: 7 };
    assert_eq!(read.usage, usage);
    let [call] = &read.calls[..] else { panic!("{:?}", read.calls) };
    assert_eq!(
        (call.id.as_str(), call.name.as_str(), &call.input["action"]),
        ("toolu_1", "decide", &json!("hold"))
    );
}

#[test]
fn two_calls_are_two_calls() {
    let two = format!("{CALL},{}", CALL.replace("toolu_1", "toolu_2"));
    assert_eq!(read(&reply("tool_use", &two)).unwrap().calls.len(), 2);
}

#[test]
fn every_stop_reason_has_one_meaning() {
    let cases = [
        ("tool_use", Stop::Tool),
        ("end_turn", Stop::End),
        ("stop_sequence", Stop::End),
        ("max_tokens", Stop::Length),
        ("model_context_window_exceeded", Stop::Length),
        ("refusal", Stop::Refusal),
        ("pause_turn", Stop::Other("pause_turn".into())),
        ("of_tomorrow", Stop::Other("of_tomorrow".into())),
    ];
    for (word, stop) in cases {
        assert_eq!(read(&reply(word, "")).unwrap().stop, stop, "{word}");
    }
}

#[test]
fn thinking_is_not_prose_and_unknown_blocks_are_errors() {
    let thought = format!(r#"{{"type":"thinking","thinking":"hm","signature":"x"}},{CALL}"#);
    assert_eq!(read(&reply("tool_use", &thought)).unwrap().text, "Holding.");
    assert!(read(&reply("end_turn", r#"{"type":"hologram"}"#)).is_err());
}

#[test]
fn missing_null_and_malformed_are_not_read_and_null_caches_are_zero() {
    let good = reply("tool_use", CALL);
    for (from, to) in [
        ("\"input_tokens\":100,", ""),
        ("\"output_tokens\":7", "\"output_tokens\":null"),
        ("\"output_tokens\":7", "\"output_tokens\":-7"),
        ("\"input_tokens\":100", "\"input_tokens\":4294967295"),
        ("\"stop_reason\":\"tool_use\"", "\"stop_reason\":null"),
        ("\"type\":\"message\"", "\"type\":\"error\""),
        ("\"role\":\"assistant\",", ""),
        ("\"name\":\"decide\",", ""),
        ("\"content\":", "\"contents\":"),
        ("\"text\":\"Holding.\"", "\"text\":null"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(read(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
    for body in ["", "{", "[]", "<html>", good.split_at(200).0] {
        assert!(read(body).is_err(), "{body}");
    }
    assert!(read(&good.replace("1h_input_tokens\":12", "1h_input_tokens\":21")).is_err());
    let nulls = good.replace("_tokens\":20", "_tokens\":null").replace("_tokens\":3", "_tokens\":null");
    let nulls = nulls.replace("\"cache_creation\":{", "\"other\":{");
    assert_eq!(read(&nulls).unwrap().usage, Usage { tokens_in: 100, tokens_out: 7, ..Usage::default() });
}

fn refused(status: u16, headers: &[(&'static str, &str)], error: &str) -> ModelError {
    let body = format!(r#"{{"type":"error","error":{error},"request_id":"req_1"}}"#);
    let (model, transport) = scene(answer(status, headers, &body));
    let error = run(model.ask(&question("anthropic/claude-haiku-4-5", vec![]))).unwrap_err();
    assert_eq!(transport.done().len(), 1);
    error
}

#[test]
fn a_spend_limit_is_not_a_throttle() {
    let tier = r#"{"type":"rate_limit_error","message":"You have reached your API usage limits.",
        "details":{"error_code":"enforced_spend_limit_reached"}}"#;
    let workspace =
        r#"{"type":"invalid_request_error","message":"You have reached your specified workspace API usage
        limits. You will regain access on 2026-09-01 at 00:00 UTC."}"#
            .replace("\n        ", " ");
    let balance =
        r#"{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}"#;
    let billing = r#"{"type":"billing_error","message":"Payment failed."}"#;
    for (status, error) in [(429, tier), (400, &workspace), (400, balance), (402, billing)] {
        assert!(matches!(refused(status, &[], error), ModelError::SpendLimit(_)), "{error}");
    }
}

#[test]
fn every_failure_says_what_to_do_next() {
    let limit = r#"{"type":"rate_limit_error","message":"Too many tokens per minute."}"#;
    let wait = |wait| ModelError::Throttled { wait };
    assert_eq!(refused(429, &[("retry-after", "61")], limit), wait(Some(Millis::from_secs(61))));
    assert_eq!(refused(429, &[("retry-after-ms", "250")], limit), wait(Some(Millis(250))));
    let date = [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")];
    assert_eq!(refused(429, &date, limit), wait(Some(Millis::from_secs(30))));
    assert_eq!(refused(429, &[], limit), wait(None));
    assert_eq!(
        refused(529, &[], r#"{"type":"overloaded_error","message":"Overloaded"}"#),
        ModelError::Overloaded
    );
    for status in [400, 401, 403, 404, 413] {
        let expected = ModelError::Refused { status, text: "no".into() };
        assert_eq!(refused(status, &[], r#"{"type":"x","message":"no"}"#), expected);
    }
    for status in [408, 500, 502, 503, 504, 302] {
        assert!(matches!(refused(status, &[], "null"), ModelError::Unavailable(_)), "{status}");
    }
}

#[test]
fn a_model_that_is_gone_is_an_error_of_its_own() {
    for (status, error) in [
        (404, r#"{"type":"not_found_error","message":"model: claude-3-opus-20240229"}"#),
        (
            400,
            r#"{"type":"invalid_request_error","message":"The model claude-2 was retired on 2025-07-21."}"#,
        ),
    ] {
        assert!(matches!(refused(status, &[], error), ModelError::NoSuchModel(_)), "{error}");
    }
    let temperature =
        r#"{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}"#;
    assert!(matches!(refused(400, &[], temperature), ModelError::Refused { status: 400, .. }));
}

fn ask(given: Result<Response, TransportError>) -> Result<RawReply, ModelError> {
    run(scene(given).0.ask(&question("anthropic/claude-haiku-4-5", vec![])))
}

#[test]
fn what_does_not_arrive_or_is_too_long_is_unavailable() {
    let lost = [
        Err(TransportError::NoAnswer("timed out".into())),
        Err(TransportError::NeverSent("no route".into())),
        answer(200, &[], &"x".repeat(LARGEST_BODY + 1)),
        answer(502, &[], "<html>502</html>"),
    ];
    for given in lost {
        assert!(matches!(ask(given), Err(ModelError::Unavailable(_))));
    }
}

#[test]
fn a_reply_is_kept_as_it_arrived_before_anything_is_read() {
    assert_eq!(ask(answer(200, &[], "not json")).unwrap().body, b"not json");
}

#[test]
fn the_key_is_never_printed() {
    let (model, transport) = scene(answer(200, &[], "{}"));
    run(model.ask(&question("anthropic/claude-haiku-4-5", vec![]))).unwrap();
    assert!(!format!("{model:?} {:?}", transport.done()).contains("canary"));
    let broken = Anthropic::new(transport, stopped(0), BASE, Secret::new("canary\n".into()));
    let error = run(broken.ask(&question("anthropic/claude-haiku-4-5", vec![]))).unwrap_err();
    assert!(!error.to_string().contains("canary"));
}
