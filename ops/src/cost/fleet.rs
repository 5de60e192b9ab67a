//! Strategies of one shard on this machine, woken as schedules wake them and wired as on Lambda: the same venues, keys,
//! ledgers and secrets, so that what they ask of AWS is what they would ask there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use decide::wiring::{KeyedModels, Markets};
use execute::turn::Shift;
use execute::wiring::{Approvals, Trading};
use reconcile::wiring::ReadOnly;
use rust_decimal::Decimal;
use shared::aws::clients::{self, AwsConfig, time_source};
use shared::aws::secrets::SecretsManager;
use shared::environment::Aws;
use shared::ids::{AccountId, Egress, Env, StrategyId, Symbol};
use shared::model::Servers;
use shared::ports::{Line, Log, SharedClock};
use shared::roster::Trail;
use shared::secret::Secret;
use shared::settings::{Backend, Settings};
use shared::status::Status;
use shared::tables::{Function, Names, PREFIX, Table};
use shared::tick::{StageKind, Tick};
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::keys::Keys;
use shared::venue::link::Share;
use shared::venue::venues::Venues;
use sim::aws::{AwsMeters, HOSTS};
use sim::exchange::Candle;
use sim::in_process::InProcess;
use sim::model::Policy;
use sim::world::{AwsPorts, EXCHANGE_HOST, MODEL_HOST, REGION, World, WorldConfig};

use super::NotCosted;
use super::count::{self, Count, Counts};
use super::exchanges::Exchanges;
use super::stack::Stack;
use super::wire::{Passed, Wire};
use crate::apply::apply;
use crate::bad_input::BadInput;

/// The one shard.
const SHARD: u32 = 0;
/// Seconds after the minute at which each function is woken, as schedulers do: not all at once.
const AFTER: [(Function, Millis); 4] = [
    (Function::Decide, Millis::from_secs(1)),
    (Function::Execute, Millis::from_secs(4)),
    (Function::Reconcile, Millis::from_secs(8)),
    (Function::Heartbeat, Millis::from_secs(12)),
];
/// The time that one call of AWS, and one of decide's calls of a venue, may take: as in the functions.
const CALL: Millis = Millis::from_secs(5);
/// The seed of the model's ids: nothing else is random.
const SEED: u64 = 1;

/// Candles that are over when the first minute begins: more than decide ever looks at.
pub const HISTORY: usize = 1_000;

/// What a fleet is made from.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The strategy, of which every member is a copy with an account of its own.
    pub settings: &'a Settings,
    /// The market.
    pub symbol: &'a Symbol,
    /// Its candles: [`HISTORY`] that are over, then those of the minutes that are lived through.
    pub candles: &'a [Candle],
    /// The kind of the stage: in `live` orders go to the exchange, else to the paper venue.
    pub kind: StageKind,
    /// What the functions are given.
    pub stack: &'a Stack,
    /// How many of those minutes pass before anything is counted.
    pub lead_in: usize,
}

impl Plan<'_> {
    /// The minutes that are lived through.
    pub fn minutes(&self) -> impl Iterator<Item = Timestamp> {
        self.candles.iter().skip(HISTORY).map(|candle| candle.open_time)
    }
}

/// Strategies, and the world that they live in.
pub struct Fleet<'a> {
    plan: Plan<'a>,
    env: Env,
    world: World,
    exchanges: Arc<Exchanges>,
    wire: Arc<Wire>,
    aws: AwsPorts,
    log: Written,
    markets: Markets,
    models: KeyedModels<SecretsManager>,
    trading: Trading<SecretsManager>,
    approvals: Approvals<SecretsManager>,
    reading: ReadOnly<SecretsManager>,
    trails: BTreeMap<Function, Trail>,
}

/// How much was logged.
#[derive(Debug, Default)]
struct Written(Cell<u64>);

