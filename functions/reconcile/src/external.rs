//! Trades that are not ours: recorded under `external.{account}.{symbol}`, under ids derived from the
//! venue's, and never traded.

use shared::ids::AccountId;
use shared::order::Origin;
use shared::ports::Trade;
use shared::records::attrs::{number, text, time};
use shared::store::{Item, Key};
use shared::tables::Table;

/// The partition of an account's external trades in one market.
fn partition(account: &AccountId, trade: &Trade) -> String {
    format!("external.{account}.{}", trade.symbol)
}

/// The item of the external order.
pub fn order_key(account: &AccountId, trade: &Trade) -> Key {
    let range = format!("x-{}", trade.venue_order_id);
    Key { table: Table::Orders, hash: partition(account, trade), range: Some(range) }
}

/// The item of one of its trades.
pub fn fill_key(account: &AccountId, trade: &Trade) -> Key {
    let range = format!("x-{}#{}", trade.venue_order_id, trade.trade_id);
    Key { table: Table::Orders, hash: partition(account, trade), range: Some(range) }
}

/// What is known of the order: who it was is not.
pub fn order_item(account: &AccountId, trade: &Trade) -> Item {
    let attrs = [
        ("account", text(account)),
        ("symbol", text(&trade.symbol)),
        ("side", text(trade.side.as_str())),
        ("origin", text(Origin::Reconcile.as_str())),
        ("status", text("filled")),
        ("venue_id", text(&trade.venue_order_id)),
        ("created_at", time(trade.at)),
    ];
    attrs.into_iter().map(|(name, attr)| (name.to_owned(), attr)).collect()
}

/// The trade, with the attributes of a fill of ours.
pub fn fill_item(trade: &Trade) -> Item {
    let attrs = [
        ("symbol", text(&trade.symbol)),
        ("side", text(trade.side.as_str())),
        ("price", number(trade.price)),
        ("quantity", number(trade.quantity)),
        ("value", number(trade.value)),
        ("fee", number(trade.fee)),
        ("fee_asset", text(&trade.fee_asset)),
        ("at", time(trade.at)),
    ];
    attrs.into_iter().map(|(name, attr)| (name.to_owned(), attr)).collect()
}
