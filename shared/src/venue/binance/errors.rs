//! Binance spot's ways of not answering, as a table; each meaning says what to do after a read, and which of
//! four things a send has come to: refused, never sent, no answer, fatal.
//!
//! The table is spot's alone: the same numbers mean other things on Binance's futures (-2021, -2022, -2026).
//!
//! Facts: `errors.md` (codes and texts), `rest-api.md` "HTTP Return Codes" and "IP Limits".

use bytes::Bytes;
use serde::Deserialize;

use crate::ports::{SendError, VenueError};
use crate::reported::NotReported;
use crate::retry_after;
use crate::time::{Millis, Timestamp};
use crate::transport::{Response, TransportError};

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It may have been done.
    Unknown,
    /// Turned away until later, by the API or by the firewall before it.
    Wait,
    /// Turned down for good.
    Refused,
    /// Turned down before the engine by a filter: what is known of the symbol may be out of date.
    Filter,
    /// Its timestamp is outside the venue's window: turned away, and the clocks are apart.
    Clock,
    /// An open order has this client id: proof that an order exists.
    Duplicate,
    /// A cancel found nothing to cancel.
    NothingToCancel,
    /// No such order is seen now.
    NoSuchOrder,
    /// The key or the address is refused.
    Fatal,
    /// A code that this table does not have: only looking tells what became of a send.
    Unlisted,
    /// Not one of the API's answers.
    Unreadable,
}

/// Codes of one meaning; where there is a text, it must be in the message (in any case).
struct Row {
    codes: std::ops::RangeInclusive<i64>,
    text: &'static str,
    meaning: Meaning,
}

const fn one(code: i64, meaning: Meaning) -> Row {
    Row { codes: code..=code, text: "", meaning }
}

/// The first row that fits counts.
const TABLE: [Row; 24] = [
    one(-1000, Meaning::Unknown),
    one(-1001, Meaning::Unknown),
    one(-1002, Meaning::Fatal),
    one(-1003, Meaning::Wait),
    one(-1006, Meaning::Unknown),
    one(-1007, Meaning::Unknown),
    // Overloaded: nothing promises that it was not executed.
    one(-1008, Meaning::Unknown),
    one(-1013, Meaning::Filter),
    one(-1014, Meaning::Refused),
    one(-1015, Meaning::Wait),
    one(-1016, Meaning::Unknown),
    one(-1021, Meaning::Clock),
    one(-1022, Meaning::Refused),
    // More decimals than the symbol takes.
    one(-1111, Meaning::Filter),
    // Malformed requests: they never reach the engine.
    Row { codes: -1199..=-1100, text: "", meaning: Meaning::Refused },
    Row { codes: -2010..=-2010, text: "duplicate", meaning: Meaning::Duplicate },
    one(-2010, Meaning::Refused),
    one(-2011, Meaning::NothingToCancel),
    one(-2013, Meaning::NoSuchOrder),
    Row { codes: -2015..=-2014, text: "", meaning: Meaning::Fatal },
    // Cancel-replace, which is never sent: whatever it means, look.
    Row { codes: -2022..=-2021, text: "", meaning: Meaning::Unlisted },
    // Archived: over 90 days old and never filled.
    one(-2026, Meaning::Refused),
    // Two ids that are not of one order.
    one(-2039, Meaning::NoSuchOrder),
    // The symbol never had a reference price.
    one(-2043, Meaning::Refused),
];

fn listed(code: i64, text: &str) -> Option<Meaning> {
    let text = text.to_ascii_lowercase();
    TABLE.iter().find(|row| row.codes.contains(&code) && text.contains(row.text)).map(|row| row.meaning)
}

/// The wait after a 429 that names none: weights are counted by the minute.
const WAIT_UNNAMED: Millis = Millis::from_minutes(1);
/// The wait after a 418 that names none: the shortest ban, "from 2 minutes to 3 days".
const BAN_UNNAMED: Millis = Millis::from_minutes(2);
/// The wait after a 403 that names none. It "can indicate a rate limit violation or a security block" (`rest-api.md`, "HTTP
/// Return Codes"); one such block was over after ten minutes (JKorf/Binance.Net#115).
const BLOCK_UNNAMED: Millis = Millis::from_minutes(10);
/// What to do where the venue refuses a region.
const ELSEWHERE: &str = "it refuses the region of this address, so deploy to one that it serves";
/// How much of a text that is not Binance's is kept for people.
const EXCERPT: usize = 200;

/// An answer, and when it arrived.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) at: Timestamp,
}

/// Binance's error body.
#[derive(Debug, Deserialize)]
struct WireError {
    code: i64,
    msg: String,
}

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) meaning: Meaning,
    code: String,
    text: String,
    wait: Millis,
    banned: bool,
}

impl Answer {
    /// The body of a success.
    pub(super) fn accepted(self) -> Result<Bytes, Failure> {
        if self.response.status().is_success() {
            return Ok(self.response.into_body());
        }
        Err(Failure::Refused(self.refusal()))
    }

    fn refusal(&self) -> Refusal {
        let status = self.response.status().as_u16();
        let error: Option<WireError> = serde_json::from_slice(self.response.body()).ok();
        let meaning = meaning(status, error.as_ref());
        let (code, text) = match error {
            Some(error) => (error.code.to_string(), error.msg),
            None => (format!("HTTP {status}"), excerpt(self.response.body())),
        };
        // Its own words name its terms and not what to do.
        let text = if status == 451 { format!("{ELSEWHERE}: {text}") } else { text };
        Refusal { meaning, wait: self.wait(status, &text), banned: matches!(status, 418 | 403), code, text }
    }

