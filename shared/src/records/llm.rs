//! What every instance must know before a model is asked: `llm#{provider}` and `llm#fleet` of `tradai-ledgers`.
//!
//! `llm#fleet` counts the dollars of the hour that all strategies together have reserved. `llm#{provider}` counts
//! how the provider's calls fare. Decide writes both, each time on condition of the `count` that it read; a
//! person sets `usd_per_hour` and writes `resumed` and `mended`. Whether a model is switched off follows from two
//! attributes of one writer each: it is, where something was switched off that nobody has resumed. So does whether
//! it needs a person: where it refused after what a person last mended. A raised factor a person takes away.

use std::collections::BTreeMap;

use crate::ids::{ProviderId, StrategyId};
use crate::money::Notional;
use crate::records::attrs::{Draft, list, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read};
use crate::records::parts::{alert, alert_attr};
use crate::signal::Signal;
use crate::state::Alert;
use crate::store::{Attr, Change, Cond, Item, Key, Path, Write, changes};
use crate::tables::Table;
use crate::time::Timestamp;

/// All providers together.
pub const FLEET: &str = "fleet";
/// The fleet's ceiling in an hour where a person has set none, in US dollars.
pub const USD_PER_HOUR: i64 = 500;
/// Most calls that are kept one by one.
pub const MOST_CALLS: usize = 40;
/// The alert of models that need a person.
pub const UNUSABLE: &str = "model-unusable";
/// The alert of a chain of models that gives no answer, at the provider of its first.
pub const UNANSWERED: &str = "model-unanswered";
/// The alert of a bound on tokens that was too low.
pub const TOKEN_BOUND: &str = "token-bound";
/// Between the models of one alert.
pub const MODELS_APART: &str = ", ";
/// How far back from the newest minute with a call others are kept, and the longest that calls are judged by: what was
/// told of them is over after so many minutes without another one.
pub const MINUTES_KEPT: i64 = 60;

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was answered.
    Answered,
    /// It was answered by a refusal or an apology.
    Refused,
    /// 429.
    Throttled,
    /// The provider was overloaded, failed or did not answer.
    Failed,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Fate; 4] = [Fate::Answered, Fate::Refused, Fate::Throttled, Fate::Failed];
    /// How it is stored: one letter a call.
    const fn letter(self) -> char {
        match self {
            Fate::Answered => 'a',
            Fate::Refused => 'r',
            Fate::Throttled => 't',
            Fate::Failed => 'f',
        }
    }
    fn of(letter: char) -> Option<Fate> {
        Fate::ALL.into_iter().find(|fate| fate.letter() == letter)
    }
}

/// The calls of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// The minute, counted from the epoch.
    pub minute: i64,
    /// Calls that were answered, refusals not among them.
    pub answered: u32,
    /// Refusals and apologies.
    pub refused: u32,
    /// Answers of 429.
    pub throttled: u32,
    /// Failures of the provider.
    pub failed: u32,
    /// Dollars.
    pub usd: Notional,
}

impl Minute {
    /// Without a call yet.
    pub const fn empty(minute: i64) -> Minute {
        Minute { minute, answered: 0, refused: 0, throttled: 0, failed: 0, usd: Notional::ZERO }
    }
}

/// The dollars of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// The UTC hour, counted from the epoch.
    pub hour: i64,
    /// What had been switched off before and was resumed: the count begins anew with it.
    pub after: Option<Timestamp>,
    /// What was spent, and what is reserved for answers that are still to come.
    pub usd: Notional,
}

/// A breaker that is open, or waits for the call that closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Since when the provider is not well.
    pub since: Timestamp,
    /// Until then nobody calls; the first call after it closes or renews it.
    pub until: Timestamp,
}

/// That a model is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// When: also what a person's answer names.
    pub at: Timestamp,
    /// Why.
    pub detail: String,
}

/// A person's word that it may be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// What is resumed: the time at which it was switched off.
    pub of: Timestamp,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Why a model is of no use until a person acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It does not exist, is retired, is not this account's, cannot be asked as it is asked, or another model answers for it.
    Gone,
    /// There is no key, or the provider does not know it: none of its models answers.
    Key,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 2] = [Cause::Gone, Cause::Key];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Gone => "gone",
            Cause::Key => "key",
        }
    }
}

