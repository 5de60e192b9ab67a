//! Walks through every fault at every call: one at a time, or two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::drive::{Ended, run};
use super::effects::{Call, Faults};
use super::judge::{Violation, judge, reached};
use super::mutants::Mutant;
use super::phases::{Method, Phase};
use super::replay::Replay;
use super::scenario::Scenario;
use super::world::Manner;
use shared::tables::Function;
use shared::time::Millis;

/// What a campaign found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Runs.
    pub runs: usize,
    /// Calls of each scenario where nothing fails.
    pub calls: BTreeMap<&'static str, usize>,
    /// How often a method suffered a phase.
    pub suffered: BTreeMap<(Method, Phase), usize>,
    /// Replay line and what it broke.
    pub violations: Vec<(String, Violation)>,
}

impl Findings {
    fn add(&mut self, other: Findings) {
        self.runs += other.runs;
        self.calls.extend(other.calls);
        for (key, times) in other.suffered {
            *self.suffered.entry(key).or_default() += times;
        }
        self.violations.extend(other.violations);
    }

    /// Every phase of every method that was not reached though it can be suffered.
    pub fn not_reached(&self) -> Vec<(Method, Phase)> {
        let all = Method::ALL.into_iter().flat_map(|method| method.suffers().iter().map(move |phase| (method, *phase)));
        all.filter(|pair| !self.suffered.contains_key(pair)).collect()
    }
}

/// What one run was and broke.
pub fn one(scenario: &Scenario, manner: &Manner) -> (Ended, Vec<Violation>) {
    let ended = run(scenario, manner);
    let mut found = judge(&ended, manner);
    if manner.faults.is_empty() && manner.mutant.is_none() {
        let reached = reached(&ended);
        found.extend(scenario.reaches.iter().filter(|one| !reached.contains(**one)).map(|one| Violation {
            invariant: "REACHES",
            what: format!("{one} was not reached, but {reached:?}"),
        }));
    }
    found.sort();
    found.dedup();
    (ended, found)
}

/// Which faults of depth 1 there are: every call, every phase that it can suffer.
pub fn faults_of(calls: &[Call]) -> Vec<Faults> {
    let each = calls.iter().enumerate();
    let pairs = each.flat_map(|(number, call)| call.method.suffers().iter().map(move |phase| (number, *phase)));
    pairs.map(|pair| Faults::from([pair])).collect()
}

/// How much of depth 1 is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Every call in every phase.
    Whole,
    /// What `cargo test` walks through. A call that repeats an earlier one of its scenario (same function, method
    /// and subject) is left out, and so is a call of heartbeat outside the scenarios that are about pages.
    /// A read that is not left out dies, fails, is old, or freezes once: at a freeze the effects that follow
    /// meet the longer ones.
    Thinned,
}

/// The faults of depth 1 that are walked through.
fn share_of(scenario: &Scenario, calls: &[Call], share: Share) -> Vec<Faults> {
    let all = faults_of(calls);
    if share == Share::Whole {
        return all;
    }
    let mut seen = BTreeSet::new();
    let first: Vec<bool> =
        calls.iter().map(|call| seen.insert((call.function.as_str(), call.method, call.what.clone()))).collect();
    let is_in = |(number, phase): (&usize, &Phase)| {
        let call = &calls[*number];
        let watched = call.function != Function::Heartbeat || !scenario.pages.is_empty();
        let short = [Phase::CrashBefore, Phase::Fails, Phase::Frozen, Phase::Stale].contains(phase);
        watched && first[*number] && (call.method.has_effect() || short)
    };
    all.into_iter().filter(|faults| faults.iter().all(is_in)).collect()
}

/// Every way in which two invocations of one event can switch up to twice: the first makes `i` calls, the
/// second `j`, then each goes on to its end.
pub fn meetings_of(ended: &Ended, share: Share) -> Vec<Faults> {
    let calls = ended.world.effects.calls();
    let mut found = Vec::new();
    for (first, second) in ended.pairs.iter().copied() {
        let of = |invocation| calls.iter().filter(|call| call.invocation == invocation).count();
        let from = calls.iter().position(|call| call.invocation == first).unwrap_or_default();
        let (most_first, most_second) = (of(first), of(first).max(of(second)));
        for i in 0..most_first {
            // Thinned, the second goes on to its end.
            let from_second = if share == Share::Whole { 1 } else { most_second };
            for j in from_second..=most_second {
                let switches = [from + i, from + i + 1 + j];
                found.push(switches.map(|number| (number, Phase::Switch)).into());
            }
        }
    }
    found
}

/// Depth 1 of these scenarios, on `threads` threads.
pub fn depth_one(scenarios: &[Scenario], share: Share, threads: usize) -> Findings {
    let mut jobs = Vec::new();
    let mut findings = Findings::default();
    for scenario in scenarios {
        let (ended, found) = one(scenario, &Manner::default());
        let calls = ended.world.effects.calls();
        findings.runs += 1;
        findings.calls.insert(scenario.name, calls.len());
        note(&mut findings, scenario, &Manner::default(), found);
        let each_of = share_of(scenario, &calls, share).into_iter().chain(meetings_of(&ended, share));
        jobs.extend(each_of.map(|faults| (scenario.clone(), faults)));
    }
    findings.add(each(&jobs, threads, |(scenario, faults)| {
        judged(scenario, &Manner { faults: faults.clone(), ..Manner::default() })
    }));
    findings
}

fn note(findings: &mut Findings, scenario: &Scenario, manner: &Manner, found: Vec<Violation>) {
    let line = Replay { scenario: scenario.clone(), manner: manner.clone() }.to_string();
    findings.violations.extend(found.into_iter().map(|violation| (line.clone(), violation)));
}

