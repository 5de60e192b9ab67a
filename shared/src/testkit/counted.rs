//! A store in memory that remembers what was asked of it.

use std::cell::RefCell;

use crate::store::{Item, Key, Order, ReadError, ReadTables, Write, WriteError, WriteTables};
use crate::tables::Table;
use crate::testkit::memory::MemoryStore;

/// One call of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A batch of items.
    Get(Vec<Key>),
    /// A partition.
    Query(Table),
    /// A write, of several items where it is a transaction.
    Write(Vec<Key>),
}

/// The store, and what was asked of it.
#[derive(Debug)]
pub struct Counted<'a> {
    store: &'a MemoryStore,
    calls: RefCell<Vec<Call>>,
}

impl<'a> Counted<'a> {
    /// Of which nothing was asked yet.
    pub fn over(store: &'a MemoryStore) -> Counted<'a> {
        Counted { store, calls: RefCell::default() }
    }
    /// What was asked since this was called last.
    pub fn take(&self) -> Vec<Call> {
        self.calls.take()
    }
    fn call(&self, call: Call) {
        self.calls.borrow_mut().push(call);
    }
}

impl ReadTables for Counted<'_> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        self.call(Call::Get(keys.to_vec()));
        self.store.get(keys).await
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.call(Call::Query(table));
        self.store.query(table, hash, prefix, order, limit).await
    }
}

impl WriteTables for Counted<'_> {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        self.call(Call::Write(writes.iter().map(|write| write.key.clone()).collect()));
        self.store.write(writes).await
    }
}
