//! Every book agrees with the exchange's own ledger.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::books::PositionStatus;
use shared::ids::Asset;
use shared::market::Side;
use shared::money::{Amount, Qty};
use shared::records;
use shared::tables::Table;
use sim::exchange::Order as SimOrder;

use super::{Bench, asset, d};

impl Bench {
    /// Nothing is live, and every book agrees with the exchange's own ledger.
    pub(crate) fn is_over(&self) {
        assert_eq!(self.state().live, BTreeMap::new());
        assert!(self.orders().iter().all(|order| order.state.is_over()), "{:?}", self.statuses());
        let (orders, by_hand) = (self.exchange.open_orders(), |order: &SimOrder| order.manual);
        assert!(orders.iter().all(by_hand), "{orders:?}");
        self.books_agree();
    }

    /// Recomputed here, from the exchange's movements and the fills' rows, not with the code under test.
    pub(crate) fn books_agree(&self) {
        assert_eq!(self.exchange.audit(), Ok(()));
        self.every_venue_order_is_one_of_ours_once();
        self.every_trade_is_recorded_once();
        self.account_equals_exchange();
        self.positions_equal_their_fills();
    }

    fn every_venue_order_is_one_of_ours_once(&self) {
        let ours: Vec<String> = self.orders().iter().map(|order| order.terms.order_id.to_string()).collect();
        let at_venue: Vec<String> =
            self.at_venue().into_iter().filter(|order| !order.manual).map(|order| order.client_id).collect();
        for id in &at_venue {
            assert!(ours.contains(id), "{id} is at the venue and not in the tables");
            assert_eq!(at_venue.iter().filter(|one| *one == id).count(), 1, "{id} was sent twice");
        }
    }

    fn every_trade_is_recorded_once(&self) {
        let by_hand: Vec<i64> =
            self.at_venue().iter().filter(|order| order.manual).map(|order| order.id).collect();
        let trades = self.exchange.trades().into_iter();
        let mut theirs: Vec<String> = trades
            .filter(|trade| !by_hand.contains(&trade.order_id))
            .map(|trade| {
                format!("{} {} {}", trade.id, trade.quantity.normalize(), trade.commission.normalize())
            })
            .collect();
        let ours = self.fills().into_iter();
        let mut ours: Vec<String> =
            ours.map(|fill| format!("{} {} {}", fill.trade_id, fill.quantity, fill.fee)).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }

    fn account_equals_exchange(&self) {
        let book = self.account().book;
        for (name, balance) in self.exchange.balances() {
            let sum =
                |part: &BTreeMap<Asset, Amount>| part.get(&asset(&name)).map_or(d("0"), |one| one.value());
            let by_hand: Decimal = self.moved_by_hand(&name);
            let books = sum(&book.opening) + sum(&book.fills) + sum(&book.external) + by_hand;
            assert_eq!(books.normalize(), balance.total().normalize(), "{name}");
        }
    }

    /// What the account's owner traded: reconcile records it, execute does not.
    fn moved_by_hand(&self, name: &str) -> Decimal {
        use sim::exchange::Cause;
        let orders = self.at_venue();
        let trades = self.exchange.trades();
        let of = |id: i64| {
            let order = trades.iter().find(|trade| trade.id == id).map(|trade| trade.order_id);
            orders.iter().any(|one| Some(one.id) == order && one.manual)
        };
        let moved = self.exchange.movements().into_iter().filter(|one| &*one.asset == name);
        moved
            .filter(|one| match one.cause {
                Cause::Fill { trade } | Cause::Fee { trade } => of(trade),
                Cause::Deposit | Cause::Withdrawal => true,
            })
            .map(|one| one.amount)
            .sum()
    }

    fn positions_equal_their_fills(&self) {
        let fills = self.fills();
        let mut realised = d("0");
        for (key, item) in self.tables.store.snapshot() {
            if key.table != Table::Positions {
                continue;
            }
            let position = records::position::decode(&item).unwrap();
            let mut held = d("0");
            for fill in fills.iter().filter(|fill| fill.position_id == position.id) {
                let in_base = if fill.fee_asset == fill.symbol.base { fill.fee.value() } else { d("0") };
                held += match fill.side {
                    Side::Buy => fill.quantity.value(),
                    Side::Sell => -fill.quantity.value(),
                } - in_base;
            }
            assert_eq!(position.quantity.value().normalize(), held.normalize(), "{}", position.id);
            if position.status == PositionStatus::Closed && !position.closed_manually {
                assert_eq!(position.residue.map_or(d("0"), Qty::value).normalize(), held.normalize());
            }
            realised += position.realised().value();
        }
        let (day, all_today) = (self.state().exec_day, fills.iter().map(|fill| fill.at.day()).max());
        if all_today == fills.iter().map(|fill| fill.at.day()).min() && all_today == Some(day.day) {
            assert_eq!(day.realised.value().normalize(), realised.normalize());
        }
    }
}
