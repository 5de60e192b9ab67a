//! The world on one machine: an exchange, a model, AWS, the Lambda runtime, a clock, faults and checkers.

pub mod exchange;
pub mod service;
