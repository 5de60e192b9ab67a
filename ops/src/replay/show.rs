//! One decision in full, for a person: what the model was shown, what it answered, what was made of that.

use decide::replay::{Opened, open};
use serde_json::Value;
use shared::ids::{OrderId, PositionId, Symbol};
use shared::records::DecisionRecord;
use shared::records::decision::{Asked, Came, Inputs, SeenEntry, SeenMarket};
use shared::settings::Limits;

use super::Checked;
use crate::paper::gather::why;
use crate::paper::show::one_line;
use crate::probe::dollars;

/// The decision on many lines. What others wrote commands no terminal.
pub(super) fn in_full(checked: &Checked) -> String {
    let mut text = vec![format!("decision      {}", checked.name)];
    match &checked.record {
        Ok(record) => text.extend(told(record, checked.is_priced)),
        Err(corrupt) => text.push(format!("cannot be read: {corrupt}")),
    }
    text.push(intent(checked));
    text.extend(order(checked));
    let lines = checked.lines();
    text.push(match (lines.is_empty(), checked.is_unfinished()) {
        (false, _) => format!("read again    differs: {}", lines.join("; ")),
        (true, true) => {
            "read again    it has no outcome: decide ended before it had read the answer".to_owned()
        }
        (true, false) => "read again    the same".to_owned(),
    });
    let lines = text.iter().flat_map(|part| part.split('\n'));
    lines.map(one_line).collect::<Vec<_>>().join("\n")
}

fn told(record: &DecisionRecord, is_priced: bool) -> Vec<String> {
    let DecisionRecord { account, model, tokens_in, tokens_out, usd, prompt_hash, .. } = record;
    let mut text = vec![
        format!("account       {account}"),
        format!("trace         {}", record.trace),
        format!(
            "model         {model}: {tokens_in} tokens in, {tokens_out} out, {}",
            dollars(usd, is_priced)
        ),
        format!("prompt hash   {prompt_hash}"),
    ];
    text.extend(record.asked.iter().map(asked));
    text.extend(record.inputs.iter().flat_map(inputs));
    text.extend(record.limits.as_ref().map(limits));
    match open(record) {
        Ok(opened) => text.extend(said(&opened)),
        Err(why) => text.push(format!("cannot be opened: {why}")),
    }
    let outcome = record.outcome.as_deref().unwrap_or("none");
    text.push(format!("outcome       {outcome}"));
    text.push(format!("reason        {}", record.reason.as_deref().unwrap_or_default()));
    text
}

fn asked(asked: &Asked) -> String {
    let came = match &asked.came {
        Came::Answer { bytes, kept, other, .. } => {
            let by = other.as_ref().map(|other| format!(" by {other}")).unwrap_or_default();
            let cut = if bytes == kept { String::new() } else { format!(", of which {kept} are kept") };
            format!("answered{by} in {bytes} bytes{cut}")
        }
        Came::Nothing { why, text } => format!("{}: {text}", why.as_str()),
    };
    format!("asked         {}: {came}", asked.model)
}

fn inputs(inputs: &Inputs) -> Vec<String> {
    let market = |(symbol, seen): (&Symbol, &SeenMarket)| {
        let candle = seen.candle.map(|at| format!(", last candle {at}")).unwrap_or_default();
        format!("market        {symbol} bid {} ask {} at {}{candle}", seen.bid, seen.ask, seen.at)
    };
    let position = |(symbol, id): (&Symbol, &PositionId)| format!("position      {symbol} {id}");
    let entry = |(id, entry): (&OrderId, &SeenEntry)| {
        format!("entry         {} {id} of {}", entry.symbol, entry.position)
    };
    let markets = inputs.markets.iter().map(market);
    let books = inputs.positions.iter().map(position).chain(inputs.entries.iter().map(entry));
    let room = if inputs.has_room { "room" } else { "no room" };
    let last = format!("books         {room} to open, next number {}", inputs.seq);
    markets.chain(books).chain([last]).collect()
}

fn limits(limits: &Limits) -> String {
    let Limits {
        max_order_notional,
        max_daily_orders,
        max_daily_cancels,
        max_position_abs,
        allowed_symbols,
        max_opens_per_hour,
        max_price_drift,
        max_decision_age,
    } = limits;
    let symbols: Vec<String> = allowed_symbols.iter().map(ToString::to_string).collect();
    let parts = [
        format!("limits        max_order_notional {max_order_notional}, max_position_abs {max_position_abs}"),
        format!("max_daily_orders {max_daily_orders}, max_daily_cancels {max_daily_cancels}"),
        format!("max_opens_per_hour {max_opens_per_hour}, max_price_drift {max_price_drift} %"),
        format!("max_decision_age {max_decision_age}, allowed_symbols {}", symbols.join(" ")),
    ];
    parts.join(", ")
}

/// The facts, the tool and the answers; the fixed text is in the repository.
fn said(opened: &Opened) -> Vec<String> {
    let mut text = Vec::new();
    match &opened.prompt {
        Some(asking) => {
            text.push(format!("facts\n{}", pretty(asking.facts.as_bytes())));
            text.push(format!("tool\n{}", asking.tool));
        }
        None => text.push("facts         none: nobody was asked".to_owned()),
    }
    for answer in &opened.answers {
        let part = if answer.is_whole { "" } else { ", its beginning" };
        text.push(format!("answer of {}{part}\n{}", answer.model, pretty(&answer.raw.body)));
    }
    text
}

/// JSON over several lines; anything else as it is.
fn pretty(body: &[u8]) -> String {
    let value = serde_json::from_slice::<Value>(body).and_then(|value| serde_json::to_string_pretty(&value));
    value.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())
}

fn intent(checked: &Checked) -> String {
    let Some(Ok(replayed)) = &checked.replayed else { return "wants         unknown".to_owned() };
    let effect = &replayed.effect;
    match (&effect.order, &effect.position) {
        (Some(order), _) => format!("wants         {}", order.terms.line()),
        (None, Some(position)) => format!("wants         to {} {position}", effect.outcome),
        (None, None) => "wants         nothing".to_owned(),
    }
}

fn order(checked: &Checked) -> Option<String> {
    let text = match checked.order.as_ref()? {
        Ok(order) => {
            let (terms, state) = (&order.terms, &order.state);
            let why = Some(why(state)).filter(|why| !why.is_empty());
            let why = why.map(|why| format!(", {why}")).unwrap_or_default();
            format!("{} of {}: {}{why}", terms.order_id, terms.position_id, state.as_str())
        }
        Err(why) => why.clone(),
    };
    Some(format!("order         {text}"))
}
