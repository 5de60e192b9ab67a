//! Reads a strategy file.
//!
//! ```toml
//! profile = "cautious"            # supplies what is marked (p) below and not stated; optional if all of it is
//! strategy_id = "demo"
//! account = "paper"
//! venue = "binance"
//! backend = "mock"                # mock (unless stated), exchange or backtest
//! testnet = true                  # unless stated
//! paper_balance = "10000 USDT"    # with backend mock, unless stated: what a new account begins with
//! symbols = ["BTC-USDT"]          # what is watched
//! decide_every_seconds = 1500     # unless stated; a multiple of 60
//! model = "anthropic/claude-haiku-4-5"
//! model_fallbacks = []            # unless stated
//! llm_usd_per_day = 5.0
//! safety_mode = "DryRun"          # DryRun (unless stated), TwoPhase or Direct
//! order_cooldown_seconds = 60     # (p)
//! approval_expiry_minutes = 15    # unless stated
//! [limits]                        # (p), all of them
//! max_order_notional = 5000.0     # in quote
//! max_daily_orders = 100
//! max_daily_cancels = 100
//! max_position_abs = 0.5          # in base
//! allowed_symbols = ["BTC-USDT"]  # a profile allows `symbols`
//! max_opens_per_hour = 2
//! max_price_drift_percent = 0.5
//! max_decision_age_seconds = 120
//! [gate]                          # (p)
//! threshold = 5
//! cooldown_ms = 60000
//! [pnl_gate]                      # (p)
//! max_daily_loss = 500.0          # in quote
//! [exits]                         # (p)
//! max_stop_distance_percent = 5.0
//! take_profit_percent = 3.0       # or "off"
//! trailing_percent = 1.5          # or "off"
//! exit_limit_minutes = 5
//! entry_timeout_minutes = 10
//! [crash]                         # (p)
//! fall_percent = 5.0
//! window_minutes = 15
//! action = "exit"                 # reduce, exit or halt
//! [ask]
//! context_top_k = 0               # unless stated; notes of tradai-context that the model is shown, at most 5
//! when_moved_percent = "off"      # unless stated; how far a price moves before the model is asked again
//! tokens_per_five_minutes = 12000 # unless stated; questions with their answers, at most 60000
//! answer_tokens = "by-model"      # unless stated; the longest answer with its thinking, or a number of tokens
//! ```
//!
//! Decimals are read digit for digit, as numbers or as texts (`"5000.0"`). A file in axon-llm's layout
//! (`[trading]`, `[safety]`, `[risk]`, `[gate]`, `[metrics]`) loads too; the two do not mix.

use super::document::Document;
use super::known::{NATIVE, check, table_of};
use super::note::{BadSettings, Note, Place};
use super::profile::{DEFAULTS, PROFILES};
use super::read::{Found, Reader};
use super::{
    Backend, Crash, CrashAction, Exits, Gate, Limits, MOST_ANSWER_TOKENS, PaperBalance, SafetyMode, Settings,
    Tokens, axon,
};
use crate::ids::{AccountId, StrategyId, VenueId};
use crate::money::{Notional, Qty};
use crate::time::Millis;

/// One day in minutes, in seconds and in milliseconds: the most that a span may be.
const DAY_MINUTES: u32 = 1_440;
const DAY_SECONDS: u32 = 86_400;
const DAY_MS: u32 = 86_400_000;
/// Most notes that a prompt has room for.
const MOST_NOTES: u32 = 5;
/// The most that is counted in a day or in a row.
const MOST_COUNTED: u32 = 10_000;

/// Settings, and what a person should know about how they came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value that the file does not state, and whatever else is worth a line.
    pub notes: Vec<Note>,
}

impl Settings {
    /// Reads a strategy file's `text`; `file` is what messages call it.
    pub fn from_toml(text: &str, file: &str) -> Result<Loaded, BadSettings> {
        Settings::from_toml_named(text, file, None)
    }

