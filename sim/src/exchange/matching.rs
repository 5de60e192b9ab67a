//! Resting orders meet the path of each candle that closed.

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::candles::Candle;
use super::config::SymbolStatus;
use super::market::time_of;
use super::num::{ceil_to, floor_to};
use super::orders::{Order, Side};
use super::venue::{Moment, Venue};

/// What happens to an order at a point of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// A limit is reached.
    Reached,
    /// A stop price is touched.
    Touched,
}

/// The next thing on the path: whose, what, and at which price.
#[derive(Debug, Clone, Copy)]
struct Next {
    id: i64,
    event: Event,
    point: Decimal,
}

impl Venue {
    /// Brings the exchange to `now`: every candle that closed meets what rests. Time never goes back.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let current = self.now.minute_number();
        let busy_until = current.min(self.market.last_minute().saturating_add(1));
        while self.settled < busy_until && !self.open.is_empty() {
            self.meet(self.settled);
            self.settled += 1;
        }
        self.settled = self.settled.max(current);
    }

    /// Walks one closed candle's path.
    fn meet(&mut self, minute: i64) {
        let Some(candle) = self.market.candle(minute) else { return };
        let trades = !candle.volume.is_zero() && self.config.status == SymbolStatus::Trading;
        if !trades || !self.open_orders().any(|order| is_met(order, &candle)) {
            return;
        }
        let at = Moment { time: time_of(minute) + Millis(59_999), minute };
        let [open, turn, other, close] = path(&candle);
        self.walk(open, open, at, true);
        for (from, to) in [(open, turn), (turn, other), (other, close)] {
            self.walk(from, to, at, false);
        }
    }

    /// Everything that happens between two points of the path, in the order in which the price gets there.
    fn walk(&mut self, from: Decimal, to: Decimal, at: Moment, opening: bool) {
        let mut price = from;
        while let Some(next) = self.next_event(price, to, at) {
            price = next.point;
            match next.event {
                Event::Reached => self.fill_resting(&next, at, opening),
                Event::Touched => {
                    self.start_working(next.id, at.time);
                    self.work(next.id, self.book_around(price), at);
                }
            }
        }
    }

    /// The nearest event; at one point fills go first, then the better price, then the older order.
    fn next_event(&self, from: Decimal, to: Decimal, at: Moment) -> Option<Next> {
        let found = self.open_orders().filter_map(|order| {
            let (event, point) = self.event_of(order, from, to, at)?;
            let rank = match order.side {
                Side::Buy => -order.price,
                Side::Sell => order.price,
            };
            let key = ((point - from).abs(), event == Event::Touched, rank, order.id);
            Some((key, Next { id: order.id, event, point }))
        });
        found.min_by_key(|(key, _)| *key).map(|(_, next)| next)
    }

    fn event_of(&self, order: &Order, from: Decimal, to: Decimal, at: Moment) -> Option<(Event, Decimal)> {
        if order.working_time.is_none() {
            let falls = order.kind.waits_for_fall(order.side);
            return reach(order.stop_price, falls, from, to).map(|point| (Event::Touched, point));
        }
        let limit = order.limit()?;
        let point = reach(limit, order.side == Side::Buy, from, to)?;
        let room = self.fillable(order.remaining(), at.minute) > Decimal::ZERO;
        room.then_some((Event::Reached, point))
    }

    /// A limit fills at its price; at the open, when that gapped through it while it rested.
    fn fill_resting(&mut self, next: &Next, at: Moment, opening: bool) {
        let Some(order) = self.order(next.id) else { return };
        let rested = order.working_time.is_some_and(|since| since < time_of(at.minute));
        let tick = self.config.filters.price.tick;
        let price = match (opening && rested, order.side) {
            (false, _) => order.price,
            (true, Side::Buy) => ceil_to(next.point, tick).min(order.price),
            (true, Side::Sell) => floor_to(next.point, tick).max(order.price),
        };
        let quantity = self.fillable(order.remaining(), at.minute);
        self.fill(next.id, price, quantity, true, at);
    }
}

/// The price's way through a candle.
fn path(candle: &Candle) -> [Decimal; 4] {
    let rises = candle.close >= candle.open;
    let (turn, other) = if rises { (candle.low, candle.high) } else { (candle.high, candle.low) };
    [candle.open, turn, other, candle.close]
}

/// Where between two points a level is reached from above (`falls`) or below; at once, if it lies behind.
fn reach(level: Decimal, falls: bool, from: Decimal, to: Decimal) -> Option<Decimal> {
    match falls {
        true if level >= from => Some(from),
        true => (level >= to).then_some(level),
        false if level <= from => Some(from),
        false => (level <= to).then_some(level),
    }
}

