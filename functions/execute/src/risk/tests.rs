//! Every rule at its boundary: what is exactly at a limit passes, one step further is refused with the
//! documented message.

use proptest::prelude::*;
use rust_decimal::Decimal;
use shared::ids::{AccountId, Leg, OrderId, PositionId, StrategyId, Symbol};
use shared::market::fresh;
use shared::order::{Origin, State, TimeInForce};

use super::*;
use crate::testing::{d, minute, notional, percent, price, qty, settings, symbol};

/// What is reviewed and everything it is reviewed against.
#[derive(Debug, Clone)]
struct Case {
    terms: Terms,
    bid: Price,
    ask: Price,
    market: Instrument,
    may_open: bool,
    has_room: bool,
    position: Qty,
    taken: bool,
    orders_today: u32,
    opens: Vec<Timestamp>,
    free_quote: Amount,
    cooldown: Millis,
    max_stop_distance: Percent,
    slippage: Percent,
    limits: Limits,
}

fn now() -> Timestamp {
    minute(60)
}

/// A limit order for 1 at 100 in a market of 99.99 to 100.01, which every rule lets pass.
fn good() -> Case {
    let position_id = PositionId::parse("demo.1").unwrap();
    Case {
        terms: Terms {
            order_id: OrderId::parse("a").unwrap(),
            position_id,
            strategy_id: StrategyId::parse("demo").unwrap(),
            account: AccountId::parse("main").unwrap(),
            symbol: symbol(),
            leg: Leg::Entry,
            plan: 0,
            origin: Origin::Model,
            side: Side::Buy,
            kind: limit_at("100"),
            quantity: qty("1"),
            stop_loss: Some(price("95")),
            take_profit: Some(price("110")),
            decided_price: Some(price("100")),
            decided_at: now(),
            decision: Some(now()),
            created_at: now(),
            trace: "demo-1".to_owned(),
        },
        bid: price("99.99"),
        ask: price("100.01"),
        market: Instrument {
            symbol: symbol(),
            trading: Trading::Open,
            tick: d("0.01"),
            step: qty("0.00001"),
            min_qty: qty("0.00001"),
            max_qty: qty("9000"),
            max_market_qty: qty("1000"),
            takes_market_stops: false,
            min_notional: notional("5"),
            bounds: shared::market::Bounds::NONE,
        },
        may_open: true,
        has_room: true,
        position: Qty::ZERO,
        taken: false,
        orders_today: 0,
        opens: Vec::new(),
        free_quote: Amount::parse("1000000").unwrap(),
        cooldown: Millis::from_secs(60),
        max_stop_distance: percent("50"),
        slippage: percent("0.5"),
        limits: Limits {
            max_order_notional: notional("1000000"),
            max_position_abs: qty("10000"),
            ..settings().limits
        },
    }
}

fn limit_at(at: &str) -> Kind {
    Kind::Limit { price: price(at), time_in_force: TimeInForce::Gtc }
}

impl Case {
    fn judge(&self) -> Result<(), Refusal> {
        let quote = Quote { symbol: symbol(), bid: self.bid, ask: self.ask, at: now() };
        let seen = Exposure {
            quote: fresh(&quote, now(), Millis::from_secs(10)).unwrap(),
            instrument: &self.market,
            may_open: self.may_open,
            has_room: self.has_room,
            position: self.position,
            taken: self.taken,
            orders_today: self.orders_today,
            opens: &self.opens,
            free_quote: self.free_quote,
            cooldown: self.cooldown,
            max_stop_distance: self.max_stop_distance,
            slippage: self.slippage,
            basis: Basis::Decision,
            now: now(),
        };
        let order = Order { terms: self.terms.clone(), state: State::Intended };
        let approved = review(order.clone(), &seen, &self.limits)?;
        assert_eq!(approved.into_order(), order, "nothing is clamped");
        Ok(())
    }
}

#[track_caller]
fn passes(change: impl FnOnce(&mut Case)) {
    let mut case = good();
    change(&mut case);
    assert_eq!(case.judge(), Ok(()));
}

#[track_caller]
fn refused(rule: Rule, message: &str, change: impl FnOnce(&mut Case)) {
    let mut case = good();
    change(&mut case);
    assert_eq!(case.judge(), Err(Refusal { rule, message: message.to_owned() }));
}

