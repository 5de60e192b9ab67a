//! A strategy's live state: `tradai-trading-state`.

use std::collections::BTreeMap;

use crate::ids::{OrderId, PositionId, StrategyId};
use crate::money::Amount;
use crate::records::attrs::{Draft, list, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, Read, one_of};
use crate::records::parts::{alert, episode};
pub use crate::records::parts::{alert_attr, episode_attr};
use crate::state::{
    Alert, Breaker, Episode, ExecDay, ExecMinute, GateReset, Live, LlmDay, LlmMinute, Phase, PnlFrom,
    StrategyState, Target, WishFor,
};
use crate::status::{Holds, Status};
use crate::store::{Attr, Change, Cond, Item, Key, Write};
use crate::tables::Table;
use crate::time::{Day, Timestamp};

/// Where each attribute is, for those who change one of them.
pub mod path {
    use crate::records::attrs::paths;
    use crate::status::Hold;
    use crate::store::Path;

    paths!(
        status,
        status_ack,
        status_ack_at,
        halt_reason,
        last_heartbeat,
        last_decided_at,
        last_executed_at,
        last_reconciled_at,
        due_at,
        due_what,
        intent_seq,
        send_seq,
        exec_day,
        llm_day,
        recent_exec,
        recent_llm,
        bad_cycles,
        breaker,
        gate_reset,
        holds,
    );
    /// One hold: since when it stands.
    pub fn hold(hold: Hold) -> Path {
        Path::of("holds").then(hold.as_str())
    }
    /// One live position, order or wish.
    pub fn live(key: &str) -> Path {
        Path::of("live").then(key)
    }
    /// One alert.
    pub fn alert(kind: &str) -> Path {
        Path::of("alerts").then(kind)
    }
    /// One episode.
    pub fn episode(name: &str) -> Path {
        Path::of("episodes").then(name)
    }
}

/// The state item of a strategy.
pub fn key(id: &StrategyId) -> Key {
    Key { table: Table::TradingState, hash: id.to_string(), range: None }
}

/// The name of the `live` entry of a wish.
pub fn wish_key(intent_seq: u64) -> String {
    format!("w-{intent_seq}")
}

