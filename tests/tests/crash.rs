//! Crashes at every call: the harness over its scenarios, and the harness itself put to the test.

use tests::crash::campaign::{Share, depth_one, mutants};
use tests::crash::drive::run;
use tests::crash::mutants::Mutant;
use tests::crash::replay::Replay;
use tests::crash::scenarios;
use tests::crash::world::Manner;
use tests::permissions::{self, Permission};

/// Runs at once: the machines that this is measured on have two cores.
const THREADS: usize = 2;

#[test]
fn whatever_befalls_a_call_every_invariant_holds() {
    let findings = depth_one(&scenarios::all(), Share::Thinned, THREADS);
    let lines =
        findings.violations.iter().map(|(line, one)| format!("{} {}: {line}", one.invariant, one.what));
    assert_eq!(lines.collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(findings.not_reached(), [], "every method in every phase that it can suffer");
    assert!(findings.calls.len() >= 20 && findings.calls.values().all(|calls| *calls >= 15));
    let (needed, granted) = (findings.needed, permissions::granted().unwrap());
    assert_eq!(
        needed.difference(&granted).collect::<Vec<_>>(),
        [] as [&Permission; 0],
        "asked for, not allowed"
    );
    assert_eq!(
        granted.difference(&needed).collect::<Vec<_>>(),
        [] as [&Permission; 0],
        "allowed, never asked for"
    );
}

#[test]
fn every_protocol_bug_is_caught_by_an_invariant() {
    let found = mutants();
    let missed: Vec<String> =
        found.iter().filter(|one| !one.is_caught()).map(|one| format!("{one:?}")).collect();
    assert_eq!(missed, Vec::<String>::new());
    let tried = |mutant: &Mutant| found.iter().any(|one| one.mutant == *mutant);
    assert!(Mutant::ALL.iter().all(tried), "each of them");
}

#[test]
fn a_fresh_process_for_every_invocation_leaves_the_tables_of_a_warm_one() {
    for scenario in scenarios::all() {
        let tables = |fresh| {
            let manner = Manner { fresh, instant: true, ..Manner::default() };
            run(&scenario, &manner).world.tables.stream.store.snapshot()
        };
        assert_eq!(tables(true), tables(false), "{}", scenario.name);
    }
}

#[test]
fn a_run_is_one_line_and_the_line_is_the_run() {
    let line = "scenario=entry_market faults=3:P5,7:P1 mutant=no_fence";
    let replay = Replay::parse(line).unwrap();
    assert_eq!(replay.to_string(), line);
    let calls = |replay: &Replay| run(&replay.scenario, &replay.manner).world.effects.calls();
    assert_eq!(calls(&replay), calls(&replay));
}

#[test]
fn a_line_that_names_no_run_says_what_to_write() {
    for (line, words) in [
        ("faults=3:P5", "scenario=NAME is missing"),
        ("scenario=nothing", "no scenario nothing; there are entry_market"),
        ("scenario=entry_market faults=3:P99", "fault 3:P99: write NUMBER:PHASE"),
        ("scenario=entry_market faults=x:P1", "fault x:P1: write NUMBER:PHASE"),
        ("scenario=entry_market mutant=none", "no mutant none; there are"),
        ("entry_market", "entry_market: use scenario=NAME"),
    ] {
        let error = Replay::parse(line).err().unwrap().to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
