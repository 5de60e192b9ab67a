//! What the views count alike, so that they cannot disagree.

use std::collections::BTreeMap;

use super::outcome::{Decision, Outcome};

/// Cycles by outcome: `open`, `hold`, `abstain:why`.
pub(super) fn decisions_by_outcome(outcome: &Outcome) -> BTreeMap<&str, usize> {
    tally(outcome.decisions.iter().map(|one| one.outcome.as_str()))
}

/// Orders by the contract's status.
pub(super) fn orders_by_status(outcome: &Outcome) -> BTreeMap<&str, usize> {
    tally(outcome.orders.iter().map(|one| one.status.as_str()))
}

/// Orders that a rule of ours refused, by rule.
pub(super) fn orders_by_refusal(outcome: &Outcome) -> BTreeMap<&str, usize> {
    let refused = outcome.orders.iter().filter(|one| one.status == "refused");
    tally(refused.map(|one| one.why.split(':').next().unwrap_or_default()))
}

/// An outcome without its reason: `abstain:stale` is `abstain`.
pub(super) fn kind(decision: &Decision) -> &str {
    decision.outcome.split(':').next().unwrap_or_default()
}

/// Messages to the notifications topic.
pub(super) fn notifications(outcome: &Outcome) -> usize {
    outcome.pages.len().saturating_sub(outcome.pages_sent())
}

/// `hold 12, open 3`: the most frequent first.
pub(super) fn listed<K: AsRef<str>, N: Copy + Ord + ToString>(counts: &BTreeMap<K, N>) -> String {
    let mut rows: Vec<(&K, N)> = counts.iter().map(|(name, many)| (name, *many)).collect();
    rows.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
    let rows = rows.iter().map(|(name, many)| {
        format!("{} {}", super::show::one_line(name.as_ref()), super::show::grouped(&many.to_string()))
    });
    rows.collect::<Vec<_>>().join(", ")
}

fn tally<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}
