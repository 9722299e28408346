//! What Cargo knows about the workspace and about the code of others in it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo::Cargo;
use crate::failure::Failure;

/// A package, with as much of it as the checks ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    /// Where it was fetched from; nothing for a package of this repository.
    pub(crate) source: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether it has a library (a procedural macro is one).
    pub(crate) has_library: bool,
    /// Whether it has a program.
    pub(crate) has_program: bool,
}

/// One line of a `[dependencies]` table, whatever target or feature it hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Which table a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Development,
}

/// The workspace's packages and, when asked for, all that they use.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

impl Metadata {
    /// The packages of this workspace only. Needs neither a lock file nor a network.
    pub(crate) fn of_workspace() -> Result<Self, Failure> {
        Self::read(&Cargo::new("metadata --format-version 1 --no-deps"))
    }

    /// The packages of this workspace and of all its dependencies, with every feature, for every platform.
    pub(crate) fn of_everything() -> Result<Self, Failure> {
        Self::read(&Cargo::new("metadata --format-version 1 --all-features --locked"))
    }

    fn read(call: &Cargo) -> Result<Self, Failure> {
        Self::parse(&serde_json::from_slice(&call.output()?)?)
    }

    fn parse(json: &Value) -> Result<Self, Failure> {
        let root = text(json, "workspace_root")?;
        let packages = array(json, "packages")?.iter().map(Package::parse).collect::<Result<_, _>>()?;
        Ok(Self { root: Path::new(root).to_owned(), packages })
    }
}

impl Package {
    fn parse(json: &Value) -> Result<Self, Failure> {
        let mut package = Self {
            name: text(json, "name")?.to_owned(),
            version: text(json, "version")?.to_owned(),
            licence: json.get("license").and_then(Value::as_str).map(str::to_owned),
            source: json.get("source").and_then(Value::as_str).map(str::to_owned),
            manifest: Path::new(text(json, "manifest_path")?).to_owned(),
            dependencies: array(json, "dependencies")?
                .iter()
                .map(Dependency::parse)
                .collect::<Result<_, _>>()?,
            has_library: false,
            has_program: false,
        };
        for target in array(json, "targets")? {
            for kind in array(target, "kind")?.iter().filter_map(Value::as_str) {
                match kind {
                    "bin" => package.has_program = true,
                    "lib" | "rlib" | "dylib" | "cdylib" | "staticlib" | "proc-macro" => {
                        package.has_library = true;
                    }
                    _ => {}
                }
            }
        }
        Ok(package)
    }
}

impl Dependency {
    fn parse(json: &Value) -> Result<Self, Failure> {
        let kind = match json.get("kind").and_then(Value::as_str) {
            None => Kind::Normal,
            Some("build") => Kind::Build,
            Some("dev") => Kind::Development,
            Some(_) => return Err(Failure::MetadataField("kind")),
        };
        Ok(Self { name: text(json, "name")?.to_owned(), kind })
    }
}

fn text<'json>(json: &'json Value, field: &'static str) -> Result<&'json str, Failure> {
    json.get(field).and_then(Value::as_str).ok_or(Failure::MetadataField(field))
}

fn array<'json>(json: &'json Value, field: &'static str) -> Result<&'json Vec<Value>, Failure> {
    json.get(field).and_then(Value::as_array).ok_or(Failure::MetadataField(field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_read_with_the_kind_of_each_dependency() {
        let metadata = Metadata::parse(&json!({
            "workspace_root": "/w",
            "packages": [{
                "name": "wzapi-ledger", "version": "0.1.0", "license": "MIT", "source": null,
                "manifest_path": "/w/crates/ledger/Cargo.toml",
                "dependencies": [
                    {"name": "wzapi-model", "kind": null, "rename": "model"},
                    {"name": "wzapi-storage-memory", "kind": "dev"},
                    {"name": "cc", "kind": "build"},
                ],
                "targets": [{"kind": ["lib"]}, {"kind": ["test"]}],
            }],
        }))
        .unwrap();
        let [package] = metadata.packages.as_slice() else { panic!("one package") };
        assert_eq!(package.name, "wzapi-ledger");
        assert!(package.has_library && !package.has_program);
        let kinds: Vec<_> = package.dependencies.iter().map(|d| (d.name.as_str(), d.kind)).collect();
        let expected =
            [("wzapi-model", Kind::Normal), ("wzapi-storage-memory", Kind::Development), ("cc", Kind::Build)];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_missing_field_is_named() {
        let failure = Metadata::parse(&json!({"workspace_root": "/w"})).unwrap_err();
        assert!(matches!(failure, Failure::MetadataField("packages")));
    }
}
