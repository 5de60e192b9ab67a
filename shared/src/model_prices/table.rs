//! The price list: every model that a provider of ours can be asked for, by provider.
//!
//! Source, where nothing else is said: genai-prices 0.2.3 of November 2026 (MIT), which judges each row that it
//! has. Rows that it lacks are from litellm 1.110.2's price map of 2026-11-20 (MIT).

use super::{Rate, Row, peak, row};

/// Before every hour that is asked for.
const ALWAYS: i64 = 0;
/// 2025-06-10.
const JUNE_2025: i64 = 20_249 * 24;
/// 2026-03-13.
const MARCH_2026: i64 = 20_525 * 24;
/// 2026-03-16: `mistral-small-latest` becomes Small 4.
const SMALL_4: i64 = 20_528 * 24;
/// 2026-06-16: `mistral-medium-latest` becomes Medium 3.5.
const MEDIUM_3_5: i64 = 20_620 * 24;
/// 2026-07-30.
const JULY_2026: i64 = 20_664 * 24;
/// 2026-08-16T16:00Z, midnight in Beijing: DeepSeek's prices by the hour begin (BerriAI/litellm issue 37255).
const PEAK_PRICES: i64 = 20_681 * 24 + 16;
/// 2026-08-21.
const AUGUST_2026: i64 = 20_686 * 24;
/// 2026-09-09T16:00Z, midnight in Beijing: the promotion of GLM-5.3-Flash ends (Z.ai's pricing page).
const GLM_AT_LIST: i64 = 20_705 * 24 + 16;
/// 2026-09-10: `deepseek-v4-flash` is served by V4.1 Flash.
const V4_1_FLASH: i64 = 20_706 * 24;
/// 2026-10-20.
const OCTOBER_20: i64 = 20_746 * 24;
/// 2026-10-29.
const OCTOBER_29: i64 = 20_755 * 24;
/// 2026-11-22: OpenAI and AWS call the price since August promotional and promise it through 2026-11-21 (OpenAI,
/// "Pricing"; AWS, "Amazon Bedrock announces reduced pricing for OpenAI GPT-5.6 Sol"). No source says that it goes on,
/// so the list price is charged from here on.
const SOL_AT_LIST: i64 = 20_779 * 24;
/// 2026-12-01.
const DECEMBER_2026: i64 = 20_788 * 24;
/// 2027-01-01.
const YEAR_2027: i64 = 20_819 * 24;

/// Providers by their name in settings, with OpenRouter's name for them as vendors, and their rows.
pub(super) const PROVIDERS: [(&str, &str, &[Row]); 10] = [
    ("anthropic", "anthropic", ANTHROPIC),
    ("openai", "openai", OPENAI),
    ("deepseek", "deepseek", DEEPSEEK),
    ("qwen", "qwen", QWEN),
    ("kimi", "moonshotai", KIMI),
    ("glm", "z-ai", GLM),
    ("gemini", "google", GEMINI),
    ("xai", "x-ai", XAI),
    ("mistral", "mistralai", MISTRAL),
    ("groq", "groq", GROQ),
];

/// The highest of each list price, but for OpenAI's `-pro` models, which cost three times as much as the next, and
/// for the surcharges of regions.
pub(super) const ASSUMED: Rate = Rate {
    input: 20_000_000,
    cache_read: 7_500_000,
    cache_written: 25_000_000,
    cache_written_1h: 30_000_000,
    output: 75_000_000,
};

