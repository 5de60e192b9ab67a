//! The contract that every store keeps, one behaviour a function: run against the store in memory and,
//! through the real SDK client, against a DynamoDB. Use [`store_contract!`](crate::store_contract).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a broken store should end the test where it is noticed"
)]

use crate::store::{
    Attr, Change, Cond, Item, Key, MOST_WRITES, Order, Path, ReadTables, ScanTables, Write, WriteAct,
    WriteError, WriteTables,
};
use crate::tables::Table;

/// Makes one `#[test]` of every behaviour: `$make` is a future of an empty store, `$block_on` runs a future.
#[macro_export]
macro_rules! store_contract {
    ($make:expr, $block_on:expr) => {
        $crate::store_contract! { @each $make, $block_on;
            what_was_put_is_read_with_its_key
            what_is_missing_is_none_and_the_order_is_kept
            hundreds_of_keys_of_several_tables_are_read_in_order
            a_batch_beyond_sixteen_megabytes_is_read_whole
            an_impossible_key_is_refused
            putting_twice_is_lost_with_the_existing_item
            a_put_replaces_the_whole_item
            an_update_creates_what_is_missing
            an_update_keeps_what_it_does_not_name
            writing_nothing_is_done
            a_transaction_is_all_or_nothing
            a_transaction_names_the_first_write_that_lost
            the_same_transaction_again_is_judged_again
            a_transaction_naming_one_key_twice_is_not_done
            a_transaction_has_at_most_a_hundred_writes
            a_check_guards_its_transaction_and_writes_nothing
            conditions_on_what_is_absent
            conditions_on_what_is_present
            conditions_within_maps
            every_condition_must_hold
            a_beat_never_goes_backwards
            numbers_are_compared_by_value
            an_increment_is_won_once
            a_nested_path_is_written_within_its_map
            a_nested_path_without_its_map_is_not_done
            removing_what_is_missing_is_done
            paths_that_overlap_are_not_done
            a_key_is_never_changed
            a_query_reads_a_prefix_in_order_up_to_a_limit
            a_query_sorts_by_bytes
            a_query_follows_every_page
            a_scan_follows_every_page
            numbers_keep_twenty_eight_digits
            what_is_no_exact_number_is_not_done
            every_kind_of_value_is_read_as_written
            a_value_is_nested_at_most_thirty_two_deep
            a_foreign_value_is_not_done
            too_large_an_item_is_not_done
        }
    };
    (@each $make:expr, $block_on:expr; $($behaviour:ident)*) => {
        $(
            #[test]
            fn $behaviour() {
                $block_on(async {
                    let store = $make.await;
                    $crate::testkit::contract::$behaviour(&store).await;
                });
            }
        )*
    };
}

/// Everything that a store does.
pub trait Store: ReadTables + ScanTables + WriteTables {}
impl<S: ReadTables + ScanTables + WriteTables> Store for S {}

fn state(id: &str) -> Key {
    Key { table: Table::TradingState, hash: id.to_owned(), range: None }
}

fn order(position: &str, id: &str) -> Key {
    Key { table: Table::Orders, hash: position.to_owned(), range: Some(id.to_owned()) }
}

fn s(text: &str) -> Attr {
    Attr::S(text.to_owned())
}

fn n(text: &str) -> Attr {
    Attr::N(text.to_owned())
}

fn item<const N: usize>(attrs: [(&str, Attr); N]) -> Item {
    attrs.into_iter().map(|(name, attr)| (name.to_owned(), attr)).collect()
}

fn put(key: Key, item: Item) -> Write {
    Write { key, act: WriteAct::Put(item), conds: Vec::new() }
}

fn set(name: &str, attr: Attr) -> Change {
    Change::Set(Path::of(name), attr)
}

fn check(key: Key, cond: Cond) -> Write {
    Write { key, act: WriteAct::Check, conds: vec![cond] }
}

async fn read<S: Store>(store: &S, key: &Key) -> Option<Item> {
    store.get(std::slice::from_ref(key)).await.unwrap().pop().unwrap()
}

async fn done<S: Store>(store: &S, write: Write) {
    store.write(vec![write]).await.unwrap();
}

/// Asserts a refusal: it did not happen, and everyone knows.
fn not_done(outcome: Result<(), WriteError>) {
    assert!(matches!(outcome, Err(WriteError::NotDone(_))), "expected NotDone, got {outcome:?}");
}

