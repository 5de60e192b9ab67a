//! Exact amounts with units: only the combinations that mean something compile.
//!
//! | expression | result |
//! |---|---|
//! | `Qty * Price` | `Notional` |
//! | `Qty + Qty` | `Qty` |
//! | `Amount + Amount`, `Amount - Amount`, `-Amount` | `Amount` |
//!
//! Every value is at most [`LARGEST`] with at most [`MOST_DECIMALS`] decimals, so that no product of two
//! overflows. Rounding always has a name and a direction.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Neg, Sub};

use rust_decimal::Decimal;

/// The largest magnitude that is read from outside.
pub const LARGEST: Decimal = Decimal::from_parts(1_316_134_912, 2_328, 0, false, 0);
/// The most decimals that are read from outside.
pub const MOST_DECIMALS: u32 = 15;

/// A text that is not an amount of the unit it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Not a finite decimal number.
    #[error("{0:?} is not a decimal number")]
    NotADecimal(String),
    /// More digits than any venue uses.
    #[error("{0:?} is out of range: at most 10000000000000 with 15 decimals")]
    OutOfRange(String),
    /// Below zero where that means nothing.
    #[error("{0} is negative")]
    Negative(Decimal),
    /// Zero or below where only more than zero means something.
    #[error("{0} is not above zero")]
    NotPositive(Decimal),
}

/// Reads a finite decimal (`12.5`, `1E-8`), without any rounding.
pub fn decimal(text: &str) -> Result<Decimal, BadAmount> {
    // The library reads `1_000` as a thousand; nobody who writes a number for us does.
    if text.contains('_') {
        return Err(BadAmount::NotADecimal(text.to_owned()));
    }
    let plain = Decimal::from_str_exact(text);
    let value = match plain {
        Ok(value) => value,
        Err(_) if text.contains(['e', 'E']) => {
            Decimal::from_scientific(text).map_err(|_| BadAmount::NotADecimal(text.to_owned()))?
        }
        Err(_) => return Err(BadAmount::NotADecimal(text.to_owned())),
    }
    .normalize();
    if value.abs() > LARGEST || value.scale() > MOST_DECIMALS {
        return Err(BadAmount::OutOfRange(text.to_owned()));
    }
    Ok(value)
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// Checks the range of this unit.
            pub fn new(value: Decimal) -> Result<$name, BadAmount> {
                $check(value)?;
                Ok($name(value.normalize()))
            }
            /// Reads a decimal text and checks the range of this unit.
            pub fn parse(text: &str) -> Result<$name, BadAmount> {
                $name::new(decimal(text)?)
            }
            /// The bare number.
            pub const fn value(self) -> Decimal {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.normalize().fmt(out)
            }
        }
    };
}

fn positive(value: Decimal) -> Result<(), BadAmount> {
    if value > Decimal::ZERO { Ok(()) } else { Err(BadAmount::NotPositive(value)) }
}
fn not_negative(value: Decimal) -> Result<(), BadAmount> {
    if value >= Decimal::ZERO { Ok(()) } else { Err(BadAmount::Negative(value)) }
}
fn any(_value: Decimal) -> Result<(), BadAmount> {
    Ok(())
}

unit!(
    /// A price in quote per base; above zero.
    Price, positive);
unit!(
    /// A quantity of base; zero or more.
    Qty, not_negative);
unit!(
    /// A value in quote; zero or more.
    Notional, not_negative);
unit!(
    /// A signed amount of one asset: a movement, a balance, a profit.
    Amount, any);
unit!(
    /// A share in percent; zero or more.
    Percent, not_negative);

