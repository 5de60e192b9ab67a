//! `signals -> checks -> page`: the one function that watches the others, and the only one that publishes.
//!
//! Every read is independent and not knowing is unhealthy; messages go out after every check was made; what
//! failed makes the invocation an error only after everything else was done.

pub mod beats;
pub mod checks;
pub mod claim;
pub mod config;
pub mod deliver;
pub mod finding;
pub mod latency;
pub mod message;
pub mod plan;
pub mod readings;
pub mod report;
pub mod scan;

#[cfg(test)]
mod tests;

use shared::gauge::PutSignals;
use shared::page::Publish;
use shared::ports::{Clock, Level, Line, Log, ReadTables, ScanTables, WriteTables};
use shared::tables::{Function, Names};
use shared::tick::Tick;
use shared::time::Timestamp;

use crate::deliver::{Delivery, Round};
use crate::report::{Failed, Report};

/// What heartbeat may touch.
pub struct Ports<'a, T, P, G> {
    /// The tables.
    pub tables: &'a T,
    /// The topics.
    pub publish: &'a P,
    /// The metrics.
    pub gauge: &'a G,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The log.
    pub log: &'a dyn Log,
}

/// Scans, checks, pages, and puts the signals of this minute.
pub async fn handle<T, P, G>(tick: Tick, names: &Names, ports: &Ports<'_, T, P, G>) -> Result<Report, Failed>
where
    T: ReadTables + ScanTables + WriteTables,
    P: Publish,
    G: PutSignals,
{
    let now = ports.clock.now();
    if tick.is_too_old(Function::Heartbeat, now) {
        ports.log.write(Line::new(Level::Warn, now, "tick dropped").with("scheduled_at", tick.scheduled_at));
        return Ok(Report::nothing());
    }
    let scan = scan::scan(ports.tables).await;
    let judged = checks::judge(&scan, now);
    log_findings(ports.log, now, &judged);
    let delivery = Round { names, ports, now }.run(plan::plan(&judged, now)).await;
    let readings = readings::readings(&scan, &judged, delivery.undelivered, now);
    let put = ports.gauge.put(tick.scheduled_at, &readings).await;
    let failures = failures(&scan, &delivery, put.err().map(|error| error.to_string()));
    for failure in &failures {
        ports.log.write(Line::new(Level::Error, now, "heartbeat failed in part").with("error", failure));
    }
    let report = Report::of(&judged, delivery.pages, ports.clock.now().since(now));
    log_report(ports.log, now, &report);
    if failures.is_empty() { Ok(report) } else { Err(Failed { report, failures }) }
}

fn failures(scan: &scan::Scan, delivery: &Delivery, put: Option<String>) -> Vec<String> {
    scan.failures().chain(delivery.failures.iter().cloned()).chain(put).collect()
}

fn log_findings(log: &dyn Log, now: Timestamp, judged: &checks::Judged) {
    for finding in judged.findings() {
        let line = Line::new(Level::Warn, now, "unhealthy").with("kind", &finding.kind);
        let line = line.with("strategy_id", &finding.item.hash).with("since", &finding.since.text);
        log.write(line.with("detail", &finding.detail));
    }
}

fn log_report(log: &dyn Log, now: Timestamp, report: &Report) {
    let line = Line::new(Level::Info, now, "heartbeat done");
    let line = line.count("active_strategies", report.active.into()).count("stale", report.stale.into());
    log.write(line.count("alerts_sent", report.alerts_sent.into()));
}
