//! Strategies by the hundred, applied as `tradai strategy apply` does: a shard, settings, a state, an account.

use shared::ids::{AccountId, StrategyId};
use shared::records::{self, AccountLedger, Shard};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Write, WriteTables};
use shared::time::{Millis, Timestamp};

use super::Failure;
use super::world::World;

/// Strategies whose model is due in every minute.
pub const LOAD: (&str, u32) = ("load", 0);
/// Strategies whose model is due at another time.
pub const IDLE: (&str, u32) = ("idle", 100_000);
/// The interval of the former, in seconds.
pub const EVERY_MINUTE: u32 = 60;
/// The interval of the latter, in seconds.
pub const ONCE_A_DAY: u32 = 86_400;

/// Strategies of one kind, each alone in its shard and account.
#[derive(Debug, Clone)]
pub struct Fleet {
    kind: &'static str,
    first_shard: u32,
    /// How many.
    pub size: u32,
    decide_every: u32,
}

impl Fleet {
    /// `size` strategies of a kind.
    pub const fn of((kind, first_shard): (&'static str, u32), size: u32, decide_every: u32) -> Fleet {
        Fleet { kind, first_shard, size, decide_every }
    }

    /// The shard of the `nth`.
    pub const fn shard(&self, nth: u32) -> u32 {
        self.first_shard.saturating_add(nth)
    }

    /// Its name, and that of its account.
    pub fn name(&self, nth: u32) -> String {
        format!("{}-{nth:05}", self.kind)
    }

    /// Writes every strategy's items and opens its account.
    pub async fn apply(&self, world: &World, now: Timestamp) -> Result<(), Failure> {
        for nth in 0..self.size {
            let name = self.name(nth);
            world.open_account(&name)?;
            for write in self.items(nth, &name, now)? {
                world.tables.write(vec![write]).await.map_err(Failure::world)?;
            }
        }
        Ok(())
    }

    fn items(&self, nth: u32, name: &str, now: Timestamp) -> Result<Vec<Write>, Failure> {
        let id = StrategyId::parse(name).map_err(Failure::world)?;
        let account = AccountId::parse(name).map_err(Failure::world)?;
        let settings = Settings::from_toml(&self.toml(name), "fleet.toml").map_err(Failure::world)?.settings;
        let shard = Shard { shard: self.shard(nth), strategies: vec![id.clone()] };
        let ledger = AccountLedger::first(account);
        let state = first_state(id, now);
        Ok(vec![
            Write::put_if_absent(records::shard::key(shard.shard), records::shard::encode(&shard)),
            Write::put_if_absent(records::account::key(&ledger.account), records::account::encode(&ledger)),
            Write::put_if_absent(
                records::strategy_config::key(&settings.strategy_id),
                records::strategy_config::encode(&settings),
            ),
            Write::put_if_absent(records::state::key(&state.strategy_id), records::state::encode(&state)),
        ])
    }

    fn toml(&self, name: &str) -> String {
        format!(
            r#"
profile = "cautious"
strategy_id = "{name}"
account = "{name}"
venue = "binance"
backend = "exchange"
testnet = true
symbols = ["BTC-USDT"]
decide_every_seconds = {every}
model = "anthropic/claude-haiku-4-5"
llm_usd_per_day = 100.0
safety_mode = "Direct"

[ask]
tokens_per_five_minutes = 20_000
"#,
            every = self.decide_every
        )
    }
}

/// As if decided a minute ago, so that the present minute is still free to claim.
fn first_state(id: StrategyId, now: Timestamp) -> StrategyState {
    let before = now.minute() - Millis::from_minutes(1);
    let state = StrategyState::first(id, Status::Running, now);
    StrategyState { last_decided_at: before, last_executed_at: before, ..state }
}