/// The whole item.
pub fn encode(state: &StrategyState) -> Item {
    Draft::under(key(&state.strategy_id))
        .with("status", status_attr(state.status))
        .maybe("status_ack", state.status_ack.map(status_attr))
        .maybe("status_ack_at", state.status_ack_at.map(time))
        .maybe("halt_reason", state.halt_reason.as_ref().map(text))
        .with("holds", holds_attr(&state.holds))
        .with("last_heartbeat", time(state.last_heartbeat))
        .with("last_decided_at", time(state.last_decided_at))
        .with("last_executed_at", time(state.last_executed_at))
        .maybe("last_reconciled_at", state.last_reconciled_at.map(time))
        .with("live", map(&state.live, live_attr))
        .maybe("due_at", state.due_at.map(time))
        .maybe("due_what", state.due_what.as_ref().map(text))
        .with("alerts", map(&state.alerts, alert_attr))
        .with("episodes", map(&state.episodes, episode_attr))
        .with("intent_seq", number(state.intent_seq))
        .with("send_seq", number(state.send_seq))
        .with("exec_day", exec_day_attr(&state.exec_day))
        .with("llm_day", llm_day_attr(&state.llm_day))
        .with("recent_exec", recent_exec_attr(&state.recent_exec))
        .with("recent_llm", recent_llm_attr(&state.recent_llm))
        .with("bad_cycles", number(state.bad_cycles))
        .with("breaker", breaker_attr(&state.breaker))
        .maybe("gate_reset", state.gate_reset.as_ref().map(gate_reset_attr))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<StrategyState, Corrupt> {
    let fields = Fields::of(Table::TradingState, item);
    Ok(StrategyState {
        strategy_id: fields.need("strategy_id", Found::word)?,
        status: fields.need("status", Found::word)?,
        status_ack: fields.maybe("status_ack", Found::word)?,
        status_ack_at: fields.maybe("status_ack_at", Found::word)?,
        halt_reason: fields.maybe("halt_reason", Found::text)?,
        holds: fields.need("holds", holds)?,
        last_heartbeat: fields.need("last_heartbeat", Found::word)?,
        last_decided_at: fields.need("last_decided_at", Found::word)?,
        last_executed_at: fields.need("last_executed_at", Found::word)?,
        last_reconciled_at: fields.maybe("last_reconciled_at", Found::word)?,
        live: fields.need("live", live)?,
        due_at: fields.maybe("due_at", Found::word)?,
        due_what: fields.maybe("due_what", Found::text)?,
        alerts: fields.need("alerts", |found| found.map(alert))?,
        episodes: fields.need("episodes", |found| found.map(episode))?,
        intent_seq: fields.need("intent_seq", Found::number)?,
        send_seq: fields.need("send_seq", Found::number)?,
        exec_day: fields.need("exec_day", exec_day)?,
        llm_day: fields.need("llm_day", llm_day)?,
        recent_exec: fields.need("recent_exec", |found| found.list(exec_minute))?,
        recent_llm: fields.need("recent_llm", |found| found.list(llm_minute))?,
        bad_cycles: fields.need("bad_cycles", Found::number)?,
        breaker: fields.need("breaker", breaker)?,
        gate_reset: fields.maybe("gate_reset", gate_reset)?,
    })
}

/// What is left of an item that [`decode`] refuses, for whoever protects what is held: everything that execute
/// counts with, or the attribute without which nothing can be done.
///
/// A status that cannot be read is `halted`. What is people's, decide's, heartbeat's or reconcile's and cannot be
/// read is as if it were not there: a writer that compares with it writes nothing over it.
pub fn remains(item: &Item) -> Result<StrategyState, Corrupt> {
    let fields = Fields::of(Table::TradingState, item);
    let id = fields.need("strategy_id", Found::word)?;
    let nothing = StrategyState::first(id, Status::Halted, Timestamp::from_millis(0));
    let vitals = vital(item);
    Ok(StrategyState {
        strategy_id: nothing.strategy_id,
        status: vitals.status.unwrap_or(Status::Halted),
        status_ack: fields.maybe("status_ack", Found::word).unwrap_or(None),
        status_ack_at: fields.maybe("status_ack_at", Found::word).unwrap_or(None),
        halt_reason: fields.maybe("halt_reason", Found::text).unwrap_or(None),
        holds: vitals.holds?,
        last_heartbeat: vitals.last_heartbeat.unwrap_or(nothing.last_heartbeat),
        last_decided_at: vitals.last_decided_at.unwrap_or(nothing.last_decided_at),
        last_executed_at: vitals.last_executed_at.unwrap_or(nothing.last_executed_at),
        last_reconciled_at: vitals.last_reconciled_at.unwrap_or(None),
        live: fields.need("live", live)?,
        due_at: fields.maybe("due_at", Found::word).unwrap_or(None),
        due_what: fields.maybe("due_what", Found::text).unwrap_or(None),
        alerts: those_that_are_sound(vitals.alerts),
        episodes: those_that_are_sound(vitals.episodes),
        intent_seq: fields.need("intent_seq", Found::number).unwrap_or(0),
        send_seq: fields.need("send_seq", Found::number)?,
        exec_day: vitals.exec_day?,
        llm_day: vitals.llm_day.unwrap_or(nothing.llm_day),
        recent_exec: vitals.recent_exec.unwrap_or_default(),
        recent_llm: vitals.recent_llm.unwrap_or_default(),
        bad_cycles: fields.need("bad_cycles", Found::number).unwrap_or(0),
        breaker: fields.need("breaker", breaker)?,
        gate_reset: fields.maybe("gate_reset", gate_reset).unwrap_or(None),
    })
}

fn those_that_are_sound<T>(entries: Read<BTreeMap<String, Read<T>>>) -> BTreeMap<String, T> {
    let entries = entries.unwrap_or_default().into_iter();
    entries.filter_map(|(name, entry)| Some((name, entry.ok()?))).collect()
}

/// What heartbeat must know of a strategy, judged attribute by attribute: one that is damaged hides no
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// The strategy.
    pub strategy_id: Read<StrategyId>,
    /// Its status.
    pub status: Read<Status>,
    /// What blocks opening for now.
    pub holds: Read<Holds>,
    /// The last cycle or tick that made progress.
    pub last_heartbeat: Read<Timestamp>,
    /// Decide's last scheduled minute.
    pub last_decided_at: Read<Timestamp>,
    /// Execute's last scheduled minute.
    pub last_executed_at: Read<Timestamp>,
    /// Reconcile's last look.
    pub last_reconciled_at: Read<Option<Timestamp>>,
    /// How many entries `live` has.
    pub live_count: Read<usize>,
    /// Whether one of them is a position or an order.
    pub has_position_or_order: Read<bool>,
    /// Every alert, each judged alone.
    pub alerts: Read<BTreeMap<String, Read<Alert>>>,
    /// Every episode, each judged alone.
    pub episodes: Read<BTreeMap<String, Read<Episode>>>,
    /// The earliest fence, timeout or exit limit.
    pub due: Read<Option<Due>>,
    /// What was sent today.
    pub exec_day: Read<ExecDay>,
    /// What the model cost today.
    pub llm_day: Read<LlmDay>,
    /// Execute's last minutes.
    pub recent_exec: Read<Vec<ExecMinute>>,
    /// Decide's last minutes.
    pub recent_llm: Read<Vec<LlmMinute>>,
}

