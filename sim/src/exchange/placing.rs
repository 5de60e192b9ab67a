//! From a wish to an order: what is refused, what executes at once, what rests, and cancelling it again.

use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::config::{Repeats, SymbolStatus};
use super::filters::Surroundings;
use super::market::Book;
use super::num::floor_to;
use super::orders::{NewOrder, Order, OrderKind, OrderStatus, Side, Size, TimeInForce};
use super::refusal::Refusal;
use super::venue::{Moment, Venue};

impl Venue {
    /// Status and filters: what is checked before the engine sees the order.
    pub(super) fn check_order(&self, wish: &NewOrder) -> Result<Book, Refusal> {
        if self.config.status != SymbolStatus::Trading {
            return Err(Refusal::closed());
        }
        if !self.config.order_types.contains(&wish.kind) {
            return Err(Refusal::unsupported(wish.kind.words()));
        }
        let book = self.book().ok_or_else(Refusal::closed)?;
        self.config.filters.check(wish, &self.surroundings(book))?;
        Ok(book)
    }

    fn surroundings(&self, book: Book) -> Surroundings {
        let minute = self.now.minute_number();
        let filters = &self.config.filters;
        let average = |mins| self.market.average(minute, mins).unwrap_or(book.ask);
        let notional_price = average(filters.notional.avg_price_mins);
        let same_window = filters.percent_price.avg_price_mins == filters.notional.avg_price_mins;
        let waits = |order: &&Order| order.working_time.is_none();
        let buys = self.open_orders().filter(|order| order.side == Side::Buy).map(Order::remaining);
        Surroundings {
            notional_price,
            percent_price: if same_window {
                notional_price
            } else {
                average(filters.percent_price.avg_price_mins)
            },
            open: self.open.len(),
            open_stops: self.open_orders().filter(waits).count(),
            position: self.ledger.balance(&self.base).total() + buys.sum::<Decimal>(),
        }
    }

    /// Places an order: refused, or accepted and executed as far as it goes now.
    pub(super) fn place(&mut self, wish: &NewOrder, manual: bool) -> Result<i64, Refusal> {
        if let Some(known) = self.known(wish) {
            return Ok(known);
        }
        let book = self.check_order(wish)?;
        self.check_engine(wish, book)?;
        let order = self.draft(wish, book, manual);
        let waits = order.working_time.is_none();
        let id = self.enter(order).ok_or_else(Refusal::insufficient)?;
        self.limits.count_order();
        if !waits {
            self.work(id, book, self.moment());
        }
        Ok(id)
    }

    /// The order that a repeated client id is answered with, where the exchange does so.
    fn known(&self, wish: &NewOrder) -> Option<i64> {
        let used = wish.client_id.as_deref().and_then(|id| self.order_by_client(id))?;
        (self.config.repeats == Repeats::Answered).then_some(used.id)
    }

    /// What the engine itself refuses: a client id in use, a stop or maker order on the wrong side.
    fn check_engine(&self, wish: &NewOrder, book: Book) -> Result<(), Refusal> {
        let used = wish.client_id.as_deref().and_then(|id| self.order_by_client(id));
        let is_refused = |order: &Order| match self.config.repeats {
            Repeats::RefusedWhileOpen => order.status.is_open(),
            Repeats::RefusedForEver => true,
            Repeats::Accepted | Repeats::Answered => false,
        };
        if used.is_some_and(is_refused) {
            return Err(Refusal::bad(-2010, "Duplicate order sent."));
        }
        if wish.kind.is_stop() && self.would_trigger(wish) {
            return Err(Refusal::bad(-2010, "Order would trigger immediately."));
        }
        if wish.kind == OrderKind::LimitMaker && wish.side.accepts(wish.price, book.taker(wish.side)) {
            return Err(Refusal::bad(-2010, "Order would immediately match and take."));
        }
        Ok(())
    }

