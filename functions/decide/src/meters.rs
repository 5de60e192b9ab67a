//! What a cycle used, and how it moves the counters of the state that are decide's.

use shared::decision::{Outcome, Why};
use shared::money::Notional;
use shared::ports::Usage;
use shared::records;
use shared::records::llm::is_past;
use shared::signal::Signal;
use shared::state::{Alert, LlmDay, LlmMinute, RECENT_MINUTES, StrategyState};
use shared::status::Status;
use shared::store::Change;
use shared::time::Timestamp;

/// Refusals in a row that page.
const REFUSALS_IN_A_ROW: u32 = 3;
/// Cycles in a row without a usable answer after which a strategy only reduces.
pub const BAD_CYCLES: u32 = 3;

/// What one cycle used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Questions asked.
    pub calls: u32,
    /// Answers of 429.
    pub throttled: u32,
    /// Tokens in.
    pub tokens_in: u32,
    /// Tokens out.
    pub tokens_out: u32,
    /// Dollars.
    pub usd: Notional,
    /// What of it stands in the tables already.
    pub booked: Option<Booked>,
}

/// The strategy's day and minutes as this cycle has written them: what was used, and what is reserved for the answer to
/// come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked {
    /// The day as it stands.
    pub day: LlmDay,
    /// What of its dollars is this cycle's.
    pub share: Notional,
    /// What of the minutes is this cycle's, in the minute of its last question.
    pub asked: LlmMinute,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { calls: 0, throttled: 0, tokens_in: 0, tokens_out: 0, usd: Notional::ZERO, booked: None }
    }
}

impl Tally {
    /// Adds what one answer used.
    pub fn add(&mut self, usage: Usage, usd: Notional) {
        self.tokens_in = self.tokens_in.saturating_add(usage.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(usage.tokens_out);
        self.usd = self.usd + usd;
    }
    /// Tokens in and out.
    pub fn tokens(&self) -> u32 {
        self.tokens_in.saturating_add(self.tokens_out)
    }
}

/// Refusals of one strategy, and whether people are told of its provider's already: then it is the same fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// Before this cycle, in a row.
    pub in_row: u32,
    /// Whether the provider's own alert stands.
    pub told: bool,
}

/// The state with this cycle counted: the day, the recent minutes, bad cycles and alerts.
pub fn counted(
    mut state: StrategyState,
    outcome: &Outcome,
    tally: &Tally,
    refusals: Refusals,
    now: Timestamp,
) -> StrategyState {
    if state.llm_day.day != now.day() {
        state.llm_day = LlmDay { day: now.day(), calls: 0, usd: Notional::ZERO };
    }
    state.llm_day.calls = state.llm_day.calls.saturating_add(tally.calls);
    // What was reserved makes room for what was used.
    let share = tally.booked.filter(|booked| booked.day.day == now.day()).map(|booked| booked.share);
    state.llm_day.usd = state.llm_day.usd.less(share.unwrap_or(Notional::ZERO)) + tally.usd;
    let reserved = tally.booked.map(|booked| booked.asked);
    let recent = reserved.map_or_else(|| state.recent_llm.clone(), |asked| without(&state.recent_llm, asked));
    state.recent_llm = with(&recent, minute_of(outcome, tally, now));
    state.bad_cycles = bad_cycles(state.bad_cycles, outcome);
    judge_refusals(&mut state, outcome, refusals, now);
    state
}

/// What this cycle adds to its minute.
fn minute_of(outcome: &Outcome, tally: &Tally, now: Timestamp) -> LlmMinute {
    LlmMinute {
        minute: now.minute_number(),
        calls: tally.calls,
        refusals: u32::from(tally.calls > 0 && is_refusal(outcome)),
        throttled: tally.throttled,
        tokens: tally.tokens(),
    }
}

/// The minutes as they stand once `booked` is written, before they are counted.
pub fn as_booked(recent: &[LlmMinute], booked: Option<Booked>) -> Vec<LlmMinute> {
    booked.map_or_else(|| recent.to_vec(), |booked| with(recent, booked.asked))
}

