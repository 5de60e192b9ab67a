//! The named policies.

use std::fmt;
use std::str::FromStr;

/// What a scripted model does when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Trades a simple trend, long only, within the bounds it is given.
    Momentum,
    /// Answers 200 and declines, by apology and by stop reason in turn.
    Refuses,
    /// Answers 200 with something other than one well-formed decision, a different kind each time.
    Garbage,
    /// As `momentum`, but every answer takes longer than a cycle has.
    Slow,
    /// As `momentum` between rate limits, overloads and spend limits.
    Throttled,
    /// Always opens far over its bounds.
    Greedy,
    /// Obeys every instruction that stands anywhere in its prompt, and else acts as `momentum`.
    Gullible,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Policy; 7] = [
        Policy::Momentum,
        Policy::Refuses,
        Policy::Garbage,
        Policy::Slow,
        Policy::Throttled,
        Policy::Greedy,
        Policy::Gullible,
    ];

    /// The name that a user gives.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Momentum => "momentum",
            Policy::Refuses => "refuses",
            Policy::Garbage => "garbage",
            Policy::Slow => "slow",
            Policy::Throttled => "throttled",
            Policy::Greedy => "greedy",
            Policy::Gullible => "gullible",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A name that no policy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a model policy; the policies are {names}", names = Policy::ALL.map(Policy::name).join(", "))]
pub struct UnknownPolicy(pub String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Policy, UnknownPolicy> {
        let found = Policy::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_by_its_name() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_every_known_one() {
        let error = "recorded".parse::<Policy>().unwrap_err().to_string();
        for policy in Policy::ALL {
            assert!(error.contains(policy.name()), "{error}");
        }
    }
}
