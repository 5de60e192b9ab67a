//! What `strategy apply` writes: the settings of a strategy, and its first state, its account and its place in a shard
//! where they are not there yet, in one transaction and through the same types and conditions as the functions.

use std::collections::BTreeSet;

use shared::ids::{Asset, StrategyId};
use shared::records::{self, AccountLedger, Shard};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{
    Attr, Change, Cond, Item, Key, Path, ReadError, ReadTables, Write, WriteError, WriteTables,
};
use shared::time::Timestamp;

/// Why a strategy was not applied.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The shard's item is damaged.
    #[error(transparent)]
    Shard(#[from] records::Corrupt),
    /// Another strategy of the account trades the same asset: one position of an asset is all that an account has.
    #[error("symbols: {asset} of account {account} belongs to strategy {of}")]
    Claimed {
        /// The asset.
        asset: Asset,
        /// The account.
        account: String,
        /// Whose it is.
        of: StrategyId,
    },
    /// Where its orders rest may change while it is stopped and nothing lives, and not otherwise.
    #[error(
        "{field}: it changes where orders rest, and strategy {id} is not stopped or something of it lives"
    )]
    Moves {
        /// The strategy.
        id: StrategyId,
        /// What would change.
        field: &'static str,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The items that were not there before.
    pub made: Vec<Key>,
    /// What its settings say now and did not say before; empty for settings that are new.
    pub changed: Vec<Changed>,
}

/// One attribute of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub path: Path,
    /// What it said.
    pub before: Option<Attr>,
    /// What it says.
    pub after: Option<Attr>,
}

/// Where the orders of settings rest.
const PLACE: [&str; 4] = ["account", "venue", "backend", "testnet"];

/// Makes a strategy what `settings` say. One that is new begins with `status` and stands in `shard` from now on; of one
/// that exists nothing but the settings changes.
pub async fn apply(
    tables: &impl WriteTables,
    settings: &Settings,
    shard: u32,
    status: Status,
    now: Timestamp,
) -> Result<Applied, NotApplied> {
    let (id, mut plan) = (&settings.strategy_id, Plan::default());
    let keys = [
        records::strategy_config::key(id),
        records::state::key(id),
        records::account::key(&settings.account),
        records::shard::key(shard),
    ];
    let mut found = tables.get(&keys).await?.into_iter();
    let mut next = || found.next().flatten();
    let (config, state, account, shard_item) = (next(), next(), next(), next());
    let [config_key, state_key, account_key, shard_key] = keys;
    match config {
        None => plan.put(config_key, records::strategy_config::encode(settings)),
        Some(item) => plan.change_settings(config_key, &item, settings),
    }
    match state {
        None => plan.put(state_key, records::state::encode(&StrategyState::first(id.clone(), status, now))),
        Some(_) => plan.move_at_rest(state_key),
    }
    if account.is_none() {
        plan.put(account_key, records::account::encode(&AccountLedger::first(settings.account.clone())));
    }
    let members = match &shard_item {
        None => Vec::new(),
        Some(item) => records::shard::decode(item)?.strategies,
    };
    claim(tables, settings, &members).await?;
    plan.join(
        shard_key,
        shard_item.is_some().then_some(&members),
        &Shard { shard, strategies: vec![id.clone()] },
    );
    plan.carry_out(tables, id).await
}

