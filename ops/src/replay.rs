//! `tradai replay`: what a model answered is read again, from nothing but the decision's record and by the code that
//! read it first, and compared with what was recorded and with the order that came of it. It asks nobody and writes
//! nothing.

mod show;

use std::collections::BTreeMap;

use decide::replay::{
    Difference, NotReplayed, Replayed, differences, differences_of_order, replay as read_again,
};
use shared::ids::{Env, StrategyId};
use shared::model::Servers;
use shared::order::Order;
use shared::records::{self, Corrupt, DecisionRecord};
use shared::store::{self, Attr, Item, Key, ReadTables, ScanTables};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use crate::not_done::NotDone;
use crate::paper::show::one_line;
use crate::person::Person;
use crate::stage::{Stage, Which};

/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// Most days of one command: each is a query a strategy.
const MOST_DAYS: i64 = 400;
/// Decisions whose orders are read in one go.
const AT_ONCE: usize = 100;

/// Which decisions.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// The decisions of one strategy [default: those of every strategy]
    #[arg(long, value_name = "STRATEGY_ID")]
    pub strategy: Option<String>,
    /// From this minute on, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this minute [default: now]
    #[arg(long, value_name = "TIME", requires = "from")]
    pub to: Option<String>,
    /// At most so many of each strategy, the newest
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub last: u32,
    /// Show the one decision of this minute in full
    #[arg(long, value_name = "MINUTE", requires = "strategy", conflicts_with_all = ["from", "to"])]
    pub show: Option<String>,
}

/// What was asked for, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// One decision, in full.
    One(StrategyId, Timestamp),
    /// Whether all of them are what their answers say.
    All {
        /// Of one strategy, or of every one.
        strategy: Option<StrategyId>,
        /// The first minute and the one after the last; the newest where there are none.
        span: Option<(Timestamp, Timestamp)>,
        /// Most of each strategy.
        last: usize,
    },
}

impl Options {
    /// Reads what was given; `now` is where an open span ends.
    pub fn wanted(&self, now: Timestamp) -> Result<Wanted, NotDone> {
        let strategy = self.strategy.as_deref().map(StrategyId::parse).transpose().map_err(NotDone::input)?;
        let time = |name: &str, given: &Option<String>| {
            let read = given.as_deref().map(Timestamp::parse).transpose();
            read.map_err(|error| NotDone::input(format!("{name}: {error}; write it as 2026-01-31T12:00:00Z")))
        };
        if let (Some(strategy), Some(minute)) = (&strategy, time("--show", &self.show)?) {
            return Ok(Wanted::One(strategy.clone(), minute.minute()));
        }
        let to = time("--to", &self.to)?.unwrap_or(now);
        let span = time("--from", &self.from)?.map(|from| (from, to));
        if let Some((from, to)) = span {
            let days = to.since(from).0.div_euclid(Millis::from_minutes(DAY).0);
            if days >= MOST_DAYS || from >= to {
                let line = format!("--from {from} --to {to}: give a span of less than {MOST_DAYS} days");
                return Err(NotDone::input(line));
            }
        }
        Ok(Wanted::All { strategy, span, last: usize::try_from(self.last).unwrap_or(usize::MAX) })
    }
}

/// Does what was asked for.
pub async fn replay(stage: &Stage, wanted: &Wanted, person: &mut Person<'_>) -> Result<(), NotDone> {
    match wanted {
        Wanted::One(strategy, minute) => one(stage, strategy, *minute, person).await,
        Wanted::All { strategy, span, last } => {
            let strategies = match strategy {
                Some(strategy) => vec![strategy.clone()],
                None => every_strategy(stage).await?,
            };
            let servers = stage.servers().await?;
            let mut tally = Tally::default();
            for strategy in &strategies {
                let items = decisions(stage, strategy, *span, *last).await?;
                for some in items.chunks(AT_ONCE) {
                    let found = check(stage, &servers, some).await?;
                    found.iter().try_for_each(|one| tally.count(one, person))?;
                }
            }
            tally.tell(person)
        }
    }
}

async fn one(
    stage: &Stage,
    strategy: &StrategyId,
    minute: Timestamp,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let key = records::decision::key(strategy, minute);
    let Some(item) = stage.tables.get(std::slice::from_ref(&key)).await?.pop().flatten() else {
        let line = format!("{strategy} has no decision of {minute} in stage {}", stage.names.env);
        return Err(NotDone::input(line));
    };
    let found = check(stage, &stage.servers().await?, std::slice::from_ref(&item)).await?;
    for one in &found {
        person.tell(&show::in_full(one))?;
    }
    match found.iter().any(Checked::is_wrong) {
        true => Err(NotDone::Refused("the record is not what its answers say".to_owned())),
        false => Ok(()),
    }
}

