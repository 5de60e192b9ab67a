//! The world of one run: tables, exchange, model, topics and clock, and the four real functions on them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::books::AccountBook;
use shared::ids::{Asset, Env};
use shared::money::Amount;
use shared::ports::{SharedClock, Usage};
use shared::records::{self, AccountLedger, Shard};
use shared::roster::Trail;
use shared::secret::Secret;
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::Attr;
use shared::tables::{Function, Names, PREFIX, Table};
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::link::{Link, Share};
use sim::clock::SimClock;
use sim::exchange::{ApiKey as SimKey, Exchange, ExchangeConfig};
use sim::in_process::InProcess;

use super::effects::{Effects, Faults};
use super::mutants::{Mutant, Saboteur};
use super::outlets::{Asked, Journal, Script, Signals, Topics, holds};
use super::scenario::Scenario;
use super::stream::Stream;
use super::tables::Tables;
use super::venue::{Opener, Venue};

const HOST: &str = "exchange.sim";
/// Longest wait of the adapter; the network in process takes no time.
const VENUE_TIMEOUT: Millis = Millis::from_secs(10);
/// How long an invocation may take.
const TIMEOUT: Millis = Millis::from_secs(60);
/// The secret half of the exchange's key: it may appear nowhere.
pub const CANARY: &str = "canary-0d1e2a3d";
/// What approvals are signed with: it may appear nowhere.
pub const APPROVAL_KEY: &str = "canary-approval-5ea1";

/// One invocation under way.
pub type Invocation = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Where each warm process found its shard.
#[derive(Default)]
struct Trails {
    decide: Rc<Trail>,
    execute: Rc<Trail>,
    reconcile: Rc<Trail>,
}

/// Everything.
pub struct World {
    /// What happens in it.
    pub scenario: Scenario,
    /// The time.
    pub clock: SimClock,
    /// The exchange.
    pub exchange: Arc<Exchange>,
    /// The counter.
    pub effects: Rc<Effects>,
    /// The tables as the functions have them.
    pub tables: Tables,
    /// The venue as the functions have it.
    pub venue: Venue,
    /// The topics.
    pub topics: Topics,
    /// The signals.
    pub signals: Signals,
    /// What the model was asked.
    pub asked: Rc<RefCell<Vec<Asked>>>,
    /// What the functions said.
    pub journal: Journal,
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
    model: Script,
    trails: Trails,
    fresh: bool,
}

/// How a run differs from an ordinary one.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// What befalls which call.
    pub faults: Faults,
    /// The protocol bug that is put in.
    pub mutant: Option<Mutant>,
    /// Every invocation is a fresh process.
    pub fresh: bool,
    /// Calls take no time.
    pub instant: bool,
}

/// The stage.
pub fn env() -> Env {
    Env::parse("dev").unwrap()
}

impl World {
    /// The world at the scenario's start.
    pub fn new(scenario: &Scenario, manner: &Manner) -> World {
        let clock = SimClock::new(scenario.start());
        let effects = Rc::new(Effects::new(clock.clone(), manner.faults.clone()));
        if manner.instant {
            effects.calls_take_no_time();
        }
        let saboteur = Rc::new(Saboteur::new(manner.mutant));
        let stream = Stream::new(clock.clone());
        plant(&stream, scenario);
        let tables = Tables { stream: stream.clone(), effects: effects.clone(), saboteur: saboteur.clone() };
        let exchange = exchange(scenario);
        let link = Rc::new(Link::new(Share::Act));
        let venue = Venue {
            trader: trader(&clock, &exchange, &link),
            link,
            effects: effects.clone(),
            saboteur: saboteur.clone(),
            arrivals: Rc::default(),
            tables: tables.clone(),
        };
        let topics = Topics {
            taken: Rc::default(),
            effects: effects.clone(),
            clock: clock.clone(),
            saboteur: saboteur.clone(),
            stream: stream.clone(),
            stage: format!("{PREFIX}-{}", env()),
        };
        let asked: Rc<RefCell<Vec<Asked>>> = Rc::default();
        World {
            asked: asked.clone(),
            model: Script {
                says: says(scenario, &clock, &stream),
                usage: Usage { tokens_in: 800, tokens_out: scenario.tokens_out, ..Usage::default() },
                asked,
                effects: effects.clone(),
                clock: clock.clone(),
                saboteur: saboteur.clone(),
            },
            signals: Signals { put: Rc::default(), effects: effects.clone(), saboteur: saboteur.clone() },
            journal: Journal::default(),
            trails: Trails::default(),
            fresh: manner.fresh,
            scenario: scenario.clone(),
            clock,
            exchange,
            effects,
            tables,
            venue,
            topics,
            saboteur,
        }
    }

