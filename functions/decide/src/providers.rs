//! How the calls of a provider fare, and what follows from it: waits, the breaker, and what people are told.

use std::collections::BTreeSet;

use shared::ids::{ProviderId, StrategyId};
use shared::money::Notional;
use shared::records::llm::{
    Breaker, Cause, Fate, LlmLedger, MINUTES_KEPT, MODELS_APART, MOST_CALLS, Minute, ModelName, SwitchedOff,
    TOKEN_BOUND, UNANSWERED, UNUSABLE,
};
use shared::signal::Signal;
use shared::state::Alert;
use shared::time::{Millis, Timestamp};

use crate::unusable;

/// How long nobody asks a provider whose 429 does not say.
const USUAL_WAIT: Millis = Millis::from_secs(60);
/// How long a breaker stays open before one call tries again, at least.
const COOLDOWN: Millis = Millis::from_minutes(5);
/// And at most: as long as the provider has not been well, up to this.
const LONGEST_COOLDOWN: Millis = Millis::from_minutes(15);
/// Fewer samples say nothing.
const FEWEST: u32 = 5;
/// Calls looked at one by one.
const LAST: usize = 20;
/// Minutes in which the share of 429s and of failures is judged.
const MINUTES_OF_CALLS: i64 = 10;
/// Minutes in which the share of refusals is judged: all that are kept.
const MINUTES_OF_ANSWERS: i64 = MINUTES_KEPT;
/// Refusals in one minute above which people are told.
const MOST_REFUSALS: u32 = 5;
/// For how many minutes, that one among them.
const MINUTES_TOLD: i64 = 3;

/// How the tokens that a call used stand to the bound on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It does not say what it used.
    Unknown,
    /// It kept to the bound.
    Yes,
    /// It used so many percent of the plain bound, which is more than the raised one.
    No(u32),
}

/// What a decision says of a chain of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Nothing.
    Unknown,
    /// None of its models has answered for too long, in words for people.
    Silent(String),
    /// One of its models answers again.
    Answers,
}

/// What one call has told of its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The model's name at its provider.
    pub model: ModelName,
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub fate: Fate,
    /// What it cost.
    pub usd: Notional,
    /// How long it asks to wait, where it says so.
    pub wait: Option<Millis>,
    /// Its words, where the account's own limit is used up: no wait helps.
    pub spend_limit: Option<String>,
    /// Why it is of no use until a person acts, and its words; a refusal says nothing of how its other calls fare, and an
    /// answer of another model is counted as an answer.
    pub refused: Option<(Cause, String)>,
    /// Its words, where it refused this question and may answer the next one; such a refusal says nothing either.
    pub declined: Option<String>,
    /// What a decision says of the chain that begins with this model; it is no call.
    pub chain: Chain,
    /// Whose question it was, where it was answered or declined.
    pub asked_by: Option<StrategyId>,
    /// Whether it kept to the bound on its tokens.
    pub kept: Kept,
}

impl Told {
    /// Nothing but what became of it.
    pub fn of(model: &str, at: Timestamp, fate: Fate) -> Told {
        let (usd, model) = (Notional::ZERO, model.to_owned());
        let (refused, declined, asked_by) = (None, None, None);
        let (wait, spend_limit, chain, kept) = (None, None, Chain::Unknown, Kept::Unknown);
        Told { model, at, fate, usd, wait, spend_limit, refused, declined, chain, asked_by, kept }
    }
}

/// Why this model of the provider may not be asked now, if so: nothing is sent.
pub fn shut(ledger: &LlmLedger, model: &str, now: Timestamp) -> Option<String> {
    let name = &ledger.name;
    if let Some(off) = ledger.off() {
        return Some(format!("{name} is switched off since {}: {}", off.at, off.detail));
    }
    if let Some(until) = ledger.not_before.filter(|until| now < *until) {
        return Some(format!("{name} asked to wait until {until}"));
    }
    if let Some(open) = ledger.breaker.filter(|breaker| now < breaker.until) {
        return Some(format!("the breaker of {name} is open until {}", open.until));
    }
    unusable::shut(ledger, model, now)
}

