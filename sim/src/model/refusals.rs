//! What is refused, in the words that were recorded or reported: each record names its source.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::tests::rising;
use super::*;

const RECORDS: [&str; 2] = [
    include_str!("../../../shared/src/model/recorded/answers.json"),
    include_str!("../../../shared/src/model/recorded/reported.json"),
];

/// What a record says came back.
fn recorded(name: &str) -> (u64, Value) {
    let all = RECORDS.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap());
    let record =
        all.into_iter().find(|record| record["name"] == name).unwrap_or_else(|| panic!("no record {name}"));
    (record["status"].as_u64().unwrap(), record["body"].clone())
}

/// Asserts that everything that a record tells was told, but for ids.
fn assert_told(name: &str, (status, body): &(u64, Value)) {
    let (recorded_status, recorded) = recorded(name);
    assert_eq!((*status, without_ids(body)), (recorded_status, without_ids(&recorded)), "{name}");
}

fn without_ids(body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            const IDS: [&str; 7] =
                ["request_id", "user_id", "id", "provider_name", "reads", "domain", "failed_generation"];
            let kept = fields.iter().filter(|(key, value)| !IDS.contains(&key.as_str()) && !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_ids(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(without_ids).collect(),
        // What another provider said, as a text: the order of its fields says nothing.
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or(body.clone(), |inner| without_ids(&inner))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => body.clone(),
    }
}

fn send(model: &ScriptedModel, path: &str, key: &str, body: &Value) -> (u64, Value) {
    let request = http::Request::post(format!("http://model.sim{path}"))
        .header("x-api-key", key)
        .header("authorization", format!("Bearer {key}"))
        .header("anthropic-version", "2023-06-01")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let response = model.serve(request, Timestamp::parse("2026-12-01T00:00:00Z").unwrap());
    (response.status().as_u16().into(), wire::body_of(&response))
}

fn refused(path: &str, body: &Value) -> (u64, Value) {
    send(&ScriptedModel::new(Policy::Momentum, 0), path, "sk-test", body)
}

/// A body with more fields, or other ones.
fn with(body: &Value, more: Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn closed(properties: Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn numbered(count: usize, kind: Value) -> Value {
    (0..count).map(|nth| (format!("p{nth:02}"), json!({"type": kind}))).collect::<Map<_, _>>().into()
}

fn message(model: &str) -> Value {
    json!({
        "model": model, "max_tokens": 8_192, "messages": [{"role": "user", "content": rising().to_string()}],
        "tools": [{"name": "decide", "input_schema": closed(json!({}))}],
    })
}

fn chat(model: &str) -> Value {
    let function = json!({"name": "decide", "parameters": closed(json!({}))});
    json!({
        "model": model, "messages": [{"role": "user", "content": rising().to_string()}],
        "tools": [{"type": "function", "function": function}],
    })
}

fn named() -> Value {
    json!({"tool_choice": {"type": "function", "function": {"name": "decide"}}})
}

#[test]
fn messages_are_refused_in_the_recorded_words() {
    let strict = |tools: usize, schema: Value| {
        let tool = |nth| json!({"name": format!("tool_{nth}"), "strict": true, "input_schema": schema});
        json!({"tools": (0..tools).map(tool).collect::<Vec<Value>>()})
    };
    let node = closed(json!({"next": {"$ref": "#/$defs/Node"}}));
    let recursive =
        with(&closed(json!({"node": {"$ref": "#/$defs/Node"}})), json!({"$defs": {"Node": node}}));
    let mut nullable = closed(numbered(16, json!(["string", "null"])));
    nullable["required"] = nullable["properties"].as_object().unwrap().keys().cloned().collect();
    for (record, model, more) in [
        (
            "claude-opus-4-6-effort-xhigh-refused",
            "claude-opus-4-6",
            json!({"output_config": {"effort": "xhigh"}}),
        ),
        ("claude-temperature-out-of-range", "claude-sonnet-4-6", json!({"temperature": -5.0})),
        ("claude-temperature-refused", "claude-opus-5", json!({"temperature": 0})),
        ("claude-unknown-model", "claude-sonet-4-5", json!({})),
        ("claude-twenty-one-strict-tools", "claude-sonnet-4-6", strict(21, closed(json!({})))),
        (
            "claude-twenty-five-optional",
            "claude-sonnet-4-6",
            strict(1, closed(numbered(25, json!("string")))),
        ),
        (
            "claude-seventeen-unions",
            "claude-sonnet-4-6",
            strict(1, closed(numbered(17, json!(["string", "null"])))),
        ),
        ("claude-schema-too-complex", "claude-sonnet-4-6", strict(1, nullable)),
        ("claude-schema-recursive", "claude-sonnet-4-6", strict(1, recursive)),
        ("claude-fable-5-1-forced-refused", "claude-fable-5-1", json!({"tool_choice": {"type": "any"}})),
        (
            "claude-thinking-with-forced-tool",
            "claude-haiku-4-5",
            json!({"tool_choice": {"type": "any"}, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ),
    ] {
        assert_told(record, &refused("/v1/messages", &with(&message(model), more)));
    }
}

#[test]
fn a_claude_refuses_thinking_efforts_and_turns_it_lacks() {
    let forced = json!({"tool_choice": {"type": "tool", "name": "decide"}});
    let effort = |thinking: &str, effort: &str| json!({"thinking": {"type": thinking}, "output_config": {"effort": effort}});
    let prefilled =
        json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]});
    for (model, more, words) in [
        ("claude-opus-5-5", json!({"thinking": {"type": "disabled"}}), "thinking.type.disabled"),
        ("claude-fable-5", json!({"thinking": {"type": "disabled"}}), "thinking.type.disabled"),
        ("claude-sonnet-5-5", json!({"thinking": {"type": "disabled"}}), "thinking.type.between_tools"),
        ("claude-opus-5-5", json!({"thinking": {"type": "between_tools"}}), "thinking.type.between_tools"),
        ("claude-sonnet-5", json!({"thinking": {"type": "between_tools"}}), "thinking.type.between_tools"),
        (
            "claude-opus-4-7",
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            "thinking.type.enabled",
        ),
        ("claude-haiku-4-5", json!({"thinking": {"type": "adaptive"}}), "adaptive thinking is not supported"),
        (
            "claude-opus-4-6",
            json!({"thinking": {"type": "adaptive", "budget_tokens": 1}}),
            "thinking.adaptive.budget",
        ),
        (
            "claude-haiku-5-5",
            effort("disabled", "xhigh"),
            "output_config.effort 'xhigh' is not supported when",
        ),
        ("claude-opus-5", effort("disabled", "max"), "output_config.effort 'max' is not supported when"),
        (
            "claude-sonnet-5-5",
            effort("between_tools", "max"),
            "output_config.effort 'max' is not supported when",
        ),
        (
            "claude-haiku-4-5",
            json!({"output_config": {"effort": "low"}}),
            "does not support the effort parameter",
        ),
        ("claude-opus-5-5", forced.clone(), "type \"tool\" and \"any\" are not supported"),
        (
            "claude-haiku-4-5",
            json!({"reasoning_effort": "low"}),
            "reasoning_effort: Extra inputs are not permitted",
        ),
        ("claude-opus-4-6", prefilled.clone(), "does not support assistant message prefill"),
        ("claude-haiku-4-5", json!({"max_tokens": 64_001}), "max_tokens: 64001 > 64000"),
        ("claude-sonnet-4-5", json!({}), "model: claude-sonnet-4-5"),
    ] {
        let (status, body) = refused("/v1/messages", &with(&message(model), more));
        let told = body["error"]["message"].as_str().unwrap_or_default();
        assert!(matches!(status, 400 | 404) && told.contains(words), "{model}: {status} {body}");
    }
    for (model, more) in [
        ("claude-opus-4-8", effort("disabled", "max")),
        ("claude-sonnet-5-5", effort("between_tools", "low")),
        ("claude-fable-5", forced.clone()),
        ("claude-opus-4-6", json!({"thinking": {"type": "adaptive"}, "tool_choice": {"type": "any"}})),
        ("claude-haiku-4-5", prefilled),
        ("claude-haiku-4-5-20251001", json!({"temperature": 0})),
    ] {
        assert_eq!(refused("/v1/messages", &with(&message(model), more)).0, 200, "{model}");
    }
}

#[test]
fn thinking_is_paid_out_of_the_bound_first() {
    let asked = |model: &str, bound: u64, more: Value| {
        let body = with(&message(model), json!({"max_tokens": bound}));
        refused("/v1/messages", &with(&body, more)).1
    };
    let eaten = asked("claude-opus-5", 400, json!({}));
    assert_eq!(
        (&eaten["stop_reason"], eaten["content"].as_array().unwrap().len()),
        (&json!("max_tokens"), 1)
    );
    assert_eq!(eaten["usage"]["output_tokens_details"]["thinking_tokens"], 400);
    let off = asked("claude-opus-5", 400, json!({"thinking": {"type": "disabled"}}));
    assert_eq!((&off["stop_reason"], &off["content"][0]["type"]), (&json!("tool_use"), &json!("text")));
    let whole = asked("claude-opus-5", 4_096, json!({}));
    assert_eq!(
        (&whole["stop_reason"], &whole["content"][0]["type"]),
        (&json!("tool_use"), &json!("thinking"))
    );
    let forced = json!({"tool_choice": {"type": "any"}});
    assert_eq!(
        asked("claude-opus-5", 400, forced.clone())["stop_reason"],
        "tool_use",
        "a forced call is begun"
    );
    assert_eq!(asked("claude-haiku-5-5", 400, forced)["stop_reason"], "max_tokens");
}

#[test]
fn openai_refuses_in_the_recorded_words() {
    let tools = ("/v1/chat/completions", json!({}));
    let responses = |model: &str, more: Value| {
        ("/v1/responses", with(&json!({"model": model, "input": rising().to_string()}), more))
    };
    for (record, (path, body)) in [
        ("openai-chat-unknown-model", (tools.0, chat("gpt-5.2-proo"))),
        ("openai-chat-temperature-above-max", (tools.0, with(&chat("gpt-4o"), json!({"temperature": 99.0})))),
        ("openai-chat-max-tokens-refused", (tools.0, with(&chat("gpt-5.2"), json!({"max_tokens": 16})))),
        ("gpt-5-6-luna-chat-tools-refused", (tools.0, chat("gpt-5.6-luna"))),
        (
            "gpt-6-sol-chat-tools-refused",
            (tools.0, with(&chat("gpt-6-sol"), json!({"reasoning_effort": "low"}))),
        ),
        (
            "gpt-6-astra-chat-tools-refused",
            (tools.0, with(&chat("gpt-6-astra"), json!({"reasoning_effort": "low"}))),
        ),
        ("openai-responses-unknown-model", responses("gpt-5.2-proo", json!({}))),
        ("openai-responses-temperature-refused", responses("gpt-6-astra", json!({"temperature": 0}))),
        (
            "gpt-5-6-luna-effort-minimal-refused",
            responses("gpt-5.6-luna", json!({"reasoning": {"effort": "minimal"}})),
        ),
    ] {
        assert_told(record, &refused(path, &body));
    }
}

#[test]
fn openai_takes_each_parameter_where_it_is_told_to() {
    let none = json!({"reasoning_effort": "none"});
    let function = |schema: Value| json!({"name": "decide", "strict": true, "parameters": schema});
    let strict = |schema: Value| json!({"tools": [{"type": "function", "function": function(schema)}]});
    for (model, more, code) in [
        ("gpt-5.4", json!({"reasoning_effort": "low"}), ""),
        ("gpt-5.5", json!({}), ""),
        ("gpt-6.1-terra", none.clone(), ""),
        ("gpt-5-mini", none.clone(), "unsupported_value"),
        ("gpt-5.1", json!({"reasoning_effort": "minimal"}), "unsupported_value"),
        ("gpt-5-mini", json!({"temperature": 0}), "unsupported_value"),
        ("gpt-5.2", json!({"temperature": 0, "reasoning_effort": "low"}), "unsupported_value"),
        ("o3", json!({"parallel_tool_calls": false}), "unsupported_parameter"),
        ("gpt-4.1", json!({"reasoning_effort": "low"}), ""),
        ("gpt-4.1", json!({"thinking": {"type": "disabled"}}), ""),
        ("gpt-4.1", strict(json!({"type": "object", "properties": {}})), "invalid_function_parameters"),
        ("gpt-4.1", strict(closed(numbered(1, json!("string")))), "invalid_function_parameters"),
        ("o4-mini", json!({}), "model_not_found"),
        ("gpt-4.1-nano", json!({}), "model_not_found"),
        ("gpt-5.2-pro", json!({}), ""),
        ("gpt-5.3-codex", json!({}), ""),
    ] {
        let (status, body) = refused("/v1/chat/completions", &with(&chat(model), more));
        let told = body["error"]["code"].as_str().unwrap_or_default();
        assert!(matches!(status, 400 | 404) && told == code, "{model}: {status} {body}");
    }
    for (model, more) in [
        ("gpt-5.1", json!({"temperature": 0})),
        ("gpt-5.4-mini", with(&none, json!({"temperature": 0}))),
        ("gpt-5.5", none.clone()),
        ("gpt-6-luna-2026-09-22", none),
        ("gpt-5", json!({"reasoning_effort": "high", "max_completion_tokens": 4_096})),
        ("gpt-4o-2024-08-06", with(&named(), json!({"max_tokens": 400, "parallel_tool_calls": false}))),
    ] {
        assert_eq!(refused("/v1/chat/completions", &with(&chat(model), more)).0, 200, "{model}");
    }
    let body = json!({"model": "gpt-5.6-sol", "input": "x", "max_tokens": 400});
    let (status, body) = refused("/v1/responses", &body);
    assert_eq!((status, &body["error"]["code"]), (400, &json!("unknown_parameter")));
}

#[test]
fn converse_refuses_in_the_recorded_words() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {
        "list": {"type": "array", "maxItems": 2}}});
    let format = json!({"type": "json_schema", "structure": {"jsonSchema": {"schema": schema.to_string()}}});
    let tool = |strict: bool, choice: Value| {
        let spec = json!({"name": "decide", "inputSchema": {"json": closed(json!({}))}, "strict": strict});
        let mut config = json!({"tools": [{"toolSpec": spec}]});
        if !choice.is_null() {
            config["toolChoice"] = choice;
        }
        json!({"toolConfig": config})
    };
    let (any, cold) = (json!({"any": {}}), json!({"inferenceConfig": {"temperature": 0}}));
    let native = json!({"outputConfig": {"textFormat": format}});
    let effort = json!({"additionalModelRequestFields": {"reasoning_effort": "low"}});
    for (record, id, more) in [
        ("bedrock-opus-5-5-forced-refused", "us.anthropic.claude-opus-5-5", tool(false, any.clone())),
        ("bedrock-sonnet-5-strict-refused", "us.anthropic.claude-sonnet-5", tool(true, Value::Null)),
        ("bedrock-opus-4-7-strict-refused", "anthropic.claude-opus-4-7", tool(true, Value::Null)),
        ("bedrock-opus-5-temperature-refused", "us.anthropic.claude-opus-5", cold.clone()),
        ("bedrock-opus-5-native-refused", "us.anthropic.claude-opus-5", native.clone()),
        ("bedrock-native-max-items-refused", "us.anthropic.claude-sonnet-4-6", native.clone()),
        ("bedrock-openai-temperature-refused", "global.openai.gpt-5.6-luna", cold.clone()),
        ("bedrock-openai-effort-field-refused", "openai.gpt-6-sol", effort),
        ("bedrock-profile-needed", "deepseek.r1-v1:0", json!({})),
        ("bedrock-end-of-life", "anthropic.claude-3-5-sonnet-20240620-v1:0", json!({})),
        ("bedrock-id-invalid", "us.does-not-exist-model-v1:0", json!({})),
    ] {
        assert_told(record, &converse(id, &more));
    }
    for (id, more, words) in [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", json!({}), "on-demand throughput"),
        ("amazon.nova-lite-v1:0", tool(true, Value::Null), "strict"),
        ("us.meta.llama4-scout-17b-instruct-v1:0", tool(false, any), "toolConfig.toolChoice.any"),
        ("openai.gpt-oss-120b-1:0", tool(true, Value::Null), "strict"),
        ("xai.grok-4.6", cold, "temperature"),
        ("us.deepseek.r1-v1:0", tool(false, Value::Null), "tool use"),
        ("amazon.nova-lite-v1:0", json!({"thinking": {}}), "extraneous key [thinking]"),
        (
            "us.anthropic.claude-haiku-4-5",
            json!({"additionalModelRequestFields": {"x": 1}}),
            "x: Extra inputs",
        ),
    ] {
        let (status, body) = converse(id, &more);
        assert!(status == 400 && body["message"].as_str().unwrap().contains(words), "{id}: {status} {body}");
    }
}

