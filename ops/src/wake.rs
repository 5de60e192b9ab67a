//! Wakes execute for a shard with its ordinary event, so that a person sees in seconds what a tick does.

use serde_json::json;
use shared::records::Shard;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};

use crate::stage::Stage;

/// Longer than an invocation of execute may take.
const TIMEOUT: Millis = Millis::from_secs(65);

/// Invokes execute for the shard `number` of `shards`; nothing but the word of failure comes back, since what it did
/// stands in the tables.
pub async fn execute(stage: &Stage, shards: &[Shard], number: u32, now: Timestamp) -> Result<(), String> {
    let of = shards.iter().map(|shard| shard.shard.saturating_add(1)).max().unwrap_or(1);
    let event = json!({"shard": number, "of": of, "scheduled_at": now.minute().to_string()});
    let name = stage.names.function(Function::Execute);
    stage.functions.invoke(&name, &event, now, TIMEOUT).await.map_err(|error| error.to_string())
}