/// Something that should have happened by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Option<String>,
}

/// Reads what heartbeat must know, attribute by attribute.
pub fn vital(item: &Item) -> Vitals {
    let fields = Fields::of(Table::TradingState, item);
    let live = fields.need("live", live);
    Vitals {
        strategy_id: fields.need("strategy_id", Found::word),
        status: fields.need("status", Found::word),
        holds: fields.need("holds", holds),
        last_heartbeat: fields.need("last_heartbeat", Found::word),
        last_decided_at: fields.need("last_decided_at", Found::word),
        last_executed_at: fields.need("last_executed_at", Found::word),
        last_reconciled_at: fields.maybe("last_reconciled_at", Found::word),
        live_count: fields.need("live", Found::fields).map(|live| live.iter().count()),
        has_position_or_order: live.map(|live| live.values().any(is_position_or_order)),
        alerts: fields.need("alerts", |found| found.map(|entry| Ok(alert(entry)))),
        episodes: fields.need("episodes", |found| found.map(|entry| Ok(episode(entry)))),
        due: due(&fields),
        exec_day: fields.need("exec_day", exec_day),
        llm_day: fields.need("llm_day", llm_day),
        recent_exec: fields.need("recent_exec", |found| found.list(exec_minute)),
        recent_llm: fields.need("recent_llm", |found| found.list(llm_minute)),
    }
}

fn due(fields: &Fields<'_>) -> Read<Option<Due>> {
    let (at, what) = (fields.maybe("due_at", Found::word)?, fields.maybe("due_what", Found::text)?);
    Ok(at.map(|at| Due { at, what }))
}

const fn is_position_or_order(live: &Live) -> bool {
    match live {
        Live::Position | Live::Order { .. } => true,
        Live::Wish(_) => false,
    }
}

/// A status.
pub fn status_attr(status: Status) -> Attr {
    text(status.as_str())
}

/// Every hold.
pub fn holds_attr(holds: &Holds) -> Attr {
    Attr::M(holds.iter().map(|(hold, since)| (hold.as_str().to_owned(), time(*since))).collect())
}

