//! Random orders against a venue's filters: what a reference written from the filters' description accepts is
//! sent, and nothing that is sent meets a filter error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests fail as tests do"
)]

use std::rc::Rc;
use std::sync::Arc;

use execute::risk::{Basis, Exposure, review};
use execute::send::sent_kind;
use rust_decimal::Decimal;
use serde_json::Value;
use shared::ids::{AccountId, Leg, OrderId, PositionId, StrategyId, Symbol};
use shared::market::{Instrument, Quote, Side, Wish, fresh};
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::order::{Kind, Order, Origin, State, Terms, TimeInForce};
use shared::ports::{MarketData, OrderRequest, SendError, TradeOrders};
use shared::secret::Secret;
use shared::settings::Limits;
use shared::testkit::at_once;
use shared::time::{Millis, Timestamp};
use shared::transport::Transport;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::link::{Link, Share};
use sim::clock::SimClock;
use sim::exchange::{ApiKey as SimKey, Exchange, ExchangeConfig, Filters, read_candles};
use sim::in_process::InProcess;

/// How many orders are tried.
const ORDERS: u32 = 10_000;
/// Orders of one market before the next.
const A_ROUND: u32 = 50;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
    fn number(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below(u64::try_from(most - least).unwrap())).unwrap()
    }
}

/// One order, before anybody has looked at it.
#[derive(Debug, Clone, Copy)]
struct Random {
    side: Side,
    kind: Kind,
    quantity: Qty,
}

impl Random {
    /// Sizes over six orders of magnitude, prices from a tenth to ten times the market; most on the grid.
    fn roll(dice: &mut Dice, mark: Decimal) -> Random {
        let side = dice.one(&Side::ALL);
        let scale = dice.one(&[d("0.00001"), d("0.0001"), d("0.001"), d("0.01"), d("0.1"), d("1")]);
        let off = |dice: &mut Dice, by: &str| if dice.below(20) == 0 { d(by) } else { Decimal::ZERO };
        let quantity = scale * Decimal::from(dice.number(1, 100)) + off(dice, "0.000001");
        let share = Decimal::new(dice.one(&[10, 30, 90, 95, 98, 99, 100, 101, 102, 105, 110, 400, 900]), 2);
        let exact = (mark * share).round_dp(2) + off(dice, "0.001");
        let price = Price::new(exact.max(d("0.01"))).unwrap();
        let time_in_force = dice.one(&TimeInForce::ALL);
        let stop = Price::new((exact * d("1.01")).round_dp(2).max(d("0.02"))).unwrap();
        let kind = match (side, dice.below(3)) {
            (_, 0) => Kind::Market,
            (Side::Sell, 1) => Kind::StopLimit { stop, limit: price },
            _ => Kind::Limit { price, time_in_force },
        };
        Random { side, kind, quantity: Qty::new(quantity).unwrap() }
    }
}

/// The filters as they are described, over what `exchangeInfo` and `avgPrice` say.
struct Reference<'a> {
    filters: &'a [Value],
    average: Decimal,
    held: Decimal,
}

impl Reference<'_> {
    fn accepts(&self, order: &Random) -> bool {
        self.filters.iter().all(|filter| self.passes(filter, order))
    }

    fn passes(&self, filter: &Value, order: &Random) -> bool {
        let number = |name: &str| d(filter[name].as_str().unwrap());
        let flag = |name: &str| filter[name].as_bool().unwrap();
        let is_market = matches!(order.kind, Kind::Market);
        let quantity = order.quantity.value();
        let (limit, trigger) = match order.kind {
            Kind::Market => (None, None),
            Kind::Limit { price, .. } => (Some(price.value()), None),
            Kind::Stop { stop } => (None, Some(stop.value())),
            Kind::StopLimit { stop, limit } => (Some(limit.value()), Some(stop.value())),
        };
        let within = |value: Decimal, least: &str, most: &str, step: &str| {
            let (least, most, step) = (number(least), number(most), number(step));
            (least.is_zero() || value >= least)
                && (most.is_zero() || value <= most)
                && (step.is_zero() || (value % step).is_zero())
        };
        match filter["filterType"].as_str().unwrap() {
            "PRICE_FILTER" => limit
                .into_iter()
                .chain(trigger)
                .all(|price| within(price, "minPrice", "maxPrice", "tickSize")),
            "LOT_SIZE" => within(quantity, "minQty", "maxQty", "stepSize"),
            "MARKET_LOT_SIZE" => !is_market || within(quantity, "minQty", "maxQty", "stepSize"),
            "NOTIONAL" => {
                let value = quantity * limit.unwrap_or(self.average);
                let (least, most) = (number("minNotional"), number("maxNotional"));
                (value >= least || is_market && !flag("applyMinToMarket"))
                    && (most.is_zero() || value <= most || is_market && !flag("applyMaxToMarket"))
            }
            "PERCENT_PRICE_BY_SIDE" => limit.is_none_or(|price| {
                let side = if order.side == Side::Buy { "bid" } else { "ask" };
                let times = |end: &str| self.average * number(&format!("{side}Multiplier{end}"));
                price >= times("Down") && price <= times("Up")
            }),
            "MAX_POSITION" => order.side == Side::Sell || self.held + quantity <= number("maxPosition"),
            // Nothing of ours is open when an order comes.
            "MAX_NUM_ORDERS" | "MAX_NUM_ALGO_ORDERS" | "ICEBERG_PARTS" | "TRAILING_DELTA" => true,
            other => panic!("a filter that the reference does not know: {other}"),
        }
    }
}

