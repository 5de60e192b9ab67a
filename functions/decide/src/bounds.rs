//! What an opening must keep to, in exact decimals: shown to the model, enforced by execute.

use shared::market::Trading;
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::settings::Limits;

use crate::market::Market;

/// How far above the ask execute values a market order.
const SLIPPAGE: Percent = Percent::HALF;

/// The largest quantity that every limit lets pass at the worst price; zero where nothing may be opened, or where it is
/// not known what could be paid.
pub fn max_quantity(
    market: &Market,
    limits: &Limits,
    held: Qty,
    is_taken: bool,
    balance: Option<Amount>,
) -> Qty {
    let instrument = &market.instrument;
    let listed = limits.allowed_symbols.contains(&instrument.symbol);
    if is_taken || !listed || instrument.trading == Trading::Closed {
        return Qty::ZERO;
    }
    let Some(balance) = balance else { return Qty::ZERO };
    let worst = market.quote.ask.above(SLIPPAGE);
    let mut most = limits.max_order_notional.quantity_at(worst);
    most = most.min(limits.max_position_abs.less(held)).min(instrument.max_market_qty);
    most = most.min(affordable(balance, worst));
    most.floor_to(instrument.step)
}

/// A balance below zero buys nothing.
fn affordable(balance: Amount, worst: Price) -> Qty {
    Notional::new(balance.value()).map_or(Qty::ZERO, |balance| balance.quantity_at(worst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn most(change: impl FnOnce(&mut Market, &mut Limits), held: &str, balance: Option<&str>) -> String {
        let mut market = testing::market(testing::at("2023-03-01T16:00:05Z"));
        market.quote.ask = Price::parse("20000").unwrap();
        let mut limits = testing::settings().limits;
        limits.max_order_notional = Notional::parse("201").unwrap();
        limits.max_position_abs = Qty::parse("1").unwrap();
        change(&mut market, &mut limits);
        let held = Qty::parse(held).unwrap();
        max_quantity(&market, &limits, held, false, balance.map(|text| Amount::parse(text).unwrap()))
            .to_string()
    }

    #[test]
    fn each_limit_binds_alone_and_the_smallest_binds() {
        // At 20,100: 201 buys 0.01.
        let rich = Some("1000000");
        assert_eq!(most(|_, _| {}, "0", rich), "0.01");
        assert_eq!(most(|_, _| {}, "0.995", rich), "0.005");
        assert_eq!(most(|_, _| {}, "2", rich), "0");
        assert_eq!(most(|_, _| {}, "0", Some("100.5")), "0.005");
        assert_eq!(most(|_, _| {}, "0", Some("-1")), "0");
        assert_eq!(
            most(|market, _| market.instrument.max_market_qty = Qty::parse("0.002").unwrap(), "0", rich),
            "0.002"
        );
        assert_eq!(most(|market, _| market.instrument.trading = Trading::Closed, "0", rich), "0");
        assert_eq!(most(|_, limits| limits.allowed_symbols.clear(), "0", rich), "0");
    }

    #[test]
    fn nothing_is_opened_while_it_is_not_known_what_could_be_paid() {
        assert_eq!(most(|_, _| {}, "0", None), "0");
    }

    #[test]
    fn the_quantity_is_floored_to_the_step() {
        assert_eq!(
            most(|market, _| market.instrument.step = Qty::parse("0.004").unwrap(), "0", Some("1000000")),
            "0.008"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_allowed_never_costs_more_than_the_limit(ask in 1u64..100_000_000, limit in 1u64..10_000_000) {
            let mut market = testing::market(testing::at("2023-03-01T16:00:05Z"));
            market.quote.ask = Price::new(rust_decimal::Decimal::new(ask as i64, 3)).unwrap();
            let mut limits = testing::settings().limits;
            limits.max_order_notional = Notional::new(rust_decimal::Decimal::new(limit as i64, 2)).unwrap();
            let most = max_quantity(&market, &limits, Qty::ZERO, false, Some(Amount::parse("1000000000").unwrap()));
            proptest::prop_assert!(most * market.quote.ask.above(SLIPPAGE) <= limits.max_order_notional);
        }
    }
}
