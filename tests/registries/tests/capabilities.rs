//! Our table of what models take compared with litellm's map of models and anthropic's list of deprecated ones:
//! `capabilities/judge.py` says how.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::path::Path;

use registries::python::judge;
use serde_json::{Value, json};
use shared::model::Thinking;
use shared::model::capabilities::{ROWS, Row};

/// The day of the table: models of the map that ended before are left out.
const DAY: &str = "2026-12-01";

/// Row, field, ours and theirs of each difference.
fn differences(rows: &[Value]) -> Vec<(String, String, Value, Value)> {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let answer = judge(folder, "capabilities/judge.py", &[DAY], &lines.join("\n"));
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    let read = |line: &str| {
        let found: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        (text("row"), text("field"), found["ours"].clone(), found["theirs"].clone())
    };
    answer.lines().map(read).collect()
}

/// A row that the map agrees with.
fn haiku() -> Value {
    json!({"row": "haiku", "provider": "anthropic", "model": "claude-haiku-5-5", "endpoint": "messages", "ask": "named",
        "strict": true, "temperature": false, "thinks_by_default": true, "can_be_off": true, "window": 1_000_000,
        "retires": null})
}

#[test]
fn each_wrong_field_of_a_row_is_one_difference() {
    assert_eq!(differences(&[haiku()]), []);
    for (field, value, told) in [
        ("endpoint", json!("responses"), "endpoint"),
        ("ask", json!("auto"), "forced"),
        ("strict", json!(false), "strict"),
        ("temperature", json!(true), "temperature"),
        ("thinks_by_default", json!(false), "thinks_by_default"),
        ("can_be_off", json!(false), "can_be_off"),
        ("window", json!(2_000_000), "window"),
        ("retires", json!("2026-12-31"), "retires"),
        ("model", json!("claude-haiku-9"), "model"),
    ] {
        let mut row = haiku();
        row[field] = value;
        let fields: Vec<String> = differences(&[row]).into_iter().map(|(_, field, ..)| field).collect();
        assert!(fields.iter().any(|field| field == told), "{field}: {fields:?}");
    }
}

/// One row of our table as the judge reads it. Whether a model thinks when nothing is said follows from ours only where
/// it cannot be switched off.
fn ours(row: &Row) -> Value {
    let takes = row.takes;
    let bounds = takes.thinks && takes.thinking != Thinking::AsIs;
    json!({
        "row": format!("{}/{}", row.provider.as_str(), row.model), "provider": row.provider.as_str(),
        "model": row.model, "endpoint": takes.endpoint.as_str(), "ask": takes.ask.as_str(), "strict": takes.strict,
        "temperature": takes.temperature, "thinks_by_default": null,
        "can_be_off": if bounds { Some(false) } else { None }, "window": takes.window, "retires": takes.retires,
    })
}

/// Where our table and the map differ: the beginning of the row, the field, the reason.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "anthropic/claude-fable-5",
        "forced",
        "it refused forcing in June and takes it since; a schema is taken always",
    ),
    ("anthropic/claude-mythos-5", "forced", "as Fable 5"),
    ("anthropic/claude-fable-5-2", "model", "newer than the map"),
    ("anthropic/claude-mythos-5-2", "model", "newer than the map"),
    ("anthropic/claude-opus-4-1", "model", "the map has left it out"),
    ("anthropic/claude-opus-4-5", "retires", "anthropic's own list of deprecated models names the day"),
    ("bedrock/anthropic.claude-fable-5*", "forced", "langchain-aws#1273 saw it refused on 2026-09-10"),
    ("bedrock/anthropic.claude-mythos-5*", "forced", "as Fable 5"),
    ("bedrock/anthropic.claude-fable-5*", "strict", "lobehub#19876 saw it refused on 2026-09-23"),
    ("bedrock/anthropic.claude-mythos-5*", "strict", "as Fable 5"),
    ("bedrock/deepseek.*", "forced", "pydantic-ai sends no choice there; nobody has shown one"),
    ("bedrock/openai.", "forced", "pydantic-ai sends no choice there; nobody has shown one"),
    ("bedrock/qwen.qwen3*", "forced", "pydantic-ai sends no choice there; nobody has shown one"),
    ("bedrock/deepseek.*", "retires", "the day of some of the family"),
    ("bedrock/meta.llama", "retires", "the day of some of the family"),
    ("bedrock/qwen.qwen3*", "retires", "the day of some of the family"),
    ("bedrock/zai.glm-*", "retires", "the day of some of the family"),
    ("bedrock/meta.llama", "window", "the window of some of the family"),
    ("bedrock/", "window", "ours is the smaller"),
    ("deepseek/deepseek-reasoner", "forced", "retired: the name was an alias that thought"),
    ("gemini/gemini-2.5", "retires", "the map alone says so; Google's page names no day"),
    ("gemini/gemini-3.5-*", "temperature", "3.5 Flash Lite refuses it"),
    ("glm/glm-", "forced", "java.agentscope.io: auto alone is taken"),
    ("glm/glm-5*", "window", "ours is the smaller"),
    ("groq/openai/gpt-oss", "forced", "a forced call may end as tool_use_failed (recorded)"),
    ("groq/llama*", "model", "the map has left it out"),
    (
        "kimi/kimi-k2.7-code*",
        "forced",
        "it thinks always, and forcing is refused while thinking (inspect_ai PR 5152)",
    ),
    ("mistral/", "retires", "the day of one snapshot"),
    ("mistral/mistral-medium*", "window", "ours is the smaller"),
    ("ollama/*", "schema", "/v1 holds the answer to the schema by a grammar (ollama/ollama#17921)"),
    ("openai/gpt-5.", "temperature", "taken at effort none alone; none is sent"),
    ("openai/gpt-5.", "window", "ours is the smaller"),
    ("openai/gpt-5", "strict", "two of the -pro models refuse it, so none is asked with it"),
    ("qwen/", "forced", "qwen3-coder: QwenLM/qwen-code#7659"),
    ("qwen/", "window", "ours is the smaller"),
    ("openrouter/", "model", "the map lists other routes"),
    ("vllm/", "model", "a server of the user's own"),
    ("llamacpp/", "model", "a server of the user's own"),
    ("lmstudio/", "model", "a server of the user's own"),
    ("ollama/", "model", "a server of the user's own"),
];

#[test]
fn the_table_differs_from_litellms_map_only_where_it_says_why() {
    let rows: Vec<Value> = ROWS.iter().map(ours).collect();
    let is_known =
        |row: &str, field: &str| KNOWN.iter().any(|(start, of, _)| row.starts_with(start) && *of == field);
    let unknown: Vec<String> = differences(&rows)
        .into_iter()
        .filter(|(row, field, ..)| !is_known(row, field))
        .map(|(row, field, ours, theirs)| format!("{row} {field}: {ours}, they say {theirs}"))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
