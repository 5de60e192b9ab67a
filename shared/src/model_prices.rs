//! What models cost, by date, to the last fraction of a cent.
//!
//! A model that is not listed costs as the dearest that is, and so does every model of a compatible server:
//! its owner has not told us a price.

mod table;

use rust_decimal::Decimal;

use crate::money::Notional;
use crate::ports::Usage;
use crate::time::Day;
use table::PRICES;

/// Hundred-thousandths of a dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    input: i64,
    cache_read: i64,
    cache_written: i64,
    cache_written_1h: i64,
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

const fn row(model: &'static str, effective_from: Day, above: u32, rate: [i64; 5]) -> Row {
    let [input, cache_read, cache_written, cache_written_1h, output] = rate;
    Row {
        model,
        effective_from,
        above,
        rate: Rate { input, cache_read, cache_written, cache_written_1h, output },
    }
}

/// True where `model` is `name` or a dated snapshot of it (`name-20251001`, `name-2025-08-07`); a longer name
/// is another model. Bedrock's ids are read without their version (`-v1:0`) and without the region of their
/// inference profile; only `global.` is a name of its own, with its own price.
pub fn is_named(model: &str, name: &str) -> bool {
    let Some(rest) = undecorated(model).strip_prefix(name) else { return false };
    let Some(date) = rest.strip_prefix('-') else { return rest.is_empty() };
    date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && date.bytes().filter(u8::is_ascii_digit).count() == 8
}

/// The regions of Bedrock's inference profiles ("Supported Regions and models for inference profiles").
const REGIONS: [&str; 8] = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "us-gov."];

/// A Bedrock id without version and region; any other name as it is.
fn undecorated(model: &str) -> &str {
    let local = REGIONS.iter().find_map(|region| model.strip_prefix(region)).unwrap_or(model);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = local.rsplit_once(':').filter(|(_, minor)| digits(minor)).map_or(local, |(whole, _)| whole);
    whole.rsplit_once("-v").filter(|(_, major)| digits(major)).map_or(whole, |(name, _)| name)
}

/// What one answer of `model` (a name, or `provider/name`) cost on `day`, in US dollars, exactly.
pub fn dollars(model: &str, day: Day, usage: Usage) -> Notional {
    let rate = rate(model, day, usage.tokens_in);
    let cached = usage.cache_read.saturating_add(usage.cache_written);
    let long = usage.cache_written_1h.min(usage.cache_written);
    let parts = [
        (usage.tokens_in.saturating_sub(cached), rate.input),
        (usage.cache_read, rate.cache_read),
        (usage.cache_written.saturating_sub(long), rate.cache_written),
        (long, rate.cache_written_1h),
        (usage.tokens_out, rate.output),
    ];
    let total: i128 = parts.iter().map(|(tokens, price)| i128::from(*tokens) * i128::from(*price)).sum();
    // One hundred-thousandth per million is one at eleven decimals.
    let exact = Decimal::try_from_i128_with_scale(total, 11).unwrap_or(Decimal::MAX);
    Notional::new(exact).unwrap_or(Notional::ZERO)
}