/// The ledger after these calls, in their order.
pub fn after(mut ledger: LlmLedger, told: &[Told]) -> LlmLedger {
    forget(&mut ledger, told);
    for one in told {
        match &one.chain {
            Chain::Unknown => {}
            Chain::Silent(words) => {
                let alert = || Alert { since: one.at, key: one.model.clone(), detail: words.clone() };
                ledger.alerts.entry(UNANSWERED.to_owned()).or_insert_with(alert);
                continue;
            }
            Chain::Answers => {
                ledger.alerts.retain(|kind, alert| kind != UNANSWERED || alert.key != one.model);
                continue;
            }
        }
        unusable::judge(&mut ledger, one);
        // A refusal says nothing of how the provider fares; an answer does, also one of another model.
        if one.fate == Fate::Answered || (one.refused.is_none() && one.declined.is_none()) {
            count(&mut ledger, one);
            wait(&mut ledger, one);
            breaker(&mut ledger, one);
            factor(&mut ledger, one);
        }
    }
    if let Some(last) = told.last() {
        judge(&mut ledger, last.at);
    }
    ledger
}

/// What is over is told no more, and what follows is another fact. Where an answer follows, what failed before goes with
/// it: old failures alone are no news.
fn forget(ledger: &mut LlmLedger, told: &[Told]) {
    let Some(first) = told.first() else { return };
    let is_over = |kind: &String| ledger.is_over(kind, first.at);
    let over: Vec<String> = ledger.alerts.keys().filter(|kind| is_over(kind)).cloned().collect();
    ledger.alerts.retain(|kind, _| !over.contains(kind));
    let of_calls = [Signal::LlmRefusals, Signal::LlmThrottled].map(Signal::as_str);
    let is_well = told.iter().all(|one| one.fate == Fate::Answered);
    if is_well && over.iter().any(|kind| of_calls.contains(&kind.as_str())) {
        ledger.calls.retain(|fate| *fate == Fate::Answered);
    }
}

fn count(ledger: &mut LlmLedger, told: &Told) {
    ledger.calls.insert(0, told.fate);
    ledger.calls.truncate(MOST_CALLS);
    let minute = told.at.minute_number();
    if ledger.minutes.iter().all(|one| one.minute != minute) {
        ledger.minutes.push(Minute::empty(minute));
        ledger.minutes.sort_by_key(|one| std::cmp::Reverse(one.minute));
    }
    // Nobody looks further back, and heartbeat reads the item every minute.
    let newest = ledger.minutes.first().map_or(minute, |one| one.minute);
    ledger.minutes.retain(|one| newest.saturating_sub(one.minute) < MINUTES_KEPT);
    let Some(this) = ledger.minutes.iter_mut().find(|one| one.minute == minute) else { return };
    let counted = match told.fate {
        Fate::Answered => &mut this.answered,
        Fate::Refused => &mut this.refused,
        Fate::Throttled => &mut this.throttled,
        Fate::Failed => &mut this.failed,
    };
    *counted = counted.saturating_add(1);
    this.usd = this.usd + told.usd;
}

/// A factor is never lowered here: what was used once may be used again. It is told until an answer of that model keeps
/// to it, or a person takes it away: a model that is bounded too high to be asked gives no answer.
fn factor(ledger: &mut LlmLedger, told: &Told) {
    let mut over: BTreeSet<String> = ledger.over_bound().map(str::to_owned).collect();
    let is_news = match told.kept {
        Kept::No(percent) => {
            let factor = ledger.factors.entry(told.model.clone()).or_insert(percent);
            *factor = percent.max(*factor);
            over.insert(told.model.clone())
        }
        Kept::Yes => {
            over.remove(&told.model);
            false
        }
        Kept::Unknown => false,
    };
    let before = ledger.alerts.remove(TOKEN_BOUND).filter(|_| !is_news);
    if over.is_empty() {
        return;
    }
    let used = |model: &String| {
        let percent = ledger.factors.get(model).copied().unwrap_or_default();
        format!("{model} used {percent} % of the bound on its tokens")
    };
    let words: Vec<String> = over.iter().map(used).collect();
    let key = over.into_iter().collect::<Vec<_>>().join(MODELS_APART);
    let detail = format!("{}; the bound is raised", words.join(MODELS_APART));
    let since = before.map_or(told.at, |alert| alert.since);
    ledger.alerts.insert(TOKEN_BOUND.to_owned(), Alert { since, key, detail });
}

/// A wait is never shortened; where a limit of the account is used up, a person has to act.
fn wait(ledger: &mut LlmLedger, told: &Told) {
    if let Some(words) = &told.spend_limit {
        if ledger.off().is_none() {
            let detail = format!("{} says that a spend limit is reached: {words}", ledger.name);
            switch_off(ledger, detail, told.at);
        }
    } else if told.fate == Fate::Throttled {
        let until = told.at + told.wait.unwrap_or(USUAL_WAIT);
        ledger.not_before = ledger.not_before.max(Some(until));
    }
}