/// Asserts a loss at `key` and returns what stands there.
fn lost(outcome: Result<(), WriteError>, at: &Key) -> Option<Item> {
    match outcome {
        Err(WriteError::Lost { key, existing }) => {
            assert_eq!(key, *at, "lost at another item");
            existing
        }
        Ok(()) | Err(WriteError::Conflict | WriteError::NotDone(_) | WriteError::NoAnswer(_)) => {
            panic!("expected Lost, got {outcome:?}")
        }
    }
}

/// Whether `cond` holds, by a check of `key` that does nothing else.
async fn holds<S: Store>(store: &S, key: &Key, cond: Cond) -> bool {
    match store.write(vec![check(key.clone(), cond)]).await {
        Ok(()) => true,
        Err(WriteError::Lost { .. }) => false,
        Err(other) => panic!("neither held nor lost: {other}"),
    }
}

/// An item carries its key attributes without being told them.
pub async fn what_was_put_is_read_with_its_key<S: Store>(store: &S) {
    let key = order("demo.1", "abc");
    done(store, put(key.clone(), item([("status", s("open"))]))).await;
    let expected = item([("position_id", s("demo.1")), ("order_id", s("abc")), ("status", s("open"))]);
    assert_eq!(read(store, &key).await, Some(expected));
}

/// Answers stand in the order of the questions, also for keys asked twice.
pub async fn what_is_missing_is_none_and_the_order_is_kept<S: Store>(store: &S) {
    assert_eq!(store.get(&[]).await.unwrap(), []);
    assert_eq!(read(store, &state("a")).await, None);
    done(store, put(state("a"), item([("v", n("1"))]))).await;
    done(store, put(state("b"), item([("v", n("2"))]))).await;
    let keys = [state("b"), state("missing"), state("a"), state("b")];
    let found: Vec<_> =
        store.get(&keys).await.unwrap().into_iter().map(|one| one.map(|item| item["v"].clone())).collect();
    assert_eq!(found, [Some(n("2")), None, Some(n("1")), Some(n("2"))]);
    let twice = store.get(&[state("a"), state("a")]).await.unwrap();
    assert!(twice.iter().all(Option::is_some) && twice.len() == 2);
}

/// More keys than one call takes, of tables with and without a sort key.
pub async fn hundreds_of_keys_of_several_tables_are_read_in_order<S: Store>(store: &S) {
    let keys: Vec<Key> = (0..125)
        .flat_map(|number| [state(&format!("s{number}")), order("demo.1", &format!("o{number}"))])
        .collect();
    for key in keys.iter().step_by(3) {
        done(store, put(key.clone(), Item::new())).await;
    }
    let asked: Vec<Key> = keys.iter().chain(keys.iter().rev()).cloned().collect();
    let found = store.get(&asked).await.unwrap();
    assert_eq!(found.len(), asked.len());
    for (place, (key, item)) in asked.iter().zip(&found).enumerate() {
        let index = if place < keys.len() { place } else { asked.len() - 1 - place };
        assert_eq!(item.is_some(), index % 3 == 0, "{key}");
        if let Some(item) = item {
            assert_eq!(item[key.table.hash_key()], s(&key.hash));
            assert_eq!(item.get("order_id"), key.range.as_deref().map(s).as_ref());
        }
    }
}

/// What a batch leaves out for its size is asked for again.
pub async fn a_batch_beyond_sixteen_megabytes_is_read_whole<S: Store>(store: &S) {
    let keys: Vec<Key> = (0..45).map(|number| state(&format!("s{number}"))).collect();
    let text = "x".repeat(390 * 1024);
    for key in &keys {
        done(store, put(key.clone(), item([("text", s(&text))]))).await;
    }
    let found = store.get(&keys).await.unwrap();
    for (key, item) in keys.iter().zip(found) {
        assert_eq!(item.unwrap()["strategy_id"], s(&key.hash));
    }
}

/// A key that its table cannot have is refused, to read and to write.
pub async fn an_impossible_key_is_refused<S: Store>(store: &S) {
    let lacking = Key { table: Table::Orders, hash: "demo.1".to_owned(), range: None };
    let excessive = Key { table: Table::TradingState, hash: "demo".to_owned(), range: Some("x".to_owned()) };
    for key in [state(""), order("demo.1", ""), lacking, excessive] {
        assert!(store.get(std::slice::from_ref(&key)).await.is_err(), "{key} was read");
        not_done(store.write(vec![put(key, Item::new())]).await);
    }
    assert!(store.query(Table::Orders, "", "", Order::Ascending, 1).await.is_err());
    assert!(store.query(Table::TradingState, "demo", "x", Order::Ascending, 1).await.is_err());
}