/// Those that have a state: a strategy that was removed is named with `--strategy`.
async fn every_strategy(stage: &Stage) -> Result<Vec<StrategyId>, NotDone> {
    let items = stage.tables.scan(Table::TradingState).await?;
    let id = |item: &Item| match item.get(Table::TradingState.hash_key()) {
        Some(Attr::S(text)) => StrategyId::parse(text).ok(),
        Some(_) | None => None,
    };
    let mut ids: Vec<StrategyId> = items.iter().filter_map(id).collect();
    ids.sort();
    Ok(ids)
}

/// Oldest first.
async fn decisions(
    stage: &Stage,
    strategy: &StrategyId,
    span: Option<(Timestamp, Timestamp)>,
    last: usize,
) -> Result<Vec<Item>, NotDone> {
    let query = |prefix: String, order, limit| async move {
        stage.tables.query(Table::Decisions, strategy.as_str(), &prefix, order, limit).await
    };
    let Some((from, to)) = span else {
        let mut newest = query(String::new(), store::Order::Descending, last).await?;
        newest.reverse();
        return Ok(newest);
    };
    let is_within = |item: &Item| match item.get("decided_at") {
        Some(Attr::S(text)) => Timestamp::parse(text).is_ok_and(|at| from <= at && at < to),
        Some(_) | None => true,
    };
    let (mut found, mut day) = (Vec::new(), from.day().start());
    while day < to {
        let of_day = query(format!("{}T", day.day()), store::Order::Ascending, usize::MAX).await?;
        found.extend(of_day.into_iter().filter(is_within));
        day = day + Millis::from_minutes(DAY);
    }
    Ok(found.split_off(found.len().saturating_sub(last)))
}

/// One decision with what its answers say today.
struct Checked {
    /// Its strategy and minute.
    name: String,
    /// The record, where it can be read.
    record: Result<DecisionRecord, Corrupt>,
    /// Whether the price of its model is known.
    is_priced: bool,
    /// What its answers say.
    replayed: Option<Result<Replayed, NotReplayed>>,
    /// Its order, as it is now.
    order: Option<Result<Order, String>>,
    /// What is not as its answers say.
    differences: Vec<Difference>,
}

impl Checked {
    fn new(env: &Env, servers: &Servers, item: &Item) -> Checked {
        let key = |name: &str| match item.get(name) {
            Some(Attr::S(text)) => text.clone(),
            Some(_) | None => "?".to_owned(),
        };
        let name = format!("{} {}", key("decided_at"), key("strategy_id"));
        let record = records::decision::decode(item);
        let replayed = record.as_ref().ok().map(|record| read_again(env, servers, record));
        let differences = match (&record, &replayed) {
            (Ok(record), Some(Ok(replayed))) => differences(record, replayed),
            (Ok(_) | Err(_), _) => Vec::new(),
        };
        let is_priced = |record: &DecisionRecord| servers.is_priced(&record.model, record.decided_at);
        let is_priced = record.as_ref().is_ok_and(is_priced);
        Checked { name, record, is_priced, replayed, order: None, differences }
    }

    /// Where its order is, by the record alone.
    fn order_key(&self) -> Option<Key> {
        let record = self.record.as_ref().ok()?;
        Some(records::order::key(record.position_id.as_ref()?, record.order_id.as_ref()?))
    }

    /// What stands under its order's key.
    fn meet(&mut self, order: Option<&Item>) {
        let order = match order {
            None => Err("it is not in the tables".to_owned()),
            Some(item) => records::order::decode(item).map_err(|corrupt| corrupt.to_string()),
        };
        let wanted = match &self.replayed {
            Some(Ok(replayed)) => replayed.effect.order.as_ref(),
            Some(Err(_)) | None => None,
        };
        if let (Ok(order), Some(wanted)) = (&order, wanted) {
            self.differences.extend(differences_of_order(&order.terms, &wanted.terms));
        }
        self.order = Some(order);
    }

    /// Decide died before it had read the answer, and left nothing.
    fn is_unfinished(&self) -> bool {
        matches!(self.replayed, Some(Err(NotReplayed::Unfinished)))
    }