    /// The names of this stage.
    pub fn names() -> Names {
        Names { prefix: PREFIX.to_owned(), env: env() }
    }

    /// A process that has just been woken; nothing of it has run.
    pub fn wake(&self, function: Function, scheduled_at: Timestamp) -> Invocation {
        let scheduled_at = self.saboteur.scheduled(scheduled_at, self.clock.now());
        let tick = Tick { shard: 0, of: 1, scheduled_at };
        let deadline = self.clock.now() + TIMEOUT;
        match function {
            Function::Decide => self.decide(tick, deadline),
            Function::Execute => self.execute(tick, deadline),
            Function::Reconcile => self.reconcile(tick, deadline),
            Function::Heartbeat => self.heartbeat(tick),
        }
    }

    fn trail(&self, warm: &Rc<Trail>) -> Rc<Trail> {
        if self.fresh { Rc::default() } else { warm.clone() }
    }

    fn opener(&self) -> Opener {
        let clock: SharedClock = Arc::new(self.clock.clone());
        Opener { venue: self.venue.clone(), tables: self.tables.clone(), clock }
    }

    fn decide(&self, tick: Tick, deadline: Timestamp) -> Invocation {
        let (tables, venues, model) = (self.tables.clone(), self.opener(), self.model.clone());
        let (clock, log, trail) = (self.clock.clone(), self.journal.clone(), self.trail(&self.trails.decide));
        Box::pin(async move {
            let ports = decide::Ports {
                tables: &tables,
                trail: &trail,
                venues: &venues,
                model: &model,
                clock: &clock,
                log: &log,
            };
            done(decide::handle(tick, deadline, &env(), &ports).await)
        })
    }

    fn execute(&self, tick: Tick, deadline: Timestamp) -> Invocation {
        let (tables, venues) = (self.tables.clone(), self.opener());
        let (clock, log, trail) =
            (self.clock.clone(), self.journal.clone(), self.trail(&self.trails.execute));
        Box::pin(async move {
            let shift = execute::turn::Shift {
                env: &env(),
                tick,
                deadline,
                tables: &tables,
                trail: &trail,
                clock: &clock,
                log: &log,
                approval_key: Some(Secret::new(APPROVAL_KEY.to_owned())),
            };
            done(execute::handle(&shift, &venues).await)
        })
    }

    fn reconcile(&self, tick: Tick, deadline: Timestamp) -> Invocation {
        let (tables, accounts) = (self.tables.clone(), self.opener());
        let trail = self.trail(&self.trails.reconcile);
        let (clock, log) = (self.clock.clone(), self.journal.clone());
        Box::pin(async move {
            let ports = reconcile::Ports {
                tables: &tables,
                trail: &trail,
                accounts: &accounts,
                clock: &clock,
                log: &log,
            };
            done(reconcile::handle(tick, deadline, &ports).await)
        })
    }

    fn heartbeat(&self, tick: Tick) -> Invocation {
        let (tables, publish, gauge) = (self.tables.clone(), self.topics.clone(), self.signals.clone());
        let (clock, log) = (self.clock.clone(), self.journal.clone());
        Box::pin(async move {
            let ports = heartbeat::Ports {
                tables: &tables,
                publish: &publish,
                gauge: &gauge,
                clock: &clock,
                log: &log,
            };
            done(heartbeat::handle(tick, &World::names(), &ports).await)
        })
    }
}

fn done<T>(result: Result<T, impl std::fmt::Display>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}

