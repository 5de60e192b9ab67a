//! What a person wants to know of a stage, read from the tables and judged by the rules by which heartbeat pages.

use heartbeat::checks::{Judged, judge};
use heartbeat::finding::severity_of;
use heartbeat::scan::{hash_of, scan};
use shared::books::Position;
use shared::ids::{OrderId, PositionId};
use shared::order::Order;
use shared::records::{self, Vitals};
use shared::roster::{Unfit, read};
use shared::settings::Settings;
use shared::signal::Severity;
use shared::state::{Live, StrategyState};
use shared::store::{Item, Key, ReadError, ReadTables, ScanTables};
use shared::tables::Table;
use shared::time::Timestamp;

/// One strategy.
#[derive(Debug)]
pub struct Strategy {
    /// Its id, as its item says it.
    pub id: String,
    /// Its state, attribute by attribute.
    pub vitals: Vitals,
    /// Its whole state, where every attribute can be read.
    pub state: Option<StrategyState>,
    /// Its settings.
    pub settings: Result<Settings, Unfit>,
    /// What it holds.
    pub positions: Vec<Result<Position, Unfit>>,
    /// What lives of its orders.
    pub orders: Vec<Result<Order, Unfit>>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Whether a person is woken for it.
    pub severity: Severity,
    /// Its heading in the runbook.
    pub kind: String,
    /// The strategy, or the ledger item.
    pub subject: String,
    /// Since when.
    pub since: Timestamp,
    /// One sentence.
    pub detail: String,
    /// Whether an incident stands for it: people were told, or are about to be.
    pub is_told: bool,
}

/// Everything of a stage, or of one strategy.
#[derive(Debug, Default)]
pub struct Sight {
    /// The strategies, by id.
    pub strategies: Vec<Strategy>,
    /// What is wrong, the most urgent first.
    pub troubles: Vec<Trouble>,
    /// What could not be read; anything may be wrong there.
    pub unread: Vec<String>,
}

/// Looks at a whole stage, or at one strategy and what it depends on.
pub async fn look(
    tables: &(impl ReadTables + ScanTables),
    only: Option<&str>,
    now: Timestamp,
) -> Result<Sight, ReadError> {
    let scanned = scan(tables).await;
    let judged = judge(&scanned, now);
    let mut sight = Sight { unread: scanned.failures().collect(), ..Sight::default() };
    let states = scanned.states.unwrap_or_default();
    let ours = states.iter().filter(|item| only.is_none_or(|id| hash_of(Table::TradingState, item) == id));
    sight.strategies = strategies(tables, ours.collect()).await?;
    sight.troubles = found(&judged);
    match tables.scan(Table::Incidents).await {
        Ok(items) => sight.add_incidents(&items),
        Err(error) => sight.unread.push(format!("incidents: {error}")),
    }
    if let Some(id) = only {
        sight.keep(id);
    }
    sight.troubles.sort_by_key(|trouble| (trouble.severity, trouble.since));
    Ok(sight)
}

/// The strategies of these states, by id; everything that they name is read at once.
async fn strategies(tables: &impl ReadTables, states: Vec<&Item>) -> Result<Vec<Strategy>, ReadError> {
    let named: Vec<Named> = states.into_iter().map(Named::by).collect();
    let keys: Vec<Key> = named.iter().flat_map(Named::keys).cloned().collect();
    let mut items = tables.get(&keys).await?.into_iter();
    let mut strategies: Vec<Strategy> =
        named.into_iter().map(|one| one.read(&mut || items.next().flatten())).collect();
    strategies.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(strategies)
}

/// A strategy's state, and the keys of what it names.
struct Named {
    id: String,
    vitals: Vitals,
    state: Option<StrategyState>,
    config: Key,
    positions: Vec<Key>,
    orders: Vec<Key>,
}

impl Named {
    fn by(item: &Item) -> Named {
        let (id, state) = (hash_of(Table::TradingState, item), records::state::decode(item).ok());
        let config = Key { table: Table::StrategyConfig, hash: id.clone(), range: None };
        let (positions, orders) = state.as_ref().map(living).unwrap_or_default();
        Named { id, vitals: records::state::vital(item), state, config, positions, orders }
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.config).chain(&self.positions).chain(&self.orders)
    }

    /// With the items under its keys, in their order.
    fn read(self, next: &mut impl FnMut() -> Option<Item>) -> Strategy {
        let Named { id, vitals, state, config, positions, orders } = self;
        let settings = read(next(), config, records::strategy_config::decode);
        let positions =
            positions.into_iter().map(|key| read(next(), key, records::position::decode)).collect();
        let orders = orders.into_iter().map(|key| read(next(), key, records::order::decode)).collect();
        Strategy { id, vitals, state, settings, positions, orders }
    }
}

/// The keys of the positions and of the orders that live.
fn living(state: &StrategyState) -> (Vec<Key>, Vec<Key>) {
    let (mut positions, mut orders) = (Vec::new(), Vec::new());
    for (name, entry) in &state.live {
        match entry {
            Live::Position => positions.extend(PositionId::parse(name).map(|id| records::position::key(&id))),
            Live::Order { position, .. } => {
                orders.extend(OrderId::parse(name).map(|id| records::order::key(position, &id)));
            }
            Live::Wish(_) => {}
        }
    }
    (positions, orders)
}

fn found(judged: &Judged) -> Vec<Trouble> {
    let trouble = |finding: &heartbeat::finding::Finding| Trouble {
        severity: severity_of(&finding.kind),
        kind: finding.kind.clone(),
        subject: finding.item.hash.clone(),
        since: finding.since.at,
        detail: finding.detail.clone(),
        is_told: false,
    };
    judged.findings().map(trouble).collect()
}

impl Sight {
    /// Whether nobody needs to get up.
    pub fn is_well(&self) -> bool {
        self.unread.is_empty() && self.troubles.iter().all(|trouble| trouble.severity != Severity::Page)
    }

    /// Marks what stands in an incident, and adds the incidents of what heartbeat has not seen end yet.
    fn add_incidents(&mut self, items: &[Item]) {
        for read in items.iter().map(records::incident::decode) {
            match read {
                Ok(incident) if incident.resolved_at.is_some() => {}
                Ok(incident) => {
                    let is_same =
                        |one: &&mut Trouble| one.kind == incident.kind && one.subject == incident.subject;
                    match self.troubles.iter_mut().find(is_same) {
                        Some(trouble) => trouble.is_told = true,
                        None => self.troubles.push(Trouble {
                            severity: incident.severity,
                            kind: incident.kind,
                            subject: incident.subject,
                            since: incident.since,
                            detail: incident.detail,
                            is_told: true,
                        }),
                    }
                }
                Err(corrupt) => self.unread.push(corrupt.to_string()),
            }
        }
    }

    /// Leaves out what is about another strategy or another account.
    fn keep(&mut self, id: &str) {
        let settings = self.strategies.iter().find_map(|one| one.settings.as_ref().ok());
        let account = settings.map(|settings| settings.account.to_string());
        let is_ours = |subject: &str| match subject.split_once('#') {
            None => subject == id,
            Some(("account" | "paper", name)) => account.as_ref().is_none_or(|account| account == name),
            Some(_) => true,
        };
        self.troubles.retain(|trouble| is_ours(&trouble.subject));
    }
}
