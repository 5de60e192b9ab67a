//! What a model or a stranger may write, from files that anybody can extend: nothing of it changes the books, and
//! each case names its reason.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::ids::Symbol;
use shared::ports::RawReply;
use shared::records;
use shared::records::context::ContextNote;
use shared::store::{Attr, Item, Key};
use shared::tables::Table;
use shared::time::Millis;

use crate::notes::{MOST_SOURCE, MOST_TEXT, plain};
use crate::replaying::replayed;
use crate::testing::{World, holding, outcome, settings};

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

pub(crate) fn texts(file: &str) -> Vec<String> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The facts of a cycle whose strategy has this note, and what of them is the notes.
fn facts_with(text: &str, source: &str) -> (Value, Option<Value>) {
    let world = World::new();
    world.plant_books(&holding());
    world.set(|settings| settings.context_top_k = 3);
    let noted_at = world.clock.0.get() - Millis::from_minutes(1);
    let note = ContextNote {
        strategy_id: world.id(),
        noted_at,
        source: source.to_owned(),
        text: text.to_owned(),
        similarity: Decimal::ONE,
        expires_at: noted_at + Millis::from_minutes(60),
    };
    let key = records::context::key(&note.strategy_id, noted_at);
    world.tables.plant(key, records::context::encode(&note));
    assert_eq!(outcome(&world.tick()), "hold", "{text:?}");
    let asked = world.model.asked.borrow();
    let mut facts: Value = serde_json::from_str(&asked[0].facts).unwrap();
    let notes = facts.as_object_mut().unwrap().remove("notes_of_others");
    (facts, notes)
}

#[test]
fn no_text_of_a_stranger_changes_anything_but_its_own_string() {
    let texts = texts(include_str!("../hostile/texts.txt"));
    assert!(texts.len() >= 200, "{}", texts.len());
    let (without, none) = facts_with("", "news");
    assert_eq!(none, None);
    for text in texts {
        for (as_text, as_source) in [(text.as_str(), "news"), ("calm", text.as_str())] {
            let (facts, notes) = facts_with(as_text, as_source);
            assert_eq!(facts, without, "{text:?}");
            let is_shown = !plain(as_text, MOST_TEXT).is_empty() && !as_source.is_empty();
            assert_eq!(notes.is_some(), is_shown, "{as_text:?} of {as_source:?}");
            let Some(notes) = notes else { continue };
            let [Value::Object(note)] = notes.as_array().unwrap().as_slice() else {
                panic!("{text:?}: {notes:?}")
            };
            assert_eq!(note.keys().collect::<Vec<_>>(), ["age_minutes", "similarity", "source", "text"]);
            assert_eq!((&note["age_minutes"], &note["similarity"]), (&json!(1), &json!("1")));
            for (name, most) in [("source", MOST_SOURCE), ("text", MOST_TEXT)] {
                let shown = note[name].as_str().unwrap();
                let is_plain = |one: char| one.is_alphanumeric() || ".,:;!?%+-/()'$€£ ".contains(one);
                assert!(shown.chars().all(is_plain) && shown.chars().count() <= most, "{shown:?}");
            }
        }
    }
}

/// The names of markets stand in the prompt too: what is not one cannot be one.
#[test]
fn no_text_of_a_stranger_is_the_name_of_a_market() {
    for text in texts(include_str!("../hostile/texts.txt")) {
        let read = Symbol::parse(&text).map(|symbol| symbol.to_string());
        assert!(read.is_err() || text == "BTC-USDT", "{text:?}");
    }
}

/// Settings are edited by hand: what is no market's name is damage there, and no model hears of it.
#[test]
fn no_text_of_a_stranger_in_the_place_of_a_market_reaches_a_model() {
    let is_none = |text: &String| Symbol::parse(text).is_err();
    for text in texts(include_str!("../hostile/texts.txt")).into_iter().filter(is_none) {
        let world = World::new();
        let mut item = records::strategy_config::encode(&settings());
        item.insert("symbols".to_owned(), Attr::L(vec![Attr::S(text.clone())]));
        world.tables.plant(records::strategy_config::key(&world.id()), item);
        world.tick();
        assert_eq!((world.asked(), world.orders().len()), (0, 0), "{text:?}");
    }
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
        let is_same =
            books(&world) == before && (after.live, after.intent_seq) == (state.live, state.intent_seq);
        if !is_same {
            wrong.push(format!("{name}: changes the books"));
        }
        assert_eq!(replayed(&world), [""; 0], "{name}: its record says something else");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