/// What Converse says of a request whose signature is right.
fn converse(id: &str, more: &Value) -> (u64, Value) {
    let body = with(&json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]}), more.clone());
    let fault = super::converse::asked(id, &body, 0).unwrap_err();
    let response = super::converse::fault(&fault, wire::Ids { seed: 0, nth: 1 });
    (response.status().as_u16().into(), wire::body_of(&response))
}

#[test]
fn compatible_servers_refuse_in_the_recorded_words() {
    let required = json!({"tool_choice": "required"});
    let off = json!({"thinking": {"type": "disabled"}});
    let zero = json!({"temperature": 0});
    let shown_back = json!({"messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "decide", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "again"},
    ]});
    for (record, path, model, more) in [
        ("deepseek-required-while-thinking", "", "deepseek-v4-flash", required.clone()),
        ("deepseek-named-while-thinking", "", "deepseek-v4-flash", named()),
        ("deepseek-unknown-model", "", "deepseek-v9-nonexistent", json!({})),
        ("qwen-forced-while-thinking", "/compatible-mode/v1", "qwen3.5-plus", required.clone()),
        ("kimi-required-while-thinking", "/v1", "kimi-k2.6", required.clone()),
        ("kimi-named-while-thinking", "/v1", "kimi-k2.6", named()),
        ("deepseek-reasoning-content-missing", "", "deepseek-v4-pro", shown_back.clone()),
        ("kimi-reasoning-content-missing", "/v1", "kimi-k2.5", shown_back),
        ("kimi-k3-temperature-refused", "/v1", "kimi-k3", zero),
        ("kimi-k2-7-thinking-off-refused", "/v1", "kimi-k2.7-code", off.clone()),
        ("xai-unknown-model", "/v1", "grok-nonexistent-model-for-identity-edge", json!({})),
        ("groq-tool-use-failed-no-call", "/openai/v1", "openai/gpt-oss-120b", required.clone()),
        ("groq-unknown-model", "/openai/v1", "lama-3.3-70b-versatlie", json!({})),
        (
            "gemini-thinking-level-refused",
            "/v1beta/openai",
            "gemini-3.1-pro-preview",
            json!({"reasoning_effort": "none"}),
        ),
        ("openrouter-unknown-model", "/api/v1", "openai/gpt-nonexistent-routed-model", json!({})),
        ("openrouter-fable-5-1-forced-refused", "/api/v1", "anthropic/claude-fable-5.1", required),
        ("lmstudio-named-refused", "/lmstudio/v1", "qwen3-30b-a3b", named()),
    ] {
        let (status, mut body) = refused(&format!("{path}/chat/completions"), &with(&chat(model), more));
        if record == "groq-unknown-model" {
            // The recorded name is one that begins as one that is served.
            body = serde_json::from_str(&body.to_string().replace("lama-3.3", "llama-3.3")).unwrap();
        }
        assert_told(record, &(status, body));
    }
    let (status, body) = refused("/api/paas/v4/chat/completions", &with(&chat("glm-5.3"), off));
    assert_eq!((status, &body["error"]["code"]), (400, &json!("1210")));
}

