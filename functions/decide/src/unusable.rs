//! Models that answer nothing that may be acted on until a person acts: told once for each cause, asked once an hour. They
//! refuse whatever they are asked, or another model answers in their place. And those that have refused every question for a
//! while, which may be the questions' fault: told, and asked as before.

use std::collections::BTreeMap;

use shared::ports::ModelError;
use shared::records::llm::{Cause, Declined, Fate, LlmLedger, UNUSABLE, Unusable, declined_key};
use shared::state::Alert;
use shared::time::{Millis, Timestamp};

use crate::providers::Told;
use crate::verdict::shorten;

/// How often such a model is asked nevertheless, so that a mended key is noticed without a person: a refusal costs nothing,
/// and an answer of another model one question an hour for each instance that runs then.
const ASK_EVERY: Millis = Millis::from_minutes(60);
/// Questions of one strategy that a model refuses in a row, after which it is not about one of them.
const MOST_DECLINED: u32 = 5;
/// As long as this, too.
const LONGEST_DECLINED: Millis = Millis::from_minutes(10);
/// After this without another one it is forgotten: nobody asks that any more.
const FORGOTTEN: Millis = Millis::from_minutes(24 * 60);
/// Most strategies and models that are kept of a provider: one is told already, and the item is read each minute.
const MOST_KEPT: usize = 20;
/// Most characters of what people are told.
const MOST_WORDS: usize = 600;

/// Why the model will refuse the next question too, as far as its error says. A question may be refused for its content,
/// by any other code: that says nothing of the model, or one strategy's note would shut it for all of them.
pub const fn cause(error: &ModelError) -> Option<Cause> {
    match error {
        ModelError::NoSuchModel(_) | ModelError::Unfit(_) => Some(Cause::Gone),
        ModelError::NoKey(_) | ModelError::Refused { status: 401, .. } => Some(Cause::Key),
        ModelError::Refused { .. }
        | ModelError::Throttled { .. }
        | ModelError::SpendLimit(_)
        | ModelError::Overloaded
        | ModelError::NotSent(_)
        | ModelError::NotAnswered(_)
        | ModelError::Unavailable(_) => None,
    }
}

/// Whether the provider refused the question, and not a model or a key: nothing was wrong with it on the way there.
pub const fn is_declined(error: &ModelError) -> bool {
    matches!(error, ModelError::Refused { status: 400..=499, .. }) && cause(error).is_none()
}

/// What one call says of it. An answer takes everything back that it disproves; a failure says nothing.
pub fn judge(ledger: &mut LlmLedger, told: &Told) {
    let mended = ledger.mended.as_ref().map(|mended| mended.of);
    let is_new = |at: Timestamp| mended.is_none_or(|of| of < at);
    ledger.unusable.retain(|_, one| is_new(one.tried_at));
    ledger.declined.retain(|_, one| is_new(one.at) && told.at.since(one.at) < FORGOTTEN);
    if matches!(told.fate, Fate::Answered | Fate::Refused) {
        ledger
            .unusable
            .retain(|model, one| one.cause != Cause::Key && (*model != told.model || told.refused.is_some()));
        if let Some(asked_by) = &told.asked_by {
            ledger.declined.remove(&declined_key(asked_by, &told.model));
        }
    }
    if let Some((cause, words)) = &told.refused {
        refuse(&mut ledger.unusable, told, *cause, words);
    } else if let Some(words) = &told.declined {
        decline(&mut ledger.declined, told, words);
    }
}

fn decline(declined: &mut BTreeMap<String, Declined>, told: &Told, words: &str) {
    let Some(key) = told.asked_by.as_ref().map(|asked_by| declined_key(asked_by, &told.model)) else {
        return;
    };
    let before = declined.remove(&key);
    if before.is_none() && declined.len() >= MOST_KEPT {
        return;
    }
    let (count, first, since) = before.map_or((0, told.at, None), |one| (one.count, one.first, one.since));
    let count = count.saturating_add(1);
    let is_of_model = count >= MOST_DECLINED && told.at.since(first) >= LONGEST_DECLINED;
    let since = since.or_else(|| is_of_model.then_some(told.at));
    let (model, detail) = (told.model.clone(), words.to_owned());
    declined.insert(key, Declined { model, count, first, since, at: told.at, detail });
}