/// Millionths of a dollar per million tokens: in, read from the cache, written to it, written for an hour, out.
/// A later row of the same model replaces an earlier one; so does one with a higher bound of tokens. A price that
/// a provider does not state is that of plain tokens in, or of a plain write. Mythos 5 and 5.1 are litellm's.
pub(super) const ANTHROPIC: &[Row] = &[
    row("claude-fable-5", ALWAYS, 0, [10_000_000, 1_000_000, 12_500_000, 20_000_000, 50_000_000]),
    row("claude-fable-5-1", ALWAYS, 0, [10_000_000, 250_000, 12_500_000, 20_000_000, 50_000_000]),
    row("claude-fable-5-2", ALWAYS, 0, [8_000_000, 200_000, 10_000_000, 16_000_000, 40_000_000]),
    row("claude-haiku-4-5", ALWAYS, 0, [1_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000]),
    row("claude-haiku-5-5", ALWAYS, 0, [100_000, 10_000, 125_000, 200_000, 500_000]),
    row("claude-haiku-5-5", ALWAYS, 100_000, [500_000, 50_000, 625_000, 1_000_000, 2_500_000]),
    row("claude-mythos-5", ALWAYS, 0, [10_000_000, 1_000_000, 12_500_000, 20_000_000, 50_000_000]),
    row("claude-mythos-5-1", ALWAYS, 0, [10_000_000, 250_000, 12_500_000, 20_000_000, 50_000_000]),
    row("claude-mythos-5-2", ALWAYS, 0, [8_000_000, 200_000, 10_000_000, 16_000_000, 40_000_000]),
    row("claude-opus-4", ALWAYS, 0, [15_000_000, 1_500_000, 18_750_000, 30_000_000, 75_000_000]),
    row("claude-opus-4-1", ALWAYS, 0, [15_000_000, 1_500_000, 18_750_000, 30_000_000, 75_000_000]),
    row("claude-opus-4-5", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-4-6", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-4-6", ALWAYS, 200_000, [10_000_000, 1_000_000, 12_500_000, 20_000_000, 37_500_000]),
    row("claude-opus-4-6", MARCH_2026, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-4-7", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-4-8", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-5", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000]),
    row("claude-opus-5-5", ALWAYS, 0, [4_000_000, 200_000, 5_000_000, 8_000_000, 20_000_000]),
    row("claude-sonnet-4", ALWAYS, 0, [3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000]),
    row("claude-sonnet-4-5", ALWAYS, 0, [3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000]),
    row("claude-sonnet-4-5", ALWAYS, 200_000, [6_000_000, 600_000, 7_500_000, 12_000_000, 22_500_000]),
    row("claude-sonnet-4-6", ALWAYS, 0, [3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000]),
    row("claude-sonnet-4-6", ALWAYS, 200_000, [6_000_000, 600_000, 7_500_000, 12_000_000, 22_500_000]),
    row("claude-sonnet-4-6", MARCH_2026, 0, [3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000]),
    row("claude-sonnet-5", ALWAYS, 0, [2_000_000, 200_000, 2_500_000, 4_000_000, 10_000_000]),
    row("claude-sonnet-5-5", ALWAYS, 0, [2_000_000, 100_000, 2_500_000, 4_000_000, 10_000_000]),
];

/// GPT-6.2 is of BerriAI/litellm discussion 52347 and iyulab/TokenMeter v0.17.0 (2026-11).
pub(super) const OPENAI: &[Row] = &[
    row("gpt-4.1", ALWAYS, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 8_000_000]),
    row("gpt-4.1-mini", ALWAYS, 0, [400_000, 100_000, 400_000, 400_000, 1_600_000]),
    row("gpt-4.1-nano", ALWAYS, 0, [100_000, 25_000, 100_000, 100_000, 400_000]),
    row("gpt-4o", ALWAYS, 0, [2_500_000, 1_250_000, 2_500_000, 2_500_000, 10_000_000]),
    row("gpt-4o-2024-05-13", ALWAYS, 0, [5_000_000, 5_000_000, 5_000_000, 5_000_000, 15_000_000]),
    row("gpt-4o-mini", ALWAYS, 0, [150_000, 75_000, 150_000, 150_000, 600_000]),
    row("gpt-5", ALWAYS, 0, [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000]),
    row("gpt-5-mini", ALWAYS, 0, [250_000, 25_000, 250_000, 250_000, 2_000_000]),
    row("gpt-5-nano", ALWAYS, 0, [50_000, 5_000, 50_000, 50_000, 400_000]),
    row("gpt-5.1", ALWAYS, 0, [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000]),
    row("gpt-5.2", ALWAYS, 0, [1_750_000, 175_000, 1_750_000, 1_750_000, 14_000_000]),
    row("gpt-5.3-codex", ALWAYS, 0, [1_750_000, 175_000, 1_750_000, 1_750_000, 14_000_000]),
    row("gpt-5.4", ALWAYS, 0, [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000]),
    row("gpt-5.4", ALWAYS, 272_000, [5_000_000, 500_000, 5_000_000, 5_000_000, 22_500_000]),
    row("gpt-5.4-mini", ALWAYS, 0, [750_000, 75_000, 750_000, 750_000, 4_500_000]),
    row("gpt-5.4-nano", ALWAYS, 0, [200_000, 20_000, 200_000, 200_000, 1_250_000]),
    row("gpt-5.5", ALWAYS, 0, [5_000_000, 500_000, 5_000_000, 5_000_000, 30_000_000]),
    row("gpt-5.5", ALWAYS, 272_000, [10_000_000, 1_000_000, 10_000_000, 10_000_000, 45_000_000]),
    row("gpt-5.6-luna", ALWAYS, 0, [1_000_000, 100_000, 1_250_000, 1_250_000, 6_000_000]),
    row("gpt-5.6-luna", ALWAYS, 272_000, [2_000_000, 200_000, 2_500_000, 2_500_000, 9_000_000]),
    row("gpt-5.6-luna", JULY_2026, 0, [200_000, 20_000, 250_000, 250_000, 1_200_000]),
    row("gpt-5.6-luna", JULY_2026, 272_000, [400_000, 40_000, 500_000, 500_000, 1_800_000]),
    row("gpt-5.6-terra", ALWAYS, 0, [2_500_000, 250_000, 3_125_000, 3_125_000, 15_000_000]),
    row("gpt-5.6-terra", ALWAYS, 272_000, [5_000_000, 500_000, 6_250_000, 6_250_000, 22_500_000]),
    row("gpt-5.6-terra", JULY_2026, 0, [2_000_000, 200_000, 2_500_000, 2_500_000, 12_000_000]),
    row("gpt-5.6-terra", JULY_2026, 272_000, [4_000_000, 400_000, 5_000_000, 5_000_000, 18_000_000]),
    row("gpt-5.6-sol", ALWAYS, 0, [5_000_000, 500_000, 6_250_000, 6_250_000, 30_000_000]),
    row("gpt-5.6-sol", ALWAYS, 272_000, [10_000_000, 1_000_000, 12_500_000, 12_500_000, 45_000_000]),
    row("gpt-5.6-sol", AUGUST_2026, 0, [4_000_000, 400_000, 5_000_000, 5_000_000, 20_000_000]),
    row("gpt-5.6-sol", AUGUST_2026, 272_000, [8_000_000, 800_000, 10_000_000, 10_000_000, 30_000_000]),
    row("gpt-5.6-sol", SOL_AT_LIST, 0, [5_000_000, 500_000, 6_250_000, 6_250_000, 30_000_000]),
    row("gpt-5.6-sol", SOL_AT_LIST, 272_000, [10_000_000, 1_000_000, 12_500_000, 12_500_000, 45_000_000]),
    row("gpt-6-luna", ALWAYS, 0, [100_000, 10_000, 125_000, 125_000, 500_000]),
    row("gpt-6-luna", ALWAYS, 272_000, [200_000, 20_000, 250_000, 250_000, 750_000]),
    row("gpt-6-sol", ALWAYS, 0, [2_000_000, 200_000, 2_500_000, 2_500_000, 10_000_000]),
    row("gpt-6-sol", ALWAYS, 272_000, [4_000_000, 400_000, 5_000_000, 5_000_000, 15_000_000]),
    row("gpt-6-astra", ALWAYS, 0, [10_000_000, 1_000_000, 12_500_000, 12_500_000, 50_000_000]),
    row("gpt-6-astra", ALWAYS, 272_000, [20_000_000, 2_000_000, 25_000_000, 25_000_000, 75_000_000]),
    row("gpt-6.1-terra", ALWAYS, 0, [1_000_000, 50_000, 1_250_000, 1_250_000, 5_000_000]),
    row("gpt-6.1-terra", ALWAYS, 272_000, [2_000_000, 100_000, 2_500_000, 2_500_000, 7_500_000]),
    row("gpt-6.1-sol", ALWAYS, 0, [2_000_000, 100_000, 2_500_000, 2_500_000, 10_000_000]),
    row("gpt-6.1-sol", ALWAYS, 272_000, [4_000_000, 200_000, 5_000_000, 5_000_000, 15_000_000]),
    row("gpt-6.2-sol", ALWAYS, 0, [2_000_000, 100_000, 2_500_000, 2_500_000, 10_000_000]),
    row("gpt-6.2-sol", ALWAYS, 272_000, [4_000_000, 200_000, 5_000_000, 5_000_000, 15_000_000]),
    row("gpt-6.2-astra", ALWAYS, 0, [8_000_000, 400_000, 10_000_000, 10_000_000, 40_000_000]),
    row("gpt-6.2-astra", ALWAYS, 272_000, [16_000_000, 800_000, 20_000_000, 20_000_000, 60_000_000]),
    row("o1", ALWAYS, 0, [15_000_000, 7_500_000, 15_000_000, 15_000_000, 60_000_000]),
    row("o3", ALWAYS, 0, [10_000_000, 500_000, 10_000_000, 10_000_000, 40_000_000]),
    row("o3", JUNE_2025, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 8_000_000]),
    row("o3-mini", ALWAYS, 0, [1_100_000, 550_000, 1_100_000, 1_100_000, 4_400_000]),
    row("o4-mini", ALWAYS, 0, [1_100_000, 275_000, 1_100_000, 1_100_000, 4_400_000]),
    row("gpt-5-pro", ALWAYS, 0, [15_000_000, 15_000_000, 15_000_000, 15_000_000, 120_000_000]),
    row("gpt-5.2-pro", ALWAYS, 0, [21_000_000, 21_000_000, 21_000_000, 21_000_000, 168_000_000]),
    row("gpt-5.4-pro", ALWAYS, 0, [30_000_000, 30_000_000, 30_000_000, 30_000_000, 180_000_000]),
    row("gpt-5.4-pro", ALWAYS, 272_000, [60_000_000, 60_000_000, 60_000_000, 60_000_000, 270_000_000]),
    row("gpt-5.5-pro", ALWAYS, 0, [30_000_000, 30_000_000, 30_000_000, 30_000_000, 180_000_000]),
    row("gpt-5.5-pro", ALWAYS, 272_000, [60_000_000, 60_000_000, 60_000_000, 60_000_000, 270_000_000]),
    row("o3-pro", ALWAYS, 0, [20_000_000, 20_000_000, 20_000_000, 20_000_000, 80_000_000]),
];

