//! What crosses crates and is more than a test: the harness that runs the function binaries.

pub mod crash;
pub mod lambda;
