//! The table of cases, and how they are run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use wzapi_storage::StorageError;

use crate::backend::Backend;
use crate::cases;

/// One sentence of the contract, and what shows that a backend keeps it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of the sentence in the contract.
    pub name: &'static str,
    /// The sentence.
    pub sentence: &'static str,
    run: for<'a> fn(&'a dyn Backend, &'static str) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send + 'a>>;

impl Case {
    /// Runs the case over a fresh store of the backend. Cases about concurrency show the more the more threads
    /// the runtime has.
    ///
    /// # Errors
    /// [`Failure`] when the sentence does not hold, or a store could not be made.
    pub async fn run(&self, backend: &dyn Backend) -> Result<Verdict, Failure> {
        (self.run)(backend, self.name).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a case found, when it found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The sentence holds.
    Holds,
    /// The sentence is about stores that survive their process, and this one does not.
    NotApplicable,
}

/// A sentence of the contract does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self(format!("unexpected error: {error} ({error:?})"))
    }
}

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err($crate::suite::Failure::new(format!($($what)+)));
        }
    };
}
pub(crate) use ensure;

/// What the suite found about one backend.
#[derive(Debug)]
#[must_use]
pub struct Report {
    /// Every case and what it found, in the order of the contract.
    pub verdicts: Vec<(Case, Result<Verdict, Failure>)>,
}

impl Report {
    /// Whether every sentence holds.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.verdicts.iter().all(|(_, verdict)| verdict.is_ok())
    }

    /// The names of the sentences that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.verdicts.iter().filter(|(_, verdict)| verdict.is_err()).map(|(case, _)| case.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, verdict) in &self.verdicts {
            match verdict {
                Ok(Verdict::Holds) => writeln!(f, "holds           {}", case.name)?,
                Ok(Verdict::NotApplicable) => writeln!(f, "not applicable  {}", case.name)?,
                Err(failure) => {
                    writeln!(f, "BROKEN          {}: {}\n    {failure}", case.name, case.sentence)?;
                }
            }
        }
        Ok(())
    }
}

/// Runs every case, each over a fresh store.
pub async fn run_all(backend: &dyn Backend) -> Report {
    let mut verdicts = Vec::with_capacity(CASES.len());
    for case in CASES {
        verdicts.push((*case, case.run(backend).await));
    }
    Report { verdicts }
}

