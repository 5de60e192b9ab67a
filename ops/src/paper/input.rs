//! Reads what a paper run is given, before anything is made of it: every defect is one line.

use std::path::Path;

use shared::ids::Symbol;
use shared::settings::{Backend, Settings};
use sim::exchange::{Candle, candles_in, read_candles};

use super::options::Options;
use crate::bad_input::BadInput;

/// The bundled candles: see `ops/data/README.md`.
const CANDLES: &[u8] = include_bytes!("../../data/BTCUSDT-1m-2023-03.csv.gz");
/// The market that they hold.
const BUNDLED: &str = "BTC-USDT";
/// Their name in messages.
const CANDLES_NAME: &str = "ops/data/BTCUSDT-1m-2023-03.csv.gz";
/// The bundled strategy.
const STRATEGY: &str = include_str!("../../strategies/demo.toml");
/// Its name in messages.
const STRATEGY_NAME: &str = "ops/strategies/demo.toml";

/// Minutes of a day.
const DAY: usize = 1_440;

/// What a run is made from.
#[derive(Debug, Clone)]
pub struct Input {
    /// The strategy.
    pub settings: Settings,
    /// How its settings were read, one line each.
    pub notes: Vec<String>,
    /// The market that is traded.
    pub symbol: Symbol,
    /// The candles of the run.
    pub candles: Vec<Candle>,
}

/// Reads strategy and candles.
pub fn read(options: &Options) -> Result<Input, BadInput> {
    let (settings, mut notes) = strategy(options.strategy.as_deref())?;
    let candles = candles(options)?;
    let (settings, symbol) = one_market(settings, held(options), &mut notes)?;
    Ok(Input { settings, notes, symbol, candles })
}

/// The market whose candles are given, where that is said: the bundled ones are Bitcoin's.
fn held(options: &Options) -> Option<Symbol> {
    match &options.candles {
        Some(file) => file.symbol.clone(),
        None => bundled_symbol(),
    }
}

fn bundled_symbol() -> Option<Symbol> {
    Symbol::parse(BUNDLED).ok()
}

/// The bundled strategy and all of the bundled candles.
pub fn bundled() -> Result<Input, BadInput> {
    let (settings, mut notes) = strategy(None)?;
    let candles = candles_in(CANDLES.to_vec(), Path::new(CANDLES_NAME)).map_err(BadInput::new)?;
    let (settings, symbol) = one_market(settings, bundled_symbol(), &mut notes)?;
    Ok(Input { settings, notes, symbol, candles })
}

fn strategy(file: Option<&Path>) -> Result<(Settings, Vec<String>), BadInput> {
    let (text, name) = match file {
        None => (STRATEGY.to_owned(), STRATEGY_NAME.to_owned()),
        Some(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| unreadable(&name, &error))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| BadInput::new(format!("{name}: is not UTF-8 text; save the file as UTF-8")))?;
            (text, name)
        }
    };
    let loaded = Settings::from_toml(&text, &name).map_err(BadInput::new)?;
    let notes = loaded.notes.iter().map(ToString::to_string).collect();
    match loaded.settings.backend {
        Backend::Mock | Backend::Backtest | Backend::Exchange => Ok((loaded.settings, notes)),
        Backend::Oms => Err(BadInput::new(format!("{name}: backend oms does not exist yet; use mock"))),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> BadInput {
    if error.kind() == std::io::ErrorKind::NotFound {
        return BadInput::new(format!("{name}: no such file; check the path given with --strategy"));
    }
    BadInput::new(format!("{name}: cannot be read ({error}); check its permissions"))
}

fn candles(options: &Options) -> Result<Vec<Candle>, BadInput> {
    let (all, name) = match &options.candles {
        None => (candles_in(CANDLES.to_vec(), Path::new(CANDLES_NAME)), CANDLES_NAME.to_owned()),
        Some(file) => (read_candles(&file.path), file.path.display().to_string()),
    };
    let mut all = all.map_err(BadInput::new)?;
    let days = usize::try_from(options.days).unwrap_or(usize::MAX);
    let wanted = days.saturating_mul(DAY);
    if all.len() < wanted {
        let held = all.len() / DAY;
        let line = format!("{name}: holds {held} whole days; --days {} is too many", options.days);
        return Err(BadInput::new(line));
    }
    all.truncate(wanted);
    Ok(all)
}

/// A candle file holds one market: the one that is said, else the first of the strategy's symbols. No other is traded on it.
fn one_market(
    mut settings: Settings,
    held: Option<Symbol>,
    notes: &mut Vec<String>,
) -> Result<(Settings, Symbol), BadInput> {
    let Some(symbol) = held.or_else(|| settings.symbols.first().cloned()) else {
        return Err(BadInput::new("the strategy names no symbol"));
    };
    if !settings.symbols.contains(&symbol) {
        let named: Vec<String> = settings.symbols.iter().map(ToString::to_string).collect();
        let (named, id) = (named.join(", "), &settings.strategy_id);
        return Err(BadInput::new(format!(
            "strategy {id}: symbols names {named}, and the candles hold {symbol}; give its own with --candles {}=FILE",
            settings.symbols.first().map_or_else(|| "SYMBOL".to_owned(), ToString::to_string),
        )));
    }
    if settings.symbols.len() > 1 {
        notes.push(format!("symbols: only {symbol} is traded, because the candle file holds one market"));
        settings.symbols = vec![symbol.clone()];
    }
    Ok((settings, symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traded(symbols: &[&str], held: Option<&str>) -> Result<String, String> {
        let (mut settings, _) = strategy(None).map_err(|bad| bad.to_string())?;
        let symbol = |name: &str| Symbol::parse(name).unwrap();
        settings.symbols = symbols.iter().map(|name| symbol(name)).collect();
        let traded = one_market(settings, held.map(symbol), &mut Vec::new());
        traded.map(|(_, symbol)| symbol.to_string()).map_err(|bad| bad.to_string())
    }

    #[test]
    fn a_symbol_that_the_candles_do_not_hold_is_refused() {
        assert_eq!(traded(&["ETH-USDT", "BTC-USDT"], Some("BTC-USDT")).as_deref(), Ok("BTC-USDT"));
        assert_eq!(traded(&["ETH-USDT"], None).as_deref(), Ok("ETH-USDT"));
        let refused = traded(&["ETH-USDT"], Some("BTC-USDT")).unwrap_err();
        let words = "symbols names ETH-USDT, and the candles hold BTC-USDT; give its own with --candles ETH-USDT=FILE";
        assert!(refused.contains(words), "{refused}");
    }
}