#[test]
fn a_choice_that_a_server_ignores_is_answered_in_prose() {
    let schema = json!({"response_format": {"type": "json_schema", "json_schema": {
        "name": "decide", "schema": closed(json!({}))}}});
    let required = json!({"tool_choice": "required"});
    let none = json!({});
    for (path, model, more, calls) in [
        ("/ollama/v1", "qwen3:0.6b", named(), 0),
        ("/ollama/v1", "qwen3:0.6b", required.clone(), 0),
        ("/ollama/v1", "qwen3:0.6b", none.clone(), 1),
        ("/llamacpp/v1", "Qwen3-1.7B", named(), 0),
        ("/llamacpp/v1", "Qwen3-1.7B", required.clone(), 1),
        ("/lmstudio/v1", "qwen3-30b-a3b", required.clone(), 1),
        ("/vllm/v1", "Qwen/Qwen3-32B", named(), 1),
        ("/vllm/v1", "openai/gpt-oss-120b", required.clone(), 0),
        ("/vllm/v1", "google/gemma-4-26B-A4B-it", named(), 0),
        ("/api/paas/v4", "glm-4.7", named(), 0),
        ("/api/paas/v4", "glm-4.7", none.clone(), 1),
        ("/v1beta/openai", "gemini-2.5-pro", named(), 1),
        ("/v1", "mistral-small-latest", json!({"tool_choice": "any"}), 1),
        ("/v1", "llama-4", named(), 0),
        ("/v1", "llama-4", none, 1),
    ] {
        let (status, body) = refused(&format!("{path}/chat/completions"), &with(&chat(model), more));
        let told = body["choices"][0]["message"]["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!((status, told), (200, calls), "{path} {model}: {body}");
    }
    for path in ["/ollama/v1", "/llamacpp/v1", "/lmstudio/v1", "/vllm/v1"] {
        let (_, body) = refused(&format!("{path}/chat/completions"), &with(&chat("any"), schema.clone()));
        let text = body["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap()["action"], "open", "{path}");
    }
}

#[test]
fn rates_and_spent_credit_are_told_in_the_recorded_words() {
    // The second call of the timetable is throttled, the fifth meets an overload.
    let nth = |calls: usize, path: &str, body: &Value| {
        let model = ScriptedModel::new(Policy::Throttled, 0);
        (0..calls).map(|_| send(&model, path, "k", body)).last().unwrap()
    };
    let spent = |path: &str, body: &Value| send(&ScriptedModel::breaking(Broken::Spent, 0), path, "k", body);
    let daily =
        |path: &str, body: &Value| send(&ScriptedModel::breaking(Broken::DailyLimit, 0), path, "k", body);
    let (glm, gemini) = ("/api/paas/v4/chat/completions", "/v1beta/openai/chat/completions");
    let (deepseek, own) = ("/chat/completions", "/v1/chat/completions");
    for (record, told) in [
        ("anthropic-rate-limit", nth(2, "/v1/messages", &message("claude-haiku-4-5"))),
        ("anthropic-overloaded", nth(5, "/v1/messages", &message("claude-haiku-4-5"))),
        ("deepseek-balance-gone", spent(deepseek, &chat("deepseek-v4-flash"))),
        ("qwen-arrearage-compatible", spent("/compatible-mode/v1/chat/completions", &chat("qwen3.8-max"))),
        ("kimi-balance-gone-429", spent(own, &chat("kimi-k3"))),
        ("kimi-engine-overloaded", nth(5, own, &chat("kimi-k3"))),
        ("glm-balance-gone", spent(glm, &chat("glm-5.3"))),
        ("glm-rate-limit", nth(2, glm, &chat("glm-5.3"))),
        ("glm-overloaded", nth(5, glm, &chat("glm-5.3"))),
        ("gemini-prepaid-gone", spent(gemini, &chat("gemini-3.8-flash"))),
        ("gemini-unavailable", nth(5, gemini, &chat("gemini-3.8-flash"))),
        ("xai-credit-gone-403", spent(own, &chat("grok-4.7"))),
        ("mistral-rate-limit", nth(2, own, &chat("mistral-small-latest"))),
    ] {
        assert_told(record, &told);
    }
    let (status, body) = daily(gemini, &chat("gemini-3.8-flash"));
    let quota = &body[0]["error"]["details"][0]["violations"][0]["quotaId"];
    assert_eq!((status, quota), (429, &json!("GenerateRequestsPerDayPerProjectPerModel-FreeTier")));
    for (path, model, record) in [
        ("/openai/v1/chat/completions", "llama-3.3-70b-versatile", "groq-bad-key"),
        (own, "mistral-small-latest", "mistral-bad-key"),
        (own, "grok-4.7", "xai-bad-key-400"),
        (gemini, "gemini-2.5-pro", "gemini-key-invalid"),
        (deepseek, "deepseek-v4-flash", "deepseek-bad-key"),
    ] {
        let (status, body) = send(&ScriptedModel::new(Policy::Momentum, 0), path, "", &chat(model));
        let (recorded_status, recorded) = recorded(record);
        let words = |body: &Value| {
            let error = body.as_array().and_then(|list| list.first()).unwrap_or(body);
            [&error["error"]["message"], &error["error"], &error["detail"]]
                .map(|text| text.as_str().map(str::to_owned))
        };
        assert_eq!((status, words(&body)), (recorded_status, words(&recorded)), "{record}");
    }
}

#[test]
fn ollama_loses_the_question_that_does_not_fit_its_window() {
    let long = json!({"messages": [{"role": "user", "content": "x".repeat(20_000)}]});
    assert_told(
        "ollama-prompt-cut",
        &refused("/ollama/v1/chat/completions", &with(&chat("qwen3:0.6b"), long)),
    );
}

#[test]
fn a_field_that_a_strict_server_does_not_know_is_named() {
    let field = json!({"max_completion_tokens": 400, "thinking": {"type": "disabled"}});
    for (path, model, status) in [
        ("/v1", "mistral-small-latest", 422),
        ("/v1beta/openai", "gemini-2.5-pro", 400),
        ("/openai/v1", "llama-3.3-70b-versatile", 400),
        ("", "deepseek-v4-flash", 200),
        ("/ollama/v1", "qwen3:0.6b", 200),
        ("/v1", "llama-4", 200),
    ] {
        let (told, body) = refused(&format!("{path}/chat/completions"), &with(&chat(model), field.clone()));
        assert_eq!(told, status, "{model}: {body}");
    }
    let requires = json!({"temperature": 0, "provider": {"require_parameters": true}});
    let (status, body) =
        refused("/api/v1/chat/completions", &with(&chat("anthropic/claude-opus-5"), requires));
    assert_eq!((status, &body["error"]["code"]), (404, &json!(404)));
}
