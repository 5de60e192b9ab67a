//! Whether a stage can serve settings that are sound by themselves: asked before anything is written.

use decide::budget::{self, Bound, Exceeded, MAX_TOKENS};
use decide::due;
use decide::meters::Tally;
use decide::prompt;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use shared::ids::VenueId;
use shared::model::Provider;
use shared::settings::{Backend, Settings, Tokens};
use shared::state::{RECENT_MINUTES, StrategyState};
use shared::status::Status;
use shared::time::Timestamp;

use crate::bad_input::BadInput;

/// Minutes of a day.
const DAY: i64 = 1_440;

/// Refuses what could never trade, with the field and the mend; what may not be meant is told, a line each.
pub fn fits(settings: &Settings, file: &str, now: Timestamp) -> Result<Vec<String>, BadInput> {
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
        if Provider::of(model).is_none() {
            let names = Provider::ALL.map(Provider::as_str).join(", ");
            return refused(
                field,
                format!("{model} is of no provider that is served"),
                &format!("they are {names}"),
            );
        }
        if let Err(exceeded) = asked_once(settings, model, now) {
            let (field, mend) = mend(field, &exceeded, settings.llm_tokens);
            return refused(field, format!("{model} could never be asked: {exceeded}"), mend);
        }
        let (asked, most) = (FiveMinutes::of(settings, model, now), settings.llm_tokens.get());
        if asked.tokens > most {
            let FiveMinutes { questions, tokens, .. } = asked;
            let problem = format!(
                "{questions} questions to {model} within five minutes are at least {tokens} tokens, most {most}"
            );
            return refused("decide_every_seconds", problem, &asked.mend(most));
        }
    }
    Ok(cautions(settings, now))
}

/// The asset in which a venue may take its fees whatever is traded; none of a venue that is not served.
/// <https://www.binance.com/en/fee/schedule>
fn fee_asset(venue: &VenueId) -> Option<&'static str> {
    (venue.as_str() == "binance").then_some("BNB")
}

fn models(settings: &Settings) -> impl Iterator<Item = (&'static str, &str)> {
    let fallbacks = settings.model_fallbacks.iter().map(|model| ("model_fallbacks", model.as_str()));
    std::iter::once(("model", settings.model.as_str())).chain(fallbacks)
}

/// What decide's own budget says of the smallest question on a day on which nothing was asked yet.
fn asked_once(settings: &Settings, model: &str, now: Timestamp) -> Result<(), Exceeded> {
    let fresh = StrategyState::first(settings.strategy_id.clone(), Status::Stopped, now);
    let least = Bound::raised(prompt::least(settings, model, now), 100);
    budget::check(settings, &fresh, &Tally::default(), model, least, now)
}

fn mend(model: &'static str, exceeded: &Exceeded, tokens: Tokens) -> (&'static str, &'static str) {
    match exceeded {
        Exceeded::Window { .. } => (model, "choose a model with a larger window"),
        Exceeded::Session { .. } if tokens < Tokens::USUAL => {
            ("ask.tokens_per_five_minutes", "allow at least what one question may have, 5000 as usual")
        }
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
    fn of(settings: &Settings, model: &str, now: Timestamp) -> FiveMinutes {
        let every = due::minutes(settings.decide_every);
        let questions = u32::try_from(window().saturating_add(every - 1).div_euclid(every)).unwrap_or(1);
        let one = prompt::least(settings, model, now).saturating_add(MAX_TOKENS);
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

/// What fits once and may not fit every time.
fn cautions(settings: &Settings, now: Timestamp) -> Vec<String> {
    let (every, tokens) =
        (due::minutes(settings.decide_every), prompt::least(settings, &settings.model, now));
    let mut lines = Vec::new();
    let FiveMinutes { questions, tokens: asked, one } = FiveMinutes::of(settings, &settings.model, now);
    if asked.saturating_add(one) > settings.llm_tokens.get() {
        lines.push(format!(
            "decide_every_seconds: a malformed answer may not be asked again: {questions} questions within five minutes \
             and one more are at least {} tokens, most {}",
            asked.saturating_add(one),
            settings.llm_tokens.get()
        ));
    }
    let most = budget::most_cost(&settings.model, Bound::raised(tokens, 100), now).value();
    let paid = settings.llm_usd_per_day.value().checked_div(most).unwrap_or(Decimal::MAX).floor();
    let cycles = DAY.div_euclid(every);
    if paid < Decimal::from(cycles) {
        let paid = paid.to_u64().unwrap_or_default();
        lines.push(format!(
            "llm_usd_per_day: {} is sure to pay for {paid} of the {cycles} questions of a day",
            settings.llm_usd_per_day
        ));
    }
    lines
}