/// The exchange, and the adapter as execute has it.
struct Bench {
    clock: SimClock,
    exchange: Arc<Exchange>,
    network: Arc<InProcess>,
    trader: Trader,
}

const HOST: &str = "http://exchange.sim";

impl Bench {
    fn new() -> Bench {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/data/BTCUSDT-1m-2023-03.csv.gz");
        let candles = read_candles(std::path::Path::new(path)).unwrap();
        let clock = SimClock::new(candles[0].open_time + Millis::from_minutes(60));
        let config = ExchangeConfig::btcusdt("main")
            .with_key(SimKey::trading("key", "secret"))
            .with_balance("USDT", d("50000000000"))
            .with_balance("BTC", d("1000000"));
        let exchange = Arc::new(Exchange::new(config, candles).unwrap());
        let network = Arc::new(InProcess::new(clock.shared()).route("exchange.sim", exchange.clone()));
        let link = Rc::new(Link::new(Share::Act));
        let (ours, timeout) = (Arc::new(clock.clone()), Millis::from_secs(10));
        let binance = Binance::new(network.clone(), ours, HOST, timeout, link);
        let key = ApiKey::new(Secret::new("key".to_owned()), Secret::new("secret".to_owned()));
        Bench { clock, exchange, network, trader: Trader::new(Account::new(binance, key)) }
    }

    fn ask(&self, path: &str) -> Value {
        let request =
            http::Request::builder().uri(format!("{HOST}{path}")).body(bytes::Bytes::new()).unwrap();
        let answer = at_once(self.network.send(request, Millis::from_secs(1))).unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }

    fn filters(&self) -> Vec<Value> {
        let info = self.ask("/api/v3/exchangeInfo?symbol=BTCUSDT");
        info["symbols"][0]["filters"].as_array().unwrap().clone()
    }

    fn reference<'a>(&self, filters: &'a [Value]) -> Reference<'a> {
        let average = self.ask("/api/v3/avgPrice?symbol=BTCUSDT");
        Reference {
            filters,
            average: d(average["price"].as_str().unwrap()),
            held: self.exchange.balance("BTC").total(),
        }
    }

    /// Another market: later, and under other filters, which the adapter learns of by its own means.
    fn next_round(&self, dice: &mut Dice) {
        self.clock.advance(Millis::from_minutes(6));
        let mut filters = Filters::btcusdt();
        match dice.below(6) {
            0 => filters.price.tick = Decimal::ZERO,
            1 => filters.market_lot.step = d("0.01"),
            2 => (filters.percent_price.bid_up, filters.percent_price.ask_down) = (d("1.04"), d("0.96")),
            3 => filters.max_position = Some(self.exchange.balance("BTC").total() + d("0.5")),
            4 => filters.notional.apply_min_to_market = false,
            _ => {}
        }
        self.exchange.set_filters(self.clock.now(), filters);
    }

    fn clear(&self) {
        for order in self.exchange.open_orders() {
            // One that has just filled is gone already.
            self.exchange.manual_cancel(self.clock.now(), order.id).ok();
        }
    }

    fn send(&self, number: u32, order: &Random) -> Result<(), SendError> {
        let request = OrderRequest {
            order_id: OrderId::parse(&format!("r{number}")).unwrap(),
            symbol: symbol(),
            side: order.side,
            kind: order.kind,
            quantity: order.quantity,
            sent_at: self.clock.now(),
        };
        at_once(self.trader.place(&request)).map(drop)
    }
}

fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}

