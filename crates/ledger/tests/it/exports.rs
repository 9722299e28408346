//! A log as static files, audited by somebody who has nothing but them and a key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wzapi_ledger::LedgerError;
use wzapi_ledger::notary::{DirectorySink, ExportProgress, ExportSink};
use wzapi_ledger::proof::audit::{Audit, AuditError, AuditReport, Fault};
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::export::{FileTiles, LogFiles};
use wzapi_ledger::proof::inclusion::InclusionProof;
use wzapi_ledger::proof::tiles::{Bundle, Tile, TileReader, parse_bundle};

use crate::world::{CONTROLLER, OTHER, World, opened, policy_of};

/// The files of a directory.
struct Directory(PathBuf);

impl LogFiles for Directory {
    type Error = io::Error;

    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, io::Error> {
        match fs::read(self.0.join(path)) {
            Ok(mut bytes) => {
                bytes.truncate(limit);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn audit(folder: &Path, policy: &CheckpointPolicy) -> Result<AuditReport, AuditError<io::Error>> {
    Audit::new(policy).run(&Directory(folder.to_owned()), |_, _| ())
}

#[tokio::test]
async fn an_export_of_a_log_of_any_size_passes_the_audit() {
    let world = World::new().await;
    let mut size = 0;
    for more in [0, 1, 1, 253, 1, 1, 255, 200] {
        world.fill(more).await;
        size += more;
        let folder = world.machine.folder().join(format!("export-{size}"));
        let (signed, progress) = world.export_to(&folder).await;
        assert_eq!(signed.head.size(), size);
        assert_eq!((progress.entries, progress.size), (size, size));
        let report = audit(&folder, &policy_of(&signed)).unwrap();
        assert_eq!(report.checkpoint.head(), signed.head);
        assert_eq!(report.tiles, Tile::of_tree(size).count() as u64);
        assert_eq!(progress.files, report.tiles + Bundle::of_log(size).count() as u64);
    }
}

#[tokio::test]
async fn entries_can_be_proved_from_the_files_alone() {
    let world = World::new().await;
    world.fill(300).await;
    let folder = world.machine.folder().join("export");
    let (signed, _) = world.export_to(&folder).await;
    let tiles = FileTiles(Directory(folder.clone()));
    for index in [0, 100, 255, 256, 299] {
        let bundle = Bundle::of_log(300).find(|bundle| bundle.entries().contains(&index)).unwrap();
        let file = fs::read(folder.join(bundle.to_string())).unwrap();
        let entry = parse_bundle(bundle, &file).unwrap()[usize::try_from(index % 256).unwrap()];
        let proof = InclusionProof::build(&TileReader::new(&tiles, 300), index, 300).unwrap();
        proof.verify(entry.leaf_hash(), index, signed.head).unwrap();
    }
}

#[tokio::test]
async fn a_later_export_writes_what_is_new_and_nothing_else() {
    let world = World::new().await;
    world.fill(600).await;
    let folder = world.machine.folder().join("export");
    let (first, _) = world.export_to(&folder).await;
    let unchanged = fs::metadata(folder.join("tile/0/000")).unwrap().modified().unwrap();
    let (again, progress) = world.export_to(&folder).await;
    assert_eq!((again, progress.files), (first.clone(), 0));

    world.fill(200).await;
    let (second, progress) = world.export_to(&folder).await;
    // Tiles 2 and 3 of the entries, tile 0 above them; bundles 2 and 3.
    assert_eq!(progress.files, 5);
    assert_eq!(fs::metadata(folder.join("tile/0/000")).unwrap().modified().unwrap(), unchanged);
    let policy = policy_of(&second);
    assert_eq!(audit(&folder, &policy).unwrap().checkpoint.head(), second.head);
    let report = Audit::new(&policy).against(opened(&first)).run(&Directory(folder), |_, _| ()).unwrap();
    assert_eq!(report.older, [600]);
}

#[tokio::test]
async fn the_files_of_another_log_are_not_mixed_with_its_own() {
    let world = World::new().await;
    world.fill(300).await;
    let folder = world.machine.folder().join("export");
    let (signed, _) = world.export_to(&folder).await;
    let mut sink = DirectorySink::new(&folder).unwrap();
    let refused = world.notary.export(OTHER, 0, &mut sink, &mut |_| {}).await;
    assert!(matches!(refused, Err(LedgerError::ExportOfAnotherLog)), "{refused:?}");
    let _ = audit(&folder, &policy_of(&signed)).unwrap();

    for checkpoint in [b"\xff".to_vec(), b"no note".to_vec(), Vec::new()] {
        fs::write(folder.join("checkpoint"), checkpoint).unwrap();
        let refused = world.notary.export(CONTROLLER, 0, &mut sink, &mut |_| {}).await;
        assert!(matches!(refused, Err(LedgerError::ExportOfAnotherLog)), "{refused:?}");
    }
}

#[tokio::test]
async fn files_without_a_checkpoint_are_written_anew() {
    let world = World::new().await;
    world.fill(300).await;
    let folder = world.machine.folder().join("export");
    // What an export of another log left that was cut short.
    fs::create_dir_all(folder.join("tile/0")).unwrap();
    fs::write(folder.join("tile/0/000"), vec![7; 256 * 32]).unwrap();
    let (signed, _) = world.export_to(&folder).await;
    let _ = audit(&folder, &policy_of(&signed)).unwrap();
}

/// Fails at the nth file.
struct FullDisk {
    files: DirectorySink,
    left: u64,
}

impl ExportSink for FullDisk {
    fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        self.files.checkpoint()
    }

    fn has(&self, path: &str) -> io::Result<bool> {
        self.files.has(path)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("the disk is full"))?;
        self.files.write(path, bytes)
    }
}

#[tokio::test]
async fn an_export_that_is_cut_short_has_no_checkpoint_that_promises_more() {
    let world = World::new().await;
    world.fill(300).await;
    let folder = world.machine.folder().join("export");
    let signed = world.checkpoint().await;
    let policy = policy_of(&signed);
    // Two bundles, two tiles of entries, one above them, the checkpoint.
    for left in 0..6 {
        let _ = fs::remove_dir_all(&folder);
        let mut sink = FullDisk { files: DirectorySink::new(&folder).unwrap(), left };
        let outcome = world.notary.export(CONTROLLER, 0, &mut sink, &mut |_| {}).await;
        assert!(matches!(outcome, Err(LedgerError::Export(_))), "{outcome:?}");
        assert!(matches!(audit(&folder, &policy), Err(AuditError::Fault(Fault::CheckpointMissing))));
        world.export_to(&folder).await;
        let _ = audit(&folder, &policy).unwrap();
    }

    // Over an older export the old checkpoint stays, and all that is under it.
    world.fill(400).await;
    for left in 0..3 {
        let mut sink = FullDisk { files: DirectorySink::new(&folder).unwrap(), left };
        let outcome = world.notary.export(CONTROLLER, 0, &mut sink, &mut |_| {}).await;
        assert!(matches!(outcome, Err(LedgerError::Export(_))), "{outcome:?}");
        let report = Audit::new(&policy).of_growing_log().run(&Directory(folder.clone()), |_, _| ()).unwrap();
        assert_eq!(report.checkpoint.head(), signed.head);
    }
    let (signed, progress) = world.export_to(&folder).await;
    assert_eq!(progress, ExportProgress { entries: 700, size: 700, files: progress.files });
    let _ = audit(&folder, &policy_of(&signed)).unwrap();
}
