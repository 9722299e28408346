//! Every case catches a store that breaks its sentence.

use std::collections::BTreeSet;
use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_testkit::suite::CASES;
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait};

use crate::faults::{Fault, Faulty};

struct Mutant(Fault);

struct Opened(Arc<Faulty>);

#[async_trait]
impl Backend for Mutant {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        Ok(Box::new(Opened(Arc::new(Faulty::new(self.0)))))
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        Ok(Reopened::Open(Box::new(Self(Arc::new(self.0.reopened().await)))))
    }
}

/// The faults, and the case that must catch each.
const CAUGHT_BY: &[(Fault, &str)] = &[
    (Fault::AnswersInKeyOrder, "get-order"),
    (Fault::LeavesOutWhatIsMissing, "get-order"),
    (Fault::ReadsKeyByKey, "get-snapshot"),
    (Fault::WritesInTwoSteps, "get-snapshot"),
    (Fault::ReadsFromACache, "get-read-your-writes"),
    (Fault::AnswersEachKeyOnce, "get-duplicate-keys"),
    (Fault::ScansTheWholeOwner, "scan-prefix"),
    (Fault::ScanMissesAKind, "scan-prefix"),
    (Fault::ScanMissesTheLastRow, "scan-prefix"),
    (Fault::IgnoresTheMonth, "scan-prefix"),
    (Fault::TakesNamesForPrefixes, "scan-prefix"),
    (Fault::MissesTheIndexByCategory, "scan-prefix"),
    (Fault::PagesAreReversed, "scan-order"),
    (Fault::SortsByText, "scan-order"),
    (Fault::KindScanMissesPersons, "scan-kind"),
    (Fault::KindScanMissesTheController, "scan-kind"),
    (Fault::KindScanEndsAtAGap, "scan-kind"),
    (Fault::KindScanAddsTheNextKind, "scan-kind"),
    (Fault::KindScanLeavesItsController, "scan-kind"),
    (Fault::ScanMissesAKind, "scan-kind"),
    (Fault::KindScanSortsWithoutOwners, "scan-kind-order"),
    (Fault::KindScanPutsPersonsFirst, "scan-kind-order"),
    (Fault::KindScanIgnoresTheLimit, "scan-kind-resume"),
    (Fault::KindCursorSkipsARow, "scan-kind-resume"),
    (Fault::KindCursorRepeatsARow, "scan-kind-resume"),
    (Fault::KindCursorSkipsTheOwner, "scan-kind-resume"),
    (Fault::KindCursorRepeatsTheOwner, "scan-kind-resume"),
    (Fault::KindCursorNeedsItsOwner, "scan-kind-resume"),
    (Fault::DueIsExclusive, "scan-due"),
    (Fault::DueIsInKeyOrder, "scan-due"),
    (Fault::DueIncludesTheUndue, "scan-due"),
    (Fault::IgnoresTheLimit, "scan-resume"),
    (Fault::CursorSkipsARow, "scan-resume"),
    (Fault::CursorRepeatsARow, "scan-resume"),
    (Fault::CursorNeedsItsRow, "scan-resume"),
    (Fault::CursorForgetsTies, "scan-resume"),
    (Fault::ScansInSteps, "scan-snapshot"),
    (Fault::WritesInTwoSteps, "scan-snapshot"),
    (Fault::ScansTheNeighbour, "scan-tenant"),
    (Fault::KindScanLeavesItsController, "scan-tenant"),
    (Fault::KeepsFormerDueTimes, "due-follows-row"),
    (Fault::KeepsDueTimesOfDeleted, "due-follows-row"),
    (Fault::DropsTheLastWrite, "commit-all-or-nothing"),
    (Fault::DropsDeletes, "commit-all-or-nothing"),
    (Fault::WritesDespiteConflict, "commit-all-or-nothing"),
    (Fault::ReturnsAnotherVersion, "commit-versions"),
    (Fault::WritesInTwoSteps, "commit-versions"),
    (Fault::VersionsStartAgainAfterDelete, "version-never-reused"),
    (Fault::VersionsAreOfContents, "version-never-reused"),
    (Fault::AbsentAlwaysHolds, "precondition-absent"),
    (Fault::DeletedIsNotAbsent, "precondition-absent"),
    (Fault::AnyVersionHolds, "precondition-version"),
    (Fault::OlderVersionsHold, "precondition-version"),
    (Fault::VersionHoldsForAbsent, "precondition-version"),
    (Fault::IgnoresGuardsOfUnwrittenRows, "precondition-guard-only"),
    (Fault::ChecksBeforeItCommits, "precondition-guard-only"),
    (Fault::WritesDespiteConflict, "conflict-changes-nothing"),
    (Fault::RecordsRefusedChangesets, "conflict-changes-nothing"),
    (Fault::ConflictTouchesVersions, "conflict-changes-nothing"),
    (Fault::NamesTheFirstConflict, "conflict-names-all"),
    (Fault::NamesEveryGuard, "conflict-names-all"),
    (Fault::LastWriteWins, "row-once"),
    (Fault::TakesTwoGuards, "row-once"),
    (Fault::SkipsForeignBodies, "row-once"),
    (Fault::CutsLongChangesets, "row-once"),
    (Fault::CutsLargeRows, "row-once"),
    (Fault::DeleteNeedsARow, "delete-absent"),
    (Fault::OneTenant, "commit-tenant"),
    (Fault::RecordsNothing, "changeset-recorded"),
    (Fault::RecordsWithoutDueTime, "changeset-recorded"),
    (Fault::RetriesHaveASecondEffect, "changeset-id-once"),
    (Fault::RetriesAreAnsweredOk, "changeset-id-once"),
    (Fault::RetriesNameNothing, "changeset-id-once"),
    (Fault::ChecksBeforeItCommits, "concurrent-guards"),
    (Fault::RefusesWhenBusy, "concurrent-commits"),
    (Fault::MixesUpOutcomes, "concurrent-commits"),
    (Fault::ForgetsDueTimes, "body-round-trip"),
    (Fault::CutsLists, "body-round-trip"),
    (Fault::AnswersInKeyOrder, "dyn-storage"),
    (Fault::LosesTheLastCommit, "durable-reopen"),
    (Fault::LosesRelaxedCommits, "durable-reopen"),
    (Fault::NewVersionsWhenReopened, "durable-reopen"),
    (Fault::VersionsStartAgainWhenReopened, "durable-reopen"),
];

fn run(fault: Fault, name: &str) -> Result<(), String> {
    let test = name.replace('-', "_");
    let verdict = wzapi_storage_testkit::suite::run_for_test(&test, &Mutant(fault));
    verdict.map(drop).map_err(|failure| failure.to_string())
}

#[test]
fn every_fault_is_caught_by_the_case_of_its_sentence() {
    let missed: Vec<String> = CAUGHT_BY
        .iter()
        .filter_map(|(fault, name)| match run(*fault, name) {
            Ok(()) => Some(format!("{name} does not catch {fault:?}")),
            Err(failure) => {
                println!("{fault:?}: {failure}");
                (!failure.starts_with(name)).then(|| format!("{name}: {failure}"))
            }
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_case_catches_a_fault_and_every_fault_is_caught() {
    let catching: BTreeSet<_> = CAUGHT_BY.iter().map(|(_, name)| *name).collect();
    let cases: BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(catching, cases);
}

#[test]
fn without_a_fault_the_same_store_passes() {
    for case in CASES.iter().filter(|case| case.name != "dyn-storage") {
        run(Fault::None, case.name).unwrap_or_else(|failure| panic!("{failure}"));
    }
}
