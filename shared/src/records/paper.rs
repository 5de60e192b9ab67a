//! The paper venue's own ledger: `paper#{account}` of `tradai-ledgers`.
//!
//! It is a venue's side of the story, not ours: only the adapter in [`crate::venue::paper`] writes it, each time
//! on condition of the `version` that it read. What rests is kept whole. Of what is over, the last
//! [`MOST_ENDED`] orders and the last [`MOST_TRADES`] trades are kept.

use std::collections::BTreeMap;

use crate::ids::{AccountId, Asset, OrderId, Symbol};
use crate::market::Side;
use crate::money::{Amount, Notional, Price, Qty};
use crate::order::{Ended, Kind};
use crate::ports::Balance;
use crate::records::attrs::{Draft, list, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read};
use crate::records::order;
use crate::store::{Attr, Cond, Item, Key, Path, Write, changes};
use crate::tables::Table;
use crate::time::Timestamp;

/// Most orders kept that are over.
pub const MOST_ENDED: usize = 64;
/// Most trades kept.
pub const MOST_TRADES: usize = 128;

/// One account at the paper venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperLedger {
    /// The account.
    pub account: AccountId,
    /// Raised by every write.
    pub version: u64,
    /// What is held, free and locked by what rests.
    pub balances: BTreeMap<Asset, Balance>,
    /// What rests, oldest first.
    pub open: Vec<PaperOrder>,
    /// What is over, oldest first, at most [`MOST_ENDED`].
    pub ended: Vec<PaperOrder>,
    /// What has traded, oldest first, at most [`MOST_TRADES`].
    pub trades: Vec<PaperTrade>,
    /// How many ids were given to orders and trades.
    pub numbers: u64,
}

/// One order at the paper venue: it fills whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperOrder {
    /// The client order id.
    pub order_id: OrderId,
    /// The venue's own id.
    pub number: u64,
    /// The market.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// How it meets the market.
    pub kind: Kind,
    /// How much base.
    pub quantity: Qty,
    /// Whether its trigger was touched; always for what has none.
    pub triggered: bool,
    /// Candles that open from here on are still to be matched.
    pub matched_until: Timestamp,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
}

/// One trade at the paper venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperTrade {
    /// Its id.
    pub number: u64,
    /// The venue's id of its order.
    pub order: u64,
    /// The market.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much base.
    pub quantity: Qty,
    /// How much quote.
    pub value: Notional,
    /// The fee.
    pub fee: Amount,
    /// What the fee was paid in.
    pub fee_asset: Asset,
    /// When.
    pub at: Timestamp,
}

/// The ledger item of an account.
pub fn key(account: &AccountId) -> Key {
    Key { table: Table::Ledgers, hash: format!("paper#{account}"), range: None }
}

/// The whole item.
pub fn encode(ledger: &PaperLedger) -> Item {
    Draft::under(key(&ledger.account))
        .with("version", number(ledger.version))
        .with("balances", map(&ledger.balances, balance_attr))
        .with("open", list(&ledger.open, order_attr))
        .with("ended", list(&ledger.ended, order_attr))
        .with("trades", list(&ledger.trades, trade_attr))
        .with("numbers", number(ledger.numbers))
        // Heartbeat's alone; an update never touches what it did not change.
        .with("episodes", Attr::M(Item::new()))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<PaperLedger, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    let PaperKey(account) = fields.need("ledger_id", Found::word)?;
    Ok(PaperLedger {
        account,
        version: fields.need("version", Found::number)?,
        balances: fields.need("balances", |found| found.map(balance))?,
        open: fields.need("open", |found| found.list(order))?,
        ended: fields.need("ended", |found| found.list(order))?,
        trades: fields.need("trades", |found| found.list(trade))?,
        numbers: fields.need("numbers", Found::number)?,
    })
}

/// Turns `seen` into `next`, if `seen` is what stands.
pub fn update(seen: &PaperLedger, next: &PaperLedger) -> Write {
    let version = Cond::Equals(Path::of("version"), number(seen.version));
    Write::update(key(&seen.account), changes(&encode(seen), &encode(next)), vec![version])
}

fn balance_attr(balance: &Balance) -> Attr {
    Draft::new().with("free", number(balance.free)).with("locked", number(balance.locked)).map()
}

fn balance(found: Found<'_>) -> Read<Balance> {
    let fields = found.fields()?;
    Ok(Balance { free: fields.need("free", Found::number)?, locked: fields.need("locked", Found::number)? })
}

fn order_attr(one: &PaperOrder) -> Attr {
    let draft = Draft::new()
        .with("order_id", text(&one.order_id))
        .with("number", number(one.number))
        .with("symbol", text(&one.symbol))
        .with("side", text(one.side.as_str()))
        .with("quantity", number(one.quantity))
        .with("triggered", Attr::Bool(one.triggered))
        .with("matched_until", time(one.matched_until))
        .maybe("ended", one.ended.map(|ended| text(ended.as_str())));
    order::with_kind(draft, one.kind).map()
}

fn order(found: Found<'_>) -> Read<PaperOrder> {
    let fields = found.fields()?;
    Ok(PaperOrder {
        order_id: fields.need("order_id", Found::word)?,
        number: fields.need("number", Found::number)?,
        symbol: fields.need("symbol", Found::word)?,
        side: fields.need("side", Found::word)?,
        kind: order::kind(&fields)?,
        quantity: fields.need("quantity", Found::number)?,
        triggered: fields.need("triggered", Found::flag)?,
        matched_until: fields.need("matched_until", Found::word)?,
        ended: fields.maybe("ended", Found::word)?,
    })
}

fn trade_attr(one: &PaperTrade) -> Attr {
    Draft::new()
        .with("number", number(one.number))
        .with("order", number(one.order))
        .with("symbol", text(&one.symbol))
        .with("side", text(one.side.as_str()))
        .with("price", number(one.price))
        .with("quantity", number(one.quantity))
        .with("value", number(one.value))
        .with("fee", number(one.fee))
        .with("fee_asset", text(&one.fee_asset))
        .with("at", time(one.at))
        .map()
}

fn trade(found: Found<'_>) -> Read<PaperTrade> {
    let fields = found.fields()?;
    Ok(PaperTrade {
        number: fields.need("number", Found::number)?,
        order: fields.need("order", Found::number)?,
        symbol: fields.need("symbol", Found::word)?,
        side: fields.need("side", Found::word)?,
        price: fields.need("price", Found::number)?,
        quantity: fields.need("quantity", Found::number)?,
        value: fields.need("value", Found::number)?,
        fee: fields.need("fee", Found::number)?,
        fee_asset: fields.need("fee_asset", Found::word)?,
        at: fields.need("at", Found::word)?,
    })
}

struct PaperKey(AccountId);

impl FromText for PaperKey {
    fn from_text(text: &str) -> Result<PaperKey, Problem> {
        let bad = || Problem::BadValue { value: text.to_owned(), why: "not paper#{account}".to_owned() };
        AccountId::from_text(text.strip_prefix("paper#").ok_or_else(bad)?).map(PaperKey)
    }
}