impl FromText for Cause {
    fn from_text(text: &str) -> Result<Cause, Problem> {
        let unknown = || Problem::BadValue { value: text.to_owned(), why: "not a known cause".to_owned() };
        Cause::ALL.into_iter().find(|cause| cause.as_str() == text).ok_or_else(unknown)
    }
}

/// A model that refuses whatever it is asked, until a person acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Why.
    pub cause: Cause,
    /// Since when it is of no use.
    pub since: Timestamp,
    /// When it was last asked: also what a person's answer names.
    pub tried_at: Timestamp,
    /// The provider's words.
    pub detail: String,
}

/// Questions of one strategy to one model that its provider refused one after the other, by a code that is as likely about
/// a question as about the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The model's name at its provider.
    pub model: ModelName,
    /// How many, without an answer in between.
    pub count: u32,
    /// The first of them.
    pub first: Timestamp,
    /// Since when they are too many and go on for too long to be about one question, where that is so.
    pub since: Option<Timestamp>,
    /// The last of them: also what a person's answer names.
    pub at: Timestamp,
    /// The provider's last words.
    pub detail: String,
}

/// What is shared of one provider, or of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmLedger {
    /// The provider, or [`FLEET`].
    pub name: ProviderId,
    /// Raised by each write of decide's.
    pub count: u64,
    /// Nobody calls before.
    pub not_before: Option<Timestamp>,
    /// The fleet's dollars.
    pub hour: Option<Hour>,
    /// The fleet's ceiling in an hour, where a person has set one.
    pub usd_per_hour: Option<Notional>,
    /// What became of the last calls, newest first, at most [`MOST_CALLS`].
    pub calls: Vec<Fate>,
    /// The minutes with a call, newest first, of the last [`MINUTES_KEPT`].
    pub minutes: Vec<Minute>,
    /// The breaker, unless all is well.
    pub breaker: Option<Breaker>,
    /// That it was switched off.
    pub switched_off: Option<SwitchedOff>,
    /// What a person has resumed.
    pub resumed: Option<Resumed>,
    /// Models that need a person.
    pub unusable: BTreeMap<ModelName, Unusable>,
    /// What was refused to a strategy by a model since its last answer, under [`declined_key`].
    pub declined: BTreeMap<String, Declined>,
    /// What a person has mended.
    pub mended: Option<Resumed>,
    /// By how much more tokens than bounded each model once used, in percent of the bound: above 100.
    pub factors: BTreeMap<ModelName, u32>,
    /// What must be told.
    pub alerts: BTreeMap<String, Alert>,
}

/// Whether a minute with a call is too long ago at `now` for any judgement.
pub fn is_past(minute: i64, now: Timestamp) -> bool {
    now.minute_number().saturating_sub(minute) > MINUTES_KEPT
}

/// A model's name at its provider.
pub type ModelName = String;

/// Where each attribute is that somebody else than decide writes.
pub mod path {
    use crate::records::attrs::paths;

    paths!(usd_per_hour, resumed, switched_off, mended, unusable);

    /// By how much more tokens than bounded this model once used.
    pub fn factor(model: &str) -> crate::store::Path {
        crate::store::Path::of("factors").then(model)
    }
}

impl LlmLedger {
    /// Nothing is known yet.
    pub const fn first(name: ProviderId) -> LlmLedger {
        LlmLedger {
            name,
            count: 0,
            not_before: None,
            hour: None,
            usd_per_hour: None,
            calls: Vec::new(),
            minutes: Vec::new(),
            breaker: None,
            switched_off: None,
            resumed: None,
            unusable: BTreeMap::new(),
            declined: BTreeMap::new(),
            mended: None,
            factors: BTreeMap::new(),
            alerts: BTreeMap::new(),
        }
    }

    /// Why it is switched off, unless a person has resumed it.
    pub fn off(&self) -> Option<&SwitchedOff> {
        let is_resumed = |off: &SwitchedOff| self.resumed.as_ref().is_some_and(|one| one.of == off.at);
        self.switched_off.as_ref().filter(|off| !is_resumed(off))
    }

    /// Whether a person has said since then that it may be asked again.
    pub fn is_mended(&self, last_asked: Timestamp) -> bool {
        self.mended.as_ref().is_some_and(|mended| mended.of >= last_asked)
    }

