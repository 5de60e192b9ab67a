//! The answers of a run as a file: one JSON object a line for each answer, by which the run is repeated without any
//! model. The same question may be asked twice; its answers come back in their order.
//!
//! A run of real models has one line before them: their servers with their options, by which the answers are read and
//! priced, and that no fault of the run lay before them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::model::{Provider, Servers};
use shared::time::{Millis, Timestamp};
use shared::transport::TransportError;

use crate::bad_input::BadInput;

/// What a question is found by: a prompt has no dates, so the minute belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The scheduled minute of its cycle.
    pub minute: Timestamp,
    /// The hash of its prompt, as the decision's record has it.
    pub prompt_hash: String,
    /// Who was asked, as `provider/name`.
    pub model: String,
    /// Which question of the cycle to this model: the second one comes with the Fixed Format Error.
    pub number: u64,
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Question { minute, prompt_hash, model, number } = self;
        write!(out, "question {number} of {minute} to {model} with the prompt {prompt_hash}")
    }
}

/// What came back, as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// An answer with its status, also one that is no success.
    Answer {
        /// The HTTP status.
        status: u16,
        /// How long it asks to wait, if at all.
        wait: Option<Millis>,
        /// The headers that say what an answer is, by name: [`HEADERS`].
        headers: BTreeMap<&'static str, String>,
        /// The body, byte by byte: stop reason and usage are in it, as the provider spells them.
        body: Vec<u8>,
    },
    /// No whole answer.
    Lost(TransportError),
}

/// Headers beside the wait that an answer or its failure is read from, and the field of each: the kind of an error of AWS,
/// the new address of one that has moved, and a body that is no JSON.
pub const HEADERS: [(&str, &str); 3] =
    [("x-amzn-errortype", "error_type"), ("location", "location"), ("content-type", "content_type")];
/// What the last of them says of nearly every answer, and is not written down.
const USUAL_TYPE: &str = "application/json";

/// The answers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// The model that was asked first: the strategy's own, but for its fallbacks.
    pub model: String,
    /// Whether real models answered, before which no fault of the run lay.
    pub is_real: bool,
    /// The servers that were asked, with their options.
    pub servers: Servers,
    /// The answers to each question, in their order.
    pub answers: BTreeMap<Question, Vec<Came>>,
}

impl Recording {
    /// The name of each provider or server that was asked, once for each question.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.answers.keys().filter_map(|question| Some(question.model.split_once('/')?.0))
    }
}

impl Came {
    /// An answer, with those of its headers that matter. `wait` is what they ask to wait.
    pub fn answer(status: u16, wait: Option<Millis>, headers: &HeaderMap, body: &[u8]) -> Came {
        let header = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
        let told = HEADERS.iter().filter_map(|(name, _)| Some((*name, header(name)?.to_owned())));
        let headers = told.filter(|(_, value)| !value.starts_with(USUAL_TYPE)).collect();
        Came::Answer { status, wait, headers, body: body.to_vec() }
    }
}

/// What a person does about a damaged line.
const MEND: &str = "record the run again with --record, or take the line out";

/// The first line of a run of real models, with its end: of the `servers` those with these names.
pub fn head(servers: &Servers, names: &BTreeSet<String>) -> String {
    let mut servers = servers.to_json();
    if let Some(servers) = servers.as_object_mut() {
        servers.retain(|name, _| names.contains(name));
    }
    format!("{}\n", json!({SERVERS: servers}))
}

/// The one field of that line.
const SERVERS: &str = "servers";

/// One line, as it is written. Fields keep this order.
#[derive(Serialize)]
struct Line<'a> {
    strategy: &'a str,
    minute: String,
    prompt_hash: &'a str,
    model: &'a str,
    question: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<i64>,
    #[serde(flatten)]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_sent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_answer: Option<&'a str>,
}

/// Every field of a line.
const FIELDS: [&str; 14] = [
    "strategy",
    "minute",
    "prompt_hash",
    "model",
    "question",
    "status",
    "wait_ms",
    "error_type",
    "location",
    "content_type",
    "body",
    "body_base64",
    "never_sent",
    "no_answer",
];

