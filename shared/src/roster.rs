//! The strategies of one shard with their state, their settings and their venue's wait: what every tick
//! reads first.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Egress, StrategyId};
use crate::ports::Wait;
use crate::records::venue::Facts;
use crate::records::{self, Corrupt};
use crate::settings::Settings;
use crate::state::StrategyState;
use crate::store::{Item, Key, ReadError, ReadTables};

/// One strategy as the tables describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its id.
    pub id: StrategyId,
    /// Its state.
    pub state: Result<StrategyState, Unfit>,
    /// Its settings.
    pub settings: Result<Settings, Unfit>,
    /// What binds the calls of its venue, where that was read with the rest.
    pub wait: Wait,
    /// Its items that are there and damaged, for whoever protects what is held.
    pub damaged: Damaged,
}

/// The items of a strategy that are there and cannot be read; none where they can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Damaged {
    /// Its state.
    pub state: Option<Item>,
    /// Its settings.
    pub settings: Option<Item>,
}

/// Most shards whose keys one process remembers: a fleet of more is read a little slower, and memory stays bounded.
const MOST_SHARDS: usize = 16;

/// Where the last ticks of this process found their shards, so that the next one asks for all of its at once.
///
/// It holds keys and never what was read under them: a fresh process finds the same in a few reads more.
#[derive(Debug, Default)]
pub struct Trail {
    egress: Egress,
    keys: RefCell<BTreeMap<u32, BTreeSet<Key>>>,
}

impl Trail {
    /// No shard was found yet by a stage that calls its venues from this address.
    pub fn from(egress: Egress) -> Trail {
        Trail { egress, keys: RefCell::default() }
    }

    fn of(&self, shard: u32) -> BTreeSet<Key> {
        self.keys.borrow().get(&shard).cloned().unwrap_or_default()
    }

    fn leave(&self, shard: u32, keys: BTreeSet<Key>) {
        let mut known = self.keys.borrow_mut();
        if known.len() >= MOST_SHARDS && !known.contains_key(&shard) {
            known.pop_first();
        }
        known.insert(shard, keys);
    }
}

/// Why an item cannot be worked with: the strategy counts as `halted`, the others run on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not there.
    #[error("no item {0}")]
    Absent(Key),
    /// It is damaged.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// Why a shard's strategies cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The shard's item is damaged.
    #[error(transparent)]
    Shard(#[from] Corrupt),
}

/// Reads a shard's strategies: one batch where the last tick left its trail, else the shard first. A shard without an item
/// has none: nothing was applied to it yet, and who should be in it pages as `strategy-unsharded`.
pub async fn members(
    tables: &impl ReadTables,
    shard: u32,
    trail: &Trail,
) -> Result<Vec<Member>, RosterError> {
    let key = records::shard::key(shard);
    let mut found = Found::by(&trail.egress);
    let known = trail.of(shard).into_iter().chain([key.clone()]);
    found.read(tables, known.collect()).await?;
    let Some(item) = found.take(&key) else { return Ok(Vec::new()) };
    let ids = records::shard::decode(&item)?.strategies;
    found.read(tables, ids.iter().flat_map(keys_of).collect()).await?;
    let members: Vec<Member> = ids.into_iter().map(|id| found.member(id)).collect();
    let venue = |one: &Member| Some(venue_key(one.settings.as_ref().ok()?, &trail.egress));
    let venues = members.iter().filter_map(venue);
    trail.leave(shard, members.iter().flat_map(|one| keys_of(&one.id)).chain(venues).collect());
    Ok(members)
}

/// Reads one strategy anew.
pub async fn member(tables: &impl ReadTables, id: StrategyId) -> Result<Member, ReadError> {
    let egress = Egress::default();
    let mut found = Found::by(&egress);
    found.read(tables, keys_of(&id).into()).await?;
    Ok(found.member(id))
}

fn keys_of(id: &StrategyId) -> [Key; 2] {
    [records::state::key(id), records::strategy_config::key(id)]
}

fn venue_key(settings: &Settings, egress: &Egress) -> Key {
    records::venue::key(&settings.market_place(), egress)
}

/// What was read so far, also that there was nothing.
struct Found<'a> {
    egress: &'a Egress,
    items: BTreeMap<Key, Option<Item>>,
}

