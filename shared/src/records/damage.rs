//! What every kind of record must stand: round trips, old items, and damage to each of its attributes.

use std::fmt::Debug;
use std::path::Path;

use crate::records::dynamo_json::{from_json, to_json};
use crate::records::fields::{Corrupt, Fields};
use crate::records::{
    account, arb, decision, incident, llm, order, paper, position, samples, shard, state, strategy_config,
    venue,
};
use crate::settings::Settings;
use crate::store::{Attr, Item};
use crate::tables::Table;

/// The damages done to every attribute.
const DAMAGES: [&str; 9] =
    ["missing", "null", "wrong-type", "a-flag", "NaN", "1e400", "-1", "empty", "Running"];

fn damaged(attr: &Attr, damage: &str) -> Option<Attr> {
    let same = |text: &str| match attr {
        Attr::N(_) => Attr::N(text.into()),
        Attr::S(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::M(_) | Attr::Foreign(_) => {
            Attr::S(text.into())
        }
    };
    match damage {
        "missing" => None,
        "null" => Some(Attr::Null),
        "a-flag" if matches!(attr, Attr::Bool(_)) => Some(Attr::L(Vec::new())),
        "a-flag" => Some(Attr::Bool(true)),
        "wrong-type" if matches!(attr, Attr::S(_)) => Some(Attr::N("1".into())),
        "wrong-type" => Some(Attr::S("1".into())),
        "empty" => Some(same("")),
        text => Some(same(text)),
    }
}

/// Where every attribute is: names of the item, of maps and indices of lists.
fn places(item: &Item) -> Vec<Vec<String>> {
    item.iter().flat_map(|(name, attr)| below(name, attr)).collect()
}

fn below(name: &str, attr: &Attr) -> Vec<Vec<String>> {
    let inner = match attr {
        Attr::M(map) => places(map),
        Attr::L(list) => {
            list.iter().enumerate().flat_map(|(index, attr)| below(&index.to_string(), attr)).collect()
        }
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::Foreign(_) => Vec::new(),
    };
    let under = |rest: Vec<String>| [vec![name.to_owned()], rest].concat();
    std::iter::once(vec![name.to_owned()]).chain(inner.into_iter().map(under)).collect()
}

/// Damages what is at `place`; false where that damage cannot be done there.
fn damage_item(item: &mut Item, place: &[String], damage: &str) -> bool {
    let (name, rest) = place.split_first().expect("a place has a name");
    let attr = item.get_mut(name).expect("the place exists");
    if !rest.is_empty() {
        return damage_attr(attr, rest, damage);
    }
    match damaged(attr, damage) {
        Some(worse) => *attr = worse,
        None => drop(item.remove(name)),
    }
    true
}

fn damage_attr(attr: &mut Attr, place: &[String], damage: &str) -> bool {
    match attr {
        Attr::M(map) => damage_item(map, place, damage),
        Attr::L(list) => {
            let (index, rest) = place.split_first().expect("a place has an index");
            let inner = &mut list[index.parse::<usize>().expect("an index")];
            if !rest.is_empty() {
                return damage_attr(inner, rest, damage);
            }
            let worse = damaged(inner, damage);
            worse.map(|worse| *inner = worse).is_some()
        }
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::Foreign(_) => false,
    }
}

/// Does every damage to every attribute. Each must be an error that names item and attribute, except for
/// those listed: `attribute: damage damage`, one attribute a line.
fn holds_against_damage<T: Debug>(
    item: &Item,
    table: Table,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
    allowed: &str,
) {
    let what = Fields::of(table, item).bad("", "", "").item;
    let mut taken = Vec::new();
    for place in places(item) {
        let path = place.join(".");
        let mut harmless = Vec::new();
        for damage in DAMAGES {
            let mut worse = item.clone();
            if !damage_item(&mut worse, &place, damage) {
                continue;
            }
            match decode(&worse) {
                Ok(_) => harmless.push(damage),
                Err(corrupt) => {
                    assert_eq!(corrupt.attribute, path, "{damage} at {path} was reported as {corrupt}");
                    let is_key = path == table.hash_key() || Some(path.as_str()) == table.range_key();
                    assert!(is_key || corrupt.item == what, "{damage} at {path} was reported as {corrupt}");
                }
            }
        }
        if !harmless.is_empty() {
            taken.push(format!("{path}: {}", harmless.join(" ")));
        }
    }
    let allowed: Vec<&str> = allowed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(taken, allowed, "these damages were read as if nothing were wrong:\n{}", taken.join("\n"));
}

/// The committed item reads as the sample, and the sample is written as the committed item. When the
/// second fails because the form changed on purpose, commit a new file and keep the old one readable.
fn is_golden<T: Debug + PartialEq>(
    name: &str,
    sample: &T,
    encode: impl Fn(&T) -> Item,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/records/golden/{name}.json"));
    let now = to_json(&encode(sample));
    let Ok(text) = std::fs::read_to_string(&file) else {
        let text = serde_json::to_string_pretty(&now).expect("json");
        std::fs::write(&file, format!("{text}\n")).expect("the new golden file is written");
        panic!("{} was missing and is written: read it, then commit it", file.display());
    };
    let golden = serde_json::from_str(&text).expect("golden files are JSON");
    assert_eq!(decode(&from_json(&golden)).as_ref(), Ok(sample), "{name}: an old item no longer reads");
    assert_eq!(now, golden, "{name}: is written in another form than {}", file.display());
}

#[test]
fn records_golden_items_are_read_and_written() {
    is_golden("state", &samples::strategy_state(), state::encode, state::decode);
    is_golden("position", &samples::position(), position::encode, position::decode);
    for (name, sample) in samples::orders() {
        is_golden(&format!("order_{name}"), &sample, order::encode, order::decode);
    }
    is_golden("fill", &samples::fill(), order::encode_fill, order::decode_fill);
    is_golden("strategy_config", &samples::settings(), strategy_config::encode, strategy_config::decode);
    is_golden("decision", &samples::decision(), decision::encode, decision::decode);
    is_golden("incident", &samples::incident(), incident::encode, incident::decode);
    is_golden("shard", &samples::shard(), shard::encode, shard::decode);
    let whole = |item: &Item| venue::damage(item).map_or_else(|| Ok(item.clone()), Err);
    is_golden("venue", &venue::sample(), Item::clone, whole);
    is_golden("paper", &samples::paper_ledger(), paper::encode, paper::decode);
    is_golden("llm", &samples::llm_ledger(), llm::encode, llm::decode);
    is_golden("account", &samples::account_ledger(), account::encode, account::decode);
}

/// What is left of an item is all of it where nothing is damaged, and never an error where it could be read.
#[test]
fn records_remains_are_what_can_be_read() {
    let (state, settings) = (samples::strategy_state(), samples::settings());
    assert_eq!(state::remains(&state::encode(&state)), Ok(state));
    let without_fallbacks = Settings { model_fallbacks: Vec::new(), ..settings.clone() };
    assert_eq!(strategy_config::remains(&strategy_config::encode(&settings)), Ok(without_fallbacks));
    let account = samples::account_ledger();
    let left = account::remains(&account::encode(&account)).unwrap();
    assert_eq!((left.book, left.key_check), (account.book, account.key_check));
}

/// The attributes without which nothing is left; every other one may be damaged.
#[test]
fn records_remains_need_what_is_acted_on_and_nothing_else() {
    let state = state::encode(&samples::strategy_state());
    let needed = ["breaker", "exec_day", "holds", "live", "send_seq", "strategy_id"];
    assert_eq!(cannot_do_without(&state, state::remains), needed);
    let settings = strategy_config::encode(&samples::settings());
    let needed = ["account", "backend", "strategy_id", "testnet", "venue"];
    assert_eq!(cannot_do_without(&settings, strategy_config::remains), needed);
    let account = account::encode(&samples::account_ledger());
    assert_eq!(cannot_do_without(&account, account::remains), ["fills", "ledger_id"]);
}

fn cannot_do_without<T>(item: &Item, remains: impl Fn(&Item) -> Result<T, Corrupt>) -> Vec<String> {
    let refused = |name: &&String| {
        let mut worse = item.clone();
        worse.insert((*name).clone(), Attr::Null);
        let refused = remains(&worse).err();
        assert!(refused.iter().all(|corrupt| corrupt.attribute == **name), "{name}: {refused:?}");
        refused.is_some()
    };
    item.keys().filter(refused).cloned().collect()
}

/// A damaged attribute makes heartbeat blind for what it says, and for nothing else.
#[test]
fn records_vitals_are_judged_attribute_by_attribute() {
    let item = state::encode(&samples::strategy_state());
    assert_eq!(unreadable(&state::vital(&item)), Vec::<String>::new());
    for (name, expected) in [
        ("status", vec!["status"]),
        ("last_heartbeat", vec!["last_heartbeat"]),
        ("last_reconciled_at", vec!["last_reconciled_at"]),
        ("live", vec!["live", "live"]),
        ("alerts", vec!["alerts"]),
        ("episodes", vec!["episodes"]),
        ("due_at", vec!["due_at"]),
        ("halt_reason", vec![]),
        ("breaker", vec![]),
    ] {
        let mut worse = item.clone();
        worse.insert(name.into(), Attr::Null);
        assert_eq!(unreadable(&state::vital(&worse)), expected, "{name}");
    }
}

#[test]
fn records_one_damaged_alert_hides_no_other() {
    let mut item = state::encode(&samples::strategy_state());
    let Some(Attr::M(alerts)) = item.get_mut("alerts") else { panic!("alerts are a map") };
    alerts.insert("gate-open".into(), Attr::Null);
    let alerts = state::vital(&item).alerts.unwrap();
    assert!(alerts["order-failures"].is_ok());
    assert_eq!(alerts["gate-open"].as_ref().unwrap_err().attribute, "alerts.gate-open");
}

fn unreadable(vitals: &state::Vitals) -> Vec<String> {
    let all = [
        vitals.strategy_id.as_ref().err(),
        vitals.status.as_ref().err(),
        vitals.holds.as_ref().err(),
        vitals.last_heartbeat.as_ref().err(),
        vitals.last_decided_at.as_ref().err(),
        vitals.last_executed_at.as_ref().err(),
        vitals.last_reconciled_at.as_ref().err(),
        vitals.live_count.as_ref().err(),
        vitals.has_position_or_order.as_ref().err(),
        vitals.alerts.as_ref().err(),
        vitals.episodes.as_ref().err(),
        vitals.due.as_ref().err(),
        vitals.exec_day.as_ref().err(),
        vitals.llm_day.as_ref().err(),
        vitals.recent_exec.as_ref().err(),
        vitals.recent_llm.as_ref().err(),
    ];
    all.into_iter().flatten().map(|corrupt| corrupt.attribute.clone()).collect()
}

#[test]
fn records_state_holds_against_damage() {
    holds_against_damage(
        &state::encode(&samples::strategy_state()),
        Table::TradingState,
        state::decode,
        "alerts.order-failures: missing
         alerts.order-failures.detail: NaN 1e400 -1 empty Running
         alerts.order-failures.key: NaN 1e400 -1 empty Running
         breaker.banned_until: missing
         breaker.missing_stops: missing
         breaker.phase: missing
         breaker.phase.trial: missing NaN 1e400 -1 Running
         breaker.pnl_from: missing
         breaker.pnl_from.result: -1
         breaker.reset_at: missing
         due_at: missing
         due_what: missing NaN 1e400 -1 empty Running
         episodes.order-failures: missing
         episodes.order-failures.id: NaN 1e400 -1 Running
         episodes.order-failures.paged_at: missing
         exec_day.fees: missing -1
         exec_day.most_orders: missing
         exec_day.realised: -1
         gate_reset: missing
         gate_reset.by: NaN 1e400 -1 Running
         gate_reset.gate: missing
         halt_reason: missing NaN 1e400 -1 empty Running
         holds.divergence: missing
         holds.venue_ban: missing
         last_reconciled_at: missing
         live.demo.1677628800: missing
         live.isxydcmp5m2kbuoqlrsycrpqszax462z: missing
         live.w-1677628801: missing
         live.w-1677628801.d: missing
         live.w-1677628802: missing
         live.w-1677628802.o: NaN 1e400 -1 Running
         status_ack: missing
         status_ack_at: missing
         strategy_id: NaN 1e400 -1 Running",
    );
}

#[test]
fn records_position_holds_against_damage() {
    holds_against_damage(
        &position::encode(&samples::position()),
        Table::Positions,
        position::decode,
        "account: NaN 1e400 -1 Running
         closed_at: missing
         closing_since: missing
         exit_decision: missing
         exit_reason: missing
         exit_refused_at: missing
         fees.BTC: missing -1
         peak: missing
         residue: missing
         stop_failures: missing
         take_profit: missing
         trace: missing NaN 1e400 -1 empty Running",
    );
}

#[test]
fn records_fill_holds_against_damage() {
    holds_against_damage(
        &order::encode_fill(&samples::fill()),
        Table::Orders,
        order::decode_fill,
        "fee: -1
         fee_asset: NaN 1e400 -1 Running",
    );
}

#[test]
fn records_account_holds_against_damage() {
    holds_against_damage(
        &account::encode(&samples::account_ledger()),
        Table::Ledgers,
        account::decode,
        "alerts.reconcile-drift: missing
         alerts.reconcile-drift.detail: NaN 1e400 -1 empty Running
         alerts.reconcile-drift.key: NaN 1e400 -1 empty Running
         cursors.BTC-USDT: missing NaN 1e400 -1 Running
         differences.BTC: missing
         differences.BTC.amount: -1
         episodes.reconcile-drift: missing
         episodes.reconcile-drift.id: NaN 1e400 -1 Running
         episodes.reconcile-drift.paged_at: missing
         external.USDT: missing -1
         fills.BTC: missing -1
         fills.USDT: missing -1
         key_check: missing
         key_check.print: missing
         opening.USDT: missing -1",
    );
}

#[test]
fn records_strategy_config_holds_against_damage() {
    holds_against_damage(
        &strategy_config::encode(&samples::settings()),
        Table::StrategyConfig,
        strategy_config::decode,
        "account: NaN 1e400 -1 Running
         ask_when_moved_percent: missing
         context_top_k: missing
         llm_tokens_per_five_minutes: missing
         model: NaN 1e400 -1 Running
         model_fallbacks.0: NaN 1e400 -1 Running
         paper_balance: missing
         strategy_id: NaN 1e400 -1 Running
         venue: NaN 1e400 -1 Running",
    );
}

#[test]
fn records_decision_holds_against_damage() {
    holds_against_damage(
        &decision::encode(&samples::decision()),
        Table::Decisions,
        decision::decode,
        "account: NaN 1e400 -1 Running
         asked: missing
         asked.0.model: NaN 1e400 -1 Running
         asked.0.text: NaN 1e400 -1 empty Running
         asked.1.ask: missing
         asked.1.model: NaN 1e400 -1 Running
         asked.1.other: missing NaN 1e400 -1 Running
         expires_at: missing
         inputs: missing
         inputs.entries.isxydcmp5m2kbuoqlrsycrpqszax462z: missing
         inputs.markets.BTC-USDT: missing
         inputs.markets.BTC-USDT.candle: missing
         inputs.positions.BTC-USDT: missing
         limits: missing
         market_price: missing
         model: NaN 1e400 -1 Running
         order_id: missing NaN 1e400 -1 Running
         outcome: missing NaN 1e400 -1 Running
         position_id: missing
         prompt_hash: NaN 1e400 -1 Running
         reason: missing NaN 1e400 -1 empty Running
         seen: missing
         seen.books: NaN 1e400 -1 Running
         strategy_id: NaN 1e400 -1 Running
         trace: NaN 1e400 -1 Running",
    );
}

#[test]
fn records_incident_holds_against_damage() {
    holds_against_damage(
        &incident::encode(&samples::incident()),
        Table::Incidents,
        incident::decode,
        "claimed_at: missing
         detail: NaN 1e400 -1 empty Running
         incident_id: NaN 1e400 -1 Running
         kind: NaN 1e400 -1 Running
         published_at: missing
         recovery_published_at: missing
         reminded_at: missing
         resolved_at: missing
         strategy_id: missing NaN 1e400 -1 Running
         subject: NaN 1e400 -1 empty Running",
    );
}

#[test]
fn records_shard_holds_against_damage() {
    holds_against_damage(
        &shard::encode(&samples::shard()),
        Table::Ledgers,
        shard::decode,
        "strategies.0: NaN 1e400 -1 Running
         strategies.1: NaN 1e400 -1 Running",
    );
}

/// What any order may have, whatever its state.
const OF_ANY_ORDER: &str = "account: NaN 1e400 -1 Running
    decided_price: missing
    decision: missing
    order_id: NaN 1e400 -1 Running
    take_profit: missing
    trace: NaN 1e400 -1 Running";

#[test]
fn records_order_holds_against_damage() {
    for (name, sample) in samples::orders() {
        let own = match name {
            "open" | "filled" | "expired_at_venue" => "venue_id: NaN 1e400 -1 Running",
            "partially_filled" => "venue_id: NaN 1e400 -1 Running\nended: missing",
            "pending" | "unknown" => "sent_limit: missing",
            "rejected" => "code: NaN 1e400 -1 empty Running",
            "refused" => "refused_by: NaN 1e400 -1 Running\nrefused_message: NaN 1e400 -1 empty Running",
            _ => "",
        };
        let mut lines: Vec<&str> = OF_ANY_ORDER.lines().chain(own.lines()).map(str::trim).collect();
        lines.sort_unstable();
        holds_against_damage(&order::encode(&sample), Table::Orders, order::decode, &lines.join("\n"));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn records_state_round_trips(value in arb::strategy_state()) {
        proptest::prop_assert_eq!(state::decode(&state::encode(&value)), Ok(value));
    }
    #[test]
    fn records_position_round_trips(value in arb::position()) {
        proptest::prop_assert_eq!(position::decode(&position::encode(&value)), Ok(value));
    }
    #[test]
    fn records_order_round_trips(value in arb::order()) {
        proptest::prop_assert_eq!(order::decode(&order::encode(&value)), Ok(value));
    }
    #[test]
    fn records_fill_round_trips(value in arb::fill()) {
        proptest::prop_assert_eq!(order::decode_fill(&order::encode_fill(&value)), Ok(value));
    }
    #[test]
    fn records_account_round_trips(value in arb::account_ledger()) {
        proptest::prop_assert_eq!(account::decode(&account::encode(&value)), Ok(value));
    }
    #[test]
    fn records_strategy_config_round_trips(value in arb::settings()) {
        proptest::prop_assert_eq!(strategy_config::decode(&strategy_config::encode(&value)), Ok(value));
    }
    #[test]
    fn records_decision_round_trips(value in arb::decision()) {
        proptest::prop_assert_eq!(decision::decode(&decision::encode(&value)), Ok(value));
    }
    #[test]
    fn records_incident_round_trips(value in arb::incident()) {
        proptest::prop_assert_eq!(incident::decode(&incident::encode(&value)), Ok(value));
    }
    #[test]
    fn records_shard_round_trips(value in arb::shard()) {
        proptest::prop_assert_eq!(shard::decode(&shard::encode(&value)), Ok(value));
    }
}
