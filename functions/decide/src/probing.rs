//! The event `{"probe":"PROVIDER/MODEL"}`: one fixed question to a model of the stage, for a person who wants to know
//! whether it can be asked. It is charged to the fleet's budget, at most ten an hour, and never a decision. Only the
//! operator's role may invoke the function with it.

use shared::model::Servers;
use shared::ports::{AskModel as _, Level, Line, WriteTables};
use shared::probe::Probe;
use shared::secret::ReadSecret;
use shared::store::{Attr, Change, Cond, Item, Key, Path, Write, WriteError};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use crate::budget;
use crate::probe::{self, Probed};
use crate::purse::{NotReserved, Purse};
use crate::shift::Ports;
use crate::wiring::KeyedModels;

/// Most probes of an hour.
const MOST: u64 = 10;
/// The longest wait for an answer: as of a cycle's.
const LONGEST: Millis = Millis::from_secs(30);
/// Where they are counted.
const KEY: &str = "probes#llm";

/// Answers the event. A probe that may not be made says why.
pub async fn serve<T, V, S>(ports: &Ports<'_, T, V, KeyedModels<S>>, model: &str) -> Probe
where
    T: WriteTables,
    S: ReadSecret,
{
    let probed = match asked(ports, model).await {
        Ok(probed) => probed.told,
        Err(why) => Probe { error: why, ..Probe::of(model) },
    };
    let line = Line::new(Level::Info, ports.clock.now(), "model probed").with("model", model);
    let line = line.with("read", &probed.read).with("error", &probed.error).with("usd", probed.usd);
    ports.log.write(line);
    probed
}

async fn asked<T, V, S>(ports: &Ports<'_, T, V, KeyedModels<S>>, model: &str) -> Result<Probed, String>
where
    T: WriteTables,
    S: ReadSecret,
{
    let (models, now) = (ports.model, ports.clock.now());
    let name = model.split_once('/').map_or("", |(name, _)| name);
    if !models.serves(name) {
        return Err(format!("{model}: {name:?} is no provider and no server of this stage"));
    }
    count(ports.tables, now).await?;
    let servers: &Servers = models.servers();
    let takes = servers.capabilities(model);
    let question = probe::question(model, takes.answer_tokens, LONGEST);
    let most = budget::most_cost(servers, model, probe::bound(servers, &question, 100), now);
    // A key that a person has just mended is read again.
    models.keys.borrow_mut().remove(name);
    let client = models.client(name).await.map_err(|error| error.to_string())?;
    let purse = Purse::default();
    purse.reserve_alone(ports.tables, most, now).await.map_err(|not| match not {
        NotReserved::Off(why) => format!("models are switched off: {why}; tradai model resume"),
        NotReserved::Unknown(why) => format!("its cost could not be reserved: {why}"),
    })?;
    let probed = probe::probe(&client, servers, &question, now).await;
    purse.spent(probed.told.usd);
    purse.settle(ports.tables, ports.log, ports.clock.now()).await;
    Ok(probed)
}

/// Counts one more probe of this hour, where there is room for it.
async fn count<T: WriteTables>(tables: &T, now: Timestamp) -> Result<(), String> {
    let key = Key { table: Table::Ledgers, hash: KEY.to_owned(), range: None };
    let hour = now.minute_number().div_euclid(60).to_string();
    let read = tables.get(std::slice::from_ref(&key)).await.map_err(|error| error.to_string())?;
    let item = read.into_iter().next().flatten();
    let before = item.as_ref().map_or(0, |item| counted(item, &hour));
    if before >= MOST {
        return Err(format!("{MOST} models were probed in this hour; try again in the next"));
    }
    let after = Attr::N(before.saturating_add(1).to_string());
    let write = match &item {
        None => {
            let item = Item::from([("hour".to_owned(), Attr::N(hour)), ("count".to_owned(), after)]);
            Write::put_if_absent(key, item)
        }
        Some(item) => {
            let changes =
                vec![Change::Set(Path::of("hour"), Attr::N(hour)), Change::Set(Path::of("count"), after)];
            let same = |name: &str| item.get(name).map(|value| Cond::Equals(Path::of(name), value.clone()));
            Write::update(key, changes, ["hour", "count"].into_iter().filter_map(same).collect())
        }
    };
    match tables.write(vec![write]).await {
        Ok(()) => Ok(()),
        Err(WriteError::Lost { .. }) => Err("another probe began at the same time; try again".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// How many the item counts in this hour. What cannot be read is none: the fleet's budget bounds it all the same.
fn counted(item: &Item, hour: &str) -> u64 {
    let number = |name: &str| match item.get(name) {
        Some(Attr::N(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    let count = number("count").filter(|_| number("hour") == Some(hour));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}