/// Whether the candle's range concerns the order at all.
fn is_met(order: &Order, candle: &Candle) -> bool {
    let (level, falls) = match order.working_time {
        None => (order.stop_price, order.kind.waits_for_fall(order.side)),
        Some(_) => (order.price, order.side == Side::Buy),
    };
    if falls { level >= candle.low } else { level <= candle.high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{Bench, d, minute};
    use crate::exchange::orders::{NewOrder, OrderKind, OrderStatus, TimeInForce};

    fn stop(kind: OrderKind, side: Side, stop_price: &str, price: &str) -> NewOrder {
        NewOrder { kind, stop_price: d(stop_price), ..NewOrder::limit(side, d("1"), d(price)) }
    }

    fn prices(bench: &Bench) -> Vec<Decimal> {
        bench.exchange.trades().iter().map(|trade| trade.price).collect()
    }

    #[test]
    fn a_resting_limit_fills_at_its_price_when_its_own_candle_reaches_it_and_has_closed() {
        let bench = Bench::new(&[([100, 101, 95, 100], "100"), ([100, 100, 100, 100], "100")]);
        let id = bench.place(NewOrder::limit(Side::Buy, d("1"), d("95"))).unwrap();
        bench.exchange.advance(minute(1) - Millis(1));
        assert_eq!(bench.order(id).status, OrderStatus::New);
        bench.exchange.advance(minute(1));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
        assert_eq!(prices(&bench), [d("95")]);
        let trade = bench.exchange.trades()[0].clone();
        assert_eq!((trade.time, trade.is_maker), (minute(1) - Millis(1), true));
        assert_eq!(bench.balance("USDT").locked, d("0"));
        bench.audit();
    }

    #[test]
    fn a_limit_that_is_not_reached_stays() {
        let bench = Bench::new(&[([100, 101, 95, 100], "100")]);
        let id = bench.place(NewOrder::limit(Side::Buy, d("1"), d("94.99"))).unwrap();
        bench.exchange.advance(minute(5));
        assert_eq!(bench.order(id).status, OrderStatus::New);
    }

    #[test]
    fn an_open_that_gaps_through_a_limit_fills_it_at_the_open() {
        let bench = Bench::new(&[([100, 100, 100, 100], "100"), ([90, 91, 89, 90], "100")]);
        bench.place(NewOrder::limit(Side::Buy, d("1"), d("95"))).unwrap();
        bench.exchange.advance(minute(2));
        assert_eq!(prices(&bench), [d("90")]);
        assert_eq!(bench.balance("USDT").locked, d("0"));
        bench.audit();
    }

    #[test]
    fn the_volume_budget_spreads_a_fill_over_candles() {
        let bench =
            Bench::new(&[([100, 100, 95, 95], "5"), ([95, 95, 95, 95], "4"), ([95, 95, 95, 95], "9")]);
        let id = bench.place(NewOrder::limit(Side::Buy, d("1"), d("95"))).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(
            (bench.order(id).status, bench.order(id).executed),
            (OrderStatus::PartiallyFilled, d("0.5"))
        );
        bench.exchange.advance(minute(2));
        assert_eq!(bench.order(id).executed, d("0.9"));
        bench.exchange.advance(minute(3));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
        bench.audit();
    }

    #[test]
    fn better_prices_then_older_orders_come_first_when_volume_is_short() {
        let bench = Bench::new(&[([100, 100, 100, 100], "100"), ([90, 90, 90, 90], "10")]);
        let low = bench.place(NewOrder::limit(Side::Buy, d("1"), d("94"))).unwrap();
        let high = bench.place(NewOrder::limit(Side::Buy, d("0.6"), d("95"))).unwrap();
        let late = bench.place(NewOrder::limit(Side::Buy, d("1"), d("94"))).unwrap();
        bench.exchange.advance(minute(2));
        let executed = [low, high, late].map(|id| bench.order(id).executed);
        assert_eq!(executed, [d("0.4"), d("0.6"), d("0")]);
    }

    #[test]
    fn a_stop_loss_sells_at_the_spread_below_its_stop_price() {
        let bench = Bench::new(&[([100, 101, 90, 95], "100")]);
        let id = bench.place(stop(OrderKind::StopLoss, Side::Sell, "96", "0")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
        assert_eq!(prices(&bench), [d("95.99")]);
        assert!(!bench.exchange.trades()[0].is_maker);
    }

    #[test]
    fn a_stop_limit_fills_when_the_path_passes_stop_then_limit() {
        let bench = Bench::new(&[([100, 101, 90, 95], "100")]);
        let id = bench.place(stop(OrderKind::StopLossLimit, Side::Sell, "96", "95")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
        assert_eq!(prices(&bench), [d("95.99")]);
        bench.audit();
    }

    #[test]
    fn a_stop_limit_that_was_gapped_through_rests_as_a_limit() {
        let bench = Bench::new(&[
            ([100, 100, 100, 100], "100"),
            ([90, 91, 89, 90], "100"),
            ([90, 95, 90, 95], "100"),
        ]);
        let id = bench.place(stop(OrderKind::StopLossLimit, Side::Sell, "96", "95")).unwrap();
        bench.exchange.advance(minute(2));
        let order = bench.order(id);
        assert_eq!((order.status, order.working_time), (OrderStatus::New, Some(minute(2) - Millis(1))));
        bench.exchange.advance(minute(3));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
        assert_eq!(prices(&bench), [d("95")]);
    }

    #[test]
    fn the_path_decides_whether_the_rest_of_the_candle_still_fills() {
        // Falling: 100, 104, 90, 92. The buy stop at 103 triggers first, its limit at 99 is met on the way down.
        let bench = Bench::new(&[([100, 104, 90, 92], "100")]);
        bench.place(stop(OrderKind::StopLossLimit, Side::Buy, "103", "99")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(prices(&bench), [d("99")]);
        // Rising: 100, 90, 104, 103. By the time of the trigger the low is past.
        let bench = Bench::new(&[([100, 104, 90, 103], "100")]);
        bench.place(stop(OrderKind::StopLossLimit, Side::Buy, "103", "99")).unwrap();
        bench.exchange.advance(minute(1));
        assert!(prices(&bench).is_empty());
    }

    #[test]
    fn take_profits_trigger_on_the_other_side() {
        let bench = Bench::new(&[([100, 110, 90, 100], "100")]);
        bench.place(stop(OrderKind::TakeProfit, Side::Sell, "108", "0")).unwrap();
        bench.place(stop(OrderKind::TakeProfitLimit, Side::Buy, "92", "93")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(prices(&bench), [d("92.01"), d("107.99")]);
        bench.audit();
    }

    #[test]
    fn what_a_triggered_stop_loss_cannot_sell_expires() {
        let bench = Bench::new(&[([100, 101, 90, 95], "4")]);
        let id = bench.place(stop(OrderKind::StopLoss, Side::Sell, "96", "0")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!((bench.order(id).status, bench.order(id).executed), (OrderStatus::Expired, d("0.4")));
        assert_eq!(bench.balance("BTC").locked, d("0"));
        bench.audit();
    }

    #[test]
    fn a_triggered_buy_stop_pays_no_more_than_there_is() {
        let bench = Bench::new(&[([100, 100, 100, 100], "1000"), ([120, 121, 119, 120], "1000")]);
        let wish = NewOrder {
            size: super::super::orders::Size::Base(d("99")),
            ..stop(OrderKind::StopLoss, Side::Buy, "101", "0")
        };
        let id = bench.place(wish).unwrap();
        bench.exchange.advance(minute(2));
        let order = bench.order(id);
        assert_eq!(order.status, OrderStatus::Expired);
        assert!(order.executed > d("83") && order.executed < d("84"), "{}", order.executed);
        bench.audit();
    }

    #[test]
    fn a_minute_without_volume_fills_and_triggers_nothing() {
        let bench = Bench::new(&[([100, 101, 90, 95], "0"), ([95, 95, 95, 95], "100")]);
        let market = bench.place(NewOrder::market(Side::Buy, d("1"))).unwrap();
        let taker = bench.place(NewOrder::limit(Side::Buy, d("1"), d("101"))).unwrap();
        let limit = bench.place(NewOrder::limit(Side::Buy, d("1"), d("91"))).unwrap();
        let stop = bench.place(stop(OrderKind::StopLoss, Side::Sell, "92", "0")).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!(
            (bench.order(market).status, bench.order(market).executed),
            (OrderStatus::Expired, d("0"))
        );
        for id in [taker, limit, stop] {
            assert_eq!(bench.order(id).status, OrderStatus::New);
        }
        assert_eq!(bench.order(stop).working_time, None);
    }

    #[test]
    fn a_fill_or_kill_stop_limit_expires_when_its_moment_is_too_thin() {
        let bench = Bench::new(&[([100, 101, 90, 95], "4")]);
        let wish = stop(OrderKind::StopLossLimit, Side::Sell, "96", "95");
        let id = bench.place(NewOrder { time_in_force: TimeInForce::Fok, ..wish }).unwrap();
        bench.exchange.advance(minute(1));
        assert_eq!((bench.order(id).status, bench.order(id).executed), (OrderStatus::Expired, d("0")));
    }

    #[test]
    fn nothing_matches_while_the_symbol_is_halted() {
        let bench = Bench::new(&[([100, 101, 90, 95], "100"), ([95, 96, 90, 95], "100")]);
        let id = bench.place(NewOrder::limit(Side::Buy, d("1"), d("91"))).unwrap();
        bench.exchange.set_status(bench.now(), SymbolStatus::Halt);
        bench.exchange.advance(minute(1));
        assert_eq!(bench.order(id).status, OrderStatus::New);
        bench.exchange.set_status(minute(1), SymbolStatus::Trading);
        bench.exchange.advance(minute(2));
        assert_eq!(bench.order(id).status, OrderStatus::Filled);
    }

    #[test]
    fn time_never_goes_back() {
        let bench = Bench::new(&[([100, 101, 90, 95], "100"), ([200, 200, 200, 200], "100")]);
        bench.exchange.advance(minute(1));
        bench.exchange.manual_order(minute(0), &NewOrder::market(Side::Buy, d("1"))).unwrap();
        assert_eq!(prices(&bench), [d("200.01")]);
        assert_eq!(bench.exchange.trades()[0].time, minute(1));
    }
}
