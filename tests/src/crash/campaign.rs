//! Walks through every fault at every call: one at a time, or two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::drive::{Ended, run};
use super::effects::{Call, Faults};
use super::judge::{Violation, judge, reached};
use super::phases::{Method, Phase};
use super::replay::Replay;
use super::scenario::Scenario;
use super::world::Manner;

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

/// Depth 1 of these scenarios, on `threads` threads.
pub fn depth_one(scenarios: &[Scenario], threads: usize) -> Findings {
    let mut jobs = Vec::new();
    let mut findings = Findings::default();
    for scenario in scenarios {
        let (ended, found) = one(scenario, &Manner::default());
        let calls = ended.world.effects.calls();
        findings.runs += 1;
        findings.calls.insert(scenario.name, calls.len());
        note(&mut findings, scenario, &Manner::default(), found);
        jobs.extend(faults_of(&calls).into_iter().map(|faults| (scenario.clone(), faults)));
    }
    findings.add(all(&jobs, threads));
    findings
}

fn note(findings: &mut Findings, scenario: &Scenario, manner: &Manner, found: Vec<Violation>) {
    let line = Replay { scenario: scenario.clone(), manner: manner.clone() }.to_string();
    findings.violations.extend(found.into_iter().map(|violation| (line.clone(), violation)));
}

/// Runs every job; each run is single-threaded, so the order does not matter.
fn all(jobs: &[(Scenario, Faults)], threads: usize) -> Findings {
    let (next, findings) = (AtomicUsize::new(0), Mutex::new(Findings::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut own = Findings::default();
                while let Some((scenario, faults)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let manner = Manner { faults: faults.clone(), ..Manner::default() };
                    let (ended, found) = one(scenario, &manner);
                    own.runs += 1;
                    for pair in ended.world.effects.suffered() {
                        *own.suffered.entry(pair).or_default() += 1;
                    }
                    note(&mut own, scenario, &manner, found);
                }
                findings.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    let mut findings = findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.violations.sort();
    findings
}

/// Names of invariants that were broken.
pub fn broken(violations: &[(String, Violation)]) -> BTreeSet<&'static str> {
    violations.iter().map(|(_, violation)| violation.invariant).collect()
}
