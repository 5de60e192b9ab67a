//! The run itself: minute after minute, the four functions on their schedules over replayed time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::aws::tables::DynamoTables;
use shared::ids::Env;
use shared::ports::{Level, Line, Log};
use shared::roster::Trail;
use shared::secret::Secret;
use shared::settings::{SafetyMode, Settings};
use shared::status::Status;
use shared::tables::Function;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use sim::exchange::Candle;
use sim::faults::{FaultPlan, FaultyTransport, Hosts, Invocation, InvocationFaults};
use sim::world::{APPROVAL_KEY, AwsPorts, EXCHANGE_HOST, MODEL_HOST, World};

use super::minds::Mind;
use super::options::Approve;
use super::outcome::{Bar, EquityPoint};
use super::venues::{MarketOnly, ReadOnly, Trading};
use crate::approve::approve_due;

/// The stage of every paper run.
pub const STAGE: &str = "paper";
/// The one shard.
const SHARD: u32 = 0;
/// What one invocation may take.
const TIMEOUT: Millis = Millis::from_secs(55);
/// Seconds after the minute at which each function is woken, as schedulers do: not all at once.
const DECIDE_AT: Millis = Millis::from_secs(1);
const EXECUTE_AT: Millis = Millis::from_secs(4);
const RECONCILE_AT: Millis = Millis::from_secs(8);
const HEARTBEAT_AT: Millis = Millis::from_secs(12);

/// Keeps warnings and worse, the newest last, at most [`MOST_LINES`].
#[derive(Debug, Default)]
pub struct Journal(RefCell<Vec<Line>>);

/// Most lines kept.
const MOST_LINES: usize = 2_000;

impl Journal {
    /// The lines kept.
    pub fn lines(&self) -> Vec<Line> {
        self.0.borrow().clone()
    }
}

impl Log for Journal {
    fn write(&self, line: Line) {
        let mut lines = self.0.borrow_mut();
        if line.level >= Level::Warn && lines.len() < MOST_LINES {
            lines.push(line);
        }
    }
}

/// What fails between the functions and the world, and when.
pub struct Trouble {
    transport: Arc<FaultyTransport>,
    invocations: RefCell<InvocationFaults>,
}

impl Trouble {
    /// Faults by `plan` on the `network` to `world`, from `from` and before `until`: the end of a run is judged at rest.
    pub fn new(
        world: &World,
        network: SharedTransport,
        plan: FaultPlan,
        seed: u64,
        from: Timestamp,
        until: Timestamp,
    ) -> Trouble {
        let hosts = Hosts { venue: EXCHANGE_HOST.to_owned(), model: MODEL_HOST.to_owned() };
        let invocations = InvocationFaults::new(seed, &plan).within(from, until);
        let transport = FaultyTransport::new(network, world.clock.shared(), seed, plan)
            .with_exchange(world.exchange.clone())
            .with_hosts(hosts)
            .taking_time(world.clock.clone())
            .within(from, until);
        Trouble { transport: Arc::new(transport), invocations: RefCell::new(invocations) }
    }
    /// The network with its faults.
    pub fn network(&self) -> SharedTransport {
        self.transport.clone()
    }
    /// How often each kind happened.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = self.transport.counts();
        counts.extend(self.invocations.borrow().counts());
        counts
    }
}

/// The person who answers approvals, over a network that works.
pub struct Person {
    tables: DynamoTables,
    settings: Settings,
    wait: Millis,
}

impl Person {
    /// Who answers as `approve` says; nobody where nothing is asked or answered.
    pub fn new(world: &World, settings: &Settings, approve: Approve) -> Option<Person> {
        let wait = match approve {
            Approve::None => return None,
            Approve::All => Millis(0),
            Approve::After(minutes) => Millis::from_minutes(i64::from(minutes)),
        };
        let tables = world.aws_ports(&world.network()).tables;
        (settings.safety_mode == SafetyMode::TwoPhase).then(|| Person {
            tables,
            settings: settings.clone(),
            wait,
        })
    }
}

