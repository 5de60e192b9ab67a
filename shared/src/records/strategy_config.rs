//! A strategy's settings: `tradai-strategy-config`. Operators edit it by hand, so reading checks what the
//! settings file's reader checked; nothing is defaulted here.

use rust_decimal::Decimal;

use crate::ids::StrategyId;
use crate::money::{Notional, Percent, Qty, decimal};
use crate::records::attrs::{Draft, list, number, text};
use crate::records::fields::{Corrupt, Fields, Found, Read};
use crate::settings::{
    Crash, CrashAction, Exits, Gate, Limits, MOST_ANSWER_TOKENS, PaperBalance, SafetyMode, Settings, Tokens,
};
use crate::store::{self, Attr, Change, Item, Key};
use crate::tables::Table;
use crate::time::Millis;

/// Where the attributes are that operators edit.
pub mod path {
    use crate::records::attrs::paths;

    paths!(order_cooldown_seconds, safety_mode, limits, gate, pnl_gate, exits, crash);
}

/// The settings item of a strategy.
pub fn key(id: &StrategyId) -> Key {
    Key { table: Table::StrategyConfig, hash: id.to_string(), range: None }
}

/// The whole item.
pub fn encode(settings: &Settings) -> Item {
    Draft::under(key(&settings.strategy_id))
        .with("account", text(&settings.account))
        .with("venue", text(&settings.venue))
        .with("backend", text(settings.backend.as_str()))
        .with("testnet", Attr::Bool(settings.testnet))
        .maybe("paper_balance", settings.paper_balance.as_ref().map(text))
        .with("symbols", list(&settings.symbols, text))
        .with("decide_every_seconds", seconds_attr(settings.decide_every))
        .with("model", text(&settings.model))
        .with("model_fallbacks", list(&settings.model_fallbacks, text))
        .maybe("context_top_k", (settings.context_top_k > 0).then(|| number(settings.context_top_k)))
        .maybe("ask_when_moved_percent", settings.ask_when_moved.map(number))
        .with("llm_usd_per_day", number(settings.llm_usd_per_day))
        .with("llm_tokens_per_five_minutes", number(settings.llm_tokens.get()))
        .maybe("llm_answer_tokens", settings.llm_answer_tokens.map(number))
        .with("safety_mode", text(settings.safety_mode.as_str()))
        .with("order_cooldown_seconds", seconds_attr(settings.order_cooldown))
        .with("limits", limits_attr(&settings.limits))
        .with("gate", gate_attr(&settings.gate))
        .with("pnl_gate", Draft::new().with("max_daily_loss", number(settings.pnl_gate)).map())
        .with("exits", exits_attr(&settings.exits))
        .with("crash", crash_attr(&settings.crash))
        .with("approval_expiry_seconds", seconds_attr(settings.approval_expiry))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<Settings, Corrupt> {
    let fields = Fields::of(Table::StrategyConfig, item);
    Ok(Settings {
        strategy_id: fields.need("strategy_id", Found::word)?,
        account: fields.need("account", Found::word)?,
        venue: fields.need("venue", Found::word)?,
        backend: fields.need("backend", Found::word)?,
        testnet: fields.need("testnet", Found::flag)?,
        paper_balance: fields.maybe("paper_balance", paper_balance)?,
        symbols: fields.need("symbols", |found| found.list(Found::word))?,
        decide_every: fields.need("decide_every_seconds", whole_minutes)?,
        model: fields.need("model", Found::filled)?,
        model_fallbacks: fields.need("model_fallbacks", |found| found.list(Found::filled))?,
        // Items from before notes existed have none.
        context_top_k: fields.maybe("context_top_k", Found::number)?.unwrap_or(0),
        ask_when_moved: fields.maybe("ask_when_moved_percent", Found::number)?,
        llm_usd_per_day: fields.need("llm_usd_per_day", Found::number)?,
        // Items from before it could be said have the usual.
        llm_tokens: fields.maybe("llm_tokens_per_five_minutes", tokens)?.unwrap_or(Tokens::BEFORE),
        llm_answer_tokens: fields.maybe("llm_answer_tokens", answer_tokens)?,
        safety_mode: fields.need("safety_mode", Found::word)?,
        order_cooldown: fields.need("order_cooldown_seconds", seconds)?,
        limits: fields.need("limits", limits)?,
        gate: fields.need("gate", gate)?,
        pnl_gate: fields.need("pnl_gate", pnl_gate)?,
        exits: fields.need("exits", exits)?,
        crash: fields.need("crash", crash)?,
        approval_expiry: fields.need("approval_expiry_seconds", some_seconds)?,
    })
}

/// Attributes that settings may do without.
const OPTIONAL: [&str; 3] = ["paper_balance", "context_top_k", "ask_when_moved_percent"];

/// The changes by which the item that was `read` says what `settings` say, attribute by attribute. What it says besides
/// stays, and a number that is only spelled in another way is no change. It need not be sound.
pub fn changes(read: &Item, settings: &Settings) -> Vec<Change> {
    let is_ours = |change: &Change| match change {
        Change::Set(_, _) => true,
        Change::Remove(path) => path.rest.is_empty() && OPTIONAL.contains(&path.head.as_str()),
    };
    let found = store::changes(&plain_item(read), &plain_item(&encode(settings)));
    found.into_iter().filter(is_ours).collect()
}

fn plain_item(item: &Item) -> Item {
    item.iter().map(|(name, attr)| (name.clone(), plain(attr))).collect()
}

/// The same with every number in its shortest spelling, as the table gives them back.
fn plain(attr: &Attr) -> Attr {
    match attr {
        Attr::N(digits) => decimal(digits).map_or_else(|_| attr.clone(), number),
        Attr::L(list) => Attr::L(list.iter().map(plain).collect()),
        Attr::M(map) => Attr::M(plain_item(map)),
        Attr::S(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::Foreign(_) => attr.clone(),
    }
}

/// What is left of an item that [`decode`] refuses, for whoever protects what is held: where its orders rest, and the
/// rules that can be read. Without account, venue, backend and network nothing can be done.
///
/// A limit that cannot be read lets nothing through, and a rule that cannot be read closes nothing: what a position
/// carries itself, its stop and its own take-profit, protects it alone. Nothing may be opened with these, and no gate
/// judged. A safety mode that cannot be read opens nothing without a person, and is not the dry run that somebody
/// wanted: that would send no stop either.
pub fn remains(item: &Item) -> Result<Settings, Corrupt> {
    let fields = Fields::of(Table::StrategyConfig, item);
    Ok(Settings {
        strategy_id: fields.need("strategy_id", Found::word)?,
        account: fields.need("account", Found::word)?,
        venue: fields.need("venue", Found::word)?,
        backend: fields.need("backend", Found::word)?,
        testnet: fields.need("testnet", Found::flag)?,
        // It matters to an account that does not exist yet, and then nothing is held.
        paper_balance: fields.maybe("paper_balance", paper_balance).unwrap_or(None),
        symbols: fields.need("symbols", |found| found.list(Found::word)).unwrap_or_default(),
        decide_every: fields.need("decide_every_seconds", whole_minutes).unwrap_or(SOON),
        model: fields.need("model", Found::filled).unwrap_or_default(),
        model_fallbacks: Vec::new(),
        context_top_k: fields.maybe("context_top_k", Found::number).ok().flatten().unwrap_or(0),
        ask_when_moved: fields.maybe("ask_when_moved_percent", Found::number).unwrap_or(None),
        llm_usd_per_day: fields.need("llm_usd_per_day", Found::number).unwrap_or(Notional::ZERO),
        llm_tokens: fields
            .maybe("llm_tokens_per_five_minutes", tokens)
            .ok()
            .flatten()
            .unwrap_or(Tokens::BEFORE),
        llm_answer_tokens: fields.maybe("llm_answer_tokens", answer_tokens).unwrap_or(None),
        safety_mode: fields.need("safety_mode", Found::word).unwrap_or(SafetyMode::TwoPhase),
        order_cooldown: fields.need("order_cooldown_seconds", seconds).unwrap_or(LATE),
        limits: fields.need("limits", limits).unwrap_or_else(|_| nothing_passes()),
        gate: fields.need("gate", gate).unwrap_or(Gate { threshold: 1, cooldown: LATE }),
        pnl_gate: fields.need("pnl_gate", pnl_gate).unwrap_or(Notional::ZERO),
        exits: exits_that_remain(fields.need("exits", Found::fields).ok().as_ref()),
        crash: fields.need("crash", crash).unwrap_or(NO_CRASH),
        approval_expiry: fields.need("approval_expiry_seconds", some_seconds).unwrap_or(SOON),
    })
}

/// What must not wait longer than it takes to look again.
const SOON: Millis = Millis::from_minutes(1);
/// What must not be over before somebody has mended the settings: a day.
const LATE: Millis = Millis::from_minutes(24 * 60);
/// Closes nothing.
const NO_CRASH: Crash = Crash { fall: Percent::ZERO, window: SOON, action: CrashAction::Reduce };

const fn nothing_passes() -> Limits {
    Limits {
        max_order_notional: Notional::ZERO,
        max_daily_orders: 0,
        max_daily_cancels: 0,
        max_position_abs: Qty::ZERO,
        allowed_symbols: Vec::new(),
        max_opens_per_hour: 0,
        max_price_drift: Percent::ZERO,
        max_decision_age: Millis(0),
    }
}

fn exits_that_remain(fields: Option<&Fields<'_>>) -> Exits {
    let distance = fields.and_then(|fields| fields.need("max_stop_distance_percent", Found::number).ok());
    let percent = |name| fields.and_then(|fields| fields.need(name, or_off).ok().flatten());
    let span = |name| fields.and_then(|fields| fields.need(name, some_seconds).ok());
    Exits {
        max_stop_distance: distance.unwrap_or(Percent::ZERO),
        take_profit: percent("take_profit_percent"),
        trailing: percent("trailing_percent"),
        exit_limit: span("exit_limit_seconds").unwrap_or(SOON),
        entry_timeout: span("entry_timeout_seconds").unwrap_or(SOON),
    }
}

fn tokens(found: Found<'_>) -> Read<Tokens> {
    let count: u32 = found.clone().number()?;
    let bounds = format!("not within {} to {}", Tokens::LEAST, Tokens::MOST);
    Tokens::new(count).ok_or_else(|| found.bad(&count.to_string(), bounds))
}

fn answer_tokens(found: Found<'_>) -> Read<u32> {
    let count: u32 = found.clone().number()?;
    let bounds = format!("not within 1 to {MOST_ANSWER_TOKENS}");
    Some(count)
        .filter(|count| (1..=MOST_ANSWER_TOKENS).contains(count))
        .ok_or_else(|| found.bad(&count.to_string(), bounds))
}

fn paper_balance(found: Found<'_>) -> Read<PaperBalance> {
    let words = found.clone().text()?;
    PaperBalance::parse(&words).map_err(|why| found.bad(&words, why))
}

/// The map `limits`, which a decision's record keeps too.
pub(super) fn limits_attr(limits: &Limits) -> Attr {
    Draft::new()
        .with("max_order_notional", number(limits.max_order_notional))
        .with("max_daily_orders", number(limits.max_daily_orders))
        .with("max_daily_cancels", number(limits.max_daily_cancels))
        .with("max_position_abs", number(limits.max_position_abs))
        .with("allowed_symbols", list(&limits.allowed_symbols, text))
        .with("max_opens_per_hour", number(limits.max_opens_per_hour))
        .with("max_price_drift_percent", number(limits.max_price_drift))
        .with("max_decision_age_seconds", seconds_attr(limits.max_decision_age))
        .map()
}

pub(super) fn limits(found: Found<'_>) -> Read<Limits> {
    let fields = found.fields()?;
    Ok(Limits {
        max_order_notional: fields.need("max_order_notional", Found::number)?,
        max_daily_orders: fields.need("max_daily_orders", Found::number)?,
        max_daily_cancels: fields.need("max_daily_cancels", Found::number)?,
        max_position_abs: fields.need("max_position_abs", Found::number)?,
        allowed_symbols: fields.need("allowed_symbols", |found| found.list(Found::word))?,
        max_opens_per_hour: fields.need("max_opens_per_hour", Found::number)?,
        max_price_drift: fields.need("max_price_drift_percent", Found::number)?,
        max_decision_age: fields.need("max_decision_age_seconds", some_seconds)?,
    })
}

fn gate_attr(gate: &Gate) -> Attr {
    Draft::new().with("threshold", number(gate.threshold)).with("cooldown_ms", number(gate.cooldown.0)).map()
}

fn gate(found: Found<'_>) -> Read<Gate> {
    let fields = found.fields()?;
    Ok(Gate {
        threshold: fields.need("threshold", Found::number)?,
        cooldown: fields.need("cooldown_ms", millis)?,
    })
}

fn pnl_gate(found: Found<'_>) -> Read<Notional> {
    found.fields()?.need("max_daily_loss", Found::number)
}

fn exits_attr(exits: &Exits) -> Attr {
    Draft::new()
        .with("max_stop_distance_percent", number(exits.max_stop_distance))
        .with("take_profit_percent", or_off_attr(exits.take_profit))
        .with("trailing_percent", or_off_attr(exits.trailing))
        .with("exit_limit_seconds", seconds_attr(exits.exit_limit))
        .with("entry_timeout_seconds", seconds_attr(exits.entry_timeout))
        .map()
}

fn exits(found: Found<'_>) -> Read<Exits> {
    let fields = found.fields()?;
    Ok(Exits {
        max_stop_distance: fields.need("max_stop_distance_percent", Found::number)?,
        take_profit: fields.need("take_profit_percent", or_off)?,
        trailing: fields.need("trailing_percent", or_off)?,
        exit_limit: fields.need("exit_limit_seconds", some_seconds)?,
        entry_timeout: fields.need("entry_timeout_seconds", some_seconds)?,
    })
}

/// A rule that is switched off says so: an attribute that got lost switches nothing off.
const OFF: &str = "off";

fn or_off_attr(percent: Option<Percent>) -> Attr {
    percent.map_or_else(|| text(OFF), number)
}

fn or_off(found: Found<'_>) -> Read<Option<Percent>> {
    match found.clone().text() {
        Ok(word) if word == OFF => Ok(None),
        Ok(word) => Err(found.bad(&word, "neither a number nor \"off\"")),
        Err(_) => found.number().map(Some),
    }
}

fn crash_attr(crash: &Crash) -> Attr {
    Draft::new()
        .with("fall_percent", number(crash.fall))
        .with("window_seconds", seconds_attr(crash.window))
        .with("action", text(crash.action.as_str()))
        .map()
}

fn crash(found: Found<'_>) -> Read<Crash> {
    let fields = found.fields()?;
    Ok(Crash {
        fall: fields.need("fall_percent", Found::number)?,
        window: fields.need("window_seconds", some_seconds)?,
        action: fields.need("action", Found::word)?,
    })
}

/// A span in seconds, exact to the millisecond.
fn seconds_attr(span: Millis) -> Attr {
    number(Decimal::from_i128_with_scale(span.0.into(), 3).normalize())
}

/// A span of zero or more.
fn seconds(found: Found<'_>) -> Read<Millis> {
    let value: Decimal = found.clone().number()?;
    let millis = value.saturating_mul(Decimal::ONE_THOUSAND);
    let whole = if millis.fract().is_zero() { i64::try_from(millis).ok() } else { None };
    match whole {
        Some(millis) if millis >= 0 => Ok(Millis(millis)),
        Some(_) | None => Err(found.bad(&value.to_string(), "not a number of seconds of zero or more")),
    }
}

/// A span that is not zero.
fn some_seconds(found: Found<'_>) -> Read<Millis> {
    let span = seconds(found.clone())?;
    if span.0 > 0 { Ok(span) } else { Err(found.bad("0", "must be more than zero")) }
}

fn whole_minutes(found: Found<'_>) -> Read<Millis> {
    let span = some_seconds(found.clone())?;
    if span.0 % Millis::from_minutes(1).0 == 0 {
        Ok(span)
    } else {
        Err(found.bad(&span.to_string(), "not a whole number of minutes"))
    }
}

fn millis(found: Found<'_>) -> Read<Millis> {
    let number: i64 = found.clone().number()?;
    if number >= 0 { Ok(Millis(number)) } else { Err(found.bad(&number.to_string(), "negative")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::samples;

    fn cooldown(text: &str) -> Result<Millis, String> {
        let mut item = encode(&samples::settings());
        item.insert("order_cooldown_seconds".into(), Attr::N(text.into()));
        decode(&item).map(|settings| settings.order_cooldown).map_err(|why| why.to_string())
    }

    #[test]
    fn records_settings_change_attribute_by_attribute_and_what_stands_beside_them_stays() {
        let settings = samples::settings();
        let mut read = encode(&settings);
        assert_eq!(changes(&read, &settings), []);
        read.insert("noted".into(), Attr::S("by a person".into()));
        read.insert("order_cooldown_seconds".into(), Attr::N("077.0".into()));
        let Some(Attr::M(limits)) = read.get_mut("limits") else { panic!("{read:?}") };
        limits.insert("mine".into(), Attr::Bool(true));
        let spelled = settings.limits.max_order_notional.to_string() + ".000";
        limits.insert("max_order_notional".into(), Attr::N(spelled));
        let cooldown = number(settings.order_cooldown.as_secs());
        assert_eq!(changes(&read, &settings), [Change::Set(path::order_cooldown_seconds(), cooldown)]);
        let without = Settings { context_top_k: 0, ask_when_moved: None, ..settings.clone() };
        let removed = |change: &Change| matches!(change, Change::Remove(_));
        let taken = changes(&encode(&settings), &without);
        assert!(!taken.is_empty() && taken.iter().all(removed), "{taken:?}");
    }

    /// The runbook's command: `SET order_cooldown_seconds = :v` with `{":v": {"N": "60"}}`.
    #[test]
    fn records_the_runbooks_cooldown_is_read() {
        assert_eq!(cooldown("60"), Ok(Millis(60_000)));
        assert_eq!(cooldown("0"), Ok(Millis(0)));
        insta::assert_snapshot!(cooldown("0.0001").unwrap_err(), @r#"tradai-strategy-config demo: attribute order_cooldown_seconds: bad value "0.0001": not a number of seconds of zero or more"#);
    }
}
