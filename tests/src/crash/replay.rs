//! One run as one line: `scenario=entry_market faults=3:P5,7:P1`, and back.

use std::fmt;

use super::effects::Faults;
use super::mutants::Mutant;
use super::phases::Phase;
use super::scenario::Scenario;
use super::scenarios;
use super::world::Manner;

/// A run that can be repeated.
#[derive(Clone)]
pub struct Replay {
    /// The scenario.
    pub scenario: Scenario,
    /// What befalls which call, and the bug that is put in.
    pub manner: Manner,
}

/// A line that names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLine(String);

impl Replay {
    /// Reads a line.
    pub fn parse(line: &str) -> Result<Replay, BadLine> {
        let (mut scenario, mut manner) = (None, Manner::default());
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some(("scenario", name)) => scenario = Some(find(name)?),
                Some(("faults", list)) => manner.faults = faults(list)?,
                Some(("mutant", name)) => manner.mutant = Some(mutant(name)?),
                _ => {
                    return Err(BadLine(format!(
                        "{word}: use scenario=NAME faults=NUMBER:PHASE,… mutant=NAME"
                    )));
                }
            }
        }
        let scenario = scenario.ok_or_else(|| BadLine("scenario=NAME is missing".to_owned()))?;
        Ok(Replay { scenario, manner })
    }
}

/// The scenario of this name.
pub fn find(name: &str) -> Result<Scenario, BadLine> {
    let known = || scenarios::all().iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
    scenarios::named(name).ok_or_else(|| BadLine(format!("no scenario {name}; there are {}", known())))
}

fn mutant(name: &str) -> Result<Mutant, BadLine> {
    let known = || Mutant::ALL.map(Mutant::as_str).join(", ");
    let found = Mutant::ALL.into_iter().find(|one| one.as_str() == name);
    found.ok_or_else(|| BadLine(format!("no mutant {name}; there are {}", known())))
}

fn faults(list: &str) -> Result<Faults, BadLine> {
    let fault = |word: &str| {
        let (number, phase) = word.split_once(':')?;
        Some((number.parse().ok()?, Phase::parse(phase)?))
    };
    let bad = |word: &str| {
        let phases = Phase::ALL.map(Phase::as_str).join(", ");
        BadLine(format!("fault {word}: write NUMBER:PHASE with one of {phases}"))
    };
    let words = list.split(',').filter(|word| !word.is_empty());
    words.map(|word| fault(word).ok_or_else(|| bad(word))).collect()
}

impl fmt::Display for Replay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.manner.faults.iter();
        let faults: Vec<String> = faults.map(|(number, phase)| format!("{number}:{phase}")).collect();
        write!(out, "scenario={} faults={}", self.scenario.name, faults.join(","))?;
        match self.manner.mutant {
            Some(mutant) => write!(out, " mutant={}", mutant.as_str()),
            None => Ok(()),
        }
    }
}
