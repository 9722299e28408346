//! Which crate may depend on which.
//!
//! The table is the design's. What it does not name is refused: a new crate adds its row in the change that
//! adds the crate. Development dependencies are exempt, since tests may wire anything together.

use std::path::Path;

use crate::failure::Failure;
use crate::metadata::{Kind, Metadata, Package};

/// One crate and what it may depend on, of this workspace, outside its tests.
#[derive(Debug)]
struct Row {
    /// Its folder in `crates/`.
    folder: &'static str,
    name: &'static str,
    shape: Shape,
    may_use: MayUse,
}

/// What a crate is built into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It has a `lib.rs`.
    Library,
    /// It has a program; a library beside it is its own affair.
    Program,
    /// A library for tests alone, which nothing but tests may use.
    TestSupport,
}

#[derive(Debug, Clone, Copy)]
enum MayUse {
    Only(&'static [&'static str]),
    /// Every library of the table but adapters, test support and itself.
    EveryLibrary,
}

const fn library(folder: &'static str, name: &'static str, may_use: &'static [&'static str]) -> Row {
    Row { folder, name, shape: Shape::Library, may_use: MayUse::Only(may_use) }
}

const fn program(folder: &'static str, name: &'static str, may_use: &'static [&'static str]) -> Row {
    Row { folder, name, shape: Shape::Program, may_use: MayUse::Only(may_use) }
}

const TABLE: &[Row] = &[
    library("model", "wzapi-model", &[]),
    library("policy", "wzapi-policy", &["wzapi-model"]),
    library("storage", "wzapi-storage", &["wzapi-model"]),
    Row {
        folder: "storage-testkit",
        name: "wzapi-storage-testkit",
        shape: Shape::TestSupport,
        may_use: MayUse::Only(&["wzapi-model", "wzapi-storage"]),
    },
    library("storage-memory", "wzapi-storage-memory", &["wzapi-model", "wzapi-storage"]),
    library("storage-embedded", "wzapi-storage-embedded", &["wzapi-model", "wzapi-storage"]),
    library("storage-postgres", "wzapi-storage-postgres", &["wzapi-model", "wzapi-storage"]),
    library("encryption", "wzapi-encryption", &["wzapi-model", "wzapi-storage"]),
    library("ledger-proof", "wzapi-ledger-proof", &[]),
    library(
        "ledger",
        "wzapi-ledger",
        &["wzapi-model", "wzapi-storage", "wzapi-encryption", "wzapi-ledger-proof"],
    ),
    library("access", "wzapi-access", &["wzapi-model", "wzapi-storage", "wzapi-encryption"]),
    library(
        "consent",
        "wzapi-consent",
        &["wzapi-model", "wzapi-policy", "wzapi-storage", "wzapi-encryption", "wzapi-ledger"],
    ),
    library(
        "vault",
        "wzapi-vault",
        &["wzapi-model", "wzapi-policy", "wzapi-storage", "wzapi-encryption", "wzapi-ledger"],
    ),
    library(
        "retention",
        "wzapi-retention",
        &["wzapi-model", "wzapi-policy", "wzapi-storage", "wzapi-encryption", "wzapi-ledger", "wzapi-vault"],
    ),
    library(
        "accountability",
        "wzapi-accountability",
        &["wzapi-model", "wzapi-policy", "wzapi-storage", "wzapi-encryption", "wzapi-ledger", "wzapi-vault"],
    ),
    library(
        "rights",
        "wzapi-rights",
        &[
            "wzapi-model",
            "wzapi-policy",
            "wzapi-storage",
            "wzapi-encryption",
            "wzapi-ledger",
            "wzapi-consent",
            "wzapi-vault",
            "wzapi-retention",
            "wzapi-accountability",
        ],
    ),
    library(
        "receipt",
        "wzapi-receipt",
        &["wzapi-model", "wzapi-policy", "wzapi-storage", "wzapi-ledger", "wzapi-consent"],
    ),
    library("whatsapp", "wzapi-whatsapp", &["wzapi-model"]),
    Row {
        folder: "compliance",
        name: "wzapi-compliance",
        shape: Shape::Library,
        may_use: MayUse::EveryLibrary,
    },
    library("adapters/client-whatsapp", "wzapi-client-whatsapp", &["wzapi-compliance"]),
    program("cli", "wzapi-cli", &["wzapi-compliance"]),
    program("verify", "wzapi-verify", &["wzapi-ledger-proof"]),
];

