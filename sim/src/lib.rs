//! The world on one machine: an exchange, a model, AWS, the Lambda runtime, a clock, faults and checkers.

pub mod aws;
pub mod checks;
pub mod clock;
pub mod exchange;
pub mod faults;
pub mod in_process;
pub mod model;
pub mod runtime_api;
pub mod service;
pub mod socket;
pub mod world;
