//! Dollars and tokens are reserved before a question and counted after its answer, so that all instances together use no
//! more than the strategy's day and minutes and the fleet's hour allow; and what a provider's calls told is told to all.
//!
//! A reservation is one transaction: the strategy's `llm_day` and `recent_llm` as they were read, and `llm#fleet` as it
//! was read. What an answer did not cost is given back with the next reservation, or at the end of the invocation
//! together with what the providers' calls told. Whoever dies in between has spent too much on paper, never too little.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use shared::ids::ProviderId;
use shared::money::{Amount, Notional};
use shared::ports::{Level, Line, Log, ReadTables, WriteTables, model_name};
use shared::records::llm::{self, FLEET, Fate, Hour, LlmLedger};
use shared::records::{self, Corrupt};
use shared::settings::Settings;
use shared::signal::Signal;
use shared::state::{LlmDay, LlmMinute, StrategyState};
use shared::store::{Change, Cond, Item, Key, Path, ReadError, Write, WriteError};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use crate::meters::{Booked, Tally, as_booked};
use crate::providers::{self, Told, provider_of};
use crate::unusable;

/// How often a write that lost to another instance is tried: each loss means that one of them went on.
const MOST_ATTEMPTS: u32 = 10;

/// Why nothing is reserved, so that nothing may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReserved {
    /// Models are switched off until a person resumes them.
    Off(String),
    /// The tables do not say what is left, or others were faster.
    Unknown(String),
}

/// The most that a question may use together with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// US dollars.
    pub usd: Notional,
    /// Tokens in and out.
    pub tokens: u32,
}

/// What this invocation knows and owes of the shared ledgers.
#[derive(Debug)]
pub struct Purse {
    known: RefCell<BTreeMap<ProviderId, Result<Option<LlmLedger>, Corrupt>>>,
    told: RefCell<BTreeMap<ProviderId, Vec<Told>>>,
    /// What is reserved for the question that is out.
    out: Cell<Notional>,
    /// What was reserved beyond what answers cost, in the hour that it was reserved in.
    owed: RefCell<Option<(Hour, Amount)>>,
}

/// Nothing is known and nothing owed.
impl Default for Purse {
    fn default() -> Purse {
        let (known, told, owed) = (RefCell::default(), RefCell::default(), RefCell::default());
        Purse { known, told, out: Cell::new(Notional::ZERO), owed }
    }
}

/// The ledgers that bind a question of these settings.
pub fn names(settings: &Settings) -> BTreeSet<ProviderId> {
    let models = std::iter::once(&settings.model).chain(&settings.model_fallbacks);
    models.filter_map(|model| provider_of(model)).chain(fleet()).collect()
}

fn fleet() -> Option<ProviderId> {
    ProviderId::parse(FLEET).ok()
}

impl Purse {
    /// Takes over what was read under [`llm::key`] of each name.
    pub fn adopt(&self, read: impl IntoIterator<Item = (ProviderId, Option<Item>)>) {
        let decoded =
            read.into_iter().map(|(name, item)| (name, item.map(|item| llm::decode(&item)).transpose()));
        self.known.borrow_mut().extend(decoded);
    }

    fn of(&self, name: &ProviderId) -> Result<Option<LlmLedger>, String> {
        match self.known.borrow().get(name) {
            Some(Ok(ledger)) => Ok(ledger.clone()),
            Some(Err(corrupt)) => Err(corrupt.to_string()),
            None => Err(format!("llm#{name} was not read")),
        }
    }

    /// Why every model is switched off, if so.
    pub fn fleet_off(&self) -> Option<String> {
        let ledger = self.of(&fleet()?).ok().flatten()?;
        ledger.off().map(|off| format!("switched off since {}: {}", off.at, off.detail))
    }

    /// Why this model of a provider is not asked now, if so. None is whose ledger cannot be read.
    pub fn shut(&self, provider: &ProviderId, model: &str, now: Timestamp) -> Option<String> {
        match self.of(provider) {
            Ok(ledger) => providers::shut(&self.with_told(ledger, provider)?, model, now),
            Err(why) => Some(why),
        }
    }

