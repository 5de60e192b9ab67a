//! What a model or a stranger may write, from files that anybody can extend: nothing of it changes the books, and
//! each case names its reason.

use std::collections::BTreeMap;

use shared::ports::RawReply;
use shared::store::{Item, Key};
use shared::tables::Table;

use crate::testing::{KEY, World, holding, outcome, unpacked};

/// One body of a provider: its name, the reasons of which one is enough, and itself.
struct Body<'a> {
    name: &'a str,
    reasons: &'a str,
    text: &'a str,
}

fn bodies(file: &str) -> Vec<Body<'_>> {
    let case = |case| {
        let (head, text): (&str, &str) = str::split_once(case, '\n').unwrap();
        let (name, reasons) = head.split_once(" == ").unwrap();
        Body { name, reasons, text: text.strip_suffix('\n').unwrap_or(text) }
    };
    file.split("\n== ").skip(1).map(case).collect()
}

/// What is traded, owned and wished.
fn books(world: &World) -> BTreeMap<Key, Item> {
    let is_book = |key: &Key| match key.table {
        Table::Positions | Table::Orders => true,
        Table::Ledgers => key.hash.starts_with("account#"),
        Table::TradingState
        | Table::StrategyConfig
        | Table::Decisions
        | Table::Incidents
        | Table::Context => false,
    };
    world.tables.snapshot().into_iter().filter(|(key, _)| is_book(key)).collect()
}

#[test]
fn no_malformed_answer_changes_the_books_and_each_names_its_reason() {
    let cases = bodies(include_str!("../hostile/answers.txt"));
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut wrong = Vec::new();
    for Body { name, reasons, text } in cases {
        let world = World::new();
        world.plant_books(&holding());
        world.model.speaks_its_own.set(true);
        for _ in 0..2 {
            world.will(Ok(RawReply { body: text.as_bytes().to_vec() }));
        }
        let (before, state) = (books(&world), world.state());
        let found = outcome(&world.tick());
        let decision = world.decisions().remove(0);
        let reason = decision.reason.clone().unwrap_or_default();
        let is_named = reasons.split('|').any(|part| reason.contains(part));
        if !found.starts_with("abstain:") || !is_named {
            wrong.push(format!("{name}: {found}: {reason}"));
        }
        let after = world.state();
        assert_eq!(books(&world), before, "{name}");
        assert_eq!((after.live, after.intent_seq), (state.live, state.intent_seq), "{name}");
        assert!(!unpacked(&decision.prompt).contains(KEY), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