/// Recording twice collides, and says with what.
pub async fn putting_twice_is_lost_with_the_existing_item<S: Store>(store: &S) {
    let key = order("demo.1", "abc");
    done(store, Write::put_if_absent(key.clone(), item([("by", s("first"))]))).await;
    let again = store.write(vec![Write::put_if_absent(key.clone(), item([("by", s("second"))]))]).await;
    assert_eq!(lost(again, &key).unwrap()["by"], s("first"));
    assert_eq!(read(store, &key).await.unwrap()["by"], s("first"));
}

/// A put leaves nothing of what was there.
pub async fn a_put_replaces_the_whole_item<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("old", n("1"))]))).await;
    done(store, put(state("demo"), item([("new", n("2")), ("strategy_id", s("demo"))]))).await;
    let expected = item([("strategy_id", s("demo")), ("new", n("2"))]);
    assert_eq!(read(store, &state("demo")).await, Some(expected));
    let contradicted = put(state("demo"), item([("strategy_id", s("other"))]));
    not_done(store.write(vec![contradicted]).await);
}

/// An update of nothing makes an item, unless a condition says otherwise.
pub async fn an_update_creates_what_is_missing<S: Store>(store: &S) {
    let present = Cond::Present(Path::of("strategy_id"));
    let guarded = Write::update(state("demo"), vec![set("v", n("1"))], vec![present]);
    assert_eq!(lost(store.write(vec![guarded]).await, &state("demo")), None);
    assert_eq!(read(store, &state("demo")).await, None);
    done(store, Write::update(state("demo"), vec![set("v", n("1"))], Vec::new())).await;
    let expected = item([("strategy_id", s("demo")), ("v", n("1"))]);
    assert_eq!(read(store, &state("demo")).await, Some(expected));
    not_done(store.write(vec![Write::update(state("demo"), Vec::new(), Vec::new())]).await);
}

/// Extra attributes, also within maps, survive.
pub async fn an_update_keeps_what_it_does_not_name<S: Store>(store: &S) {
    let before = item([("extra", Attr::L(vec![s("kept")])), ("status", s("running")), ("gone", n("1"))]);
    done(store, put(state("demo"), before)).await;
    let changes = vec![set("status", s("halted")), Change::Remove(Path::of("gone"))];
    done(store, Write::update(state("demo"), changes, Vec::new())).await;
    let expected =
        item([("strategy_id", s("demo")), ("extra", Attr::L(vec![s("kept")])), ("status", s("halted"))]);
    assert_eq!(read(store, &state("demo")).await, Some(expected));
}

/// No writes are no work.
pub async fn writing_nothing_is_done<S: Store>(store: &S) {
    store.write(Vec::new()).await.unwrap();
}

/// One lost condition undoes every other write.
pub async fn a_transaction_is_all_or_nothing<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("v", n("1"))]))).await;
    let bump = |from: &str, to: &str| {
        Write::update(state("demo"), vec![set("v", n(to))], vec![Cond::Equals(Path::of("v"), n(from))])
    };
    let record = |id: &str| Write::put_if_absent(order("demo.1", id), Item::new());
    let existing = lost(store.write(vec![record("a"), record("b"), bump("7", "8")]).await, &state("demo"));
    assert_eq!(existing.unwrap()["v"], n("1"));
    assert_eq!(store.scan(Table::Orders).await.unwrap(), []);
    store.write(vec![record("a"), record("b"), bump("1", "2")]).await.unwrap();
    assert_eq!(store.scan(Table::Orders).await.unwrap().len(), 2);
    assert_eq!(read(store, &state("demo")).await.unwrap()["v"], n("2"));
}

/// Of several losses the first is told; where nothing stands, nothing is told.
pub async fn a_transaction_names_the_first_write_that_lost<S: Store>(store: &S) {
    done(store, put(state("c"), item([("v", n("1"))]))).await;
    let writes = vec![
        put(state("a"), Item::new()),
        check(state("b"), Cond::Present(Path::of("v"))),
        check(state("c"), Cond::Absent(Path::of("v"))),
    ];
    assert_eq!(lost(store.write(writes).await, &state("b")), None);
    assert_eq!(read(store, &state("a")).await, None);
}

