//! The operator's program `tradai`: one file per command.

pub mod apply;
pub mod approve;
pub mod bad_input;
pub mod footprint;
pub mod paper;
