//! Where the programs are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ServerError;

/// Where the packages of Debian and its kin put each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The oldest version that the store takes.
const MIN_VERSION: u32 = 14;

/// The folder with `initdb`, `postgres` and `pg_ctl`.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(super) programs: PathBuf,
}

impl Installation {
    /// The newest version that is installed as a package, or the one on `PATH`.
    #[must_use]
    pub fn find() -> Option<Self> {
        let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten().filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
        let newest = versions
            .filter(|(version, programs)| *version >= MIN_VERSION && programs.join("initdb").is_file())
            .max_by_key(|(version, _)| *version)
            .map(|(_, programs)| programs);
        // A link on the path may stand alone; its target has the other programs beside it.
        let on_path = || Some(find_program("initdb")?.canonicalize().ok()?.parent()?.to_owned());
        newest.or_else(on_path).map(|programs| Self { programs })
    }

    /// One of its programs, such as `pg_dump`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// As [`Installation::find`]; what is missing is installed with the system's package manager, as root.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when that is not possible.
    pub fn find_or_install() -> Result<Self, ServerError> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install("postgresql");
        Self::find().ok_or(ServerError::Missing { program: "PostgreSQL", package: "postgresql" })
    }
}

/// A program on `PATH`, or where programs for administrators are.
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Tries to install a package; whether that worked shows in whether its program is there.
pub(super) fn install(package: &str) {
    if !Path::new("/usr/bin/apt-get").is_file() {
        return;
    }
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !apt(&["install", "-y", "--no-install-recommends", package]) {
        apt(&["update"]);
        apt(&["install", "-y", "--no-install-recommends", package]);
    }
}