fn exchange(scenario: &Scenario) -> Arc<Exchange> {
    let mut config = ExchangeConfig::btcusdt("main")
        .with_key(SimKey::trading("key", CANARY))
        .with_balance("USDT", Decimal::from(1_000))
        .with_balance("BTC", Decimal::ZERO)
        .with_test_coin();
    config.fees.third_asset = None;
    (scenario.exchange)(&mut config);
    Arc::new(Exchange::new(config, scenario.candles()).unwrap())
}

fn trader(clock: &SimClock, exchange: &Arc<Exchange>, link: &Rc<Link>) -> Trader {
    let network = InProcess::new(clock.shared()).route(HOST, exchange.clone());
    let network: SharedTransport = Arc::new(network);
    let shared: SharedClock = Arc::new(clock.clone());
    let binance = Binance::new(network, shared, &format!("http://{HOST}"), VENUE_TIMEOUT, Rc::clone(link));
    let key = ApiKey::new(Secret::new("key".to_owned()), Secret::new(CANARY.to_owned()));
    Trader::new(Account::new(binance, key))
}

/// What the model says when it is asked now.
fn says(scenario: &Scenario, clock: &SimClock, stream: &Stream) -> Rc<dyn Fn() -> (String, bool)> {
    let (scenario, clock, store) = (scenario.clone(), clock.clone(), stream.store.clone());
    Rc::new(move || {
        let resting = store.snapshot().into_iter().find(|(key, item)| {
            let is = |name: &str, value: &str| item.get(name) == Some(&Attr::S(value.to_owned()));
            let rests = is("status", "open") || is("status", "partially_filled");
            key.table == Table::Orders && is("leg", "entry") && rests
        });
        let answer = scenario.answer(clock.now());
        let resting = resting.and_then(|(key, _)| key.range);
        answer.map_or_else(|| (holds().to_string(), false), |answer| (answer.body(resting), answer.is_bad()))
    })
}

/// What `strategy apply` and reconcile's first look would have left.
fn plant(stream: &Stream, scenario: &Scenario) {
    let (store, settings) = (&stream.store, scenario.settings());
    let mut strategies = vec![settings.strategy_id.clone()];
    let mut state = StrategyState::first(settings.strategy_id.clone(), Status::Running, scenario.start());
    state.last_decided_at = scenario.start() - Millis::from_minutes(1);
    state.last_reconciled_at = Some(state.last_decided_at);
    (scenario.state)(&mut state);
    if scenario.poisoned {
        let other = shared::ids::StrategyId::parse("poisoned").unwrap();
        let settings = Settings { strategy_id: other.clone(), ..settings.clone() };
        let key = records::strategy_config::key(&other);
        let mut item = records::strategy_config::encode(&settings);
        item.insert("limits".to_owned(), Attr::S("wide".to_owned()));
        store.plant(key, item);
        let other_state = StrategyState { strategy_id: other.clone(), ..state.clone() };
        store.plant(records::state::key(&other), records::state::encode(&other_state));
        strategies.insert(0, other);
    }
    store.plant(records::shard::key(0), records::shard::encode(&Shard { shard: 0, strategies }));
    let config = records::strategy_config::encode(&settings);
    store.plant(records::strategy_config::key(&settings.strategy_id), config);
    store.plant(records::state::key(&settings.strategy_id), records::state::encode(&state));
    let config = {
        let mut config =
            ExchangeConfig::btcusdt("main").with_balance("USDT", Decimal::from(1_000)).with_test_coin();
        (scenario.exchange)(&mut config);
        config
    };
    let opening: BTreeMap<Asset, Amount> = config
        .balances
        .iter()
        .map(|(asset, sum)| (Asset::parse(asset).unwrap(), Amount::parse(&sum.to_string()).unwrap()))
        .collect();
    let book = AccountBook { opening, ..AccountBook::default() };
    let mut ledger = AccountLedger { book, ..AccountLedger::first(settings.account.clone()) };
    // Reconcile has looked, and there was no trade yet.
    ledger.cursors.insert(records::account::OPENED.to_owned(), scenario.start().to_string());
    let seen = format!("strategy#{}", settings.strategy_id);
    ledger.cursors.insert(seen, state.intent_seq.to_string());
    ledger.cursors.insert("BTC-USDT".to_owned(), "-".to_owned());
    store.plant(records::account::key(&ledger.account), records::account::encode(&ledger));
}
