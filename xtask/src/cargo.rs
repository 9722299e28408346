//! Starting Cargo from inside Cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// One call of Cargo, at the top of the workspace.
#[derive(Debug)]
pub(crate) struct Cargo {
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, String)>,
}

impl Cargo {
    /// A call with these arguments, split at spaces.
    pub(crate) fn new(arguments: &str) -> Self {
        Self { arguments: arguments.split_whitespace().map(OsString::from).collect(), variables: Vec::new() }
    }

    /// Adds one argument that may hold spaces.
    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable for this call.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Runs to the end; the person sees all of its output.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let status =
            self.command().status().map_err(|source| Failure::Start { command: self.line(), source })?;
        if status.success() { Ok(()) } else { Err(Failure::Exit { command: self.line(), status }) }
    }

    /// Runs to the end and returns standard output; the person sees standard error.
    pub(crate) fn output(&self) -> Result<Vec<u8>, Failure> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| Failure::Start { command: self.line(), source })?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(Failure::Exit { command: self.line(), status: output.status })
        }
    }

    /// Whether the call succeeds; nothing of it is shown. For asking whether a subcommand is installed.
    pub(crate) fn works(&self) -> bool {
        let status = self.command().stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The call as a person would type it.
    pub(crate) fn line(&self) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={value:?} "));
        let arguments = self.arguments.iter().map(|argument| format!(" {}", argument.display()));
        variables.chain(["cargo".to_owned()]).chain(arguments).collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(&self.arguments).current_dir(workspace()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes_this_package) {
                command.env_remove(name);
            }
        }
        if std::env::var_os("CI").is_some() {
            command.env("CARGO_TERM_COLOR", "never");
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The top folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Variables that `cargo run` sets about the package it runs. Build scripts (that of `ring`, for one) ask
/// to be run again when they change, so passing them on would rebuild half of the workspace each time a
/// person changes between `cargo xtask test` and plain Cargo.
fn describes_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_it_would_be_typed() {
        let call = Cargo::new("doc --workspace").variable("RUSTDOCFLAGS", "-D warnings").argument("a b");
        assert_eq!(call.line(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace a b");
    }

    #[test]
    fn variables_about_xtask_itself_are_not_passed_on() {
        assert!(describes_this_package("CARGO_PKG_VERSION_MAJOR"));
        assert!(describes_this_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_this_package("CARGO_HOME"));
        assert!(!describes_this_package("CARGO_TARGET_DIR"));
    }

    #[test]
    fn the_workspace_is_the_folder_above_this_package() {
        assert!(workspace().join("xtask").join("Cargo.toml").is_file());
    }
}
