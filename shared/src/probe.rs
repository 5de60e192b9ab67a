//! The event by which a person has decide ask one model one fixed question, and its answer: what was sent, what came back
//! and how it was read.

use serde_json::{Value, json};

use crate::money::Notional;

/// The one field of the event.
const EVENT: &str = "probe";

/// What one question to a model came to. Nothing in it is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The model, as `provider/name`.
    pub model: String,
    /// What was sent: method, address and body.
    pub request: String,
    /// The HTTP status; none where no answer came.
    pub status: Option<u16>,
    /// The body that came back, or its beginning.
    pub answer: String,
    /// How it was read: an outcome and its reason; empty where it was not.
    pub read: String,
    /// Tokens of the question that are paid for.
    pub tokens_in: u32,
    /// Tokens of the answer that are paid for.
    pub tokens_out: u32,
    /// What both cost, in US dollars.
    pub usd: Notional,
    /// Why the model cannot be asked, or its answer not be read as a decision, in the provider's words; empty where it
    /// can.
    pub error: String,
}

/// An answer that is no probe's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer of a probe: {0}")]
pub struct BadProbe(&'static str);

/// The event that asks for a probe of `model`.
pub fn event(model: &str) -> Value {
    json!({EVENT: model})
}

/// The model that an event asks to probe, where it asks for that and nothing else.
pub fn asked(event: &Value) -> Option<&str> {
    let fields = event.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(EVENT)?.as_str()
}

impl Probe {
    /// One of `model` before it is asked.
    pub fn of(model: &str) -> Probe {
        Probe {
            model: model.to_owned(),
            request: String::new(),
            status: None,
            answer: String::new(),
            read: String::new(),
            tokens_in: 0,
            tokens_out: 0,
            usd: Notional::ZERO,
            error: String::new(),
        }
    }

    /// As decide answers it.
    pub fn encode(&self) -> Value {
        json!({
            "model": self.model,
            "request": self.request,
            "status": self.status,
            "answer": self.answer,
            "read": self.read,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "usd": self.usd.to_string(),
            "error": self.error,
        })
    }

    /// Reads [`Probe::encode`]'s; the error names the field.
    pub fn decode(value: &Value) -> Result<Probe, BadProbe> {
        let text = |name: &'static str| {
            let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or(BadProbe(name))
        };
        let count = |name: &'static str| {
            let count = value.get(name).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
            count.ok_or(BadProbe(name))
        };
        let status = match value.get("status") {
            Some(Value::Null) => None,
            Some(status) => {
                let read = status.as_u64().and_then(|status| u16::try_from(status).ok());
                Some(read.ok_or(BadProbe("status"))?)
            }
            None => return Err(BadProbe("status")),
        };
        Ok(Probe {
            model: text("model")?,
            request: text("request")?,
            status,
            answer: text("answer")?,
            read: text("read")?,
            tokens_in: count("tokens_in")?,
            tokens_out: count("tokens_out")?,
            usd: Notional::parse(&text("usd")?).map_err(|_| BadProbe("usd"))?,
            error: text("error")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_round_trips_and_each_field_is_required() {
        let probe = Probe {
            model: "home/llama".to_owned(),
            request: "POST http://127.0.0.1:8080/v1/chat/completions\n{}".to_owned(),
            status: Some(200),
            answer: "{}".to_owned(),
            read: "hold: no trend".to_owned(),
            tokens_in: 812,
            tokens_out: 60,
            usd: Notional::parse("0.0012").unwrap(),
            error: String::new(),
        };
        let unanswered = Probe { status: None, ..probe.clone() };
        for one in [probe, unanswered] {
            let encoded = one.encode();
            assert_eq!(Probe::decode(&encoded), Ok(one));
            for name in encoded.as_object().unwrap().keys() {
                let mut less = encoded.clone();
                less.as_object_mut().unwrap().remove(name);
                assert_eq!(Probe::decode(&less).unwrap_err().0, name);
            }
        }
    }

    #[test]
    fn an_event_asks_for_a_probe_and_nothing_else() {
        assert_eq!(asked(&event("home/llama")), Some("home/llama"));
        for other in [json!({}), json!({"probe": 1}), json!({"probe": "a/b", "shard": 0}), json!("probe")] {
            assert_eq!(asked(&other), None);
        }
    }
}
