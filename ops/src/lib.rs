//! The operator's program `tradai`: one file per command.

pub mod apply;
pub mod approvals;
pub mod approve;
pub mod bad_input;
pub mod footprint;
pub mod gate;
pub mod model;
pub mod not_done;
pub mod offers;
pub mod operate;
pub mod paper;
pub mod person;
pub mod reject;
pub mod replay;
pub mod stage;