    fn would_trigger(&self, wish: &NewOrder) -> bool {
        let Some(last) = self.last_price() else { return true };
        match wish.kind.waits_for_fall(wish.side) {
            true => last <= wish.stop_price,
            false => last >= wish.stop_price,
        }
    }

    fn draft(&self, wish: &NewOrder, book: Book, manual: bool) -> Order {
        let price = book.taker(wish.side);
        let (quantity, quote_quantity) = match wish.size {
            Size::Base(quantity) => (quantity, Decimal::ZERO),
            Size::Quote(quote) => {
                let quantity = quote.checked_div(price).unwrap_or_default();
                (floor_to(quantity, self.config.filters.lot.step), quote)
            }
        };
        Order {
            id: 0,
            client_id: wish.client_id.clone().unwrap_or_else(|| self.generated_id(manual)),
            side: wish.side,
            kind: wish.kind,
            time_in_force: wish.time_in_force,
            price: wish.price,
            stop_price: wish.stop_price,
            quantity,
            quote_quantity,
            executed: Decimal::ZERO,
            quote_executed: Decimal::ZERO,
            status: OrderStatus::New,
            time: self.now,
            update_time: self.now,
            working_time: (!wish.kind.is_stop()).then_some(self.now),
            manual,
            locked: Decimal::ZERO,
            lock_price: wish.named_price().unwrap_or(price),
            trades: Vec::new(),
        }
    }

    /// An id for an order or cancel that came without one.
    pub(super) fn generated_id(&self, manual: bool) -> String {
        let prefix = if manual { "web" } else { "sim" };
        format!("{prefix}_{:020}", self.orders.len().saturating_add(1))
    }

    /// Takes what the book gives a working order now; then it rests, or what is left of it expires.
    pub(super) fn work(&mut self, id: i64, book: Book, at: Moment) {
        let Some(order) = self.order(id) else { return };
        let (side, time_in_force, limit) = (order.side, order.time_in_force, order.limit());
        let (price, wanted) = (book.taker(side), order.remaining());
        let marketable = limit.is_none_or(|limit| side.accepts(limit, price));
        let quantity = match marketable {
            true => self.fillable(wanted.min(self.affordable(order, price)), at.minute),
            false => Decimal::ZERO,
        };
        let whole = quantity == wanted;
        let refuses_part = limit.is_some() && time_in_force == TimeInForce::Fok && !whole;
        if quantity > Decimal::ZERO && !refuses_part {
            self.fill(id, price, quantity, false, at);
        }
        let rests = limit.is_some() && time_in_force == TimeInForce::Gtc;
        if !rests && self.open.contains(&id) {
            self.end(id, OrderStatus::Expired, at.time);
        }
    }

