//! Rounding of exact decimals, each with a direction.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

/// The finest fraction that a balance has.
const DECIMALS: u32 = 8;

/// No price, quantity or balance reaches this; it keeps every product far from overflow.
pub(super) fn too_large(value: Decimal) -> bool {
    value.abs() >= Decimal::from(100_000_000_000_u64)
}

/// Down (towards zero) to 8 decimals.
pub(super) fn floor8(value: Decimal) -> Decimal {
    value.trunc_with_scale(DECIMALS)
}

/// Half up to 8 decimals, as fees are: 1,308 of 1,310 recorded fees with a ninth decimal (BTCUSDT, 2019-10 to 2020-08).
pub(super) fn round8(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointAwayFromZero)
}

/// Up to 8 decimals.
pub(super) fn ceil8(value: Decimal) -> Decimal {
    let down = floor8(value);
    if down < value { down + Decimal::new(1, DECIMALS) } else { down }
}

/// Down to a multiple of `step`; a step of zero means 8 decimals.
pub(super) fn floor_to(value: Decimal, step: Decimal) -> Decimal {
    if step.is_zero() { floor8(value) } else { value - value % step }
}

/// Up to a multiple of `step`; a step of zero means 8 decimals.
pub(super) fn ceil_to(value: Decimal, step: Decimal) -> Decimal {
    let down = floor_to(value, step);
    match down < value {
        true if step.is_zero() => ceil8(value),
        true => down + step,
        false => down,
    }
}

/// Whether the value is a multiple of `step`; a step of zero allows everything.
pub(super) fn on_step(value: Decimal, step: Decimal) -> bool {
    step.is_zero() || (value % step).is_zero()
}

/// A decimal as Binance writes it: text with 8 decimals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Num(pub(super) Decimal);

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{:.8}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn rounding_goes_to_the_named_side() {
        assert_eq!(floor_to(d("1.239"), d("0.01")), d("1.23"));
        assert_eq!(ceil_to(d("1.231"), d("0.01")), d("1.24"));
        assert_eq!(ceil_to(d("1.23"), d("0.01")), d("1.23"));
        assert_eq!(floor_to(d("1.123456789"), Decimal::ZERO), d("1.12345678"));
        assert_eq!(ceil_to(d("1.123456781"), Decimal::ZERO), d("1.12345679"));
    }

    #[test]
    fn a_number_is_written_with_eight_decimals() {
        let text = serde_json::to_string(&[Num(d("1.5")), Num(d("-1")), Num(d("0.00000001"))]).unwrap();
        assert_eq!(text, r#"["1.50000000","-1.00000000","0.00000001"]"#);
    }
}