impl Log for Written {
    fn write(&self, line: Line) {
        self.0.set(self.0.get().saturating_add(count::logged(&line.to_json())));
    }
}

impl<'a> Fleet<'a> {
    /// `many` strategies that decide every so many minutes, before their first minute.
    pub async fn new(plan: Plan<'a>, many: u32, every: Millis) -> Result<Fleet<'a>, NotCosted> {
        let env = Env::parse(plan.kind.as_str()).map_err(BadInput::new)?;
        let world = world(&plan, &env)?;
        let mut exchanges = Exchanges::new(world.exchange.clone());
        let members = members(&plan, many, every)?;
        if plan.kind == StageKind::Live {
            for one in &members {
                exchanges.open(one, plan.symbol, plan.candles)?;
                Exchanges::put_keys(one, &world.aws, &world.names);
            }
        }
        let exchanges = Arc::new(exchanges);
        let network: SharedTransport = Arc::new(
            InProcess::new(world.clock.shared())
                .route(EXCHANGE_HOST, exchanges.clone())
                .route(MODEL_HOST, world.model.clone())
                .route(HOSTS, world.aws.clone()),
        );
        let tables = world.aws_ports(&network).tables;
        for one in &members {
            apply(&tables, one, SHARD, Status::Warmup, world.clock.now()).await?;
        }
        Ok(Fleet::wired(plan, env, world, exchanges, &network))
    }

    fn wired(
        plan: Plan<'a>,
        env: Env,
        world: World,
        exchanges: Arc<Exchanges>,
        network: &SharedTransport,
    ) -> Fleet<'a> {
        let wire = Wire::to(network.clone());
        let transport: SharedTransport = wire.clone();
        let clock: SharedClock = Arc::new(world.clock.clone());
        let aws = world.aws_ports(&transport);
        let (names, secrets) = (world.names.clone(), secrets(&world, &transport));
        let venues = |share| {
            let (tables, transport) = (aws.tables.clone(), transport.clone());
            let venues = Venues::new(tables, transport, clock.clone(), Egress::default(), share);
            venues.at(Some(format!("http://{EXCHANGE_HOST}")))
        };
        let models = KeyedModels {
            secrets: secrets.clone(),
            names: names.clone(),
            transport: transport.clone(),
            clock: clock.clone(),
            aws: role(),
            url: Some(format!("http://{MODEL_HOST}")),
            servers: Servers::NONE,
            keys: std::cell::RefCell::default(),
        };
        Fleet {
            markets: Markets(venues(Share::Look).within(CALL)),
            models,
            trading: Trading {
                venues: venues(Share::Act),
                keys: Keys::new(secrets.clone()),
                names: names.clone(),
            },
            approvals: Approvals::new(secrets.clone(), names.approval_secret()),
            reading: ReadOnly { venues: venues(Share::Look), keys: Keys::new(secrets), names },
            trails: Function::ALL.map(|function| (function, Trail::from(Egress::default()))).into(),
            log: Written::default(),
            plan,
            env,
            world,
            exchanges,
            wire,
            aws,
        }
    }

    /// One minute: every function that is due in it, and what each of them used.
    pub async fn minute(&self, minute: Timestamp, counts: &mut Counts) -> Result<(), NotCosted> {
        for (function, after) in AFTER {
            if minute.minute_number().rem_euclid(function.period_minutes()) == 0 {
                self.world.clock.set(minute + after);
                self.exchanges.advance(self.world.clock.now());
                self.wake(function, minute, counts).await?;
            }
        }
        Ok(())
    }

    /// An invocation that fails as a whole is not what is to be priced.
    async fn wake(
        &self,
        function: Function,
        minute: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), NotCosted> {
        let before = self.world.aws.meters();
        let asked = self.world.model.meters();
        let done = self.invoke(function, Tick { shard: SHARD, of: 1, scheduled_at: minute }).await;
        done.map_err(|why| NotCosted::Failed { function: function.as_str(), why })?;
        let model = self.world.model.meters();
        let passed = self.wire.take();
        let tokens = (model.input_tokens - asked.input_tokens, model.output_tokens - asked.output_tokens);
        self.count(function, &passed, tokens, (&before, &self.world.aws.meters()), counts);
        Ok(())
    }