/// Switches off until a person resumes, and has people told.
pub fn switch_off(ledger: &mut LlmLedger, detail: String, now: Timestamp) {
    ledger.alerts.remove(Signal::LlmCost.as_str());
    let told = format!("{detail}; no model is asked there until `tradai model resume`");
    tell(ledger, Signal::LlmCost, told, now);
    ledger.switched_off = Some(SwitchedOff { at: now, detail });
}

fn breaker(ledger: &mut LlmLedger, told: &Told) {
    let is_well = match told.fate {
        Fate::Answered | Fate::Refused => true,
        Fate::Throttled | Fate::Failed => false,
    };
    let unwell = ledger.breaker.map_or(Millis(0), |open| told.at.since(open.since));
    let until = told.at + Millis(unwell.0.clamp(COOLDOWN.0, LONGEST_COOLDOWN.0));
    match ledger.breaker {
        Some(open) if told.at >= open.until => {
            ledger.breaker = (!is_well).then_some(Breaker { until, ..open });
        }
        // Sent before it opened.
        Some(_) => {}
        None if !is_well && (throttles(ledger, told.at).is_some() || fails(ledger, told.at)) => {
            ledger.breaker = Some(Breaker { since: told.at, until });
        }
        None => {}
    }
}

/// The 429s and the calls among which they are more than 10 %, if they are.
fn throttles(ledger: &LlmLedger, now: Timestamp) -> Option<(u32, u32)> {
    let is_much = |(some, all): &(u32, u32)| *all >= FEWEST && some.saturating_mul(10) > *all;
    last(ledger, |fate| fate == Fate::Throttled).or(recent(ledger, now, |one| one.throttled), is_much)
}

/// Whether more than half of the calls fail.
fn fails(ledger: &LlmLedger, now: Timestamp) -> bool {
    let is_much = |(some, all): &(u32, u32)| *all >= FEWEST && some.saturating_mul(2) > *all;
    last(ledger, |fate| fate == Fate::Failed).or(recent(ledger, now, |one| one.failed), is_much).is_some()
}

/// Some of all.
struct Share(u32, u32);

impl Share {
    /// This share, or else the other, where it is too much.
    fn or(self, other: Share, is_much: impl Fn(&(u32, u32)) -> bool) -> Option<(u32, u32)> {
        Some((self.0, self.1)).filter(&is_much).or_else(|| Some((other.0, other.1)).filter(&is_much))
    }
}

fn last(ledger: &LlmLedger, is_one: impl Fn(Fate) -> bool) -> Share {
    let calls = ledger.calls.iter().take(LAST);
    calls.fold(Share(0, 0), |sum, fate| {
        Share(sum.0.saturating_add(u32::from(is_one(*fate))), sum.1.saturating_add(1))
    })
}

fn recent(ledger: &LlmLedger, now: Timestamp, of: impl Fn(&Minute) -> u32) -> Share {
    let from = now.minute_number().saturating_sub(MINUTES_OF_CALLS);
    let minutes = ledger.minutes.iter().filter(|one| one.minute > from);
    minutes.fold(Share(0, 0), |sum, one| {
        let all = answers(one).saturating_add(one.throttled).saturating_add(one.failed);
        Share(sum.0.saturating_add(of(one)), sum.1.saturating_add(all))
    })
}

const fn answers(minute: &Minute) -> u32 {
    minute.answered.saturating_add(minute.refused)
}

/// What people are told of, and no longer.
fn judge(ledger: &mut LlmLedger, now: Timestamp) {
    match (ledger.breaker, throttles(ledger, now)) {
        (None, None) => drop(ledger.alerts.remove(Signal::LlmThrottled.as_str())),
        (_, Some((some, all))) => {
            let detail = format!("{some} of {all} calls of {} were throttled (429)", ledger.name);
            tell(ledger, Signal::LlmThrottled, detail, now);
        }
        (Some(_), None) => {
            let detail = format!("the breaker of {} is open: its calls fail", ledger.name);
            tell(ledger, Signal::LlmThrottled, detail, now);
        }
    }
    match refusals(ledger, now) {
        None => drop(ledger.alerts.remove(Signal::LlmRefusals.as_str())),
        Some(detail) => tell(ledger, Signal::LlmRefusals, detail, now),
    }
    if ledger.off().is_none() {
        ledger.alerts.remove(Signal::LlmCost.as_str());
    }
    match unusable::alert(ledger) {
        None => drop(ledger.alerts.remove(UNUSABLE)),
        Some(alert) => drop(ledger.alerts.insert(UNUSABLE.to_owned(), alert)),
    }
}