/// Ids of Bedrock that cost the same in every geography, and those that have a price in theirs alone. A bare id
/// costs as in us-east-1.
pub(super) const BEDROCK: &[Row] = &[
    row("amazon.nova-lite", ALWAYS, 0, [60_000, 15_000, 60_000, 60_000, 240_000]),
    row("amazon.nova-micro", ALWAYS, 0, [35_000, 8_750, 35_000, 35_000, 140_000]),
    row("amazon.nova-premier", ALWAYS, 0, [2_500_000, 625_000, 2_500_000, 2_500_000, 12_500_000]),
    row("amazon.nova-pro", ALWAYS, 0, [800_000, 200_000, 800_000, 800_000, 3_200_000]),
    row("apac.amazon.nova-2-lite", ALWAYS, 0, [396_000, 99_000, 396_000, 396_000, 3_311_000]),
    row("jp.amazon.nova-2-lite", ALWAYS, 0, [396_000, 99_000, 396_000, 396_000, 3_311_000]),
    row("eu.amazon.nova-2-lite", ALWAYS, 0, [429_000, 107_250, 429_000, 429_000, 3_597_000]),
    row("apac.amazon.nova-lite", ALWAYS, 0, [63_000, 15_750, 63_000, 63_000, 252_000]),
    row("eu.amazon.nova-lite", ALWAYS, 0, [78_000, 19_500, 78_000, 78_000, 312_000]),
    row("apac.amazon.nova-micro", ALWAYS, 0, [37_000, 9_250, 37_000, 37_000, 148_000]),
    row("eu.amazon.nova-micro", ALWAYS, 0, [46_000, 11_500, 46_000, 46_000, 184_000]),
    row("apac.amazon.nova-pro", ALWAYS, 0, [840_000, 210_000, 840_000, 840_000, 3_360_000]),
    row("eu.amazon.nova-pro", ALWAYS, 0, [1_050_000, 262_500, 1_050_000, 1_050_000, 4_200_000]),
    row("anthropic.claude-opus-4", ALWAYS, 0, [15_000_000, 1_500_000, 18_750_000, 18_750_000, 75_000_000]),
    row("anthropic.claude-opus-4-1", ALWAYS, 0, [15_000_000, 1_500_000, 18_750_000, 18_750_000, 75_000_000]),
    row("anthropic.claude-sonnet-4", ALWAYS, 0, [3_000_000, 300_000, 3_750_000, 3_750_000, 15_000_000]),
    row("deepseek.r1", ALWAYS, 0, [1_350_000, 1_350_000, 1_350_000, 1_350_000, 5_400_000]),
    row("deepseek.v3", ALWAYS, 0, [580_000, 580_000, 580_000, 580_000, 1_680_000]),
    row("deepseek.v3.2", ALWAYS, 0, [620_000, 620_000, 620_000, 620_000, 1_850_000]),
    row("eu.deepseek.v3.2", ALWAYS, 0, [740_000, 740_000, 740_000, 740_000, 2_220_000]),
    row("meta.llama3-3-70b-instruct", ALWAYS, 0, [720_000, 720_000, 720_000, 720_000, 720_000]),
    row("meta.llama4-maverick-17b-instruct", ALWAYS, 0, [240_000, 240_000, 240_000, 240_000, 970_000]),
    row("meta.llama4-scout-17b-instruct", ALWAYS, 0, [170_000, 170_000, 170_000, 170_000, 660_000]),
    row("moonshot.kimi-k2-thinking", ALWAYS, 0, [600_000, 600_000, 600_000, 600_000, 2_500_000]),
    row("moonshotai.kimi-k2.5", ALWAYS, 0, [600_000, 600_000, 600_000, 600_000, 3_000_000]),
    row("openai.gpt-oss-120b-1", ALWAYS, 0, [150_000, 150_000, 150_000, 150_000, 600_000]),
    row("openai.gpt-oss-20b-1", ALWAYS, 0, [70_000, 70_000, 70_000, 70_000, 300_000]),
    row("qwen.qwen3-32b", ALWAYS, 0, [150_000, 150_000, 150_000, 150_000, 600_000]),
    row("qwen.qwen3-coder-30b-a3b", ALWAYS, 0, [150_000, 150_000, 150_000, 150_000, 600_000]),
    row("qwen.qwen3-coder-480b-a35b", ALWAYS, 0, [450_000, 450_000, 450_000, 450_000, 1_800_000]),
    row("qwen.qwen3-235b-a22b-2507", ALWAYS, 0, [220_000, 220_000, 220_000, 220_000, 880_000]),
    row("qwen.qwen3-next-80b-a3b", ALWAYS, 0, [150_000, 150_000, 150_000, 150_000, 1_200_000]),
    row("zai.glm-4.7", ALWAYS, 0, [600_000, 600_000, 600_000, 600_000, 2_200_000]),
    row("zai.glm-4.7-flash", ALWAYS, 0, [70_000, 70_000, 70_000, 70_000, 400_000]),
    row("zai.glm-5", ALWAYS, 0, [1_000_000, 1_000_000, 1_000_000, 1_000_000, 3_200_000]),
];

