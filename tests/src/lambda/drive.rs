//! Invokes the functions in the order of a strategy's life and keeps what each invocation cost.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::tables::{Function, Table};
use shared::time::Millis;
use sim::runtime_api::{Function as Process, Invocation, InvokeError, Program};

use super::build::Binaries;
use super::fleet::Fleet;
use super::meters::Counts;
use super::stats::{Findings, Resident, Sample, Trouble};
use super::world::World;
use super::{Failure, books};

/// Shards that there are, as the events say.
const OF: u32 = 1_000_000;
/// Logs are read after this many invocations, before older lines are forgotten.
const LOGS_EVERY: u32 = 100;
/// Invocations of the phases that only look at what the main ones left behind.
const AFTERWARDS: u32 = 100;
/// Cycles of strategies that have been served before, an hour of a warm process and more.
const AGAIN: &str = "again";

/// The four processes and the world around them.
#[derive(Debug)]
pub struct Runner<'w> {
    world: &'w World,
    processes: BTreeMap<Function, Process>,
}

/// One kind of tick.
#[derive(Debug, Clone, Copy)]
struct Phase<'f> {
    function: Function,
    what: &'static str,
    fleet: &'f Fleet,
    times: u32,
}

impl Phase<'_> {
    /// How many strategies one invocation serves: heartbeat sees them all.
    const fn served(&self) -> u32 {
        match self.function {
            Function::Heartbeat => self.fleet.size,
            Function::Decide | Function::Execute | Function::Reconcile => 1,
        }
    }
}

impl<'w> Runner<'w> {
    /// Starts the four processes.
    pub async fn start(world: &'w World, binaries: &Binaries) -> Result<Runner<'w>, Failure> {
        let mut processes = BTreeMap::new();
        for (function, path) in binaries {
            let program = Program::new(path).named(function.as_str()).timeout(timeout(*function));
            let program = world.env.iter().fold(program, |program, (name, value)| program.env(name, value));
            processes.insert(*function, Process::start(program).await?);
        }
        Ok(Runner { world, processes })
    }

    async fn invoke(&self, phase: Phase<'_>, nth: u32, findings: &mut Findings) {
        let Some(process) = self.processes.get(&phase.function) else { return };
        let at = self.world.now().minute();
        let event = json!({"shard": phase.fleet.shard(nth), "of": OF, "scheduled_at": at.to_string()});
        let before = self.world.counts();
        let outcome = process.invoke(&event).await;
        let counts = self.world.counts().since(&before);
        judge(phase, nth, &outcome, &mut findings.trouble);
        if let Ok(invocation) = outcome {
            findings.cold(phase.function, &invocation);
            let own = findings.own(phase.function, process.processor_time().ok());
            let took = invocation.duration;
            findings.add(
                phase.function,
                label(phase, &counts),
                Sample { counts, took, own, served: phase.served() },
            );
        }
        if nth.is_multiple_of(LOGS_EVERY) {
            self.read_logs(phase.function, findings);
        }
    }

    async fn go(&self, phase: Phase<'_>, findings: &mut Findings) {
        for nth in 0..phase.times {
            self.invoke(phase, nth, findings).await;
            if nth == 0 {
                self.weigh(phase.function, findings);
            }
        }
        self.weigh(phase.function, findings);
        self.read_logs(phase.function, findings);
    }

    fn weigh(&self, function: Function, findings: &mut Findings) {
        let Some(process) = self.processes.get(&function) else { return };
        if let Ok(memory) = process.resident() {
            findings.weighed(function, memory.peak_kib, process.starts());
        }
    }

    fn read_logs(&self, function: Function, findings: &mut Findings) {
        let Some(process) = self.processes.get(&function) else { return };
        for line in process.take_logs() {
            findings.trouble.read(function, &line);
        }
    }
}

impl Runner<'_> {
    /// Strategies that do nothing: watched `times` times, then ticked once each.
    async fn quiet(&self, idle: &Fleet, times: u32, findings: &mut Findings) -> Result<(), Failure> {
        let phase = |function, what, times| Phase { function, what, fleet: idle, times };
        idle.apply(self.world, self.world.now()).await?;
        self.go(phase(Function::Reconcile, "first look", idle.size), findings).await;
        // Done while all beats are fresh: in real time they are stale after two minutes.
        self.go(phase(Function::Heartbeat, "all is well", times), findings).await;
        self.go(phase(Function::Decide, "idle", idle.size), findings).await;
        // The first tick of an account reads its key.
        self.go(phase(Function::Execute, "first idle", idle.size), findings).await;
        self.go(phase(Function::Execute, "idle", idle.size), findings).await;
        Ok(())
    }

