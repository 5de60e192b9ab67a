//! What can befall one external call, and which calls can suffer which.

use std::fmt;

/// Something that befalls one call. `P0` to `P8` are the classes; a letter tells kinds of one class apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The process dies before the call leaves.
    CrashBefore,
    /// It takes effect, and the client waits for the answer until its own timeout.
    ReplyLost,
    /// It takes effect, and the process dies before its next instruction.
    CrashAfter,
    /// It fails cleanly: 5xx before any effect, or throttled by AWS.
    Fails,
    /// It fails cleanly because the other side is busy: a transaction's conflict, or 429 with a wait.
    Busy,
    /// The other side says no by a code of its own.
    Refused,
    /// An error is answered at once, and it took effect all the same.
    FailsApplied,
    /// The process dies, and the request arrives within its receive window, after the retry began.
    GhostSoon,
    /// The process dies, and the request arrives after the retry and the next tick.
    GhostLate,
    /// The connection breaks, the process lives on, and the request arrives within its receive window.
    GhostAlive,
    /// It is delivered twice.
    Twice,
    /// The process freezes, another invocation of the same event runs to its end, then it thaws.
    Frozen,
    /// The process freezes until everything of the next minute has run.
    FrozenLong,
    /// The process freezes while a person does what they do next.
    FrozenPerson,
    /// The answer is as old as the beginning of this minute.
    Stale,
    /// Of two invocations that run at once, the other one goes on here.
    Switch,
}

use Phase::{
    Busy, CrashAfter, CrashBefore, Fails, FailsApplied, Frozen, FrozenLong, FrozenPerson, GhostAlive,
    GhostLate, GhostSoon, Refused, ReplyLost, Stale, Switch, Twice,
};

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 16] = [
        CrashBefore,
        ReplyLost,
        CrashAfter,
        Fails,
        Busy,
        Refused,
        FailsApplied,
        GhostSoon,
        GhostLate,
        GhostAlive,
        Twice,
        Frozen,
        FrozenLong,
        FrozenPerson,
        Stale,
        Switch,
    ];

    /// Its name in a replay line.
    pub const fn as_str(self) -> &'static str {
        match self {
            CrashBefore => "P0",
            ReplyLost => "P1",
            CrashAfter => "P2",
            Fails => "P3",
            Busy => "P3b",
            Refused => "P3c",
            FailsApplied => "P4",
            GhostSoon => "P5",
            GhostLate => "P5b",
            GhostAlive => "P5c",
            Twice => "P6",
            Frozen => "P7",
            FrozenLong => "P7b",
            FrozenPerson => "P7c",
            Stale => "P8",
            Switch => "S",
        }
    }

    /// The phase of this name.
    pub fn parse(text: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.as_str() == text)
    }

    /// Whether the process dies of it.
    pub const fn is_crash(self) -> bool {
        matches!(self, CrashBefore | CrashAfter | GhostSoon | GhostLate)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Every method of every port through which the functions touch the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `ReadTables::get`, strong.
    Get,
    /// `ReadTables::query`, strong.
    Query,
    /// `ScanTables::scan`, eventually consistent.
    Scan,
    /// `WriteTables::write`.
    Write,
    /// `MarketData::instrument`.
    Instrument,
    /// `MarketData::quote`.
    Quote,
    /// `MarketData::candles`.
    Candles,
    /// `ReadAccount::balances`.
    Balances,
    /// `ReadAccount::order`.
    Order,
    /// `ReadAccount::open_orders`.
    OpenOrders,
    /// `ReadAccount::trades_of`.
    TradesOf,
    /// `ReadAccount::trades_after`.
    TradesAfter,
    /// `ReadAccount::key_rights`.
    KeyRights,
    /// `TradeOrders::place`.
    Place,
    /// `TradeOrders::cancel`.
    Cancel,
    /// `AskModel::ask`.
    Ask,
    /// `Publish::publish`.
    Publish,
    /// `PutSignals::put`.
    PutSignals,
}