impl<'a> Found<'a> {
    const fn by(egress: &'a Egress) -> Found<'a> {
        Found { egress, items: BTreeMap::new() }
    }

    /// Reads those of `keys` that were not read yet.
    async fn read(&mut self, tables: &impl ReadTables, keys: BTreeSet<Key>) -> Result<(), ReadError> {
        let keys: Vec<Key> = keys.into_iter().filter(|key| !self.items.contains_key(key)).collect();
        if !keys.is_empty() {
            let items = tables.get(&keys).await?;
            self.items.extend(keys.into_iter().zip(items));
        }
        Ok(())
    }

    fn take(&mut self, key: &Key) -> Option<Item> {
        self.items.get_mut(key)?.take()
    }

    fn member(&mut self, id: StrategyId) -> Member {
        let [state, settings] = keys_of(&id);
        let (state, state_item) = self.decoded(state, records::state::decode);
        let (settings, settings_item) = self.decoded(settings, records::strategy_config::decode);
        let wait = settings.as_ref().map_or(Wait::Unread, |settings| self.wait(settings));
        Member { id, state, settings, wait, damaged: Damaged { state: state_item, settings: settings_item } }
    }

    /// What was read under `key`, and the item itself where it is damaged.
    fn decoded<T>(
        &mut self,
        key: Key,
        decode: impl Fn(&Item) -> Result<T, Corrupt>,
    ) -> (Result<T, Unfit>, Option<Item>) {
        let Some(item) = self.take(&key) else { return (Err(Unfit::Absent(key)), None) };
        match decode(&item) {
            Ok(value) => (Ok(value), None),
            Err(corrupt) => (Err(corrupt.into()), Some(item)),
        }
    }

    /// An item that cannot be read is left to the venue's own reading, which then refuses every call.
    fn wait(&self, settings: &Settings) -> Wait {
        match self.items.get(&venue_key(settings, self.egress)) {
            None => Wait::Unread,
            Some(None) => Wait::Read(Facts::default()),
            Some(Some(item)) => records::venue::facts(item).map_or(Wait::Unread, Wait::Read),
        }
    }
}

/// Decodes what was read under `key`.
pub fn read<T>(
    item: Option<Item>,
    key: Key,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
) -> Result<T, Unfit> {
    match item {
        Some(item) => Ok(decode(&item)?),
        None => Err(Unfit::Absent(key)),
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use crate::records::samples;
    use crate::records::shard::Shard;
    use crate::store::WriteTables;
    use crate::testkit::at_once;
    use crate::testkit::counted::Counted;
    use crate::testkit::memory::MemoryStore;
    use crate::time::Timestamp;

    fn serve(tables: &MemoryStore, ids: &[&str]) {
        let strategies: Vec<StrategyId> = ids.iter().flat_map(|id| StrategyId::parse(id)).collect();
        for id in &strategies {
            let (state, settings) = (samples::strategy_state(), samples::settings());
            let state = StrategyState { strategy_id: id.clone(), ..state };
            let settings = Settings { strategy_id: id.clone(), ..settings };
            tables.plant(records::state::key(id), records::state::encode(&state));
            tables.plant(records::strategy_config::key(id), records::strategy_config::encode(&settings));
        }
        tables.plant(records::shard::key(0), records::shard::encode(&Shard { shard: 0, strategies }));
    }
    /// Who is served, and how many reads that took.
    fn counted(tables: &MemoryStore, trail: &Trail) -> (Vec<Member>, usize) {
        let tables = Counted::over(tables);
        (at_once(members(&tables, 0, trail)).unwrap_or_default(), tables.take().len())
    }

    #[test]
    fn a_tick_that_follows_another_reads_its_shard_at_once() {
        let (tables, trail) = (MemoryStore::new(), Trail::default());
        serve(&tables, &["a", "b"]);
        let (cold, reads) = counted(&tables, &trail);
        assert_eq!((cold.len(), reads), (2, 2));
        let (warm, reads) = counted(&tables, &trail);
        assert_eq!(reads, 1);
        let whole = |members: &[Member]| members.iter().map(|one| one.state.clone()).collect::<Vec<_>>();
        assert_eq!(whole(&warm), whole(&cold));
        assert_eq!(warm[0].wait, Wait::Read(Facts::default()), "the venue was read with the rest");
    }

    /// As between `cdk deploy` and the first `strategy apply`.
    #[test]
    fn a_shard_to_which_nothing_was_applied_has_nobody_and_is_no_failure() {
        assert_eq!(at_once(members(&MemoryStore::new(), 0, &Trail::default())), Ok(Vec::new()));
    }

    #[test]
    fn each_shard_has_its_own_trail_and_their_number_is_bounded() {
        let trail = Trail::default();
        let keys = |shard: u32| BTreeSet::from([records::shard::key(shard)]);
        for shard in 0..40 {
            trail.leave(shard, keys(shard));
        }
        assert_eq!((trail.of(39), trail.of(0)), (keys(39), BTreeSet::new()));
        assert_eq!(trail.keys.borrow().len(), MOST_SHARDS);
    }

    #[test]
    fn what_changed_since_the_last_tick_is_seen() {
        let (tables, trail) = (MemoryStore::new(), Trail::default());
        serve(&tables, &["a", "b"]);
        counted(&tables, &trail);
        serve(&tables, &["b", "c"]);
        let until = Timestamp::from_millis(9_000);
        let venue = venue_key(&samples::settings(), &Egress::default());
        at_once(tables.write(vec![records::venue::first(venue.clone())])).unwrap();
        at_once(tables.write(vec![records::venue::wait_until(venue, until, false)])).unwrap();
        let (members, reads) = counted(&tables, &trail);
        assert_eq!(members.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert!(members.iter().all(|one| one.state.is_ok() && one.settings.is_ok()), "{members:?}");
        assert_eq!(reads, 2);
        let not_before = Some(Timestamp::from_millis(10_000));
        assert_eq!(members[0].wait, Wait::Read(Facts { not_before, ..Facts::default() }));
    }
}