#[test]
fn a_good_order_passes_unchanged() {
    passes(|_| {});
    passes(|case| case.terms.kind = Kind::Market);
}

#[test]
fn status_and_holds_come_before_everything_else() {
    refused(Rule::Authority, "status or a hold forbids opening", |case| {
        case.may_open = false;
        case.limits.allowed_symbols.clear();
    });
}

#[test]
fn only_listed_symbols_pass_and_an_empty_list_holds_none() {
    refused(Rule::AllowedSymbols, "symbol 'DOGE-USDT' not in allowed list", |case| {
        case.terms.symbol = Symbol::parse("DOGE-USDT").unwrap();
    });
    refused(Rule::AllowedSymbols, "symbol 'BTC-USDT' not in allowed list", |case| {
        case.limits.allowed_symbols.clear();
    });
}

#[test]
fn an_asset_that_is_taken_and_a_state_without_room_refuse() {
    refused(Rule::PositionOpen, "this account already has a position or entry in this asset", |case| {
        case.taken = true;
    });
    refused(Rule::NoRoom, "the strategy has no room for another position", |case| case.has_room = false);
}

#[test]
fn a_market_that_does_not_trade_refuses() {
    refused(Rule::MarketClosed, "BTC-USDT does not trade now", |case| case.market.trading = Trading::Closed);
}

#[test]
fn quantity_is_within_the_venues_range_and_a_multiple_of_its_step() {
    passes(|case| case.terms.quantity = qty("0.0555"));
    passes(|case| case.terms.quantity = qty("9000"));
    refused(
        Rule::VenueFilter,
        "quantity 9000.00001 is not between 0.00001 and 9000 in steps of 0.00001",
        |case| case.terms.quantity = qty("9000.00001"),
    );
    refused(
        Rule::VenueFilter,
        "quantity 1.000001 is not between 0.00001 and 9000 in steps of 0.00001",
        |case| case.terms.quantity = qty("1.000001"),
    );
    refused(Rule::VenueFilter, "quantity 1 is not between 2 and 9000 in steps of 0.00001", |case| {
        case.market.min_qty = qty("2");
    });
    let market = |quantity: &str| {
        let quantity = qty(quantity);
        move |case: &mut Case| (case.terms.kind, case.terms.quantity) = (Kind::Market, quantity)
    };
    passes(market("9000"));
    refused(
        Rule::VenueFilter,
        "quantity 9000.00001 is not between 0.00001 and 9000 in steps of 0.00001",
        market("9000.00001"),
    );
}

#[test]
fn a_price_is_a_multiple_of_the_tick() {
    passes(|case| case.terms.kind = limit_at("99.99"));
    refused(Rule::VenueFilter, "price 99.995 is not a multiple of 0.01", |case| {
        case.terms.kind = limit_at("99.995");
    });
}

#[test]
fn the_venues_least_value_is_judged_at_the_lower_price() {
    // Its stop at 95 may sell 0.999 down to 90.25.
    passes(|case| (case.terms.kind, case.market.min_notional) = (limit_at("99"), notional("90.15")));
    let of_the_stop = "its stop would be refused: order notional 90.15975 is below the venue's minimum";
    refused(Rule::VenueFilter, &format!("{of_the_stop} 90.16"), |case| {
        (case.terms.kind, case.market.min_notional) = (limit_at("99"), notional("90.16"));
    });
    refused(Rule::VenueFilter, &format!("{of_the_stop} 99"), |case| {
        (case.terms.kind, case.market.min_notional) = (limit_at("99"), notional("99"));
    });
    refused(Rule::VenueFilter, "order notional 99 is below the venue's minimum 99.01", |case| {
        (case.terms.kind, case.market.min_notional) = (limit_at("99"), notional("99.01"));
    });
    refused(Rule::VenueFilter, "order notional 99.99 is below the venue's minimum 100", |case| {
        (case.terms.kind, case.market.min_notional) = (Kind::Market, notional("100"));
    });
}

