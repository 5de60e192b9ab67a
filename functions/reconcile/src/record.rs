//! Records a plan: adopted trades first, each chunk with its sums and cursors; then the states; then how the
//! ledger shall stand. Each part is found again by the next run if this one ends here.

use std::collections::BTreeMap;

use shared::ids::Asset;
use shared::money::Amount;
use shared::ports::{Trade, WriteTables};
use shared::records::account::{self, alert_attr, amount_attr, difference_attr, path};
use shared::records::attrs::{text, time};
use shared::records::state;
use shared::state::Live;
use shared::status::Hold;
use shared::store::{Attr, Change, Cond, Path, Write, WriteError};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::books::Books;
use crate::diff::movements;
use crate::external;
use crate::repair::{DRIFT, EXTERNAL, Plan};

/// Most trades of one transaction.
const MOST_TRADES: usize = 20;

/// Records everything; a plan that was not whole adopts trades and judges nothing.
pub async fn record(
    tables: &impl WriteTables,
    books: &Books,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), WriteError> {
    adopt(tables, books, plan).await?;
    bring_back(tables, plan).await?;
    if !plan.whole {
        return settle(tables, books, cursor_changes(books, plan), plan).await;
    }
    note_look(tables, books, plan.holds, now).await?;
    let mut changes = cursor_changes(books, plan);
    changes.extend(difference_changes(books, plan));
    changes.extend(alert_changes(books, plan));
    settle(tables, books, changes, plan).await
}

/// Adopts trades chunk by chunk: the items are put if absent in the transaction that moves the sums.
async fn adopt(tables: &impl WriteTables, books: &Books, plan: &Plan) -> Result<(), WriteError> {
    let Some(ledger) = &books.heads.ledger else { return Ok(()) };
    let mut external = ledger.book.external.clone();
    let mut put = std::collections::BTreeSet::new();
    for chunk in plan.adopt.chunks(MOST_TRADES) {
        let mut writes = vec![sums(books, &mut external, chunk, plan)];
        for trade in chunk {
            let id = &books.account.id;
            let order = external::order_key(id, trade);
            if !plan.adopted.contains(&order) && put.insert(order.clone()) {
                writes.push(Write::put_if_absent(order, external::order_item(id, trade)));
            }
            let fill = external::fill_key(id, trade);
            writes.push(Write::put_if_absent(fill, external::fill_item(trade)));
        }
        tables.write(writes).await?;
    }
    Ok(())
}

/// The sums that a chunk moves, if they are still as they were read, and the alert that it happened.
fn sums(books: &Books, external: &mut BTreeMap<Asset, Amount>, chunk: &[Trade], plan: &Plan) -> Write {
    let before = external.clone();
    for (asset, amount) in chunk.iter().flat_map(movements) {
        let sum = external.entry(asset).or_insert(Amount::ZERO);
        *sum = *sum + amount;
    }
    let moved = || external.iter().filter(|(asset, amount)| before.get(asset) != Some(amount));
    let sums = moved().map(|(asset, amount)| Change::Set(path::external(asset), amount_attr(*amount)));
    let alert = plan.alerts.get(EXTERNAL);
    let alert = alert.map(|alert| Change::Set(path::alert(EXTERNAL), alert_attr(alert)));
    let changes = sums.chain(alert).collect();
    let conds = moved().map(|(asset, _)| match before.get(asset) {
        Some(sum) => Cond::Equals(path::external(asset), amount_attr(*sum)),
        None => Cond::Absent(path::external(asset)),
    });
    Write::update(account::key(&books.account.id), changes, conds.collect())
}

