//! Recorded pairs of the Converse API.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::exchange::LARGEST_BODY;
use crate::ports::{Stop, Tool, Turn, Usage};
use crate::scripted::{Scripted, answer, run, stopped};
use crate::secret::Secret;
use crate::time::Millis;
use crate::transport::TransportError;

const BASE: &str = "https://bedrock-runtime.eu-central-1.amazonaws.com";
const HAIKU: &str = "bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0";
const PATH: &str = "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse";

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

fn aws() -> Aws {
    let secret = |text: &str| Secret::new(text.to_owned());
    Aws {
        region: "eu-central-1".to_owned(),
        endpoint: None,
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: secret("canary-secret"),
        session_token: Some(secret("canary-token")),
    }
}

fn scene(path: &str, given: Result<Response, TransportError>) -> (Bedrock, Arc<Scripted>) {
    let transport = Scripted::new(vec![(format!("POST {BASE}{path}"), given)]);
    (Bedrock::new(transport.clone(), stopped(784_111_747_000), &format!("{BASE}/"), aws()), transport)
}

fn asked(path: &str, question: &Question) -> (Request, Value) {
    let (model, transport) = scene(path, answer(200, &[], &reply("tool_use", CALL)));
    run(model.ask(question)).unwrap();
    let request = transport.done().remove(0);
    let body = serde_json::from_slice(request.body()).unwrap();
    (request, body)
}

const CALL: &str = r#"{"text":"Holding."},
    {"toolUse":{"toolUseId":"tooluse_1","name":"decide","input":{"action":"hold","reason":"flat"}}}"#;

fn reply(stop: &str, content: &str) -> String {
    format!(
        r#"{{"metrics":{{"latencyMs":551}},"output":{{"message":{{"role":"assistant","content":[{content}]}}}},
        "stopReason":"{stop}","usage":{{"inputTokens":100,"outputTokens":7,"totalTokens":130,
        "cacheReadInputTokens":3,"cacheWriteInputTokens":20,
        "cacheDetails":[{{"ttl":"5m","inputTokens":8}},{{"ttl":"1h","inputTokens":12}}]}}}}"#
    )
}

fn read(body: &str) -> Result<Reply, BadReply> {
    super::read(body.as_bytes())
}

#[test]
fn bedrock_is_asked_in_the_documented_shape() {
    let (_, body) = asked(PATH, &question(HAIKU, vec![Turn::Facts("BTC-USDT 42000".into())]));
    assert_eq!(
        body,
        json!({
            "system": [{"text": "You decide."}],
            "messages": [{"role": "user", "content": [{"text": "BTC-USDT 42000"}]}],
            "inferenceConfig": {"maxTokens": 512, "temperature": 0},
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "decide", "description": "Decide.", "strict": true,
                    "inputSchema": {"json": {"type": "object"}}}}],
                "toolChoice": {"tool": {"name": "decide"}}},
        })
    );
}

