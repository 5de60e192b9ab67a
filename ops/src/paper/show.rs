//! How amounts and times are written for a person: exact decimals in, rounded text out.

use rust_decimal::{Decimal, RoundingStrategy};
use shared::time::Timestamp;

/// An amount of money: `12,345.67`.
pub(crate) fn money(amount: Decimal) -> String {
    grouped(&format!("{:.2}", rounded(amount, 2)))
}

/// A gain or a loss: `+12.30`, `-4.00`, `0.00`.
pub(super) fn signed(amount: Decimal) -> String {
    let text = money(amount);
    if rounded(amount, 2) > Decimal::ZERO { format!("+{text}") } else { text }
}

/// A price: two places, or five significant digits below one.
pub(crate) fn price(price: Decimal) -> String {
    if price.abs() >= Decimal::ONE || price.is_zero() {
        return money(price);
    }
    price.round_sf(5).map_or_else(|| exact(price), exact)
}

/// Every digit and no trailing zero.
pub(super) fn exact(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// A count: `1,210`.
pub(crate) fn count(many: impl TryInto<u64>) -> String {
    many.try_into().map_or_else(|_| "?".to_owned(), |many| grouped(&many.to_string()))
}

/// One of something, or many: `1 order`, `2 orders`.
pub(super) fn counted(many: usize, one: &str) -> String {
    if many == 1 { format!("1 {one}") } else { format!("{} {one}s", count(many)) }
}

/// A share in percent with its sign: `+1.23 %`; nothing when there is no whole.
pub(super) fn percent(part: Decimal, whole: Decimal) -> Option<String> {
    let share = part.checked_div(whole)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(format!("{} %", signed(share)))
}

/// So many for each of them: `12.3`; `n/a` when there is none.
pub(super) fn per(total: Decimal, each: usize) -> String {
    let share = total.checked_div(Decimal::from(each));
    share.map_or_else(|| "n/a".to_owned(), |share| grouped(&format!("{:.1}", rounded(share, 1))))
}

/// `2023-03-01 04:25`, in UTC.
pub(super) fn minute(at: Timestamp) -> String {
    at.to_string().replace('T', " ").chars().take(16).collect()
}

/// Text on one line, without anything that a terminal would act on.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { ' ' } else { c }).collect()
}

/// At most so many characters, with a mark where some were left off.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most).chain(['…']).collect(),
    }
}

/// Thousands apart: `1234.5` becomes `1,234.5`.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn rounded(amount: Decimal, places: u32) -> Decimal {
    let amount = amount.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    if amount.is_zero() { Decimal::ZERO } else { amount }
}

/// Characters that turn the direction of what follows.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn money_is_rounded_half_away_from_zero_and_grouped() {
        assert_eq!(money(dec("1234567.885")), "1,234,567.89");
        assert_eq!(money(dec("-1234.005")), "-1,234.01");
        assert_eq!(money(dec("-0.001")), "0.00");
        assert_eq!(signed(dec("100")), "+100.00");
        assert_eq!(signed(dec("-0.004")), "0.00");
        assert_eq!(signed(dec("0.004")), "0.00");
    }

    #[test]
    fn a_small_price_keeps_its_digits() {
        assert_eq!(price(dec("0.000123456")), "0.00012346");
        assert_eq!(price(dec("23000.1")), "23,000.10");
    }

    #[test]
    fn a_share_of_nothing_is_not_a_number() {
        assert_eq!(percent(dec("1"), Decimal::ZERO), None);
        assert_eq!(per(dec("1"), 0), "n/a");
        assert_eq!(per(dec("10"), 4), "2.5");
    }

    #[test]
    fn what_a_terminal_acts_on_is_blanked() {
        assert_eq!(one_line("a\u{1b}[31mb\nc\u{202e}d"), "a [31mb c d");
        assert_eq!(clipped("äöü", 2), "äö…");
        assert_eq!(clipped("äöü", 3), "äöü");
    }

    #[test]
    fn a_minute_reads_as_a_date() {
        assert_eq!(minute(Timestamp::parse("2023-03-01T04:25:59.5Z").unwrap()), "2023-03-01 04:25");
    }
}