/// Names orders in `live` again: execute alone records what they traded.
async fn bring_back(tables: &impl WriteTables, plan: &Plan) -> Result<(), WriteError> {
    for (order, (position, leg)) in &plan.again {
        let live = Live::Order { position: position.clone(), leg: *leg };
        let path = state::path::live(order.as_str());
        let exists = Cond::Present(Path::of(Table::TradingState.hash_key()));
        let conds = vec![exists, Cond::Absent(path.clone())];
        let change = Change::Set(path, state::live_attr(&live));
        match again(tables, Write::update(state::key(&position.strategy), vec![change], conds)).await {
            // It is named already, or the strategy was removed.
            Ok(()) | Err(WriteError::Lost { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Notes on every strategy of the account that it was looked at, with or without the hold.
pub async fn note_look(
    tables: &impl WriteTables,
    books: &Books,
    holds: bool,
    now: Timestamp,
) -> Result<(), WriteError> {
    for one in books.own_states() {
        let stands = one.holds.contains_key(&Hold::Divergence);
        let hold = state::path::hold(Hold::Divergence);
        let mut changes = vec![Change::Set(state::path::last_reconciled_at(), time(now))];
        match (stands, holds) {
            (false, true) => changes.push(Change::Set(hold, time(now))),
            (true, false) => changes.push(Change::Remove(hold)),
            (true, true) | (false, false) => {}
        }
        let is_later = Cond::AbsentOrBelow(state::path::last_reconciled_at(), time(now));
        let exists = Cond::Present(Path::of(Table::TradingState.hash_key()));
        let write = Write::update(state::key(&one.strategy_id), changes, vec![exists, is_later]);
        match again(tables, write).await {
            // A run of this tick or a later one was first, or the strategy was removed.
            Ok(()) | Err(WriteError::Lost { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How often a write that met another transaction is tried.
const MOST_ATTEMPTS: u32 = 3;

async fn again(tables: &impl WriteTables, write: Write) -> Result<(), WriteError> {
    let mut result = Err(WriteError::Conflict);
    for _attempt in 0..MOST_ATTEMPTS {
        result = tables.write(vec![write.clone()]).await;
        if !matches!(result, Err(WriteError::Conflict)) {
            break;
        }
    }
    result
}

/// Writes what changed in the ledger, if nobody has moved a cursor meanwhile.
async fn settle(
    tables: &impl WriteTables,
    books: &Books,
    changes: Vec<Change>,
    plan: &Plan,
) -> Result<(), WriteError> {
    if changes.is_empty() {
        return Ok(());
    }
    let before = books.cursors();
    let moved = plan.cursors.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    let mut conds: Vec<Cond> = moved
        .map(|(name, _)| match before.get(name) {
            Some(value) => Cond::Equals(path::cursor(name), text(value)),
            None => Cond::Absent(path::cursor(name)),
        })
        .collect();
    conds.push(Cond::Present(Path::of(Table::Ledgers.hash_key())));
    again(tables, Write::update(account::key(&books.account.id), changes, conds)).await
}

fn cursor_changes(books: &Books, plan: &Plan) -> Vec<Change> {
    let attrs = |map: &BTreeMap<String, String>| -> BTreeMap<String, Attr> {
        map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    };
    entries(&attrs(&books.cursors()), &attrs(&plan.cursors), path::cursor)
}

fn difference_changes(books: &Books, plan: &Plan) -> Vec<Change> {
    let Some(ledger) = &books.heads.ledger else { return Vec::new() };
    let attrs = |map: &BTreeMap<Asset, shared::records::Difference>| -> BTreeMap<String, Attr> {
        map.iter().map(|(asset, one)| (asset.to_string(), difference_attr(one))).collect()
    };
    let path = |name: &str| Path::of("differences").then(name);
    entries(&attrs(&ledger.differences), &attrs(&plan.differences), path)
}

fn alert_changes(books: &Books, plan: &Plan) -> Vec<Change> {
    let Some(ledger) = &books.heads.ledger else { return Vec::new() };
    let own = [DRIFT, EXTERNAL];
    let before = own.into_iter().filter_map(|kind| Some((kind.to_owned(), ledger.alerts.get(kind)?)));
    let before = before.map(|(kind, alert)| (kind, alert_attr(alert))).collect();
    let after = plan.alerts.iter().map(|(kind, alert)| ((*kind).to_owned(), alert_attr(alert))).collect();
    entries(&before, &after, path::alert)
}

/// The changes that turn the entries of a map into others, entry by entry.
fn entries(
    before: &BTreeMap<String, Attr>,
    after: &BTreeMap<String, Attr>,
    path: impl Fn(&str) -> Path,
) -> Vec<Change> {
    let set = after.iter().filter(|(name, attr)| before.get(*name) != Some(*attr));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let set = set.map(|(name, attr)| Change::Set(path(name), attr.clone()));
    set.chain(gone.map(|name| Change::Remove(path(name)))).collect()
}
