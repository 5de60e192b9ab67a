//! The signals of this minute: their number does not grow with the strategies. What could not be read has
//! no value, rather than a healthy one.

use rust_decimal::Decimal;
use shared::gauge::Reading;
use shared::records;
use shared::signal::Signal;
use shared::state::{ExecMinute, RECENT_MINUTES};
use shared::store::Item;
use shared::time::Timestamp;

use crate::checks::Judged;
use crate::latency;
use crate::scan::Scan;

/// Every signal that is known.
pub fn readings(scan: &Scan, judged: &Judged, undelivered: u32, now: Timestamp) -> Vec<Reading> {
    let known = |signal| Some(Reading { signal, value: value(signal, scan, judged, undelivered, now)? });
    Signal::ALL.into_iter().filter_map(known).collect()
}

fn value(signal: Signal, scan: &Scan, judged: &Judged, undelivered: u32, now: Timestamp) -> Option<Decimal> {
    match signal {
        // Beats that cannot be read are stale.
        Signal::HeartbeatStale => Some(count(judged, signal).max(u64::from(scan.states.is_err()).into())),
        Signal::PositionsStuck
        | Signal::OrdersStuck
        | Signal::OrderFailures
        | Signal::GateOpen
        | Signal::ReconcileDrift
        | Signal::LlmRefusals
        | Signal::LlmThrottled
        | Signal::LlmCost => scan.is_whole().then(|| count(judged, signal)),
        Signal::RiskRejections => recent(scan, now, |minute| minute.risk_rejections),
        Signal::BackendErrors => recent(scan, now, |minute| minute.backend_errors),
        Signal::LatencyP99 => slow_calls(scan, now),
        Signal::DailyOrders => daily_orders(scan, now),
        Signal::PagesUndelivered => Some(undelivered.into()),
    }
}

fn count(judged: &Judged, signal: Signal) -> Decimal {
    let of_kind = judged.findings().filter(|finding| finding.kind == signal.as_str());
    Decimal::from(of_kind.count())
}

/// The sum over every strategy and the last five minutes.
fn recent(scan: &Scan, now: Timestamp, of: impl Fn(&ExecMinute) -> u32) -> Option<Decimal> {
    let window = i64::try_from(RECENT_MINUTES).unwrap_or_default();
    let is_recent = |minute: &ExecMinute| minute.minute > now.minute_number().saturating_sub(window);
    let sum = |item: &Item| -> u64 {
        let minutes = records::state::vital(item).recent_exec.unwrap_or_default();
        minutes.iter().filter(|minute| is_recent(minute)).map(|minute| u64::from(of(minute))).sum()
    };
    Some(scan.states.as_ref().ok()?.iter().map(sum).sum::<u64>().into())
}

/// The largest share of slow calls that a venue has, in percent; zero where there are too few calls to say.
fn slow_calls(scan: &Scan, now: Timestamp) -> Option<Decimal> {
    let shares = scan.ledgers.as_ref().ok()?.iter().filter_map(|item| latency::of(item, now).share);
    Some(shares.max().unwrap_or_default())
}

/// The largest share of `max_daily_orders` that a strategy has used today, in percent.
fn daily_orders(scan: &Scan, now: Timestamp) -> Option<Decimal> {
    let share = |state: &Item| {
        let day = records::state::vital(state).exec_day.ok().filter(|day| day.day == now.day())?;
        Decimal::from(day.orders).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(day.most_orders?.into())
    };
    let states = scan.states.as_ref().ok()?;
    Some(states.iter().filter_map(share).max().unwrap_or_default().round_dp(2))
}
