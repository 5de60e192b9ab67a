//! The first look at an account: what it holds then is the opening balance, and older trades are inside it.

use std::collections::BTreeMap;

use shared::books::AccountBook;
use shared::records::AccountLedger;
use shared::records::account::{self, OPENED, amount_attr, path};
use shared::records::attrs::text;
use shared::store::{Change, Cond, Path, Write};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::books::Books;
use crate::marks::BEFORE_THE_FIRST;
use crate::observe::Observed;
use crate::repair::marks_of;

/// Whether the books were never opened.
pub fn is_due(books: &Books) -> bool {
    books.heads.ledger.as_ref().is_none_or(|ledger| !ledger.is_open())
}

/// The opening balance as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The write of the ledger.
    pub ledger: Write,
    /// Whether it holds the balance; a long history is read in several runs first.
    pub whole: bool,
}

/// Opens the books, before any order of ours: refused afterwards, when the opening could only be guessed.
pub fn writes(observed: &Observed, now: Timestamp) -> Result<Opening, String> {
    let books = &observed.books;
    let has_traded = books.heads.ledger.as_ref().is_some_and(|ledger| !ledger.book.fills.is_empty());
    let has_sent = books.orders.values().any(|order| order.state.may_be_at_venue());
    if has_traded || has_sent || !books.positions.is_empty() {
        return Err("orders of ours are older than the opening balance".to_owned());
    }
    let whole = observed.truth.is_whole();
    let cursors = cursors(observed, whole, now);
    let opening = if whole { observed.truth.held.clone() } else { BTreeMap::new() };
    let ledger = match &books.heads.ledger {
        None => {
            let id = books.account.id.clone();
            let book = AccountBook { opening, ..AccountBook::default() };
            let first = AccountLedger { book, cursors, ..AccountLedger::first(id.clone()) };
            Write::put_if_absent(account::key(&id), account::encode(&first))
        }
        Some(_) => {
            let amounts =
                opening.iter().map(|(asset, amount)| Change::Set(path::opening(asset), amount_attr(*amount)));
            let cursors = cursors.iter().map(|(name, value)| Change::Set(path::cursor(name), text(value)));
            let conds =
                vec![Cond::Present(Path::of(Table::Ledgers.hash_key())), Cond::Absent(path::cursor(OPENED))];
            Write::update(account::key(&books.account.id), amounts.chain(cursors).collect(), conds)
        }
    };
    Ok(Opening { ledger, whole })
}

fn cursors(observed: &Observed, whole: bool, now: Timestamp) -> BTreeMap<String, String> {
    let last = |last: &Option<String>| last.clone().unwrap_or_else(|| BEFORE_THE_FIRST.to_owned());
    let windows = observed.truth.windows.iter();
    let mut cursors: BTreeMap<String, String> =
        windows.map(|(symbol, window)| (symbol.to_string(), last(&window.last))).collect();
    if whole {
        cursors.insert(OPENED.to_owned(), now.to_string());
        cursors.extend(marks_of(observed));
    }
    cursors
}