/// Applies the table to this workspace.
pub(crate) fn check_workspace() -> Result<(), Failure> {
    let crates = crates_of_workspace()?;
    let found = violations(&crates, TABLE);
    if found.is_empty() {
        println!("layering: {} crates, each within its row", crates.len());
        Ok(())
    } else {
        Err(Failure::Broken {
            rule: "a crate may only be and use what its row in xtask/src/layering.rs says",
            found,
        })
    }
}

/// A crate of this workspace as the check sees it.
#[derive(Debug, Clone)]
struct Crate {
    name: String,
    /// Its folder below `crates/`, with `/` between parts.
    folder: String,
    /// What it uses of this workspace, in any table.
    uses: Vec<(String, Kind)>,
    has_library: bool,
    has_program: bool,
    inherits_lints: bool,
}

fn crates_of_workspace() -> Result<Vec<Crate>, Failure> {
    let metadata = Metadata::of_workspace()?;
    let names: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let home = metadata.root.join("crates");
    let mut crates = Vec::new();
    for package in &metadata.packages {
        let Some(folder) = folder_below(&home, &package.manifest) else { continue };
        let manifest = std::fs::read_to_string(&package.manifest)
            .map_err(|source| Failure::File { path: package.manifest.clone(), source })?;
        crates.push(Crate {
            name: package.name.clone(),
            folder,
            uses: uses_within(package, &names),
            has_library: package.has_library,
            has_program: package.has_program,
            inherits_lints: inherits_lints(&manifest),
        });
    }
    Ok(crates)
}

fn folder_below(home: &Path, manifest: &Path) -> Option<String> {
    let folder = manifest.parent()?.strip_prefix(home).ok()?;
    let parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy()).collect();
    Some(parts.join("/"))
}

fn uses_within(package: &Package, workspace: &[&str]) -> Vec<(String, Kind)> {
    let within = package.dependencies.iter().filter(|used| workspace.contains(&used.name.as_str()));
    within.map(|used| (used.name.clone(), used.kind)).collect()
}

/// Whether a manifest takes the lints of the workspace, which hold the rules on panics and unsafe code.
fn inherits_lints(manifest: &str) -> bool {
    let mut table = "";
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if line.starts_with('[') {
            table = line;
        }
        let setting: String = line.chars().filter(|character| !character.is_whitespace()).collect();
        match table {
            "" if setting == "lints.workspace=true" => return true,
            "[lints]" if setting == "workspace=true" => return true,
            _ => {}
        }
    }
    false
}

fn violations(crates: &[Crate], table: &[Row]) -> Vec<String> {
    crates.iter().flat_map(|krate| violations_of(krate, table)).collect()
}

fn violations_of(krate: &Crate, table: &[Row]) -> Vec<String> {
    let name = &krate.name;
    let Some(row) = table.iter().find(|row| row.name == name) else {
        return vec![format!("{name} (crates/{}) has no row in the table", krate.folder)];
    };
    let mut found = Vec::new();
    if row.folder != krate.folder {
        found.push(format!("{name} stands in crates/{}, its row says crates/{}", krate.folder, row.folder));
    }
    let missing = match row.shape {
        Shape::Library | Shape::TestSupport => (!krate.has_library).then_some("src/lib.rs"),
        Shape::Program => (!krate.has_program).then_some("program"),
    };
    if let Some(missing) = missing {
        found.push(format!("{name} has no {missing}"));
    }
    if !krate.inherits_lints {
        found.push(format!("{name} does not have `[lints] workspace = true` in its manifest"));
    }
    for (used, kind) in &krate.uses {
        let what = match kind {
            Kind::Development => continue,
            Kind::Normal => "depends on",
            Kind::Build => "has a build dependency on",
        };
        if !may_use(row, used, table) {
            found.push(format!("{name} {what} {used}, which its row does not allow"));
        }
    }
    found
}

