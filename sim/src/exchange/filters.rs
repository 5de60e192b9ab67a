//! The symbol's filters, checked exactly as Binance documents them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::num::{Num, on_step};
use super::orders::{NewOrder, Side, Size};
use super::refusal::Refusal;

/// `PRICE_FILTER`; zero disables a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceFilter {
    /// The least price.
    pub min: Decimal,
    /// The greatest price.
    pub max: Decimal,
    /// Prices are multiples of this.
    pub tick: Decimal,
}

/// `LOT_SIZE` and `MARKET_LOT_SIZE`; zero disables a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotFilter {
    /// The least quantity.
    pub min: Decimal,
    /// The greatest quantity.
    pub max: Decimal,
    /// Quantities are multiples of this.
    pub step: Decimal,
}

/// `NOTIONAL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotionalFilter {
    /// The least price times quantity.
    pub min: Decimal,
    /// The greatest price times quantity; zero disables it.
    pub max: Decimal,
    /// Whether the least binds market orders.
    pub apply_min_to_market: bool,
    /// Whether the greatest binds market orders.
    pub apply_max_to_market: bool,
    /// Minutes that a market order's price is averaged over; zero means the last price.
    pub avg_price_mins: u32,
}

/// `PERCENT_PRICE_BY_SIDE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PercentPriceFilter {
    /// A buy's greatest multiple of the average price.
    pub bid_up: Decimal,
    /// A buy's least multiple.
    pub bid_down: Decimal,
    /// A sell's greatest multiple.
    pub ask_up: Decimal,
    /// A sell's least multiple.
    pub ask_down: Decimal,
    /// Minutes that the price is averaged over; zero means the last price.
    pub avg_price_mins: u32,
}

/// A symbol's filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// `PRICE_FILTER`.
    pub price: PriceFilter,
    /// `LOT_SIZE`.
    pub lot: LotFilter,
    /// `MARKET_LOT_SIZE`.
    pub market_lot: LotFilter,
    /// `NOTIONAL`.
    pub notional: NotionalFilter,
    /// `PERCENT_PRICE_BY_SIDE`.
    pub percent_price: PercentPriceFilter,
    /// `MAX_NUM_ORDERS`.
    pub max_num_orders: usize,
    /// `MAX_NUM_ALGO_ORDERS`.
    pub max_num_algo_orders: usize,
    /// `MAX_POSITION`, where there is one.
    pub max_position: Option<Decimal>,
}

/// What a check needs to know of the market and the account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// The average price of NOTIONAL.
    pub(super) notional_price: Decimal,
    /// The average price of PERCENT_PRICE_BY_SIDE.
    pub(super) percent_price: Decimal,
    /// Open orders.
    pub(super) open: usize,
    /// Open orders that wait for a stop price.
    pub(super) open_stops: usize,
    /// Base held, free and locked, and what open buys would add.
    pub(super) position: Decimal,
}

impl Filters {
    /// What Binance has for BTCUSDT; the band of percent as recorded on 2026-09-25.
    pub fn btcusdt() -> Filters {
        Filters {
            price: PriceFilter {
                min: Decimal::new(1, 2),
                max: Decimal::from(1_000_000),
                tick: Decimal::new(1, 2),
            },
            lot: LotFilter { min: Decimal::new(1, 5), max: Decimal::from(9_000), step: Decimal::new(1, 5) },
            market_lot: LotFilter { min: Decimal::ZERO, max: Decimal::from(100), step: Decimal::ZERO },
            notional: NotionalFilter {
                min: Decimal::from(5),
                max: Decimal::from(9_000_000),
                apply_min_to_market: true,
                apply_max_to_market: false,
                avg_price_mins: 5,
            },
            percent_price: PercentPriceFilter {
                bid_up: Decimal::new(12, 1),
                bid_down: Decimal::new(5, 1),
                ask_up: Decimal::from(2),
                ask_down: Decimal::new(8, 1),
                avg_price_mins: 5,
            },
            max_num_orders: 200,
            max_num_algo_orders: 5,
            max_position: None,
        }
    }

    /// Refuses an order that breaks a filter, naming the first one.
    pub(super) fn check(&self, order: &NewOrder, around: &Surroundings) -> Result<(), Refusal> {
        let verdicts = [
            ("PRICE_FILTER", self.price_passes(order)),
            ("PERCENT_PRICE_BY_SIDE", self.percent_passes(order, around.percent_price)),
            ("LOT_SIZE", self.lot_passes(order)),
            ("MARKET_LOT_SIZE", self.market_lot_passes(order)),
            ("NOTIONAL", self.notional_passes(order, around.notional_price)),
            ("MAX_POSITION", self.position_passes(order, around)),
            ("MAX_NUM_ORDERS", order.named_price().is_none() || around.open < self.max_num_orders),
            ("MAX_NUM_ALGO_ORDERS", !order.kind.is_stop() || around.open_stops < self.max_num_algo_orders),
        ];
        match verdicts.into_iter().find(|(_, passes)| !passes) {
            Some((name, _)) => Err(Refusal::filter(name)),
            None => Ok(()),
        }
    }

