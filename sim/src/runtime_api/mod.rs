//! The Lambda Runtime API on one machine: drives the real function binaries, one process each.
//!
//! What a function can see is as on Lambda: four endpoints, an environment that starts out empty, a true
//! deadline, one invocation at a time, a kill at the timeout, and a fresh process after it.

mod api;
mod desk;
mod function;
mod logs;
mod memory;
mod outcome;
mod process;
mod processor;
mod program;
mod routes;
mod wall;

pub use api::{Limits, RuntimeApi};
pub use function::Function;
pub use memory::Memory;
pub use outcome::{Invocation, InvokeError};
pub use program::Program;

#[cfg(test)]
mod tests;
