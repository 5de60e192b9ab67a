//! What `tradai cost` is asked for.

use clap::Args;
use shared::tick::StageKind;

/// Minutes of simulated time: whole cycles of 25 minutes.
const CYCLE: u32 = 25;
/// Most of them: what the bundled candles hold, less history and lead-in.
const MOST: u32 = 29_200;

/// Count what strategies use on this machine, and price it: dollars a month for 1, 100 and 10,000 of them.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The kind of stage: dev, paper or live; in live orders go to an exchange, from a fixed address
    #[arg(long, default_value = "paper", value_parser = kind)]
    pub kind: StageKind,
    /// Simulated minutes that are counted, a multiple of 25
    #[arg(long, default_value_t = 1_500, value_parser = minutes)]
    pub minutes: u32,
    /// Take off what AWS gives every account for ever
    #[arg(long)]
    pub free_tier: bool,
    /// How long answers take
    #[command(flatten)]
    pub waits: Waits,
    /// Print one JSON object instead of the tables
    #[arg(long)]
    pub json: bool,
}

/// How long an answer takes: assumed, since nothing on this machine is as far away as on Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Waits {
    /// Milliseconds that a call of AWS takes (assumed)
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub aws_ms: u32,
    /// Milliseconds that a call of the exchange takes (assumed)
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub venue_ms: u32,
    /// Milliseconds that the model thinks (assumed)
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub model_ms: u32,
}

fn kind(text: &str) -> Result<StageKind, String> {
    StageKind::parse(text).ok_or_else(|| "write dev, paper or live".to_owned())
}

fn minutes(text: &str) -> Result<u32, String> {
    let bad = || format!("write a multiple of {CYCLE} from {CYCLE} to {MOST}, such as 1500");
    let minutes = text.parse::<u32>().map_err(|_| bad())?;
    let fits = minutes.is_multiple_of(CYCLE) && (CYCLE..=MOST).contains(&minutes);
    if fits { Ok(minutes) } else { Err(bad()) }
}

impl Options {
    /// The command that gives the same again.
    pub fn command(&self) -> String {
        let Waits { aws_ms, venue_ms, model_ms } = self.waits;
        let free = if self.free_tier { " --free-tier" } else { "" };
        format!(
            "tradai cost --kind {} --minutes {}{free} --aws-ms {aws_ms} --venue-ms {venue_ms} --model-ms {model_ms}",
            self.kind.as_str(),
            self.minutes
        )
    }
}
