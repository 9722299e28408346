//! Under which terms, and from where, the code of others may come in.
//!
//! `deny.toml` says the same to cargo-deny, which also knows advisories; a test keeps the two lists alike.
//! The check here needs nothing installed, so it always runs.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::spdx;

/// Licences that ask for no more than attribution. The Unlicense is not here: a crate that offers it comes
/// in by the other licence it offers.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that must not come in: TLS is rustls and cryptography is ring; async-std is no longer maintained.
const BANNED: &[&str] = &["async-std", "native-tls", "openssl", "openssl-sys"];

/// Licences that one package alone may have: the roots of the Web's certificates are data under a licence for data. They are
/// built for WebAssembly only, where the system has none.
const EXCEPTIONS: &[(&str, &str)] = &[("webpki-root-certs", "CDLA-Permissive-2.0")];

/// How Cargo names crates.io as a source.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Applies the rules to everything that this workspace uses, and asks cargo-deny when it is installed.
pub(crate) fn check_workspace() -> Result<(), Failure> {
    let packages = Metadata::of_everything()?.packages;
    let found = violations(&packages);
    if !found.is_empty() {
        return Err(Failure::Broken {
            rule: "third-party code comes in only by the rules of deny.toml",
            found,
        });
    }
    println!("licences: {} third-party packages, each allowed", third_party(&packages).count());
    if !Cargo::new("deny --version").works() {
        println!("licences: cargo-deny is not installed, so `cargo deny check` was skipped");
        return Ok(());
    }
    Cargo::new("deny check").run()
}

fn violations(packages: &[Package]) -> Vec<String> {
    third_party(packages).flat_map(violations_of).collect()
}

fn third_party(packages: &[Package]) -> impl Iterator<Item = &Package> {
    packages.iter().filter(|package| package.source.is_some())
}

fn violations_of(package: &Package) -> Vec<String> {
    let who = format!("{} {}", package.name, package.version);
    let mut found = Vec::new();
    if BANNED.contains(&package.name.as_str()) {
        found.push(format!("{who} is banned"));
    }
    if let Some(source) = package.source.as_deref().filter(|source| *source != CRATES_IO) {
        found.push(format!("{who} does not come from crates.io but from {source}"));
    }
    match package.licence.as_deref() {
        None => found.push(format!("{who} names no licence")),
        Some(expression) => {
            match spdx::is_satisfied(expression, &|licence| is_allowed(&package.name, licence)) {
                Ok(true) => {}
                Ok(false) => found.push(format!("{who} is under `{expression}`, which is not allowed")),
                Err(error) => {
                    found.push(format!("{who} is under `{expression}`, which cannot be read: {error}"));
                }
            }
        }
    }
    found
}

/// SPDX compares licence names without regard to case.
fn is_allowed(package: &str, licence: &str) -> bool {
    let of_package = EXCEPTIONS.iter().filter(|(name, _)| *name == package).map(|(_, licence)| licence);
    ALLOWED.iter().chain(of_package).any(|allowed| allowed.eq_ignore_ascii_case(licence))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn package(licence: Option<&str>) -> Package {
        Package {
            name: "somebody".to_owned(),
            version: "1.2.3".to_owned(),
            licence: licence.map(str::to_owned),
            source: Some(CRATES_IO.to_owned()),
            manifest: PathBuf::new(),
            dependencies: Vec::new(),
            has_library: true,
            has_program: false,
        }
    }

    fn found(package: &Package) -> Vec<String> {
        violations(std::slice::from_ref(package))
    }

    #[test]
    fn usual_licences_come_in() {
        for licence in [
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "Apache-2.0 AND ISC",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "0BSD OR MIT OR Apache-2.0",
            "bsd-3-clause",
        ] {
            assert_eq!(found(&package(Some(licence))), Vec::<String>::new(), "{licence}");
        }
    }

    #[test]
    fn the_unlicense_comes_in_only_beside_another_choice() {
        assert!(found(&package(Some("Unlicense OR MIT"))).is_empty());
        assert!(found(&package(Some("Unlicense/MIT"))).is_empty());
        assert_eq!(found(&package(Some("Unlicense"))).len(), 1);
    }

    #[test]
    fn copyleft_missing_and_unreadable_licences_stay_out() {
        let expected = ["somebody 1.2.3 is under `MIT AND GPL-3.0-only`, which is not allowed"];
        assert_eq!(found(&package(Some("MIT AND GPL-3.0-only"))), expected);
        assert_eq!(found(&package(None)), ["somebody 1.2.3 names no licence"]);
        let expected = ["somebody 1.2.3 is under `MIT OR`, which cannot be read: it ends too early"];
        assert_eq!(found(&package(Some("MIT OR"))), expected);
    }

    #[test]
    fn an_exception_holds_for_its_package_alone() {
        let roots = Package { name: "webpki-root-certs".to_owned(), ..package(Some("CDLA-Permissive-2.0")) };
        assert!(found(&roots).is_empty());
        assert_eq!(found(&package(Some("CDLA-Permissive-2.0"))).len(), 1);
    }

    #[test]
    fn banned_crates_and_foreign_sources_stay_out() {
        let banned = Package { name: "openssl".to_owned(), ..package(Some("MIT")) };
        assert_eq!(found(&banned), ["openssl 1.2.3 is banned"]);
        let fork = Package { source: Some("git+https://example.org/x".to_owned()), ..package(Some("MIT")) };
        let expected = ["somebody 1.2.3 does not come from crates.io but from git+https://example.org/x"];
        assert_eq!(found(&fork), expected);
    }

    #[test]
    fn packages_of_this_repository_are_not_third_party() {
        assert!(found(&Package { source: None, licence: None, ..package(None) }).is_empty());
    }

    #[test]
    fn deny_toml_has_the_same_lists() {
        let file = std::fs::read_to_string(crate::cargo::workspace().join("deny.toml")).unwrap();
        assert_eq!(quoted_in(&file, "[licenses]", "allow"), ALLOWED);
        assert_eq!(quoted_in(&file, "[bans]", "deny"), BANNED);
        for (package, licence) in EXCEPTIONS {
            let line = format!("  {{ crate = \"{package}\", allow = [\"{licence}\"] }},\n");
            assert!(file.contains(&line), "{line}");
        }
        assert_eq!(file.matches(", allow = [").count(), EXCEPTIONS.len());
    }

    /// The strings of the array `key` in `table`, by a reading of TOML that is enough for our own file.
    fn quoted_in<'file>(file: &'file str, table: &str, key: &str) -> Vec<&'file str> {
        let (_, body) = file.split_once(&format!("\n{table}\n")).expect("the table");
        let (_, array) = body.split_once(&format!("\n{key} = [\n")).expect("the array");
        let (array, _) = array.split_once("\n]").expect("its end");
        array.lines().filter_map(|line| line.split('"').nth(1)).collect()
    }
}