    /// `Retry-After` in full and in every form (Binance sends whole seconds), or the end of the ban that the
    /// text names, whichever is later.
    fn wait(&self, status: u16, text: &str) -> Millis {
        let named = [retry_after::wait(self.response.headers(), self.at), self.banned_until(text)]
            .into_iter()
            .flatten()
            .max();
        named.unwrap_or(match status {
            403 => BLOCK_UNNAMED,
            418 => BAN_UNNAMED,
            _ => WAIT_UNNAMED,
        })
    }

    fn banned_until(&self, text: &str) -> Option<Millis> {
        let (_, rest) = text.split_once("banned until ")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let until = Timestamp::from_millis(digits.parse().ok()?);
        Some(until.since(self.at)).filter(|wait| wait.0 > 0)
    }
}

/// The status decides where it is certain, then the code, then the status again.
fn meaning(status: u16, error: Option<&WireError>) -> Meaning {
    match status {
        500..=599 => return Meaning::Unknown,
        418 | 429 => return Meaning::Wait,
        _ => {}
    }
    if let Some(meaning) = error.and_then(|error| listed(error.code, &error.msg)) {
        return meaning;
    }
    match (status, error) {
        (401 | 451, _) => Meaning::Fatal,
        (403, None) => Meaning::Wait,
        (_, Some(_)) => Meaning::Unlisted,
        (_, None) => Meaning::Unreadable,
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(EXCERPT).collect()
}

/// Why there is no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No request could be made of this key or address: as fatal as a key that is refused.
    Unsendable(String),
    /// No answer arrived.
    Transport(TransportError),
    /// The answer is not a success.
    Refused(Refusal),
    /// The answer is a success that cannot be read.
    Unreadable(String),
    /// Not asked: our share of the venue's request weight is used up in this minute.
    OverShare,
}

impl Failure {
    /// Whether the request was turned away because the clocks are apart.
    #[cfg(feature = "venue-account")]
    pub(super) fn is_clock(&self) -> bool {
        matches!(self, Failure::Refused(refusal) if refusal.meaning == Meaning::Clock)
    }

    /// Whether what was sent was turned down for good.
    #[cfg(feature = "venue-trade")]
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Failure::Refused(Refusal { meaning: Meaning::Refused | Meaning::Filter, .. }))
    }

    /// Whether the venue failed to serve us, rather than to grant what was asked.
    pub(super) const fn is_trouble(&self) -> bool {
        match self {
            Failure::Transport(_) | Failure::Unreadable(_) => true,
            Failure::Unsendable(_) | Failure::OverShare => false,
            Failure::Refused(refusal) => match refusal.meaning {
                Meaning::Unknown | Meaning::Wait | Meaning::Fatal | Meaning::Unreadable => true,
                Meaning::Refused
                | Meaning::Filter
                | Meaning::Clock
                | Meaning::Duplicate
                | Meaning::NothingToCancel
                | Meaning::NoSuchOrder
                | Meaning::Unlisted => false,
            },
        }
    }
}

/// What is said where our share is used up.
const OVER_SHARE: &str = "our share of its request weight is used up in this minute";

impl From<NotReported> for Failure {
    fn from(error: NotReported) -> Failure {
        Failure::Unreadable(error.to_string())
    }
}

impl From<Failure> for VenueError {
    fn from(failure: Failure) -> VenueError {
        match failure {
            Failure::Unsendable(text) => VenueError::Fatal { code: "unsendable".to_owned(), text },
            Failure::Transport(error) => VenueError::Unavailable(error.to_string()),
            Failure::Refused(refusal) => refusal.after_read(),
            Failure::Unreadable(text) => VenueError::BadReply(text),
            Failure::OverShare => VenueError::Unavailable(OVER_SHARE.to_owned()),
        }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> SendError {
        match failure {
            Failure::Refused(refusal) => refusal.after_send(),
            Failure::Transport(TransportError::NoAnswer(text)) | Failure::Unreadable(text) => {
                SendError::NoAnswer(text)
            }
            Failure::Transport(TransportError::NeverSent(_))
            | Failure::Unsendable(_)
            | Failure::OverShare => SendError::NeverSent(failure.into()),
        }
    }
}

impl Refusal {
    fn after_read(self) -> VenueError {
        let Refusal { meaning, code, text, wait, banned } = self;
        match meaning {
            Meaning::Unknown => VenueError::Unavailable(format!("{code} {text}")),
            Meaning::Wait => VenueError::Throttled { wait, text, banned },
            Meaning::Refused
            | Meaning::Filter
            | Meaning::Clock
            | Meaning::Duplicate
            | Meaning::NothingToCancel
            | Meaning::NoSuchOrder
            | Meaning::Unlisted => VenueError::Refused { code, text },
            Meaning::Fatal => VenueError::Fatal { code, text },
            Meaning::Unreadable => VenueError::BadReply(format!("{code} {text}")),
        }
    }

    fn after_send(self) -> SendError {
        match self.meaning {
            Meaning::Unknown
            | Meaning::Duplicate
            | Meaning::NothingToCancel
            | Meaning::NoSuchOrder
            | Meaning::Unlisted
            | Meaning::Unreadable => SendError::NoAnswer(format!("{} {}", self.code, self.text)),
            // -1021 is said before the engine sees the order: it had no effect and never will.
            Meaning::Wait | Meaning::Clock => SendError::NeverSent(self.after_read()),
            Meaning::Refused | Meaning::Filter => SendError::Refused { code: self.code, text: self.text },
            Meaning::Fatal => SendError::Fatal { code: self.code, text: self.text },
        }
    }
}

#[cfg(test)]
mod tests;