/// Everything that the loop needs.
pub struct Stage {
    /// The stage's name.
    pub env: Env,
    /// The world.
    pub world: World,
    /// What fails.
    pub trouble: Trouble,
    /// The ports over AWS, as the functions have them.
    pub aws: AwsPorts,
    /// The model.
    pub mind: Mind,
    /// Who answers approvals.
    pub person: Option<Person>,
    /// What the functions said.
    pub journal: Journal,
    markets: MarketOnly,
    account: ReadOnly,
    trading: Trading,
    trails: Trails,
}

/// What each function's warm process remembers of its shard.
#[derive(Debug, Default)]
struct Trails {
    decide: Trail,
    execute: Trail,
    reconcile: Trail,
}

/// What the loop itself measures.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Minutes that the functions were woken for.
    pub ticks: u64,
    /// Hourly marks of the account.
    pub equity: Vec<EquityPoint>,
}

impl Stage {
    /// A stage over `world`.
    pub fn new(env: Env, world: World, trouble: Trouble, mind: Mind, person: Option<Person>) -> Stage {
        let network = trouble.network();
        Stage {
            aws: world.aws_ports(&network),
            markets: MarketOnly::new(&world, &network),
            account: ReadOnly::new(&world, &network),
            trading: Trading::new(&world, &network),
            journal: Journal::default(),
            trails: Trails::default(),
            env,
            world,
            trouble,
            mind,
            person,
        }
    }

    /// One minute: decide, execute, every fifth minute reconcile, then heartbeat.
    pub async fn minute(&self, minute: Timestamp) {
        self.wake(Function::Decide, minute, DECIDE_AT).await;
        self.answer_approvals().await;
        self.wake(Function::Execute, minute, EXECUTE_AT).await;
        if minute.minute_number().rem_euclid(Function::Reconcile.period_minutes()) == 0 {
            self.wake(Function::Reconcile, minute, RECONCILE_AT).await;
        }
        self.wake(Function::Heartbeat, minute, HEARTBEAT_AT).await;
    }

    async fn answer_approvals(&self) {
        let Some(person) = &self.person else { return };
        let (key, now) = (Secret::new(APPROVAL_KEY.to_owned()), self.world.clock.now());
        let answered =
            approve_due(&person.tables, &key, &self.env, &person.settings, person.wait, "paper", now).await;
        if let Err(error) = answered {
            self.journal.write(Line::new(Level::Warn, now, "approval not given").with("error", error));
        }
    }

    /// Wakes one function for `minute`, as its schedule manages to.
    async fn wake(&self, function: Function, minute: Timestamp, after: Millis) {
        let tick = Tick { shard: SHARD, of: 1, scheduled_at: minute };
        let how = self.trouble.invocations.borrow_mut().next(function, minute);
        self.at(minute + after).await;
        match how {
            Invocation::Once => self.invoke(function, tick).await,
            Invocation::Skipped => {}
            Invocation::Twice => {
                self.invoke(function, tick).await;
                self.invoke(function, tick).await;
            }
            Invocation::Late(by) => {
                self.at(minute + after + by).await;
                self.invoke(function, tick).await;
            }
            Invocation::Crash { after_calls } => self.crash(function, tick, after_calls).await,
        }
    }

    /// The process dies at one of its calls; what it had not done by then stays undone.
    async fn crash(&self, function: Function, tick: Tick, after_calls: u32) {
        self.trouble.transport.arm_crash(after_calls);
        tokio::select! {
            () = self.invoke(function, tick) => {}
            () = self.trouble.transport.crashed() => {}
        }
        self.trouble.transport.disarm_crash();
    }

    async fn invoke(&self, function: Function, tick: Tick) {
        match function {
            Function::Decide => self.decide(tick).await,
            Function::Execute => self.execute(tick).await,
            Function::Reconcile => self.reconcile(tick).await,
            Function::Heartbeat => self.heartbeat(tick).await,
        }
    }