/// The expected signature is that of botocore 1.44.5 for the same request, key and second.
#[test]
fn bedrock_is_asked_with_the_signature_that_botocore_makes() {
    let request = http::Request::post(format!("{BASE}{PATH}"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(br#"{"messages":[]}"#));
    let now = Timestamp::from_millis(784_111_747_000);
    let request = signature::signed(request.unwrap(), SERVICE, &aws(), now).unwrap();
    let headers = request.headers();
    assert_eq!(headers["x-amz-date"], "19941106T084907Z");
    assert_eq!(headers["x-amz-security-token"], "canary-token");
    assert_eq!(
        headers["authorization"].to_str().unwrap(),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/19941106/eu-central-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
         Signature=1e74b53440fcf715555b42930dddbad9381e7a65d8825fadae62982a9e47b7cc"
    );
    let sent = asked(PATH, &question(HAIKU, vec![])).0;
    assert!(sent.headers().contains_key("authorization"));
}

#[test]
fn bedrock_ids_stand_in_the_path_as_one_segment() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";
    let path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0\
         /converse";
    asked(path, &question(&format!("bedrock/{arn}"), vec![]));
}

#[test]
fn bedrock_gets_of_each_parameter_what_the_model_is_known_to_take() {
    let given = |id: &str| {
        let path = format!("/model/{}/converse", id.replace(':', "%3A"));
        let body = asked(&path, &question(&format!("bedrock/{id}"), vec![])).1;
        let has = |path| body.pointer(path).is_some();
        [
            has("/inferenceConfig/temperature"),
            has("/toolConfig/tools/0/toolSpec/strict"),
            has("/toolConfig/toolChoice"),
        ]
    };
    for (id, expected) in [
        ("global.anthropic.claude-sonnet-4-6", [true, true, true]),
        ("us.anthropic.claude-opus-4-7-v1:0", [false, true, true]),
        ("amazon.nova-lite-v1:0", [true, false, true]),
        ("meta.llama4-scout-17b-instruct-v1:0", [false, false, false]),
        ("anthropic.claude-next-v1:0", [false, false, false]),
    ] {
        assert_eq!(given(id), expected, "{id}");
    }
}

fn second_round(body: &str) -> Value {
    let raw = RawReply { body: body.as_bytes().to_vec() };
    let turns = vec![
        Turn::Facts("facts".into()),
        Turn::Answered(Box::new(raw)),
        Turn::FormatError("Format error.".into()),
    ];
    asked(PATH, &question(HAIKU, turns)).1["messages"].clone()
}

#[test]
fn bedrock_is_shown_its_words_and_calls_and_every_call_gets_the_format_error() {
    let two = format!("{CALL},{}", r#"{"toolUse":{"toolUseId":"tooluse_2","name":"decide","input":{}}}"#);
    let content: Value = serde_json::from_str(&format!("[{two}]")).unwrap();
    let thought =
        format!(r#"{{"reasoningContent":{{"reasoningText":{{"text":"{}"}}}}}},{two}"#, "hm ".repeat(9_000));
    let error = |id| json!({"toolResult": {"toolUseId": id, "status": "error", "content": [{"text": "Format error."}]}});
    assert_eq!(
        second_round(&reply("tool_use", &thought)),
        json!([
            {"role": "user", "content": [{"text": "facts"}]},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [error("tooluse_1"), error("tooluse_2")]},
        ])
    );
}

#[test]
fn bedrock_gets_plain_words_where_it_made_no_call_and_nothing_back_that_cannot_be_shown() {
    let spoken = second_round(&reply("end_turn", r#"{"text":"No."}"#));
    assert_eq!(spoken[2], json!({"role": "user", "content": [{"text": "Format error."}]}));
    for body in ["not json", "{}", r#"{"output":{"message":{"content":"x"}}}"#, &reply("end_turn", "")] {
        // Roles must alternate.
        let joined = json!([{"role": "user", "content": [{"text": "facts"}, {"text": "Format error."}]}]);
        assert_eq!(second_round(body), joined, "{body}");
    }
}

#[test]
fn bedrock_answers_are_read_with_all_their_tokens() {
    let read = read(&reply("tool_use", CALL)).unwrap();
    assert_eq!((read.stop, read.text.as_str()), (Stop::Tool, "Holding."));
    // 100 leaves out the 3 that were read and the 20 that were written, 12 of them for an hour.
    let usage =
        Usage { tokens_in: 123, cache_read: 3, cache_written: 20, cache_written_1h: 12, tokens_out: 7 };
    assert_eq!(read.usage, usage);
    let [call] = &read.calls[..] else { panic!("{:?}", read.calls) };
    assert_eq!((call.id.as_str(), call.name.as_str()), ("tooluse_1", "decide"));
    assert_eq!(call.input["action"], "hold");
}

#[test]
fn bedrock_stops_have_one_meaning_each() {
    for (word, stop) in [
        ("tool_use", Stop::Tool),
        ("end_turn", Stop::End),
        ("stop_sequence", Stop::End),
        ("max_tokens", Stop::Length),
        ("model_context_window_exceeded", Stop::Length),
        ("guardrail_intervened", Stop::Refusal),
        ("content_filtered", Stop::Refusal),
        ("malformed_tool_use", Stop::Other("malformed_tool_use".into())),
        ("of_tomorrow", Stop::Other("of_tomorrow".into())),
    ] {
        assert_eq!(read(&reply(word, "")).unwrap().stop, stop, "{word}");
    }
}

#[test]
fn bedrock_reasoning_is_not_prose_and_unknown_blocks_are_errors() {
    let thought = format!(r#"{{"reasoningContent":{{"reasoningText":{{"text":"hm"}}}}}},{CALL}"#);
    assert_eq!(read(&reply("tool_use", &thought)).unwrap().text, "Holding.");
    for block in [r#"{"image":{}}"#, r#"{"text":1}"#, r#""text""#] {
        assert!(read(&reply("end_turn", block)).is_err(), "{block}");
    }
}

#[test]
fn bedrock_answers_with_missing_null_or_malformed_parts_are_not_read() {
    let good = reply("tool_use", CALL);
    for (from, to) in [
        ("\"inputTokens\":100,", ""),
        ("\"outputTokens\":7", "\"outputTokens\":null"),
        ("\"outputTokens\":7", "\"outputTokens\":-7"),
        ("\"inputTokens\":100", "\"inputTokens\":4294967295"),
        ("\"inputTokens\":12", "\"inputTokens\":21"),
        ("\"stopReason\":\"tool_use\"", "\"stopReason\":null"),
        ("\"role\":\"assistant\"", "\"role\":\"user\""),
        ("\"name\":\"decide\",", ""),
        ("\"toolUseId\":\"tooluse_1\"", "\"toolUseId\":null"),
        ("\"message\":", "\"messages\":"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(read(&good.replace(from, to)).is_err(), "{from} -> {to}");
    }
    for body in ["", "{", "[]", "<html>", good.split_at(200).0] {
        assert!(read(body).is_err(), "{body}");
    }
    let plain = r#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn",
        "usage":{"inputTokens":9,"outputTokens":1,"totalTokens":10}}"#;
    assert_eq!(read(plain).unwrap().usage, Usage { tokens_in: 9, tokens_out: 1, ..Usage::default() });
}

fn refused(status: u16, kind: &str, message: &str) -> ModelError {
    let named = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let body = json!({"message": message}).to_string();
    let (model, transport) = scene(PATH, answer(status, &[("x-amzn-errortype", &named)], &body));
    let error = run(model.ask(&question(HAIKU, vec![]))).unwrap_err();
    assert_eq!(transport.done().len(), 1);
    error
}

#[test]
fn bedrock_failures_say_what_to_do_next() {
    assert_eq!(
        refused(429, "ThrottlingException", "Too many requests"),
        ModelError::Throttled { wait: None }
    );
    for (status, kind) in [(429, "ModelNotReadyException"), (503, "ServiceUnavailableException"), (503, "")] {
        assert_eq!(refused(status, kind, "busy"), ModelError::Overloaded, "{kind}");
    }
    let spent = refused(400, "ServiceQuotaExceededException", "quota");
    assert_eq!(spent, ModelError::SpendLimit("quota".into()));
    let unpaid = "Model access is denied due to INVALID_PAYMENT_INSTRUMENT.";
    assert!(matches!(refused(403, "AccessDeniedException", unpaid), ModelError::SpendLimit(_)));
    for (status, kind, words) in [
        (404, "ResourceNotFoundException", "This model version has reached the end of its life."),
        (400, "ValidationException", "The provided model identifier is invalid."),
        (400, "ValidationException", "Invocation of model ID x with on-demand throughput isn't supported."),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    ] {
        assert_eq!(refused(status, kind, words), ModelError::NoSuchModel(words.into()), "{kind}");
    }
    for (status, kind) in
        [(400, "ValidationException"), (403, "ExpiredTokenException"), (403, "InvalidSignatureException")]
    {
        let expected = ModelError::Refused { status, text: "no".into() };
        assert_eq!(refused(status, kind, "no"), expected, "{kind}");
    }
    for (status, kind) in [
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (500, "InternalServerException"),
        (502, ""),
    ] {
        assert!(matches!(refused(status, kind, "x"), ModelError::Unavailable(_)), "{kind}");
    }
}

#[test]
fn bedrock_errors_are_known_by_their_body_too() {
    let body = r#"{"__type":"com.amazon.coral.service#ModelNotReadyException","Message":"loading"}"#;
    let (model, _) = scene(PATH, answer(429, &[], body));
    assert_eq!(run(model.ask(&question(HAIKU, vec![]))), Err(ModelError::Overloaded));
    let (model, _) = scene(PATH, answer(429, &[("retry-after", "61")], "<html>"));
    let wait = Some(Millis::from_secs(61));
    assert_eq!(run(model.ask(&question(HAIKU, vec![]))), Err(ModelError::Throttled { wait }));
}

#[test]
fn bedrock_is_unavailable_where_its_answer_does_not_arrive_or_is_too_long() {
    for given in [
        Err(TransportError::NoAnswer("timed out".into())),
        Err(TransportError::NeverSent("no route".into())),
        answer(200, &[], &"x".repeat(LARGEST_BODY + 1)),
    ] {
        let (model, _) = scene(PATH, given);
        assert!(matches!(run(model.ask(&question(HAIKU, vec![]))), Err(ModelError::Unavailable(_))));
    }
}

#[test]
fn bedrock_secrets_are_never_printed() {
    let (model, _) = scene(PATH, answer(403, &[], r#"{"message":"no"}"#));
    let error = run(model.ask(&question(HAIKU, vec![]))).unwrap_err();
    assert!(!format!("{model:?} {error:?} {error}").contains("canary"));
}
