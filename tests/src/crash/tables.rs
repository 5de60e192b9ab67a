//! The decorator of the tables: reading, scanning, writing.

use std::rc::Rc;

use shared::ports::{ReadTables, ScanTables, WriteTables};
use shared::store::{Item, Key, Order, ReadError, Write, WriteAct, WriteError};
use shared::tables::Table;

use super::effects::{Effects, Failure};
use super::mutants::Saboteur;
use super::phases::Method;
use super::stream::{Author, Stream};

/// The tables as the functions have them.
#[derive(Clone)]
pub struct Tables {
    /// The tables beneath.
    pub stream: Stream,
    /// The counter.
    pub effects: Rc<Effects>,
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
}

fn unread<T>(failure: Failure) -> Result<T, ReadError> {
    Err(ReadError::Unavailable(format!("{failure:?}")))
}

/// What an error of a write says.
fn unwritten(failure: Failure) -> WriteError {
    match failure {
        Failure::Clean | Failure::Refused => WriteError::NotDone("throttled".to_owned()),
        Failure::Busy => WriteError::Conflict,
        Failure::NoAnswer => WriteError::NoAnswer("timeout".to_owned()),
    }
}

/// A read leaves nothing behind that could arrive late.
fn nothing() -> Box<dyn FnOnce()> {
    Box::new(|| {})
}

/// The permission that a write needs, alone or in a transaction.
const fn action_of(act: &WriteAct) -> &'static str {
    match act {
        WriteAct::Put(_) => "dynamodb:PutItem",
        WriteAct::Update(_) => "dynamodb:UpdateItem",
        WriteAct::Check => "dynamodb:ConditionCheckItem",
    }
}

impl ReadTables for Tables {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        keys.iter().for_each(|key| self.effects.needs("dynamodb:GetItem", key.table.as_str()));
        let apply = || self.stream.get(keys);
        let what = || keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
        let items = self.effects.pass(Method::Get, what, apply, unread, apply, nothing).await?;
        Ok(self.saboteur.after_get(keys, items, &self.stream))
    }

    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.effects.needs("dynamodb:Query", table.as_str());
        let apply = || self.stream.query((table, hash, prefix), order, limit);
        let what = || format!("{} {hash} {prefix}", table.as_str());
        self.effects.pass(Method::Query, what, apply, unread, apply, nothing).await
    }
}

impl ScanTables for Tables {
    async fn scan(&self, table: Table) -> Result<Vec<Item>, ReadError> {
        self.effects.needs("dynamodb:Scan", table.as_str());
        let apply = || Ok(self.stream.scan(table));
        let stale = || Ok(self.stream.stale(table));
        let what = || table.as_str().to_owned();
        let items = self.effects.pass(Method::Scan, what, apply, unread, stale, nothing).await?;
        Ok(self.saboteur.after_scan(items))
    }
}

impl WriteTables for Tables {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        // Nothing to write is no call.
        if writes.is_empty() {
            return Ok(());
        }
        let Some(writes) = self.saboteur.before_write(writes, &self.stream) else { return Ok(()) };
        writes.iter().for_each(|write| self.effects.needs(action_of(&write.act), write.key.table.as_str()));
        let by = Author::Invocation(self.effects.invocation());
        let apply = || self.stream.write(by, writes.clone());
        let failed = |failure| Err(unwritten(failure));
        let ghost = || -> Box<dyn FnOnce()> {
            let (stream, writes) = (self.stream.clone(), writes.clone());
            Box::new(move || drop(stream.write(by, writes)))
        };
        let what = || writes.iter().map(|write| write.key.to_string()).collect::<Vec<_>>().join(", ");
        self.effects.pass(Method::Write, what, apply, failed, || Ok(()), ghost).await
    }
}