#[test]
fn an_entry_whose_stop_no_filter_lets_pass_is_refused() {
    use shared::market::{Band, Bounds};
    let with = |bounds: Bounds| move |case: &mut Case| case.market.bounds = bounds.clone();
    let band = |sell_down: &str| Band {
        buy_up: d("1.2"),
        buy_down: d("0.5"),
        sell_up: d("2"),
        sell_down: d(sell_down),
    };
    let within = |sell_down: &str| Bounds { band: Some(band(sell_down)), ..Bounds::NONE };
    passes(with(within("0.88")));
    // Its stop at 95 sells down to 90.25, and the band begins at 0.95 of the market, with two percent between.
    let outside = "its stop would be refused: price 90.25 is not between 96.90969 and 195.9804, around the average price";
    refused(Rule::VenueFilter, outside, with(within("0.95")));
    // A stop at the market names no price for the band.
    passes(|case| {
        case.market.takes_market_stops = true;
        case.market.bounds = within("0.95");
    });
    let lowest = Bounds { min_price: Some(price("90.3")), ..Bounds::NONE };
    refused(Rule::VenueFilter, "its stop would be refused: price 90.25 is below 90.3", with(lowest));
    refused(
        Rule::VenueFilter,
        "its stop would be refused: order notional 0 is below the venue's minimum 5",
        |case| {
            case.market.step = qty("1");
        },
    );
}

#[test]
fn on_spot_only_buying_opens() {
    refused(Rule::SpotSide, "on spot a position is opened by buying", |case| case.terms.side = Side::Sell);
}

#[test]
fn an_entry_has_a_stop_below_it_and_within_reach_and_a_take_profit_above() {
    refused(Rule::StopLoss, "an entry needs a stop", |case| case.terms.stop_loss = None);
    passes(|case| case.terms.stop_loss = Some(price("99.98")));
    // Bought at 100, it is sold at 99.99.
    for (kind, stop, market) in [
        (limit_at("100"), "99.99", "99.99"),
        (Kind::Market, "99.99", "99.99"),
        (limit_at("102"), "101", "99.99"),
        (limit_at("99"), "99", "99"),
    ] {
        refused(Rule::StopLoss, &format!("stop {stop} is not below the market at {market}"), |case| {
            (case.terms.kind, case.terms.stop_loss) = (kind, Some(price(stop)));
        });
    }
    passes(|case| (case.terms.stop_loss, case.max_stop_distance) = (Some(price("95")), percent("5")));
    refused(Rule::StopLoss, "stop 94.99 is 5.01 % below the entry at 100, limit 5 %", |case| {
        (case.terms.stop_loss, case.max_stop_distance) = (Some(price("94.99")), percent("5"));
    });
    passes(|case| case.terms.take_profit = None);
    passes(|case| case.terms.take_profit = Some(price("100.01")));
    refused(Rule::StopLoss, "take-profit 100 is not above the entry at 100", |case| {
        case.terms.take_profit = Some(price("100"));
    });
}

/// The documented message; our decimals print without trailing zeros.
#[test]
fn one_orders_value_may_equal_its_limit() {
    let big = |quantity: &str| {
        let quantity = qty(quantity);
        move |case: &mut Case| {
            case.terms.quantity = quantity;
            case.limits.max_order_notional = notional("50000.0");
        }
    };
    passes(big("500"));
    refused(Rule::MaxOrderNotional, "order notional 60000 exceeds limit 50000", big("600"));
    refused(Rule::MaxOrderNotional, "order notional 50000.001 exceeds limit 50000", big("500.00001"));
}

/// The founding system let market orders through unvalued.
#[test]
fn a_market_order_is_valued_at_the_ask_with_slippage() {
    let at = |most: &str| {
        let most = notional(most);
        move |case: &mut Case| (case.terms.kind, case.limits.max_order_notional) = (Kind::Market, most)
    };
    passes(at("100.51"));
    refused(Rule::MaxOrderNotional, "order notional 100.51 exceeds limit 100.5", at("100.5"));
}

#[test]
fn the_whole_position_may_equal_its_limit() {
    let with = |held: &str| {
        let held = qty(held);
        move |case: &mut Case| {
            (case.position, case.terms.quantity) = (held, qty("0.1"));
            case.limits.max_position_abs = qty("0.5");
        }
    };
    passes(with("0.4"));
    refused(Rule::MaxPositionAbs, "projected position 0.6 exceeds max abs 0.5", with("0.5"));
    refused(Rule::MaxPositionAbs, "projected position 0.50001 exceeds max abs 0.5", with("0.40001"));
}

