//! `tradai status`: is it alive, is money safe, what needs a person. The exit code says whether somebody has to get up.

use comfy_table::{Table, presets};
use shared::books::Position;
use shared::ids::StrategyId;
use shared::model::Servers;
use shared::order::{Kind, Order};
use shared::records::Vitals;
use shared::records::fields::Read;
use shared::roster::Unfit;
use shared::signal::Severity;
use shared::status::Status;
use shared::time::{Millis, Timestamp};

use crate::fits::models;
use crate::look::{Sight, Strategy, Trouble, look};
use crate::not_done::NotDone;
use crate::person::Person;
use crate::retires;
use crate::stage::{Stage, Which};

/// Which strategy, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The strategy [default: all of them]
    pub strategy_id: Option<String>,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
}

/// Shows the table, what is held and what lives, and what is wrong; ends otherwise than well where a page is due or
/// something cannot be read.
pub async fn show(
    stage: &Stage,
    only: Option<&StrategyId>,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let env = &stage.names.env;
    let mut sight = look(&stage.tables, only.map(StrategyId::as_str), now).await?;
    let servers = stage.servers().await.unwrap_or_else(|not_done| {
        sight.unread.push(not_done.to_string());
        Servers::NONE
    });
    if let (Some(id), true, true) = (only, sight.strategies.is_empty(), sight.unread.is_empty()) {
        return Err(NotDone::input(format!("no strategy {id} in stage {env}; check STRATEGY and --env")));
    }
    person.tell(&format!("stage {env} at {now}"))?;
    match (sight.strategies.is_empty(), sight.unread.is_empty()) {
        (false, _) => person.tell(&strategies(&sight, &servers, now))?,
        (true, true) => person.tell("no strategy")?,
        // What cannot be read is not said to be absent.
        (true, false) => {}
    }
    for line in holdings(&sight).into_iter().chain(retiring(&sight, &servers, now)) {
        person.tell(&line)?;
    }
    for trouble in &sight.troubles {
        person.tell(&wrong(trouble, now))?;
    }
    if sight.is_well() {
        return Ok(());
    }
    Err(NotDone::Refused(needs_a_person(&sight)))
}

fn strategies(sight: &Sight, servers: &Servers, now: Timestamp) -> String {
    const HEADER: [&str; 10] = [
        "strategy",
        "status",
        "holds",
        "beat",
        "decide",
        "execute",
        "reconcile",
        "positions",
        "orders",
        "today",
    ];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    for one in &sight.strategies {
        let vitals = &one.vitals;
        table.add_row([
            one.id.clone(),
            status(one),
            holds(vitals, now),
            age(vitals.last_heartbeat.clone().map(Some), now),
            age(vitals.last_decided_at.clone().map(Some), now),
            age(vitals.last_executed_at.clone().map(Some), now),
            age(vitals.last_reconciled_at.clone(), now),
            count(one, one.positions.len()),
            count(one, one.orders.len()),
            today(one, servers, now),
        ]);
    }
    table.trim_fmt()
}

/// What could not be read.
const UNREADABLE: &str = "?";

fn status(one: &Strategy) -> String {
    let Ok(status) = one.vitals.status else { return UNREADABLE.to_owned() };
    let acknowledged = one.state.as_ref().and_then(|state| state.status_ack);
    let waits = status != Status::Warmup && acknowledged != Some(status);
    format!("{}{}", status.as_str(), if waits { ", not acknowledged" } else { "" })
}

fn holds(vitals: &Vitals, now: Timestamp) -> String {
    match &vitals.holds {
        Err(_) => UNREADABLE.to_owned(),
        Ok(holds) if holds.is_empty() => "none".to_owned(),
        Ok(holds) => {
            let hold = |(hold, since): (&shared::status::Hold, &Timestamp)| {
                format!("{} {}", hold.as_str(), ago(now.since(*since)))
            };
            holds.iter().map(hold).collect::<Vec<_>>().join(", ")
        }
    }
}

fn age(at: Read<Option<Timestamp>>, now: Timestamp) -> String {
    match at {
        Err(_) => UNREADABLE.to_owned(),
        Ok(None) => "never".to_owned(),
        Ok(Some(at)) => ago(now.since(at)),
    }
}