    /// Reads a strategy file; `name` is the strategy of a file whose layout cannot name one (`axon` if none).
    pub fn from_toml_named(text: &str, file: &str, name: Option<&StrategyId>) -> Result<Loaded, BadSettings> {
        let document = Document::parse(text, file)?;
        if document.entries.is_empty() && document.tables.is_empty() {
            let mend = "ops/strategies/demo.toml shows how a file looks";
            return Err(Place::line(file, 1).refuse("the file is empty", mend));
        }
        let mut reader = match layout(&document, file)? {
            Layout::Native => native(document, file)?,
            Layout::Axon => axon::reader(document, file, name)?,
        };
        let settings = settings(&mut reader)?;
        remark(&mut reader, &settings);
        Ok(Loaded { settings, notes: reader.notes })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Native,
    Axon,
}

/// Which layout the file is in; never both.
fn layout(document: &Document, file: &str) -> Result<Layout, BadSettings> {
    let mut roots: Vec<(&str, usize)> =
        document.tables.iter().map(|(name, line)| (name.as_str(), *line)).collect();
    let outside = document.entries.iter().filter(|(path, _)| table_of(path).is_empty());
    roots.extend(outside.map(|(path, entry)| (path.as_str(), entry.line)));
    let is_axon = |root: &str| axon::TABLES.contains(&root);
    let is_native = |root: &str| {
        root != "gate" && NATIVE.iter().any(|(field, _)| *field == root || table_of(field) == root)
    };
    let axon = roots.iter().find(|(root, _)| is_axon(root));
    let native = roots.iter().find(|(root, _)| is_native(root));
    match (axon, native) {
        (Some((axon, line)), Some((native, other))) => Err(Place::field(file, *line, axon).refuse(
            format!("this belongs to axon-llm's layout, and {native} in line {other} to tradai's own"),
            "use one layout for the whole file",
        )),
        (Some(_), None) => Ok(Layout::Axon),
        (None, Some(_) | None) => Ok(Layout::Native),
    }
}

fn native(document: Document, file: &str) -> Result<Reader<'_>, BadSettings> {
    let fields: Vec<&str> = NATIVE.iter().map(|(field, _)| *field).collect();
    check(&document, file, &fields)?;
    let mut reader = Reader::new(file, document, |path| path);
    if let Some(found) = reader.optional("profile") {
        let name = found.text()?;
        if !reader.supply_profile(name)? {
            let known: Vec<&str> = PROFILES.iter().map(|(name, _)| *name).collect();
            let mend = format!("the profiles are {}", known.join(", "));
            return Err(found.place.refuse(format!("{name:?} is not a profile"), mend));
        }
    }
    reader.supply("default", DEFAULTS)?;
    Ok(reader)
}

/// Every field in turn.
fn settings(from: &mut Reader<'_>) -> Result<Settings, BadSettings> {
    let symbols = from.find("symbols")?.some_symbols()?;
    from.supply_allowed(&symbols);
    let backend = backend(&from.find("backend")?)?;
    Ok(Settings {
        strategy_id: from.find("strategy_id")?.name(StrategyId::parse)?,
        account: from.find("account")?.name(AccountId::parse)?,
        venue: from.find("venue")?.name(VenueId::parse)?,
        backend,
        testnet: from.find("testnet")?.flag()?,
        paper_balance: paper_balance(from, backend)?,
        symbols,
        decide_every: whole_minutes(&from.find("decide_every_seconds")?)?,
        model: from.find("model")?.model()?,
        model_fallbacks: from.find("model_fallbacks")?.models()?,
        context_top_k: from.find("ask.context_top_k")?.whole(0, MOST_NOTES)?,
        ask_when_moved: from.find("ask.when_moved_percent")?.percent_or_off()?,
        llm_usd_per_day: from.find("llm_usd_per_day")?.amount(Notional::parse)?,
        llm_tokens: tokens(&from.find("ask.tokens_per_five_minutes")?)?,
        llm_answer_tokens: answer_tokens(&from.find("ask.answer_tokens")?)?,
        safety_mode: from
            .find("safety_mode")?
            .choice(SafetyMode::parse, &SafetyMode::ALL.map(SafetyMode::as_str))?,
        order_cooldown: seconds(from.find("order_cooldown_seconds")?.whole(0, DAY_SECONDS)?),
        limits: limits(from)?,
        gate: gate(from)?,
        pnl_gate: from.find("pnl_gate.max_daily_loss")?.amount(Notional::parse)?,
        exits: exits(from)?,
        crash: crash(from)?,
        approval_expiry: minutes(from, "approval_expiry_minutes")?,
    })
}

fn limits(from: &mut Reader<'_>) -> Result<Limits, BadSettings> {
    Ok(Limits {
        max_order_notional: from.find("limits.max_order_notional")?.amount(Notional::parse)?,
        max_daily_orders: from.find("limits.max_daily_orders")?.whole(1, MOST_COUNTED)?,
        max_daily_cancels: from.find("limits.max_daily_cancels")?.whole(1, MOST_COUNTED)?,
        max_position_abs: from.find("limits.max_position_abs")?.amount(Qty::parse)?,
        allowed_symbols: from.find("limits.allowed_symbols")?.symbols()?,
        max_opens_per_hour: from.find("limits.max_opens_per_hour")?.whole(1, MOST_COUNTED)?,
        max_price_drift: from.find("limits.max_price_drift_percent")?.percent()?,
        max_decision_age: seconds(from.find("limits.max_decision_age_seconds")?.whole(1, DAY_SECONDS)?),
    })
}