/// What came of `question`, as one line with its end.
pub fn line(strategy: &str, question: &Question, came: &Came) -> String {
    let mut line = Line {
        strategy,
        minute: question.minute.to_string(),
        prompt_hash: &question.prompt_hash,
        model: &question.model,
        question: question.number,
        status: None,
        wait_ms: None,
        headers: BTreeMap::new(),
        body: None,
        body_base64: None,
        never_sent: None,
        no_answer: None,
    };
    match came {
        Came::Answer { status, wait, headers, body } => {
            line.status = Some(*status);
            line.wait_ms = wait.map(|wait| wait.0);
            let told = HEADERS.iter().filter_map(|(name, field)| Some((*field, headers.get(name)?.as_str())));
            line.headers = told.collect();
            match std::str::from_utf8(body) {
                Ok(text) => line.body = Some(text),
                Err(_) => line.body_base64 = Some(BASE64.encode(body)),
            }
        }
        Came::Lost(TransportError::NeverSent(why)) => line.never_sent = Some(why),
        Came::Lost(TransportError::NoAnswer(why)) => line.no_answer = Some(why),
    }
    // Only a map whose keys are not text could fail here, and there is none.
    let text = serde_json::to_string(&line).unwrap_or_default();
    format!("{text}\n")
}

/// Reads a file of answers.
pub fn read(path: &Path) -> Result<Recording, BadInput> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        BadInput::new(format!("{name}: cannot be read ({error}); give a file that --record wrote"))
    })?;
    parse(&name, &bytes)
}

fn parse(name: &str, bytes: &[u8]) -> Result<Recording, BadInput> {
    let mut recording = Recording::default();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let read = recording.read(line);
        read.map_err(|why| BadInput::new(format!("{name}: line {}: {why}; {MEND}", at.saturating_add(1))))?;
    }
    match recording.answers.is_empty() {
        true => Err(BadInput::new(format!("{name}: holds no answer; record one with --record"))),
        false => Ok(recording),
    }
}

impl Recording {
    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        let value = serde_json::from_slice(line).map_err(|error| format!("is no JSON ({error})"))?;
        let Value::Object(map) = value else { return Err("is no JSON object".to_owned()) };
        if let (Some(servers), 1, true) = (map.get(SERVERS), map.len(), self.answers.is_empty()) {
            self.is_real = true;
            self.servers = Servers::from_json(servers).map_err(|bad| format!("{SERVERS}: {bad}"))?;
            return Ok(());
        }
        let (question, came) = self.entry(&map)?;
        if self.answers.is_empty() {
            self.model.clone_from(&question.model);
        }
        self.answers.entry(question).or_default().push(came);
        Ok(())
    }

    fn entry(&self, map: &Map<String, Value>) -> Result<(Question, Came), String> {
        if let Some(name) = map.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(format!("{name}: is no field of an answer"));
        }
        let fields = Fields(map);
        fields.text("strategy")?;
        let minute = Timestamp::parse(fields.text("minute")?);
        let model = fields.text("model")?.to_owned();
        if Provider::of(&model).is_none() && self.servers.of(&model).is_none() {
            return Err("model: names no provider or server that is known, such as anthropic/NAME".to_owned());
        }
        let prompt_hash = fields.text("prompt_hash")?.to_owned();
        if prompt_hash.len() != 64 || !prompt_hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("prompt_hash: must be 64 hexadecimal digits".to_owned());
        }
        let question = Question {
            minute: minute.map_err(|error| format!("minute: {error}"))?,
            prompt_hash,
            model,
            number: fields.number("question")?.ok_or("question: is missing")?,
        };
        Ok((question, came(&fields)?))
    }
}

