//! What a function reads from its environment: parsed once, every problem reported at once.
//!
//! Pure: `main.rs` hands the variables over. A variable with our prefix that nobody knows is refused, so a
//! typo does not pass.

use std::collections::BTreeMap;

use crate::ids::{Egress, Env};
use crate::tables::{EnvVar, Names, PREFIX};
use crate::tick::StageKind;

/// What every variable of ours starts with.
const OURS: &str = "TRADAI_";

/// The variables, and what is wrong with them so far.
#[derive(Debug, Clone)]
pub struct Environment {
    vars: BTreeMap<String, String>,
    problems: Vec<String>,
}

/// Everything that is wrong with an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadEnvironment(pub Vec<String>);

/// The stage that a function serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What everything of it is called.
    pub names: Names,
    /// Which kind it is.
    pub kind: StageKind,
}

/// Where AWS is and who calls; Lambda itself sets these.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The region.
    pub region: String,
    /// Somewhere other than AWS itself: an emulator.
    pub endpoint: Option<String>,
    /// Identifies the key.
    pub access_key: String,
    /// Signs requests.
    pub secret_key: crate::secret::Secret,
    /// Goes with temporary keys.
    pub session_token: Option<crate::secret::Secret>,
}

impl Environment {
    /// Looks at `vars`; one that has our prefix and no meaning is a problem.
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Environment {
        let vars: BTreeMap<String, String> = vars.into_iter().collect();
        let known = |name: &str| EnvVar::ALL.into_iter().any(|var| var.as_str() == name);
        let unknown = vars.keys().filter(|name| name.starts_with(OURS) && !known(name));
        let problems = unknown.map(|name| format!("{name} is unknown")).collect();
        Environment { vars, problems }
    }

    /// A variable that must be there.
    pub fn need(&mut self, var: EnvVar) -> Option<String> {
        self.named(var.as_str())
    }

    /// A variable that may be there.
    pub fn maybe(&self, var: EnvVar) -> Option<String> {
        self.vars.get(var.as_str()).filter(|text| !text.is_empty()).cloned()
    }

    fn named(&mut self, name: &str) -> Option<String> {
        let value = self.vars.get(name).filter(|text| !text.is_empty()).cloned();
        if value.is_none() {
            self.problems.push(format!("{name} is missing"));
        }
        value
    }

    /// The stage.
    pub fn stage(&mut self) -> Option<Stage> {
        let (env, kind) = (self.need(EnvVar::Env), self.need(EnvVar::StageKind));
        let env = env.and_then(|text| match Env::parse(&text) {
            Ok(env) => Some(env),
            Err(why) => self.problem(EnvVar::Env, why),
        });
        let kind = kind.and_then(|text| match StageKind::parse(&text) {
            Some(kind) => Some(kind),
            None => self.problem(EnvVar::StageKind, format!("{text:?} is not dev, paper or live")),
        });
        let prefix = self.maybe(EnvVar::Prefix).unwrap_or_else(|| PREFIX.to_owned());
        Some(Stage { names: Names { prefix, env: env? }, kind: kind? })
    }

    fn problem<T>(&mut self, var: EnvVar, why: impl std::fmt::Display) -> Option<T> {
        self.problems.push(format!("{}: {why}", var.as_str()));
        None
    }

    /// The address from which venues are called; the one address of a stage that names none.
    pub fn egress(&mut self) -> Option<Egress> {
        let Some(text) = self.maybe(EnvVar::Egress) else { return Some(Egress::default()) };
        match Egress::parse(&text) {
            Ok(egress) => Some(egress),
            Err(why) => self.problem(EnvVar::Egress, why),
        }
    }

    /// Where AWS is and who calls.
    pub fn aws(&mut self) -> Option<Aws> {
        let region = self.named("AWS_REGION");
        let access_key = self.named("AWS_ACCESS_KEY_ID");
        let secret_key = self.named("AWS_SECRET_ACCESS_KEY");
        let secret = crate::secret::Secret::new;
        Some(Aws {
            region: region?,
            endpoint: self.vars.get("AWS_ENDPOINT_URL").cloned(),
            access_key: access_key?,
            secret_key: secret(secret_key?),
            session_token: self.vars.get("AWS_SESSION_TOKEN").cloned().map(secret),
        })
    }

    /// What was read, unless anything at all is wrong.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, BadEnvironment> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            Some(_) | None => Err(BadEnvironment(self.problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::new(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut read = environment(&[("TRADAI_STAGE_KIND", "prod"), ("TRADAI_EVN", "dev")]);
        let stage = read.stage();
        let aws = read.aws();
        let error = read.finish(stage.zip(aws)).unwrap_err().to_string();
        for part in ["TRADAI_EVN is unknown", "TRADAI_ENV is missing", "\"prod\"", "AWS_REGION is missing"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_egress_that_is_not_named_is_the_one_that_there_is() {
        assert_eq!(environment(&[]).egress().unwrap().as_str(), "default");
        assert_eq!(environment(&[("TRADAI_EGRESS", "nat-b")]).egress().unwrap().as_str(), "nat-b");
        let mut wrong = environment(&[("TRADAI_EGRESS", "a#b")]);
        let egress = wrong.egress();
        assert!(wrong.finish(egress).is_err());
    }

    #[test]
    fn a_stage_needs_its_name_and_kind_alone() {
        let mut read = environment(&[("TRADAI_ENV", "dev"), ("TRADAI_STAGE_KIND", "dev"), ("PATH", "x")]);
        let stage = read.stage();
        let stage = read.finish(stage).unwrap();
        assert_eq!((stage.names.prefix.as_str(), stage.kind), ("tradai", StageKind::Dev));
    }
}