/// Refuses what another strategy of the account trades; all of them are in one shard.
async fn claim(
    tables: &impl ReadTables,
    settings: &Settings,
    members: &[StrategyId],
) -> Result<(), NotApplied> {
    let others: Vec<&StrategyId> = members.iter().filter(|id| **id != settings.strategy_id).collect();
    let keys: Vec<Key> = others.iter().map(|id| records::strategy_config::key(id)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<&Asset> = settings.symbols.iter().map(|symbol| &symbol.base).collect();
    for item in tables.get(&keys).await?.into_iter().flatten() {
        // Of damaged settings what can be read counts; without an account they claim nothing.
        let Ok(other) = records::strategy_config::remains(&item) else { continue };
        let theirs = other.symbols.iter().map(|symbol| &symbol.base).find(|base| wanted.contains(base));
        if let Some(asset) = theirs.filter(|_| other.account == settings.account) {
            let (asset, account) = (asset.clone(), settings.account.to_string());
            return Err(NotApplied::Claimed { asset, account, of: other.strategy_id });
        }
    }
    Ok(())
}

/// One transaction in the making.
#[derive(Debug, Default)]
struct Plan {
    writes: Vec<Write>,
    applied: Applied,
}

impl Plan {
    fn put(&mut self, key: Key, item: Item) {
        self.applied.made.push(key.clone());
        self.writes.push(Write::put_if_absent(key, item));
    }

    /// Attribute by attribute, each on condition of what was read.
    fn change_settings(&mut self, key: Key, read: &Item, settings: &Settings) {
        let changes = records::strategy_config::changes(read, settings);
        let mut conds = Vec::new();
        for change in &changes {
            let (path, after) = match change {
                Change::Set(path, attr) => (path.clone(), Some(attr.clone())),
                Change::Remove(path) => (path.clone(), None),
            };
            let before = at(read, &path).cloned();
            conds.push(as_read(&path, before.as_ref()));
            self.applied.changed.push(Changed { path, before, after });
        }
        if !changes.is_empty() {
            self.writes.push(Write::update(key, changes, conds));
        }
    }

    /// Where orders rest is changed on condition that nobody trades there: stopped, and nothing that lives.
    fn move_at_rest(&mut self, key: Key) {
        if self.moved().is_none() {
            return;
        }
        let stopped = records::state::status_attr(Status::Stopped);
        let conds = vec![
            Cond::Equals(records::state::path::status(), stopped.clone()),
            Cond::Equals(Path::of("live"), Attr::M(Item::new())),
        ];
        let still = vec![Change::Set(records::state::path::status(), stopped)];
        self.writes.push(Write::update(key, still, conds));
    }

    fn moved(&self) -> Option<&'static str> {
        PLACE.into_iter().find(|name| self.applied.changed.iter().any(|one| one.path.head == *name))
    }

    /// Adds the strategy to its shard, on condition that nobody changed the shard meanwhile; what others claimed was
    /// read after it.
    fn join(&mut self, key: Key, members: Option<&Vec<StrategyId>>, first: &Shard) {
        let Some(members) = members else {
            return self.put(key, records::shard::encode(first));
        };
        let is_new = first.strategies.iter().any(|id| !members.contains(id));
        let claims =
            self.applied.changed.iter().any(|one| ["account", "symbols"].contains(&one.path.head.as_str()));
        if !is_new && !claims {
            return;
        }
        let mut all = members.clone();
        all.extend(first.strategies.iter().filter(|_| is_new).cloned());
        let attr = records::shard::strategies_attr;
        let change = Change::Set(records::shard::path::strategies(), attr(&all));
        let unchanged = Cond::Equals(records::shard::path::strategies(), attr(members));
        self.writes.push(Write::update(key, vec![change], vec![unchanged]));
    }

    async fn carry_out(self, tables: &impl WriteTables, id: &StrategyId) -> Result<Applied, NotApplied> {
        if self.writes.is_empty() {
            return Ok(self.applied);
        }
        let field = self.moved();
        match (tables.write(self.writes).await, field) {
            (Ok(()), _) => Ok(self.applied),
            (Err(WriteError::Lost { key, .. }), Some(field)) if key == records::state::key(id) => {
                Err(NotApplied::Moves { id: id.clone(), field })
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

fn at<'a>(item: &'a Item, path: &Path) -> Option<&'a Attr> {
    path.rest.iter().try_fold(item.get(&path.head)?, |attr, name| match attr {
        Attr::M(map) => map.get(name),
        Attr::S(_) | Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::Foreign(_) => {
            None
        }
    })
}

fn as_read(path: &Path, before: Option<&Attr>) -> Cond {
    match before {
        None => Cond::Absent(path.clone()),
        // It can be read and not be said.
        Some(Attr::Foreign(_)) => Cond::Present(path.clone()),
        Some(attr) => Cond::Equals(path.clone(), attr.clone()),
    }
}

/// `limits.max_order_notional: 500 -> 5000`.
impl std::fmt::Display for Changed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.path.names().collect();
        write!(out, "{}: {} -> {}", names.join("."), said(self.before.as_ref()), said(self.after.as_ref()))
    }
}

fn said(attr: Option<&Attr>) -> String {
    match attr {
        None => "nothing".to_owned(),
        Some(Attr::S(text) | Attr::N(text)) => text.clone(),
        Some(Attr::Bool(flag)) => flag.to_string(),
        Some(Attr::L(list)) => {
            format!("[{}]", list.iter().map(|one| said(Some(one))).collect::<Vec<_>>().join(", "))
        }
        Some(Attr::M(map)) => {
            let entry = |(name, attr): (&String, &Attr)| format!("{name} {}", said(Some(attr)));
            map.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        Some(Attr::Null | Attr::B(_) | Attr::Foreign(_)) => "something unreadable".to_owned(),
    }
}
