//! What holds for every sequence of orders: books balance, volume is respected, the future stays unknown.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::fixture::{Bench, candle, config, minute, within};
use super::market::time_of;
use super::*;

/// Something that happens to the exchange.
#[derive(Debug, Clone)]
enum Step {
    Order(NewOrder),
    Cancel(i64),
    Wait(i64),
    Deposit(i64),
    Withdraw(i64),
    Bnb(bool),
}

fn order() -> impl Strategy<Value = NewOrder> {
    let kinds = prop::sample::select(vec![
        OrderKind::Limit,
        OrderKind::Market,
        OrderKind::StopLoss,
        OrderKind::StopLossLimit,
        OrderKind::TakeProfit,
        OrderKind::TakeProfitLimit,
        OrderKind::LimitMaker,
    ]);
    let times = prop::sample::select(vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]);
    let sides = prop::sample::select(vec![Side::Buy, Side::Sell]);
    (kinds, times, sides, 1_i64..400_000, 8_000_i64..12_000, 8_000_i64..12_000, any::<bool>()).prop_map(
        |(kind, time_in_force, side, quantity, price, stop, by_quote)| {
            let size = match by_quote && kind == OrderKind::Market {
                true => Size::Quote(Decimal::new(quantity, 2)),
                false => Size::Base(Decimal::new(quantity, 5)),
            };
            let price = if kind.is_limit() { Decimal::new(price, 2) } else { Decimal::ZERO };
            let stop_price = if kind.is_stop() { Decimal::new(stop, 2) } else { Decimal::ZERO };
            let time_in_force = if kind.is_limit() { time_in_force } else { TimeInForce::Gtc };
            NewOrder { side, kind, time_in_force, size, price, stop_price, client_id: None }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => order().prop_map(Step::Order),
        1 => (1_i64..20).prop_map(Step::Cancel),
        4 => (1_000_i64..90_000).prop_map(Step::Wait),
        1 => (1_i64..1_000).prop_map(Step::Deposit),
        1 => (1_i64..1_000).prop_map(Step::Withdraw),
        1 => any::<bool>().prop_map(Step::Bnb),
    ]
}

/// Candles from 80 to 120 that contradict nothing; some without volume.
fn candles(count: usize) -> impl Strategy<Value = Vec<Candle>> {
    let row = (prop::array::uniform4(8_000_i64..12_000), 0_i64..4_000);
    prop::collection::vec(row, count).prop_map(|rows| {
        let made = rows.into_iter().enumerate().map(|(n, (mut prices, volume))| {
            let (open, close) = (prices[0], prices[1]);
            prices.sort_unstable();
            let volume = if volume < 400 { Decimal::ZERO } else { Decimal::new(volume, 2) };
            let price = |value| Decimal::new(value, 2);
            Candle {
                open: price(open),
                high: price(prices[3]),
                low: price(prices[0]),
                close: price(close),
                volume,
                ..candle(n, [1; 4], "0")
            }
        });
        made.collect()
    })
}

/// Takes the steps; every answer in words, with the time at which it was given.
fn run(bench: &Bench, steps: &[Step]) -> Vec<(Timestamp, String)> {
    let exchange = &bench.exchange;
    let mut now = within(0, 500);
    let mut answers = Vec::new();
    for step in steps {
        let said = match step {
            Step::Order(wish) => format!("{:?}", exchange.manual_order(now, wish)),
            Step::Cancel(id) => format!("{:?}", exchange.manual_cancel(now, *id)),
            Step::Deposit(amount) => format!("{:?}", exchange.deposit(now, "BNB", Decimal::new(*amount, 6))),
            Step::Withdraw(amount) => format!("{:?}", exchange.withdraw(now, "USDT", Decimal::from(*amount))),
            Step::Bnb(enabled) => {
                exchange.set_third_asset_fee(*enabled);
                String::new()
            }
            Step::Wait(millis) => {
                now = now + Millis(*millis);
                exchange.advance(now);
                String::new()
            }
        };
        answers.push((now, format!("{said} {}", everything_shown(bench, now))));
    }
    answers
}

