//! The records of a run say by themselves what came of them, as an operator asks.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use ops::not_done::NotDone;
use ops::paper::minds::Chosen;
use ops::paper::options::{Approve, FaultLevel, ModelChoice, Options};
use ops::paper::{Finished, input, trade};
use ops::person::Person;
use ops::replay::{self, Wanted};
use ops::stage::Stage;
use shared::aws::clients::{AwsConfig, AwsKeys, time_source};
use shared::ids::Leg;
use shared::order::{Order, Origin, Terms};
use shared::records::order::Row;
use shared::records::{self, DecisionRecord};
use shared::store::{Attr, Change, Key, Path, ScanTables, Write, WriteTables};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};
use sim::model::Policy;
use sim::world::REGION;

/// Minutes of the bundled market: the bundled strategy opens and closes twice in them.
const MINUTES: usize = 19 * 60;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run() -> Finished {
    let model = ModelChoice::Scripted(Policy::Momentum);
    let options = Options {
        servers: None,
        days: 1,
        candles: None,
        strategy: None,
        model,
        record: None,
        approve: Approve::None,
        faults: FaultLevel::None,
        seed: 1,
        json: true,
        report: "unused.html".into(),
        serve: false,
    };
    let mut input = input::read(&options).unwrap();
    input.candles.truncate(MINUTES);
    wait(trade(&options, input, Chosen::Scripted(Policy::Momentum), |_, _, _, _| {})).unwrap()
}

/// The stage that a run left, as an operator reaches it.
fn reached(finished: &Finished) -> Stage {
    let world = &finished.stage.world;
    let now = world.clock.now();
    let config = AwsConfig {
        region: REGION.to_owned(),
        endpoint: None,
        keys: Some(AwsKeys { access_key: "sim".into(), secret_key: "sim".into(), session_token: None }),
        timeout: Millis::from_secs(3),
        time: time_source(move || now),
    };
    Stage::over(world.names.clone(), &config, &world.network())
}

fn replayed(stage: &Stage, wanted: &Wanted) -> (Result<(), NotDone>, String) {
    let (mut out, mut input) = (Vec::new(), std::io::empty());
    let mut person = Person { out: &mut out, input: &mut input };
    let ended = wait(replay::replay(stage, wanted, &mut person));
    (ended, String::from_utf8(out).unwrap())
}

fn all() -> Wanted {
    Wanted::All { strategy: None, span: None, last: 10_000 }
}

fn change(stage: &Stage, key: Key, path: &str, attr: Attr) {
    let write = Write::update(key, vec![Change::Set(Path::of(path), attr)], vec![]);
    wait(stage.tables.write(vec![write])).unwrap();
}

/// C13: every order of the model joins to exactly one decision, which says by itself why it is what it is.
#[test]
fn every_decision_of_a_run_is_read_again_as_it_was_and_a_changed_one_is_named() {
    let finished = run();
    let stage = reached(&finished);
    let records: Vec<DecisionRecord> = wait(stage.tables.scan(Table::Decisions))
        .unwrap()
        .iter()
        .map(|item| records::decision::decode(item).unwrap())
        .collect();
    let (orders, exits): (Vec<Order>, Vec<Order>) = wait(stage.tables.scan(Table::Orders))
        .unwrap()
        .iter()
        .filter_map(|item| match records::order::decode_row(item).unwrap() {
            Row::Order(order) if order.terms.origin == Origin::Model => Some(*order),
            Row::Order(_) | Row::Fill(_) => None,
        })
        .partition(|order| order.terms.leg == Leg::Entry);
    assert!(!orders.is_empty() && !exits.is_empty());
    for order in &orders {
        let of = records.iter().filter(|one| one.order_id.as_ref() == Some(&order.terms.order_id));
        let of: Vec<Timestamp> = of.map(|one| one.decided_at).collect();
        assert_eq!(of, [order.terms.decision.unwrap()]);
    }
    for Terms { decision, position_id, .. } in exits.iter().map(|order| &order.terms) {
        let of = records.iter().filter(|one| Some(one.decided_at) == *decision);
        let of: Vec<_> = of.map(|one| (one.outcome.as_deref(), one.position_id.as_ref())).collect();
        assert_eq!(of, [(Some("close"), Some(position_id))], "an exit names the decision that wished it");
    }
    let (ended, shown) = replayed(&stage, &all());
    let (many, traded) = (records.len(), orders.len());
    assert_eq!(shown, format!("{many} decisions with {traded} orders: {many} the same, 0 differ\n"));
    assert_eq!(ended, Ok(()));

    let Some(terms) = orders.first().map(|order| &order.terms) else { return };
    let minute = terms.decision.unwrap();
    let one = Wanted::One(terms.strategy_id.clone(), minute);
    let (ended, shown) = replayed(&stage, &one);
    assert_eq!(ended, Ok(()));
    for part in [
        "\"allowed_actions\"",
        "additionalProperties",
        "\"stop_reason\": \"tool_use\"",
        "outcome       open",
        &terms.line(),
        terms.order_id.as_str(),
        "read again    the same",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    change(
        &stage,
        records::order::key(&terms.position_id, &terms.order_id),
        "quantity",
        Attr::N("9".to_owned()),
    );
    change(&stage, records::decision::key(&terms.strategy_id, minute), "outcome", Attr::S("hold".to_owned()));
    let (ended, shown) = replayed(&stage, &all());
    assert!(matches!(ended, Err(NotDone::Refused(_))), "{ended:?}");
    let line = format!(
        "{minute} {} differs: outcome is \"hold\", its answer says \"open\"; order's quantity is \"9\"",
        terms.strategy_id
    );
    assert!(shown.contains(&line), "{shown}");
    let span = Some((minute + Millis::from_minutes(1), minute + Millis::from_minutes(24 * 60)));
    let after = Wanted::All { strategy: Some(terms.strategy_id.clone()), span, last: 10 };
    assert_eq!(replayed(&stage, &after).0, Ok(()), "another minute than the changed one");
    let never = Wanted::One(terms.strategy_id.clone(), minute + Millis::from_minutes(1));
    assert!(matches!(replayed(&stage, &never).0, Err(NotDone::Input(_))));
}
