//! One fixed question, by which a person learns whether a model can be asked: asked, read and priced as a question of a
//! cycle is, and never a decision. Neither a strategy's tables nor a ledger is read or written here.

use shared::decision::{Outcome, Why};
use shared::ids::Symbol;
use shared::model::{self, Client, Servers};
use shared::ports::{ModelError, Question, RawReply, Usage};
use shared::probe::Probe;
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Response};

use crate::budget::{Bound, Reported};
use crate::judge;
use crate::prompt::{SYSTEM, tool};
use crate::record;
use crate::tokens;
use crate::verdict::Verdict;

/// The facts: a market in which nothing is held and little moves.
const FACTS: &str = include_str!("probe.json");
/// Its one market.
const SYMBOL: &str = "BTC-USDT";
/// Most characters of an answer that are shown.
const MOST_SHOWN: usize = 20_000;

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// For a person.
    pub told: Probe,
    /// Why the model cannot be used; none where its answer was read as a decision.
    pub failed: Option<Failed>,
}

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It gave no answer.
    #[error(transparent)]
    NoAnswer(#[from] ModelError),
    /// Its answer is no decision.
    #[error("its answer is no decision: {0}")]
    NoDecision(String),
}

/// The question to `model`, for an answer of at most `max_tokens`.
pub fn question(model: &str, max_tokens: u32, timeout: Millis) -> Question {
    Question {
        model: model.to_owned(),
        system: SYSTEM.to_owned(),
        tool: tool(&symbols()),
        facts: FACTS.trim_end().to_owned(),
        format_error: None,
        max_tokens,
        timeout,
    }
}

/// What the question and its answer are bounded by; `percent` as for [`Bound::raised`].
pub fn bound(servers: &Servers, question: &Question, percent: u32) -> Bound {
    let takes = servers.capabilities(&question.model);
    let tokens = tokens::asked(&takes, &question.tool, &[&question.facts]);
    Bound::raised(tokens, question.max_tokens, percent)
}

/// Asks once through `client`, the one of the model's provider or server.
pub async fn probe(client: &Client, servers: &Servers, question: &Question, now: Timestamp) -> Probed {
    let takes = servers.capabilities(&question.model);
    let mut told = Probe::of(&question.model);
    let request = match client.request(question, &takes) {
        Ok(request) => request,
        Err(error) => return failed(told, error.into()),
    };
    told.request = shown(&request);
    let sent = client.send(request, question.timeout).await;
    if let Ok(response) = &sent {
        told.status = Some(response.status().as_u16());
        told.answer = body(response);
    }
    let bound = bound(servers, question, 100).usage();
    match sent.and_then(|response| client.answer(&response, &takes)) {
        Ok(raw) => read(servers, told, &raw, bound, now),
        Err(error) => {
            // It may have been answered, and is then paid for.
            if let ModelError::Unavailable(_) = error {
                pay(&mut told, servers, bound, &Reported::default(), now);
            }
            failed(told, error.into())
        }
    }
}

fn symbols() -> Vec<Symbol> {
    Symbol::parse(SYMBOL).into_iter().collect()
}

/// Without the headers, in one of which the key stands.
fn shown(request: &Request) -> String {
    let body = String::from_utf8_lossy(request.body());
    format!("{} {}\n{body}", request.method(), request.uri())
}

fn body(response: &Response) -> String {
    String::from_utf8_lossy(response.body()).chars().take(MOST_SHOWN).collect()
}

fn read(servers: &Servers, mut told: Probe, raw: &RawReply, bound: Usage, now: Timestamp) -> Probed {
    let is_whole = record::kept(raw).len() == raw.body.len();
    let reply = judge::reply(raw, is_whole, |raw| model::read(servers, &told.model, raw));
    let answered = Reported::of(&reply, model::other(servers, &told.model, raw));
    pay(&mut told, servers, answered.usage.or_bound(bound), &answered, now);
    match judge::verdict(answered.other.as_deref(), &reply, &symbols()) {
        Verdict::Final(
            outcome @ (Outcome::Trade(_) | Outcome::Hold | Outcome::Abstain(Why::ByModel)),
            reason,
        ) => {
            told.read = format!("{outcome}: {reason}");
            Probed { told, failed: None }
        }
        Verdict::Final(outcome @ Outcome::Abstain(_), reason) => {
            failed(told, Failed::NoDecision(format!("{outcome}: {reason}")))
        }
        Verdict::Malformed(problem) => failed(told, Failed::NoDecision(problem)),
    }
}

fn pay(told: &mut Probe, servers: &Servers, usage: Usage, answered: &Reported, now: Timestamp) {
    (told.tokens_in, told.tokens_out) = (usage.tokens_in, usage.tokens_out);
    told.usd = answered.cost(servers, &told.model, usage, now);
}

