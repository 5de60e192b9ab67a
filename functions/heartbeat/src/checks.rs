//! The checks: pure, over what was read and the time.

use std::collections::{BTreeMap, BTreeSet};

use shared::records::fields::Read;
use shared::records::{self, Corrupt, Vitals};
use shared::signal::Signal;
use shared::state::{Alert, Episode};
use shared::status::Status;
use shared::store::{Item, Key};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::beats::{self, Stale};
use crate::finding::{Finding, Findings, ITEM_DAMAGED, STRATEGY_UNSHARDED, Since};
use crate::latency::{self, Latency};
use crate::scan::{Scan, hash_of};

/// What is judged of one item.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The item.
    pub item: Key,
    /// Whether its beats are watched.
    pub watched: bool,
    /// What is wrong with it.
    pub findings: Findings,
    /// What people were told of it.
    pub episodes: BTreeMap<String, Read<Episode>>,
    blind: Blind,
}

/// What could not be read: nothing that it might say counts as gone.
#[derive(Debug, Clone, Copy, Default)]
struct Blind {
    alerts: bool,
    due: bool,
    shards: bool,
}

impl Verdict {
    /// Whether a fact that was there is known not to be there any more.
    pub fn has_gone(&self, kind: &str) -> bool {
        let hidden = match Signal::parse(kind) {
            Some(Signal::HeartbeatStale) => false,
            Some(Signal::PositionsStuck) => self.blind.due,
            Some(Signal::OrdersStuck) => self.blind.due || self.blind.alerts,
            Some(_) => self.blind.alerts,
            None if kind == ITEM_DAMAGED => false,
            None if kind == STRATEGY_UNSHARDED => self.blind.shards,
            None => self.blind.alerts,
        };
        !hidden && !self.findings.contains_key(kind)
    }
}

/// What is judged of every item.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Strategies.
    pub strategies: Vec<Verdict>,
    /// Accounts and other shared facts.
    pub ledgers: Vec<Verdict>,
}

impl Judged {
    /// Every item.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.strategies.iter().chain(&self.ledgers)
    }
    /// Everything that is wrong.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.verdicts().flat_map(|verdict| verdict.findings.values())
    }
}

/// Judges everything that could be read.
pub fn judge(scan: &Scan, now: Timestamp) -> Judged {
    let served = served(scan.ledgers.as_deref().ok());
    let states = scan.states.as_deref().unwrap_or_default();
    let ledgers = scan.ledgers.as_deref().unwrap_or_default();
    Judged {
        strategies: states.iter().map(|item| strategy(item, served.as_ref(), now)).collect(),
        ledgers: ledgers.iter().map(|item| ledger(item, now)).collect(),
    }
}

/// Every strategy that stands in a shard; none where that cannot be known.
fn served(ledgers: Option<&[Item]>) -> Option<BTreeSet<String>> {
    let shards = ledgers?.iter().filter(|item| hash_of(Table::Ledgers, item).starts_with("shard#"));
    let mut served = BTreeSet::new();
    for shard in shards {
        let strategies = records::shard::decode(shard).ok()?.strategies;
        served.extend(strategies.into_iter().map(|id| id.to_string()));
    }
    Some(served)
}

fn strategy(item: &Item, served: Option<&BTreeSet<String>>, now: Timestamp) -> Verdict {
    let key = Key { table: Table::TradingState, hash: hash_of(Table::TradingState, item), range: None };
    let vitals = records::state::vital(item);
    let watched = is_watched(&vitals);
    let blind = Blind { alerts: vitals.alerts.is_err(), due: vitals.due.is_err(), shards: served.is_none() };
    let mut found = Found { item: key, now, findings: Findings::new() };
    if watched {
        found.stale_beats(&beats::stale(&vitals, item, now));
    }
    found.overdue(&vitals);
    found.alerts(vitals.alerts.as_ref().ok());
    found.damage(damage_of_state(&vitals, item));
    if served.is_some_and(|served| !served.contains(&found.item.hash)) {
        found.unsharded();
    }
    let Found { item, findings, .. } = found;
    Verdict { item, watched, findings, episodes: vitals.episodes.unwrap_or_default(), blind }
}

/// Watched while it may trade or has something that lives; what cannot be read is watched.
fn is_watched(vitals: &Vitals) -> bool {
    vitals.status.as_ref().map_or(true, |status: &Status| status.is_watched())
        || vitals.has_position_or_order.as_ref().copied().unwrap_or(true)
}

fn ledger(item: &Item, now: Timestamp) -> Verdict {
    let key = Key { table: Table::Ledgers, hash: hash_of(Table::Ledgers, item), range: None };
    let vitals = records::account::vital(item);
    let mut found = Found { item: key, now, findings: Findings::new() };
    found.alerts(vitals.alerts.as_ref().ok());
    found.over(item);
    found.slow_venue(&latency::of(item, now));
    found.damage(damage_of_ledger(&found.item.hash, item));
    let Found { item, findings, .. } = found;
    let blind = Blind { alerts: vitals.alerts.is_err(), ..Blind::default() };
    Verdict { item, watched: false, findings, episodes: vitals.episodes.unwrap_or_default(), blind }
}

/// The findings of one item in the making.
struct Found {
    item: Key,
    now: Timestamp,
    findings: Findings,
}

