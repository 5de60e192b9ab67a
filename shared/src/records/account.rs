//! An account's books: `account#{account}` of `tradai-ledgers`.

use std::collections::BTreeMap;

use crate::books::AccountBook;
use crate::ids::{AccountId, Asset};
use crate::money::Amount;
use crate::ports::KeyRights;
use crate::records::attrs::{Draft, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read};
use crate::records::parts::{alert, episode};
pub use crate::records::parts::{alert_attr, episode_attr};
use crate::secret::KeyPrint;
use crate::state::{Alert, Episode};
use crate::store::{Attr, Item, Key};
use crate::tables::Table;
use crate::time::Timestamp;

/// What is known of an account. It has no version: each map has one writer, who writes entry by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLedger {
    /// The account.
    pub account: AccountId,
    /// Per asset what was there first, and what moved since.
    pub book: AccountBook,
    /// By symbol the last trade id that reconcile saw.
    pub cursors: BTreeMap<String, String>,
    /// By asset what books and venue differ by.
    pub differences: BTreeMap<Asset, Difference>,
    /// What must page.
    pub alerts: BTreeMap<String, Alert>,
    /// What heartbeat has paged.
    pub episodes: BTreeMap<String, Episode>,
    /// What execute last learnt of the key that it trades with; none before its first use.
    pub key_check: Option<KeyCheck>,
}

/// The cursor that says that the books are open: what the account held was recorded, if only that it was nothing.
pub const OPENED: &str = "opened";

/// What was learnt of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck {
    /// When.
    pub at: Timestamp,
    /// What it may do; none where the venue cannot say, which is accepted of a test network alone.
    pub rights: Option<KeyRights>,
    /// Which key that was said of; none where there is none, or where it was said before keys had prints.
    pub print: Option<KeyPrint>,
}

/// What the venue holds more than the books say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// When it was first seen.
    pub since: Timestamp,
    /// How much; negative when the venue holds less.
    pub amount: Amount,
}

impl AccountLedger {
    /// The ledger that `strategy apply` writes first: every map is there and empty.
    pub fn first(account: AccountId) -> AccountLedger {
        AccountLedger {
            account,
            book: AccountBook::default(),
            cursors: BTreeMap::new(),
            differences: BTreeMap::new(),
            alerts: BTreeMap::new(),
            episodes: BTreeMap::new(),
            key_check: None,
        }
    }

    /// Whether reconcile has recorded what the account held at first; before that its balances are not known.
    pub fn is_open(&self) -> bool {
        !self.book.opening.is_empty() || self.cursors.contains_key(OPENED)
    }
}

/// Where each entry is.
pub mod path {
    use crate::ids::Asset;
    use crate::records::attrs::paths;
    use crate::store::Path;

    paths!(key_check);
    /// What was there of an asset before the first movement.
    pub fn opening(asset: &Asset) -> Path {
        Path::of("opening").then(asset.as_str())
    }
    /// The sum of our own fills and fees in an asset.
    pub fn fills(asset: &Asset) -> Path {
        Path::of("fills").then(asset.as_str())
    }
    /// The sum of movements that are not ours.
    pub fn external(asset: &Asset) -> Path {
        Path::of("external").then(asset.as_str())
    }
    /// The last trade id seen in a symbol.
    pub fn cursor(symbol: &str) -> Path {
        Path::of("cursors").then(symbol)
    }
    /// What books and venue differ by in an asset.
    pub fn difference(asset: &Asset) -> Path {
        Path::of("differences").then(asset.as_str())
    }
    /// One alert.
    pub fn alert(kind: &str) -> Path {
        Path::of("alerts").then(kind)
    }
    /// One episode.
    pub fn episode(name: &str) -> Path {
        Path::of("episodes").then(name)
    }
}

/// The ledger item of an account.
pub fn key(account: &AccountId) -> Key {
    Key { table: Table::Ledgers, hash: format!("account#{account}"), range: None }
}

/// The whole item.
pub fn encode(ledger: &AccountLedger) -> Item {
    Draft::under(key(&ledger.account))
        .with("opening", map(&ledger.book.opening, |sum| number(sum)))
        .with("fills", map(&ledger.book.fills, |sum| number(sum)))
        .with("external", map(&ledger.book.external, |sum| number(sum)))
        .with("cursors", map(&ledger.cursors, |id| text(id)))
        .with("differences", map(&ledger.differences, difference_attr))
        .with("alerts", map(&ledger.alerts, alert_attr))
        .with("episodes", map(&ledger.episodes, episode_attr))
        .maybe("key_check", ledger.key_check.map(key_check_attr))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<AccountLedger, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    let AccountKey(account) = fields.need("ledger_id", Found::word)?;
    Ok(AccountLedger {
        account,
        book: AccountBook {
            opening: fields.need("opening", |found| found.map(Found::number))?,
            fills: fields.need("fills", |found| found.map(Found::number))?,
            external: fields.need("external", |found| found.map(Found::number))?,
        },
        cursors: fields.need("cursors", |found| found.map(Found::filled))?,
        differences: fields.need("differences", |found| found.map(difference))?,
        alerts: fields.need("alerts", |found| found.map(alert))?,
        episodes: fields.need("episodes", |found| found.map(episode))?,
        key_check: fields.maybe("key_check", key_check)?,
    })
}