/// Runs the case that a test of [`crate::conformance_suite`] stands for, on a runtime of several threads of its
/// own: `get_order` stands for `get-order`.
///
/// # Errors
/// What [`Case::run`] found, or why it could not run.
pub fn run_for_test(test: &str, backend: &dyn Backend) -> Result<Verdict, Failure> {
    let case = CASES.iter().find(|case| case.name.replace('-', "_") == test);
    let case = case.ok_or_else(|| Failure::new(format!("the suite has no case for {test}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    runtime
        .block_on(case.run(backend))
        .map_err(|Failure(what)| Failure(format!("{}: {}\n    {what}", case.name, case.sentence)))
}

/// Makes one `#[test]` for every case of the suite, over the backend that the expression makes.
///
/// Use it in a module of its own, among the tests of the backend.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr) => { $crate::conformance_suite! { @each tests $backend } };
    (@each $then:ident $($rest:tt)*) => {
        $crate::conformance_suite! { @$then [
            get_order get_snapshot get_read_your_writes get_duplicate_keys
            scan_prefix scan_order scan_kind scan_kind_order scan_kind_resume
            scan_due scan_resume scan_snapshot scan_tenant due_follows_row
            commit_all_or_nothing commit_versions version_never_reused
            precondition_absent precondition_version precondition_guard_only
            conflict_changes_nothing conflict_names_all
            row_once delete_absent commit_tenant changeset_recorded changeset_id_once
            concurrent_guards concurrent_commits body_round_trip dyn_storage
            durable_reopen
        ] $($rest)* }
    };
    (@tests [$($case:ident)+] $backend:expr) => {
        $(
            #[test]
            fn $case() {
                if let Err(failure) = $crate::suite::run_for_test(stringify!($case), &$backend) {
                    panic!("{failure}");
                }
            }
        )+
    };
    (@names [$($case:ident)+]) => { [$(stringify!($case)),+] };
}

macro_rules! cases {
    ($($name:literal, $module:ident::$function:ident: $sentence:literal;)+) => {
        /// Every case, in the order of the contract.
        pub static CASES: &[Case] = &[$(Case {
            name: $name,
            sentence: $sentence,
            run: |backend, name| Box::pin(cases::$module::$function(backend, name)),
        }),+];
    };
}

cases! {
    "get-order", reading::get_order:
        "`get` answers in the order of the keys asked for, one answer per key, and `None` where no row is stored.";
    "get-snapshot", reading::get_snapshot:
        "All answers of one `get` come from one consistent snapshot: a changeset is seen whole or not at all.";
    "get-read-your-writes", reading::get_read_your_writes:
        "A `get` that begins after a `commit` returned sees what that commit wrote.";
    "get-duplicate-keys", reading::get_duplicate_keys:
        "A key may be asked for several times in one `get` and is answered each time.";
    "scan-prefix", scanning::scan_prefix:
        "A prefix scan answers the rows under the prefix, all of them over its pages, and no others.";
    "scan-order", scanning::scan_order:
        "A prefix scan answers in ascending order of encoded key.";
    "scan-kind", kind_scans::scan_kind:
        "A kind scan answers the rows of the kind, whoever owns them, all of them over its pages, and no others, whatever else their owners have.";
    "scan-kind-order", kind_scans::scan_kind_order:
        "A kind scan answers in ascending order of encoded key: the controller's own rows, then those of one person after the other.";
    "scan-kind-resume", kind_scans::scan_kind_resume:
        "A page of a kind scan may end anywhere, also between two owners; its cursor continues after its last row, also when the owner of that row has none of the kind any more.";
    "scan-due", scanning::scan_due:
        "A due scan answers the rows whose `due_at` is at or before the given moment, earliest first, and no others.";
    "scan-resume", scanning::scan_resume:
        "A page holds at most `limit` rows; its cursor continues after the last of them, also when that row is gone by then.";
    "scan-snapshot", scanning::scan_snapshot:
        "All rows of one page come from one consistent snapshot: a changeset is seen whole, as far as the page reaches, or not at all.";
    "scan-tenant", scanning::scan_tenant:
        "A scan never leaves its controller.";
    "due-follows-row", scanning::due_follows_row:
        "When a row is replaced or deleted, its former `due_at` is forgotten in the same changeset.";
    "commit-all-or-nothing", writing::commit_all_or_nothing:
        "A commit applies all writes of a changeset or none.";
    "commit-versions", writing::commit_versions:
        "All rows written by one commit carry the version that the commit returned.";
    "version-never-reused", writing::version_never_reused:
        "The version of a key is never one that the key had before, not even after the row was deleted and written again.";
    "precondition-absent", preconditions::precondition_absent:
        "`Absent` holds when no row is stored under the key.";
    "precondition-version", preconditions::precondition_version:
        "`Version(v)` holds when a row is stored under the key with exactly that version.";
    "precondition-guard-only", preconditions::precondition_guard_only:
        "A precondition may guard a row that the changeset does not write, and holds up to the moment of the commit.";
    "conflict-changes-nothing", preconditions::conflict_changes_nothing:
        "A failed precondition changes nothing and no version is used up visibly.";
    "conflict-names-all", preconditions::conflict_names_all:
        "A conflict names every key whose precondition failed, and no other.";
    "row-once", writing::row_once:
        "A changeset that writes a key twice, guards it twice, breaks a bound or mixes a key with another kind of body is refused as invalid, and nothing changes.";
    "delete-absent", writing::delete_absent:
        "Deleting a row that is not stored is no error.";
    "commit-tenant", writing::commit_tenant:
        "The same key under two controllers is two rows.";
    "changeset-recorded", changeset_ids::changeset_recorded:
        "After a commit, `get` of `Key::Changeset(id)` answers a row with the time of the changeset, due a day later.";
    "changeset-id-once", changeset_ids::changeset_id_once:
        "A changeset whose id is already recorded is refused as a conflict naming that key, so that a blind retry has no second effect.";
    "concurrent-guards", concurrency::concurrent_guards:
        "Of several concurrent changesets that guard one row with the same version and write it, exactly one commits.";
    "concurrent-commits", concurrency::concurrent_commits:
        "Concurrent changesets that touch different rows all commit, and each caller gets its own outcome.";
    "body-round-trip", writing::body_round_trip:
        "Every kind of row comes back as it was written, with its `due_at`.";
    "dyn-storage", whole::dyn_storage:
        "All this holds through `Arc<dyn Storage>`.";
    "durable-reopen", whole::durable_reopen:
        "What a durable commit acknowledged is there after the store was closed and opened again, versions included.";
}