#[test]
fn a_days_orders_end_at_their_limit() {
    passes(|case| case.orders_today = 99);
    refused(Rule::MaxDailyOrders, "daily order count 101 exceeds limit 100", |case| case.orders_today = 100);
    refused(Rule::MaxDailyOrders, "daily order count 1 exceeds limit 0", |case| {
        case.limits.max_daily_orders = 0;
    });
}

#[test]
fn an_hours_openings_end_at_their_limit_and_older_ones_do_not_count() {
    let hour = Millis::from_minutes(60);
    let opened = |ago: Millis| vec![now() - ago; 5];
    passes(|case| case.opens = opened(hour));
    passes(|case| case.opens = vec![now() - Millis::from_minutes(2); 4]);
    refused(Rule::MaxOpensPerHour, "5 positions opened within an hour, limit 5", |case| {
        case.opens = opened(Millis(hour.0 - 1));
    });
}

#[test]
fn a_cooldown_ends_on_the_second() {
    passes(|case| case.opens = vec![now() - Millis::from_secs(60)]);
    refused(Rule::OrderCooldown, "last entry 59 s ago, cooldown 60 s", |case| {
        case.opens = vec![now() - Millis::from_secs(60) + Millis(1)];
    });
    passes(|case| (case.opens, case.cooldown) = (vec![now()], Millis(0)));
}

#[test]
fn a_decision_may_be_as_old_as_its_limit() {
    passes(|case| case.terms.decided_at = now() - Millis::from_secs(180));
    refused(Rule::DecisionAge, "decision is 181 s old, limit 180 s", |case| {
        case.terms.decided_at = now() - Millis::from_secs(181);
    });
    let mut late = good();
    late.terms.decided_at = now() - Millis::from_secs(180) - Millis(1);
    assert_eq!(late.judge().unwrap_err().rule, Rule::DecisionAge);
}

#[test]
fn a_price_may_have_drifted_as_far_as_its_limit_either_way() {
    let moved = |ask: &str| {
        let ask = price(ask);
        move |case: &mut Case| {
            case.ask = ask;
            case.bid = price("94");
            case.terms.stop_loss = Some(price("90"));
        }
    };
    passes(moved("105"));
    passes(moved("95"));
    refused(Rule::PriceDrift, "price drifted 5.01 % since the decision, limit 5 %", moved("105.01"));
    refused(Rule::PriceDrift, "price drifted 5.01 % since the decision, limit 5 %", moved("94.99"));
}

#[test]
fn the_account_pays_for_the_worst_price() {
    let with = |kind: Kind, free: &str| {
        let free = Amount::parse(free).unwrap();
        move |case: &mut Case| (case.terms.kind, case.free_quote) = (kind, free)
    };
    passes(with(limit_at("100"), "100"));
    refused(Rule::Balance, "order needs 100, free balance 99.99", with(limit_at("100"), "99.99"));
    passes(with(Kind::Market, "100.51"));
    refused(Rule::Balance, "order needs 100.51, free balance 100.5", with(Kind::Market, "100.5"));
}

#[test]
fn every_rule_has_a_spelling_of_its_own_and_the_documented_ones_are_kept() {
    let documented = [
        (Rule::AllowedSymbols, "allowed_symbols"),
        (Rule::MaxOrderNotional, "max_order_notional"),
        (Rule::MaxPositionAbs, "max_position_abs"),
        (Rule::MaxDailyOrders, "max_daily_orders"),
    ];
    for (rule, text) in documented {
        assert_eq!(rule.as_str(), text);
    }
}