fn refuse(unusable: &mut BTreeMap<String, Unusable>, told: &Told, cause: Cause, words: &str) {
    // One key is one fact, whichever model it was shown for.
    let of_key = unusable.iter().find(|(_, one)| cause == Cause::Key && one.cause == Cause::Key);
    let model = of_key.map_or(&told.model, |(model, _)| model).clone();
    let before = unusable.remove(&model).filter(|one| one.cause == cause);
    let since = before.map_or(told.at, |one| one.since);
    unusable.insert(model, Unusable { cause, since, tried_at: told.at, detail: words.to_owned() });
}

/// Why this model is not asked now, if so.
pub fn shut(ledger: &LlmLedger, model: &str, now: Timestamp) -> Option<String> {
    let binds = |name: &str, one: &Unusable| {
        (name == model || one.cause == Cause::Key) && now < one.tried_at + ASK_EVERY
    };
    let (_, one) = ledger.standing().find(|(name, one)| binds(name, one))?;
    Some(format!("needs a person since {}: {}", one.since, one.detail))
}

/// What people are told. A further cause makes it a later fact; that one of them is mended does not.
pub fn alert(ledger: &LlmLedger) -> Option<Alert> {
    let mut causes: BTreeMap<String, Timestamp> = BTreeMap::new();
    for (model, one) in ledger.standing() {
        let first = causes.entry(fact(model, one.cause)).or_insert(one.since);
        *first = one.since.min(*first);
    }
    for (_, since, one) in ledger.declining() {
        let first = causes.entry(format!("{} declines", one.model)).or_insert(since);
        *first = since.min(*first);
    }
    let newest = causes.values().max().copied()?;
    let told = |(model, one): (&String, &Unusable)| {
        format!("{}/{model}: {} (asked once an hour)", ledger.name, one.detail)
    };
    let declines = |(strategy, _, one): (&str, Timestamp, &Declined)| {
        format!("{}/{} refuses every question of {strategy}: {}", ledger.name, one.model, one.detail)
    };
    let words: Vec<String> = ledger.standing().map(told).chain(ledger.declining().map(declines)).collect();
    let what_next = "name another model or mend the cause, then `tradai model resume`";
    let detail = format!("{}; {what_next}", shorten(&words.join("; "), MOST_WORDS));
    let key = causes.into_keys().collect::<Vec<_>>().join(", ");
    // The same causes are the same fact, though the strategy that showed it first is well.
    let stands = ledger.alerts.get(UNUSABLE).filter(|alert| alert.key == key);
    Some(Alert { since: stands.map_or(newest, |alert| alert.since), key, detail })
}

