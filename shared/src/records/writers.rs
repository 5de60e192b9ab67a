//! Who writes what: each attribute or map path has one writer, except those that are written on condition.

use crate::store::Path;
use crate::tables::Table;

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// The function that asks the model.
    Decide,
    /// The function that acts at the venue.
    Execute,
    /// The function that compares books and venue.
    Reconcile,
    /// The function that watches and pages.
    Heartbeat,
    /// A person, by the operator's program or by hand.
    Operator,
}

use Writer::{Decide, Execute, Heartbeat, Operator, Reconcile};

/// The kinds of alerts and the function that writes and clears each.
pub const ALERT_OWNERS: [(&str, Writer); 18] = [
    ("order-failures", Execute),
    ("gate-open", Execute),
    ("orders-stuck", Execute),
    ("backend-errors", Execute),
    ("status-lowered", Execute),
    ("market-crash", Execute),
    ("market-closed", Execute),
    ("books-damaged", Execute),
    ("fill-after-close", Execute),
    ("dry-run-holds", Execute),
    ("approval-needed", Execute),
    ("reconcile-drift", Reconcile),
    ("external-trade", Reconcile),
    ("llm-refusals", Decide),
    ("llm-cost", Decide),
    ("llm-throttled", Decide),
    ("bad-cycles", Decide),
    ("model-retiring", Decide),
];

/// One rule: who may update what is at or below a path. `*` stands for any one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The table.
    pub table: Table,
    /// The names from the item down.
    pub path: &'static [&'static str],
    /// Who may write there.
    pub writers: &'static [Writer],
}

const fn rule(table: Table, path: &'static [&'static str], writers: &'static [Writer]) -> Rule {
    Rule { table, path, writers }
}

