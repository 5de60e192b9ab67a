//! Whether a stage can serve settings that are sound by themselves: asked before anything is written.

use decide::budget::{self, Bound, Exceeded, answer_limit};
use decide::due;
use decide::meters::Tally;
use decide::prompt;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use shared::ids::VenueId;
use shared::model::{Provider, Servers};
use shared::money::Notional;
use shared::settings::{Backend, Settings, Tokens};
use shared::state::{RECENT_MINUTES, StrategyState};
use shared::status::Status;
use shared::time::Timestamp;

use crate::bad_input::BadInput;
use crate::retires;

/// Minutes of a day.
const DAY: i64 = 1_440;
/// What a market with a position, an order and decisions before adds to the least of a question, in tokens of OpenAI's
/// vocabulary by their bound; measured, at most.
const HELD: u32 = 240;
/// What the Fixed Format Error adds, in the same: 80 for ours of the longest, and a token for each of the model's own
/// characters in it.
const CORRECTION: u32 = 150;

/// Refuses what could never trade, with the field and the mend; what may not be meant is told, a line each.
pub fn fits(
    settings: &Settings,
    servers: &Servers,
    file: &str,
    now: Timestamp,
) -> Result<Vec<String>, BadInput> {
    let refused = |field: &str, problem: String, mend: &str| {
        Err(BadInput::new(format!("{file}: {field}: {problem}; {mend}")))
    };
    if settings.backend == Backend::Backtest {
        let mend = "write mock or exchange; tradai paper replays candles";
        return refused("backend", "backtest runs on one machine only".to_owned(), mend);
    }
    let Some(fee_asset) = fee_asset(&settings.venue) else {
        return refused("venue", format!("{} is not served", settings.venue), "write binance");
    };
    if let Some(symbol) = settings.symbols.iter().find(|symbol| symbol.base.as_str() == fee_asset) {
        let problem = format!("{symbol} cannot be claimed: {} takes its fees in {fee_asset}", settings.venue);
        return refused("symbols", problem, "remove it");
    }
    for (field, model) in models(settings) {
        if !is_served(servers, model) {
            let names = served(servers).join(", ");
            return refused(
                field,
                format!("{model} is of no provider or server that is served"),
                &format!("they are {names}"),
            );
        }
        if let Some(retired) = retires::retired(servers, model, now) {
            return refused(field, retired, "name another model");
        }
        if let Err((field, problem, mend)) = can_be_asked(settings, servers, (field, model), now) {
            return refused(field, format!("{model} could never be asked: {problem}"), mend);
        }
        let (asked, most) = (FiveMinutes::of(settings, servers, model, now), settings.llm_tokens.get());
        if asked.tokens > most {
            let FiveMinutes { questions, tokens, .. } = asked;
            let problem = format!(
                "{questions} questions to {model} within five minutes are at least {tokens} tokens, most {most}"
            );
            return refused("decide_every_seconds", problem, &asked.mend(most));
        }
    }
    Ok(cautions(settings, servers, now))
}

/// Whether decide can ask this model: a provider with an address of its own, Bedrock, or a server of the stage.
fn is_served(servers: &Servers, model: &str) -> bool {
    servers.of(model).is_some() || Provider::of(model).is_some_and(is_hosted)
}

fn is_hosted(provider: Provider) -> bool {
    provider == Provider::Bedrock || provider.home().is_some()
}

fn served(servers: &Servers) -> Vec<&str> {
    let hosted = Provider::ALL.into_iter().filter(|provider| is_hosted(*provider));
    let hosted = hosted.map(|provider| -> &str { provider.as_str() });
    hosted.chain(servers.iter().map(|(name, _)| name)).collect()
}

/// The asset in which a venue may take its fees whatever is traded; none of a venue that is not served.
/// <https://www.binance.com/en/fee/schedule>
fn fee_asset(venue: &VenueId) -> Option<&'static str> {
    (venue.as_str() == "binance").then_some("BNB")
}

/// The chain, each model with the field that names it.
pub fn models(settings: &Settings) -> impl Iterator<Item = (&'static str, &str)> {
    let fallbacks = settings.model_fallbacks.iter().map(|model| ("model_fallbacks", model.as_str()));
    std::iter::once(("model", settings.model.as_str())).chain(fallbacks)
}

