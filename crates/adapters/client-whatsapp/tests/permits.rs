//! Code that would send without a permit, or twice under one, does not compile. Each file in `tests/permits` is one
//! attempt, and the `.stderr` beside it what the compiler says to it. The way that compiles is in the tests of `it`: a
//! case here that is built to pass would have the whole tree built once more, where a check is enough.
//!
//! After a change of compiler, `TRYBUILD=overwrite` writes the texts anew: read them before they are kept.

#[test]
fn code_around_the_permit_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/permits/*.rs");
}