/// All that can be asked at this time.
fn everything_shown(bench: &Bench, now: Timestamp) -> String {
    let mut shown = String::new();
    for path in [
        "ticker/bookTicker",
        "ticker/price",
        "avgPrice?symbol=BTCUSDT",
        "klines?symbol=BTCUSDT&interval=1m&limit=9",
        "klines?symbol=BTCUSDT&interval=5m&limit=9",
    ] {
        let answer = bench.get(&format!("/api/v3/{path}"), now);
        shown.push_str(std::str::from_utf8(answer.body()).unwrap());
    }
    let exchange = &bench.exchange;
    format!(
        "{shown}{:?}{:?}{:?}{:?}",
        exchange.orders(),
        exchange.trades(),
        exchange.balances(),
        exchange.mark_price(now)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_sequence_of_orders_leaves_books_that_balance(
        candles in candles(12),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let bench = Bench::over(config(), candles);
        let mut now = within(0, 500);
        for step in &steps {
            if let Step::Wait(millis) = step {
                now = now + Millis(*millis);
            }
            let exchange = &bench.exchange;
            match step {
                Step::Order(wish) => drop(exchange.manual_order(now, wish)),
                Step::Cancel(id) => drop(exchange.manual_cancel(now, *id)),
                Step::Deposit(amount) => drop(exchange.deposit(now, "BNB", Decimal::new(*amount, 6))),
                Step::Withdraw(amount) => drop(exchange.withdraw(now, "USDT", Decimal::from(*amount))),
                Step::Bnb(enabled) => exchange.set_third_asset_fee(*enabled),
                Step::Wait(_) => exchange.advance(now),
            }
            prop_assert_eq!(exchange.audit(), Ok(()));
        }
    }

    #[test]
    fn our_orders_never_take_more_than_their_share_of_a_candle(
        candles in candles(12),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let bench = Bench::over(config(), candles.clone());
        run(&bench, &steps);
        let mut taken: BTreeMap<i64, Decimal> = BTreeMap::new();
        for trade in bench.exchange.trades() {
            *taken.entry(trade.time.minute_number()).or_default() += trade.quantity;
        }
        for (at, quantity) in taken {
            let volume = candles.iter().find(|candle| candle.open_time == time_of(at)).map(|candle| candle.volume);
            prop_assert!(quantity <= volume.unwrap_or_default() * Decimal::new(1, 1), "minute {at}: {quantity}");
        }
    }

    #[test]
    fn trades_lie_within_their_candle_but_for_the_spread(
        candles in candles(12),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let bench = Bench::over(config(), candles.clone());
        run(&bench, &steps);
        for trade in bench.exchange.trades() {
            let candle = candles.iter().find(|candle| candle.open_time == trade.time.minute()).unwrap();
            let slack = Decimal::new(2, 2);
            prop_assert!(trade.price >= candle.low - slack && trade.price <= candle.high + slack, "{trade:?}");
        }
    }

    #[test]
    fn nothing_after_a_candle_changes_an_answer_before_its_end(
        past in candles(12),
        future in candles(12),
        known in 0_usize..11,
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut mixed = past.clone();
        mixed[known + 1..].copy_from_slice(&future[known + 1..]);
        let end = minute(i64::try_from(known).unwrap() + 1);
        let before = |candles: Vec<Candle>| {
            let answers = run(&Bench::over(config(), candles), &steps);
            answers.into_iter().take_while(|(at, _)| *at < end).collect::<Vec<_>>()
        };
        prop_assert_eq!(before(past), before(mixed));
    }

    #[test]
    fn of_a_forming_candle_only_its_open_and_volume_matter(
        past in candles(12),
        known in 0_usize..12,
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut flat = past.clone();
        let open = past[known].open;
        flat[known] = Candle { high: open, low: open, close: open, ..past[known] };
        let end = minute(i64::try_from(known).unwrap() + 1);
        let before = |candles: Vec<Candle>| {
            let answers = run(&Bench::over(config(), candles), &steps);
            answers.into_iter().take_while(|(at, _)| *at < end).collect::<Vec<_>>()
        };
        prop_assert_eq!(before(past), before(flat));
    }
}

#[test]
fn configurations_that_make_no_sense_are_refused_by_name() {
    let one = || vec![candle(0, [100, 100, 100, 100], "1")];
    let bad = ExchangeConfig { participation: Decimal::from(2), ..config() };
    assert_eq!(Exchange::new(bad, one()).unwrap_err().to_string(), "participation must be from 0 to 1");
    let gap = vec![candle(0, [100, 100, 100, 100], "1"), candle(2, [100, 100, 100, 100], "1")];
    assert!(Exchange::new(config(), gap).unwrap_err().to_string().contains("1 minutes are missing"));
    assert!(Exchange::new(config(), Vec::new()).is_err());
}
