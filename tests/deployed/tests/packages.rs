//! The packages as they are uploaded: small, and made for the machines that run them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use deployed::packages::{self, Package};
use deployed::tools::Tools;

/// The size that a package may have, zipped, in bytes.
const MOST_ZIPPED: u64 = 4_000_000;
/// The C library of Amazon Linux 2023, which `provided.al2023` is made from:
/// <https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html>.
const RUNTIME_GLIBC: [u32; 2] = [2, 34];

#[test]
fn each_package_is_small_and_asks_for_no_newer_c_library_than_its_runtime_has() {
    let (tools, _) = Tools::here(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let folder = packages::build(&tools).unwrap_or_else(|error| panic!("{error}"));
    for package in packages::look(&folder).unwrap_or_else(|error| panic!("{error}")) {
        let Package { function, bytes, zipped, glibc } = &package;
        let newest = glibc.last().map(Vec::as_slice);
        println!("{function}: {bytes} bytes, {zipped} zipped, C library {newest:?}");
        assert!(*zipped <= MOST_ZIPPED, "{package:?}");
        assert!(newest.is_some_and(|newest| newest <= RUNTIME_GLIBC.as_slice()), "{package:?}");
    }
}