/// Ids of Bedrock by the price of their `global.` profile.
pub(super) const BEDROCK_GLOBAL: &[Row] = &[
    row("amazon.nova-2-lite", ALWAYS, 0, [300_000, 75_000, 300_000, 300_000, 2_500_000]),
    row("moonshotai.kimi-k3", ALWAYS, 0, [3_000_000, 300_000, 3_750_000, 3_750_000, 15_000_000]),
    row("moonshotai.kimi-k3.1", ALWAYS, 0, [4_000_000, 200_000, 5_000_000, 5_000_000, 20_000_000]),
    row("xai.grok-4.6", ALWAYS, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 6_000_000]),
    row("xai.grok-4.7", ALWAYS, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 6_000_000]),
    row("zai.glm-5.3", ALWAYS, 0, [1_680_000, 312_000, 2_100_000, 2_100_000, 5_280_000]),
];

/// Peak hours cost double. V4 Flash at its first peak price is of pydantic/genai-prices PR 581.
const DEEPSEEK: &[Row] = &[
    row("deepseek-flash", ALWAYS, 0, [150_000, 3_000, 150_000, 150_000, 600_000]),
    peak("deepseek-flash", ALWAYS, [300_000, 6_000, 300_000, 300_000, 1_200_000]),
    row("deepseek-v4-flash", ALWAYS, 0, [140_000, 2_800, 140_000, 140_000, 280_000]),
    row("deepseek-v4-flash", PEAK_PRICES, 0, [220_000, 7_000, 220_000, 220_000, 660_000]),
    peak("deepseek-v4-flash", PEAK_PRICES, [440_000, 14_000, 440_000, 440_000, 1_320_000]),
    row("deepseek-v4-flash", V4_1_FLASH, 0, [150_000, 3_000, 150_000, 150_000, 600_000]),
    peak("deepseek-v4-flash", V4_1_FLASH, [300_000, 6_000, 300_000, 300_000, 1_200_000]),
    row("deepseek-v4-pro", ALWAYS, 0, [435_000, 3_625, 435_000, 435_000, 870_000]),
    row("deepseek-v4-pro", PEAK_PRICES, 0, [660_000, 22_000, 660_000, 660_000, 1_980_000]),
    peak("deepseek-v4-pro", PEAK_PRICES, [1_320_000, 44_000, 1_320_000, 1_320_000, 3_960_000]),
];