    fn price_passes(&self, order: &NewOrder) -> bool {
        let passes =
            |price: Decimal| within(price, self.price.min, self.price.max) && on_step(price, self.price.tick);
        (!order.kind.is_limit() || passes(order.price)) && (!order.kind.is_stop() || passes(order.stop_price))
    }

    fn percent_passes(&self, order: &NewOrder, average: Decimal) -> bool {
        let (up, down) = match order.side {
            Side::Buy => (self.percent_price.bid_up, self.percent_price.bid_down),
            Side::Sell => (self.percent_price.ask_up, self.percent_price.ask_down),
        };
        let passes = |price: Decimal| price <= average * up && price >= average * down;
        !order.kind.is_limit() || passes(order.price)
    }

    fn lot_passes(&self, order: &NewOrder) -> bool {
        match order.size {
            Size::Base(quantity) => self.lot.passes(quantity),
            // Binance: a market order by quote quantity never breaks LOT_SIZE; it is rounded instead.
            Size::Quote(_) => true,
        }
    }

    fn market_lot_passes(&self, order: &NewOrder) -> bool {
        match order.size {
            Size::Base(quantity) => order.kind.is_limit() || self.market_lot.passes(quantity),
            Size::Quote(_) => true,
        }
    }

    fn notional_passes(&self, order: &NewOrder, average: Decimal) -> bool {
        let notional = match order.size {
            Size::Base(quantity) => order.named_price().unwrap_or(average) * quantity,
            Size::Quote(quote) => quote,
        };
        let market = order.named_price().is_none();
        let filter = &self.notional;
        let low = notional < filter.min && (!market || filter.apply_min_to_market);
        let high =
            filter.max > Decimal::ZERO && notional > filter.max && (!market || filter.apply_max_to_market);
        !low && !high
    }

    fn position_passes(&self, order: &NewOrder, around: &Surroundings) -> bool {
        let Some(max) = self.max_position else { return true };
        let adds = match (order.side, order.size) {
            (Side::Buy, Size::Base(quantity)) => quantity,
            (Side::Buy, Size::Quote(quote)) => quote.checked_div(around.notional_price).unwrap_or_default(),
            (Side::Sell, Size::Base(_) | Size::Quote(_)) => return true,
        };
        around.position + adds <= max
    }