    /// Cancels an open order for its owner.
    pub(super) fn cancel(&mut self, id: i64, time: Timestamp) -> Result<(), Refusal> {
        if !self.open.contains(&id) {
            return Err(Refusal::unknown_order());
        }
        if !self.config.status.allows_cancel() {
            return Err(Refusal::bad(-2011, "Market is closed."));
        }
        self.end(id, OrderStatus::Canceled, time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{Bench, d};

    /// Opens at 100 with room for 10 (volume 100, a tenth of it): bid 99.99, ask 100.01.
    fn bench() -> Bench {
        Bench::new(&[([100, 110, 90, 105], "100"), ([105, 106, 104, 105], "100")])
    }

    fn status(bench: &Bench, id: i64) -> (OrderStatus, Decimal) {
        let order = bench.order(id);
        (order.status, order.executed)
    }

    #[test]
    fn a_market_order_executes_at_once_at_the_far_side_of_the_open() {
        let bench = bench();
        let buy = bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        let sell = bench.place(NewOrder::market(Side::Sell, d("1"))).unwrap();
        assert_eq!(status(&bench, buy), (OrderStatus::Filled, d("1")));
        let prices: Vec<Decimal> = bench.exchange.trades().iter().map(|trade| trade.price).collect();
        assert_eq!(prices, [d("100.01"), d("99.99")]);
        assert_eq!(bench.order(sell).quote_executed, d("99.99"));
    }

    #[test]
    fn what_a_market_order_cannot_get_from_the_candle_expires() {
        let bench = bench();
        let first = bench.place(NewOrder::market(Side::Buy, d("7"))).unwrap();
        let second = bench.place(NewOrder::market(Side::Sell, d("7"))).unwrap();
        let third = bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        assert_eq!(status(&bench, first), (OrderStatus::Filled, d("7")));
        assert_eq!(status(&bench, second), (OrderStatus::Expired, d("3")));
        assert_eq!(status(&bench, third), (OrderStatus::Expired, d("0")));
        bench.audit();
    }

    #[test]
    fn a_market_order_by_quote_is_rounded_to_the_step() {
        let bench = bench();
        let wish = NewOrder { size: Size::Quote(d("50")), ..NewOrder::market(Side::Buy, d("0")) };
        let id = bench.place(wish).unwrap();
        assert_eq!(bench.order(id).executed, d("0.49995"));
        assert_eq!(bench.order(id).quote_quantity, d("50"));
    }

    #[test]
    fn ioc_takes_what_it_can_and_expires_and_fok_takes_all_or_nothing() {
        let bench = bench();
        let ioc =
            NewOrder { time_in_force: TimeInForce::Ioc, ..NewOrder::limit(Side::Buy, d("12"), d("101")) };
        let fok = NewOrder { time_in_force: TimeInForce::Fok, ..ioc.clone() };
        let fok = bench.place(fok).unwrap();
        assert_eq!(status(&bench, fok), (OrderStatus::Expired, d("0")));
        let ioc = bench.place(ioc).unwrap();
        assert_eq!(status(&bench, ioc), (OrderStatus::Expired, d("10")));
        bench.audit();
    }

    #[test]
    fn the_rest_of_a_marketable_limit_rests_and_locks_its_funds() {
        let bench = bench();
        let id = bench.place(NewOrder::limit(Side::Buy, d("12"), d("101"))).unwrap();
        assert_eq!(status(&bench, id), (OrderStatus::PartiallyFilled, d("10")));
        assert_eq!(bench.balance("USDT").locked, d("202"));
        bench.audit();
    }

    #[test]
    fn an_order_beyond_the_balance_is_refused_and_changes_nothing() {
        let bench = bench();
        let before = bench.exchange.balances();
        for wish in [NewOrder::limit(Side::Sell, d("101"), d("120")), NewOrder::market(Side::Buy, d("100"))] {
            assert_eq!(bench.place(wish).unwrap_err(), Refusal::insufficient());
        }
        assert_eq!(bench.exchange.balances(), before);
        assert!(bench.exchange.orders().is_empty());
    }

    #[test]
    fn a_client_id_is_unique_among_open_orders_only() {
        let bench = bench();
        let wish =
            NewOrder { client_id: Some("a".to_owned()), ..NewOrder::limit(Side::Buy, d("1"), d("50")) };
        let first = bench.place(wish.clone()).unwrap();
        let refusal = bench.place(wish.clone()).unwrap_err();
        assert_eq!((refusal.code, refusal.msg.as_ref()), (-2010, "Duplicate order sent."));
        bench.exchange.manual_cancel(bench.now(), first).unwrap();
        let second = bench.place(wish).unwrap();
        assert_ne!(first, second);
        assert_eq!(bench.exchange.orders().len(), 2);
    }

    #[test]
    fn a_filled_order_leaves_its_client_id_free_for_a_second_order() {
        let bench = bench();
        let wish = NewOrder { client_id: Some("a".to_owned()), ..NewOrder::market(Side::Buy, d("1")) };
        assert_ne!(bench.place(wish.clone()).unwrap(), bench.place(wish).unwrap());
    }

    #[test]
    fn a_maker_order_that_would_take_is_refused() {
        let bench = bench();
        let maker =
            |price| NewOrder { kind: OrderKind::LimitMaker, ..NewOrder::limit(Side::Buy, d("1"), price) };
        let refusal = bench.place(maker(d("100.01"))).unwrap_err();
        assert_eq!(refusal.msg, "Order would immediately match and take.");
        assert!(bench.place(maker(d("100"))).is_ok());
    }

    #[test]
    fn a_stop_on_the_wrong_side_of_the_price_is_refused() {
        let bench = bench();
        let stop = |kind, side, stop_price| NewOrder { kind, stop_price, ..NewOrder::market(side, d("1")) };
        let wrong = [
            stop(OrderKind::StopLoss, Side::Sell, d("100")),
            stop(OrderKind::StopLoss, Side::Buy, d("100")),
            stop(OrderKind::TakeProfit, Side::Sell, d("99")),
            stop(OrderKind::TakeProfit, Side::Buy, d("101")),
        ];
        for wish in wrong {
            assert_eq!(bench.place(wish).unwrap_err().msg, "Order would trigger immediately.");
        }
        let right = [
            stop(OrderKind::StopLoss, Side::Sell, d("99")),
            stop(OrderKind::StopLoss, Side::Buy, d("101")),
            stop(OrderKind::TakeProfit, Side::Sell, d("101")),
            stop(OrderKind::TakeProfit, Side::Buy, d("99")),
        ];
        for wish in right {
            assert!(bench.place(wish).is_ok());
        }
    }

    #[test]
    fn a_symbol_that_does_not_trade_takes_no_order_and_cancels_by_its_status() {
        let bench = bench();
        let id = bench.place(NewOrder::limit(Side::Buy, d("1"), d("95"))).unwrap();
        for status in [SymbolStatus::Halt, SymbolStatus::CancelOnly, SymbolStatus::Break] {
            bench.exchange.set_status(bench.now(), status);
            assert_eq!(bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap_err(), Refusal::closed());
        }
        assert_eq!(bench.exchange.manual_cancel(bench.now(), id).unwrap_err().code, -2011);
        bench.exchange.set_status(bench.now(), SymbolStatus::CancelOnly);
        assert_eq!(bench.exchange.manual_cancel(bench.now(), id), Ok(()));
    }

    #[test]
    fn fees_come_from_the_third_asset_while_it_lasts_then_from_what_is_received() {
        let bench = bench();
        bench.exchange.deposit(bench.now(), "BNB", d("0.0003")).unwrap();
        bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        bench.place(NewOrder::market(Side::Sell, d("1"))).unwrap();
        let trades = bench.exchange.trades();
        let fees: Vec<_> = trades.iter().map(|trade| (&*trade.commission_asset, trade.commission)).collect();
        // 100.01 x 0.001 x 0.75 / 300 in BNB; a thousandth of 1 BTC; a thousandth of 99.99 USDT.
        assert_eq!(fees, [("BNB", d("0.00025003")), ("BTC", d("0.001")), ("USDT", d("0.09999"))]);
        bench.audit();
    }

    #[test]
    fn fees_are_rounded_half_up() {
        let bench = bench();
        bench.place(NewOrder::market(Side::Sell, d("0.05001"))).unwrap();
        bench.exchange.deposit(bench.now(), "BNB", d("1")).unwrap();
        bench.place(NewOrder::market(Side::Buy, d("0.05001"))).unwrap();
        let fees: Vec<Decimal> = bench.exchange.trades().iter().map(|trade| trade.commission).collect();
        // 5.0004999 x 0.001 = 0.0050004999; 5.0015001 x 0.001 x 0.75 / 300 = 0.00001250375...
        assert_eq!(fees, [d("0.00500050"), d("0.0000125")]);
        bench.audit();
    }
}
