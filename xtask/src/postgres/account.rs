//! The user a server runs as, and a folder that belongs to it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ServerError, at};

/// A user, when it is not the one we are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account(Option<(u32, u32)>);

impl Account {
    /// Who we are, or somebody ordinary when we are root.
    fn ordinary(we: u32) -> Result<Self, ServerError> {
        if we != 0 {
            return Ok(Self(None));
        }
        let users = fs::read_to_string("/etc/passwd").map_err(at("/etc/passwd"))?;
        let find = |name: &str| users.lines().find_map(|line| ids_of(line, name));
        ["postgres", "nobody"]
            .into_iter()
            .find_map(find)
            .map(|ids| Self(Some(ids)))
            .ok_or(ServerError::NoAccount)
    }

    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        // What describes another server must not reach this one.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C");
        command
    }

    pub(super) fn give(self, path: &Path) -> Result<(), ServerError> {
        match self.0 {
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(at(path)),
            None => Ok(()),
        }
    }

    pub(super) fn write(self, path: &Path, text: &str) -> Result<(), ServerError> {
        fs::write(path, text).map_err(at(path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(at(path))?;
        self.give(path)
    }
}

fn ids_of(line: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = line.split(':');
    let (found, user, group) = (fields.next()?, fields.nth(1)?, fields.next()?);
    if found == name { Some((user.parse().ok()?, group.parse().ok()?)) } else { None }
}

/// A new folder that only the account can enter, which may be somebody else than we are.
pub(super) fn make_home(parent: &Path, name: &str) -> Result<(PathBuf, Account), ServerError> {
    let mut attempt = 0;
    let path = loop {
        let path = parent.join(format!("wzapi-{name}-{}-{attempt}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => break path,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
            Err(source) => return Err(ServerError::File { path, source }),
        }
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(at(&path))?;
    let account = Account::ordinary(fs::metadata(&path).map_err(at(&path))?.uid())?;
    account.give(&path)?;
    Ok((path, account))
}

/// A port that is free on the loopback interface now.
pub(super) fn free_port() -> Result<u16, ServerError> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(at("127.0.0.1"))?;
    Ok(listener.local_addr().map_err(at("127.0.0.1"))?.port())
}

/// A password that nobody else on this machine knows.
pub(super) fn random_password() -> Result<String, ServerError> {
    let path = "/dev/urandom";
    let mut bytes = [0; 16];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(at(path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_the_line_of_the_user() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(ids_of(line, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(line, "nobody"), None);
        assert_eq!(ids_of("postgres", "postgres"), None);
    }
}
