//! Walks through every fault at every call: one at a time, or two.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::permissions::Permission;

use super::drive::{Ended, run};
use super::effects::{Call, Faults};
use super::judge::{Violation, judge, reached};
use super::mutants::{CATCHES, Mutant};
use super::phases::{Method, Phase};
use super::replay::Replay;
use super::scenario::Scenario;
use super::scenarios;
use super::world::Manner;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};

/// What a campaign found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Runs.
    pub runs: usize,
    /// Calls of each scenario where nothing fails.
    pub calls: BTreeMap<&'static str, usize>,
    /// How often a method suffered a phase.
    pub suffered: BTreeMap<(Method, Phase), usize>,
    /// What the functions asked AWS for.
    pub needed: BTreeSet<Permission>,
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
        self.needed.extend(other.needed);
        self.violations.extend(other.violations);
    }

    /// Every phase of every method that was not reached though it can be suffered.
    pub fn not_reached(&self) -> Vec<(Method, Phase)> {
        let all = Method::ALL
            .into_iter()
            .flat_map(|method| method.suffers().iter().map(move |phase| (method, *phase)));
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
    let pairs =
        each.flat_map(|(number, call)| call.method.suffers().iter().map(move |phase| (number, *phase)));
    pairs.map(|pair| Faults::from([pair])).collect()
}

/// How much of depth 1 is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Every call in every phase.
    Whole,
    /// What `cargo test` walks through. Left out are calls that repeat an earlier one of their scenario (same
    /// function, method and subject); calls of a beginning that an earlier scenario has in common, for they are
    /// walked through there; calls of heartbeat outside the scenarios that are about pages; and, where only the
    /// exchange's manners differ, everything but sends and questions about orders. Outside the core scenarios an
    /// effect does not meet P3b, P5, P5b, P6, P7b and P7c. A read fails or is old: to
    /// die or freeze at it is to do so at the effect before or after. Whatever phase of a method all this leaves
    /// out is walked through once.
    Thinned,
}

/// The faults of depth 1 that are walked through, and those that are not.
fn share_of(
    scenario: &Scenario,
    calls: &[Call],
    known: &[Vec<Call>],
    share: Share,
) -> (Vec<Faults>, Vec<Faults>) {
    let all = faults_of(calls);
    if share == Share::Whole {
        return (all, Vec::new());
    }
    let common = known.iter().map(|other| alike(calls, other)).max().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let first: Vec<bool> = calls
        .iter()
        .map(|call| seen.insert((call.function.as_str(), call.method, call.what.clone())))
        .collect();
    let is_in = |(number, phase): (&usize, &Phase)| {
        let call = &calls[*number];
        let new = *number >= common || scenario.manners;
        let sends = [Method::Place, Method::Cancel, Method::Order].contains(&call.method);
        let watched = call.function != Function::Heartbeat || !scenario.pages.is_empty();
        let short = [Phase::Fails, Phase::Stale].contains(phase);
        let asked = new && watched && (sends || !scenario.manners);
        let rare = [
            Phase::Busy,
            Phase::GhostSoon,
            Phase::GhostLate,
            Phase::Twice,
            Phase::FrozenLong,
            Phase::FrozenPerson,
        ];
        let often = scenario.core || scenario.manners || !rare.contains(phase);
        asked && often && first[*number] && (call.method.has_effect() || short)
    };
    all.into_iter().partition(|faults| faults.iter().all(is_in))
}

/// How many calls two scenarios make alike from their beginning.
fn alike(one: &[Call], other: &[Call]) -> usize {
    let same = |(one, other): &(&Call, &Call)| {
        (one.function, one.method, &one.what) == (other.function, other.method, &other.what)
    };
    one.iter().zip(other).take_while(same).count()
}

/// How often two invocations of one event switch at most: each call of the one that goes on may be where the
/// other goes on instead, and after the last switch each goes on to its end.
const fn most_switches(share: Share) -> usize {
    match share {
        Share::Whole => 3,
        Share::Thinned => 1,
    }
}

/// The first switches of every meeting of a scenario: at each call of the invocation that begins.
fn meetings_of(ended: &Ended) -> Vec<Faults> {
    let calls = ended.world.effects.calls();
    let of = |first: usize| calls.iter().enumerate().filter(move |(_, call)| call.invocation == first);
    let first = ended.pairs.iter().flat_map(|(first, _)| of(*first));
    first.map(|(number, _)| Faults::from([(number, Phase::Switch)])).collect()
}

