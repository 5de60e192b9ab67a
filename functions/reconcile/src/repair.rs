//! The repair: what is recorded for each finding, and how the ledger shall stand. Pure; nothing adds risk.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{Asset, Leg, OrderId, PositionId};
use shared::ports::Trade;
use shared::records::{AccountLedger, Difference};
use shared::state::Alert;
use shared::store::Key;
use shared::time::Timestamp;

use crate::diff::{Finding, unrecorded};
use crate::marks;
use crate::observe::Observed;

/// The alert of a difference that survived a second look.
pub const DRIFT: &str = "reconcile-drift";
/// The alert of trades and orders on the account that are not ours.
pub const EXTERNAL: &str = "external-trade";
/// Most characters of an alert's detail.
const LONGEST_DETAIL: usize = 1_000;

/// What a finding leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// The trade is recorded as a movement that is not ours.
    Adopt(Trade),
    /// Execute looks at the order again: it is live once more.
    LookAgain {
        /// The order.
        order: OrderId,
        /// Its position.
        position: PositionId,
        /// Its leg.
        leg: Leg,
    },
    /// The difference is kept until it is gone, and blocks opening.
    Note {
        /// The asset.
        asset: Asset,
        /// How much and since when.
        difference: Difference,
    },
    /// Opening is blocked and a person is told.
    Block(String),
    /// A person is told.
    Tell(String),
}

/// Each finding has one answer.
pub fn repair(finding: Finding, ledger: Option<&AccountLedger>, now: Timestamp) -> Repair {
    let text = finding.to_string();
    match finding {
        Finding::NotOurs(trade) => Repair::Adopt(trade),
        Finding::AfterItsEnd { order, position, leg, .. } => Repair::LookAgain { order, position, leg },
        Finding::Differs { asset, ours, theirs } => {
            let before = ledger.and_then(|ledger| ledger.differences.get(&asset));
            let since = before.map_or(now, |before| before.since);
            Repair::Note { asset, difference: Difference { since, amount: theirs - ours } }
        }
        Finding::RestsThoughOver { .. } | Finding::Forgotten { .. } => Repair::Block(text),
        Finding::Stranger { .. } | Finding::HeldThoughClosed { .. } => Repair::Tell(text),
    }
}

/// How the account shall stand after this look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Whether the look was whole: only then is anything judged.
    pub whole: bool,
    /// The findings in words.
    pub findings: Vec<String>,
    /// Trades to adopt, in trade order.
    pub adopt: Vec<Trade>,
    /// Orders that execute shall look at again.
    pub again: BTreeMap<OrderId, (PositionId, Leg)>,
    /// Items of external orders that are there already.
    pub adopted: BTreeSet<Key>,
    /// Cursors and marks.
    pub cursors: BTreeMap<String, String>,
    /// Differences.
    pub differences: BTreeMap<Asset, Difference>,
    /// Reconcile's alerts, by kind.
    pub alerts: BTreeMap<&'static str, Alert>,
    /// Whether opening is blocked.
    pub holds: bool,
}

impl Plan {
    /// Whether something stays unexplained.
    pub const fn is_divergent(&self) -> bool {
        self.holds
    }
}

