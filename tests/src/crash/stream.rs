//! The tables beneath every decorator: the store in memory, and a stream of what was committed to it.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use shared::ports::{ReadTables, ScanTables, WriteTables};
use shared::store::{Item, Key, Order, ReadError, Write, WriteAct, WriteError};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::time::Timestamp;
use sim::clock::SimClock;

/// Who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// The invocation with this number.
    Invocation(usize),
    /// A person.
    Person,
}

/// One item of a commit, before and after.
#[derive(Debug, Clone)]
pub struct Image {
    /// The item.
    pub key: Key,
    /// What stood there.
    pub before: Option<Item>,
    /// What stands there now.
    pub after: Option<Item>,
}

/// One write or transaction that happened.
#[derive(Debug, Clone)]
pub struct Commit {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Author,
    /// Every item.
    pub images: Vec<Image>,
}

/// The tables and their stream.
#[derive(Clone)]
pub struct Stream {
    clock: SimClock,
    /// The tables.
    pub store: MemoryStore,
    commits: Rc<RefCell<Vec<Commit>>>,
    at_minute: Rc<RefCell<BTreeMap<Table, Vec<Item>>>>,
}

impl Stream {
    /// Empty tables.
    pub fn new(clock: SimClock) -> Stream {
        Stream { clock, store: MemoryStore::new(), commits: Rc::default(), at_minute: Rc::default() }
    }

    /// Everything that was committed, in order.
    pub fn commits(&self) -> Ref<'_, Vec<Commit>> {
        self.commits.borrow()
    }

    /// How much was committed.
    pub fn committed(&self) -> usize {
        self.commits.borrow().len()
    }

    /// Keeps what stands now: what stale reads answer until the next minute.
    pub fn begin_minute(&self) {
        let scanned = [Table::TradingState, Table::Ledgers];
        *self.at_minute.borrow_mut() = scanned.map(|table| (table, self.scan(table))).into();
    }

    /// The items of a table as they stood at the beginning of this minute.
    pub fn stale(&self, table: Table) -> Vec<Item> {
        self.at_minute.borrow().get(&table).cloned().unwrap_or_else(|| self.scan(table))
    }

    /// Every item of a table.
    pub fn scan(&self, table: Table) -> Vec<Item> {
        at_once(self.store.scan(table)).unwrap_or_default()
    }

    /// The items under `keys`.
    pub fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        at_once(self.store.get(keys))
    }

    /// One partition.
    pub fn query(
        &self,
        (table, hash, prefix): (Table, &str, &str),
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        at_once(self.store.query(table, hash, prefix, order, limit))
    }

    /// Writes, and notes what happened.
    pub fn write(&self, by: Author, writes: Vec<Write>) -> Result<(), WriteError> {
        let changing = writes.iter().filter(|write| !matches!(write.act, WriteAct::Check));
        let keys: Vec<Key> = changing.map(|write| write.key.clone()).collect();
        let before = self.get(&keys).unwrap_or_default();
        at_once(self.store.write(writes))?;
        let after = self.get(&keys).unwrap_or_default();
        let images = keys.into_iter().zip(before.into_iter().zip(after));
        let images = images.map(|(key, (before, after))| Image { key, before, after }).collect();
        self.commits.borrow_mut().push(Commit { at: self.clock.now(), by, images });
        Ok(())
    }
}