/// What is left of an item that [`decode`] refuses, for whoever protects what is held: the sums that its fills move,
/// or the attribute without which none can be recorded. What else cannot be read is as if it were not there: the key
/// is asked for its rights again, and without an opening balance nothing opens.
pub fn remains(item: &Item) -> Result<AccountLedger, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    let AccountKey(account) = fields.need("ledger_id", Found::word)?;
    let sums = |name: &str| fields.need(name, |found| found.map(Found::number));
    Ok(AccountLedger {
        book: AccountBook {
            opening: sums("opening").unwrap_or_default(),
            fills: sums("fills")?,
            external: sums("external").unwrap_or_default(),
        },
        key_check: fields.maybe("key_check", key_check).unwrap_or(None),
        ..AccountLedger::first(account)
    })
}

fn key_check_attr(check: KeyCheck) -> Attr {
    let flag = |right: fn(KeyRights) -> bool| check.rights.map(|rights| Attr::Bool(right(rights)));
    Draft::new()
        .with("at", time(check.at))
        .maybe("trade", flag(|rights| rights.trade))
        .maybe("withdraw", flag(|rights| rights.withdraw))
        .maybe("transfer", flag(|rights| rights.transfer))
        .maybe("address_bound", flag(|rights| rights.address_bound))
        .maybe("print", check.print.map(text))
        .map()
}

/// Either every right is there or none is.
fn key_check(found: Found<'_>) -> Read<KeyCheck> {
    let fields = found.fields()?;
    let (at, print) = (fields.need("at", Found::word)?, fields.maybe("print", Found::word)?);
    if !["trade", "withdraw", "transfer", "address_bound"].iter().any(|right| fields.has(right)) {
        return Ok(KeyCheck { at, rights: None, print });
    }
    let rights = KeyRights {
        trade: fields.need("trade", Found::flag)?,
        withdraw: fields.need("withdraw", Found::flag)?,
        transfer: fields.need("transfer", Found::flag)?,
        address_bound: fields.need("address_bound", Found::flag)?,
    };
    Ok(KeyCheck { at, rights: Some(rights), print })
}

/// An amount of one asset, as `opening`, `fills` and `external` hold it.
pub fn amount_attr(amount: Amount) -> Attr {
    number(amount)
}

/// One entry of `differences`.
pub fn difference_attr(difference: &Difference) -> Attr {
    Draft::new().with("since", time(difference.since)).with("amount", number(difference.amount)).map()
}

fn difference(found: Found<'_>) -> Read<Difference> {
    let fields = found.fields()?;
    Ok(Difference {
        since: fields.need("since", Found::word)?,
        amount: fields.need("amount", Found::number)?,
    })
}

/// What heartbeat must know of any ledger, entry by entry; a ledger without these maps has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerVitals {
    /// Every alert, each judged alone.
    pub alerts: Read<BTreeMap<String, Read<Alert>>>,
    /// Every episode, each judged alone.
    pub episodes: Read<BTreeMap<String, Read<Episode>>>,
}

/// Reads what heartbeat must know of any ledger.
pub fn vital(item: &Item) -> LedgerVitals {
    let fields = Fields::of(Table::Ledgers, item);
    let alerts = fields.maybe("alerts", |found| found.map(|entry| Ok(alert(entry))));
    let episodes = fields.maybe("episodes", |found| found.map(|entry| Ok(episode(entry))));
    LedgerVitals {
        alerts: alerts.map(Option::unwrap_or_default),
        episodes: episodes.map(Option::unwrap_or_default),
    }
}

impl FromText for KeyPrint {
    fn from_text(text: &str) -> Result<KeyPrint, Problem> {
        let bad = || Problem::BadValue { value: text.to_owned(), why: "not the print of a key".to_owned() };
        KeyPrint::parse(text).ok_or_else(bad)
    }
}

struct AccountKey(AccountId);

impl FromText for AccountKey {
    fn from_text(text: &str) -> Result<AccountKey, Problem> {
        let bad = || Problem::BadValue { value: text.to_owned(), why: "not account#{account}".to_owned() };
        AccountId::from_text(text.strip_prefix("account#").ok_or_else(bad)?).map(AccountKey)
    }
}