/// Equal contents are not the same attempt: who comes second must learn that it lost, or an order recorded
/// by two invocations in the same millisecond would be sent by both.
pub async fn the_same_transaction_again_is_judged_again<S: Store>(store: &S) {
    let writes = vec![
        Write::put_if_absent(order("demo.1", "a"), item([("v", n("1"))])),
        Write::put_if_absent(order("demo.1", "b"), item([("v", n("2"))])),
    ];
    store.write(writes.clone()).await.unwrap();
    assert_eq!(lost(store.write(writes).await, &order("demo.1", "a")).unwrap()["v"], n("1"));
}

/// Neither write happens.
pub async fn a_transaction_naming_one_key_twice_is_not_done<S: Store>(store: &S) {
    let writes = vec![
        Write::update(state("a"), vec![set("v", n("1"))], Vec::new()),
        Write::update(state("a"), vec![set("w", n("1"))], Vec::new()),
    ];
    not_done(store.write(writes).await);
    assert_eq!(read(store, &state("a")).await, None);
}

/// Exactly as many as DynamoDB takes.
pub async fn a_transaction_has_at_most_a_hundred_writes<S: Store>(store: &S) {
    let writes = |count: usize| -> Vec<Write> {
        (0..count).map(|number| put(state(&format!("s{number}")), Item::new())).collect()
    };
    not_done(store.write(writes(MOST_WRITES + 1)).await);
    assert_eq!(store.scan(Table::TradingState).await.unwrap(), []);
    store.write(writes(MOST_WRITES)).await.unwrap();
    assert_eq!(store.scan(Table::TradingState).await.unwrap().len(), MOST_WRITES);
}

/// A check binds the others and leaves no trace.
pub async fn a_check_guards_its_transaction_and_writes_nothing<S: Store>(store: &S) {
    let guard = |cond| vec![check(state("demo"), cond), put(order("demo.1", "a"), Item::new())];
    let running = || Cond::Equals(Path::of("status"), s("running"));
    assert_eq!(lost(store.write(guard(running())).await, &state("demo")), None);
    assert_eq!(read(store, &order("demo.1", "a")).await, None);
    store.write(guard(Cond::Absent(Path::of("status")))).await.unwrap();
    assert_eq!(read(store, &state("demo")).await, None);
    assert!(read(store, &order("demo.1", "a")).await.is_some());
    let idle = Write { key: state("demo"), act: WriteAct::Check, conds: Vec::new() };
    not_done(store.write(vec![idle]).await);
}

/// What is absent equals nothing and differs from everything.
pub async fn conditions_on_what_is_absent<S: Store>(store: &S) {
    done(store, put(state("there"), Item::new())).await;
    for key in [state("there"), state("missing")] {
        let path = || Path::of("v");
        assert!(holds(store, &key, Cond::Absent(path())).await);
        assert!(!holds(store, &key, Cond::Present(path())).await);
        assert!(!holds(store, &key, Cond::Equals(path(), n("1"))).await);
        assert!(!holds(store, &key, Cond::Equals(path(), Attr::Null)).await);
        assert!(holds(store, &key, Cond::Differs(path(), n("1"))).await);
        assert!(holds(store, &key, Cond::AbsentOrBelow(path(), n("1"))).await);
    }
}

/// Null is present; another type differs and has no order.
pub async fn conditions_on_what_is_present<S: Store>(store: &S) {
    let key = state("demo");
    let deep = Attr::M(item([("a", Attr::L(vec![n("1.50")]))]));
    done(store, put(key.clone(), item([("v", s("b")), ("null", Attr::Null), ("deep", deep)]))).await;
    let v = || Path::of("v");
    assert!(!holds(store, &key, Cond::Absent(v())).await);
    assert!(holds(store, &key, Cond::Present(v())).await);
    assert!(holds(store, &key, Cond::Present(Path::of("null"))).await);
    assert!(holds(store, &key, Cond::Equals(Path::of("null"), Attr::Null)).await);
    assert!(holds(store, &key, Cond::Equals(v(), s("b"))).await);
    assert!(!holds(store, &key, Cond::Equals(v(), s("B"))).await);
    assert!(!holds(store, &key, Cond::Differs(v(), s("b"))).await);
    assert!(holds(store, &key, Cond::Differs(v(), n("1"))).await);
    assert!(!holds(store, &key, Cond::AbsentOrBelow(v(), n("9"))).await);
    let same = Attr::M(item([("a", Attr::L(vec![n("1.5")]))]));
    assert!(holds(store, &key, Cond::Equals(Path::of("deep"), same)).await);
    let unordered = Cond::AbsentOrBelow(v(), Attr::Bool(true));
    not_done(store.write(vec![check(key, unordered)]).await);
}

