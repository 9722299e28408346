//! Building and running the benchmarks.
//!
//! They are a workspace of their own in `benches/`, so that the peers they measure against never enter the ordinary
//! build. Everything else about them is said there.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::{Cargo, workspace};
use crate::failure::Failure;

/// Builds the benchmarks for release and runs them with these arguments, in the folder where the person is.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let target = target();
    // Without `--locked`: their lock file names packages of this workspace, whose dependencies change.
    Cargo::new("build --release --manifest-path benches/Cargo.toml --target-dir").argument(&target).run()?;

    let program =
        target.join("release").join("wzapi-benches").with_extension(std::env::consts::EXE_EXTENSION);
    let command = program.display().to_string();
    let status = Command::new(&program).args(arguments).status();
    let status = status.map_err(|source| Failure::Start { command: command.clone(), source })?;
    if status.success() { Ok(()) } else { Err(Failure::Exit { command, status }) }
}

/// Where the benchmarks are built: inside the target folder of the workspace, apart from what it builds itself.
fn target() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = folder.and_then(|folder| std::path::absolute(folder).ok());
    folder.unwrap_or_else(|| workspace().join("target")).join("benches")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmarks_are_a_workspace_of_their_own_beside_this_package() {
        let manifest = std::fs::read_to_string(workspace().join("benches").join("Cargo.toml")).unwrap();
        assert!(manifest.contains("\n[workspace]\n"));
        assert!(manifest.contains("\nname = \"wzapi-benches\"\n"));
    }

    #[test]
    fn they_are_built_in_a_folder_that_does_not_depend_on_where_the_person_is() {
        assert!(target().is_absolute());
        assert!(target().ends_with("benches"));
    }
}