    /// Strategies that buy: a first look, a cycle and an order for each, then what follows it.
    async fn busy(&self, load: &Fleet, findings: &mut Findings) -> Result<(), Failure> {
        let phase = |function, what, times| Phase { function, what, fleet: load, times };
        load.apply(self.world, self.world.now()).await?;
        self.go(phase(Function::Reconcile, "first look", load.size), findings).await;
        for nth in 0..load.size {
            self.invoke(phase(Function::Decide, "cycle", load.size), nth, findings).await;
            self.invoke(phase(Function::Execute, "intent", load.size), nth, findings).await;
        }
        let few = load.size.min(AFTERWARDS);
        self.go(phase(Function::Execute, "position held", few), findings).await;
        self.go(phase(Function::Reconcile, "after orders", few), findings).await;
        [Function::Decide, Function::Execute].iter().for_each(|function| self.weigh(*function, findings));
        self.read_logs(Function::Decide, findings);
        self.invoke(phase(Function::Heartbeat, "whole fleet", 1), 0, findings).await;
        self.read_logs(Function::Heartbeat, findings);
        let watcher = self.processes.get(&Function::Heartbeat).and_then(|process| process.resident().ok());
        findings.whole_fleet_kib = watcher.map_or(0, |memory| memory.peak_kib);
        Ok(())
    }

    /// The same process decides for the same strategies round after round, and is weighed after each. A thousand take
    /// about a minute, so that nearly all are due again.
    async fn again(&self, load: &Fleet, rounds: u32, findings: &mut Findings) {
        for _ in 0..rounds {
            self.go(
                Phase { function: Function::Decide, what: AGAIN, fleet: load, times: load.size },
                findings,
            )
            .await;
            let process = self.processes.get(&Function::Decide);
            let resident = process.and_then(|process| process.resident().ok());
            findings.rounds_kib.extend(resident.map(|memory| memory.rss_kib));
        }
    }
}

/// Every phase, then what the world looks like.
pub async fn everything(
    runner: &Runner<'_>,
    load: &Fleet,
    idle: &Fleet,
    rounds: u32,
) -> Result<Findings, Failure> {
    let world = runner.world;
    let mut findings = Findings::new(runner.processes.iter().map(|(function, process)| {
        let bytes = std::fs::metadata(process.program().path()).map_or(0, |file| file.len());
        (*function, Resident { bytes, ..Resident::default() })
    }));
    runner.quiet(idle, load.size, &mut findings).await?;
    runner.busy(load, &mut findings).await?;
    runner.again(load, rounds, &mut findings).await;
    findings.books = books::compare(world)?;
    findings.filled = filled(world);
    findings.held_back = held_back(world)?;
    findings.pages = world.aws.meters().sns_publishes;
    Ok(findings)
}

/// Entries that filled.
fn filled(world: &World) -> u64 {
    let accounts = world.venues.accounts();
    let orders = accounts.values().flat_map(|exchange| exchange.orders());
    let filled = orders.filter(|order| order.status == sim::exchange::OrderStatus::Filled).count();
    u64::try_from(filled).unwrap_or(u64::MAX)
}

/// What came of the first decision without an order.
fn held_back(world: &World) -> Result<Option<String>, Failure> {
    let decisions = world.items(Table::Decisions)?;
    let idle = decisions.iter().find(|item| !item.contains_key("order_id"));
    Ok(idle.map(|item| {
        let text = |name: &str| item.get(name).and_then(|attr| attr.get("S")?.as_str()).unwrap_or("?");
        format!("{} {}: {}", text("strategy_id"), text("outcome"), text("reason"))
    }))
}

/// As in the stack; see contract section 6.
const fn timeout(function: Function) -> Millis {
    Millis::from_secs(match function {
        Function::Decide => 120,
        Function::Execute | Function::Heartbeat => 55,
        Function::Reconcile => 120,
    })
}

/// A cycle is told apart by what the model was asked and said.
fn label(phase: Phase<'_>, counts: &Counts) -> &'static str {
    match (phase.function, counts.model, counts.opens) {
        (Function::Decide, ..) if phase.what == AGAIN => AGAIN,
        (Function::Decide, 0, _) => "idle",
        (Function::Decide, _, 0) => "hold",
        (Function::Decide, _, _) => "with intent",
        (Function::Execute | Function::Heartbeat | Function::Reconcile, _, _) => phase.what,
    }
}

fn judge(phase: Phase<'_>, nth: u32, outcome: &Result<Invocation, InvokeError>, trouble: &mut Trouble) {
    let name = phase.fleet.name(nth);
    match outcome {
        Ok(done) if done.response.get("success").and_then(Value::as_bool) == Some(false) => {
            trouble.error(phase.function, format!("{name}: {}", done.response));
        }
        Ok(_) => {}
        Err(error) => trouble.error(phase.function, format!("{name}: {error}")),
    }
}