/// The minutes with `more` in its own, as far back as anybody looks. The newest with a question stays, however old: it
/// says when the model was asked last.
fn with(recent: &[LlmMinute], more: LlmMinute) -> Vec<LlmMinute> {
    let mut minutes = recent.to_vec();
    if more.calls > 0 {
        let before = minutes.pop_if(|last| last.minute == more.minute);
        minutes.push(before.map_or(more, |before| LlmMinute {
            minute: more.minute,
            calls: before.calls.saturating_add(more.calls),
            refusals: before.refusals.saturating_add(more.refusals),
            throttled: before.throttled.saturating_add(more.throttled),
            tokens: before.tokens.saturating_add(more.tokens),
        }));
    }
    let newest = minutes.iter().map(|one| one.minute).max();
    let window = i64::try_from(RECENT_MINUTES).unwrap_or(0);
    minutes.retain(|one| more.minute.saturating_sub(one.minute) < window || Some(one.minute) == newest);
    minutes
}

/// The minutes without what was reserved, which makes room for what was used.
fn without(recent: &[LlmMinute], reserved: LlmMinute) -> Vec<LlmMinute> {
    let less = |one: &LlmMinute| match one.minute == reserved.minute {
        true => LlmMinute {
            calls: one.calls.saturating_sub(reserved.calls),
            tokens: one.tokens.saturating_sub(reserved.tokens),
            ..*one
        },
        false => *one,
    };
    recent.iter().map(less).filter(|one| one.calls > 0).collect()
}

fn is_refusal(outcome: &Outcome) -> bool {
    *outcome == Outcome::Abstain(Why::Refused)
}

/// Whether the model answered in a way that can be used, even if to abstain.
fn is_usable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Trade(_) | Outcome::Hold | Outcome::Abstain(Why::ByModel))
}

/// What could not be asked says nothing about the model: it neither counts nor clears.
fn bad_cycles(before: u32, outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Abstain(why) if why.is_bad_answer() => before.saturating_add(1),
        outcome if is_usable(outcome) => 0,
        Outcome::Trade(_) | Outcome::Hold | Outcome::Abstain(_) => before,
    }
}

/// The alert of a status that was lowered after bad cycles.
pub const BAD_CYCLES_ALERT: &str = "bad-cycles";

/// Why a status is lowered, after the number of bad cycles.
const LOWERED: &str = " cycles in a row without a usable answer of the model";

/// Why the status of `state` is lowered.
pub fn why_lowered(state: &StrategyState) -> String {
    format!("{}{LOWERED}", state.bad_cycles)
}

/// The alert of a status that was lowered for this `reason`.
pub fn lowered(state: &StrategyState, reason: &str, now: Timestamp) -> Alert {
    let detail = format!("the status was lowered to {}: {reason}", Status::Reducing.as_str());
    Alert { since: now, key: state.strategy_id.to_string(), detail }
}

/// Judges by time what people are told of a strategy, and says what of it changes.
pub fn judge_by_time(state: &mut StrategyState, now: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    for kind in over(state, now) {
        state.alerts.remove(kind);
        changes.push(Change::Remove(records::state::path::alert(kind)));
    }
    if let Some(alert) = untold(state, now) {
        let path = records::state::path::alert(BAD_CYCLES_ALERT);
        changes.push(Change::Set(path, records::state::alert_attr(&alert)));
        state.alerts.insert(BAD_CYCLES_ALERT.to_owned(), alert);
    }
    changes
}

fn last_asked(state: &StrategyState) -> Option<i64> {
    state.recent_llm.iter().map(|one| one.minute).max()
}

/// A lowering of which its provider's alert alone told: once nobody asks any more that one is over, and this is not.
fn untold(state: &StrategyState, now: Timestamp) -> Option<Alert> {
    let reason = state.halt_reason.as_deref().filter(|reason| reason.ends_with(LOWERED))?;
    let is_quiet = last_asked(state).is_some_and(|asked| is_past(asked, now));
    let is_told = state.alerts.contains_key(BAD_CYCLES_ALERT);
    let lasts = state.status == Status::Reducing && state.bad_cycles >= BAD_CYCLES;
    (lasts && is_quiet && !is_told).then(|| lowered(state, reason, now))
}

/// The alerts that are over: its lowering is no news once a person has set another status, and refusals are none after an
/// hour in which it asked nobody.
fn over(state: &StrategyState, now: Timestamp) -> Vec<&'static str> {
    let refusals = Signal::LlmRefusals.as_str();
    let is_quiet = |alert: &Alert| {
        let told = alert.since.minute_number();
        is_past(last_asked(state).map_or(told, |asked| asked.max(told)), now)
    };
    let lowered = Some(BAD_CYCLES_ALERT).filter(|kind| state.alerts.contains_key(*kind));
    let lowered = lowered.filter(|_| state.status != Status::Reducing);
    let refused = state.alerts.get(refusals).filter(|alert| is_quiet(alert)).map(|_| refusals);
    lowered.into_iter().chain(refused).collect()
}