fn may_use(row: &Row, used: &str, table: &[Row]) -> bool {
    match row.may_use {
        MayUse::Only(names) => names.contains(&used),
        MayUse::EveryLibrary => table.iter().any(|other| {
            other.name == used
                && other.name != row.name
                && other.shape == Shape::Library
                && !other.folder.starts_with("adapters/")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(folder: &str, uses: &[(&str, Kind)]) -> Crate {
        Crate {
            name: format!("wzapi-{folder}"),
            folder: folder.to_owned(),
            uses: uses.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
            has_library: true,
            has_program: false,
            inherits_lints: true,
        }
    }

    fn found(krate: &Crate) -> Vec<String> {
        violations(std::slice::from_ref(krate), TABLE)
    }

    #[test]
    fn this_workspace_keeps_to_the_table() {
        let crates = crates_of_workspace().unwrap();
        assert!(!crates.is_empty());
        assert_eq!(violations(&crates, TABLE), Vec::<String>::new());
    }

    #[test]
    fn a_dependency_in_the_row_is_allowed() {
        assert!(found(&krate("storage", &[("wzapi-model", Kind::Normal)])).is_empty());
    }

    #[test]
    fn a_dependency_that_is_not_in_the_row_is_refused() {
        let expected = ["wzapi-model depends on wzapi-storage, which its row does not allow"];
        assert_eq!(found(&krate("model", &[("wzapi-storage", Kind::Normal)])), expected);
    }

    #[test]
    fn a_build_dependency_is_held_to_the_same_row() {
        let expected = ["wzapi-model has a build dependency on wzapi-storage, which its row does not allow"];
        assert_eq!(found(&krate("model", &[("wzapi-storage", Kind::Build)])), expected);
    }

    #[test]
    fn a_development_dependency_is_exempt() {
        assert!(found(&krate("ledger", &[("wzapi-storage-testkit", Kind::Development)])).is_empty());
    }

    #[test]
    fn a_package_outside_the_crates_folder_is_no_dependency_of_a_crate() {
        assert_eq!(found(&krate("compliance", &[("wzapi-examples", Kind::Normal)])).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        let expected = ["wzapi-utils (crates/utils) has no row in the table"];
        assert_eq!(found(&krate("utils", &[])), expected);
    }

    #[test]
    fn a_crate_in_the_wrong_folder_is_refused() {
        let moved = Crate { folder: "gate".to_owned(), ..krate("consent", &[]) };
        assert_eq!(found(&moved), ["wzapi-consent stands in crates/gate, its row says crates/consent"]);
    }

    #[test]
    fn a_library_without_its_lib_file_is_refused() {
        let hollow = Crate { has_library: false, has_program: true, ..krate("vault", &[]) };
        assert_eq!(found(&hollow), ["wzapi-vault has no src/lib.rs"]);
        let program = Crate { has_library: false, has_program: true, ..krate("cli", &[]) };
        assert!(found(&program).is_empty());
    }

    #[test]
    fn a_crate_that_drops_the_workspace_lints_is_refused() {
        let loose = Crate { inherits_lints: false, ..krate("vault", &[]) };
        assert_eq!(found(&loose), ["wzapi-vault does not have `[lints] workspace = true` in its manifest"]);
    }

    #[test]
    fn the_facade_may_use_every_library_but_no_test_support_program_or_adapter() {
        const WITH_ADAPTER: &[Row] = &[
            library("storage-postgres", "wzapi-storage-postgres", &[]),
            library("adapters/notifier-smtp", "wzapi-notifier-smtp", &[]),
            Row {
                folder: "storage-testkit",
                name: "wzapi-storage-testkit",
                shape: Shape::TestSupport,
                may_use: MayUse::Only(&[]),
            },
            program("cli", "wzapi-cli", &[]),
            program("verify", "wzapi-verify", &[]),
            Row {
                folder: "compliance",
                name: "wzapi-compliance",
                shape: Shape::Library,
                may_use: MayUse::EveryLibrary,
            },
        ];
        let allowed =
            |used| violations(&[krate("compliance", &[(used, Kind::Normal)])], WITH_ADAPTER).is_empty();
        assert!(allowed("wzapi-storage-postgres"));
        assert!(!allowed("wzapi-storage-testkit"));
        assert!(!allowed("wzapi-notifier-smtp"));
        assert!(!allowed("wzapi-cli"));
        assert!(!allowed("wzapi-verify"));
    }

    #[test]
    fn the_table_names_every_crate_once_and_only_crates_it_has() {
        let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        for row in TABLE {
            assert_eq!(names.iter().filter(|name| **name == row.name).count(), 1, "{}", row.name);
            if let MayUse::Only(used) = row.may_use {
                assert!(used.iter().all(|used| names.contains(used)), "{}", row.name);
            }
        }
    }

    #[test]
    fn rows_stand_below_what_they_use_so_there_is_no_cycle() {
        for (position, row) in TABLE.iter().enumerate() {
            if let MayUse::Only(used) = row.may_use {
                for used in used {
                    assert!(TABLE.iter().take(position).any(|above| above.name == *used), "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn lints_are_inherited_in_either_spelling_and_not_by_accident() {
        assert!(inherits_lints("[package]\nname = \"a\"\n\n[lints]\n# why\nworkspace = true # all\n"));
        assert!(inherits_lints("lints.workspace=true\n[package]\n"));
        assert!(!inherits_lints("[package]\nversion.workspace = true\n"));
        assert!(!inherits_lints("[dependencies.serde]\nworkspace = true\n"));
        assert!(!inherits_lints("# [lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n[features]\nworkspace = true\n"));
    }
}