fn holds(found: Found<'_>) -> Read<Holds> {
    found.map(Found::word)
}

/// One entry of `live`.
pub fn live_attr(live: &Live) -> Attr {
    match live {
        Live::Position => Draft::new().with("k", text("p")).map(),
        Live::Order { position, leg } => {
            Draft::new().with("k", text("o")).with("p", text(position)).with("l", text(leg.as_str())).map()
        }
        Live::Wish(wish) => wish_attr(wish),
    }
}

fn wish_attr(wish: &WishFor) -> Attr {
    let (position, order) = match &wish.target {
        Target::Close(position) => (position, None),
        Target::Cancel { position, order_id } => (position, Some(order_id)),
    };
    Draft::new()
        .with("k", text(if order.is_some() { "x" } else { "c" }))
        .with("p", text(position))
        .maybe("o", order.map(text))
        .with("by", text(wish.origin.as_str()))
        .with("at", time(wish.at))
        .maybe("d", wish.decision.map(time))
        .map()
}

/// The kinds of `live` entries: position, order, close wish, cancel wish.
#[derive(Clone, Copy)]
enum LiveKind {
    Position,
    Order,
    Close,
    Cancel,
}

impl LiveKind {
    fn parse(text: &str) -> Option<LiveKind> {
        match text {
            "p" => Some(LiveKind::Position),
            "o" => Some(LiveKind::Order),
            "c" => Some(LiveKind::Close),
            "x" => Some(LiveKind::Cancel),
            _ => None,
        }
    }
}

impl crate::records::fields::FromText for LiveKind {
    fn from_text(text: &str) -> Result<LiveKind, crate::records::fields::Problem> {
        one_of(text, &["p", "o", "c", "x"], LiveKind::parse)
    }
}