    /// The ledger as it will be once everything told is written.
    fn with_told(&self, ledger: Option<LlmLedger>, provider: &ProviderId) -> Option<LlmLedger> {
        match self.told.borrow().get(provider) {
            Some(told) => {
                Some(providers::after(ledger.unwrap_or_else(|| LlmLedger::first(provider.clone())), told))
            }
            None => ledger,
        }
    }

    /// How many percent of its plain bound this model once used: 100 where it never used more.
    pub fn factor(&self, provider: &ProviderId, model: &str) -> u32 {
        let ledger = self.with_told(self.of(provider).ok().flatten(), provider);
        ledger.and_then(|one| one.factors.get(model).copied()).unwrap_or(100)
    }

    /// Whether people are told already at `now` that `provider` refuses.
    pub fn is_refusing(&self, provider: &ProviderId, now: Timestamp) -> bool {
        let ledger = self.of(provider).ok().flatten();
        let ledger = self.with_told(ledger, provider);
        let kind = Signal::LlmRefusals.as_str();
        ledger.is_some_and(|one| one.alerts.contains_key(kind) && !one.is_over(kind, now))
    }

    /// Whether people are told already that this model of `provider` answers nothing until a person acts.
    pub fn needs_person(&self, provider: &ProviderId, model: &str, now: Timestamp) -> bool {
        let ledger = self.with_told(self.of(provider).ok().flatten(), provider);
        ledger.is_some_and(|one| one.off().is_some() || unusable::shut(&one, model, now).is_some())
    }

    /// Whether people are told that a chain which begins with this model of `provider` gives no answer.
    pub fn is_silent(&self, provider: &ProviderId, model: &str) -> bool {
        let ledger = self.with_told(self.of(provider).ok().flatten(), provider);
        ledger.is_some_and(|one| one.alerts.get(llm::UNANSWERED).is_some_and(|alert| alert.key == model))
    }

    /// Reserves `most` for one question of a strategy, in its day, its minutes and the fleet's hour.
    pub async fn reserve<T: WriteTables>(
        &self,
        tables: &T,
        state: &StrategyState,
        tally: &mut Tally,
        most: Most,
        now: Timestamp,
    ) -> Result<(), NotReserved> {
        let booked = booked(state, tally, most, now);
        self.reserve_with(tables, most.usd, Some(booking(state, tally.booked, booked)), now).await?;
        tally.booked = Some(booked);
        Ok(())
    }

    /// Reserves `usd` for a question that is of no strategy, in the fleet's hour alone.
    pub async fn reserve_alone<T: WriteTables>(
        &self,
        tables: &T,
        usd: Notional,
        now: Timestamp,
    ) -> Result<(), NotReserved> {
        self.read_again(tables, fleet()).await.map_err(unknown)?;
        self.reserve_with(tables, usd, None, now).await
    }

    async fn reserve_with<T: WriteTables>(
        &self,
        tables: &T,
        usd: Notional,
        booking: Option<Write>,
        now: Timestamp,
    ) -> Result<(), NotReserved> {
        let Some(name) = fleet() else { return Err(NotReserved::Unknown("no fleet".to_owned())) };
        for _ in 0..MOST_ATTEMPTS {
            let before = self.of(&name).map_err(NotReserved::Unknown)?;
            if let Some(off) = before.as_ref().and_then(LlmLedger::off) {
                return Err(NotReserved::Off(off.detail.clone()));
            }
            let (after, is_off) = self.with_hour(before.as_ref(), &name, usd, now);
            let mut writes = vec![llm::moved(before.as_ref(), &after)];
            if let Some(booking) = booking.clone().filter(|_| !is_off) {
                writes.insert(0, booking);
            }
            match tables.write(writes).await {
                Ok(()) => {
                    let detail = after.off().map(|off| off.detail.clone());
                    let hour = after.hour.clone();
                    self.known.borrow_mut().insert(name, Ok(Some(after)));
                    if let Some(detail) = detail {
                        return Err(NotReserved::Off(detail));
                    }
                    self.out.set(usd);
                    *self.owed.borrow_mut() = hour.map(|hour| (hour, Amount::ZERO));
                    return Ok(());
                }
                Err(WriteError::Lost { key, .. }) if key.table == Table::TradingState => {
                    let why = "another cycle of this strategy has spent meanwhile".to_owned();
                    return Err(NotReserved::Unknown(why));
                }
                Err(WriteError::Lost { .. } | WriteError::Conflict) => {
                    self.read_again(tables, [name.clone()]).await.map_err(unknown)?;
                }
                // A reservation that was made stands for nothing: too much on paper. It gave back what was owed, which
                // twice would be too little.
                Err(error @ WriteError::NoAnswer(_)) => {
                    *self.owed.borrow_mut() = None;
                    return Err(unknown(error));
                }
                Err(error @ WriteError::NotDone(_)) => return Err(unknown(error)),
            }
        }
        Err(NotReserved::Unknown(format!("others were faster {MOST_ATTEMPTS} times")))
    }