impl Qty {
    /// Nothing.
    pub const ZERO: Qty = Qty(Decimal::ZERO);
    /// True for nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
    /// The largest multiple of `step` that is not above this; a step of zero changes nothing.
    pub fn floor_to(self, step: Qty) -> Qty {
        Qty(floor(self.0, step.0))
    }
    /// What remains after taking `other` away; nothing if `other` is more.
    pub fn less(self, other: Qty) -> Qty {
        Qty((self.0.saturating_sub(other.0)).max(Decimal::ZERO))
    }
    /// What remains after a fee of `percent` of it.
    pub fn after_fee(self, percent: Percent) -> Qty {
        Qty(scaled(self.0, Decimal::ONE_HUNDRED.saturating_sub(percent.0)).max(Decimal::ZERO))
    }
    /// Half of it.
    pub fn half(self) -> Qty {
        Qty(self.0.checked_div(Decimal::TWO).unwrap_or(self.0))
    }
    /// The same number as a signed amount of the base asset.
    pub const fn amount(self) -> Amount {
        Amount(self.0)
    }
}

impl Price {
    /// The nearest tick at or below; a tick of zero changes nothing.
    pub fn floor_to(self, tick: Decimal) -> Option<Price> {
        Price::new(floor(self.0, tick)).ok()
    }
    /// The nearest tick at or above; a tick of zero changes nothing.
    pub fn ceil_to(self, tick: Decimal) -> Price {
        let down = floor(self.0, tick);
        Price(if down == self.0 { down } else { down.saturating_add(tick) })
    }
    /// This price moved up by `percent`.
    pub fn above(self, percent: Percent) -> Price {
        Price(scaled(self.0, Decimal::ONE_HUNDRED.saturating_add(percent.0)))
    }
    /// This price moved down by `percent`; none at 100 % or more.
    pub fn below(self, percent: Percent) -> Option<Price> {
        Price::new(scaled(self.0, Decimal::ONE_HUNDRED.saturating_sub(percent.0))).ok()
    }
    /// How far `other` is from this price, in percent of this price.
    pub fn distance(self, other: Price) -> Percent {
        let gap = self.0.saturating_sub(other.0).abs();
        Percent(percent_of(gap, self.0).abs())
    }
}

impl Percent {
    /// No distance at all.
    pub const ZERO: Percent = Percent(Decimal::ZERO);
    /// Five percent.
    pub const FIVE: Percent = Percent(Decimal::from_parts(5, 0, 0, false, 0));
    /// One half of a percent.
    pub const HALF: Percent = Percent(Decimal::from_parts(5, 0, 0, false, 1));
    /// One tenth of a percent.
    pub const TENTH: Percent = Percent(Decimal::from_parts(1, 0, 0, false, 1));
}

