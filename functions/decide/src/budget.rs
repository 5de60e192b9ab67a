//! What asking may cost, judged before a byte is sent: the model's window, five minutes, and a day of dollars.

use shared::model::{Capabilities, Servers};
use shared::money::Notional;
use shared::ports::{BadReply, Reply, ReportedUsage, Usage};
use shared::settings::Settings;
use shared::state::{LlmMinute, RECENT_MINUTES, StrategyState};
use shared::time::Timestamp;

use crate::meters::{BAD_CYCLES, Tally};

/// The largest window that is counted on, whatever a model has.
const WINDOW: u32 = 200_000;
/// The share of it that a question may fill, in percent.
const SHARE: u32 = 25;
/// After bad answers, minutes that have to pass for each question: a strategy that holds something asks on through an hour
/// in which every answer is bad, and its twelve calls have to last.
const AFTER_BAD: i64 = 10;
/// Most tokens of one answer, thinking included: what the settings say, else what the model's row says.
pub fn answer_limit(settings: &Settings, takes: &Capabilities) -> u32 {
    settings.llm_answer_tokens.unwrap_or(takes.answer_tokens)
}

/// A budget that asking would exceed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// The question is too large for the model.
    #[error("question of {tokens} tokens, most {most}")]
    Window {
        /// Its tokens.
        tokens: u32,
        /// The limit.
        most: u32,
    },
    /// Too much within five minutes.
    #[error("{tokens} tokens within five minutes, most {most}")]
    Session {
        /// The tokens.
        tokens: u32,
        /// The limit.
        most: u32,
    },
    /// Too soon after bad answers.
    #[error("{0} bad cycles in a row: a question each ten minutes")]
    Bad(u32),
    /// Too many dollars today.
    #[error("{spent} USD today and up to {next} more, most {most}")]
    Day {
        /// What was spent.
        spent: Notional,
        /// What this question may cost.
        next: Notional,
        /// The limit.
        most: Notional,
    },
}

impl Exceeded {
    /// Whether asking any other model would exceed it too: tokens are bounded by what each model once used, but who has
    /// spent the day or answered badly has to wait.
    pub const fn is_of_every_model(&self) -> bool {
        match self {
            Exceeded::Window { .. } | Exceeded::Session { .. } => false,
            Exceeded::Bad(_) | Exceeded::Day { .. } => true,
        }
    }
}

fn most_asked(takes: &Capabilities) -> u32 {
    takes.window.min(WINDOW) / 100 * SHARE
}

/// What a question and its answer are bounded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Tokens of the question.
    pub tokens_in: u32,
    /// Tokens of the answer.
    pub tokens_out: u32,
}

impl Bound {
    /// That of a question of `tokens` and an answer of `answer` to a model that once used `percent` of its plain bound, 100
    /// if it never used more.
    pub fn raised(tokens: u32, answer: u32, percent: u32) -> Bound {
        let raised = |plain: u32| {
            let raised = u64::from(plain).saturating_mul(percent.into()).div_ceil(100);
            u32::try_from(raised).unwrap_or(u32::MAX)
        };
        Bound { tokens_in: raised(tokens), tokens_out: raised(answer) }
    }

    /// Both.
    pub const fn tokens(self) -> u32 {
        self.tokens_in.saturating_add(self.tokens_out)
    }

    /// All of it.
    pub fn usage(self) -> Usage {
        Usage { tokens_in: self.tokens_in, tokens_out: self.tokens_out, ..Usage::default() }
    }
}

/// What an answer tells of its cost; nothing where it could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// What was used.
    pub usage: ReportedUsage,
    /// The model that answered (`provider/name`), where it is another one than was asked.
    pub other: Option<String>,
}

impl Reported {
    /// That of `reply`, which `other` gave.
    pub fn of(reply: &Result<Reply, BadReply>, other: Option<String>) -> Reported {
        Reported { usage: reply.as_ref().map(|reply| reply.usage).unwrap_or_default(), other }
    }

    /// The dollars of `usage`: the largest of the price of the asked `model` (`provider/name`), the price of the model that
    /// answered, and the cost that the provider tells. Beside a told cost the price of the other model counts where it is known.
    pub fn cost(&self, servers: &Servers, model: &str, usage: Usage, now: Timestamp) -> Notional {
        let price = |model: &str| servers.dollars(model, now, usage);
        let is_known = |other: &&str| self.usage.usd.is_none() || servers.is_priced(other, now);
        let more = [self.other.as_deref().filter(is_known).map(price), self.usage.usd];
        more.into_iter().flatten().fold(price(model), Notional::max)
    }
}

/// Whether a model that takes this, and whose answer costs at most `next`, may be asked within `bound`, after what this
/// cycle has already used.
pub fn check(
    settings: &Settings,
    state: &StrategyState,
    used: &Tally,
    takes: &Capabilities,
    bound: Bound,
    next: Notional,
    now: Timestamp,
) -> Result<(), Exceeded> {
    let (tokens, most) = (bound.tokens_in, most_asked(takes));
    if tokens > most {
        return Err(Exceeded::Window { tokens, most });
    }
    if state.bad_cycles >= BAD_CYCLES && used.calls == 0 && was_asked(state, now) {
        return Err(Exceeded::Bad(state.bad_cycles));
    }
    let session = recent(state, now).saturating_add(used.tokens()).saturating_add(bound.tokens());
    let most = settings.llm_tokens.get();
    if session > most {
        return Err(Exceeded::Session { tokens: session, most });
    }
    let spent = spent_today(state, now) + used.usd;
    if spent + next > settings.llm_usd_per_day {
        return Err(Exceeded::Day { spent, next, most: settings.llm_usd_per_day });
    }
    Ok(())
}

