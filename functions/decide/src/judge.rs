//! What the answers of one cycle come to. Pure, so that a record says the same whenever it is read again.

use shared::decision::{Outcome, Why};
use shared::ids::Symbol;
use shared::ports::{BadReply, RawReply, Reply};
use shared::records::decision::{Asked, Came, NoAnswer};

use crate::doubled::unreadable;
use crate::verdict::{self, Verdict};

/// An answer as its provider spells it, by `read`. Nobody acts on what its record cannot say (`is_whole`) or on what
/// readers may take in two ways.
pub fn reply(
    raw: &RawReply,
    is_whole: bool,
    read: impl FnOnce(&RawReply) -> Result<Reply, BadReply>,
) -> Result<Reply, BadReply> {
    if !is_whole {
        return Err(BadReply("it is longer than a record holds".to_owned()));
    }
    if let Some(why) = unreadable(&raw.body) {
        return Err(BadReply(why));
    }
    let reply = read(raw)?;
    // Its text may have come in parts, none of which names a key twice.
    match unreadable(reply.text.as_bytes()) {
        Some(why) => Err(BadReply(why)),
        None => Ok(reply),
    }
}

/// The verdict on an answer: which model gave it, then what it says.
pub fn verdict(other: Option<&str>, reply: &Result<Reply, BadReply>, symbols: &[Symbol]) -> Verdict {
    other.map_or_else(|| verdict::verdict(reply, symbols), verdict::of_another)
}

/// Whether nobody else is asked after a question without an answer. Where a provider fails or refuses us another may
/// answer; where nothing may be spent, or no time is left, nobody is asked. What is too large for one model alone is an
/// exception that [`crate::budget::Exceeded`] knows.
pub const fn is_over(why: NoAnswer) -> bool {
    match why {
        NoAnswer::NotServed
        | NoAnswer::Shut
        | NoAnswer::Throttled
        | NoAnswer::Overloaded
        | NoAnswer::Unavailable
        | NoAnswer::SpendLimit
        | NoAnswer::NoSuchModel
        | NoAnswer::Refused => false,
        NoAnswer::OverBudget | NoAnswer::NoTime | NoAnswer::ModelOff | NoAnswer::NotReserved => true,
    }
}

/// What a cycle comes to in which every question stayed without an answer: the last one that a provider failed to answer
/// says why, else the last one that could be asked.
pub fn unanswered(asked: &[Asked]) -> (Why, String) {
    let last = |counts: fn(NoAnswer) -> bool| {
        asked.iter().rev().find_map(|one| match &one.came {
            Came::Nothing { why, text } if counts(*why) => Some((*why, text.clone())),
            Came::Nothing { .. } | Came::Answer { .. } => None,
        })
    };
    let failed = last(is_failure).or_else(|| last(|why| why != NoAnswer::NotServed));
    match failed {
        Some((NoAnswer::OverBudget, text)) => (Why::OverBudget, text),
        Some((NoAnswer::ModelOff, text)) => (Why::ModelOff, text),
        Some((_, text)) => (Why::Unavailable, text),
        None => (Why::Unavailable, "no model is served here".to_owned()),
    }
}

/// Whether a provider failed to answer, or is not asked because it did.
const fn is_failure(why: NoAnswer) -> bool {
    match why {
        NoAnswer::Shut
        | NoAnswer::Throttled
        | NoAnswer::Overloaded
        | NoAnswer::Unavailable
        | NoAnswer::SpendLimit
        | NoAnswer::NoSuchModel
        | NoAnswer::Refused => true,
        NoAnswer::NotServed
        | NoAnswer::OverBudget
        | NoAnswer::NoTime
        | NoAnswer::ModelOff
        | NoAnswer::NotReserved => false,
    }
}

/// What a cycle comes to whose first answer had a `problem` and whose second question stayed without an answer.
pub fn not_again(why: NoAnswer, text: &str, problem: &str) -> (Outcome, String) {
    match why {
        NoAnswer::OverBudget | NoAnswer::NotServed => malformed(problem),
        NoAnswer::NoTime | NoAnswer::Shut | NoAnswer::ModelOff | NoAnswer::NotReserved => {
            (Outcome::Abstain(Why::Unavailable), problem.to_owned())
        }
        NoAnswer::Throttled
        | NoAnswer::SpendLimit
        | NoAnswer::Overloaded
        | NoAnswer::NoSuchModel
        | NoAnswer::Refused
        | NoAnswer::Unavailable => (Outcome::Abstain(Why::Unavailable), text.to_owned()),
    }
}

/// What a cycle comes to by its second answer.
pub fn again(second: Verdict) -> (Outcome, String) {
    match second {
        Verdict::Final(outcome, reason) => (outcome, reason),
        Verdict::Malformed(problem) => malformed(&problem),
    }
}

fn malformed(problem: &str) -> (Outcome, String) {
    (Outcome::Abstain(Why::Malformed), problem.to_owned())
}
