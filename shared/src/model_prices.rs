//! What models cost, by provider, date, tier and hour, to the last fraction of a cent.
//!
//! [`dollars`] prices an answer by the list; [`dollars_at`] prices one of a server whose owner has set a [`Price`].
//! A model that is not on its provider's list is assumed to cost as the dearest that is, and so is every model of
//! a server that has no list. [`is_listed`] tells the two apart.

mod table;

use rust_decimal::Decimal;

use crate::money::Notional;
use crate::ports::Usage;
use crate::time::Timestamp;
use table::{ANTHROPIC, ASSUMED, BEDROCK, BEDROCK_GLOBAL, OPENAI, PROVIDERS};

/// Millionths of a dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    input: i64,
    cache_read: i64,
    cache_written: i64,
    cache_written_1h: i64,
    output: i64,
}

/// What a model costs from an hour on, for answers with more than `above` tokens in.
#[derive(Debug)]
struct Row {
    model: &'static str,
    /// Hours since 1970-01-01T00:00Z.
    from: i64,
    above: u32,
    /// At peak hours alone.
    peak: bool,
    rate: Rate,
}

const fn row(model: &'static str, from: i64, above: u32, rate: [i64; 5]) -> Row {
    let [input, cache_read, cache_written, cache_written_1h, output] = rate;
    let rate = Rate { input, cache_read, cache_written, cache_written_1h, output };
    Row { model, from, above, peak: false, rate }
}

const fn peak(model: &'static str, from: i64, rate: [i64; 5]) -> Row {
    Row { peak: true, ..row(model, from, 0, rate) }
}

/// DeepSeek's peak hours: 01:00 to 04:00 and 06:00 to 10:00 UTC, Monday to Friday. Weekends are off-peak since
/// 2026-08-23, and so are Chinese public holidays, which count as peak here ("Models & Pricing",
/// api-docs.deepseek.com, November 2026). Both windows are on the same day in Beijing as in UTC.
fn is_peak(hour: i64) -> bool {
    // 1970-01-01 was a Thursday.
    let weekday = hour.div_euclid(24).saturating_add(3).rem_euclid(7);
    weekday < 5 && matches!(hour.rem_euclid(24), 1..=3 | 6..=9)
}

/// True where `model` is `name` or a dated snapshot of it (`name-20251001`, `name-2025-08-07`); a longer name
/// is another model. Bedrock's ids are read without their version (`-v1:0`) and without the region of their
/// inference profile; only `global.` is a name of its own.
pub fn is_named(model: &str, name: &str) -> bool {
    is_snapshot(undecorated(model), name)
}

/// A Bedrock id without version and region; any other name as it is.
pub(crate) fn undecorated(id: &str) -> &str {
    place(without_version(id)).1
}

fn is_snapshot(model: &str, name: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    let Some(date) = rest.strip_prefix('-') else { return rest.is_empty() };
    date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && date.bytes().filter(u8::is_ascii_digit).count() == 8
}

/// AWS GovCloud's inference profiles.
const GOV: &str = "us-gov.";
/// The regions of Bedrock's inference profiles ("Supported Regions and models for inference profiles").
const REGIONS: [&str; 8] = [GOV, "us.", "eu.", "apac.", "jp.", "au.", "ca.", "in."];

/// The region of a Bedrock id, and the id without it; any other name as it is.
fn place(id: &str) -> (&str, &str) {
    let found = REGIONS.iter().find_map(|region| Some((*region, id.strip_prefix(region)?)));
    found.unwrap_or(("", id))
}

/// A Bedrock id without its version; any other name as it is.
fn without_version(id: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = id.rsplit_once(':').filter(|(_, minor)| digits(minor)).map_or(id, |(whole, _)| whole);
    whole.rsplit_once("-v").filter(|(_, major)| digits(major)).map_or(whole, |(name, _)| name)
}

/// Where the price of a model stands.
struct Listed<'a> {
    rows: &'static [Row],
    name: &'a str,
    /// Of the rows' price.
    percent: i128,
}

impl Listed<'_> {
    fn rate(&self, at: Timestamp, tokens_in: u32) -> Option<Rate> {
        let hour = at.as_secs().div_euclid(3_600);
        let applies = |row: &&Row| {
            row.from <= hour && (row.above == 0 || tokens_in > row.above) && (!row.peak || is_peak(hour))
        };
        let rows = self.rows.iter().filter(applies).filter(|row| is_snapshot(self.name, row.model));
        // A snapshot with a row of its own is not its model.
        rows.max_by_key(|row| (row.model.len(), row.from, row.above, row.peak)).map(|row| row.rate)
    }
}