/// Judges one run.
fn judged(scenario: &Scenario, manner: &Manner) -> Findings {
    let (ended, found) = one(scenario, manner);
    let mut findings = Findings { runs: 1, ..Findings::default() };
    for pair in ended.world.effects.suffered() {
        *findings.suffered.entry(pair).or_default() += 1;
    }
    note(&mut findings, scenario, manner, found);
    findings
}

/// Does every job on `threads` threads; each run is single-threaded, so the order does not matter.
fn each<J: Sync>(jobs: &[J], threads: usize, run: impl Fn(&J) -> Findings + Sync) -> Findings {
    let (next, findings) = (AtomicUsize::new(0), Mutex::new(Findings::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut own = Findings::default();
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.add(run(job));
                }
                findings.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    let mut findings = findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.violations.sort();
    findings
}

/// Every scenario where nothing fails.
pub fn fault_free(scenarios: &[Scenario]) -> Findings {
    let mut findings = Findings::default();
    for scenario in scenarios {
        let (ended, found) = one(scenario, &Manner::default());
        findings.runs += 1;
        findings.calls.insert(scenario.name, ended.world.effects.calls().len());
        note(&mut findings, scenario, &Manner::default(), found);
    }
    findings
}

/// The calls between the first send's submit and the end of what recovers from it: the rest of that minute and
/// the next two.
const WINDOW: Millis = Millis::from_minutes(2);

/// Depth 2 of the core scenarios: every pair of faults within the window from a send to its recovery. The
/// second is one of the calls that are made once the first has happened.
pub fn depth_two(scenarios: &[Scenario], threads: usize) -> Findings {
    let mut findings = Findings::default();
    for scenario in scenarios.iter().filter(|scenario| scenario.core) {
        let (ended, _) = one(scenario, &Manner::default());
        let calls = ended.world.effects.calls();
        findings.calls.insert(scenario.name, calls.len());
        let window = window(&calls);
        let first = faults_of(&calls).into_iter().filter(|faults| faults.keys().all(|at| window.contains(at)));
        let jobs: Vec<(Scenario, Faults)> = first.map(|faults| (scenario.clone(), faults)).collect();
        findings.add(each(&jobs, threads, |(scenario, faults)| second(scenario, faults)));
    }
    findings.violations.sort();
    findings
}

/// Numbers of the calls from the submit before the first send that matters to the end of its recovery.
fn window(calls: &[Call]) -> std::ops::Range<usize> {
    let Some(send) = calls.iter().position(|call| call.method == Method::Place) else { return 0..0 };
    let until = calls[send].at + WINDOW;
    let end = calls.iter().position(|call| call.at > until).unwrap_or(calls.len());
    send.saturating_sub(1)..end
}

/// Every second fault after a first one.
fn second(scenario: &Scenario, first: &Faults) -> Findings {
    let manner = Manner { faults: first.clone(), ..Manner::default() };
    let (ended, _) = one(scenario, &manner);
    let calls = ended.world.effects.calls();
    let from = first.keys().max().map_or(0, |at| at + 1);
    let until = window(&calls).end;
    let mut findings = Findings::default();
    for faults in faults_of(&calls) {
        if faults.keys().all(|at| (from..until).contains(at)) {
            let both = first.iter().chain(&faults).map(|(at, phase)| (*at, *phase)).collect();
            findings.add(judged(scenario, &Manner { faults: both, ..Manner::default() }));
        }
    }
    findings
}

/// What became of a protocol bug.
#[derive(Debug)]
pub struct Caught {
    /// The bug.
    pub mutant: Mutant,
    /// Runs until it was caught, or all.
    pub runs: usize,
    /// The invariants that caught it.
    pub by: BTreeSet<&'static str>,
    /// The run that caught it.
    pub line: Option<String>,
}

/// Puts every protocol bug in, and walks through faults until an invariant catches it.
pub fn mutants(scenarios: &[Scenario], threads: usize) -> Vec<Caught> {
    let (next, caught) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = catch(*mutant, scenarios);
                    caught.lock().unwrap_or_else(PoisonError::into_inner).push(found);
                }
            });
        }
    });
    let mut caught = caught.into_inner().unwrap_or_else(PoisonError::into_inner);
    caught.sort_by_key(|one| one.mutant);
    caught
}

/// Without a fault first, then with one fault in those calls that have an effect, then in all.
fn catch(mutant: Mutant, scenarios: &[Scenario]) -> Caught {
    let mut caught = Caught { mutant, runs: 0, by: BTreeSet::new(), line: None };
    let mut traces = Vec::new();
    for scenario in scenarios {
        let (ended, _) = one(scenario, &Manner { mutant: Some(mutant), ..Manner::default() });
        traces.push(ended.world.effects.calls());
        if caught.tries(scenario, Faults::new()) {
            return caught;
        }
    }
    for effects in [true, false] {
        for (scenario, calls) in scenarios.iter().zip(&traces) {
            for faults in faults_of(calls) {
                let is_one = |at: &usize| calls.get(*at).is_some_and(|call| call.method.has_effect() == effects);
                if faults.keys().all(is_one) && caught.tries(scenario, faults) {
                    return caught;
                }
            }
        }
    }
    caught
}

impl Caught {
    fn tries(&mut self, scenario: &Scenario, faults: Faults) -> bool {
        let manner = Manner { mutant: Some(self.mutant), faults, ..Manner::default() };
        let (_, found) = one(scenario, &manner);
        self.runs += 1;
        self.by.extend(found.iter().map(|violation| violation.invariant));
        let is_caught = !self.by.is_empty();
        self.line = is_caught.then(|| Replay { scenario: scenario.clone(), manner }.to_string());
        is_caught
    }
}