/// Why people are told of refusals, if they are.
fn refusals(ledger: &LlmLedger, now: Timestamp) -> Option<String> {
    let name = &ledger.name;
    let is_much = |(some, all): &(u32, u32)| *all >= FEWEST && some.saturating_mul(20) > *all;
    // Heartbeat looks once a minute: what one minute told stands until it has.
    let is_new = |one: &&Minute| now.minute_number().saturating_sub(one.minute) < MINUTES_TOLD;
    if let Some(one) = ledger.minutes.iter().filter(is_new).find(|one| one.refused > MOST_REFUSALS) {
        return Some(format!("{} refusals or apologies of {name} within a minute", one.refused));
    }
    let answers_alone = ledger.calls.iter().filter(|fate| matches!(fate, Fate::Answered | Fate::Refused));
    let lately = answers_alone.take(LAST).fold(Share(0, 0), |sum, fate| {
        Share(sum.0.saturating_add(u32::from(*fate == Fate::Refused)), sum.1.saturating_add(1))
    });
    let from = now.minute_number().saturating_sub(MINUTES_OF_ANSWERS);
    let hour = ledger.minutes.iter().filter(|one| one.minute > from).fold(Share(0, 0), |sum, one| {
        Share(sum.0.saturating_add(one.refused), sum.1.saturating_add(answers(one)))
    });
    let (some, all) = lately.or(hour, is_much)?;
    Some(format!("{some} of the last {all} answers of {name} were refusals or apologies"))
}

/// An alert that stands keeps its time and its words: it is one fact.
fn tell(ledger: &mut LlmLedger, signal: Signal, detail: String, now: Timestamp) {
    let key = ledger.name.to_string();
    let alert = || Alert { since: now, key, detail };
    ledger.alerts.entry(signal.as_str().to_owned()).or_insert_with(alert);
}

