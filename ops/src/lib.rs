//! The operator's program `tradai`: one file per command.

pub mod paper;