/// A strong read: it has no effect, so a death after it is a death before the next call.
const READS: &[Phase] = &[CrashBefore, ReplyLost, Fails, Frozen, FrozenLong, FrozenPerson];
/// A read that may be old.
const SCANS: &[Phase] = &[CrashBefore, ReplyLost, Fails, Frozen, FrozenLong, FrozenPerson, Stale];
/// A question to the venue, which may ask for a wait.
const QUESTIONS: &[Phase] = &[CrashBefore, ReplyLost, Fails, Busy, Frozen, FrozenLong, FrozenPerson];
/// What changes something and can be refused by a code.
const SENDS: &[Phase] = &[
    CrashBefore,
    ReplyLost,
    CrashAfter,
    Fails,
    Busy,
    Refused,
    FailsApplied,
    GhostSoon,
    GhostLate,
    GhostAlive,
    Twice,
    Frozen,
    FrozenLong,
    FrozenPerson,
];
/// What changes something.
const EFFECTS: &[Phase] = &[
    CrashBefore,
    ReplyLost,
    CrashAfter,
    Fails,
    Busy,
    FailsApplied,
    GhostSoon,
    GhostLate,
    GhostAlive,
    Twice,
    Frozen,
    FrozenLong,
    FrozenPerson,
];
/// What changes something outside the tables and the venue.
const MESSAGES: &[Phase] = &[
    CrashBefore,
    ReplyLost,
    CrashAfter,
    Fails,
    FailsApplied,
    GhostSoon,
    GhostLate,
    GhostAlive,
    Twice,
    Frozen,
    FrozenLong,
    FrozenPerson,
];
/// A question to the model: it costs, and leaves nothing behind.
const ANSWERS: &[Phase] =
    &[CrashBefore, ReplyLost, CrashAfter, Fails, Busy, Frozen, FrozenLong, FrozenPerson];

impl Method {
    /// Every method.
    pub const ALL: [Method; 18] = [
        Method::Get,
        Method::Query,
        Method::Scan,
        Method::Write,
        Method::Instrument,
        Method::Quote,
        Method::Candles,
        Method::Balances,
        Method::Order,
        Method::OpenOrders,
        Method::TradesOf,
        Method::TradesAfter,
        Method::KeyRights,
        Method::Place,
        Method::Cancel,
        Method::Ask,
        Method::Publish,
        Method::PutSignals,
    ];

    /// `port.method`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "tables.get",
            Method::Query => "tables.query",
            Method::Scan => "tables.scan",
            Method::Write => "tables.write",
            Method::Instrument => "market.instrument",
            Method::Quote => "market.quote",
            Method::Candles => "market.candles",
            Method::Balances => "account.balances",
            Method::Order => "account.order",
            Method::OpenOrders => "account.open_orders",
            Method::TradesOf => "account.trades_of",
            Method::TradesAfter => "account.trades_after",
            Method::KeyRights => "account.key_rights",
            Method::Place => "trade.place",
            Method::Cancel => "trade.cancel",
            Method::Ask => "model.ask",
            Method::Publish => "topics.publish",
            Method::PutSignals => "signals.put",
        }
    }

    /// The phases that a call of it can suffer.
    pub const fn suffers(self) -> &'static [Phase] {
        match self {
            Method::Get | Method::Query => READS,
            Method::Scan => SCANS,
            Method::Instrument
            | Method::Quote
            | Method::Candles
            | Method::Balances
            | Method::Order
            | Method::OpenOrders
            | Method::TradesOf
            | Method::TradesAfter
            | Method::KeyRights => QUESTIONS,
            Method::Write | Method::Cancel => EFFECTS,
            Method::Place => SENDS,
            Method::Ask => ANSWERS,
            Method::Publish | Method::PutSignals => MESSAGES,
        }
    }

    /// Whether it is a call of the venue.
    pub const fn is_venues(self) -> bool {
        match self {
            Method::Instrument
            | Method::Quote
            | Method::Candles
            | Method::Balances
            | Method::Order
            | Method::OpenOrders
            | Method::TradesOf
            | Method::TradesAfter
            | Method::KeyRights
            | Method::Place
            | Method::Cancel => true,
            Method::Get
            | Method::Query
            | Method::Scan
            | Method::Write
            | Method::Ask
            | Method::Publish
            | Method::PutSignals => false,
        }
    }

    /// Whether it can change anything outside the process.
    pub const fn has_effect(self) -> bool {
        matches!(self, Method::Write | Method::Place | Method::Cancel | Method::Publish | Method::PutSignals)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
