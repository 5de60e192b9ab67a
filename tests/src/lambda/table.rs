//! The findings as a table, beside the targets that they are measured against.

use std::fmt::Write;

use rust_decimal::Decimal;
use shared::tables::Function;

use super::stats::{Findings, Group};

/// Most calls of a kind of tick (target P8), where there is such a target.
const MOST_CALLS: [(Function, &str, u64); 6] = [
    (Function::Decide, "idle", 3),
    (Function::Decide, "hold", 6),
    (Function::Decide, "with intent", 7),
    (Function::Execute, "idle", 2),
    (Function::Execute, "intent", 4),
    (Function::Reconcile, "after orders", 4),
];
/// Most MiB resident (target P4).
const MOST_MIB: [(Function, u64); 4] =
    [(Function::Decide, 24), (Function::Execute, 24), (Function::Heartbeat, 16), (Function::Reconcile, 24)];
/// Most request units of an idle tick (target P9): reads, writes.
const IDLE_UNITS: (u32, u32) = (2, 2);
/// Most write units of a whole order (target P9).
const ORDER_UNITS: u32 = 20;

/// Everything in one text.
pub fn render(findings: &Findings) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    write_all(&mut text, findings).ok();
    text
}

/// Fewest invocations whose mean processor time is worth keeping.
const FEWEST: usize = 10;

/// The mean processor time of every kind of tick, as `ops/data/processor.csv` keeps it for `tradai cost`.
pub fn processor(findings: &Findings) -> String {
    let kept = findings.groups.iter().filter(|(_, group)| group.size() >= FEWEST);
    let row = |((function, what), group): (&(Function, &str), &Group)| {
        let (served, size, own) = (group.served(), group.size(), group.microseconds()?);
        Some(format!("{},{what},{served},{size},{own}\n", function.as_str()))
    };
    std::iter::once("function,tick,strategies,invocations,microseconds\n".to_owned())
        .chain(kept.filter_map(row))
        .collect()
}

fn write_all(out: &mut String, findings: &Findings) -> std::fmt::Result {
    processes(out, findings)?;
    ticks(out, findings)?;
    units(out, findings)?;
    outcome(out, findings)
}

fn processes(out: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(
        out,
        "{:<11}{:>9}{:>9}{:>12}{:>12}{:>8}",
        "process", "binary", "cold", "1 inv.", "all inv.", "P4"
    )?;
    for (function, it) in &findings.resident {
        let most = MOST_MIB.iter().find(|(of, _)| of == function).map_or(0, |(_, most)| *most);
        let verdict = verdict(it.last_kib <= most.saturating_mul(1_024));
        let cold = it.init.map_or(0, |init| init.0);
        let (first, last) = (mib(it.first_kib.unwrap_or(0)), mib(it.last_kib));
        let name = function.as_str();
        let binary = mib(it.bytes / 1_024);
        writeln!(
            out,
            "{name:<11}{binary:>6} MB{cold:>6} ms{first:>8} MiB{last:>8} MiB  <= {most} {verdict}"
        )?;
    }
    writeln!(out)
}

fn ticks(out: &mut String, findings: &Findings) -> std::fmt::Result {
    let head = ("tick", "count", "p50", "p99", "own", "tables", "venue", "model", "other", "calls");
    let (tick, count, p50, p99, own, tables, venue, model, other, calls) = head;
    writeln!(
        out,
        "{tick:<27}{count:>6}{p50:>8}{p99:>8}{own:>10}{tables:>8}{venue:>7}{model:>7}{other:>7}{calls:>7}  P8 (medians)"
    )?;
    for ((function, what), group) in &findings.groups {
        let name = format!("{}, {what}", function.as_str());
        let ms = |per_mille| group.quantile(per_mille, |sample| sample.took).map_or(0, |took| took.0);
        let counts = group.median(|sample| sample.counts.tables).unwrap_or(0);
        let venue = group.median(|sample| sample.counts.venue).unwrap_or(0);
        let model = group.median(|sample| sample.counts.model).unwrap_or(0);
        let other = group.median(|sample| sample.counts.other).unwrap_or(0);
        let calls = group.median(|sample| sample.counts.calls()).unwrap_or(0);
        let (size, p50, p99, goal) = (group.size(), ms(500), ms(990), goal(*function, what, calls));
        let own = group.microseconds().map_or_else(String::new, |own| format!("{own} us"));
        writeln!(
            out,
            "{name:<27}{size:>6}{p50:>5} ms{p99:>5} ms{own:>10}{counts:>8}{venue:>7}{model:>7}{other:>7}{calls:>7}  {goal}"
        )?;
    }
    writeln!(out)
}