/// Whether we send it: entries as execute's whole chain says, sells as the market's own demands say.
fn is_sent(order: &Random, quote: &Quote, instrument: &Instrument, held: Qty, now: Timestamp) -> bool {
    match order.side {
        Side::Buy => approves(order, quote, instrument, held, now),
        Side::Sell => {
            let &Random { side, kind, quantity } = order;
            let wish =
                Wish { side, kind, quantity, quote, position: Some(held), open: Some(0), stops: Some(0) };
            instrument.objection(&wish).is_none()
        }
    }
}

fn approves(order: &Random, quote: &Quote, instrument: &Instrument, held: Qty, now: Timestamp) -> bool {
    let entry = match order.kind {
        Kind::Market => quote.bid,
        Kind::Limit { price, .. } | Kind::Stop { stop: price } | Kind::StopLimit { limit: price, .. } => {
            price.min(quote.bid)
        }
    };
    let seen = Exposure {
        quote: fresh(quote, now, Millis::from_secs(10)).unwrap(),
        instrument,
        may_open: true,
        has_room: true,
        position: held,
        taken: false,
        orders_today: 0,
        opens: &[],
        free_quote: Amount::parse("1000000000000").unwrap(),
        cooldown: Millis(0),
        max_stop_distance: Percent::parse("50").unwrap(),
        slippage: Percent::HALF,
        basis: Basis::Decision,
        now,
    };
    let limits = Limits {
        max_order_notional: Notional::parse("1000000000000").unwrap(),
        max_daily_orders: 100,
        max_daily_cancels: 100,
        max_position_abs: Qty::parse("100000000").unwrap(),
        allowed_symbols: vec![symbol()],
        max_opens_per_hour: 100,
        max_price_drift: Percent::parse("100").unwrap(),
        max_decision_age: Millis::from_minutes(1),
    };
    let terms = Terms {
        order_id: OrderId::parse("a").unwrap(),
        position_id: PositionId::parse("demo.1").unwrap(),
        strategy_id: StrategyId::parse("demo").unwrap(),
        account: AccountId::parse("main").unwrap(),
        symbol: symbol(),
        leg: Leg::Entry,
        plan: 0,
        origin: Origin::Model,
        side: order.side,
        kind: order.kind,
        quantity: order.quantity,
        stop_loss: entry.below(Percent::parse("1").unwrap()),
        take_profit: None,
        decided_price: None,
        decided_at: now,
        decision: None,
        created_at: now,
        trace: "a".to_owned(),
    };
    review(Order { terms, state: State::Intended }, &seen, &limits).is_ok()
}

#[test]
fn of_random_orders_those_that_the_filters_accept_are_sent_and_none_meets_a_filter_error() {
    let (bench, mut dice) = (Bench::new(), Dice(2_026));
    let (mut accepted, mut sent_of_accepted, mut sent) = (0_u32, 0_u32, 0_u32);
    let (mut errors, mut filters) = (Vec::new(), Vec::new());
    for number in 0..ORDERS {
        if number % A_ROUND == 0 {
            bench.next_round(&mut dice);
            filters = bench.filters();
        }
        bench.clear();
        let reference = bench.reference(&filters);
        let quote = at_once(bench.trader.quote(&symbol())).unwrap();
        let instrument = at_once(bench.trader.instrument(&symbol())).unwrap();
        let order = Random::roll(&mut dice, quote.bid.value());
        let held = Qty::new(reference.held).unwrap();
        let is_sent = is_sent(&order, &quote, &instrument, held, bench.clock.now());
        // What is bought at the market is sent as a limit.
        let worst = instrument.floor_price(quote.ask.above(Percent::HALF)).unwrap().max(quote.ask);
        let order =
            Random { kind: sent_kind(order.kind, (order.side == Side::Buy).then_some(worst)), ..order };
        let is_accepted = reference.accepts(&order);
        accepted += u32::from(is_accepted);
        sent_of_accepted += u32::from(is_accepted && is_sent);
        if is_sent {
            sent += 1;
            if let Err(SendError::Refused { code, text }) = bench.send(number, &order)
                && code != "-2010"
            {
                errors.push(format!("{order:?}: {code} {text}"));
            }
        }
        // Fifty orders weigh more than a minute allows.
        bench.clock.advance(Millis::from_secs(1));
    }
    println!(
        "{ORDERS} orders: {accepted} accepted by the reference, {sent_of_accepted} of them sent, {sent} sent"
    );
    assert_eq!(errors, [""; 0], "filter errors");
    assert!(accepted > ORDERS / 4, "too few orders are worth sending: {accepted}");
    // What is not sent lies within two percent of an end of a band that is narrow in one round of five.
    assert!(sent_of_accepted * 100 >= accepted * 85, "{sent_of_accepted} of {accepted} accepted were sent");
}
