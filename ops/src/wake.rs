//! Wakes execute for a shard with its ordinary event, so that a person sees in seconds what a tick does.

use serde_json::{Value, json};
use shared::records::Shard;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};

use crate::stage::Stage;

/// Longer than an invocation of execute may take.
const TIMEOUT: Millis = Millis::from_secs(65);

/// Invokes execute for the shard `number` of `shards`; nothing but the word of failure comes back, since what it did
/// stands in the tables. Execute drops an event that is older than a minute and says that all is well: where the minute
/// has ended meanwhile, it is invoked for the next one too.
pub async fn execute(
    stage: &Stage,
    shards: &[Shard],
    number: u32,
    clock: &impl Fn() -> Timestamp,
) -> Result<(), String> {
    let of = shards.iter().map(|shard| shard.shard.saturating_add(1)).max().unwrap_or(1);
    let event = |minute: Timestamp| json!({"shard": number, "of": of, "scheduled_at": minute.to_string()});
    let before = clock();
    invoke(stage, &event(before.minute()), before).await?;
    let after = clock();
    if after.minute() == before.minute() {
        return Ok(());
    }
    invoke(stage, &event(after.minute()), after).await
}

async fn invoke(stage: &Stage, event: &Value, now: Timestamp) -> Result<(), String> {
    let name = stage.names.function(Function::Execute);
    stage.functions.invoke(&name, event, now, TIMEOUT).await.map(drop).map_err(|error| error.to_string())
}