fn failed(told: Probe, why: Failed) -> Probed {
    Probed { told: Probe { error: why.to_string(), ..told }, failed: Some(why) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use shared::model::{Access, Provider};
    use shared::money::Notional;
    use shared::secret::Secret;
    use shared::testkit::at_once;
    use shared::transport::{Sending, Transport, TransportError};

    use super::*;
    use crate::prompt;
    use crate::snapshot::Books;
    use crate::testing::{self, at};

    const KEY: &str = "canary-5ec2e7";

    /// Says the same to everything, and keeps what was asked.
    #[derive(Debug)]
    struct Desk(Result<(u16, String), TransportError>, Mutex<Vec<Request>>);

    impl Transport for Desk {
        fn send(&self, request: Request, _: Millis) -> Sending<'_> {
            self.1.lock().unwrap().push(request);
            let answer = self.0.clone().map(|(status, body)| {
                let mut answer = Response::new(body.into());
                *answer.status_mut() = status.try_into().unwrap();
                answer
            });
            Box::pin(std::future::ready(answer))
        }
    }

    #[derive(Debug)]
    struct Still;

    impl shared::ports::Clock for Still {
        fn now(&self) -> Timestamp {
            at("2026-12-01T00:00:00Z")
        }
    }

    fn probed(came: Result<(u16, Value), TransportError>) -> Probed {
        let desk = Arc::new(Desk(came.map(|(status, body)| (status, body.to_string())), Mutex::default()));
        let access = Access::Key(Secret::new(KEY.to_owned()));
        let base = "https://openrouter.ai/api/v1";
        let client = Client::new(desk.clone(), Arc::new(Still), Provider::OpenRouter, base, access);
        let question = question("openrouter/openai/gpt-6-luna", 1_000, Millis::from_secs(1));
        let probed = at_once(probe(&client, &Servers::NONE, &question, at("2026-12-01T00:00:00Z")));
        assert_eq!(desk.1.lock().unwrap().len(), 1, "asked once");
        assert!(!format!("{:?}", probed.told).contains(KEY), "{probed:?}");
        assert!(probed.told.request.starts_with("POST https://openrouter.ai/api/v1/chat/completions\n{"));
        probed
    }

    fn said(input: &Value) -> Value {
        let call = json!({"function": {"name": "decide", "arguments": input.to_string()}});
        json!({
            "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 700, "completion_tokens": 50, "cost": 0.5},
        })
    }

    #[test]
    fn a_decision_is_told_with_its_tokens_and_dollars() {
        let Probed { told, failed } =
            probed(Ok((200, said(&json!({"action": "hold", "symbol": "", "reason": "flat"})))));
        assert_eq!((failed, told.error.as_str()), (None, ""));
        assert_eq!((told.status, told.read.as_str()), (Some(200), "hold: flat"));
        assert_eq!((told.tokens_in, told.tokens_out, told.usd.to_string()), (700, 50, "0.5".to_owned()));
    }

    #[test]
    fn an_answer_that_is_no_decision_fails_and_is_paid_for() {
        let cut = json!({"choices": [{"message": {"content": ""}, "finish_reason": "length"}]});
        for (body, words) in [
            (said(&json!({"action": "yolo", "reason": "up"})), "action must be one of"),
            (cut, "abstain:truncated: the answer was cut off"),
        ] {
            let Probed { told, failed } = probed(Ok((200, body)));
            assert!(matches!(failed, Some(Failed::NoDecision(_))) && told.error.contains(words), "{told:?}");
            assert!(told.tokens_in > 0 && !told.usd.value().is_zero() && told.read.is_empty(), "{told:?}");
        }
    }

    #[test]
    fn a_refusal_has_the_providers_words_without_the_key_and_costs_nothing() {
        let words = format!("Incorrect API key provided: {KEY}");
        let Probed { told, failed } = probed(Ok((401, json!({"error": {"message": words}}))));
        assert!(matches!(failed, Some(Failed::NoAnswer(ModelError::Refused { status: 401, .. }))));
        assert!(told.error.contains("Incorrect API key provided: [key]"), "{told:?}");
        assert_eq!((told.tokens_in, told.usd), (0, Notional::ZERO));
    }

    #[test]
    fn what_was_never_sent_costs_nothing_and_a_lost_answer_its_bound() {
        let lost = |error| probed(Err(error)).told;
        assert!(lost(TransportError::NeverSent("refused".to_owned())).usd.value().is_zero());
        let lost = lost(TransportError::NoAnswer("timed out".to_owned()));
        assert!(
            !lost.usd.value().is_zero() && lost.status.is_none() && lost.error.contains("timed out"),
            "{lost:?}"
        );
    }

    #[test]
    fn the_facts_have_the_shape_of_a_cycles() {
        fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    map.iter().for_each(|(name, one)| shape(one, &format!("{path}/{name}"), found))
                }
                Value::Array(list) => list.iter().for_each(|one| shape(one, path, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    found.insert(path.to_owned());
                }
            }
        }
        let paths = |text: &str| {
            let mut found = BTreeSet::new();
            shape(&serde_json::from_str(text).unwrap(), "", &mut found);
            found
        };
        let now = at("2023-03-01T16:00:05Z");
        let books = Books { account: Some(testing::account("1000")), ..Books::default() };
        let real = prompt::facts(&testing::settings(), &[testing::market(now)], &books, &[], now);
        let mut fixed = paths(FACTS);
        fixed.remove("/recent_decisions");
        assert_eq!(fixed, paths(&real));
        let written: Value = serde_json::from_str(FACTS).unwrap();
        assert_eq!(written.to_string(), FACTS.trim_end(), "keys in alphabetical order");
    }
}
