//! The real stacks, deployed into an emulated account on this machine and looked at from outside. The test itself is
//! behind the feature `deployed`, so that `cargo test` stays Rust alone, offline and free of the clock.

pub mod account;
pub mod aws;
pub mod aws_json;
pub mod cdk;
pub mod elsewhere;
pub mod packages;
pub mod program;
pub mod readme;
pub mod run;
pub mod tools;
pub mod until;
