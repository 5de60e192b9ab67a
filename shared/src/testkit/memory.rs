//! The tables in memory, with DynamoDB's semantics for everything that our language can say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{
    Attr, Change, Cond, Item, Key, Order, Path, ReadError, ReadTables, ScanTables, Write, WriteAct,
    WriteError, WriteTables, sound,
};
use crate::tables::Table;

/// Largest item in bytes.
const LARGEST_ITEM: usize = 400 * 1024;
/// Largest transaction in bytes.
const LARGEST_TRANSACTION: usize = 4 * 1024 * 1024;

/// Every table in memory. Clones share the tables, as invocations do.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    items: Arc<Mutex<BTreeMap<Key, Item>>>,
}

impl MemoryStore {
    /// Empty tables.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Everything that stands in every table, for checkers.
    pub fn snapshot(&self) -> BTreeMap<Key, Item> {
        self.items().clone()
    }

    /// Puts an item unchecked, as a person with the AWS command line might: also what this language cannot
    /// write, such as [`Attr::Foreign`].
    pub fn plant(&self, key: Key, item: Item) {
        let item = with_key(&key, item);
        self.items().insert(key, item);
    }

    /// Empties a table, as its items' expiry does in time.
    pub fn forget(&self, table: Table) {
        self.items().retain(|key, _| key.table != table);
    }

    /// A panic elsewhere does not make recorded facts unreadable.
    fn items(&self) -> MutexGuard<'_, BTreeMap<Key, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadTables for MemoryStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        keys.iter().try_for_each(sound::key).map_err(ReadError::Unavailable)?;
        let items = self.items();
        Ok(keys.iter().map(|key| items.get(key).cloned()).collect())
    }

    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        sound::partition(table, hash, prefix).map_err(ReadError::Unavailable)?;
        let items = self.items();
        let first = Key { table, hash: hash.to_owned(), range: None };
        let partition = items.range(first..).take_while(|(key, _)| key.table == table && key.hash == hash);
        let mut found: Vec<&Item> = partition
            .filter(|(key, _)| key.range.as_deref().unwrap_or_default().starts_with(prefix))
            .map(|(_, item)| item)
            .collect();
        match order {
            Order::Ascending => {}
            Order::Descending => found.reverse(),
        }
        Ok(found.into_iter().take(limit).cloned().collect())
    }
}

impl ScanTables for MemoryStore {
    async fn scan(&self, table: Table) -> Result<Vec<Item>, ReadError> {
        Ok(self.items().iter().filter(|(key, _)| key.table == table).map(|(_, item)| item.clone()).collect())
    }
}

impl WriteTables for MemoryStore {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        sound::writes(&writes)?;
        let mut items = self.items();
        writes.iter().try_for_each(|write| judge(&items, write))?;
        let mut written = Vec::new();
        for Write { key, act, .. } in writes {
            if let Some(item) = outcome(&items, &key, act)? {
                written.push((key, item));
            }
        }
        fits(&written)?;
        items.extend(written);
        Ok(())
    }
}

/// Lost if a condition does not hold for what stands there now.
fn judge(items: &BTreeMap<Key, Item>, write: &Write) -> Result<(), WriteError> {
    let existing = items.get(&write.key);
    if write.conds.iter().all(|cond| holds(existing, cond)) {
        Ok(())
    } else {
        Err(WriteError::Lost { key: write.key.clone(), existing: existing.cloned() })
    }
}

fn holds(existing: Option<&Item>, cond: &Cond) -> bool {
    let at = |path| existing.and_then(|item| find(item, path));
    match cond {
        Cond::Absent(path) => at(path).is_none(),
        Cond::Present(path) => at(path).is_some(),
        Cond::Equals(path, value) => at(path).is_some_and(|found| same(found, value)),
        Cond::Differs(path, value) => !at(path).is_some_and(|found| same(found, value)),
        Cond::AbsentOrBelow(path, value) => at(path).is_none_or(|found| below(found, value)),
    }
}

fn find<'a>(item: &'a Item, path: &Path) -> Option<&'a Attr> {
    path.rest.iter().try_fold(item.get(&path.head)?, |attr, name| match attr {
        Attr::M(map) => map.get(name),
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::Foreign(_) => {
            None
        }
    })
}

/// Equal as DynamoDB compares: numbers by value, at any depth.
fn same(one: &Attr, other: &Attr) -> bool {
    normal(one.clone()) == normal(other.clone())
}