    /// The fleet's ledger with `cost` in its hour, or switched off where that is above the ceiling.
    fn with_hour(
        &self,
        before: Option<&LlmLedger>,
        name: &ProviderId,
        cost: Notional,
        now: Timestamp,
    ) -> (LlmLedger, bool) {
        let mut after = llm::next(before, name);
        let mut hour = self.hour(&after, now);
        hour.usd = hour.usd + cost;
        let is_off = hour.usd > after.ceiling();
        if is_off {
            let detail = format!("{} USD within an hour, most {}", hour.usd, after.ceiling());
            providers::switch_off(&mut after, detail, now);
        } else {
            after.alerts.remove(Signal::LlmCost.as_str());
            after.hour = Some(hour);
        }
        (after, is_off)
    }

    /// The hour of `now` with what this invocation gives back.
    fn hour(&self, ledger: &LlmLedger, now: Timestamp) -> Hour {
        let number = now.minute_number().div_euclid(60);
        let after = ledger.resumed.as_ref().map(|resumed| resumed.of);
        let same = |hour: &&Hour| hour.hour == number && hour.after == after;
        let mut hour = match ledger.hour.as_ref().filter(same) {
            Some(hour) => hour.clone(),
            None => return Hour { hour: number, after, usd: Notional::ZERO },
        };
        if let Some((_, owed)) = self.owed.borrow().as_ref().filter(|(of, _)| same(&of)) {
            let usd = (hour.usd.amount() + -*owed).value();
            hour.usd = Notional::new(usd).unwrap_or(Notional::ZERO);
        }
        hour
    }

    /// The question that was out cost this.
    pub fn spent(&self, usd: Notional) {
        let left = self.out.replace(Notional::ZERO).amount() + -usd.amount();
        if let Some((_, owed)) = self.owed.borrow_mut().as_mut() {
            *owed = *owed + left;
        }
    }

    /// Remembers what a call of `provider` told, for the next [`Purse::settle`].
    pub fn tell(&self, provider: &ProviderId, told: Told) {
        self.told.borrow_mut().entry(provider.clone()).or_default().push(told);
    }

    /// Writes what is known here alone, in one transaction. What cannot be written is too much on paper, and the
    /// calls are not counted: the log says so.
    pub async fn settle<T: WriteTables>(&self, tables: &T, log: &dyn Log, now: Timestamp) {
        for _ in 0..MOST_ATTEMPTS {
            let (writes, afters) = self.planned(now);
            if writes.is_empty() {
                return;
            }
            match tables.write(writes).await {
                Ok(()) => {
                    self.told.borrow_mut().clear();
                    *self.owed.borrow_mut() = None;
                    let written = afters.into_iter().map(|after| (after.name.clone(), Ok(Some(after))));
                    self.known.borrow_mut().extend(written);
                    return;
                }
                // It may have been written: a call counted twice does no harm, dollars given back twice would.
                Err(WriteError::NoAnswer(_)) => *self.owed.borrow_mut() = None,
                Err(WriteError::Lost { .. } | WriteError::Conflict) => {}
                Err(WriteError::NotDone(_)) => break,
            }
            let names: Vec<ProviderId> = afters.into_iter().map(|after| after.name).collect();
            if self.read_again(tables, names).await.is_err() {
                break;
            }
        }
        self.told.borrow_mut().clear();
        *self.owed.borrow_mut() = None;
        log.write(Line::new(Level::Warn, now, "calls of models not counted"));
    }