fn live(found: Found<'_>) -> Read<BTreeMap<String, Live>> {
    let entry = |(name, found): (&str, Found<'_>)| Ok((name.to_owned(), live_entry(name, found)?));
    found.fields()?.iter().map(entry).collect()
}

fn live_entry(name: &str, found: Found<'_>) -> Read<Live> {
    let at = found.clone();
    let fields = found.fields()?;
    let kind = fields.need("k", Found::word)?;
    let (named, live) = match kind {
        LiveKind::Position => (PositionId::parse(name).is_ok(), Live::Position),
        LiveKind::Order => (OrderId::parse(name).is_ok(), live_order(&fields)?),
        LiveKind::Close => (is_wish_key(name), wish(&fields, Target::Close(position_of(&fields)?))?),
        LiveKind::Cancel => {
            let order_id = fields.need("o", Found::word)?;
            let target = Target::Cancel { position: position_of(&fields)?, order_id };
            (is_wish_key(name), wish(&fields, target)?)
        }
    };
    if named { Ok(live) } else { Err(at.bad(name, "the name does not fit the kind of its entry")) }
}

fn is_wish_key(name: &str) -> bool {
    name.strip_prefix("w-").is_some_and(|seq| seq.parse::<u64>().is_ok())
}

fn position_of(fields: &Fields<'_>) -> Read<PositionId> {
    fields.need("p", Found::word)
}

fn live_order(fields: &Fields<'_>) -> Read<Live> {
    Ok(Live::Order { position: position_of(fields)?, leg: fields.need("l", Found::word)? })
}

fn wish(fields: &Fields<'_>, target: Target) -> Read<Live> {
    let (origin, at) = (fields.need("by", Found::word)?, fields.need("at", Found::word)?);
    let decision = fields.maybe("d", Found::word)?;
    Ok(Live::Wish(WishFor { target, origin, at, decision }))
}

/// What was sent today.
pub fn exec_day_attr(day: &ExecDay) -> Attr {
    Draft::new()
        .with("day", text(day.day))
        .with("orders", number(day.orders))
        .with("cancels", number(day.cancels))
        .with("realised", number(day.realised))
        .maybe("fees", (day.fees != Amount::ZERO).then(|| number(day.fees)))
        .maybe("most_orders", day.most_orders.map(number))
        .map()
}

fn exec_day(found: Found<'_>) -> Read<ExecDay> {
    let fields = found.fields()?;
    Ok(ExecDay {
        day: fields.need("day", Found::word::<Day>)?,
        orders: fields.need("orders", Found::number)?,
        cancels: fields.need("cancels", Found::number)?,
        realised: fields.need("realised", Found::number)?,
        fees: fields.maybe("fees", Found::number)?.unwrap_or(Amount::ZERO),
        most_orders: fields.maybe("most_orders", Found::number)?,
    })
}

/// What the model cost today.
pub fn llm_day_attr(day: &LlmDay) -> Attr {
    Draft::new()
        .with("day", text(day.day))
        .with("calls", number(day.calls))
        .with("usd", number(day.usd))
        .map()
}

fn llm_day(found: Found<'_>) -> Read<LlmDay> {
    let fields = found.fields()?;
    Ok(LlmDay {
        day: fields.need("day", Found::word::<Day>)?,
        calls: fields.need("calls", Found::number)?,
        usd: fields.need("usd", Found::number)?,
    })
}

/// Execute's last minutes.
pub fn recent_exec_attr(minutes: &[ExecMinute]) -> Attr {
    list(minutes, |minute| {
        Draft::new()
            .with("m", number(minute.minute))
            .with("r", number(minute.risk_rejections))
            .with("b", number(minute.backend_errors))
            .with("f", number(minute.order_failures))
            .map()
    })
}

fn exec_minute(found: Found<'_>) -> Read<ExecMinute> {
    let fields = found.fields()?;
    Ok(ExecMinute {
        minute: fields.need("m", minute)?,
        risk_rejections: fields.need("r", Found::number)?,
        backend_errors: fields.need("b", Found::number)?,
        order_failures: fields.need("f", Found::number)?,
    })
}

/// Decide's last minutes.
pub fn recent_llm_attr(minutes: &[LlmMinute]) -> Attr {
    list(minutes, |minute| {
        Draft::new()
            .with("m", number(minute.minute))
            .with("c", number(minute.calls))
            .with("r", number(minute.refusals))
            .with("t", number(minute.throttled))
            .with("k", number(minute.tokens))
            .map()
    })
}

fn llm_minute(found: Found<'_>) -> Read<LlmMinute> {
    let fields = found.fields()?;
    Ok(LlmMinute {
        minute: fields.need("m", minute)?,
        calls: fields.need("c", Found::number)?,
        refusals: fields.need("r", Found::number)?,
        throttled: fields.need("t", Found::number)?,
        tokens: fields.need("k", Found::number)?,
    })
}

fn minute(found: Found<'_>) -> Read<i64> {
    let number: i64 = found.clone().number()?;
    if number >= 0 { Ok(number) } else { Err(found.bad(&number.to_string(), "before 1970")) }
}

/// The gates.
pub fn breaker_attr(breaker: &Breaker) -> Attr {
    Draft::new()
        .with("rejections", number(breaker.rejections))
        .with("opens", list(&breaker.opens, |at| time(*at)))
        .maybe("phase", phase_attr(&breaker.phase))
        .maybe("reset_at", breaker.reset_at.map(time))
        .maybe("pnl_from", breaker.pnl_from.map(pnl_from_attr))
        .maybe("banned_until", breaker.banned_until.map(time))
        .maybe("missing_stops", (breaker.missing_stops > 0).then(|| number(breaker.missing_stops)))
        .map()
}

fn breaker(found: Found<'_>) -> Read<Breaker> {
    let fields = found.fields()?;
    Ok(Breaker {
        rejections: fields.need("rejections", Found::number)?,
        opens: fields.need("opens", |found| found.list(Found::word))?,
        phase: fields.maybe("phase", phase)?.unwrap_or_default(),
        reset_at: fields.maybe("reset_at", Found::word)?,
        pnl_from: fields.maybe("pnl_from", pnl_from)?,
        banned_until: fields.maybe("banned_until", Found::word)?,
        missing_stops: fields.maybe("missing_stops", Found::number)?.unwrap_or(0),
    })
}

/// A closed gate is not written.
fn phase_attr(phase: &Phase) -> Option<Attr> {
    match phase {
        Phase::Closed => None,
        Phase::Open { since } => Some(Draft::new().with("open_since", time(*since)).map()),
        Phase::HalfOpen { trial } => Some(
            Draft::new().with("half_open", Attr::Bool(true)).maybe("trial", trial.as_ref().map(text)).map(),
        ),
    }
}

fn phase(found: Found<'_>) -> Read<Phase> {
    let fields = found.fields()?;
    match fields.maybe("open_since", Found::word)? {
        Some(since) => Ok(Phase::Open { since }),
        None if fields.need("half_open", Found::flag)? => {
            Ok(Phase::HalfOpen { trial: fields.maybe("trial", Found::word)? })
        }
        None => Err(fields.bad("half_open", "false", "a closed gate has no phase")),
    }
}

fn pnl_from_attr(from: PnlFrom) -> Attr {
    Draft::new().with("day", text(from.day)).with("result", number(from.result)).map()
}

fn pnl_from(found: Found<'_>) -> Read<PnlFrom> {
    let fields = found.fields()?;
    Ok(PnlFrom {
        day: fields.need("day", Found::word::<Day>)?,
        result: fields.need("result", Found::number)?,
    })
}

fn gate_reset_attr(reset: &GateReset) -> Attr {
    let gate = reset.gate.map(|gate| text(gate.as_str()));
    Draft::new().maybe("gate", gate).with("by", text(&reset.by)).with("at", time(reset.at)).map()
}

fn gate_reset(found: Found<'_>) -> Read<GateReset> {
    let fields = found.fields()?;
    Ok(GateReset {
        gate: fields.maybe("gate", Found::word)?,
        by: fields.need("by", Found::filled)?,
        at: fields.need("at", Found::word)?,
    })
}

/// The write by which a person asks execute to close gates of `id`. It is lost where there is no such
/// strategy, or where the named gate is not open. Execute grants it in its next tick, and logs who asked and
/// when.
pub fn ask_gate_reset(id: &StrategyId, reset: &GateReset) -> Write {
    let request = Change::Set(path::gate_reset(), gate_reset_attr(reset));
    let is_open = reset.gate.map(|gate| Cond::Present(path::hold(gate.hold())));
    let conds = std::iter::once(Cond::Present(path::status())).chain(is_open);
    Write::update(key(id), vec![request], conds.collect())
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use crate::records::samples;
    use crate::store::WriteError;
    use crate::testkit::at_once;
    use crate::testkit::memory::MemoryStore;
    use crate::{ports::WriteTables, store::ReadTables};

    #[test]
    fn a_request_to_reset_the_gates_is_read_back_and_creates_no_strategy() {
        let (store, state) = (MemoryStore::default(), samples::strategy_state());
        let reset = GateReset { gate: None, by: "ada".to_owned(), at: samples::at("2023-03-01T12:34:56Z") };
        let asked = at_once(store.write(vec![ask_gate_reset(&state.strategy_id, &reset)]));
        assert!(matches!(asked, Err(WriteError::Lost { .. })), "{asked:?}");
        store.plant(key(&state.strategy_id), encode(&state));
        at_once(store.write(vec![ask_gate_reset(&state.strategy_id, &reset)])).unwrap();
        let item = at_once(store.get(&[key(&state.strategy_id)])).unwrap().pop().flatten().unwrap();
        assert_eq!(decode(&item), Ok(StrategyState { gate_reset: Some(reset), ..state }));
    }
}