/// Alibaba Cloud Model Studio, international: all of litellm, with a write at 1.25 times the input where it states
/// none ("Context cache").
const QWEN: &[Row] = &[
    row("qwen3.7-max", ALWAYS, 0, [2_500_000, 500_000, 3_125_000, 3_125_000, 7_500_000]),
    row("qwen3.7-plus", ALWAYS, 0, [400_000, 80_000, 500_000, 500_000, 1_600_000]),
    row("qwen3.7-plus", ALWAYS, 256_000, [1_200_000, 240_000, 1_500_000, 1_500_000, 4_800_000]),
    row("qwen3.8-flash", ALWAYS, 0, [150_000, 16_000, 200_000, 200_000, 470_000]),
    row("qwen3.8-max", ALWAYS, 0, [2_000_000, 250_000, 2_500_000, 2_500_000, 6_000_000]),
];

/// Moonshot AI.
const KIMI: &[Row] = &[
    row("kimi-k2.6", ALWAYS, 0, [950_000, 160_000, 950_000, 950_000, 4_000_000]),
    row("kimi-k2.7-code", ALWAYS, 0, [950_000, 190_000, 950_000, 950_000, 4_000_000]),
    row("kimi-k2.7-code-highspeed", ALWAYS, 0, [1_900_000, 380_000, 1_900_000, 1_900_000, 8_000_000]),
    row("kimi-k3", ALWAYS, 0, [3_000_000, 300_000, 3_000_000, 6_000_000, 15_000_000]),
    row("kimi-k3.1-pro", ALWAYS, 0, [2_000_000, 200_000, 2_000_000, 4_000_000, 10_000_000]),
    row("kimi-k3.1-pro-highspeed", ALWAYS, 0, [4_000_000, 200_000, 4_000_000, 8_000_000, 20_000_000]),
];

