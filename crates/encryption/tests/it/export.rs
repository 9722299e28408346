//! Key exports: whole, of one state of the keys, and importable.

use std::sync::Arc;

use wzapi_encryption::EncryptionError;
use wzapi_encryption::export::{KeyExportFile, KeyExportTarget};
use wzapi_encryption::rotation::RotationProgress;
use wzapi_storage::key::RowKind;
use wzapi_storage::row::{DataKeyRow, EpochStage, Record};

use crate::import::{import, restoration};
use crate::interference::{Call, Death, Gate, Mortal};
use crate::world::{A, ExportBuffer, SYSTEM, copy_of, put_rows};

#[tokio::test]
async fn an_export_that_a_rotation_tore_apart_is_not_finished() {
    for kind in [RowKind::IndexKey, RowKind::DataKey] {
        let restoration = restoration(86).await;
        let world = Arc::new(restoration.world);
        let gate = Gate::before(
            world.memory.clone(),
            move |call| matches!(call, Call::Scan(query) if query.controller == A && selects(query, kind)),
        );
        let process = world.process(gate.clone());
        let export = tokio::spawn(async move {
            let mut target = ExportBuffer::default();
            let outcome = process.export_keys(&mut target).await;
            (outcome, target.is_finished)
        });
        gate.arrived().await;
        world.rotate_tenant(A).await;
        gate.open();
        let (outcome, is_finished) = export.await.unwrap();
        assert!(matches!(outcome, Err(EncryptionError::KeysChanged)), "{outcome:?}");
        assert!(!is_finished);
    }
}

#[tokio::test]
async fn an_export_that_names_a_tenant_key_which_went_meanwhile_is_not_finished() {
    let restoration = restoration(94).await;
    let world = Arc::new(restoration.world);
    let mortal = Mortal::new(world.memory.clone(), Some(Death::After(2)));
    let mut progress = RotationProgress::default();
    assert!(world.process(mortal).rotate_tenant(A, &mut progress, &mut |_| {}).await.is_err());
    let gate = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Scan(query) if query.controller == A && selects(query, RowKind::TenantKey)),
    );
    let process = world.process(gate.clone());
    let export =
        tokio::spawn(async move { process.export_keys(&mut ExportBuffer::default()).await.map(drop) });
    gate.arrived().await;
    world.rotate_tenant(A).await;
    gate.open();
    let outcome = export.await.unwrap();
    assert!(matches!(outcome, Err(EncryptionError::KeysChanged)), "{outcome:?}");
}

fn selects(query: &wzapi_storage::query::Query, kind: RowKind) -> bool {
    use wzapi_storage::key::KeyPrefix;
    use wzapi_storage::query::Selection;
    match &query.selection {
        Selection::Kind(of) => *of == kind,
        Selection::Prefix(KeyPrefix::Kind(_, of)) => *of == kind,
        _ => false,
    }
}

#[tokio::test]
async fn a_process_that_has_not_heard_of_a_rotation_writes_an_export_that_can_be_imported() {
    let restoration = restoration(87).await;
    let world = &restoration.world;
    let stale = world.process(world.memory.clone());
    assert!(stale.tenant(SYSTEM).await.is_ok());
    world.rotate_epoch().await;
    let mut target = ExportBuffer::default();
    stale.export_keys(&mut target).await.unwrap();
    let restored = world.beside(copy_of(restoration.backup.as_ref()).await);
    import(&restored, &target.bytes).await.unwrap();
    restored.assert_living(&restoration.living).await;
}

#[tokio::test]
async fn an_export_in_the_middle_of_an_epoch_can_be_imported_while_both_wrapping_keys_live() {
    let mut imported = 0;
    for number in 1..20 {
        let restoration = restoration(88).await;
        let world = &restoration.world;
        let mortal = Mortal::new(world.memory.clone(), Some(Death::After(number)));
        let mut target = ExportBuffer::default();
        let cut = world.process(mortal).rotate_epoch(&mut target, &mut |_| {}).await;
        if cut.is_ok() || world.encryption.epoch_status().await.unwrap().stage == EpochStage::Destroying {
            break;
        }
        let export = world.export().await;
        let restored = world.beside(copy_of(restoration.backup.as_ref()).await);
        import(&restored, &export).await.unwrap();
        restored.assert_living(&restoration.living).await;
        restored.assert_dead(&restoration.erased).await;
        // Wherever the rotation goes on, nobody is lost.
        restored.rotate_epoch().await;
        restored.assert_living(&restoration.living).await;
        imported += 1;
    }
    assert!(imported > 8, "{imported}");
}

#[tokio::test]
async fn neither_an_export_nor_an_import_takes_a_damaged_key() {
    let restoration = restoration(89).await;
    let world = &restoration.world;
    let place = &restoration.living[0].data_key;
    let mut row: DataKeyRow = world.data_key_row(A, place).await.unwrap();
    row.versions[0].key.commitment[0] ^= 1;
    let record = Record { key: place.clone(), due_at: None, body: row.into() };
    put_rows(world.memory.as_ref(), vec![(A, record)]).await;
    let mut target = ExportBuffer::default();
    let outcome = world.encryption.export_keys(&mut target).await;
    match outcome {
        Err(EncryptionError::DamagedKey { controller: A, place: named }) => assert_eq!(*named, *place),
        other => panic!("{other:?}"),
    }
    assert!(!target.is_finished);
}

#[test]
fn an_export_file_appears_when_it_is_whole_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exports/keys");
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut abandoned = KeyExportFile::create(&path).unwrap();
    abandoned.append(b"half").unwrap();
    assert!(!path.exists());
    drop(abandoned);
    assert!(names().is_empty());

    // Two at once do not write into one another's file.
    let (mut first, mut second) =
        (KeyExportFile::create(&path).unwrap(), KeyExportFile::create(&path).unwrap());
    first.append(b"first").unwrap();
    second.append(b"second").unwrap();
    first.finish().unwrap();
    assert_eq!(second.finish().unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    drop((first, second));
    assert_eq!(std::fs::read(&path).unwrap(), b"first");
    assert_eq!(names(), ["keys"]);
    let refused = KeyExportFile::create(&path).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn an_export_in_a_file_is_read_from_there() {
    let restoration = restoration(91).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let mut target = KeyExportFile::create(&path).unwrap();
    let report = restoration.world.encryption.rotate_epoch(&mut target, &mut |_| {}).await.unwrap();
    assert!(report.is_final());
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let mut source = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    restored.encryption.import_keys(&mut source, &mut |_| {}).await.unwrap();
    restored.assert_living(&restoration.living).await;
    restored.assert_dead(&restoration.erased).await;
}