/// A path whose maps are missing, or are no maps, leads to nothing.
pub async fn conditions_within_maps<S: Store>(store: &S) {
    let key = state("demo");
    let live = Attr::M(item([("demo.1", s("open"))]));
    done(store, put(key.clone(), item([("live", live), ("text", s("x"))]))).await;
    let entry = |id: &str| Path::of("live").then(id);
    assert!(holds(store, &key, Cond::Equals(entry("demo.1"), s("open"))).await);
    assert!(!holds(store, &key, Cond::Absent(entry("demo.1"))).await);
    assert!(holds(store, &key, Cond::Absent(entry("demo.2"))).await);
    assert!(holds(store, &key, Cond::Absent(Path::of("nothing").then("a").then("b"))).await);
    assert!(holds(store, &key, Cond::Absent(Path::of("text").then("a"))).await);
    assert!(holds(store, &key, Cond::AbsentOrBelow(Path::of("text").then("a"), n("1"))).await);
}

/// Conditions are joined by and.
pub async fn every_condition_must_hold<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("a", n("1")), ("b", n("2"))]))).await;
    let conds = |b: &str| vec![Cond::AbsentOrBelow(Path::of("a"), n("2")), Cond::Equals(Path::of("b"), n(b))];
    let write = |b| Write::update(state("demo"), vec![set("c", n("3"))], conds(b));
    lost(store.write(vec![write("9")]).await, &state("demo")).unwrap();
    done(store, write("2")).await;
}

/// The later time wins, whoever comes last.
pub async fn a_beat_never_goes_backwards<S: Store>(store: &S) {
    let beat = |at: &str| {
        Write::update(
            state("demo"),
            vec![set("last_heartbeat", s(at))],
            vec![Cond::AbsentOrBelow(Path::of("last_heartbeat"), s(at))],
        )
    };
    done(store, beat("2023-03-01T00:01:00Z")).await;
    done(store, beat("2023-03-01T00:02:00Z")).await;
    for late in ["2023-03-01T00:01:30Z", "2023-03-01T00:02:00Z"] {
        let existing = lost(store.write(vec![beat(late)]).await, &state("demo"));
        assert_eq!(existing.unwrap()["last_heartbeat"], s("2023-03-01T00:02:00Z"));
    }
}

/// 9 is less than 10, and 1.0 is 1.
pub async fn numbers_are_compared_by_value<S: Store>(store: &S) {
    let key = state("demo");
    done(store, put(key.clone(), item([("v", n("9")), ("w", n("-1.50"))]))).await;
    let (v, w) = (|| Path::of("v"), || Path::of("w"));
    assert!(holds(store, &key, Cond::AbsentOrBelow(v(), n("10"))).await);
    assert!(!holds(store, &key, Cond::AbsentOrBelow(v(), n("9.0"))).await);
    assert!(holds(store, &key, Cond::AbsentOrBelow(w(), n("-1.4"))).await);
    assert!(holds(store, &key, Cond::Equals(v(), n("9.00"))).await);
    assert!(!holds(store, &key, Cond::Differs(w(), n("-1.5"))).await);
    assert!(!holds(store, &key, Cond::Equals(v(), s("9"))).await);
}

/// Of two who read the same version, one wins.
pub async fn an_increment_is_won_once<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("send_seq", n("0"))]))).await;
    for seen in 0..10 {
        let bump = Write::update(
            state("demo"),
            vec![set("send_seq", n(&(seen + 1).to_string()))],
            vec![Cond::Equals(Path::of("send_seq"), n(&seen.to_string()))],
        );
        done(store, bump.clone()).await;
        lost(store.write(vec![bump]).await, &state("demo")).unwrap();
    }
    assert_eq!(read(store, &state("demo")).await.unwrap()["send_seq"], n("10"));
}