fn gate(from: &mut Reader<'_>) -> Result<Gate, BadSettings> {
    Ok(Gate {
        threshold: from.find("gate.threshold")?.whole(1, MOST_COUNTED)?,
        cooldown: Millis(i64::from(from.find("gate.cooldown_ms")?.whole(1, DAY_MS)?)),
    })
}

fn exits(from: &mut Reader<'_>) -> Result<Exits, BadSettings> {
    Ok(Exits {
        max_stop_distance: from.find("exits.max_stop_distance_percent")?.percent()?,
        take_profit: from.find("exits.take_profit_percent")?.percent_or_off()?,
        trailing: from.find("exits.trailing_percent")?.percent_or_off()?,
        exit_limit: minutes(from, "exits.exit_limit_minutes")?,
        entry_timeout: minutes(from, "exits.entry_timeout_minutes")?,
    })
}

fn crash(from: &mut Reader<'_>) -> Result<Crash, BadSettings> {
    Ok(Crash {
        fall: from.find("crash.fall_percent")?.percent()?,
        window: minutes(from, "crash.window_minutes")?,
        action: from
            .find("crash.action")?
            .choice(CrashAction::parse, &CrashAction::ALL.map(CrashAction::as_str))?,
    })
}

fn seconds(count: u32) -> Millis {
    Millis::from_secs(i64::from(count))
}

fn minutes(from: &mut Reader<'_>, path: &'static str) -> Result<Millis, BadSettings> {
    Ok(Millis::from_minutes(i64::from(from.find(path)?.whole(1, DAY_MINUTES)?)))
}

fn whole_minutes(found: &Found) -> Result<Millis, BadSettings> {
    let count = found.whole(1, DAY_SECONDS)?;
    if count.is_multiple_of(60) {
        Ok(seconds(count))
    } else {
        Err(found.refuse(format!("{count} seconds are not a whole number of minutes")))
    }
}

fn tokens(found: &Found) -> Result<Tokens, BadSettings> {
    let count = found.whole(Tokens::LEAST, Tokens::MOST)?;
    Tokens::new(count).ok_or_else(|| found.refuse(format!("{count} is out of bounds")))
}

fn answer_tokens(found: &Found) -> Result<Option<u32>, BadSettings> {
    match found.text() {
        Ok("by-model") => Ok(None),
        Ok(_) | Err(_) => found.whole(1, MOST_ANSWER_TOKENS).map(Some),
    }
}

fn backend(found: &Found) -> Result<Backend, BadSettings> {
    const MEND: &str = "it is one of mock, exchange, backtest";
    let text = found.text()?;
    match Backend::parse(text) {
        Some(Backend::Oms) => Err(found.place.refuse("backend oms does not exist yet", MEND)),
        Some(backend @ (Backend::Mock | Backend::Exchange | Backend::Backtest)) => Ok(backend),
        None => Err(found.place.refuse(format!("{text:?} is not known"), MEND)),
    }
}

fn paper_balance(from: &mut Reader<'_>, backend: Backend) -> Result<Option<PaperBalance>, BadSettings> {
    match backend {
        Backend::Mock => {
            let found = from.find("paper_balance")?;
            let balance = PaperBalance::parse(found.text()?);
            balance.map(Some).map_err(|bad| found.refuse(format!("{:?}: {bad}", found.text().unwrap_or(""))))
        }
        Backend::Exchange | Backend::Oms | Backend::Backtest => Ok(None),
    }
}

/// Notes what the settings say beyond their parts.
fn remark(reader: &mut Reader<'_>, settings: &Settings) {
    if let (Backend::Mock | Backend::Backtest, Some(field)) = (settings.backend, reader.stated("testnet")) {
        let why = format!("by backend {}", settings.backend.as_str());
        reader.notes.push(Note::Unused { field: field.to_owned(), why });
    }
    match (&settings.paper_balance, reader.stated("paper_balance")) {
        (Some(balance), _) if !settings.symbols.iter().any(|symbol| symbol.quote == balance.asset) => {
            let meaning = format!("{balance} buys nothing that is watched");
            reader.notes.push(Note::Caution { field: "paper_balance".to_owned(), meaning });
        }
        (None, Some(field)) => {
            let why = format!("by backend {}", settings.backend.as_str());
            reader.notes.push(Note::Unused { field: field.to_owned(), why });
        }
        (Some(_), _) | (None, None) => {}
    }
    if settings.backend == Backend::Exchange && !settings.testnet {
        let meaning = format!("false, so orders at {} move real money", settings.venue);
        reader.notes.push(Note::Caution { field: "testnet".to_owned(), meaning });
    }
    for symbol in settings.symbols.iter().filter(|symbol| !settings.limits.allowed_symbols.contains(symbol)) {
        let meaning = format!("{symbol} is watched and never opened: limits.allowed_symbols lacks it");
        reader.notes.push(Note::Caution { field: "symbols".to_owned(), meaning });
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