/// Where a meeting can switch next: at each call that the other one makes before it ends.
fn next_switches(ended: &Ended, switches: &Faults) -> Vec<usize> {
    let calls = ended.world.effects.calls();
    let Some((last, Phase::Switch)) = switches.last_key_value() else { return Vec::new() };
    let gone_on = calls.get(last + 1).map(|call| call.invocation);
    let is_met = ended.pairs.iter().any(|(one, other)| {
        let pair = [Some(*one), Some(*other)];
        pair.contains(&gone_on) && pair.contains(&Some(calls[*last].invocation))
    });
    if !is_met || gone_on == Some(calls[*last].invocation) {
        return Vec::new();
    }
    let after = calls.iter().enumerate().skip(last + 1);
    after.take_while(|(_, call)| Some(call.invocation) == gone_on).map(|(number, _)| number).collect()
}

/// One meeting, and every longer one that begins like it.
fn meet(scenario: &Scenario, switches: &Faults, most: usize) -> Findings {
    let manner = Manner { faults: switches.clone(), ..Manner::default() };
    let (ended, found) = one(scenario, &manner);
    let mut findings = noted(scenario, &manner, &ended, found);
    if switches.len() < most {
        for number in next_switches(&ended, switches) {
            let mut longer = switches.clone();
            longer.insert(number, Phase::Switch);
            findings.add(meet(scenario, &longer, most));
        }
    }
    findings
}

/// Depth 1 of these scenarios, on `threads` threads.
pub fn depth_one(scenarios: &[Scenario], share: Share, threads: usize) -> Findings {
    let (mut jobs, mut left_out, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let (mut findings, mut planned) = (Findings::default(), BTreeSet::new());
    for scenario in scenarios {
        let (ended, found) = one(scenario, &Manner::default());
        let calls = ended.world.effects.calls();
        findings.calls.insert(scenario.name, calls.len());
        findings.add(noted(scenario, &Manner::default(), &ended, found));
        let (walked, rest) = share_of(scenario, &calls, &known, share);
        planned.extend(walked.iter().flat_map(|faults| pairs(&calls, faults)));
        left_out.extend(rest.into_iter().map(|faults| (pairs(&calls, &faults), scenario.clone(), faults)));
        jobs.extend(walked.into_iter().chain(meetings_of(&ended)).map(|faults| (scenario.clone(), faults)));
        known.push(calls);
    }
    // However much is left out: no method is left out in any phase.
    for (pairs, scenario, faults) in left_out {
        if pairs.iter().any(|pair| planned.insert(*pair)) {
            jobs.push((scenario, faults));
        }
    }
    findings.add(each(&jobs, threads, |(scenario, faults)| meet(scenario, faults, most_switches(share))));
    findings
}

/// Which method suffers which phase.
fn pairs(calls: &[Call], faults: &Faults) -> Vec<(Method, Phase)> {
    faults.iter().map(|(number, phase)| (calls[*number].method, *phase)).collect()
}

/// What one run adds.
fn noted(scenario: &Scenario, manner: &Manner, ended: &Ended, found: Vec<Violation>) -> Findings {
    let needed = ended.world.effects.needed();
    let mut findings = Findings { runs: 1, needed, ..Findings::default() };
    for pair in ended.world.effects.suffered() {
        *findings.suffered.entry(pair).or_default() += 1;
    }
    if !found.is_empty() {
        let line = Replay { scenario: scenario.clone(), manner: manner.clone() }.to_string();
        findings.violations.extend(found.into_iter().map(|violation| (line.clone(), violation)));
    }
    findings
}

/// Judges one run.
fn judged(scenario: &Scenario, manner: &Manner) -> Findings {
    let (ended, found) = one(scenario, manner);
    noted(scenario, manner, &ended, found)
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
        findings.calls.insert(scenario.name, ended.world.effects.calls().len());
        findings.add(noted(scenario, &Manner::default(), &ended, found));
    }
    findings
}

/// The calls between the first send's submit and the end of what recovers from it: the rest of that minute and
/// the next two.
const WINDOW: Millis = Millis::from_minutes(2);

/// Depth 2 of the core scenarios: every pair of faults within the window from a send to its recovery. The
/// second is one of the calls that are made once the first has happened. Pairs that leave the same outside are
/// walked through once.
pub fn depth_two(scenarios: &[Scenario], threads: usize) -> Findings {
    let (mut findings, mut jobs) = (Findings::default(), Vec::new());
    for scenario in scenarios.iter().filter(|scenario| scenario.core) {
        let (ended, found) = one(scenario, &Manner::default());
        let calls = ended.world.effects.calls();
        findings.calls.insert(scenario.name, calls.len());
        findings.add(noted(scenario, &Manner::default(), &ended, found));
        let Some(window) = window(&calls) else { continue };
        let first = faults_of(&calls).into_iter().filter(|faults| {
            let mut each = faults.iter();
            each.all(|fault| window.contains(fault.0) && is_distinct(scenario, &calls, &Faults::new(), fault))
        });
        jobs.extend(first.map(|faults| (scenario.clone(), faults)));
    }
    findings.add(each(&jobs, threads, |(scenario, faults)| second(scenario, faults)));
    findings
}

