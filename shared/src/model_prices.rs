//! What models cost, by date. A model that is not listed costs as much as the dearest that is.
//!
//! Source: genai-prices of 2026-08-21 (MIT), US dollars per million tokens. Anthropic prices a write to its
//! five-minute cache at 1.25 times the plain price.

use rust_decimal::Decimal;

use crate::money::Notional;
use crate::ports::Usage;
use crate::time::Day;

/// Dollars per million tokens, in thousandths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    input: i64,
    cache_read: i64,
    output: i64,
}

/// What a model costs from a day on, for answers with more than `above` tokens in.
#[derive(Debug)]
struct Row {
    model: &'static str,
    effective_from: Day,
    above: u32,
    rate: Rate,
}

/// Before every day that is asked for.
const ALWAYS: Day = Day(0);
/// 2026-09-01.
const SEPTEMBER_2026: Day = Day(20_697);

const fn row(model: &'static str, effective_from: Day, above: u32, rate: [i64; 3]) -> Row {
    let [input, cache_read, output] = rate;
    Row { model, effective_from, above, rate: Rate { input, cache_read, output } }
}

/// A later row of the same model replaces an earlier one; so does one with a higher `above`.
const PRICES: [Row; 14] = [
    row("claude-haiku-4-5", ALWAYS, 0, [1_000, 100, 5_000]),
    row("claude-sonnet-4-6", ALWAYS, 0, [3_000, 300, 15_000]),
    row("claude-sonnet-5", ALWAYS, 0, [2_000, 200, 10_000]),
    row("claude-sonnet-5", SEPTEMBER_2026, 0, [3_000, 300, 15_000]),
    row("claude-opus-4-7", ALWAYS, 0, [5_000, 500, 25_000]),
    row("claude-opus-4-8", ALWAYS, 0, [5_000, 500, 25_000]),
    row("claude-opus-5", ALWAYS, 0, [5_000, 500, 25_000]),
    row("gpt-5-nano", ALWAYS, 0, [50, 5, 400]),
    row("gpt-5-mini", ALWAYS, 0, [250, 25, 2_000]),
    row("gpt-5", ALWAYS, 0, [1_250, 125, 10_000]),
    row("gpt-5.2", ALWAYS, 0, [1_750, 175, 14_000]),
    row("gpt-5.4", ALWAYS, 0, [2_500, 250, 15_000]),
    row("gpt-5.4", ALWAYS, 272_000, [5_000, 500, 22_500]),
    row("gpt-5.5", ALWAYS, 0, [5_000, 500, 30_000]),
];

/// True where `model` is `name` or a dated snapshot of it (`name-20251001`, `name-2025-08-07`); a longer name
/// is another model.
pub fn is_named(model: &str, name: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    let Some(date) = rest.strip_prefix('-') else { return rest.is_empty() };
    date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && date.bytes().filter(u8::is_ascii_digit).count() == 8
}

/// What one answer of `model` cost on `day`, in US dollars, exactly.
pub fn dollars(model: &str, day: Day, usage: Usage) -> Notional {
    let rate = rate(model, day, usage.tokens_in);
    let cached = usage.cache_read.saturating_add(usage.cache_written);
    let plain = usage.tokens_in.saturating_sub(cached);
    // Quarters of a thousandth of a dollar per million tokens: 1.25 times a whole number is one of them.
    let parts = [
        (plain, rate.input.saturating_mul(4)),
        (usage.cache_read, rate.cache_read.saturating_mul(4)),
        (usage.cache_written, rate.input.saturating_mul(5)),
        (usage.tokens_out, rate.output.saturating_mul(4)),
    ];
    let total: i128 =
        parts.iter().map(|(tokens, price)| i128::from(*tokens).saturating_mul((*price).into())).sum();
    // One quarter is 0.25 thousandths of a dollar per million: 25 at eleven decimals.
    let exact = Decimal::try_from_i128_with_scale(total.saturating_mul(25), 11).unwrap_or(Decimal::MAX);
    Notional::new(exact).unwrap_or(Notional::ZERO)
}

fn rate(model: &str, day: Day, tokens_in: u32) -> Rate {
    let in_effect = PRICES.iter().filter(|row| row.effective_from <= day);
    let listed = in_effect.filter(|row| is_named(model, row.model) && above(row, tokens_in));
    listed.max_by_key(|row| (row.effective_from, row.above)).map_or_else(dearest, |row| row.rate)
}

fn above(row: &Row, tokens_in: u32) -> bool {
    row.above == 0 || tokens_in > row.above
}

/// The highest of each price that was ever listed.
fn dearest() -> Rate {
    let most = |price: fn(&Rate) -> i64| PRICES.iter().map(|row| price(&row.rate)).max().unwrap_or(i64::MAX);
    Rate {
        input: most(|rate| rate.input),
        cache_read: most(|rate| rate.cache_read),
        output: most(|rate| rate.output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: Usage =
        Usage { tokens_in: 1_000_000, cache_read: 0, cache_written: 0, tokens_out: 1_000_000 };

    fn cost(model: &str, day: &str, usage: Usage) -> String {
        dollars(model, Day::parse(day).unwrap(), usage).to_string()
    }

    #[test]
    fn a_change_of_date_changes_the_price() {
        assert_eq!(Day::parse("2026-09-01").unwrap(), SEPTEMBER_2026);
        assert_eq!(cost("claude-sonnet-5", "2026-08-31", MILLION), "12");
        assert_eq!(cost("claude-sonnet-5", "2026-09-01", MILLION), "18");
        assert_eq!(cost("claude-haiku-4-5-20251001", "2023-03-01", MILLION), "6");
    }

    #[test]
    fn cached_tokens_are_priced_apart_and_nothing_is_rounded() {
        let usage = Usage { tokens_in: 1_111, cache_read: 1_000, cache_written: 100, tokens_out: 1 };
        // 11 x 1 + 1000 x 0.1 + 100 x 1.25 + 1 x 5, per million.
        assert_eq!(cost("claude-haiku-4-5", "2026-01-01", usage), "0.000241");
        let one = Usage { tokens_in: 1, cache_read: 0, cache_written: 1, tokens_out: 0 };
        assert_eq!(cost("gpt-5-nano", "2026-01-01", one), "0.0000000625");
    }

    #[test]
    fn an_unknown_model_costs_as_the_dearest() {
        for model in ["claude-next", "gpt-5-pro", "claude-haiku-4-5x", "claude-opus-5-1", ""] {
            assert_eq!(cost(model, "2026-01-01", MILLION), "35", "{model}");
        }
    }

    #[test]
    fn a_long_prompt_is_in_its_own_tier() {
        let long = Usage { tokens_in: 272_001, tokens_out: 1_000_000, ..Usage::default() };
        let short = Usage { tokens_in: 272_000, ..long };
        assert_eq!(cost("gpt-5.4", "2026-09-30", short), "15.68");
        assert_eq!(cost("gpt-5.4", "2026-09-30", long), "23.860005");
    }

    #[test]
    fn only_a_dated_snapshot_shares_its_models_name() {
        assert!(is_named("gpt-5-2025-08-07", "gpt-5"));
        for other in ["gpt-5-nano", "gpt-5.1", "gpt-5-1", "gpt-5-", "gpt"] {
            assert!(!is_named(other, "gpt-5"), "{other}");
        }
    }

    #[test]
    fn the_largest_usage_has_a_price() {
        let most =
            Usage { tokens_in: u32::MAX, cache_read: 0, cache_written: u32::MAX, tokens_out: u32::MAX };
        assert!(dollars("unknown", ALWAYS, most) > Notional::ZERO);
    }
}