/// What is one fact, however many models show it.
fn fact(model: &str, cause: Cause) -> String {
    match cause {
        Cause::Gone => format!("{model} {}", cause.as_str()),
        Cause::Key => cause.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::{ProviderId, StrategyId};
    use shared::records::llm::Resumed;

    use super::*;
    use crate::providers;
    use crate::testing::at;

    fn minute(minute: i64) -> Timestamp {
        at("2023-03-01T16:00:00Z") + Millis::from_minutes(minute)
    }
    fn fresh() -> LlmLedger {
        LlmLedger::first(ProviderId::parse("anthropic").unwrap())
    }
    fn refused(at: i64, model: &str, cause: Cause) -> Told {
        let refused = Some((cause, format!("words of {}", cause.as_str())));
        Told { refused, ..Told::of(model, minute(at), Fate::Failed) }
    }
    fn answered(at: i64, model: &str) -> Told {
        Told { asked_by: asked_by("s1"), ..Told::of(model, minute(at), Fate::Answered) }
    }
    fn asked_by(name: &str) -> Option<StrategyId> {
        Some(StrategyId::parse(name).unwrap())
    }
    fn is_shut(ledger: &LlmLedger, model: &str, at: i64) -> bool {
        providers::shut(ledger, model, minute(at)).is_some()
    }
    fn since(ledger: &LlmLedger) -> Option<Timestamp> {
        ledger.alerts.get(UNUSABLE).map(|alert| alert.since)
    }

    #[test]
    fn every_refusal_has_the_cause_that_says_who_is_not_asked() {
        let refused = |status| cause(&ModelError::Refused { status, text: String::new() });
        assert_eq!(cause(&ModelError::NoSuchModel(String::new())), Some(Cause::Gone));
        assert_eq!(cause(&ModelError::NoKey(String::new())), Some(Cause::Key));
        assert_eq!(refused(401), Some(Cause::Key));
        assert_eq!([403, 400, 413, 0].map(refused), [None; 4], "as likely of the question as of the model");
        for passing in [
            ModelError::Throttled { wait: None },
            ModelError::SpendLimit(String::new()),
            ModelError::Overloaded,
            ModelError::Unavailable(String::new()),
        ] {
            assert_eq!(cause(&passing), None, "{passing}");
        }
    }

    #[test]
    fn another_models_answer_proves_the_key_and_ends_refusals() {
        let declines = Told { declined: Some("no".to_owned()), fate: Fate::Failed, ..answered(1, "old") };
        let ledger = providers::after(fresh(), &[refused(0, "new", Cause::Key), declines]);
        assert_eq!((ledger.unusable.len(), ledger.declined.len()), (1, 1));
        let substitute =
            |at| Told { refused: refused(at, "old", Cause::Gone).refused, ..answered(at, "old") };
        let ledger = providers::after(ledger, &[substitute(2), substitute(62)]);
        assert_eq!((ledger.unusable.len(), ledger.declined.len()), (1, 0), "{ledger:?}");
        assert_eq!(ledger.unusable["old"].since, minute(2), "it is one fact");
    }

    #[test]
    fn a_model_that_is_gone_is_asked_once_an_hour_and_its_neighbours_as_before() {
        let ledger = providers::after(fresh(), &[refused(0, "old", Cause::Gone)]);
        assert!(is_shut(&ledger, "old", 59) && !is_shut(&ledger, "old", 60));
        assert!(!is_shut(&ledger, "new", 0));
        assert!(ledger.calls.is_empty() && ledger.breaker.is_none(), "it says nothing of the provider");
        let again = providers::after(ledger, &[refused(60, "old", Cause::Gone)]);
        assert!(is_shut(&again, "old", 119) && !is_shut(&again, "old", 120));
        assert_eq!(since(&again), Some(minute(0)), "it is one fact");
        let failed = providers::after(again, &[Told::of("old", minute(120), Fate::Failed)]);
        assert_eq!(since(&failed), Some(minute(0)), "a failure disproves nothing");
        let back = providers::after(failed, &[answered(121, "old")]);
        assert_eq!((since(&back), back.unusable.len()), (None, 0));
    }

    #[test]
    fn a_bad_key_shuts_every_model_of_its_provider_and_any_answer_opens_them() {
        let ledger = providers::after(fresh(), &[refused(0, "a", Cause::Key)]);
        assert!(is_shut(&ledger, "a", 59) && is_shut(&ledger, "b", 59));
        let ledger = providers::after(ledger, &[refused(60, "b", Cause::Key)]);
        assert_eq!((ledger.unusable.len(), ledger.unusable["a"].tried_at), (1, minute(60)));
        assert!(is_shut(&ledger, "a", 119), "it was shown an hour later for another");
        let ledger = providers::after(ledger, &[answered(120, "b")]);
        assert_eq!((since(&ledger), is_shut(&ledger, "a", 121)), (None, false));
    }

    #[test]
    fn a_further_cause_is_a_later_fact_and_a_further_model_of_the_same_is_not() {
        let ledger = providers::after(fresh(), &[refused(0, "a", Cause::Key)]);
        let ledger = providers::after(ledger, &[refused(1, "b", Cause::Key)]);
        assert_eq!(since(&ledger), Some(minute(0)));
        let ledger = providers::after(ledger, &[refused(30, "c", Cause::Gone)]);
        assert_eq!(since(&ledger), Some(minute(30)));
        let alert = &ledger.alerts[UNUSABLE];
        assert_eq!(alert.key, "c gone, key");
        for words in ["anthropic/a: words", "anthropic/c: words of gone", "tradai model resume"] {
            assert!(alert.detail.contains(words), "{}", alert.detail);
        }
    }

    fn declined(at: i64, model: &str) -> Told {
        let words = Some("400: no".to_owned());
        Told { declined: words, asked_by: asked_by("s1"), ..Told::of(model, minute(at), Fate::Failed) }
    }

    #[test]
    fn a_model_that_refuses_every_question_is_told_and_asked_as_before() {
        let four: Vec<Told> = (0..4).map(|at| declined(at, "a")).collect();
        let ledger = providers::after(fresh(), &four);
        let soon = providers::after(ledger.clone(), &[declined(9, "a")]);
        assert_eq!(since(&soon), None, "it may be the questions' fault");
        let neighbour = Told { asked_by: asked_by("s2"), ..answered(5, "a") };
        let others = [answered(4, "b"), neighbour.clone(), declined(10, "a")];
        let others = providers::after(ledger.clone(), &others);
        assert_eq!(since(&others), Some(minute(10)), "what others are answered says nothing of it");
        let alert = &others.alerts[UNUSABLE];
        assert_eq!(alert.key, "a declines");
        assert!(
            alert.detail.contains("anthropic/a refuses every question of s1: 400: no"),
            "{}",
            alert.detail
        );
        assert!(!is_shut(&others, "a", 11) && others.breaker.is_none() && others.calls.len() == 2);
        let further = Told { asked_by: asked_by("s3"), ..declined(30, "a") };
        let later = providers::after(others, &[declined(30, "a"), neighbour, further]);
        assert_eq!(since(&later), Some(minute(10)), "it is one fact");
        let third = Told { asked_by: asked_by("s3"), ..declined(31, "a") };
        let all = (32..36).map(|at| Told { at: minute(at * 2), ..third.clone() });
        let two = providers::after(later.clone(), &[vec![third.clone()], all.collect()].concat());
        let one = providers::after(two, &[answered(80, "a")]);
        assert_eq!(
            (since(&one), one.declined.len()),
            (Some(minute(10)), 1),
            "that one is answered is no news"
        );
        let next_day = providers::after(later.clone(), &[answered(30 + 24 * 60, "b")]);
        assert_eq!((since(&next_day), next_day.declined.len()), (None, 0), "nobody asks it any more");
        assert_eq!(since(&providers::after(later, &[answered(31, "a")])), None);
        let between = providers::after(ledger, &[answered(4, "a"), declined(10, "a")]);
        assert_eq!((since(&between), between.declined["s1 a"].count), (None, 1));
        let few = providers::after(fresh(), &[declined(0, "a"), declined(25, "a")]);
        assert_eq!(since(&few), None, "it may be the questions' fault");
    }

    #[test]
    fn what_was_refused_to_a_whole_fleet_does_not_outgrow_the_item() {
        let of = |number: i64| Told { asked_by: asked_by(&format!("s{number}")), ..declined(number, "a") };
        let all: Vec<Told> = (0..100).map(of).collect();
        assert_eq!(providers::after(fresh(), &all).declined.len(), MOST_KEPT);
    }

    #[test]
    fn only_what_a_provider_refuses_of_a_question_is_declined() {
        let refused = |status| is_declined(&ModelError::Refused { status, text: String::new() });
        assert_eq!([400, 403, 404, 413, 422].map(refused), [true; 5]);
        assert_eq!([401, 0].map(refused), [false; 2], "the key's, and what was never asked");
        assert!(!is_declined(&ModelError::Overloaded));
    }

    #[test]
    fn a_persons_word_ends_what_is_told_of_a_model_that_refuses_every_question() {
        let five: Vec<Told> = (0..5).map(|at| declined(at * 5, "a")).collect();
        let mut ledger = providers::after(fresh(), &five);
        assert_eq!(ledger.needs_person(), Some(minute(20)));
        ledger.mended = Some(Resumed { of: minute(20), by: "ada".to_owned(), at: minute(29) });
        assert!(ledger.is_over(UNUSABLE, minute(29)) && ledger.needs_person().is_none());
        let ledger = providers::after(ledger, &[declined(30, "a")]);
        assert_eq!((since(&ledger), ledger.declined["s1 a"].count), (None, 1), "it is counted anew");
    }

    #[test]
    fn a_persons_word_has_it_asked_at_once_and_another_refusal_is_another_fact() {
        let mut ledger =
            providers::after(fresh(), &[refused(0, "a", Cause::Gone), refused(1, "b", Cause::Gone)]);
        assert!(!ledger.is_over(UNUSABLE, minute(9)));
        ledger.mended = Some(Resumed { of: minute(1), by: "ada".to_owned(), at: minute(9) });
        assert!(!is_shut(&ledger, "a", 10) && !is_shut(&ledger, "b", 10));
        assert!(ledger.is_over(UNUSABLE, minute(9)), "decide has not seen it yet");
        let ledger = providers::after(ledger, &[refused(10, "a", Cause::Gone)]);
        assert_eq!(since(&ledger), Some(minute(10)));
        assert!(
            is_shut(&ledger, "a", 11) && !is_shut(&ledger, "b", 11) && !ledger.is_over(UNUSABLE, minute(11))
        );
        assert_eq!(ledger.unusable.len(), 1, "nobody asks the other any more");
    }
}