/// Numbers of the calls from the submit before the first send to the end of its recovery.
fn window(calls: &[Call]) -> Option<Range<usize>> {
    let send = calls.iter().position(|call| call.method == Method::Place)?;
    Some(send.saturating_sub(1)..until(calls, calls[send].at))
}

/// The number of the first call after what recovers from something at `at`.
fn until(calls: &[Call], at: Timestamp) -> usize {
    calls.iter().position(|call| call.at > at + WINDOW).unwrap_or(calls.len())
}

/// Whether a fault leaves another outside than one that is walked through as well. A process that dies between
/// two effects dies the same death at each call between them: it is walked through at the first call of an
/// invocation, after each effect, and after a call that failed. And without anything that a person has yet to
/// do, freezing until they have done it is no fault. Depth 1 walks through all of them.
fn is_distinct(
    scenario: &Scenario,
    calls: &[Call],
    first: &Faults,
    (number, phase): (&usize, &Phase),
) -> bool {
    let call = &calls[*number];
    match phase {
        Phase::CrashBefore => {
            let same = |before: &usize| calls[*before].invocation == call.invocation;
            (0..*number).rev().find(same).is_none_or(|before| first.contains_key(&before))
        }
        Phase::FrozenPerson => scenario.acts.iter().any(|(minute, second, act)| {
            act.is_a_persons() && scenario.minute(*minute) + Millis::from_secs(*second) > call.at
        }),
        Phase::ReplyLost
        | Phase::CrashAfter
        | Phase::Fails
        | Phase::Busy
        | Phase::Refused
        | Phase::FailsApplied
        | Phase::GhostSoon
        | Phase::GhostLate
        | Phase::GhostAlive
        | Phase::Twice
        | Phase::Frozen
        | Phase::FrozenLong
        | Phase::Stale
        | Phase::Switch => true,
    }
}

/// A first fault, and every second one after it: to the end of the window, which begins with the send that is made
/// once the first fault has happened, or, where none is made any more, with the fault.
fn second(scenario: &Scenario, first: &Faults) -> Findings {
    let manner = Manner { faults: first.clone(), ..Manner::default() };
    let (ended, found) = one(scenario, &manner);
    let mut findings = noted(scenario, &manner, &ended, found);
    let calls = ended.world.effects.calls();
    let Some((at, _)) = first.last_key_value() else { return findings };
    let end = window(&calls).map_or_else(|| until(&calls, calls[*at].at), |window| window.end);
    for faults in faults_of(&calls) {
        let is_new = |fault: (&usize, &Phase)| {
            (at + 1..end).contains(fault.0) && is_distinct(scenario, &calls, first, fault)
        };
        if faults.iter().all(is_new) {
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
    /// The run that shows it.
    pub line: String,
    /// The invariant that must catch it there.
    pub expected: &'static str,
    /// Every invariant that was broken.
    pub by: BTreeSet<&'static str>,
}

impl Caught {
    /// Whether the named invariant caught it.
    pub fn is_caught(&self) -> bool {
        self.by.contains(self.expected)
    }
}

/// Puts every protocol bug in, each in the run that shows it; the same run without the bug breaks nothing.
pub fn mutants() -> Vec<Caught> {
    let caught = CATCHES.iter().map(|catch| {
        let scenario = scenarios::named(catch.scenario).expect("every bug names a scenario");
        let calls = one(&scenario, &Manner::default()).0.world.effects.calls();
        let fault = catch.fault.map(|(at, phase)| (at.number(&calls).expect("the call is made"), phase));
        let mut manner = Manner { faults: fault.into_iter().collect(), ..Manner::default() };
        let (_, sound) = one(&scenario, &manner);
        manner.mutant = Some(catch.mutant);
        let (_, found) = one(&scenario, &manner);
        let sound: BTreeSet<&str> = sound.iter().map(|violation| violation.invariant).collect();
        let by = found.iter().map(|violation| violation.invariant).filter(|name| !sound.contains(name));
        let by = by.collect();
        let line = Replay { scenario, manner }.to_string();
        Caught { mutant: catch.mutant, line, expected: catch.invariant, by }
    });
    caught.collect()
}