/// What a question and its answer may cost.
pub fn most_cost(servers: &Servers, model: &str, bound: Bound, now: Timestamp) -> Notional {
    servers.dollars(model, now, bound.usage())
}

fn recent(state: &StrategyState, now: Timestamp) -> u32 {
    minutes(state, now).fold(0, |sum, one| sum.saturating_add(one.tokens))
}

/// Whether questions were asked in the minutes that have to pass after them once answers are bad.
fn was_asked(state: &StrategyState, now: Timestamp) -> bool {
    let binds = |one: &LlmMinute| {
        now.minute_number().saturating_sub(one.minute) < AFTER_BAD.saturating_mul(one.calls.into())
    };
    state.recent_llm.iter().any(binds)
}

/// The last five minutes with a question.
fn minutes(state: &StrategyState, now: Timestamp) -> impl Iterator<Item = &LlmMinute> {
    let window = i64::try_from(RECENT_MINUTES).unwrap_or(0);
    state.recent_llm.iter().filter(move |one| now.minute_number().saturating_sub(one.minute) < window)
}

/// What was spent on the UTC day of `now`.
pub fn spent_today(state: &StrategyState, now: Timestamp) -> Notional {
    if state.llm_day.day == now.day() { state.llm_day.usd } else { Notional::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, at};
    use shared::settings::Tokens;
    use shared::state::LlmDay;

    const MODEL: &str = "anthropic/claude-haiku-4-5";

    fn now() -> Timestamp {
        at("2023-03-01T16:00:05Z")
    }
    fn asked(settings: &Settings, state: &StrategyState, model: &str, tokens: u32) -> Result<(), Exceeded> {
        let takes = Servers::NONE.capabilities(model);
        let bound = Bound::raised(tokens, answer_limit(settings, &takes), 100);
        let usd = most_cost(&Servers::NONE, model, bound, now());
        check(settings, state, &Tally::default(), &takes, bound, usd, now())
    }
    fn checked(state: &StrategyState, tokens: u32) -> Result<(), Exceeded> {
        let settings = Settings { llm_tokens: Tokens::new(5_000).unwrap(), ..testing::settings() };
        asked(&settings, state, MODEL, tokens)
    }
    fn minute(back: i64, tokens: u32) -> LlmMinute {
        LlmMinute { minute: now().minute_number() - back, calls: 1, refusals: 0, throttled: 0, tokens }
    }

    #[test]
    fn a_told_cost_stands_beside_an_assumed_price() {
        let usage = Usage { tokens_in: 1_000_000, ..Usage::default() };
        let cost = |other: &str, told: Option<&str>| {
            let usd = told.map(|usd| Notional::parse(usd).unwrap());
            let usage_told = ReportedUsage { usd, ..ReportedUsage::default() };
            let reported = Reported { usage: usage_told, other: Some(other.to_owned()) };
            reported.cost(&Servers::NONE, MODEL, usage, now()).to_string()
        };
        assert_eq!(cost("anthropic/claude-opus-5", Some("2")), "5", "its price is known");
        assert_eq!(cost("anthropic/never-heard-of", Some("2")), "2");
        let assumed = Servers::NONE.dollars("anthropic/never-heard-of", now(), usage).to_string();
        assert_eq!(cost("anthropic/never-heard-of", None), assumed);
    }

    #[test]
    fn a_question_may_fill_a_quarter_of_the_window() {
        let most = |model: &str| {
            let asked = |tokens| asked(&testing::settings(), &testing::state(), model, tokens);
            let is_window = |tokens: &u32| matches!(asked(*tokens), Err(Exceeded::Window { .. }));
            (0..60_000).rev().find(|tokens| !is_window(tokens))
        };
        assert_eq!(most(MODEL), Some(50_000));
        assert_eq!(most("anthropic/claude-opus-5"), Some(50_000), "no larger window is counted on");
        assert_eq!(most("compatible/small"), Some(8_000), "a model that is not listed has the smallest");
    }

    #[test]
    fn five_minutes_bound_questions_with_their_answers() {
        let over = Err(Exceeded::Session { tokens: 5_001, most: 5_000 });
        assert_eq!(checked(&testing::state(), 4_000), Ok(()));
        assert_eq!(checked(&testing::state(), 4_001), over);
        let mut state = testing::state();
        state.recent_llm = vec![minute(5, 4_000), minute(4, 1_600)];
        assert_eq!(checked(&state, 2_400), Ok(()), "the fifth minute back is over");
        assert_eq!(checked(&state, 2_401), over);
    }

    #[test]
    fn a_strategys_own_tokens_in_five_minutes_bind_it() {
        let allowed = |tokens, question| {
            let settings = Settings { llm_tokens: Tokens::new(tokens).unwrap(), ..testing::settings() };
            asked(&settings, &testing::state(), MODEL, question).is_ok()
        };
        assert!(allowed(2_000, 1_000) && !allowed(2_000, 1_001));
        assert!(allowed(9_000, 8_000) && !allowed(9_000, 8_001));
    }

    #[test]
    fn a_day_of_dollars_is_never_exceeded_even_by_the_worst_answer() {
        let mut state = testing::state();
        state.llm_day = LlmDay { day: now().day(), calls: 9, usd: Notional::parse("0.993").unwrap() };
        // 2,000 tokens in at 1 and 1,000 out at 5 dollars a million: 0.007.
        assert_eq!(checked(&state, 2_000), Ok(()));
        assert!(matches!(checked(&state, 2_001), Err(Exceeded::Day { .. })));
        state.llm_day.day = at("2023-02-28T00:00:00Z").day();
        assert_eq!(checked(&state, 2_001), Ok(()), "yesterday's dollars are yesterday's");
    }
}
