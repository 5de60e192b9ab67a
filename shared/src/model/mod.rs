//! Model providers behind the [`AskModel`](crate::ports::AskModel) port. A provider's spelling ends inside its
//! folder; what a model takes is in one table.

pub mod anthropic;
pub mod any;
pub mod bedrock;
pub mod capabilities;
mod exchange;
pub mod openai;
pub mod provider;

pub use any::{AnyModel, read};
pub use provider::Provider;