fn came(fields: &Fields<'_>) -> Result<Came, String> {
    let lost = [fields.maybe_text("never_sent")?, fields.maybe_text("no_answer")?];
    match (fields.number("status")?, lost) {
        (Some(status), [None, None]) => Ok(Came::Answer {
            status: u16::try_from(status)
                .ok()
                .filter(|status| http::StatusCode::from_u16(*status).is_ok())
                .ok_or("status: must be a status of HTTP, such as 200")?,
            wait: fields.number("wait_ms")?.map(|wait| Millis(i64::try_from(wait).unwrap_or(i64::MAX))),
            headers: headers(fields)?,
            body: body(fields)?,
        }),
        (None, [Some(why), None]) => Ok(Came::Lost(TransportError::NeverSent(why.to_owned()))),
        (None, [None, Some(why)]) => Ok(Came::Lost(TransportError::NoAnswer(why.to_owned()))),
        (None, [None, None]) => {
            Err("status: is missing, and neither never_sent nor no_answer is there".to_owned())
        }
        (Some(_), _) | (None, [Some(_), Some(_)]) => {
            Err("status: only one of status, never_sent and no_answer can be".to_owned())
        }
    }
}

fn headers(fields: &Fields<'_>) -> Result<BTreeMap<&'static str, String>, String> {
    let mut headers = BTreeMap::new();
    for (name, field) in HEADERS {
        let Some(text) = fields.maybe_text(field)? else { continue };
        HeaderValue::from_str(text).map_err(|_| format!("{field}: cannot stand in a header"))?;
        headers.insert(name, text.to_owned());
    }
    Ok(headers)
}

fn body(fields: &Fields<'_>) -> Result<Vec<u8>, String> {
    match (fields.maybe_text("body")?, fields.maybe_text("body_base64")?) {
        (Some(text), None) => Ok(text.as_bytes().to_vec()),
        (None, Some(text)) => {
            BASE64.decode(text.as_bytes()).map_err(|error| format!("body_base64: is no Base64 ({error})"))
        }
        (None, None) => Err("body: is missing".to_owned()),
        (Some(_), Some(_)) => Err("body: stands there twice, as body_base64 too".to_owned()),
    }
}

/// The fields of one line, read strictly.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.maybe_text(name)?.ok_or_else(|| format!("{name}: is missing"))
    }

    fn maybe_text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| format!("{name}: must be a string"));
        self.0.get(name).map(text).transpose()
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let number =
            |value: &'a Value| value.as_u64().ok_or_else(|| format!("{name}: must be a whole number"));
        self.0.get(name).map(number).transpose()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn question(number: u64) -> Question {
        Question {
            minute: Timestamp::parse("2023-03-01T16:00:00Z").unwrap(),
            prompt_hash: "0123456789abcdef".repeat(4),
            model: "anthropic/claude-haiku-4-5".to_owned(),
            number,
        }
    }

    fn answer(body: &[u8]) -> Came {
        Came::answer(200, None, &HeaderMap::new(), body)
    }

    fn named(header: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(header), HeaderValue::from_static(value))])
    }

    fn every_kind() -> Vec<Came> {
        vec![
            answer(b"{\"usage\":{\"input_tokens\":1}}\n"),
            answer(b"\xff\x00"),
            answer(b""),
            Came::answer(429, Some(Millis(30_000)), &named("x-amzn-errortype", "ThrottlingException"), b"{}"),
            Came::answer(308, None, &named("location", "https://new.example/v1"), b""),
            Came::answer(200, None, &named("content-type", "text/event-stream"), b"data: {}"),
            Came::Lost(TransportError::NeverSent("refused".to_owned())),
            Came::Lost(TransportError::NoAnswer("timed out".to_owned())),
        ]
    }

    #[test]
    fn what_is_written_is_read_back_byte_by_byte() {
        let mut file = String::new();
        for (number, came) in (1..).zip(every_kind()) {
            let line = line("demo", &question(number), &came);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            file.push_str(&line);
        }
        let read = parse("answers.jsonl", file.as_bytes()).unwrap();
        assert_eq!(read.model, "anthropic/claude-haiku-4-5");
        let expected: BTreeMap<_, _> =
            (1..).zip(every_kind()).map(|(number, came)| (question(number), vec![came])).collect();
        assert_eq!(read.answers, expected);
        assert_eq!(read.asked().collect::<BTreeSet<_>>(), ["anthropic"].into());
        assert!(!read.is_real);
    }

    #[test]
    fn a_question_that_was_asked_twice_has_both_answers_in_order() {
        let both = [answer(b"1"), answer(b"2")];
        let file = both.iter().map(|came| line("demo", &question(1), came)).collect::<String>();
        let read = parse("answers.jsonl", file.as_bytes()).unwrap();
        assert_eq!(read.answers, BTreeMap::from([(question(1), both.to_vec())]));
    }

    #[test]
    fn the_servers_of_a_real_run_stand_before_its_answers() {
        let home = "[servers.home]\nurl = \"http://127.0.0.1:8080/v1\"\ntool_choice = \"schema\"\n";
        let other = "[servers.other]\nurl = \"http://127.0.0.1:8081/v1\"\n";
        let servers = Servers::from_toml(home).unwrap();
        let both = Servers::from_toml(&format!("{home}{other}")).unwrap();
        let head = head(&both, &["home".to_owned(), "openai".to_owned()].into());
        let asked = Question { model: "home/llama".to_owned(), ..question(1) };
        let answers = line("demo", &asked, &answer(b"{}"));
        let read = parse("answers.jsonl", format!("{head}{answers}").as_bytes()).unwrap();
        assert!(read.is_real && read.servers == servers, "{read:?}");
        assert_eq!(read.model, "home/llama");
        let error = parse("answers.jsonl", answers.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("line 1: model: names no provider or server"), "{error}");
        let error = parse("answers.jsonl", b"{\"servers\":{\"home\":{}}}\n").unwrap_err().to_string();
        assert!(error.contains("line 1: servers: home.url: is missing"), "{error}");
    }

    /// File, line, field and mend.
    #[test]
    fn every_damage_is_one_line_that_names_where_what_and_the_mend() {
        let good = line("demo", &question(1), &answer(b"{}"));
        let with = |from: &str, to: &str| {
            let text = good.replace(from, to);
            assert_ne!(text, good, "{from}");
            text.into_bytes()
        };
        for (bytes, field) in [
            (with("{\"strategy\"", "\"strategy\""), "no JSON"),
            (b"[1]\n".to_vec(), "no JSON object"),
            (b"\xff\n".to_vec(), "no JSON"),
            (with("\"strategy\":\"demo\",", ""), "strategy: is missing"),
            (with("\"question\":1,", ""), "question: is missing"),
            (with("\"question\":1", "\"question\":-1"), "question: must be"),
            (with("2023-03-01T16", "yesterday"), "minute: "),
            (with("0123456789abcdef", "0"), "prompt_hash: "),
            (with("anthropic/claude-haiku-4-5", "claude"), "model: "),
            (with("\"status\":200", "\"status\":\"200\""), "status: must be"),
            (with("\"status\":200", "\"status\":20000"), "status: must be"),
            (with("\"status\":200,", ""), "status: is missing"),
            (with("\"status\":200", "\"status\":200,\"no_answer\":\"x\""), "status: only one"),
            (with(",\"body\":\"{}\"", ""), "body: is missing"),
            (with("\"body\":\"{}\"", "\"body\":{}"), "body: must be a string"),
            (with("\"body\":\"{}\"", "\"body_base64\":\"?\""), "body_base64: "),
            (with("\"body\":", "\"body_base64\":\"\",\"body\":"), "body: stands there twice"),
            (with("\"body\":", "\"error_type\":\"\\n\",\"body\":"), "error_type: "),
            (with("\"body\":", "\"bodys\":\"\",\"body\":"), "bodys: is no field"),
            (b"{\"servers\":{}}\n".to_vec(), "servers: is no field"),
        ] {
            let file = [good.as_bytes(), b"\n", &bytes].concat();
            let error = parse("answers.jsonl", &file).unwrap_err().to_string();
            let start = format!("answers.jsonl: line 3: {field}");
            assert!(error.starts_with(&start) || error.contains(field), "{field}: {error}");
            assert!(error.starts_with("answers.jsonl: line 3: ") && error.ends_with(MEND), "{error}");
        }
    }

    #[test]
    fn a_file_without_an_answer_and_no_file_say_what_to_give() {
        for bytes in [b"".as_slice(), b"\n\n"] {
            let error = parse("answers.jsonl", bytes).unwrap_err().to_string();
            assert!(error.contains("answers.jsonl: holds no answer; record one with --record"), "{error}");
        }
        let error = read(Path::new("/nowhere/answers.jsonl")).unwrap_err().to_string();
        assert!(error.contains("give a file that --record wrote"), "{error}");
    }
}