/// Where the price of `model` (`provider/name`) stands, if its provider has a list.
fn find(model: &str) -> Option<Listed<'_>> {
    match model.split_once('/')? {
        ("bedrock", id) => Some(on_bedrock(id)),
        (provider, name) => {
            let (_, _, rows) = PROVIDERS.iter().find(|(listed, _, _)| *listed == provider)?;
            Some(Listed { rows, name, percent: 100 })
        }
    }
}

/// Anthropic's and OpenAI's models cost on Bedrock what they cost at home if their profile is `global.`. Elsewhere
/// they cost a tenth more, as do a few others. GovCloud asks a fifth more than the other regions, but for
/// Anthropic's models a fifth more than `global.` (genai-prices 0.2.3, provider `aws`; litellm 1.110.2's map).
fn on_bedrock(id: &str) -> Listed<'_> {
    // An ARN ends with the id.
    let whole = without_version(id.rsplit_once('/').map_or(id, |(_, id)| id));
    let (region, name) = match whole.strip_prefix("global.") {
        Some(name) => ("global.", name),
        None => place(whole),
    };
    let has = |name: &str| BEDROCK.iter().any(|row| is_snapshot(name, row.model));
    if has(whole) {
        return Listed { rows: BEDROCK, name: whole, percent: 100 };
    }
    let gov = region == GOV;
    if has(name) {
        return Listed { rows: BEDROCK, name, percent: if gov { 120 } else { 100 } };
    }
    let by_maker = |maker, rows| Some((rows, name.strip_prefix(maker)?));
    let anthropic = by_maker("anthropic.", ANTHROPIC);
    let percent = match region {
        "global." => 100,
        GOV if anthropic.is_some() => 120,
        GOV => 132,
        _ => 110,
    };
    let (rows, name) = anthropic.or_else(|| by_maker("openai.", OPENAI)).unwrap_or((BEDROCK_GLOBAL, name));
    Listed { rows, name, percent }
}

/// The dearest that the model behind an OpenRouter route (`vendor/name`) ever was at its vendor, with cached tokens
/// at the price of others: an answer tells what it cost, and no list says which host the next one is routed to.
fn behind(route: &str) -> Option<Rate> {
    let (vendor, name) = route.split_once('/')?;
    let (_, _, rows) = PROVIDERS.iter().find(|(_, listed, _)| *listed == vendor)?;
    // Anthropic writes `claude-haiku-4-5`, OpenRouter `claude-haiku-4.5`.
    let same = |row: &&Row| row.model.replace('.', "-") == name.replace('.', "-");
    let rate = rows.iter().filter(same).map(|row| row.rate).reduce(dearer)?;
    Some(Rate { cache_read: rate.input, ..rate })
}

fn dearer(one: Rate, other: Rate) -> Rate {
    Rate {
        input: one.input.max(other.input),
        cache_read: one.cache_read.max(other.cache_read),
        cache_written: one.cache_written.max(other.cache_written),
        cache_written_1h: one.cache_written_1h.max(other.cache_written_1h),
        output: one.output.max(other.output),
    }
}

/// Whether the price of `model` (`provider/name`) at that time is on the list; otherwise [`dollars`] assumes one.
/// It assumes one for every route of OpenRouter, and for every server without a list.
pub fn is_listed(model: &str, at: Timestamp) -> bool {
    find(model).and_then(|listed| listed.rate(at, 0)).is_some()
}

/// What one answer of `model` (`provider/name`) at that time cost, in US dollars, exactly.
pub fn dollars(model: &str, at: Timestamp, usage: Usage) -> Notional {
    let known = match model.split_once('/') {
        Some(("openrouter", route)) => behind(route).map(|rate| (rate, 100)),
        _ => find(model).and_then(|listed| Some((listed.rate(at, usage.tokens_in)?, listed.percent))),
    };
    let (rate, percent) = known.unwrap_or((ASSUMED, 100));
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
    // A percent of a millionth per million is one at fourteen decimals.
    let exact = Decimal::try_from_i128_with_scale(total * percent, 14).unwrap_or(Decimal::MAX);
    Notional::new(exact).unwrap_or(Notional::ZERO)
}

