//! The signals of this minute: their number does not grow with the strategies. What could not be read has
//! no value, rather than a healthy one.

use rust_decimal::Decimal;
use shared::gauge::Reading;
use shared::records::{self, Vitals};
use shared::signal::Signal;
use shared::state::RECENT_MINUTES;
use shared::store::Item;
use shared::time::Timestamp;

use crate::checks::Judged;
use crate::latency;
use crate::scan::Scan;

/// Every signal that is known.
pub fn readings(scan: &Scan, judged: &Judged, undelivered: u32, now: Timestamp) -> Vec<Reading> {
    let trading = scan.states.as_ref().ok().map(|states| Trading::of(states, now));
    let value = |signal| match signal {
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
        Signal::RiskRejections => trading.as_ref().map(|all| all.risk_rejections.into()),
        Signal::BackendErrors => trading.as_ref().map(|all| all.backend_errors.into()),
        Signal::LatencyP99 => slow_calls(scan, now),
        Signal::DailyOrders => trading.as_ref().map(|all| all.daily_orders.round_dp(2)),
        Signal::PagesUndelivered => Some(undelivered.into()),
    };
    let known = |signal| Some(Reading { signal, value: value(signal)? });
    Signal::ALL.into_iter().filter_map(known).collect()
}

/// What the states of all strategies say together, each read once.
#[derive(Default)]
struct Trading {
    /// Within the last five minutes.
    risk_rejections: u64,
    /// Within the last five minutes.
    backend_errors: u64,
    /// The largest share of `max_daily_orders` that a strategy has used today, in percent.
    daily_orders: Decimal,
}

impl Trading {
    fn of(states: &[Item], now: Timestamp) -> Trading {
        states.iter().map(records::state::vital).fold(Trading::default(), |all, one| all.with(&one, now))
    }

    fn with(mut self, one: &Vitals, now: Timestamp) -> Trading {
        let window = i64::try_from(RECENT_MINUTES).unwrap_or_default();
        let from = now.minute_number().saturating_sub(window);
        let minutes = one.recent_exec.iter().flatten().filter(|minute| minute.minute > from);
        for minute in minutes {
            self.risk_rejections = self.risk_rejections.saturating_add(minute.risk_rejections.into());
            self.backend_errors = self.backend_errors.saturating_add(minute.backend_errors.into());
        }
        self.daily_orders = self.daily_orders.max(daily_orders(one, now).unwrap_or_default());
        self
    }
}

fn daily_orders(one: &Vitals, now: Timestamp) -> Option<Decimal> {
    let day = one.exec_day.as_ref().ok().filter(|day| day.day == now.day())?;
    Decimal::from(day.orders).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(day.most_orders?.into())
}

fn count(judged: &Judged, signal: Signal) -> Decimal {
    let of_kind = judged.findings().filter(|finding| finding.kind == signal.as_str());
    Decimal::from(of_kind.count())
}

/// The largest share of slow calls that a venue has, in percent; zero where there are too few calls to say.
fn slow_calls(scan: &Scan, now: Timestamp) -> Option<Decimal> {
    let shares = scan.ledgers.as_ref().ok()?.iter().filter_map(|item| latency::of(item, now).share);
    Some(shares.max().unwrap_or_default())
}