/// Small numbers around the limits, so that boundaries are met often.
fn cases() -> impl Strategy<Value = Case> {
    let order = (1u32..12, 90i64..110, any::<bool>(), 80i64..110, proptest::option::of(90i64..120));
    let market = (90i64..110, 0i64..3, 0u32..12, 0u32..5);
    let counts = (0u32..4, proptest::collection::vec(0i64..90, 0..4), 0i64..200, 0i64..1500);
    let limits = (200i64..1200, 2u32..20, 0u32..4, 0u32..4, 0i64..20, 0i64..40);
    (order, market, counts, limits).prop_map(|(order, market, counts, limits)| {
        let (mut case, whole) = (good(), |number: i64| Decimal::from(number));
        let (quantity, at, is_market, stop, profit) = order;
        let (bid, spread, held, lot) = market;
        let (orders_today, mut opens, age, free) = counts;
        let (most, position, daily, hourly, drift, distance) = limits;
        case.terms.quantity = Qty::new(quantity.into()).unwrap();
        let time_in_force = TimeInForce::Gtc;
        let at = Price::new(whole(at)).unwrap();
        case.terms.kind = if is_market { Kind::Market } else { Kind::Limit { price: at, time_in_force } };
        case.terms.stop_loss = Some(Price::new(whole(stop)).unwrap());
        case.terms.take_profit = profit.map(|profit| Price::new(whole(profit)).unwrap());
        case.terms.decided_at = now() - Millis::from_secs(age);
        (case.bid, case.ask) = (Price::new(whole(bid)).unwrap(), Price::new(whole(bid + spread)).unwrap());
        case.position = Qty::new(held.into()).unwrap();
        case.market.step = Qty::new(lot.into()).unwrap();
        case.orders_today = orders_today;
        opens.sort_unstable();
        case.opens = opens.into_iter().map(|minutes| now() - Millis::from_minutes(minutes)).collect();
        case.free_quote = Amount::new(whole(free)).unwrap();
        case.limits.max_order_notional = Notional::new(whole(most)).unwrap();
        case.limits.max_position_abs = Qty::new(position.into()).unwrap();
        (case.limits.max_daily_orders, case.limits.max_opens_per_hour) = (daily, hourly);
        case.limits.max_price_drift = Percent::new(whole(drift)).unwrap();
        case.max_stop_distance = Percent::new(whole(distance)).unwrap();
        case
    })
}

/// Every rule that the case breaks, from bare numbers.
fn broken(case: &Case) -> Vec<Rule> {
    let terms = &case.terms;
    let (bid, ask) = (case.bid.value(), case.ask.value());
    let worst = match terms.kind {
        Kind::Market => (ask * d("1.005")).trunc_with_scale(2),
        Kind::Limit { price, .. } => price.value(),
        Kind::Stop { .. } | Kind::StopLimit { .. } => panic!("no entry is a stop"),
    };
    let entry = worst.min(ask);
    let (quantity, stop) = (terms.quantity.value(), terms.stop_loss.unwrap().value());
    let step = case.market.step.value();
    let after_fee = quantity * d("0.999");
    let lots = if step.is_zero() { after_fee } else { after_fee - after_fee % step };
    let value_of_stop = lots * (stop * d("0.95")).trunc_with_scale(2);
    let profit = terms.take_profit.map(Price::value);
    let ago = |at: &Timestamp| now().since(*at).as_secs();
    let rows = [
        (Rule::VenueFilter, !step.is_zero() && !(quantity % step).is_zero() || value_of_stop < d("5")),
        (
            Rule::StopLoss,
            stop >= entry.min(bid)
                || (entry - stop) * d("100") > case.max_stop_distance.value() * entry
                || profit.is_some_and(|profit| profit <= entry),
        ),
        (Rule::MaxOrderNotional, quantity * worst > case.limits.max_order_notional.value()),
        (Rule::MaxPositionAbs, case.position.value() + quantity > case.limits.max_position_abs.value()),
        (Rule::MaxDailyOrders, case.orders_today + 1 > case.limits.max_daily_orders),
        (
            Rule::MaxOpensPerHour,
            case.opens.iter().filter(|at| ago(at) < 3600).count() + 1
                > case.limits.max_opens_per_hour as usize,
        ),
        (Rule::OrderCooldown, case.opens.iter().any(|at| ago(at) < 60)),
        (Rule::DecisionAge, ago(&terms.decided_at) > 180),
        (Rule::PriceDrift, (ask - d("100")).abs() > case.limits.max_price_drift.value()),
        (Rule::Balance, quantity * worst > case.free_quote.value()),
    ];
    rows.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What passes keeps every limit, and what is refused breaks the rule that is named, the first of all.
    #[test]
    fn the_chain_refuses_exactly_what_breaks_a_rule(case in cases()) {
        let broken = broken(&case);
        match case.judge() {
            Ok(()) => prop_assert_eq!(broken, Vec::new()),
            Err(refusal) => prop_assert_eq!(Some(refusal.rule), broken.first().copied(), "{}", refusal.message),
        }
    }
}