/// What a server asks, by its owner: US dollars per million tokens in, cached or not, and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    input: Decimal,
    output: Decimal,
}

/// A number that is no [`Price`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no price of a million tokens: from 0 to 100000 US dollars, with at most 9 decimals")]
pub struct NotAPrice(pub Decimal);

impl Price {
    /// Both from 0 to 100,000 with at most 9 decimals, so that every answer's cost is exact.
    pub fn new(input: Decimal, output: Decimal) -> Result<Price, NotAPrice> {
        let check = |price: Decimal| {
            let fits =
                (Decimal::ZERO..=Decimal::from(100_000)).contains(&price) && price.normalize().scale() <= 9;
            if fits { Ok(price) } else { Err(NotAPrice(price)) }
        };
        Ok(Price { input: check(input)?, output: check(output)? })
    }

    /// What a million tokens in and a million tokens out cost, in US dollars.
    pub const fn per_million(self) -> (Decimal, Decimal) {
        (self.input, self.output)
    }
}

/// What one answer cost at a price that the server's owner has set, in US dollars, exactly.
pub fn dollars_at(price: Price, usage: Usage) -> Notional {
    let parts = [(usage.tokens_in, price.input), (usage.tokens_out, price.output)];
    let millions: Decimal = parts.iter().map(|(tokens, price)| Decimal::from(*tokens) * price).sum();
    Notional::new(millions * Decimal::new(1, 6)).unwrap_or(Notional::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Day;

    fn usage(tokens_in: u32, tokens_out: u32) -> Usage {
        Usage { tokens_in, tokens_out, ..Usage::default() }
    }

    const MILLION: u32 = 1_000_000;

    /// At noon of a day, or at an hour (`2026-11-02T01`).
    fn at(when: &str) -> Timestamp {
        let hour = if when.len() == 10 { "T12" } else { "" };
        Timestamp::parse(&format!("{when}{hour}:00:00Z")).unwrap()
    }

    fn cost(model: &str, when: &str, usage: Usage) -> String {
        dollars(model, at(when), usage).to_string()
    }

    /// In and out, by a thousand tokens each, so that no tier is reached.
    fn per_million(model: &str, when: &str) -> (Decimal, Decimal) {
        let million = |usage| dollars(model, at(when), usage).value() * Decimal::ONE_THOUSAND;
        (million(usage(1_000, 0)).normalize(), million(usage(0, 1_000)).normalize())
    }

    fn price(input: &str, output: &str) -> (Decimal, Decimal) {
        (input.parse().unwrap(), output.parse().unwrap())
    }

    #[test]
    fn a_change_of_date_changes_the_price() {
        assert_eq!(cost("openai/gpt-5.6-sol", "2026-08-20", usage(1_000, 1_000)), "0.035");
        assert_eq!(cost("openai/gpt-5.6-sol", "2026-08-21", usage(1_000, 1_000)), "0.024");
        assert_eq!(cost("anthropic/claude-haiku-4-5-20251001", "2023-03-01", usage(MILLION, MILLION)), "6");
        for model in ["gemini/gemini-3.6-flash", "gemini/gemini-3.7-flash", "gemini/gemini-3.8-flash"] {
            assert_eq!(per_million(model, "2026-12-31"), price("0.75", "3.75"));
            assert_eq!(per_million(model, "2027-01-01T00"), price("1.5", "7.5"));
        }
    }

    #[test]
    fn cached_tokens_are_priced_apart_and_nothing_is_rounded() {
        let cached = Usage { cache_read: 1_000, cache_written: 100, cache_written_1h: 40, ..usage(1_111, 1) };
        // 11 x 1 + 1000 x 0.1 + 60 x 1.25 + 40 x 2 + 1 x 5, per million.
        assert_eq!(cost("anthropic/claude-haiku-4-5", "2026-01-01", cached), "0.000271");
        let one = Usage { cache_read: 1, ..usage(1, 0) };
        assert_eq!(cost("bedrock/amazon.nova-micro-v1:0", "2026-01-01", one), "0.00000000875");
        assert_eq!(cost("bedrock/us-gov.anthropic.claude-haiku-5-5", "2026-12-01", one), "0.000000012");
    }

    #[test]
    fn an_unknown_model_costs_as_the_dearest_listed() {
        for model in [
            "anthropic/claude-next",
            "anthropic/claude-haiku-4-5x",
            "openai/gpt-9",
            "openai/claude-haiku-4-5",
            "claude-haiku-4-5",
            "bedrock/mars.anthropic.claude-haiku-4-5-20251001-v1:0",
            "openrouter/anthropic/claude-next",
            "openrouter/anthropic",
            "compatible/gpt-5",
            "ollama/gpt-5",
            "my-server/claude-haiku-4-5",
            "",
        ] {
            assert_eq!(cost(model, "2026-12-01", usage(MILLION, MILLION)), "95", "{model}");
            assert!(!is_listed(model, at("2026-12-01")), "{model}");
        }
    }

    #[test]
    fn the_assumed_price_is_the_highest_but_for_pro_models() {
        let lists = PROVIDERS.iter().map(|(_, _, rows)| *rows).chain([BEDROCK, BEDROCK_GLOBAL]);
        let usual = lists.flatten().filter(|row| !(row.model.starts_with("gpt-") || row.model == "o3-pro"));
        let openai = OPENAI.iter().filter(|row| !row.model.ends_with("-pro"));
        assert_eq!(usual.chain(openai).map(|row| row.rate).reduce(dearer), Some(ASSUMED));
    }

    #[test]
    fn a_long_prompt_is_in_its_own_tier() {
        let day = "2026-12-01";
        assert_eq!(cost("openai/gpt-5.4", day, usage(272_000, MILLION)), "15.68");
        assert_eq!(cost("openai/gpt-5.4", day, usage(272_001, MILLION)), "23.860005");
        assert_eq!(cost("anthropic/claude-sonnet-4-6", "2026-03-12", usage(200_001, 0)), "1.200006");
        assert_eq!(cost("anthropic/claude-sonnet-4-6", "2026-03-13", usage(200_001, 0)), "0.600003");
        assert_eq!(cost("anthropic/claude-haiku-5-5", day, usage(100_000, 0)), "0.01");
        assert_eq!(cost("anthropic/claude-haiku-5-5", day, usage(100_001, 0)), "0.0500005");
        // xAI's second price is that of 200,000 tokens and more ("Models", docs.x.ai).
        assert_eq!(cost("xai/grok-4.7", day, usage(199_999, 0)), "0.399998");
        assert_eq!(cost("xai/grok-4.7", day, usage(200_000, 0)), "0.8");
    }

    #[test]
    fn only_a_dated_snapshot_shares_its_models_name() {
        for same in ["gpt-5", "gpt-5-2025-08-07", "gpt-5-20250807"] {
            assert!(is_named(same, "gpt-5"), "{same}");
        }
        for other in ["gpt-5-nano", "gpt-5.1", "gpt-5-1", "gpt-5-", "gpt"] {
            assert!(!is_named(other, "gpt-5"), "{other}");
        }
        // The first gpt-4o has a price of its own ("Pricing", developers.openai.com).
        assert_eq!(per_million("openai/gpt-4o-2024-08-06", "2026-12-01"), price("2.5", "10"));
        assert_eq!(per_million("openai/gpt-4o-2024-05-13", "2026-12-01"), price("5", "15"));
    }

    #[test]
    fn a_name_means_its_providers_model() {
        let day = "2026-12-01";
        assert_eq!(per_million("groq/openai/gpt-oss-20b", day), price("0.075", "0.3"));
        assert_eq!(per_million("bedrock/openai.gpt-oss-20b-1:0", day), price("0.07", "0.3"));
        assert_eq!(per_million("glm/glm-5.3", day), price("1.4", "4.4"));
        assert_eq!(per_million("bedrock/us.zai.glm-5.3", day), price("1.848", "5.808"));
        assert_eq!(per_million("kimi/kimi-k3", day), price("3", "15"));
    }

    #[test]
    fn a_bedrock_id_is_priced_by_where_it_runs() {
        let cost = |model: &str| cost(&format!("bedrock/{model}"), "2026-01-01", usage(MILLION, 0));
        for regional in ["", "us.", "eu.", "jp."] {
            assert_eq!(cost(&format!("{regional}anthropic.claude-haiku-4-5-20251001-v1:0")), "1.1");
        }
        assert_eq!(cost("global.anthropic.claude-haiku-4-5-20251001-v1:0"), "1");
        assert_eq!(cost("us.amazon.nova-lite-v1:0"), "0.06");
        let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0";
        assert_eq!(cost(arn), "1.1");
        for region in ["", "us.", "eu.", "global."] {
            assert_eq!(cost(&format!("{region}anthropic.claude-sonnet-4-20250514-v1:0")), "3");
        }
    }

    /// Where genai-prices has no price for a place, or one price for all of them, litellm 1.110.2's map says more.
    #[test]
    fn bedrock_regions_unknown_to_genai_prices_follow_litellm() {
        for (id, input, output) in [
            ("eu.amazon.nova-pro-v1:0", "1.05", "4.2"),
            ("apac.amazon.nova-lite-v1:0", "0.063", "0.252"),
            ("us-gov.amazon.nova-micro-v1:0", "0.042", "0.168"),
            ("us.amazon.nova-2-lite-v1:0", "0.33", "2.75"),
            ("jp.amazon.nova-2-lite-v1:0", "0.396", "3.311"),
            ("us-gov.anthropic.claude-opus-5-5", "4.8", "24"),
            ("us-gov.openai.gpt-oss-120b-1:0", "0.18", "0.72"),
            ("us-gov.xai.grok-4.7", "2.64", "7.92"),
            ("us.xai.grok-4.6", "2.2", "6.6"),
            ("us.anthropic.claude-mythos-5-1", "11", "55"),
            ("us.openai.gpt-5.4", "2.75", "16.5"),
            ("global.openai.gpt-5.5", "5", "30"),
            ("eu.deepseek.v3.2", "0.74", "2.22"),
            ("zai.glm-4.7", "0.6", "2.2"),
            ("qwen.qwen3-235b-a22b-2507-v1:0", "0.22", "0.88"),
        ] {
            assert_eq!(per_million(&format!("bedrock/{id}"), "2026-12-01"), price(input, output), "{id}");
        }
        let long = usage(MILLION, 0);
        assert_eq!(cost("bedrock/us.openai.gpt-5.4", "2026-12-01", long), "5.5");
        assert_eq!(cost("bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-12-01", long), "6.6");
        // litellm has a bare id at the global price; genai-prices, and AWS for Claude, at the regional one.
        assert_eq!(per_million("bedrock/openai.gpt-6-luna", "2026-12-01"), price("0.11", "0.55"));
    }

    /// Models that genai-prices lacks, as litellm 1.110.2's map has them (GPT-6.2: BerriAI/litellm discussion 52347).
    #[test]
    fn models_that_genai_prices_lacks_have_their_price() {
        for (model, input, output) in [
            ("qwen/qwen3.8-max", "2", "6"),
            ("qwen/qwen3.8-flash", "0.15", "0.47"),
            ("qwen/qwen3.7-max", "2.5", "7.5"),
            ("qwen/qwen3.7-plus", "0.4", "1.6"),
            ("anthropic/claude-mythos-5", "10", "50"),
            ("gemini/gemini-4-hydrogen", "1.5", "7.5"),
            ("openai/gpt-6.2-sol", "2", "10"),
            ("openai/gpt-6.2-astra", "8", "40"),
        ] {
            assert_eq!(per_million(model, "2026-12-01"), price(input, output), "{model}");
            assert!(is_listed(model, at("2026-12-01")), "{model}");
        }
        assert_eq!(cost("qwen/qwen3.7-plus", "2026-12-01", usage(256_001, 0)), "0.3072012");
    }

    #[test]
    fn a_promotion_past_its_promised_end_costs_list_price() {
        for (model, promised, list) in [
            ("openai/gpt-5.6-sol", price("4", "20"), price("5", "30")),
            ("bedrock/global.openai.gpt-5.6-sol", price("4", "20"), price("5", "30")),
            ("bedrock/us.openai.gpt-5.6-sol", price("4.4", "22"), price("5.5", "33")),
        ] {
            assert_eq!(per_million(model, "2026-11-21T23"), promised, "{model}");
            assert_eq!(per_million(model, "2026-11-22T00"), list, "{model}");
        }
        assert_eq!(cost("openai/gpt-5.6-sol", "2026-12-01", usage(272_001, 0)), "2.72001");
        // The promotion ended at midnight in Beijing; genai-prices, which has days alone, ends it a day later.
        assert_eq!(per_million("glm/glm-5.3-flash", "2026-09-09T15"), price("0.075", "0.25"));
        assert_eq!(per_million("glm/glm-5.3-flash", "2026-09-09T16"), price("0.15", "0.5"));
    }

    /// genai-prices cannot say an hour together with a date or a weekday, as its own comments tell: it charges the
    /// peak price of today at every date and on weekends, too.
    #[test]
    fn deepseek_costs_double_at_its_peak_hours() {
        let flash = |when: String| per_million("deepseek/deepseek-flash", &when);
        let (low, high) = (price("0.15", "0.6"), price("0.3", "1.2"));
        for (hour, expected) in [
            ("00", low),
            ("01", high),
            ("03", high),
            ("04", low),
            ("05", low),
            ("06", high),
            ("09", high),
            ("10", low),
            ("23", low),
        ] {
            assert_eq!(flash(format!("2026-12-04T{hour}")), expected, "Friday at {hour}");
            assert_eq!(flash(format!("2026-12-05T{hour}")), low, "Saturday at {hour}");
            assert_eq!(flash(format!("2026-12-06T{hour}")), low, "Sunday at {hour}");
            assert_eq!(flash(format!("2026-12-07T{hour}")), expected, "Monday at {hour}");
        }
    }

    #[test]
    fn deepseek_had_no_peak_hours_before_they_were_announced() {
        for (model, when, input, output) in [
            ("v4-flash", "2026-08-14T02", "0.14", "0.28"),
            ("v4-flash", "2026-08-16T16", "0.22", "0.66"),
            // genai-prices has the price of the model that replaced this one in September.
            ("v4-flash", "2026-08-17T02", "0.44", "1.32"),
            ("v4-flash", "2026-09-10T00", "0.15", "0.6"),
            ("v4-flash", "2026-09-10T01", "0.3", "1.2"),
            ("v4-pro", "2026-08-14T02", "0.435", "0.87"),
            ("v4-pro", "2026-08-16T15", "0.435", "0.87"),
            ("v4-pro", "2026-08-16T16", "0.66", "1.98"),
            ("v4-pro", "2026-08-17T06", "1.32", "3.96"),
        ] {
            let model = format!("deepseek/deepseek-{model}");
            assert_eq!(per_million(&model, when), price(input, output), "{model} at {when}");
        }
    }

    #[test]
    fn a_route_costs_as_the_dearest_of_the_model_behind_it() {
        let day = "2026-12-05T12";
        assert_eq!(per_million("openrouter/anthropic/claude-haiku-4.5", day), price("1", "5"));
        assert_eq!(per_million("openrouter/openai/gpt-5.4", day), price("5", "22.5"));
        assert_eq!(per_million("openrouter/deepseek/deepseek-v4-pro", day), price("1.32", "3.96"));
        assert_eq!(per_million("openrouter/z-ai/glm-5.3-flash", "2026-09-01"), price("0.15", "0.5"));
        assert_eq!(per_million("openrouter/google/gemini-3.8-flash", day), price("1.5", "7.5"));
        assert_eq!(per_million("openrouter/openai/gpt-4o:extended", day), price("20", "75"));
        let cached = Usage { cache_read: MILLION, ..usage(MILLION, 0) };
        assert_eq!(cost("openrouter/x-ai/grok-4.7", day, cached), "4");
        assert!(!is_listed("openrouter/openai/gpt-5.4", at(day)));
    }

    #[test]
    fn a_servers_own_price_counts_cached_tokens_as_others() {
        let own = |input: &str, output: &str| Price::new(input.parse().unwrap(), output.parse().unwrap());
        let cached = Usage { cache_read: 1_000, cache_written: 100, cache_written_1h: 40, ..usage(1_111, 7) };
        assert_eq!(dollars_at(own("0.5", "1.25").unwrap(), cached).to_string(), "0.00056425");
        assert_eq!(dollars_at(own("0", "0").unwrap(), cached), Notional::ZERO);
        let most = usage(u32::MAX, u32::MAX);
        let exact = dollars_at(own("99999.999999999", "0.000000002").unwrap(), most).to_string();
        assert_eq!(exact, "429496729.500004294967295");
        for (input, output) in [("-0.1", "1"), ("1", "100000.1"), ("0.0000000001", "1")] {
            assert!(own(input, output).is_err(), "{input} {output}");
        }
    }

    #[test]
    fn the_largest_usage_has_a_price() {
        let most = Usage { cache_written: u32::MAX, cache_written_1h: u32::MAX, ..usage(u32::MAX, u32::MAX) };
        assert!(dollars("unknown", Day(0).start(), most) > Notional::ZERO);
        assert!(dollars("bedrock/us-gov.openai.gpt-5.5-pro", Day(0).start(), most) > Notional::ZERO);
    }
}