    /// The models that are of no use until a person acts.
    pub fn standing(&self) -> impl Iterator<Item = (&ModelName, &Unusable)> {
        self.unusable.iter().filter(|(_, one)| !self.is_mended(one.tried_at))
    }

    /// The strategies whose every question a model refuses, each with the time since when.
    pub fn declining(&self) -> impl Iterator<Item = (&str, Timestamp, &Declined)> {
        let standing = self.declined.iter().filter(|(_, one)| !self.is_mended(one.at));
        standing.filter_map(|(key, one)| Some((key.split_once(' ')?.0, one.since?, one)))
    }

    /// What a person's answer has to name, where a model needs one: when such a model was last asked.
    pub fn needs_person(&self) -> Option<Timestamp> {
        let unusable = self.standing().map(|(_, one)| one.tried_at);
        unusable.chain(self.declining().map(|(.., one)| one.at)).max()
    }

    /// The models whose raised bound people are told of, but for those that a person has lowered again.
    pub fn over_bound(&self) -> impl Iterator<Item = &str> {
        let told = self.alerts.get(TOKEN_BOUND).map_or("", |alert| alert.key.as_str());
        told.split(MODELS_APART).filter(|model| self.factors.contains_key(*model))
    }

    /// Whether the alert of this kind is over at `now`, though it waits for decide to take it away: a person has answered
    /// it, or for an hour nobody has asked what could show that it lasts.
    pub fn is_over(&self, kind: &str, now: Timestamp) -> bool {
        match (kind, Signal::parse(kind)) {
            (UNUSABLE, _) => self.mended.is_some() && self.needs_person().is_none(),
            (TOKEN_BOUND, _) => self.over_bound().next().is_none(),
            (UNANSWERED, _) => self.is_quiet(now) && !self.is_waiting(now) && self.is_old(kind, now),
            (_, Some(Signal::LlmCost)) => self.resumed.is_some() && self.off().is_none(),
            (_, Some(Signal::LlmRefusals)) => self.is_quiet(now),
            (_, Some(Signal::LlmThrottled)) => self.is_quiet(now) && !self.is_waiting(now),
            _ => false,
        }
    }

    /// Whether no call was counted within the longest time that calls are judged by.
    fn is_quiet(&self, now: Timestamp) -> bool {
        self.minutes.iter().map(|one| one.minute).max().is_none_or(|newest| is_past(newest, now))
    }

    /// Whether the alert of this kind began longer ago than calls are judged by.
    fn is_old(&self, kind: &str, now: Timestamp) -> bool {
        self.alerts.get(kind).is_none_or(|alert| is_past(alert.since.minute_number(), now))
    }

    /// Whether nobody calls it for now: it asked to wait, or its breaker is open.
    fn is_waiting(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|until| now < until) || self.breaker.is_some_and(|open| now < open.until)
    }

    /// The fleet's ceiling in an hour.
    pub fn ceiling(&self) -> Notional {
        let usual = || Notional::new(USD_PER_HOUR.into()).unwrap_or(Notional::ZERO);
        self.usd_per_hour.unwrap_or_else(usual)
    }
}

/// Where questions of a strategy to a model stand.
pub fn declined_key(strategy_id: &StrategyId, model: &str) -> String {
    format!("{strategy_id} {model}")
}

/// Before the name in the key.
const PREFIX: &str = "llm#";

/// The item of a provider or of the fleet.
pub fn key(name: &ProviderId) -> Key {
    Key { table: Table::Ledgers, hash: format!("{PREFIX}{name}"), range: None }
}

/// Whether an item of `tradai-ledgers` stands under such a [`key`], readable or not.
pub fn is_of(item: &Item) -> bool {
    matches!(item.get(Table::Ledgers.hash_key()), Some(Attr::S(hash)) if hash.starts_with(PREFIX))
}

