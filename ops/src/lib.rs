//! The operator's program: one file per command.

pub mod apply;
pub mod approve;
pub mod bad_input;
//! The operator's program `tradai`: one file per command.

pub mod paper;