/// Z.ai, in dollars.
const GLM: &[Row] = &[
    row("glm-4.5", ALWAYS, 0, [600_000, 110_000, 600_000, 600_000, 2_200_000]),
    row("glm-4.5-air", ALWAYS, 0, [200_000, 30_000, 200_000, 200_000, 1_100_000]),
    row("glm-4.6", ALWAYS, 0, [600_000, 110_000, 600_000, 600_000, 2_200_000]),
    row("glm-4.7", ALWAYS, 0, [600_000, 110_000, 600_000, 600_000, 2_200_000]),
    row("glm-4.7-flashx", ALWAYS, 0, [70_000, 10_000, 70_000, 70_000, 400_000]),
    row("glm-5", ALWAYS, 0, [1_000_000, 200_000, 1_000_000, 1_000_000, 3_200_000]),
    row("glm-5.1", ALWAYS, 0, [1_400_000, 260_000, 1_400_000, 1_400_000, 4_400_000]),
    row("glm-5.2", ALWAYS, 0, [1_400_000, 260_000, 1_400_000, 1_400_000, 4_400_000]),
    row("glm-5.3", ALWAYS, 0, [1_400_000, 260_000, 1_400_000, 1_400_000, 4_400_000]),
    row("glm-5.3-flash", ALWAYS, 0, [75_000, 15_000, 75_000, 75_000, 250_000]),
    row("glm-5.3-flash", GLM_AT_LIST, 0, [150_000, 30_000, 150_000, 150_000, 500_000]),
    row("glm-5.3-flashx", ALWAYS, 0, [370_000, 75_000, 370_000, 370_000, 1_250_000]),
];