fn rate(model: &str, day: Day, tokens_in: u32) -> Rate {
    let name = match model.split_once('/') {
        Some(("compatible", _)) => return dearest(),
        Some((_, name)) => name,
        None => model,
    };
    let in_effect = PRICES.iter().filter(|row| row.effective_from <= day);
    let listed = in_effect.filter(|row| is_named(name, row.model) && above(row, tokens_in));
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
        cache_written: most(|rate| rate.cache_written),
        cache_written_1h: most(|rate| rate.cache_written_1h),
        output: most(|rate| rate.output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(tokens_in: u32, tokens_out: u32) -> Usage {
        Usage { tokens_in, tokens_out, ..Usage::default() }
    }

    const MILLION: u32 = 1_000_000;

    fn cost(model: &str, day: &str, usage: Usage) -> String {
        dollars(model, Day::parse(day).unwrap(), usage).to_string()
    }

    #[test]
    fn a_change_of_date_changes_the_price() {
        assert_eq!(cost("gpt-5.6-sol", "2026-08-20", usage(1_000, 1_000)), "0.035");
        assert_eq!(cost("gpt-5.6-sol", "2026-08-21", usage(1_000, 1_000)), "0.024");
        assert_eq!(cost("claude-haiku-4-5-20251001", "2023-03-01", usage(MILLION, MILLION)), "6");
    }

    #[test]
    fn cached_tokens_are_priced_apart_and_nothing_is_rounded() {
        let cached = Usage { cache_read: 1_000, cache_written: 100, cache_written_1h: 40, ..usage(1_111, 1) };
        // 11 x 1 + 1000 x 0.1 + 60 x 1.25 + 40 x 2 + 1 x 5, per million.
        assert_eq!(cost("claude-haiku-4-5", "2026-01-01", cached), "0.000271");
        let one = Usage { cache_read: 1, ..usage(1, 0) };
        assert_eq!(cost("amazon.nova-micro-v1:0", "2026-01-01", one), "0.00000000875");
    }

    #[test]
    fn an_unknown_model_costs_as_the_dearest() {
        for model in ["claude-next", "gpt-5-pro", "claude-haiku-4-5x", "openai/gpt-9", "compatible/gpt-5", ""]
        {
            assert_eq!(cost(model, "2026-01-01", usage(MILLION, MILLION)), "95", "{model}");
        }
        let dearest = dearest();
        for Row { rate, .. } in &PRICES {
            assert!(rate.input <= dearest.input && rate.cache_read <= dearest.cache_read);
            assert!(rate.cache_written <= dearest.cache_written && rate.output <= dearest.output);
            assert!(rate.cache_written_1h <= dearest.cache_written_1h);
        }
    }

    #[test]
    fn a_long_prompt_is_in_its_own_tier() {
        assert_eq!(cost("gpt-5.4", "2026-09-30", usage(272_000, MILLION)), "15.68");
        assert_eq!(cost("gpt-5.4", "2026-09-30", usage(272_001, MILLION)), "23.860005");
        assert_eq!(cost("claude-sonnet-4-6", "2026-03-12", usage(200_001, 0)), "1.200006");
        assert_eq!(cost("claude-sonnet-4-6", "2026-03-13", usage(200_001, 0)), "0.600003");
    }

    #[test]
    fn only_a_dated_snapshot_shares_its_models_name() {
        for same in ["gpt-5", "gpt-5-2025-08-07", "gpt-5-20250807"] {
            assert!(is_named(same, "gpt-5"), "{same}");
        }
        for other in ["gpt-5-nano", "gpt-5.1", "gpt-5-1", "gpt-5-", "gpt"] {
            assert!(!is_named(other, "gpt-5"), "{other}");
        }
    }

    #[test]
    fn a_bedrock_id_is_priced_by_where_it_runs() {
        let cost = |model: &str| cost(model, "2026-01-01", usage(MILLION, 0));
        for regional in ["", "us.", "eu.", "jp."] {
            assert_eq!(cost(&format!("{regional}anthropic.claude-haiku-4-5-20251001-v1:0")), "1.1");
        }
        assert_eq!(cost("global.anthropic.claude-haiku-4-5-20251001-v1:0"), "1");
        assert_eq!(cost("bedrock/us.amazon.nova-lite-v1:0"), "0.06");
        assert_eq!(cost("mars.anthropic.claude-haiku-4-5-20251001-v1:0"), "20");
    }

    #[test]
    fn the_largest_usage_has_a_price() {
        let most = Usage { cache_written: u32::MAX, cache_written_1h: u32::MAX, ..usage(u32::MAX, u32::MAX) };
        assert!(dollars("unknown", ALWAYS, most) > Notional::ZERO);
    }
}