/// Entries come and go without touching their neighbours; any name is a name.
pub async fn a_nested_path_is_written_within_its_map<S: Store>(store: &S) {
    let live = Attr::M(item([("demo.1", s("one")), ("demo.2", Attr::M(Item::new()))]));
    done(store, put(state("demo"), item([("live", live)]))).await;
    let path = |id: &str| Path::of("live").then(id);
    let changes = vec![
        Change::Remove(path("demo.1")),
        Change::Set(path("demo.2").then("a#b:c[0]"), n("2")),
        Change::Set(path("ключ size"), s("three")),
    ];
    done(store, Write::update(state("demo"), changes, vec![Cond::Absent(path("demo.3"))])).await;
    let expected =
        Attr::M(item([("demo.2", Attr::M(item([("a#b:c[0]", n("2"))]))), ("ключ size", s("three"))]));
    assert_eq!(read(store, &state("demo")).await.unwrap()["live"], expected);
}

/// Maps are not made on the way, neither to set nor to remove; alone or in a transaction.
pub async fn a_nested_path_without_its_map_is_not_done<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("text", s("x")), ("map", Attr::M(Item::new()))]))).await;
    let before = read(store, &state("demo")).await;
    let broken =
        [Path::of("live").then("a"), Path::of("text").then("a"), Path::of("map").then("a").then("b")];
    for path in broken {
        for change in [Change::Set(path.clone(), n("1")), Change::Remove(path.clone())] {
            let write = Write::update(state("demo"), vec![set("v", n("1")), change], Vec::new());
            not_done(store.write(vec![write.clone()]).await);
            not_done(store.write(vec![put(state("other"), Item::new()), write]).await);
        }
    }
    assert_eq!(read(store, &state("demo")).await, before);
    assert_eq!(read(store, &state("other")).await, None);
}

/// Taking away nothing is no error, where the map is there.
pub async fn removing_what_is_missing_is_done<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("map", Attr::M(Item::new()))]))).await;
    let changes = vec![Change::Remove(Path::of("gone")), Change::Remove(Path::of("map").then("gone"))];
    done(store, Write::update(state("demo"), changes, Vec::new())).await;
    let expected = item([("strategy_id", s("demo")), ("map", Attr::M(Item::new()))]);
    assert_eq!(read(store, &state("demo")).await, Some(expected));
}

/// One update says one thing about one place.
pub async fn paths_that_overlap_are_not_done<S: Store>(store: &S) {
    done(store, put(state("demo"), item([("map", Attr::M(Item::new()))]))).await;
    let below = Path::of("map").then("a");
    for changes in [
        vec![set("v", n("1")), set("v", n("2"))],
        vec![set("v", n("1")), Change::Remove(Path::of("v"))],
        vec![Change::Set(below, n("1")), set("map", Attr::M(Item::new()))],
    ] {
        not_done(store.write(vec![Write::update(state("demo"), changes, Vec::new())]).await);
    }
}

/// An item stays where it is, and every name has a letter.
pub async fn a_key_is_never_changed<S: Store>(store: &S) {
    let changes = [
        set("strategy_id", s("other")),
        Change::Remove(Path::of("strategy_id")),
        set("", n("1")),
        Change::Remove(Path::of("map").then("")),
    ];
    for change in changes {
        not_done(store.write(vec![Write::update(state("demo"), vec![change], Vec::new())]).await);
    }
    not_done(store.write(vec![put(state("demo"), item([("", n("1"))]))]).await);
}

/// A position's order with its fills, without its neighbours.
pub async fn a_query_reads_a_prefix_in_order_up_to_a_limit<S: Store>(store: &S) {
    for id in ["a", "a#1", "a#2", "a#3", "b", "b#1"] {
        done(store, put(order("demo.1", id), Item::new())).await;
    }
    done(store, put(order("demo.2", "a#9"), Item::new())).await;
    done(store, put(state("demo.1"), Item::new())).await;
    let ask = async |prefix: &str, order, limit| -> Vec<Attr> {
        let found = store.query(Table::Orders, "demo.1", prefix, order, limit).await.unwrap();
        found.into_iter().map(|item| item["order_id"].clone()).collect()
    };
    assert_eq!(ask("a#", Order::Ascending, 9).await, [s("a#1"), s("a#2"), s("a#3")]);
    assert_eq!(ask("a#", Order::Descending, 2).await, [s("a#3"), s("a#2")]);
    assert_eq!(ask("", Order::Ascending, 5).await, [s("a"), s("a#1"), s("a#2"), s("a#3"), s("b")]);
    assert_eq!(ask("a", Order::Ascending, usize::MAX).await.len(), 4);
    assert_eq!(ask("c", Order::Ascending, 9).await, []);
    assert_eq!(ask("a", Order::Ascending, 0).await, []);
    assert_eq!(store.query(Table::Orders, "other", "", Order::Ascending, 9).await.unwrap(), []);
    let alone = store.query(Table::TradingState, "demo.1", "", Order::Ascending, 9).await.unwrap();
    assert_eq!(alone, [item([("strategy_id", s("demo.1"))])]);
}