/// The Gemini API. Hydrogen is litellm's.
const GEMINI: &[Row] = &[
    row("gemini-2.5-pro", ALWAYS, 0, [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000]),
    row("gemini-2.5-pro", ALWAYS, 200_000, [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000]),
    row("gemini-2.5-flash", ALWAYS, 0, [300_000, 30_000, 300_000, 300_000, 2_500_000]),
    row("gemini-2.5-flash-lite", ALWAYS, 0, [100_000, 10_000, 100_000, 100_000, 400_000]),
    row("gemini-3-flash-preview", ALWAYS, 0, [500_000, 50_000, 500_000, 500_000, 3_000_000]),
    row("gemini-3.1-pro-preview", ALWAYS, 0, [2_000_000, 200_000, 2_000_000, 2_000_000, 12_000_000]),
    row("gemini-3.1-pro-preview", ALWAYS, 200_000, [4_000_000, 400_000, 4_000_000, 4_000_000, 18_000_000]),
    row("gemini-3.1-flash-lite", ALWAYS, 0, [250_000, 25_000, 250_000, 250_000, 1_500_000]),
    row("gemini-3.5-flash", ALWAYS, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 9_000_000]),
    row("gemini-3.5-flash-lite", ALWAYS, 0, [300_000, 30_000, 300_000, 300_000, 2_500_000]),
    row("gemini-3.6-flash", ALWAYS, 0, [750_000, 75_000, 750_000, 750_000, 3_750_000]),
    row("gemini-3.6-flash", YEAR_2027, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("gemini-3.7-flash", ALWAYS, 0, [750_000, 75_000, 750_000, 750_000, 3_750_000]),
    row("gemini-3.7-flash", YEAR_2027, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("gemini-3.8-flash", ALWAYS, 0, [750_000, 75_000, 750_000, 750_000, 3_750_000]),
    row("gemini-3.8-flash", YEAR_2027, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("gemini-4-argon", ALWAYS, 0, [2_000_000, 100_000, 2_000_000, 2_000_000, 10_000_000]),
    row("gemini-4-argon", DECEMBER_2026, 0, [4_000_000, 200_000, 4_000_000, 4_000_000, 20_000_000]),
    row("gemini-4-hydrogen", ALWAYS, 0, [1_500_000, 75_000, 1_500_000, 1_500_000, 7_500_000]),
];

/// The second price begins with 200,000 tokens.
const XAI: &[Row] = &[
    row("grok-4.3", ALWAYS, 0, [1_250_000, 200_000, 1_250_000, 1_250_000, 2_500_000]),
    row("grok-4.3", ALWAYS, 199_999, [2_500_000, 400_000, 2_500_000, 2_500_000, 5_000_000]),
    row("grok-4.5", ALWAYS, 0, [2_000_000, 300_000, 2_000_000, 2_000_000, 6_000_000]),
    row("grok-4.5", ALWAYS, 199_999, [4_000_000, 600_000, 4_000_000, 4_000_000, 12_000_000]),
    row("grok-4.6", ALWAYS, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 6_000_000]),
    row("grok-4.6", ALWAYS, 199_999, [4_000_000, 1_000_000, 4_000_000, 4_000_000, 12_000_000]),
    row("grok-4.7", ALWAYS, 0, [2_000_000, 500_000, 2_000_000, 2_000_000, 6_000_000]),
    row("grok-4.7", ALWAYS, 199_999, [4_000_000, 1_000_000, 4_000_000, 4_000_000, 12_000_000]),
];

/// The worldwide endpoint; those of the EU and the US cost a tenth more.
const MISTRAL: &[Row] = &[
    row("mistral-large-4", ALWAYS, 0, [680_000, 70_000, 680_000, 680_000, 2_090_000]),
    row("mistral-large-4", OCTOBER_20, 0, [1_360_000, 140_000, 1_360_000, 1_360_000, 4_180_000]),
    row("mistral-large-4", OCTOBER_29, 0, [700_000, 70_000, 700_000, 700_000, 2_100_000]),
    row("mistral-large-2512", ALWAYS, 0, [500_000, 50_000, 500_000, 500_000, 1_500_000]),
    row("mistral-large-latest", ALWAYS, 0, [2_000_000, 2_000_000, 2_000_000, 2_000_000, 6_000_000]),
    row("mistral-medium-3-5", ALWAYS, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("mistral-medium-3.5", ALWAYS, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("mistral-medium-2604", ALWAYS, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("mistral-medium-latest", ALWAYS, 0, [400_000, 40_000, 400_000, 400_000, 2_000_000]),
    row("mistral-medium-latest", MEDIUM_3_5, 0, [1_500_000, 150_000, 1_500_000, 1_500_000, 7_500_000]),
    row("mistral-small-2603", ALWAYS, 0, [150_000, 15_000, 150_000, 150_000, 600_000]),
    row("mistral-small-latest", ALWAYS, 0, [100_000, 100_000, 100_000, 100_000, 300_000]),
    row("mistral-small-latest", SMALL_4, 0, [150_000, 15_000, 150_000, 150_000, 600_000]),
    row("ministral-14b-2512", ALWAYS, 0, [200_000, 20_000, 200_000, 200_000, 200_000]),
    row("ministral-8b-2512", ALWAYS, 0, [150_000, 15_000, 150_000, 150_000, 150_000]),
    row("ministral-3b-2512", ALWAYS, 0, [100_000, 10_000, 100_000, 100_000, 100_000]),
    row("codestral-2508", ALWAYS, 0, [300_000, 30_000, 300_000, 300_000, 900_000]),
];

/// Groq.
const GROQ: &[Row] = &[
    row("openai/gpt-oss-20b", ALWAYS, 0, [75_000, 37_500, 75_000, 75_000, 300_000]),
    row("openai/gpt-oss-120b", ALWAYS, 0, [150_000, 75_000, 150_000, 150_000, 600_000]),
    row("qwen/qwen3-32b", ALWAYS, 0, [290_000, 290_000, 290_000, 290_000, 590_000]),
    row("qwen/qwen3.8-27b", ALWAYS, 0, [800_000, 800_000, 800_000, 800_000, 4_000_000]),
    row("llama-3.1-8b-instant", ALWAYS, 0, [50_000, 50_000, 50_000, 50_000, 80_000]),
    row("llama-3.3-70b-versatile", ALWAYS, 0, [590_000, 590_000, 590_000, 590_000, 790_000]),
];
