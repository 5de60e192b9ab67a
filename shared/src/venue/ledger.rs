//! A venue's ledger as one invocation uses it: what it tells the other functions, and when.
//!
//! Most invocations tell nothing. See [`crate::records::venue`] for what is told when.

use std::rc::Rc;

use crate::ids::{Egress, VenueId};
use crate::ports::WriteTables;
use crate::records::venue::{self, Facts};
use crate::store::{Item, Key, Write, WriteError};
use crate::tables::Function;
use crate::time::Timestamp;
use crate::venue::link::Link;

/// How often a wait is written that could not be, and counts that another write overtook.
const MOST_ATTEMPTS: u32 = 5;

/// The ledger of one venue, and what this process knows of the way there.
#[derive(Debug, Clone)]
pub struct Ledger<T> {
    tables: T,
    key: Key,
    link: Rc<Link>,
}

impl<T: WriteTables> Ledger<T> {
    /// The ledger of `venue`, called from `egress` over `link`.
    pub fn new(tables: T, venue: &VenueId, egress: &Egress, link: Rc<Link>) -> Ledger<T> {
        Ledger { tables, key: venue::key(venue, egress), link }
    }

    /// What is known of the way there.
    pub const fn link(&self) -> &Rc<Link> {
        &self.link
    }

    /// What stands there; why it cannot be read otherwise.
    pub async fn read(&self) -> Result<Facts, String> {
        match self.item().await? {
            Some(item) => venue::facts(&item).map_err(|why| why.to_string()),
            None => Ok(Facts::default()),
        }
    }

    async fn item(&self) -> Result<Option<Item>, String> {
        let items = self.tables.get(std::slice::from_ref(&self.key)).await.map_err(|why| why.to_string())?;
        Ok(items.into_iter().flatten().next())
    }

    /// Nobody calls before `until`. The write is tried again at once: no other function has a way to know, and
    /// one call inside the wait may turn it into a ban.
    pub async fn wait_until(&self, until: Timestamp, is_ban: bool) {
        for _ in 0..MOST_ATTEMPTS {
            match self.write(venue::wait_until(self.key.clone(), until, is_ban)).await {
                // A later time stands already.
                Ok(()) | Err(WriteError::Lost { existing: Some(_), .. }) => return,
                Err(WriteError::Lost { existing: None, .. }) => {
                    let first = venue::first_waiting(self.key.clone(), until, is_ban);
                    if self.write(first).await.is_ok() {
                        return;
                    }
                }
                Err(WriteError::Conflict | WriteError::NotDone(_) | WriteError::NoAnswer(_)) => {}
            }
        }
    }

    /// Tells what every function should know after a call: a clock that is apart, a limit that is half used.
    pub async fn share(&self) {
        if let Some(clock) = self.link.take_new_clock() {
            self.tell(venue::set_clock(self.key.clone(), clock)).await.ok();
        }
        if let Some(used) = self.link.take_heavy_use() {
            self.tell(venue::set_used(self.key.clone(), used)).await.ok();
        }
    }

    /// Adds the calls of one invocation to the counts, once it is over. What cannot be written is lost: it is a
    /// statistic.
    pub async fn settle(&self, function: Function, scheduled_at: Timestamp) {
        let Some(more) = venue::sampled(self.link.take_tally(), function, scheduled_at) else { return };
        for _ in 0..MOST_ATTEMPTS {
            let Ok(item) = self.item().await else { return };
            let key = self.key.clone();
            let Ok(write) = venue::add_calls(key, item.as_ref(), function, scheduled_at, more) else {
                return;
            };
            match self.tell(write).await {
                Err(WriteError::Lost { .. } | WriteError::Conflict) => {}
                Ok(()) | Err(WriteError::NotDone(_) | WriteError::NoAnswer(_)) => return,
            }
        }
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.tables.write(vec![write]).await
    }

    /// Writes; where there is no item yet, it is put first.
    async fn tell(&self, write: Write) -> Result<(), WriteError> {
        match self.write(write.clone()).await {
            Err(WriteError::Lost { existing: None, .. }) => {
                match self.write(venue::first(self.key.clone())).await {
                    // Whoever was first, it is there now.
                    Ok(()) | Err(WriteError::Lost { .. }) => self.write(write).await,
                    Err(error) => Err(error),
                }
            }
            result => result,
        }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use crate::ports::ReadTables;
    use crate::testkit::at_once;
    use crate::testkit::counted::Counted;
    use crate::testkit::memory::MemoryStore;

    #[test]
    fn the_first_wait_that_is_told_stands_whole_or_not_at_all() {
        let (store, until) = (MemoryStore::new(), Timestamp::from_millis(20_500));
        let venue = VenueId::parse("binance").unwrap();
        let key = venue::key(&venue, &Egress::default());
        let tables = Counted::over(&store);
        let link = Rc::new(Link::new(crate::venue::link::Share::Act));
        let ledger = Ledger::new(tables, &venue, &Egress::default(), link);
        at_once(ledger.wait_until(until, true));
        let whole = Some(Timestamp::from_millis(21_000));
        let told = at_once(ledger.read()).unwrap();
        assert_eq!((told.not_before, told.banned_until), (whole, whole));
        assert_eq!(ledger.tables.take().len(), 3, "an update, the item with the wait, and our own look");
        let item = at_once(store.get(&[key])).unwrap().remove(0).unwrap();
        assert!(item.contains_key("episodes"), "heartbeat notes its episodes there");
    }
}