    fn planned(&self, now: Timestamp) -> (Vec<Write>, Vec<LlmLedger>) {
        let mut afters: Vec<(Option<LlmLedger>, LlmLedger)> = Vec::new();
        for (provider, told) in self.told.borrow().iter() {
            // A ledger that cannot be read is not written over.
            if let Ok(before) = self.of(provider) {
                afters.push((before.clone(), providers::after(llm::next(before.as_ref(), provider), told)));
            }
        }
        afters.extend(self.giving_back(now));
        let writes = afters.iter().map(|(before, after)| llm::moved(before.as_ref(), after)).collect();
        (writes, afters.into_iter().map(|(_, after)| after).collect())
    }

    /// The fleet's ledger once it has back what answers did not cost, where it is owed something.
    fn giving_back(&self, now: Timestamp) -> Option<(Option<LlmLedger>, LlmLedger)> {
        let is_owed = self.owed.borrow().as_ref().is_some_and(|(_, owed)| *owed != Amount::ZERO);
        let name = fleet().filter(|_| is_owed)?;
        let before = self.of(&name).ok().flatten()?;
        let mut after = llm::next(Some(&before), &name);
        after.hour = Some(self.hour(&after, now));
        Some((Some(before), after))
    }

    async fn read_again<T: ReadTables>(
        &self,
        tables: &T,
        names: impl IntoIterator<Item = ProviderId>,
    ) -> Result<(), ReadError> {
        let names: Vec<ProviderId> = names.into_iter().collect();
        let keys: Vec<Key> = names.iter().map(llm::key).collect();
        let items = tables.get(&keys).await?;
        self.adopt(names.into_iter().zip(items));
        Ok(())
    }
}

fn unknown(error: impl std::fmt::Display) -> NotReserved {
    NotReserved::Unknown(error.to_string())
}

/// The strategy's day and minute with everything that this cycle has used and may use.
fn booked(state: &StrategyState, tally: &Tally, most: Most, now: Timestamp) -> Booked {
    let (day, share) = tally.booked.map_or((state.llm_day, Notional::ZERO), |one| (one.day, one.share));
    let next = tally.usd + most.usd;
    let asked = LlmMinute {
        minute: now.minute_number(),
        calls: tally.calls.saturating_add(1),
        refusals: 0,
        throttled: 0,
        tokens: tally.tokens().saturating_add(most.tokens),
    };
    if day.day == now.day() {
        return Booked { day: LlmDay { usd: day.usd.less(share) + next, ..day }, share: next, asked };
    }
    Booked { day: LlmDay { day: now.day(), calls: 0, usd: next }, share: next, asked }
}

/// On condition that nobody else has spent since it was read, but for what this cycle has `before`; a removed strategy is
/// never created again.
fn booking(state: &StrategyState, before: Option<Booked>, after: Booked) -> Write {
    let (day, recent) = (Path::of("llm_day"), Path::of("recent_llm"));
    let day_attr = records::state::llm_day_attr;
    let recent_attr = |booked| records::state::recent_llm_attr(&as_booked(&state.recent_llm, booked));
    let seen = before.map_or(state.llm_day, |before| before.day);
    let conds = vec![
        Cond::Present(records::state::path::status()),
        Cond::Equals(day.clone(), day_attr(&seen)),
        Cond::Equals(recent.clone(), recent_attr(before)),
    ];
    let changes = vec![Change::Set(day, day_attr(&after.day)), Change::Set(recent, recent_attr(Some(after)))];
    Write::update(records::state::key(&state.strategy_id), changes, conds)
}

/// What a call of `model` (`provider/name`) told that was answered.
pub fn answered(model: &str, at: Timestamp, is_refusal: bool, usd: Notional) -> Told {
    let fate = if is_refusal { Fate::Refused } else { Fate::Answered };
    unanswered(model, at, fate, usd, None)
}

/// What a call of `model` (`provider/name`) told that was not.
pub fn unanswered(model: &str, at: Timestamp, fate: Fate, usd: Notional, wait: Option<Millis>) -> Told {
    Told { usd, wait, ..Told::of(model_name(model), at, fate) }
}
