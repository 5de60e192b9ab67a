//! What every function must know of a venue before it calls it: `venue#{venue}` of `tradai-ledgers`.

use crate::ids::VenueId;
use crate::records::attrs::time;
use crate::records::fields::{Corrupt, Fields, Found};
use crate::store::{Change, Cond, Item, Key, Write};
use crate::tables::Table;
use crate::time::Timestamp;

/// Where each attribute is.
pub mod path {
    use crate::records::attrs::paths;

    paths!(not_before);
}

/// The item of a venue.
pub fn key(venue: &VenueId) -> Key {
    Key { table: Table::Ledgers, hash: format!("venue#{venue}"), range: None }
}

/// Until when nobody may call it; none where it never asked us to wait.
pub fn not_before(item: &Item) -> Result<Option<Timestamp>, Corrupt> {
    Fields::of(Table::Ledgers, item).maybe("not_before", Found::word)
}

/// Nobody calls `venue` before `until`; a later time that stands already stays.
pub fn wait_until(venue: &VenueId, until: Timestamp) -> Write {
    // Whole seconds, rounded up: as texts, times with and without milliseconds do not sort.
    let whole = until.as_secs().saturating_add(1).saturating_mul(1_000);
    let (path, at) = (path::not_before(), time(Timestamp::from_millis(whole)));
    Write::update(
        key(venue),
        vec![Change::Set(path.clone(), at.clone())],
        vec![Cond::AbsentOrBelow(path, at)],
    )
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use crate::store::{ReadTables, WriteTables};
    use crate::testkit::at_once;
    use crate::testkit::memory::MemoryStore;

    #[test]
    fn the_longest_wait_stands() {
        let (store, venue) = (MemoryStore::default(), VenueId::parse("binance").unwrap());
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        at_once(store.write(vec![wait_until(&venue, at(20))])).unwrap();
        assert!(at_once(store.write(vec![wait_until(&venue, at(10))])).is_err());
        let item = at_once(store.get(&[key(&venue)])).unwrap().pop().flatten().unwrap();
        assert_eq!(not_before(&item), Ok(Some(at(21))));
    }
}