    /// The filters as `exchangeInfo` lists them.
    pub(super) fn to_json(&self) -> Value {
        let mut list = vec![
            json!({"filterType": "PRICE_FILTER", "minPrice": Num(self.price.min), "maxPrice": Num(self.price.max),
                "tickSize": Num(self.price.tick)}),
            self.lot.to_json("LOT_SIZE"),
            json!({"filterType": "ICEBERG_PARTS", "limit": 100}),
            self.market_lot.to_json("MARKET_LOT_SIZE"),
            json!({"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000}),
            self.percent_json(),
            self.notional_json(),
            json!({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_num_orders}),
            json!({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": self.max_num_algo_orders}),
        ];
        if let Some(max) = self.max_position {
            list.push(json!({"filterType": "MAX_POSITION", "maxPosition": Num(max)}));
        }
        Value::Array(list)
    }

    fn percent_json(&self) -> Value {
        let filter = &self.percent_price;
        // Multipliers have no fixed number of decimals.
        let text = |value: Decimal| value.normalize().to_string();
        json!({"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": text(filter.bid_up),
            "bidMultiplierDown": text(filter.bid_down), "askMultiplierUp": text(filter.ask_up),
            "askMultiplierDown": text(filter.ask_down), "avgPriceMins": filter.avg_price_mins})
    }

    fn notional_json(&self) -> Value {
        let filter = &self.notional;
        json!({"filterType": "NOTIONAL", "minNotional": Num(filter.min),
            "applyMinToMarket": filter.apply_min_to_market, "maxNotional": Num(filter.max),
            "applyMaxToMarket": filter.apply_max_to_market, "avgPriceMins": filter.avg_price_mins})
    }
}

impl LotFilter {
    fn passes(&self, quantity: Decimal) -> bool {
        within(quantity, self.min, self.max) && on_step(quantity, self.step)
    }

    fn to_json(&self, name: &str) -> Value {
        json!({"filterType": name, "minQty": Num(self.min), "maxQty": Num(self.max), "stepSize": Num(self.step)})
    }
}

/// Within bounds of which zero disables either.
fn within(value: Decimal, min: Decimal, max: Decimal) -> bool {
    (min.is_zero() || value >= min) && (max.is_zero() || value <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::orders::OrderKind;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn around() -> Surroundings {
        Surroundings {
            notional_price: d("100"),
            percent_price: d("100"),
            open: 0,
            open_stops: 0,
            position: Decimal::ZERO,
        }
    }

    fn verdict(filters: &Filters, order: &NewOrder, around: &Surroundings) -> Option<String> {
        filters.check(order, around).err().map(|refusal| {
            assert_eq!((refusal.code, refusal.status), (-1013, 400));
            refusal.msg.trim_start_matches("Filter failure: ").to_owned()
        })
    }

    fn limit(quantity: &str, price: &str) -> NewOrder {
        NewOrder::limit(Side::Buy, d(quantity), d(price))
    }

    fn failure(order: &NewOrder) -> Option<String> {
        verdict(&Filters::btcusdt(), order, &around())
    }

    #[test]
    fn an_order_on_tick_step_and_notional_passes() {
        assert_eq!(failure(&limit("0.05", "100")), None);
    }

    #[test]
    fn prices_keep_to_tick_and_bounds_also_for_the_stop_price() {
        assert_eq!(failure(&limit("1", "100.001")).as_deref(), Some("PRICE_FILTER"));
        assert_eq!(failure(&limit("1", "1000000.01")).as_deref(), Some("PRICE_FILTER"));
        let stop = NewOrder { kind: OrderKind::StopLossLimit, stop_price: d("99.999"), ..limit("1", "100") };
        assert_eq!(failure(&stop).as_deref(), Some("PRICE_FILTER"));
    }

    #[test]
    fn a_zero_disables_its_part_of_the_price_filter() {
        let mut filters = Filters::btcusdt();
        filters.price.tick = Decimal::ZERO;
        assert_eq!(verdict(&filters, &limit("1", "100.001"), &around()), None);
    }

    #[test]
    fn quantities_keep_to_step_and_bounds() {
        for bad in ["0.000001", "9000.00001", "1.000001"] {
            assert_eq!(failure(&limit(bad, "100")).as_deref(), Some("LOT_SIZE"), "{bad}");
        }
    }

    #[test]
    fn market_orders_meet_both_lot_filters_unless_sized_by_quote() {
        let order = NewOrder::market(Side::Buy, d("101"));
        assert_eq!(failure(&order).as_deref(), Some("MARKET_LOT_SIZE"));
        assert_eq!(failure(&NewOrder { size: Size::Quote(d("1000000.123")), ..order }), None);
    }

    #[test]
    fn notional_binds_limits_by_price_and_markets_by_average_where_it_applies() {
        assert_eq!(failure(&limit("0.04999", "100")).as_deref(), Some("NOTIONAL"));
        let market = NewOrder::market(Side::Sell, d("0.04999"));
        assert_eq!(failure(&market).as_deref(), Some("NOTIONAL"));
        let mut filters = Filters::btcusdt();
        filters.notional.apply_min_to_market = false;
        assert_eq!(verdict(&filters, &market, &around()), None);
        assert_eq!(
            failure(&NewOrder { size: Size::Quote(d("4.99")), ..market }).as_deref(),
            Some("NOTIONAL")
        );
    }

    #[test]
    fn limits_far_from_the_average_break_percent_price_of_their_side() {
        assert_eq!(failure(&limit("1", "49.99")).as_deref(), Some("PERCENT_PRICE_BY_SIDE"));
        assert_eq!(failure(&limit("1", "120.01")).as_deref(), Some("PERCENT_PRICE_BY_SIDE"));
        let mut filters = Filters::btcusdt();
        filters.percent_price.ask_up = d("1.1");
        let sell = NewOrder::limit(Side::Sell, d("1"), d("111"));
        assert_eq!(verdict(&filters, &sell, &around()).as_deref(), Some("PERCENT_PRICE_BY_SIDE"));
        assert_eq!(verdict(&filters, &limit("1", "111"), &around()), None);
    }

    #[test]
    fn counts_of_open_orders_bind_what_can_rest() {
        let full = Surroundings { open: 200, open_stops: 5, ..around() };
        let filters = Filters::btcusdt();
        assert_eq!(verdict(&filters, &limit("1", "100"), &full).as_deref(), Some("MAX_NUM_ORDERS"));
        assert_eq!(verdict(&filters, &NewOrder::market(Side::Buy, d("1")), &full), None);
        let stop = NewOrder { kind: OrderKind::StopLossLimit, stop_price: d("101"), ..limit("1", "100") };
        let stops = Surroundings { open: 5, ..full };
        assert_eq!(verdict(&filters, &stop, &stops).as_deref(), Some("MAX_NUM_ALGO_ORDERS"));
        assert_eq!(verdict(&filters, &limit("1", "100"), &stops), None);
    }

    #[test]
    fn a_greatest_position_binds_buys_alone() {
        let filters = Filters { max_position: Some(d("2")), ..Filters::btcusdt() };
        let held = Surroundings { position: d("1.5"), ..around() };
        assert_eq!(verdict(&filters, &limit("0.6", "100"), &held).as_deref(), Some("MAX_POSITION"));
        assert_eq!(verdict(&filters, &limit("0.5", "100"), &held), None);
        assert_eq!(verdict(&filters, &NewOrder::limit(Side::Sell, d("1"), d("100")), &held), None);
    }
}