    /// Moves the world on. Late requests arrive at their own time, before the exchange goes on.
    async fn at(&self, time: Timestamp) {
        self.world.clock.set(time);
        self.trouble.transport.tick().await;
        self.world.exchange.advance(self.world.clock.now());
    }

    fn deadline(&self) -> Timestamp {
        self.world.clock.now() + TIMEOUT
    }

    async fn decide(&self, tick: Tick) {
        let ports = decide::Ports {
            tables: &self.aws.tables,
            trail: &self.trails.decide,
            venues: &self.markets,
            model: &self.mind,
            clock: &self.world.clock,
            log: &self.journal,
        };
        self.mind.tape().turn_to(tick.scheduled_at);
        let result = decide::handle(tick, self.deadline(), &self.env, &ports).await;
        self.note(Function::Decide, result.err());
    }

    async fn execute(&self, tick: Tick) {
        let shift = execute::turn::Shift {
            env: &self.env,
            tick,
            deadline: self.deadline(),
            tables: &self.aws.tables,
            trail: &self.trails.execute,
            clock: &self.world.clock,
            log: &self.journal,
            approval_key: Some(Secret::new(APPROVAL_KEY.to_owned())),
        };
        let result = execute::handle(&shift, &self.trading).await;
        self.note(Function::Execute, result.err());
    }

    async fn reconcile(&self, tick: Tick) {
        let ports = reconcile::Ports {
            tables: &self.aws.tables,
            trail: &self.trails.reconcile,
            accounts: &self.account,
            clock: &self.world.clock,
            log: &self.journal,
        };
        let result = reconcile::handle(tick, self.deadline(), &ports).await;
        self.note(Function::Reconcile, result.err());
    }

    async fn heartbeat(&self, tick: Tick) {
        let ports = heartbeat::Ports {
            tables: &self.aws.tables,
            publish: &self.aws.topics,
            gauge: &self.aws.gauge,
            clock: &self.world.clock,
            log: &self.journal,
        };
        let result = heartbeat::handle(tick, &self.world.names, &ports).await;
        self.note(Function::Heartbeat, result.err());
    }

    /// An invocation that failed as a whole; the next tick is the retry.
    fn note(&self, function: Function, error: Option<impl std::fmt::Display>) {
        if let Some(error) = error {
            let line = Line::new(Level::Error, self.world.clock.now(), "invocation failed");
            self.journal.write(line.with("function", function.as_str()).with("error", error));
        }
    }

    /// Everything that the exchange holds for us, in quote.
    pub fn equity(&self, quote: &str, base: &str) -> Decimal {
        let price = self.world.exchange.mark_price(self.world.clock.now()).unwrap_or_default();
        let value = |(asset, balance): (&std::sync::Arc<str>, &sim::exchange::Balance)| match &**asset {
            asset if asset == quote => balance.total(),
            asset if asset == base => balance.total() * price,
            "BNB" => balance.total() * BNB_PRICE,
            _ => Decimal::ZERO,
        };
        self.world.exchange.balances().iter().map(value).sum()
    }
}

/// The simulated exchange's fixed price of BNB in quote.
pub const BNB_PRICE: Decimal = Decimal::from_parts(300, 0, 0, false, 0);

/// The status in which the strategy begins: it earns `running` by itself.
pub const FIRST_STATUS: Status = Status::Warmup;

/// Hourly bars of the candles.
pub fn bars(candles: &[Candle]) -> Vec<Bar> {
    let bar = |hour: &[Candle]| {
        let (first, last) = (hour.first()?, hour.last()?);
        Some(Bar {
            at: first.open_time,
            open: first.open,
            high: hour.iter().map(|candle| candle.high).max()?,
            low: hour.iter().map(|candle| candle.low).min()?,
            close: last.close,
        })
    };
    candles.chunks(60).filter_map(bar).collect()
}
