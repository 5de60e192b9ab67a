//! The function binaries, as processes in real time: on with `--features binaries`.
//! `.ci/run lint` only compiles it; `.ci/run lambda` drives the same through more invocations.
#![cfg(feature = "binaries")]

use tests::lambda::{Options, Source, run, table};

#[tokio::test(flavor = "multi_thread")]
async fn the_four_binaries_take_a_strategy_from_its_first_look_to_a_filled_order() {
    let options = Options { invocations: 20, rounds: 0, binaries: Source::Together };
    let findings = run(&options).await.unwrap();
    println!("{}", table::render(&findings));
    assert_eq!(findings.failures(), [""; 0], "{}", table::render(&findings));
}
