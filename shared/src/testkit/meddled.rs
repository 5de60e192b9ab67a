//! A store in memory in whose writes somebody meddles.

use crate::store::{Item, Key, Order, ReadError, ReadTables, Write, WriteError, WriteTables};
use crate::tables::Table;
use crate::testkit::memory::MemoryStore;

/// The store, and what becomes of a write: it is made, refused, or made and not answered.
#[derive(Debug)]
pub struct Meddled<F>(pub MemoryStore, pub F);

impl<F> ReadTables for Meddled<F> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        self.0.get(keys).await
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.0.query(table, hash, prefix, order, limit).await
    }
}

impl<F: Fn(&MemoryStore, Vec<Write>) -> Result<(), WriteError>> WriteTables for Meddled<F> {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        (self.1)(&self.0, writes)
    }
}