    fn count(
        &self,
        function: Function,
        passed: &Passed,
        tokens: (u64, u64),
        (before, after): (&AwsMeters, &AwsMeters),
        counts: &mut Counts,
    ) {
        let calls = |of: &AwsMeters, name: &str| of.by_operation.get(name).map_or(0, |one| one.calls);
        let more = |name: &str| Decimal::from(calls(after, name).saturating_sub(calls(before, name)));
        let logged = self.log.0.take().saturating_add(count::PLATFORM_LOG);
        for (what, many) in [
            (Count::Invocations, Decimal::ONE),
            (Count::AwsCalls, passed.aws.into()),
            (Count::VenueCalls, passed.venue.into()),
            (Count::ModelCalls, passed.model.into()),
            (Count::BytesOut, passed.out.into()),
            (Count::BytesCarried, passed.carried.into()),
            (Count::TokensIn, tokens.0.into()),
            (Count::TokensOut, tokens.1.into()),
            (Count::Reads, after.ddb_rru - before.ddb_rru),
            (Count::Writes, after.ddb_wru - before.ddb_wru),
            (Count::LogBytes, logged.into()),
            (Count::SecretReads, more("GetSecretValue")),
            (Count::Messages, more("Publish")),
            (Count::MetricPuts, more("PutMetricData")),
        ] {
            *counts.entry((function, what)).or_default() += many;
        }
    }

    async fn invoke(&self, function: Function, tick: Tick) -> Result<(), String> {
        let timeout = i64::try_from(self.plan.stack.given(function).timeout_seconds).unwrap_or(i64::MAX);
        let deadline = self.world.clock.now() + Millis::from_secs(timeout);
        match function {
            Function::Decide => self.decide(tick, deadline).await,
            Function::Execute => self.execute(tick, deadline).await,
            Function::Reconcile => self.reconcile(tick, deadline).await,
            Function::Heartbeat => self.heartbeat(tick).await,
        }
    }

    async fn decide(&self, tick: Tick, deadline: Timestamp) -> Result<(), String> {
        let ports = decide::Ports {
            tables: &self.aws.tables,
            trail: self.trail(Function::Decide)?,
            venues: &self.markets,
            model: &self.models,
            clock: &self.world.clock,
            log: &self.log,
        };
        let done = decide::handle(tick, deadline, &self.env, &ports).await;
        self.markets.0.settle(Function::Decide, tick.scheduled_at).await;
        done.map_err(|error| error.to_string()).and_then(|report| served(report.failed, "decide"))
    }

    async fn execute(&self, tick: Tick, deadline: Timestamp) -> Result<(), String> {
        let shift = Shift {
            env: &self.env,
            tick,
            deadline,
            tables: &self.aws.tables,
            trail: self.trail(Function::Execute)?,
            clock: &self.world.clock,
            log: &self.log,
            approval_key: self.approvals.key(&self.world.clock, &self.log).await,
        };
        let done = execute::handle(&shift, &self.trading).await;
        self.trading.venues.settle(Function::Execute, tick.scheduled_at).await;
        done.map_err(|error| error.to_string()).and_then(|report| served(report.failed, "execute"))
    }

    async fn reconcile(&self, tick: Tick, deadline: Timestamp) -> Result<(), String> {
        let ports = reconcile::Ports {
            tables: &self.aws.tables,
            trail: self.trail(Function::Reconcile)?,
            accounts: &self.reading,
            clock: &self.world.clock,
            log: &self.log,
        };
        let done = reconcile::handle(tick, deadline, &ports).await;
        self.reading.venues.settle(Function::Reconcile, tick.scheduled_at).await;
        done.map_err(|error| error.to_string()).and_then(|report| served(report.failed, "reconcile"))
    }