/// `45 s`, `12 min`, `3 h`, `2 d`.
fn ago(span: Millis) -> String {
    match span.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn count(one: &Strategy, found: usize) -> String {
    if one.state.is_some() { found.to_string() } else { UNREADABLE.to_owned() }
}

/// Orders and dollars of this UTC day, with their limits.
fn today(one: &Strategy, servers: &Servers, now: Timestamp) -> String {
    let (Ok(exec), Ok(llm)) = (&one.vitals.exec_day, &one.vitals.llm_day) else {
        return UNREADABLE.to_owned();
    };
    let orders = if exec.day == now.day() { exec.orders } else { 0 };
    let usd = if llm.day == now.day() { llm.usd.to_string() } else { "0".to_owned() };
    match &one.settings {
        Err(_) => format!("{orders} orders, {usd} USD, settings unreadable"),
        Ok(settings) => {
            let (most, dollars) = (settings.limits.max_daily_orders, settings.llm_usd_per_day);
            let is_priced = models(settings).all(|(_, model)| servers.is_priced(model, now));
            let assumed = if is_priced { "" } else { ", assumed" };
            format!("{orders} of {most} orders, {usd} of {dollars} USD{assumed}")
        }
    }
}

/// A line for each position and each order that lives, and one for a status that somebody lowered.
fn holdings(sight: &Sight) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &sight.strategies {
        let lowered =
            one.state.as_ref().filter(|state| !matches!(state.status, Status::Warmup | Status::Running));
        let reason = lowered.and_then(|state| state.halt_reason.as_ref());
        lines.extend(reason.map(|why| format!("{}: {why}", one.id)));
        lines.extend(one.positions.iter().map(|read| told(&one.id, read, position)));
        lines.extend(one.orders.iter().map(|read| told(&one.id, read, order)));
    }
    lines
}

/// A line for each model whose last day is near or has passed.
fn retiring(sight: &Sight, servers: &Servers, now: Timestamp) -> Vec<String> {
    let of = |one: &Strategy| {
        let settings = one.settings.as_ref().ok()?;
        let lines = retires::cautions(settings, servers, now).into_iter();
        Some(lines.map(|line| format!("{}: {line}", one.id)).collect::<Vec<_>>())
    };
    sight.strategies.iter().filter_map(of).flatten().collect()
}

fn told<T>(id: &str, read: &Result<T, Unfit>, words: impl Fn(&T) -> String) -> String {
    match read {
        Ok(found) => format!("{id}: {}", words(found)),
        Err(unfit) => format!("{id}: {unfit}"),
    }
}

fn position(held: &Position) -> String {
    let entry = held.entry().map_or_else(|| "not known".to_owned(), |price| price.to_string());
    let (quantity, symbol, status) = (held.quantity, &held.symbol, held.status.as_str());
    format!("position {}: {quantity} {symbol} {status}, entry {entry}, stop {}", held.id, held.stop)
}

fn order(order: &Order) -> String {
    let terms = &order.terms;
    let price = match terms.kind {
        Kind::Market => "at the market".to_owned(),
        Kind::Limit { price, .. } => format!("at {price}"),
        Kind::Stop { stop } | Kind::StopLimit { stop, .. } => format!("below {stop}"),
    };
    let (leg, side, state) = (terms.leg.as_str(), terms.side.as_str(), order.state.as_str());
    format!(
        "order {}: {leg}, {side} {} {} {price}, {state}",
        terms.order_id,
        order.outstanding(),
        terms.symbol
    )
}

fn wrong(trouble: &Trouble, now: Timestamp) -> String {
    let Trouble { severity, kind, subject, since, detail, is_told } = trouble;
    let told = if *is_told { "" } else { ", no incident yet" };
    let since = ago(now.since(*since));
    format!("{}: {kind}, {subject}, for {since}{told}: {detail}", severity.as_str())
}

fn needs_a_person(sight: &Sight) -> String {
    let pages = sight.troubles.iter().filter(|trouble| trouble.severity == Severity::Page);
    let named = pages.map(|trouble| format!("{} of {}", trouble.kind, trouble.subject));
    let unread = sight.unread.iter().map(|what| format!("not readable: {what}"));
    format!("needs a person: {}", named.chain(unread).collect::<Vec<_>>().join("; "))
}
