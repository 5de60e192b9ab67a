//! What `tradai paper` is asked for.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use shared::ids::Symbol;
use shared::model::Provider;
use sim::faults::FaultPlan;
use sim::model::Policy;

use super::minds::default_model;

/// Trade the candles of a file with simulated money: the four functions on their schedules over replayed
/// time, against a simulated exchange, a scripted model and an embedded AWS.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many days of the candle file to trade, from its start
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// One-minute candles as CSV or CSV.gz with the columns open_time,open,high,low,close,volume; they hold SYMBOL, else
    /// the first of the strategy's symbols [default: 21 days of BTC-USDT, March 2023]
    #[arg(long, value_name = "[SYMBOL=]FILE")]
    pub candles: Option<CandleFile>,
    /// The strategy as TOML [default: the bundled one]
    #[arg(long, value_name = "FILE")]
    pub strategy: Option<PathBuf>,
    /// Who decides: scripted:momentum, scripted:refuses, scripted:garbage, scripted:slow,
    /// scripted:throttled, scripted:greedy, scripted:gullible, or a real provider: anthropic, openai, bedrock,
    /// deepseek, qwen, kimi, glm, gemini, xai, mistral, groq, openrouter; PROVIDER/MODEL names the model too, as it
    /// must for ollama, vllm, llamacpp, lmstudio, compatible and a NAME of --servers; recorded:FILE repeats the
    /// answers that --record wrote
    #[arg(long, default_value = "scripted:momentum")]
    pub model: ModelChoice,
    /// Model servers as TOML: [servers.NAME] with url, kind, tool_choice, answer_tokens, prices and key_env
    #[arg(long, value_name = "FILE")]
    pub servers: Option<PathBuf>,
    /// Write every answer of the model to this new file, for --model recorded:FILE
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Who answers approvals where the strategy says TwoPhase: all, none or after:MINUTES
    #[arg(long, default_value = "none")]
    pub approve: Approve,
    /// How much fails: none, light or heavy
    #[arg(long, default_value = "none")]
    pub faults: FaultLevel,
    /// The seed of everything that is random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Where to write the report
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub report: PathBuf,
    /// Afterwards keep the embedded AWS endpoint up until interrupted
    #[arg(long)]
    pub serve: bool,
}

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// A scripted policy.
    Scripted(Policy),
    /// A provider or server over the network.
    Real {
        /// Which, by its name.
        provider: String,
        /// Its model, where it is not the strategy's.
        name: Option<String>,
    },
    /// The answers of another run, from its file.
    Recorded(PathBuf),
}

impl FromStr for ModelChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<ModelChoice, String> {
        if let Some(policy) = text.strip_prefix("scripted:") {
            let policy = policy.parse().map_err(|error: sim::model::UnknownPolicy| error.to_string());
            return policy.map(ModelChoice::Scripted);
        }
        if let Some(file) = text.strip_prefix("recorded:").filter(|file| !file.is_empty()) {
            return Ok(ModelChoice::Recorded(file.into()));
        }
        match text.split_once('/') {
            Some((provider, name)) if !provider.is_empty() && !name.is_empty() => {
                Ok(ModelChoice::Real { provider: provider.to_owned(), name: Some(name.to_owned()) })
            }
            None if Provider::parse(text).and_then(default_model).is_some() => {
                Ok(ModelChoice::Real { provider: text.to_owned(), name: None })
            }
            Some(_) | None => Err("write scripted:POLICY, recorded:FILE, the name of a hosted provider, or \
                                   PROVIDER/MODEL, such as ollama/qwen3"
                .to_owned()),
        }
    }
}

impl fmt::Display for ModelChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelChoice::Scripted(policy) => write!(out, "scripted:{policy}"),
            ModelChoice::Real { provider, name: None } => out.write_str(provider),
            ModelChoice::Real { provider, name: Some(name) } => write!(out, "{provider}/{name}"),
            ModelChoice::Recorded(file) => write!(out, "recorded:{}", file.display()),
        }
    }
}

/// Who answers approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approve {
    /// Every one, in the minute that it is asked for.
    All,
    /// None.
    None,
    /// Every one, after so many minutes.
    After(u32),
}

/// A file of candles, and the market that it holds, where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleFile {
    /// The market.
    pub symbol: Option<Symbol>,
    /// The file.
    pub path: PathBuf,
}

impl FromStr for CandleFile {
    type Err = String;
    fn from_str(text: &str) -> Result<CandleFile, String> {
        let named = text.split_once('=').filter(|(symbol, _)| !symbol.contains(['/', '.']));
        let Some((symbol, path)) = named else { return Ok(CandleFile { symbol: None, path: text.into() }) };
        let symbol = Symbol::parse(symbol).map_err(|bad| bad.to_string())?;
        Ok(CandleFile { symbol: Some(symbol), path: path.into() })
    }
}

impl FromStr for Approve {
    type Err = String;
    fn from_str(text: &str) -> Result<Approve, String> {
        let bad = || "write all, none or after:MINUTES".to_owned();
        match text.split_once(':') {
            None if text == "all" => Ok(Approve::All),
            None if text == "none" => Ok(Approve::None),
            Some(("after", minutes)) => minutes.parse().map(Approve::After).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Approve {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Approve::All => out.write_str("all"),
            Approve::None => out.write_str("none"),
            Approve::After(minutes) => write!(out, "after:{minutes}"),
        }
    }
}

/// How much fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FaultLevel {
    /// Nothing.
    None,
    /// A little of everything.
    Light,
    /// Much of everything.
    Heavy,
}

impl FaultLevel {
    /// The faults of this level.
    pub fn plan(self) -> FaultPlan {
        match self {
            FaultLevel::None => FaultPlan::none(),
            FaultLevel::Light => FaultPlan::light(),
            FaultLevel::Heavy => FaultPlan::heavy(),
        }
    }
}

impl fmt::Display for FaultLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            FaultLevel::None => "none",
            FaultLevel::Light => "light",
            FaultLevel::Heavy => "heavy",
        })
    }
}
