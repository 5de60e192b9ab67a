//! Any one provider as one type, and the reading of an answer by whose model gave it.

use super::anthropic::{self, Anthropic};
use super::bedrock::{self, Bedrock};
use super::openai::{self, OpenAi};
use super::provider::Provider;
use crate::ports::{BadReply, ModelError, Question, RawReply, Reply};

/// A client of one provider.
#[derive(Debug, Clone)]
pub enum AnyModel {
    /// Anthropic's.
    Anthropic(Anthropic),
    /// OpenAI's, or a compatible server's.
    OpenAi(OpenAi),
    /// Bedrock's.
    Bedrock(Bedrock),
}

impl AnyModel {
    /// Asks once.
    pub async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        match self {
            AnyModel::Anthropic(model) => model.ask(question).await,
            AnyModel::OpenAi(model) => model.ask(question).await,
            AnyModel::Bedrock(model) => model.ask(question).await,
        }
    }
}

/// Reads what `model` (`provider/name`) answered; needs no client and no key.
pub fn read(model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
    match Provider::of(model) {
        Some(Provider::Anthropic) => anthropic::read(&reply.body),
        Some(Provider::OpenAi | Provider::Compatible) => openai::read(&reply.body),
        Some(Provider::Bedrock) => bedrock::read(&reply.body),
        None => Err(BadReply(format!("{model} is of no provider that is known"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model_prices::dollars;
    use crate::time::Day;

    /// Usage as each provider spells it, with the dollars that genai-prices 0.2.3 says. To add one, leave its
    /// dollars out and run `tests/registries/tests/prices/judge.py write` on the file.
    const RECORDED: &str = include_str!("../model_prices/usage.json");

    /// An answer with this usage.
    fn answered(provider: &str, usage: &Value) -> Value {
        match Provider::parse(provider).unwrap() {
            Provider::Anthropic => {
                json!({"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn",
                    "usage": usage})
            }
            Provider::OpenAi | Provider::Compatible => {
                json!({"choices": [{"message": {"role": "assistant"}, "finish_reason": "stop"}], "usage": usage})
            }
            Provider::Bedrock => {
                json!({"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn",
                    "usage": usage})
            }
        }
    }

    #[test]
    fn every_recorded_answer_costs_what_genai_prices_says_to_the_last_digit() {
        let records: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
        assert!(records.len() >= 40);
        for record in &records {
            let text = |field: &str| record[field].as_str().unwrap();
            let model = format!("{}/{}", text("provider"), text("model"));
            let body = answered(text("provider"), &record["usage"]).to_string().into_bytes();
            let usage = read(&model, &RawReply { body }).unwrap().usage;
            let cost = dollars(&model, Day::parse(text("day")).unwrap(), usage);
            assert_eq!(cost.to_string(), text("dollars"), "{record}");
        }
    }
}