/// The whole item, but for the episodes that heartbeat keeps in it.
pub fn encode(ledger: &LlmLedger) -> Item {
    Draft::under(key(&ledger.name))
        .with("count", number(ledger.count))
        .maybe("not_before", ledger.not_before.map(time))
        .maybe("hour", ledger.hour.as_ref().map(hour_attr))
        .maybe("usd_per_hour", ledger.usd_per_hour.map(number))
        .with("calls", text(ledger.calls.iter().map(|fate| fate.letter()).collect::<String>()))
        .with("minutes", list(&ledger.minutes, minute_attr))
        .maybe("breaker", ledger.breaker.map(breaker_attr))
        .maybe("switched_off", ledger.switched_off.as_ref().map(off_attr))
        .maybe("resumed", ledger.resumed.as_ref().map(resumed_attr))
        .maybe("unusable", (!ledger.unusable.is_empty()).then(|| map(&ledger.unusable, unusable_attr)))
        .maybe("declined", (!ledger.declined.is_empty()).then(|| map(&ledger.declined, declined_attr)))
        .maybe("mended", ledger.mended.as_ref().map(resumed_attr))
        .with("factors", map(&ledger.factors, |percent| number(percent)))
        .with("alerts", map(&ledger.alerts, alert_attr))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<LlmLedger, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    let LlmKey(name) = fields.need("ledger_id", Found::word)?;
    Ok(LlmLedger {
        name,
        count: fields.need("count", Found::number)?,
        not_before: fields.maybe("not_before", Found::word)?,
        hour: fields.maybe("hour", hour)?,
        usd_per_hour: fields.maybe("usd_per_hour", Found::number)?,
        calls: fields.need("calls", fates)?,
        minutes: fields.need("minutes", |found| found.list(minute))?,
        breaker: fields.maybe("breaker", breaker)?,
        switched_off: fields.maybe("switched_off", off)?,
        resumed: fields.maybe("resumed", resumed)?,
        // Items of before models were judged one by one have none.
        unusable: fields.maybe("unusable", |found| found.map(unusable))?.unwrap_or_default(),
        declined: fields.maybe("declined", |found| found.map(declined))?.unwrap_or_default(),
        mended: fields.maybe("mended", resumed)?,
        factors: fields.need("factors", |found| found.map(Found::number))?,
        alerts: fields.need("alerts", |found| found.map(alert))?,
    })
}

/// What `before` becomes, before anything is changed: with the next count.
pub fn next(before: Option<&LlmLedger>, name: &ProviderId) -> LlmLedger {
    let mut after = before.cloned().unwrap_or_else(|| LlmLedger::first(name.clone()));
    after.count = after.count.saturating_add(1);
    after
}

/// The write that makes `after` (from [`next`]) of `before`, on condition that nobody has counted since; the first
/// one where nothing stands yet.
pub fn moved(before: Option<&LlmLedger>, after: &LlmLedger) -> Write {
    let key = key(&after.name);
    let Some(before) = before else {
        let mut item = encode(after);
        item.insert("episodes".to_owned(), Attr::M(Item::new()));
        return Write::put_if_absent(key, item);
    };
    let as_read = Cond::Equals(Path::of("count"), number(before.count));
    Write::update(key, changes(&encode(before), &encode(after)), vec![as_read])
}

/// A person's word that what was switched off `at` may be asked again, while that is still what stands.
pub fn resume(ledger: &LlmLedger, off: &SwitchedOff, resumed: &Resumed) -> Write {
    let still = Cond::Equals(path::switched_off(), off_attr(off));
    Write::update(key(&ledger.name), vec![Change::Set(path::resumed(), resumed_attr(resumed))], vec![still])
}

/// A person's word that the models which were `unusable` as read may be asked again, while that is still what stands.
/// What was `declined` may go on meanwhile: the word says until when it counts.
pub fn mend(ledger: &LlmLedger, mended: &Resumed) -> Write {
    let path = path::unusable();
    let still = match encode(ledger).remove(&path.head) {
        Some(attr) => Cond::Equals(path, attr),
        None => Cond::Absent(path),
    };
    Write::update(key(&ledger.name), vec![Change::Set(path::mended(), resumed_attr(mended))], vec![still])
}

/// A person's word that `model` is bounded plainly again, while it is still raised to this `percent`.
pub fn lower(name: &ProviderId, model: &str, percent: u32) -> Write {
    let still = Cond::Equals(path::factor(model), number(percent));
    Write::update(key(name), vec![Change::Remove(path::factor(model))], vec![still])
}

fn hour_attr(hour: &Hour) -> Attr {
    let draft = Draft::new().with("hour", number(hour.hour)).with("usd", number(hour.usd));
    draft.maybe("after", hour.after.map(time)).map()
}