fn judge_refusals(state: &mut StrategyState, outcome: &Outcome, refusals: Refusals, now: Timestamp) {
    let kind = Signal::LlmRefusals.as_str();
    let in_row = refusals.in_row.saturating_add(1);
    if is_refusal(outcome) && in_row >= REFUSALS_IN_A_ROW && !refusals.told {
        let since = state.alerts.get(kind).map_or(now, |alert| alert.since);
        let detail = format!("the model refused {in_row} times in a row");
        let alert = Alert { since, key: state.strategy_id.to_string(), detail };
        state.alerts.insert(kind.to_owned(), alert);
    } else if is_usable(outcome) {
        state.alerts.remove(kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, at};

    fn tally(calls: u32, tokens_in: u32) -> Tally {
        Tally { calls, tokens_in, tokens_out: 10, usd: Notional::parse("0.01").unwrap(), ..Tally::default() }
    }
    fn after(state: StrategyState, outcome: Outcome, refused: u32, now: &str) -> StrategyState {
        counted(state, &outcome, &tally(1, 90), Refusals { in_row: refused, told: false }, at(now))
    }

    #[test]
    fn counters_add_within_a_day_and_begin_anew_with_the_next() {
        let state = after(testing::state(), Outcome::Hold, 0, "2023-03-01T23:58:30Z");
        let state = after(state, Outcome::Hold, 0, "2023-03-01T23:58:40Z");
        assert_eq!((state.llm_day.calls, state.llm_day.usd.to_string()), (2, "0.02".to_owned()));
        assert_eq!(state.recent_llm.len(), 1);
        assert_eq!((state.recent_llm[0].calls, state.recent_llm[0].tokens), (2, 200));
        let state = after(state, Outcome::Hold, 0, "2023-03-02T00:01:00Z");
        assert_eq!((state.llm_day.calls, state.recent_llm.len()), (1, 2));
        let state = after(state, Outcome::Hold, 0, "2023-03-02T00:04:00Z");
        assert_eq!(state.recent_llm.len(), 2, "the first minute is over");
    }

    #[test]
    fn bad_answers_count_usable_ones_clear_and_the_rest_does_neither() {
        for why in Why::ALL {
            let expected = match why {
                Why::Refused | Why::Truncated | Why::Empty | Why::Malformed => 3,
                Why::ByModel => 0,
                Why::OverBudget
                | Why::Unavailable
                | Why::StaleMarket
                | Why::UnknownBalance
                | Why::ModelOff
                | Why::Unchanged => 2,
            };
            assert_eq!(bad_cycles(2, &Outcome::Abstain(why)), expected, "{}", why.as_str());
        }
        assert_eq!(bad_cycles(2, &Outcome::Hold), 0);
    }

    #[test]
    fn the_third_refusal_in_a_row_pages_until_the_model_answers_again() {
        let kind = Signal::LlmRefusals.as_str();
        let refused = || Outcome::Abstain(Why::Refused);
        let state = after(testing::state(), refused(), 1, "2023-03-01T10:00:00Z");
        assert!(state.alerts.is_empty());
        let state = after(state, refused(), 2, "2023-03-01T10:25:00Z");
        assert_eq!(state.alerts[kind].since, at("2023-03-01T10:25:00Z"));
        let state = after(state, refused(), 3, "2023-03-01T10:50:00Z");
        assert_eq!(state.alerts[kind].since, at("2023-03-01T10:25:00Z"));
        let state = after(state, Outcome::Abstain(Why::Unavailable), 0, "2023-03-01T11:15:00Z");
        assert!(state.alerts.contains_key(kind));
        assert!(after(state, Outcome::Hold, 0, "2023-03-01T11:40:00Z").alerts.is_empty());
    }

    #[test]
    fn refusals_of_a_strategy_that_asks_nobody_any_more_are_over_after_an_hour() {
        let refused = || Outcome::Abstain(Why::Refused);
        let state = after(testing::state(), refused(), 2, "2023-03-01T10:00:00Z");
        let state = after(state, refused(), 3, "2023-03-01T10:50:00Z");
        let idle = Outcome::Abstain(Why::StaleMarket);
        let state = counted(
            state,
            &idle,
            &Tally::default(),
            Refusals { in_row: 0, told: false },
            at("2023-03-01T11:15:00Z"),
        );
        assert!(over(&state, at("2023-03-01T11:50:00Z")).is_empty(), "it asked an hour ago");
        assert_eq!(over(&state, at("2023-03-01T11:51:00Z")), [Signal::LlmRefusals.as_str()]);
    }
}
