//! The operator's program: one file per command.

pub mod apply;
pub mod bad_input;
pub mod paper;