impl Found {
    /// The first finding of a kind stands; a second one adds its words.
    fn add(&mut self, kind: &str, key: &str, since: Since, detail: &str) {
        let (item, detail) = (self.item.clone(), detail.to_owned());
        match self.findings.get_mut(kind) {
            Some(first) => first.detail = format!("{}; {detail}", first.detail),
            None => {
                let (kind, key) = (kind.to_owned(), key.to_owned());
                self.findings.insert(kind.clone(), Finding { kind, item, key, since, detail });
            }
        }
    }

    /// However many beats are stale, it is one finding that names them all.
    fn stale_beats(&mut self, stale: &[Stale]) {
        let mut oldest: Vec<&Stale> = stale.iter().collect();
        oldest.sort_by_key(|one| one.since.at);
        for one in oldest {
            self.add(Signal::HeartbeatStale.as_str(), one.name, one.since.clone(), &one.detail);
        }
    }

    fn overdue(&mut self, vitals: &Vitals) {
        let Ok(Some(due)) = &vitals.due else { return };
        if self.now <= due.at {
            return;
        }
        let what = due.what.as_deref().unwrap_or("orders");
        let kind = if what.starts_with("positions") { Signal::PositionsStuck } else { Signal::OrdersStuck };
        self.add(kind.as_str(), what, Since::at(due.at), &format!("{what} due since {}", due.at));
    }

    fn slow_venue(&mut self, latency: &Latency) {
        if let Latency { slow_since: Some(since), share: Some(share), .. } = latency
            && latency.is_too_slow()
        {
            let Latency { calls, slow, .. } = latency;
            let detail = format!("{share} % of about {calls} calls took over a second: {slow} in 15 minutes");
            self.add(Signal::LatencyP99.as_str(), "calls", Since::at(*since), &detail);
        }
    }

    fn alerts(&mut self, alerts: Option<&BTreeMap<String, Read<Alert>>>) {
        for (kind, alert) in alerts.into_iter().flatten() {
            match alert {
                Ok(alert) => self.add(kind, &alert.key, Since::at(alert.since), &alert.detail),
                Err(corrupt) => {
                    self.add(kind, &corrupt.attribute, self.seen(corrupt), &corrupt.to_string());
                }
            }
        }
    }

    /// What a person has answered is over, and what has no call to show that it lasts, even where no strategy asks that
    /// provider any more.
    fn over(&mut self, item: &Item) {
        if !records::llm::is_of(item) {
            return;
        }
        if let Ok(ledger) = records::llm::decode(item) {
            self.findings.retain(|kind, _| !ledger.is_over(kind, self.now));
        }
    }

    /// However many attributes are damaged, it is one finding that names them all.
    fn damage(&mut self, damage: BTreeMap<String, Corrupt>) {
        for (attribute, corrupt) in damage {
            let detail = format!("{attribute}: {}", corrupt.problem);
            self.add(ITEM_DAMAGED, &attribute, self.seen(&corrupt), &detail);
        }
    }

    fn unsharded(&mut self) {
        let detail = format!("{} is in no shard: no function serves it", self.item.hash);
        let since = Since::seen("unsharded".to_owned(), self.now);
        self.add(STRATEGY_UNSHARDED, "shard", since, &detail);
    }

    fn seen(&self, corrupt: &Corrupt) -> Since {
        Since::seen(corrupt.to_string(), self.now)
    }
}

/// The beats are judged as beats, and only where they are watched.
const BEATS: [&str; 4] = ["last_heartbeat", "last_decided_at", "last_executed_at", "last_reconciled_at"];

fn damage_of_state(vitals: &Vitals, item: &Item) -> BTreeMap<String, Corrupt> {
    let parts = [
        vitals.strategy_id.as_ref().err(),
        vitals.status.as_ref().err(),
        vitals.holds.as_ref().err(),
        vitals.has_position_or_order.as_ref().err(),
        vitals.alerts.as_ref().err(),
        vitals.episodes.as_ref().err(),
        vitals.due.as_ref().err(),
        vitals.exec_day.as_ref().err(),
        vitals.llm_day.as_ref().err(),
        vitals.recent_exec.as_ref().err(),
        vitals.recent_llm.as_ref().err(),
    ];
    let whole = records::state::decode(item).err();
    let all = parts.into_iter().flatten().chain(&whole);
    all.filter(|corrupt| !BEATS.contains(&corrupt.attribute.as_str()) && !is_alert_entry(corrupt))
        .map(|corrupt| (corrupt.attribute.clone(), corrupt.clone()))
        .collect()
}

/// One damaged alert is a finding of that alert's kind.
fn is_alert_entry(corrupt: &Corrupt) -> bool {
    corrupt.attribute.starts_with("alerts.")
}

fn damage_of_ledger(hash: &str, item: &Item) -> BTreeMap<String, Corrupt> {
    let corrupt = match hash.split_once('#') {
        Some(("account", _)) => records::account::decode(item).err(),
        Some(("shard", _)) => records::shard::decode(item).err(),
        Some(("venue", _)) => records::venue::damage(item),
        Some(("llm", _)) => records::llm::decode(item).err(),
        Some(("paper", _)) => records::paper::decode(item).err(),
        Some(_) | None => records::account::vital(item).alerts.err(),
    };
    let corrupt = corrupt.filter(|corrupt| !is_alert_entry(corrupt));
    corrupt.into_iter().map(|corrupt| (corrupt.attribute.clone(), corrupt)).collect()
}