    async fn heartbeat(&self, tick: Tick) -> Result<(), String> {
        let ports = heartbeat::Ports {
            tables: &self.aws.tables,
            publish: &self.aws.topics,
            gauge: &self.aws.gauge,
            clock: &self.world.clock,
            log: &self.log,
        };
        let done = heartbeat::handle(tick, &self.world.names, &ports).await;
        done.map(drop).map_err(|error| error.to_string())
    }

    fn trail(&self, function: Function) -> Result<&Trail, String> {
        self.trails.get(&function).ok_or_else(|| format!("{} has no trail", function.as_str()))
    }

    /// What the tables hold, in bytes.
    pub fn stored(&self) -> Result<u64, NotCosted> {
        let mut bytes: u64 = 0;
        for table in Table::ALL {
            let items = self.world.aws.scan_all(&self.world.names.table(table));
            let items = items.map_err(|refused| NotCosted::Tables(format!("{refused:?}")))?;
            bytes = items.iter().map(count::item_bytes).fold(bytes, u64::saturating_add);
        }
        Ok(bytes)
    }

    /// How many different metrics were put within the last day.
    pub fn metrics(&self) -> usize {
        let put = self.world.aws.metrics();
        let names: std::collections::BTreeSet<_> =
            put.iter().map(|one| (&one.namespace, &one.name, &one.dimensions)).collect();
        names.len()
    }

    /// The most calls that were ever under way at once.
    pub fn most_at_once(&self) -> u32 {
        self.wire.most_at_once()
    }
}

fn served(failed: u32, function: &str) -> Result<(), String> {
    if failed == 0 { Ok(()) } else { Err(format!("{function} could not serve {failed} strategies")) }
}

fn world(plan: &Plan<'_>, env: &Env) -> Result<World, NotCosted> {
    let start = plan.minutes().next().unwrap_or(Timestamp::from_millis(0));
    Ok(World::new(WorldConfig {
        names: Names { prefix: PREFIX.to_owned(), env: env.clone() },
        account: plan.settings.account.to_string(),
        symbol: plan.symbol.clone(),
        candles: plan.candles.to_vec(),
        cash: Decimal::ZERO,
        bnb: Decimal::ZERO,
        policy: Policy::Momentum,
        seed: SEED,
        start: start - Millis::from_minutes(1),
    })?)
}

/// Copies of one strategy, each with a name and an account of its own.
fn members(plan: &Plan<'_>, many: u32, every: Millis) -> Result<Vec<Settings>, BadInput> {
    let copy = |nth: u32| {
        let name = format!("{}-{nth:05}", plan.settings.strategy_id);
        let at_exchange = plan.kind == StageKind::Live;
        Ok(Settings {
            strategy_id: StrategyId::parse(&name).map_err(BadInput::new)?,
            account: AccountId::parse(&name).map_err(BadInput::new)?,
            decide_every: every,
            backend: if at_exchange { Backend::Exchange } else { Backend::Mock },
            testnet: !at_exchange,
            ..plan.settings.clone()
        })
    };
    (0..many).map(copy).collect()
}

fn secrets(world: &World, transport: &SharedTransport) -> SecretsManager {
    let clock = world.clock.clone();
    let config = AwsConfig {
        region: REGION.to_owned(),
        endpoint: None,
        keys: None,
        timeout: CALL,
        time: time_source(move || clock.now()),
    };
    SecretsManager { client: clients::secretsmanager(&config, transport.clone()) }
}

/// The role of decide: only Bedrock is asked with it.
fn role() -> Aws {
    let secret_key = Secret::new("sim".to_owned());
    Aws {
        region: REGION.to_owned(),
        endpoint: None,
        access_key: "sim".to_owned(),
        secret_key,
        session_token: None,
    }
}