/// Less as DynamoDB compares: only values of one type have an order.
fn below(one: &Attr, other: &Attr) -> bool {
    match (one, other) {
        (Attr::S(one), Attr::S(other)) => one < other,
        (Attr::B(one), Attr::B(other)) => one < other,
        (Attr::N(one), Attr::N(other)) => {
            sound::number(one).zip(sound::number(other)).is_some_and(|(one, other)| one < other)
        }
        (_, _) => false,
    }
}

/// What will stand there; nothing for a check.
fn outcome(items: &BTreeMap<Key, Item>, key: &Key, act: WriteAct) -> Result<Option<Item>, WriteError> {
    match act {
        WriteAct::Check => Ok(None),
        WriteAct::Put(item) => {
            let item = item.into_iter().map(|(name, attr)| (name, normal(attr))).collect();
            Ok(Some(with_key(key, item)))
        }
        WriteAct::Update(changes) => {
            let mut item = items.get(key).cloned().unwrap_or_else(|| sound::key_item(key));
            for change in changes {
                apply(&mut item, change).map_err(|why| WriteError::NotDone(format!("{key}: {why}")))?;
            }
            Ok(Some(item))
        }
    }
}

/// DynamoDB refuses a path whose maps are not there, also to remove what lies below.
fn apply(item: &mut Item, change: Change) -> Result<(), String> {
    let (path, value) = match change {
        Change::Set(path, value) => (path, Some(normal(value))),
        Change::Remove(path) => (path, None),
    };
    let Path { head, rest } = path;
    let (mut map, mut name) = (item, head);
    for next in rest {
        let Some(Attr::M(inner)) = map.get_mut(&name) else {
            return Err(format!("no map {name} to write {next} into"));
        };
        (map, name) = (inner, next);
    }
    match value {
        Some(value) => map.insert(name, value),
        None => map.remove(&name),
    };
    Ok(())
}

fn with_key(key: &Key, mut item: Item) -> Item {
    item.extend(sound::key_item(key));
    item
}

/// The value as it is stored: numbers in their one text.
fn normal(attr: Attr) -> Attr {
    match attr {
        Attr::N(text) => Attr::N(sound::number(&text).map_or(text, sound::number_text)),
        Attr::L(list) => Attr::L(list.into_iter().map(normal).collect()),
        Attr::M(map) => Attr::M(map.into_iter().map(|(name, attr)| (name, normal(attr))).collect()),
        Attr::S(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::Foreign(_) => attr,
    }
}

fn fits(written: &[(Key, Item)]) -> Result<(), WriteError> {
    let sizes: Vec<usize> = written.iter().map(|(_, item)| size(item)).collect();
    if sizes.iter().any(|size| *size > LARGEST_ITEM) {
        return Err(WriteError::NotDone(format!("an item of more than {LARGEST_ITEM} bytes")));
    }
    if sizes.iter().sum::<usize>() > LARGEST_TRANSACTION {
        return Err(WriteError::NotDone(format!("a transaction of more than {LARGEST_TRANSACTION} bytes")));
    }
    Ok(())
}

/// Bytes as DynamoDB counts them: names, values, and a little for every list, map and entry.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, attr)| name.len().saturating_add(weight(attr))).sum()
}

fn weight(attr: &Attr) -> usize {
    match attr {
        Attr::S(text) => text.len(),
        Attr::N(text) => text.len().div_ceil(2).saturating_add(1),
        Attr::B(bytes) => bytes.len(),
        Attr::Bool(_) | Attr::Null | Attr::Foreign(_) => 1,
        Attr::L(list) => list.iter().map(weight).sum::<usize>().saturating_add(list.len()).saturating_add(3),
        Attr::M(map) => size(map).saturating_add(map.len()).saturating_add(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::at_once;

    crate::store_contract!(async { MemoryStore::new() }, at_once);

    #[test]
    fn a_set_that_a_person_wrote_survives_an_update_of_another_attribute() {
        let store = MemoryStore::new();
        let key = Key { table: Table::TradingState, hash: "demo".to_owned(), range: None };
        store.plant(key.clone(), Item::from([("tags".to_owned(), Attr::Foreign("SS"))]));
        let change = Change::Set(Path::of("status"), Attr::S("halted".to_owned()));
        at_once(store.write(vec![Write::update(key.clone(), vec![change], Vec::new())])).unwrap();
        assert_eq!(store.snapshot()[&key]["tags"], Attr::Foreign("SS"));
    }
}
