//! The operator's program `tradai`: one file per command.

pub mod apply;
pub mod approvals;
pub mod approve;
pub mod bad_input;
pub mod cost;
pub mod emergency_stop;
pub mod fits;
pub mod footprint;
pub mod gate;
pub mod halt;
pub mod look;
pub mod model;
pub mod not_done;
pub mod offers;
pub mod operate;
pub mod paper;
pub mod person;
pub mod reject;
pub mod replay;
pub mod stage;
pub mod start;
pub mod status;
pub mod stop;
pub mod strategy;
pub mod wait;
pub mod wake;