impl Notional {
    /// Nothing.
    pub const ZERO: Notional = Notional(Decimal::ZERO);
    /// How much base this buys at `price`, rounded down to 15 decimals.
    pub fn quantity_at(self, price: Price) -> Qty {
        let exact = self.0.checked_div(price.0).unwrap_or(Decimal::ZERO);
        Qty(exact.round_dp_with_strategy(MOST_DECIMALS, rust_decimal::RoundingStrategy::ToZero).normalize())
    }
    /// What remains after taking `other` away; nothing if `other` is more.
    pub fn less(self, other: Notional) -> Notional {
        Notional((self.0.saturating_sub(other.0)).max(Decimal::ZERO))
    }
    /// The same number as a signed amount of the quote asset.
    pub const fn amount(self) -> Amount {
        Amount(self.0)
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(Decimal::ZERO);
    /// True for nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
    /// This amount in percent of `whole`; zero where there is no whole.
    pub fn percent_of(self, whole: Notional) -> Decimal {
        percent_of(self.0, whole.0)
    }
}

fn floor(value: Decimal, step: Decimal) -> Decimal {
    match value.checked_rem(step) {
        Some(rest) => value.saturating_sub(rest).normalize(),
        None => value,
    }
}
/// `value * hundredths / 100`, kept within the decimals that are read from outside.
fn scaled(value: Decimal, hundredths: Decimal) -> Decimal {
    let exact = value.saturating_mul(hundredths).checked_div(Decimal::ONE_HUNDRED).unwrap_or(value);
    exact.round_dp(MOST_DECIMALS).normalize()
}
fn percent_of(part: Decimal, whole: Decimal) -> Decimal {
    let share = part.checked_div(whole).unwrap_or(Decimal::ZERO);
    share.saturating_mul(Decimal::ONE_HUNDRED).round_dp(6).normalize()
}

impl Mul<Price> for Qty {
    type Output = Notional;
    fn mul(self, price: Price) -> Notional {
        Notional(self.0.saturating_mul(price.0).normalize())
    }
}
impl Add for Qty {
    type Output = Qty;
    fn add(self, other: Qty) -> Qty {
        Qty(self.0.saturating_add(other.0).normalize())
    }
}
impl Add for Notional {
    type Output = Notional;
    fn add(self, other: Notional) -> Notional {
        Notional(self.0.saturating_add(other.0).normalize())
    }
}
impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0).normalize())
    }
}
impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0).normalize())
    }
}
impl Neg for Amount {
    type Output = Amount;
    fn neg(self) -> Amount {
        Amount(-self.0)
    }
}
impl Sum for Qty {
    fn sum<I: Iterator<Item = Qty>>(all: I) -> Qty {
        all.fold(Qty::ZERO, Add::add)
    }
}
impl Sum for Notional {
    fn sum<I: Iterator<Item = Notional>>(all: I) -> Notional {
        all.fold(Notional::ZERO, Add::add)
    }
}
impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(all: I) -> Amount {
        all.fold(Amount::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qty(text: &str) -> Qty {
        Qty::parse(text).unwrap()
    }
    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn the_largest_amount_is_ten_trillion() {
        assert_eq!(LARGEST.to_string(), "10000000000000");
    }

    #[test]
    fn only_finite_decimals_in_range_are_read() {
        for text in [
            "",
            " ",
            "NaN",
            "inf",
            "1e400",
            "1e-400",
            "0x10",
            "1,5",
            "1_000",
            "--1",
            "1e99",
            "0.0000000000000001",
        ] {
            assert!(decimal(text).is_err(), "{text:?} was read");
        }
        assert_eq!(decimal("1E-8").unwrap().to_string(), "0.00000001");
        assert_eq!(decimal("50000.0").unwrap().to_string(), "50000");
    }

    #[test]
    fn a_price_of_zero_and_a_negative_quantity_do_not_exist() {
        assert_eq!(Price::parse("0"), Err(BadAmount::NotPositive(Decimal::ZERO)));
        assert!(matches!(Qty::parse("-0.1"), Err(BadAmount::Negative(_))));
    }

    #[test]
    fn a_quantity_is_floored_to_its_step_and_a_price_to_its_tick() {
        assert_eq!(qty("0.00111999").floor_to(qty("0.00001")), qty("0.00111"));
        assert_eq!(qty("5").floor_to(Qty::ZERO), qty("5"));
        assert_eq!(price("100.019").floor_to(decimal("0.01").unwrap()), Some(price("100.01")));
        assert_eq!(price("100.011").ceil_to(decimal("0.01").unwrap()), price("100.02"));
        assert_eq!(price("0.001").floor_to(decimal("0.01").unwrap()), None);
    }

    #[test]
    fn percentages_move_a_price_both_ways() {
        let two = Percent::parse("2").unwrap();
        assert_eq!(price("100").above(two), price("102"));
        assert_eq!(price("100").below(two), Some(price("98")));
        assert_eq!(price("100").below(Percent::parse("100").unwrap()), None);
        assert_eq!(price("100").distance(price("97")), Percent::parse("3").unwrap());
    }

    proptest::proptest! {
        #[test]
        fn no_product_of_two_amounts_overflows(a in 0u64..=10_000_000_000_000, b in 1u64..=10_000_000_000_000) {
            let product = Qty::new(a.into()).unwrap() * Price::new(b.into()).unwrap();
            proptest::prop_assert_eq!(product.value(), Decimal::from(u128::from(a) * u128::from(b)));
        }
        #[test]
        fn flooring_never_adds_and_leaves_less_than_a_step(value in 0u64..1_000_000_000, step in 1u64..100_000) {
            let (value, step) = (Qty::new(Decimal::new(value as i64, 8)).unwrap(), Qty::new(Decimal::new(step as i64, 8)).unwrap());
            let floored = value.floor_to(step);
            proptest::prop_assert!(floored <= value);
            proptest::prop_assert!(value.less(floored) < step);
        }
    }
}