    /// A line for each thing that is not as the answers say.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.differences.iter().map(difference).collect();
        match (&self.record, &self.replayed) {
            (Err(corrupt), _) => lines.push(corrupt.to_string()),
            (Ok(_), Some(Err(NotReplayed::Unfinished))) | (Ok(_), Some(Ok(_)) | None) => {}
            (Ok(_), Some(Err(why))) => lines.push(why.to_string()),
        }
        if let Some(Err(why)) = &self.order {
            lines.push(format!("its order: {why}"));
        }
        lines
    }

    fn is_wrong(&self) -> bool {
        !self.lines().is_empty()
    }
}

fn difference(one: &Difference) -> String {
    let Difference { field, recorded, replayed } = one;
    one_line(&format!("{field} is {recorded:?}, its answer says {replayed:?}"))
}

/// Reads some decisions again, and their orders in one go.
async fn check(stage: &Stage, servers: &Servers, items: &[Item]) -> Result<Vec<Checked>, NotDone> {
    let read = |item| Checked::new(&stage.names.env, servers, item);
    let mut checked: Vec<Checked> = items.iter().map(read).collect();
    let keys: Vec<Key> = checked.iter().filter_map(Checked::order_key).collect();
    let orders = if keys.is_empty() { Vec::new() } else { stage.tables.get(&keys).await? };
    let orders: BTreeMap<Key, Option<Item>> = keys.into_iter().zip(orders).collect();
    for one in &mut checked {
        if let Some(order) = one.order_key().and_then(|key| orders.get(&key)) {
            one.meet(order.as_ref());
        }
    }
    Ok(checked)
}

/// What a whole replay found.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    orders: usize,
    unfinished: usize,
    wrong: usize,
}

impl Tally {
    fn count(&mut self, one: &Checked, person: &mut Person<'_>) -> Result<(), NotDone> {
        let lines = one.lines();
        let counted = match (lines.is_empty(), one.is_unfinished()) {
            (false, _) => &mut self.wrong,
            (true, true) => &mut self.unfinished,
            (true, false) => &mut self.same,
        };
        *counted = counted.saturating_add(1);
        if one.order.is_some() {
            self.orders = self.orders.saturating_add(1);
        }
        match lines.is_empty() {
            true => Ok(()),
            false => person.tell(&one_line(&format!("{} differs: {}", one.name, lines.join("; ")))),
        }
    }

    fn tell(&self, person: &mut Person<'_>) -> Result<(), NotDone> {
        let Tally { same, orders, unfinished, wrong } = self;
        let all = same.saturating_add(*unfinished).saturating_add(*wrong);
        if all == 0 {
            return Err(NotDone::input("there is no such decision; look at another stage, strategy or time"));
        }
        let unread = if *unfinished > 0 { format!(", {unfinished} unfinished") } else { String::new() };
        person.tell(&format!(
            "{all} decisions with {orders} orders: {same} the same{unread}, {wrong} differ"
        ))?;
        match wrong {
            0 => Ok(()),
            _ => Err(NotDone::Refused(format!("{wrong} of {all} decisions are not what their answers say"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl FnOnce(&mut Options)) -> Result<Wanted, String> {
        let which = Which { env: "paper".to_owned() };
        let mut given = Options { which, strategy: None, from: None, to: None, last: 7, show: None };
        change(&mut given);
        let now = Timestamp::parse("2023-03-03T00:00:00Z").unwrap();
        given.wanted(now).map_err(|error| error.to_string())
    }

    fn at(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_span_ends_now_unless_its_end_is_given_and_one_minute_is_shown_whole() {
        let minute = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(options(|_| {}), Ok(Wanted::All { strategy: None, span: None, last: 7 }));
        let from = options(|given| given.from = at("2023-03-01T12:00:00Z"));
        let span = (minute("2023-03-01T12:00:00Z"), minute("2023-03-03T00:00:00Z"));
        assert_eq!(from, Ok(Wanted::All { strategy: None, span: Some(span), last: 7 }));
        let one = options(|given| {
            given.strategy = at("demo");
            given.show = at("2023-03-01T12:00:59Z");
        });
        let strategy = StrategyId::parse("demo").unwrap();
        assert_eq!(one, Ok(Wanted::One(strategy, minute("2023-03-01T12:00:00Z"))));
    }

    #[test]
    fn what_is_no_time_or_no_span_is_one_line_that_names_the_option() {
        for (change, part) in [
            (&(|given: &mut Options| given.from = at("noon")) as &dyn Fn(&mut Options), "--from: "),
            (&|given| given.from = at("2023-03-04T00:00:00Z"), "--from 2023-03-04"),
            (&|given| given.from = at("2021-03-01T00:00:00Z"), "less than 400 days"),
            (&|given| given.strategy = at("a b"), "a b"),
        ] {
            let error = options(change).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{part}: {error}");
        }
    }
}