fn hour(found: Found<'_>) -> Read<Hour> {
    let fields = found.fields()?;
    Ok(Hour {
        hour: fields.need("hour", Found::number)?,
        after: fields.maybe("after", Found::word)?,
        usd: fields.need("usd", Found::number)?,
    })
}

fn minute_attr(minute: &Minute) -> Attr {
    Draft::new()
        .with("minute", number(minute.minute))
        .with("answered", number(minute.answered))
        .with("refused", number(minute.refused))
        .with("throttled", number(minute.throttled))
        .with("failed", number(minute.failed))
        .with("usd", number(minute.usd))
        .map()
}

fn minute(found: Found<'_>) -> Read<Minute> {
    let fields = found.fields()?;
    Ok(Minute {
        minute: fields.need("minute", Found::number)?,
        answered: fields.need("answered", Found::number)?,
        refused: fields.need("refused", Found::number)?,
        throttled: fields.need("throttled", Found::number)?,
        failed: fields.need("failed", Found::number)?,
        usd: fields.need("usd", Found::number)?,
    })
}

fn fates(found: Found<'_>) -> Read<Vec<Fate>> {
    let letters = found.clone().text()?;
    let fates: Option<Vec<Fate>> = letters.chars().map(Fate::of).collect();
    fates.ok_or_else(|| found.bad(&letters, "not one of the letters a, r, t and f for each call"))
}

fn breaker_attr(breaker: Breaker) -> Attr {
    Draft::new().with("since", time(breaker.since)).with("until", time(breaker.until)).map()
}

fn breaker(found: Found<'_>) -> Read<Breaker> {
    let fields = found.fields()?;
    Ok(Breaker { since: fields.need("since", Found::word)?, until: fields.need("until", Found::word)? })
}

fn off_attr(off: &SwitchedOff) -> Attr {
    Draft::new().with("at", time(off.at)).with("detail", text(&off.detail)).map()
}

fn off(found: Found<'_>) -> Read<SwitchedOff> {
    let fields = found.fields()?;
    Ok(SwitchedOff { at: fields.need("at", Found::word)?, detail: fields.need("detail", Found::text)? })
}

fn unusable_attr(one: &Unusable) -> Attr {
    Draft::new()
        .with("cause", text(one.cause.as_str()))
        .with("since", time(one.since))
        .with("tried_at", time(one.tried_at))
        .with("detail", text(&one.detail))
        .map()
}

fn unusable(found: Found<'_>) -> Read<Unusable> {
    let fields = found.fields()?;
    Ok(Unusable {
        cause: fields.need("cause", Found::word)?,
        since: fields.need("since", Found::word)?,
        tried_at: fields.need("tried_at", Found::word)?,
        detail: fields.need("detail", Found::text)?,
    })
}

fn declined_attr(one: &Declined) -> Attr {
    Draft::new()
        .with("model", text(&one.model))
        .with("count", number(one.count))
        .with("first", time(one.first))
        .maybe("since", one.since.map(time))
        .with("at", time(one.at))
        .with("detail", text(&one.detail))
        .map()
}

fn declined(found: Found<'_>) -> Read<Declined> {
    let fields = found.fields()?;
    Ok(Declined {
        model: fields.need("model", Found::filled)?,
        count: fields.need("count", Found::number)?,
        first: fields.need("first", Found::word)?,
        since: fields.maybe("since", Found::word)?,
        at: fields.need("at", Found::word)?,
        detail: fields.need("detail", Found::text)?,
    })
}

fn resumed_attr(resumed: &Resumed) -> Attr {
    let draft = Draft::new().with("of", time(resumed.of)).with("by", text(&resumed.by));
    draft.with("at", time(resumed.at)).map()
}

fn resumed(found: Found<'_>) -> Read<Resumed> {
    let fields = found.fields()?;
    Ok(Resumed {
        of: fields.need("of", Found::word)?,
        by: fields.need("by", Found::filled)?,
        at: fields.need("at", Found::word)?,
    })
}

struct LlmKey(ProviderId);

impl FromText for LlmKey {
    fn from_text(text: &str) -> Result<LlmKey, Problem> {
        let name = text.strip_prefix(PREFIX).and_then(|name| ProviderId::parse(name).ok());
        name.map(LlmKey)
            .ok_or_else(|| Problem::BadValue { value: text.to_owned(), why: "not llm#{provider}".to_owned() })
    }
}
