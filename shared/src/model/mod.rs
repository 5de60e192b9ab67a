//! Model providers behind the [`AskModel`](crate::ports::AskModel) port. A provider's spelling ends inside its
//! folder.

pub mod anthropic;
pub mod openai;