/// The provider of a model `provider/name`.
pub fn provider_of(model: &str) -> Option<ProviderId> {
    ProviderId::parse(model.split_once('/')?.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn start() -> Timestamp {
        at("2023-03-01T16:00:00Z")
    }
    fn told(minute: i64, fate: Fate) -> Told {
        Told::of("m", start() + Millis::from_minutes(minute), fate)
    }
    fn fresh() -> LlmLedger {
        LlmLedger::first(ProviderId::parse("anthropic").unwrap())
    }
    fn kinds(ledger: &LlmLedger) -> Vec<&str> {
        ledger.alerts.keys().map(String::as_str).collect()
    }
    fn minute(minute: i64) -> Timestamp {
        start() + Millis::from_minutes(minute)
    }

    #[test]
    fn the_longest_wait_is_obeyed_and_one_that_is_not_said_is_a_minute() {
        let long = Told { wait: Some(Millis::from_secs(90)), ..told(0, Fate::Throttled) };
        let ledger = after(fresh(), &[long, told(0, Fate::Throttled)]);
        assert_eq!(ledger.not_before, Some(start() + Millis::from_secs(90)));
        assert!(shut(&ledger, "m", start() + Millis::from_secs(89)).unwrap().contains("asked to wait"));
        assert_eq!(shut(&ledger, "m", start() + Millis::from_secs(90)), None);
        let ledger = after(fresh(), &[told(0, Fate::Throttled)]);
        assert_eq!(ledger.not_before, Some(start() + USUAL_WAIT));
    }

    #[test]
    fn minutes_that_nobody_looks_at_any_more_are_forgotten() {
        let day: Vec<Told> = (0..24).map(|cycle| told(cycle * 25, Fate::Answered)).collect();
        let kept: Vec<i64> = after(fresh(), &day).minutes.iter().map(|one| one.minute).collect();
        assert_eq!(kept, [575, 550, 525].map(|at| minute(at).minute_number()));
    }

    #[test]
    fn a_silent_chain_is_told_once_until_it_answers() {
        let of = |at, chain| Told { chain, ..told(at, Fate::Failed) };
        let silent = |at| of(at, Chain::Silent("s1: down".to_owned()));
        let ledger = after(fresh(), &[silent(15), silent(16)]);
        assert_eq!((ledger.alerts[UNANSWERED].since, ledger.calls.len()), (minute(15), 0), "it is no call");
        let other = Told { model: "other".to_owned(), ..told(17, Fate::Answered) };
        let lasts = after(ledger, &[other.clone(), Told { chain: Chain::Answers, ..other }, silent(17)]);
        assert_eq!(lasts.alerts[UNANSWERED].since, minute(15), "another model says nothing of it");
        assert!(!after(lasts, &[of(18, Chain::Answers)]).alerts.contains_key(UNANSWERED));
    }

    #[test]
    fn the_breaker_opens_above_ten_percent_of_at_least_five_calls() {
        let four = vec![told(0, Fate::Throttled); 4];
        assert_eq!(after(fresh(), &four).breaker, None, "too few to say");
        let mut twenty = vec![told(0, Fate::Answered); 18];
        twenty.extend(vec![told(1, Fate::Throttled); 2]);
        assert_eq!(after(fresh(), &twenty).breaker, None, "10 % is not above 10 %");
        twenty.push(told(2, Fate::Throttled));
        let ledger = after(fresh(), &twenty);
        assert_eq!(ledger.breaker, Some(Breaker { since: minute(2), until: minute(7) }));
        assert_eq!(kinds(&ledger), ["llm-throttled"]);
        assert!(shut(&ledger, "m", minute(6)).unwrap().contains("breaker"));
    }

    #[test]
    fn one_call_after_the_cooldown_closes_the_breaker_or_renews_it() {
        let open = after(fresh(), &vec![told(0, Fate::Throttled); 5]);
        let renewed = after(open.clone(), &[told(5, Fate::Throttled)]);
        assert_eq!(renewed.breaker, Some(Breaker { since: start(), until: minute(10) }));
        let later = after(renewed.clone(), &[told(10, Fate::Throttled)]);
        assert_eq!(later.breaker.unwrap().until, minute(20));
        assert_eq!(after(later, &[told(20, Fate::Failed)]).breaker.unwrap().until, minute(35));
        assert_eq!(renewed.alerts["llm-throttled"].since, start(), "it is still the same fact");
        let closed = after(open, &[told(5, Fate::Answered)]);
        assert_eq!(closed.breaker, None);
        assert_eq!(kinds(&closed), ["llm-throttled"], "it is told until the share has fallen");
        let calm = after(closed, &vec![told(20, Fate::Answered); 20]);
        assert!(calm.alerts.is_empty());
    }

    #[test]
    fn half_of_the_calls_failing_opens_it_too_and_a_429_less() {
        let failing = after(fresh(), &vec![told(0, Fate::Failed); 5]);
        assert!(failing.breaker.is_some());
        let half = [Fate::Answered, Fate::Answered, Fate::Answered, Fate::Failed, Fate::Failed, Fate::Failed];
        let half: Vec<Told> = half.into_iter().map(|fate| told(0, fate)).collect();
        assert_eq!(after(fresh(), &half).breaker, None);
    }

    #[test]
    fn refusals_are_told_above_five_percent_or_five_in_a_minute() {
        let mut answers = vec![told(0, Fate::Refused)];
        answers.extend(vec![told(1, Fate::Answered); 3]);
        assert!(after(fresh(), &answers).alerts.is_empty(), "too few to say");
        answers.push(told(2, Fate::Answered));
        assert_eq!(kinds(&after(fresh(), &answers)), ["llm-refusals"]);
        answers.extend(vec![told(3, Fate::Answered); 15]);
        assert!(after(fresh(), &answers).alerts.is_empty(), "one in twenty is five percent, not above");
        let many = [vec![told(0, Fate::Answered); 180], vec![told(4, Fate::Refused); 6]].concat();
        assert_eq!(kinds(&after(fresh(), &many)), ["llm-refusals"]);
    }

    #[test]
    fn what_nobody_asks_about_any_more_is_over_after_an_hour_and_what_follows_is_another_fact() {
        let over = |ledger: &LlmLedger, kind, at| ledger.is_over(kind, minute(at));
        let mut refusing = vec![told(0, Fate::Answered); 4];
        refusing.push(told(1, Fate::Refused));
        let ledger = after(fresh(), &refusing);
        assert!(!over(&ledger, "llm-refusals", 61) && over(&ledger, "llm-refusals", 62));
        let again = after(ledger.clone(), &[told(121, Fate::Refused)]);
        assert_eq!(again.alerts["llm-refusals"].since, minute(121));
        let well = after(ledger, &[told(121, Fate::Answered)]);
        assert_eq!((well.alerts.len(), well.calls.len()), (0, 5), "old refusals alone are no news");

        let long = Told { wait: Some(Millis::from_minutes(90)), ..told(0, Fate::Throttled) };
        let ledger = after(fresh(), &vec![long; 5]);
        assert!(!over(&ledger, "llm-throttled", 89), "it is to be waited for");
        assert!(over(&ledger, "llm-throttled", 90));
        let again = after(ledger.clone(), &[told(121, Fate::Throttled)]);
        assert_eq!(again.alerts["llm-throttled"].since, minute(121));
        assert!(after(ledger, &[told(121, Fate::Answered)]).alerts.is_empty());
    }

    #[test]
    fn a_spend_limit_switches_the_provider_off_until_a_person_resumes_it() {
        let limit = Told { spend_limit: Some("quota".to_owned()), ..told(0, Fate::Failed) };
        let mut ledger = after(fresh(), &[limit.clone(), limit]);
        assert!(shut(&ledger, "m", minute(600)).unwrap().contains("switched off"));
        assert_eq!(kinds(&ledger), ["llm-cost"]);
        let of = ledger.off().unwrap().at;
        ledger.resumed = Some(shared::records::llm::Resumed { of, by: "ada".to_owned(), at: minute(30) });
        assert_eq!(shut(&ledger, "m", minute(31)), None);
        let ledger = after(ledger, &[told(31, Fate::Answered)]);
        assert!(ledger.alerts.is_empty());
    }

    #[test]
    fn a_bound_that_was_too_low_is_told_until_that_model_keeps_to_it() {
        let of = |at, model: &str, kept| Told { model: model.to_owned(), kept, ..told(at, Fate::Answered) };
        let ledger = after(fresh(), &[of(0, "a", Kept::No(150)), of(0, "b", Kept::Yes)]);
        assert_eq!(ledger.alerts[TOKEN_BOUND].key, "a", "what another model keeps to says nothing of it");
        let ledger = after(ledger, &[of(1, "b", Kept::No(300))]);
        let alert = &ledger.alerts[TOKEN_BOUND];
        assert_eq!((alert.key.as_str(), alert.since), ("a, b", minute(1)), "a further model is a later fact");
        assert!(alert.detail.starts_with("a used 150 %") && alert.detail.contains("b used 300 %"));
        let ledger = after(ledger, &[of(2, "a", Kept::Yes)]);
        assert_eq!(
            (ledger.alerts[TOKEN_BOUND].key.as_str(), ledger.alerts[TOKEN_BOUND].since),
            ("b", minute(1))
        );
        let unread = of(3, "b", Kept::Unknown);
        assert_eq!(kinds(&after(ledger.clone(), &[unread])), [TOKEN_BOUND], "it says nothing of its use");
        let refusal = Told { fate: Fate::Refused, ..of(3, "b", Kept::Yes) };
        assert!(!kinds(&after(ledger, &[refusal])).contains(&TOKEN_BOUND), "its use is known");
    }

    #[test]
    fn a_bound_too_high_to_be_asked_is_told_until_a_person_lowers_it() {
        let raised = Told { kept: Kept::No(900), ..told(0, Fate::Answered) };
        let mut ledger = after(fresh(), &[raised]);
        assert!(!ledger.is_over(TOKEN_BOUND, minute(600)), "nobody asks it, so no answer can end it");
        ledger.factors.clear();
        assert!(ledger.is_over(TOKEN_BOUND, minute(600)));
        let again = Told { kept: Kept::No(120), ..told(601, Fate::Answered) };
        let ledger = after(ledger, &[again]);
        assert_eq!(ledger.factors["m"], 120, "what stood before is forgotten");
        assert_eq!(ledger.alerts[TOKEN_BOUND].since, minute(601));
    }

    #[test]
    fn many_refusals_of_one_minute_are_told_until_heartbeat_has_looked() {
        let many = [vec![told(0, Fate::Answered); 180], vec![told(4, Fate::Refused); 6]].concat();
        let mut ledger = after(fresh(), &many);
        for minute in [5, 6] {
            ledger = after(ledger, &vec![told(minute, Fate::Answered); 20]);
            assert_eq!(kinds(&ledger), ["llm-refusals"], "{minute}");
        }
        assert!(after(ledger, &[told(7, Fate::Answered)]).alerts.is_empty());
    }
}
