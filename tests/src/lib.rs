//! What crosses crates and is more than a test: the crash harness, the harness that runs the function binaries, and
//! what the roles of the functions allow.

pub mod crash;
pub mod lambda;
pub mod permissions;