/// Not by any language's alphabet.
pub async fn a_query_sorts_by_bytes<S: Store>(store: &S) {
    for id in ["é", "a", "Z", "10", "9", "😀", "～"] {
        done(store, put(order("p", id), Item::new())).await;
    }
    let found = store.query(Table::Orders, "p", "", Order::Ascending, 99).await.unwrap();
    let ids: Vec<Attr> = found.into_iter().map(|item| item["order_id"].clone()).collect();
    assert_eq!(ids, ["10", "9", "Z", "a", "é", "～", "😀"].map(s));
}

/// A page is at most a megabyte; a query is not.
pub async fn a_query_follows_every_page<S: Store>(store: &S) {
    for number in 0..8 {
        let big = item([("text", s(&"x".repeat(300 * 1024)))]);
        done(store, put(order("p", &number.to_string()), big)).await;
    }
    for (direction, last) in [(Order::Ascending, "6"), (Order::Descending, "1")] {
        let found = store.query(Table::Orders, "p", "", direction, 7).await.unwrap();
        assert_eq!(found.len(), 7);
        assert_eq!(found[6]["order_id"], s(last));
    }
    assert_eq!(store.query(Table::Orders, "p", "", Order::Ascending, 99).await.unwrap().len(), 8);
}

/// A page is at most a megabyte; a table is not. Other tables are not part of it.
pub async fn a_scan_follows_every_page<S: Store>(store: &S) {
    assert_eq!(store.scan(Table::TradingState).await.unwrap(), []);
    for number in 0..10 {
        let big = item([("text", s(&"x".repeat(300 * 1024)))]);
        done(store, put(state(&number.to_string()), big)).await;
    }
    done(store, put(order("p", "x"), Item::new())).await;
    let mut ids: Vec<String> = store
        .scan(Table::TradingState)
        .await
        .unwrap()
        .into_iter()
        .map(|item| format!("{:?}", item["strategy_id"]))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

/// Money is exact; of a number only its superfluous zeros are lost.
pub async fn numbers_keep_twenty_eight_digits<S: Store>(store: &S) {
    let numbers = [
        ("1234567890123456789012345678", "1234567890123456789012345678"),
        ("-0.0000000000000000000000000001", "-0.0000000000000000000000000001"),
        ("12345678901234.56789012345678", "12345678901234.56789012345678"),
        ("0.1", "0.1"),
        ("1.0", "1"),
        ("-0.50", "-0.5"),
        ("0.00", "0"),
        ("1000000000000000000000", "1000000000000000000000"),
        ("1677628800000", "1677628800000"),
    ];
    for (written, stored) in numbers {
        let nested = Attr::M(item([("in", Attr::L(vec![n(written)]))]));
        done(store, put(state("put"), item([("v", n(written)), ("m", nested)]))).await;
        done(store, Write::update(state("update"), vec![set("v", n(written))], Vec::new())).await;
        let found = read(store, &state("put")).await.unwrap();
        assert_eq!(found["v"], n(stored));
        assert_eq!(found["m"], Attr::M(item([("in", Attr::L(vec![n(stored)]))])));
        assert_eq!(read(store, &state("update")).await.unwrap()["v"], n(stored));
    }
}

/// A number that cannot be read exactly is not written.
pub async fn what_is_no_exact_number_is_not_done<S: Store>(store: &S) {
    for text in
        ["", "x", "1_000", "1,5", "NaN", "Infinity", "1e3", "0x10", " 1", "0.12345678901234567890123456789"]
    {
        let nested = Attr::M(item([("in", n(text))]));
        not_done(store.write(vec![put(state("a"), item([("v", n(text))]))]).await);
        not_done(store.write(vec![Write::update(state("a"), vec![set("v", nested)], Vec::new())]).await);
        not_done(store.write(vec![check(state("a"), Cond::Differs(Path::of("v"), n(text)))]).await);
    }
    assert_eq!(read(store, &state("a")).await, None);
}

/// Also empty ones, and every script; reserved words are names as good as any.
pub async fn every_kind_of_value_is_read_as_written<S: Store>(store: &S) {
    let written = item([
        ("strategy_id", s("demo")),
        ("status", s("running")),
        ("size", Attr::Bool(true)),
        ("no", Attr::Bool(false)),
        ("null", Attr::Null),
        ("empty", s("")),
        ("unicode", s("Zürich 東京 😀 \u{0} \"quoted\"\n")),
        ("bytes", Attr::B(vec![0, 255, 10])),
        ("list", Attr::L(vec![s("a"), n("1"), Attr::L(Vec::new()), Attr::Null])),
        ("map", Attr::M(item([("a b", Attr::M(item([("ü", Attr::L(vec![Attr::M(Item::new())]))])))]))),
        ("#odd:name.with[0]", n("1")),
    ]);
    done(store, put(state("demo"), written.clone())).await;
    assert_eq!(read(store, &state("demo")).await, Some(written.clone()));
    let without_key = written.iter().filter(|(name, _)| *name != "strategy_id");
    let changes: Vec<Change> = without_key.map(|(name, attr)| set(name, attr.clone())).collect();
    let conds = changes.iter().filter_map(|change| match change {
        Change::Set(path, attr) => Some(Cond::Differs(path.clone(), attr.clone())),
        Change::Remove(_) => None,
    });
    let conds: Vec<Cond> = conds.collect();
    done(store, Write::update(state("copy"), changes, conds)).await;
    let copy = read(store, &state("copy")).await.unwrap();
    let expected: Item = written.into_iter().chain([("strategy_id".to_owned(), s("copy"))]).collect();
    assert_eq!(copy, expected);
}

/// As deep as DynamoDB goes, and no deeper.
pub async fn a_value_is_nested_at_most_thirty_two_deep<S: Store>(store: &S) {
    let deep = |levels: usize| (0..levels).fold(n("1"), |inner, _| Attr::M(item([("m", inner)])));
    done(store, put(state("demo"), item([("v", deep(31))]))).await;
    assert_eq!(read(store, &state("demo")).await.unwrap()["v"], deep(31));
    not_done(store.write(vec![put(state("demo"), item([("v", deep(32))]))]).await);
    let path = Path::of("v").then("m");
    let too_deep = Write::update(state("demo"), vec![Change::Set(path, deep(31))], Vec::new());
    not_done(store.write(vec![too_deep]).await);
}

/// What this language cannot say, it does not write.
pub async fn a_foreign_value_is_not_done<S: Store>(store: &S) {
    let foreign = Attr::L(vec![Attr::Foreign("SS")]);
    not_done(store.write(vec![put(state("demo"), item([("v", foreign.clone())]))]).await);
    not_done(
        store.write(vec![Write::update(state("demo"), vec![set("v", foreign.clone())], Vec::new())]).await,
    );
    not_done(store.write(vec![check(state("demo"), Cond::Differs(Path::of("v"), foreign))]).await);
}

/// 400 KB, names included; an update that would outgrow it leaves the item as it was.
pub async fn too_large_an_item_is_not_done<S: Store>(store: &S) {
    let text = |kilobytes: usize| s(&"x".repeat(kilobytes * 1024));
    not_done(store.write(vec![put(state("demo"), item([("v", text(400))]))]).await);
    done(store, put(state("demo"), item([("v", text(250))]))).await;
    let grow = Write::update(state("demo"), vec![set("w", text(250))], Vec::new());
    not_done(store.write(vec![grow.clone()]).await);
    not_done(store.write(vec![grow, put(state("other"), Item::new())]).await);
    assert_eq!(read(store, &state("demo")).await.unwrap().len(), 2);
    assert_eq!(read(store, &state("other")).await, None);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_behaviour_is_in_the_list() {
        let source = include_str!("contract.rs");
        let defined = source.split("\npub async fn ").skip(1).filter_map(|text| text.split('<').next());
        let listed = source.split("(@each").next().unwrap_or_default();
        let missing: Vec<&str> = defined.filter(|name| !listed.contains(&format!(" {name}\n"))).collect();
        assert_eq!(missing, [""; 0]);
    }
}