/// What decide's own budget says of the smallest question on a day on which nothing was asked yet: the field that is in the
/// way, the problem, and the mend.
pub fn can_be_asked(
    settings: &Settings,
    servers: &Servers,
    (field, model): (&'static str, &str),
    now: Timestamp,
) -> Result<(), (&'static str, String, &'static str)> {
    let fresh = StrategyState::first(settings.strategy_id.clone(), Status::Stopped, now);
    let takes = servers.capabilities(model);
    let least = Bound::raised(prompt::least(settings, &takes, now), answer_limit(settings, &takes), 100);
    let usd = budget::most_cost(servers, model, least, now);
    budget::check(settings, &fresh, &Tally::default(), &takes, least, usd, now).map_err(|exceeded| {
        let (field, mend) = mend(field, &exceeded, settings.llm_tokens);
        (field, exceeded.to_string(), mend)
    })
}

fn mend(model: &'static str, exceeded: &Exceeded, tokens: Tokens) -> (&'static str, &'static str) {
    match exceeded {
        Exceeded::Window { .. } => (
            model,
            "choose a model with a larger window, or set the window that its server is started with under [servers.NAME]",
        ),
        Exceeded::Session { .. } if tokens < Tokens::USUAL => (
            "ask.tokens_per_five_minutes",
            "allow at least what one question and its answer may have, 12000 as usual",
        ),
        Exceeded::Session { .. } | Exceeded::Bad(_) => {
            ("symbols", "watch fewer markets; several strategies may share an account")
        }
        Exceeded::Day { .. } => ("llm_usd_per_day", "allow at least what one question may cost"),
    }
}

/// The questions of five minutes, each with the longest answer, and the least tokens that they have.
struct FiveMinutes {
    questions: u32,
    tokens: u32,
    one: u32,
}

impl FiveMinutes {
    fn of(settings: &Settings, servers: &Servers, model: &str, now: Timestamp) -> FiveMinutes {
        let takes = servers.capabilities(model);
        let one = prompt::least(settings, &takes, now).saturating_add(answer_limit(settings, &takes));
        let questions = questions(settings);
        FiveMinutes { questions, tokens: one.saturating_mul(questions), one }
    }

    /// What makes room: to ask less often, or to say that so many are wanted.
    fn mend(&self, most: u32) -> String {
        let room = i64::from(most.checked_div(self.one).unwrap_or(1).max(1));
        let slower = format!("write {} or more", window().saturating_add(room - 1).div_euclid(room) * 60);
        if self.tokens > Tokens::MOST {
            return slower;
        }
        format!("{slower}, or allow them: tokens_per_five_minutes = {} under [ask]", self.tokens)
    }
}

/// Minutes over which tokens are counted.
fn window() -> i64 {
    i64::try_from(RECENT_MINUTES).unwrap_or(1)
}

/// Cycles that begin within them.
fn questions(settings: &Settings) -> u32 {
    let every = due::minutes(settings.decide_every);
    u32::try_from(window().saturating_add(every - 1).div_euclid(every)).unwrap_or(1)
}

/// A question of a strategy that holds something, and its correction, each with the longest answer.
struct Usual {
    question: Bound,
    correction: Bound,
}

impl Usual {
    fn of(settings: &Settings, servers: &Servers, model: &str, now: Timestamp) -> Usual {
        let takes = servers.capabilities(model);
        let markets = u32::try_from(settings.symbols.len()).unwrap_or(u32::MAX);
        let more = |plain: u32| plain.saturating_mul(takes.vocabulary).div_ceil(100);
        let question =
            prompt::least(settings, &takes, now).saturating_add(more(HELD.saturating_mul(markets)));
        let with_error = question.saturating_add(more(CORRECTION));
        let bound = |tokens| Bound::raised(tokens, answer_limit(settings, &takes), 100);
        Usual { question: bound(question), correction: bound(with_error) }
    }
}

/// What fits once and may not fit every time.
fn cautions(settings: &Settings, servers: &Servers, now: Timestamp) -> Vec<String> {
    let of = |model: &str| (Usual::of(settings, servers, model, now), model.to_owned());
    let (first, fallbacks) = (of(&settings.model), settings.model_fallbacks.iter().map(|model| of(model)));
    let cost = |(bound, model): (Bound, &str)| budget::most_cost(servers, model, bound, now);
    let fallbacks: Vec<(Bound, String)> = fallbacks.map(|(usual, model)| (usual.question, model)).collect();
    let asked = (first.0.question, first.1.as_str());
    let again = (first.0.correction, first.1.as_str());
    let largest = fallbacks.iter().max_by_key(|(bound, _)| bound.tokens());
    let dearest = fallbacks.iter().map(|(bound, model)| cost((*bound, model))).max();
    let mut lines = Vec::new();
    lines.extend(retires::cautions(settings, servers, now));
    lines.extend(tokens(settings, asked.0.tokens(), again.0.tokens(), largest));
    lines.extend(dollars(settings, cost(asked), cost(again), dearest));
    lines
}

/// Whether the questions of five minutes, one correction and one fallback have room: which part does not, and the figure
/// that gives it to all of them.
fn tokens(settings: &Settings, asked: u32, again: u32, fallback: Option<&(Bound, String)>) -> Option<String> {
    let most = settings.llm_tokens.get();
    let questions = questions(settings);
    let cycles = asked.saturating_mul(questions);
    let corrected = cycles.saturating_add(again);
    let all = corrected.saturating_add(fallback.map_or(0, |(bound, _)| bound.tokens()));
    let asked = if questions == 1 { "a question".to_owned() } else { format!("{questions} questions") };
    let part = match fallback {
        _ if cycles > most => format!("{asked} once something is held"),
        _ if corrected > most => format!("{asked} and the correction of a malformed answer"),
        Some((_, model)) if all > most => format!("{asked}, a correction and the fallback {model}"),
        Some(_) | None => return None,
    };
    let fix = match all > Tokens::MOST {
        true => "write a smaller answer_tokens under [ask], or choose a model that thinks less".to_owned(),
        false => format!("tokens_per_five_minutes = {all} has room for all"),
    };
    Some(format!(
        "ask.tokens_per_five_minutes: {most} may not have room within five minutes for {part}; {fix}"
    ))
}

/// The same of a day's dollars.
fn dollars(
    settings: &Settings,
    asked: Notional,
    again: Notional,
    fallback: Option<Notional>,
) -> Option<String> {
    let most = settings.llm_usd_per_day;
    let cycles = DAY.div_euclid(due::minutes(settings.decide_every));
    let whole = asked + again + fallback.unwrap_or(Notional::ZERO);
    let each = asked.value();
    let paid = most.value().checked_div(each).unwrap_or(Decimal::MAX).floor();
    let all = (each * Decimal::from(cycles))
        .max(whole.value())
        .round_dp_with_strategy(2, rust_decimal::RoundingStrategy::AwayFromZero);
    let problem = if whole > most {
        format!("{most} may not pay for a question, its correction and one fallback, up to {whole}")
    } else if paid < Decimal::from(cycles) {
        let paid = paid.to_u64().unwrap_or_default();
        format!("{most} is sure to pay for {paid} of the {cycles} questions of a day")
    } else {
        return None;
    };
    Some(format!("llm_usd_per_day: {problem}; {all} is enough"))
}

#[cfg(test)]
mod tests {
    use decide::tokens::asked;
    use serde_json::Value;

    use super::*;

    const FILES: [(&str, &str); 2] = [
        ("demo.toml", include_str!("../strategies/demo.toml")),
        ("axon-sample.toml", include_str!("../strategies/axon-sample.toml")),
    ];
    /// Facts with a position, an order and two refused decisions, as decide's own test has them.
    const FULL: &str =
        include_str!("../../functions/decide/src/prompt/snapshots/decide__prompt__tests__facts.snap");

    fn now() -> Timestamp {
        Timestamp::parse("2026-12-01T00:00:00Z").unwrap()
    }
    fn settings(name: &str, text: &str) -> Settings {
        Settings::from_toml(text, name).unwrap().settings
    }

    #[test]
    fn what_is_held_and_corrected_adds_no_more_than_is_counted() {
        let (name, text) = FILES[0];
        let settings = settings(name, text);
        let full = FULL.splitn(3, "---\n").nth(2).unwrap();
        let full = serde_json::from_str::<Value>(full).unwrap().to_string();
        let error = format!(
            "Fixed Format Error: {}. Answer again with one well-formed call of decide.",
            "quantity ".repeat(44)
        );
        let tool = prompt::tool(&settings.symbols);
        for model in ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"] {
            let takes = Servers::NONE.capabilities(model);
            let of = |texts: &[&str]| asked(&takes, &tool, texts);
            let least = prompt::least(&settings, &takes, now());
            let (held, corrected) = (of(&[&full]), of(&[&full, &error]));
            let more = |plain: u32| plain * takes.vocabulary / 100;
            assert!(held - least <= more(HELD), "{model}: {}", held - least);
            assert!(corrected - held <= more(CORRECTION), "{model}: {}", corrected - held);
        }
    }

    #[test]
    fn each_bundled_strategy_fits_at_its_interval_without_a_word() {
        for (name, text) in FILES {
            let settings = Settings { backend: Backend::Mock, ..settings(name, text) };
            assert_eq!(fits(&settings, &Servers::NONE, name, now()), Ok(Vec::new()));
        }
    }
}