/// Every rule; the first that fits a path is the one.
pub const RULES: &[Rule] = &[
    // Conditional on the value read: people both ways; decide from warmup to running and, like execute,
    // downwards.
    rule(Table::TradingState, &["status"], &[Operator, Decide, Execute]),
    rule(Table::TradingState, &["halt_reason"], &[Operator, Decide, Execute]),
    rule(Table::TradingState, &["status_ack"], &[Execute]),
    rule(Table::TradingState, &["status_ack_at"], &[Execute]),
    rule(Table::TradingState, &["holds", "divergence"], &[Reconcile]),
    rule(Table::TradingState, &["holds", "model_off"], &[Decide]),
    rule(Table::TradingState, &["holds", "rejection_gate"], &[Execute]),
    rule(Table::TradingState, &["holds", "pnl_gate"], &[Execute]),
    rule(Table::TradingState, &["holds", "crash"], &[Execute]),
    rule(Table::TradingState, &["holds", "venue_ban"], &[Execute]),
    // Conditional: never backwards.
    rule(Table::TradingState, &["last_heartbeat"], &[Decide, Execute]),
    rule(Table::TradingState, &["last_decided_at"], &[Decide]),
    rule(Table::TradingState, &["last_executed_at"], &[Execute]),
    rule(Table::TradingState, &["last_reconciled_at"], &[Reconcile]),
    // Decide and people create entries for intents and wishes under a number of their own; execute alone
    // creates the others, and ends them all. Reconcile names an order again that has traded after its end.
    rule(Table::TradingState, &["live", "*"], &[Decide, Execute, Operator, Reconcile]),
    // Conditional on the value read: decide's intents and wishes, and people's wishes.
    rule(Table::TradingState, &["intent_seq"], &[Decide, Operator]),
    rule(Table::TradingState, &["due_at"], &[Execute]),
    rule(Table::TradingState, &["due_what"], &[Execute]),
    rule(Table::TradingState, &["alerts", "order-failures"], &[Execute]),
    rule(Table::TradingState, &["alerts", "gate-open"], &[Execute]),
    rule(Table::TradingState, &["alerts", "orders-stuck"], &[Execute]),
    rule(Table::TradingState, &["alerts", "backend-errors"], &[Execute]),
    rule(Table::TradingState, &["alerts", "status-lowered"], &[Execute]),
    rule(Table::TradingState, &["alerts", "market-crash"], &[Execute]),
    rule(Table::TradingState, &["alerts", "market-closed"], &[Execute]),
    rule(Table::TradingState, &["alerts", "books-damaged"], &[Execute]),
    rule(Table::TradingState, &["alerts", "fill-after-close"], &[Execute]),
    rule(Table::TradingState, &["alerts", "dry-run-holds"], &[Execute]),
    rule(Table::TradingState, &["alerts", "approval-needed"], &[Execute]),
    rule(Table::TradingState, &["alerts", "reconcile-drift"], &[Reconcile]),
    rule(Table::TradingState, &["alerts", "external-trade"], &[Reconcile]),
    rule(Table::TradingState, &["alerts", "llm-refusals"], &[Decide]),
    rule(Table::TradingState, &["alerts", "llm-cost"], &[Decide]),
    rule(Table::TradingState, &["alerts", "llm-throttled"], &[Decide]),
    rule(Table::TradingState, &["alerts", "bad-cycles"], &[Decide]),
    rule(Table::TradingState, &["alerts", "model-retiring"], &[Decide]),
    rule(Table::TradingState, &["episodes", "*"], &[Heartbeat]),
    rule(Table::TradingState, &["send_seq"], &[Execute]),
    rule(Table::TradingState, &["exec_day"], &[Execute]),
    rule(Table::TradingState, &["recent_exec"], &[Execute]),
    rule(Table::TradingState, &["breaker"], &[Execute]),
    // A request: execute remembers in its breaker which one it granted.
    rule(Table::TradingState, &["gate_reset"], &[Operator]),
    rule(Table::TradingState, &["llm_day"], &[Decide]),
    rule(Table::TradingState, &["recent_llm"], &[Decide]),
    rule(Table::TradingState, &["bad_cycles"], &[Decide]),
    rule(Table::StrategyConfig, &["*"], &[Operator]),
    // Conditional on the value read.
    rule(Table::Positions, &["status"], &[Execute, Operator]),
    rule(Table::Positions, &["closed_at"], &[Execute, Operator]),
    rule(Table::Positions, &["closed_manually"], &[Operator]),
    rule(Table::Positions, &["*"], &[Execute]),
    rule(Table::Orders, &["approval"], &[Operator]),
    rule(Table::Orders, &["*"], &[Execute]),
    rule(Table::Decisions, &["*"], &[Decide]),
    rule(Table::Incidents, &["*"], &[Heartbeat]),
    rule(Table::Ledgers, &["opening", "*"], &[Reconcile]),
    rule(Table::Ledgers, &["fills", "*"], &[Execute]),
    rule(Table::Ledgers, &["external", "*"], &[Reconcile]),
    rule(Table::Ledgers, &["cursors", "*"], &[Reconcile]),
    rule(Table::Ledgers, &["differences", "*"], &[Reconcile]),
    rule(Table::Ledgers, &["alerts", "reconcile-drift"], &[Reconcile]),
    rule(Table::Ledgers, &["alerts", "external-trade"], &[Reconcile]),
    rule(Table::Ledgers, &["alerts", "backend-errors"], &[Execute]),
    rule(Table::Ledgers, &["episodes", "*"], &[Heartbeat]),
    rule(Table::Ledgers, &["key_check"], &[Execute]),
    // Conditional: never earlier.
    rule(Table::Ledgers, &["not_before"], &[Decide, Execute, Reconcile]),
    rule(Table::Ledgers, &["banned_until"], &[Decide, Execute, Reconcile]),
    // What the venue says last counts, whoever hears it.
    rule(Table::Ledgers, &["clock"], &[Decide, Execute, Reconcile]),
    rule(Table::Ledgers, &["used"], &[Decide, Execute, Reconcile]),
    rule(Table::Ledgers, &["calls_decide"], &[Decide]),
    rule(Table::Ledgers, &["calls_execute"], &[Execute]),
    rule(Table::Ledgers, &["calls_reconcile"], &[Reconcile]),
    // The paper venue's adapter, conditional on the version read; both functions run it.
    rule(Table::Ledgers, &["version"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["balances"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["open"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["ended"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["trades"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["numbers"], &[Execute, Reconcile]),
    rule(Table::Ledgers, &["strategies"], &[Operator]),
    // What is shared of model providers; decide writes on condition of the count read.
    rule(Table::Ledgers, &["count"], &[Decide]),
    rule(Table::Ledgers, &["hour"], &[Decide]),
    rule(Table::Ledgers, &["calls"], &[Decide]),
    rule(Table::Ledgers, &["minutes"], &[Decide]),
    rule(Table::Ledgers, &["breaker"], &[Decide]),
    rule(Table::Ledgers, &["switched_off"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "llm-refusals"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "llm-cost"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "llm-throttled"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "token-bound"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "model-unusable"], &[Decide]),
    rule(Table::Ledgers, &["alerts", "model-unanswered"], &[Decide]),
    rule(Table::Ledgers, &["unusable"], &[Decide]),
    rule(Table::Ledgers, &["declined"], &[Decide]),
    // Raised by decide; a person takes one away, so that the model is bounded plainly again.
    rule(Table::Ledgers, &["factors", "*"], &[Decide, Operator]),
    rule(Table::Ledgers, &["usd_per_hour"], &[Operator]),
    rule(Table::Ledgers, &["resumed"], &[Operator]),
    rule(Table::Ledgers, &["mended"], &[Operator]),
];

/// Who may update what is at `path`; nobody where no rule fits, as for a whole map whose entries have
/// different writers.
pub fn writers_of(table: Table, path: &Path) -> &'static [Writer] {
    let fits = |rule: &&Rule| rule.table == table && covers(rule.path, path);
    RULES.iter().find(fits).map_or(&[], |rule| rule.writers)
}

fn covers(rule: &[&str], path: &Path) -> bool {
    let names: Vec<&str> = path.names().collect();
    rule.len() <= names.len() && rule.iter().zip(&names).all(|(rule, name)| rule == name || *rule == "*")
}

/// Who may put a whole item of a table: the first write of what did not exist.
pub const fn creators_of(table: Table) -> &'static [Writer] {
    match table {
        Table::TradingState | Table::StrategyConfig | Table::Context => &[Operator],
        Table::Ledgers => &[Operator, Decide, Execute, Reconcile],
        Table::Positions => &[Execute],
        Table::Orders => &[Decide, Execute, Reconcile],
        Table::Decisions => &[Decide],
        Table::Incidents => &[Heartbeat],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        account, decision, incident, llm, order, paper, position, samples, shard, state, strategy_config,
        venue,
    };
    use crate::status::Hold;
    use crate::store::{Attr, Item};

    /// Maps whose entries have writers of their own; every other attribute is written as one.
    const BY_ENTRY: [&str; 10] = [
        "holds",
        "live",
        "alerts",
        "episodes",
        "opening",
        "fills",
        "external",
        "cursors",
        "differences",
        "factors",
    ];

    fn paths(item: &Item) -> Vec<Path> {
        let of = |(name, attr): (&String, &Attr)| match attr {
            Attr::M(map) if BY_ENTRY.contains(&name.as_str()) => {
                map.keys().map(|entry| Path::of(name).then(entry)).collect()
            }
            Attr::S(_)
            | Attr::N(_)
            | Attr::Bool(_)
            | Attr::Null
            | Attr::B(_)
            | Attr::L(_)
            | Attr::M(_)
            | Attr::Foreign(_) => {
                vec![Path::of(name)]
            }
        };
        item.iter().flat_map(of).collect()
    }

    /// The attributes that more than one may write; each is written on condition of the value read.
    #[test]
    fn records_every_attribute_has_one_writer_but_the_shared_ones() {
        let mut items = vec![
            (Table::TradingState, state::encode(&samples::strategy_state())),
            (Table::StrategyConfig, strategy_config::encode(&samples::settings())),
            (Table::Positions, position::encode(&samples::position())),
            (Table::Decisions, decision::encode(&samples::decision())),
            (Table::Incidents, incident::encode(&samples::incident())),
            (Table::Ledgers, account::encode(&samples::account_ledger())),
            (Table::Ledgers, shard::encode(&samples::shard())),
            (Table::Ledgers, venue::sample()),
            (Table::Ledgers, paper::encode(&samples::paper_ledger())),
            (Table::Ledgers, llm::encode(&samples::llm_ledger())),
        ];
        items.extend(samples::orders().iter().map(|(_, order)| (Table::Orders, order::encode(order))));
        let mut shared = std::collections::BTreeSet::new();
        for (table, item) in items {
            for path in paths(&item) {
                if path.head == table.hash_key() || Some(path.head.as_str()) == table.range_key() {
                    continue;
                }
                let writers = writers_of(table, &path);
                assert!(!writers.is_empty(), "nobody writes {path:?} of {table:?}");
                if writers.len() > 1 {
                    shared.insert(format!("{} {}", table.as_str(), path.head));
                }
            }
        }
        let expected = [
            "ledgers balances",
            "ledgers banned_until",
            "ledgers clock",
            "ledgers ended",
            "ledgers factors",
            "ledgers not_before",
            "ledgers numbers",
            "ledgers open",
            "ledgers trades",
            "ledgers used",
            "ledgers version",
            "positions closed_at",
            "positions status",
            "trading-state halt_reason",
            "trading-state intent_seq",
            "trading-state last_heartbeat",
            "trading-state live",
            "trading-state status",
        ];
        assert_eq!(shared.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn records_every_hold_and_every_alert_has_its_one_owner() {
        for hold in Hold::ALL {
            assert_eq!(writers_of(Table::TradingState, &state::path::hold(hold)).len(), 1, "{hold:?}");
        }
        for (kind, owner) in ALERT_OWNERS {
            assert_eq!(writers_of(Table::TradingState, &state::path::alert(kind)), [owner], "{kind}");
        }
    }

    #[test]
    fn records_nobody_replaces_a_map_of_many_writers() {
        for name in ["holds", "live", "alerts", "episodes"] {
            assert!(writers_of(Table::TradingState, &Path::of(name)).is_empty(), "{name}");
        }
        assert!(writers_of(Table::TradingState, &Path::of("no_such_attribute")).is_empty());
    }
}
