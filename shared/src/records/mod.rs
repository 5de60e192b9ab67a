//! One file per kind of item: its key, how it is written, how it is read back.
//!
//! | kind | table and key | put by | lives |
//! |---|---|---|---|
//! | [`state`] | trading-state: `strategy_id` | Operator (`strategy apply`) | as long as the strategy; required |
//! | [`strategy_config`] | strategy-config: `strategy_id` | Operator (`strategy apply`) | as long as the strategy; required |
//! | [`position`] | positions: `position_id` = `{strategy_id}.{seq}` | Execute, with the first fill | for ever; optional |
//! | [`order`] | orders: `position_id`, `order_id` | Decide (intents), Execute (its own) | for ever; optional |
//! | [`order`], fills | orders: `position_id`, `{order_id}#{trade_id}` | Execute | for ever; optional |
//! | [`decision`] | decisions: `strategy_id`, `decided_at` | Decide, before the answer is read | until `expires_at`, for ever with an order; optional |
//! | [`context`] | context: `strategy_id`, `noted_at` | Operator (the user's own pipeline) | until `expires_at`; optional |
//! | [`incident`] | incidents: `incident_id` | Heartbeat | for ever; optional |
//! | [`account`] | ledgers: `account#{account}` | Operator (`strategy apply`) | as long as a strategy uses it; required |
//! | [`venue`] | ledgers: `venue#{venue}#{egress}` | whoever has something to tell first | for ever; optional |
//! | [`llm`] | ledgers: `llm#{provider}`, `llm#fleet` | Decide, before the first question | for ever; optional |
//! | [`paper`] | ledgers: `paper#{account}` | the paper venue, when it is first asked | for ever; optional |
//! | [`shard`] | ledgers: `shard#{k}` | Operator (`strategy apply`) | as long as it has a strategy; required |
//!
//! An item holds its key attributes too, so it says by itself what it is. Reading is strict ([`fields`]):
//! what is missing, null, of another type or unknown is an error that names item and attribute. Attributes
//! that no reader asks for are ignored, and stay, since writes go attribute by attribute. Who may write
//! what is data in [`writers`].

pub mod account;
pub mod attrs;
pub mod context;
pub mod decision;
pub mod fields;
pub mod incident;
pub mod llm;
pub mod order;
pub mod paper;
mod parts;
pub mod position;
pub mod shard;
pub mod state;
pub mod strategy_config;
pub mod venue;
pub mod writers;

pub use account::{AccountLedger, Difference, KeyCheck};
pub use context::ContextNote;
pub use decision::DecisionRecord;
pub use fields::{Corrupt, Fields, Found, Problem};
pub use incident::Incident;
pub use llm::LlmLedger;
pub use order::Row;
pub use shard::Shard;
pub use state::{Due, Vitals};

#[cfg(test)]
pub(crate) mod arb;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod dynamo_json;
#[cfg(test)]
pub(crate) mod samples;