/// What is recorded for these findings.
pub fn plan(observed: &Observed, findings: Vec<Finding>, now: Timestamp) -> Plan {
    let ledger = observed.books.heads.ledger.as_ref();
    let words: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let mut plan = Plan { whole: observed.truth.is_whole(), findings: words, ..Plan::default() };
    plan.adopted = observed.known.adopted.clone();
    let (mut drift, mut told) = (Vec::new(), Vec::new());
    for finding in findings {
        let text = finding.to_string();
        match repair(finding, ledger, now) {
            Repair::Adopt(trade) => {
                plan.adopt.push(trade);
                told.push(text);
            }
            Repair::LookAgain { order, position, leg } => {
                plan.again.insert(order, (position, leg));
            }
            Repair::Note { asset, difference } => {
                // A second look is one of a later run: a repeated event is not.
                if difference.since < now {
                    drift.push((difference.since, text));
                }
                plan.differences.insert(asset, difference);
                plan.holds = true;
            }
            Repair::Block(text) => {
                drift.push((now, text));
                plan.holds = true;
            }
            Repair::Tell(text) => told.push(text),
        }
    }
    plan.cursors = cursors(observed, plan.whole);
    let told = told.into_iter().map(|text| (now, text)).collect();
    for (kind, texts) in [(DRIFT, drift), (EXTERNAL, told)] {
        let before = ledger.and_then(|ledger| ledger.alerts.get(kind));
        let alert = alert(observed, before, texts).or_else(|| untold(ledger, kind));
        plan.alerts.extend(alert.map(|alert| (kind, alert)));
    }
    plan
}

/// What happened once stays until people were told; a difference that is gone needs no telling.
fn untold(ledger: Option<&AccountLedger>, kind: &str) -> Option<Alert> {
    let ledger = ledger.filter(|_| kind == EXTERNAL)?;
    let is_told = ledger.episodes.get(kind).is_some_and(|episode| episode.paged_at.is_some());
    if is_told { None } else { ledger.alerts.get(kind).cloned() }
}

/// One alert for everything of its kind; `since` stays that of the first moment.
fn alert(observed: &Observed, before: Option<&Alert>, texts: Vec<(Timestamp, String)>) -> Option<Alert> {
    let first = texts.iter().map(|(since, _)| *since).min()?;
    let words: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
    let detail: String = words.join("; ").chars().take(LONGEST_DETAIL).collect();
    let since = before.map_or(first, |before| before.since);
    Some(Alert { since, key: observed.books.account.id.to_string(), detail })
}

/// How far was seen. A cursor stays before the first trade of ours that is still to be recorded; marks of
/// strategies are those of the last whole look.
fn cursors(observed: &Observed, whole: bool) -> BTreeMap<String, String> {
    let before = observed.books.cursors();
    let is_kept = |name: &str| !whole || !marks::is_of_strategies(name);
    let mut cursors: BTreeMap<String, String> =
        before.into_iter().filter(|(name, _)| is_kept(name)).collect();
    let waiting: Vec<&Trade> = unrecorded(observed).collect();
    for (symbol, window) in &observed.truth.windows {
        let seen = window.trades.iter().take_while(|trade| !waiting.contains(trade)).last();
        let seen = match seen {
            Some(trade) => Some(trade.trade_id.clone()),
            None if window.trades.is_empty() => window.last.clone(),
            None => None,
        };
        if let Some(id) = seen {
            cursors.insert(symbol.to_string(), id);
        } else {
            cursors.entry(symbol.to_string()).or_insert_with(|| marks::BEFORE_THE_FIRST.to_owned());
        }
    }
    if whole {
        cursors.extend(marks_of(observed));
    }
    cursors
}

/// What every strategy has now: also positions that nothing live names while a trade of theirs waits.
pub fn marks_of(observed: &Observed) -> BTreeMap<String, String> {
    let Observed { books, known, .. } = observed;
    let states = || books.heads.states.values();
    let is_live = |id: &PositionId| states().any(|state| state.live.contains_key(&id.to_string()));
    let held = books.positions.values().filter(|one| is_live(&one.id)).map(|one| (&one.id, &one.symbol));
    let waiting = unrecorded(observed).filter_map(|trade| known.order_of(trade));
    let named = books.orders.values().chain(waiting);
    let named = named.map(|order| (&order.terms.position_id, &order.terms.symbol));
    let strategies = states().map(|state| marks::of_strategy(&state.strategy_id, state.intent_seq));
    strategies.chain(held.chain(named).map(|(id, symbol)| marks::of_position(id, symbol))).collect()
}