fn goal(function: Function, what: &str, calls: u64) -> String {
    let most = MOST_CALLS.iter().find(|(of, kind, _)| *of == function && *kind == what);
    most.map_or_else(String::new, |(_, _, most)| format!("<= {most} {}", verdict(calls <= *most)))
}

fn units(out: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(out, "{:<27}{:>8}{:>8}  P9 (means)", "request units", "RRU", "WRU")?;
    for ((function, what), group) in &findings.groups {
        let (reads, writes) = group.units();
        let name = format!("{}, {what}", function.as_str());
        let fits = reads <= IDLE_UNITS.0.into() && writes <= IDLE_UNITS.1.into();
        let goal = match *what {
            "idle" => format!("<= {} + {} {}", IDLE_UNITS.0, IDLE_UNITS.1, verdict(fits)),
            _ => String::new(),
        };
        writeln!(out, "{name:<27}{reads:>8}{writes:>8}  {goal}")?;
    }
    let writes = |group: Option<&Group>| group.map_or(Decimal::ZERO, |group| group.units().1);
    let decided = writes(findings.group(Function::Decide, "with intent"));
    let entered = decided.saturating_add(writes(findings.group(Function::Execute, "intent")));
    let verdict = verdict(entered <= ORDER_UNITS.into());
    writeln!(out, "{:<27}{:>8}{entered:>8}  <= {ORDER_UNITS} {verdict}", "entry, fill and stop", "")?;
    writeln!(out)
}

fn outcome(out: &mut String, findings: &Findings) -> std::fmt::Result {
    let Findings { trouble, filled, books, pages, .. } = findings;
    let starts: u64 = findings.resident.values().map(|one| one.starts).sum();
    writeln!(out, "errors {}, processes {starts}", trouble.errors)?;
    for line in &trouble.told {
        writeln!(out, "  {line}")?;
    }
    for (what, count) in &trouble.warnings {
        writeln!(out, "  {count} warnings of {what}")?;
    }
    writeln!(out, "orders filled {filled}, trades {}, messages published {pages}", books.trades)?;
    if let Some(why) = &findings.held_back {
        writeln!(out, "without an order: {why}")?;
    }
    let watched = mib(findings.whole_fleet_kib);
    writeln!(out, "heartbeat at {} strategies: {watched} MiB", books.accounts)?;
    if !findings.rounds_kib.is_empty() {
        let rounds: Vec<String> = findings.rounds_kib.iter().map(|kib| mib(*kib).to_string()).collect();
        writeln!(out, "decide after each round: {} MiB", rounds.join(", "))?;
    }
    let equal = books.accounts.saturating_sub(books.differing);
    writeln!(out, "books = venue in {equal} of {} accounts", books.accounts)?;
    books.differences.iter().try_for_each(|difference| writeln!(out, "  {difference}"))
}

const fn verdict(fits: bool) -> &'static str {
    if fits { "ok" } else { "OVER" }
}

/// KiB as MiB with one digit.
fn mib(kib: u64) -> Decimal {
    Decimal::from(kib).checked_div(Decimal::from(1_024)).unwrap_or_default().round_dp(1)
}
