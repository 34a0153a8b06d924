use std::time::Instant;

use anyhow::Result;

use super::executable::Executable;
use super::{Kit, build, sockets};
use crate::repository::check;

/// The profile that is shipped.
const SHIPPED: &str = "release";

/// Builds everything, and runs it under Wine.
pub(crate) fn run() -> Result<()> {
    let began = Instant::now();
    let step = |what: &str| eprintln!("\n--- {what} (after {} s)", began.elapsed().as_secs());
    let kit = Kit::prepare()?;

    step("Windows: the executable");
    let sockscope = build(&kit, SHIPPED)?;
    Executable::read(&sockscope)?.check()?;

    step("Windows: lints");
    check(kit.clippy().args(["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;

    step("Windows: tests under Wine");
    check(kit.cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]))?;

    step("Windows: sockets of programs under Wine");
    // As the tests above, which have built it.
    let testkit = sockets::build_testkit(&kit, "dev")?;
    sockets::check(&kit, &sockscope, &testkit)
}
