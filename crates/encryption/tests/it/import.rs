//! Key exports, and stores that get their keys from one.

use std::io::Cursor;
use std::sync::Arc;

use wzapi_encryption::export::{ImportError, ImportReport};
use wzapi_encryption::rotation::RotationProgress;
use wzapi_encryption::{Encryption, EncryptionError};
use wzapi_model::ids::ControllerId;
use wzapi_storage::Storage;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::{ControllerRow, DataKeyRow, EpochRow, EpochStage, Record, RowType};
use wzapi_storage_memory::MemoryStorage;

use crate::interference::{Call, Death, Gate, Mortal};
use crate::stranger;
use crate::world::{A, B, ExportBuffer, SYSTEM, Value, World, copy_of, put_rows, rows_of};

async fn import_in(encryption: &Encryption, export: &[u8]) -> Result<ImportReport, ImportError> {
    encryption.import_keys(&mut Cursor::new(export), &mut |_| {}).await
}

pub(crate) async fn import(world: &World, export: &[u8]) -> Result<ImportReport, ImportError> {
    import_in(&world.encryption, export).await
}

/// A world with some people, one of whom is erased after the backup, and one of whom comes after it.
pub(crate) struct Restoration {
    pub(crate) world: World,
    pub(crate) backup: Arc<MemoryStorage>,
    pub(crate) living: Vec<Value>,
    pub(crate) erased: Vec<Value>,
    pub(crate) later: Vec<Value>,
}

pub(crate) async fn restoration(seed: u64) -> Restoration {
    let world = World::new(seed).await;
    let (mut living, mut erased) = (Vec::new(), Vec::new());
    for person in 1..20 {
        for controller in [A, B] {
            living.push(world.write(controller, person, &format!("person {person}")).await);
        }
    }
    for person in 21..24 {
        erased.push(world.write(A, person, "to be erased").await);
    }
    world.wait(60);
    let backup = world.copy().await;
    let later = vec![world.write(A, 100, "after the backup").await];
    for person in 21..24 {
        world.erase(A, person).await;
    }
    world.wait(60);
    Restoration { world, backup, living, erased, later }
}

/// Everything that an import may change.
async fn contents(storage: &dyn Storage) -> Vec<(ControllerId, Record)> {
    rows_of(storage).await
}

#[tokio::test]
async fn clause_5_a_an_old_backup_with_the_newest_export_gives_back_the_living_and_only_them() {
    let restoration = restoration(70).await;
    let export = restoration.world.rotate_epoch().await;
    restoration.world.assert_living(&restoration.living).await;

    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    for value in restoration.living.iter().chain(&restoration.erased) {
        let opened = restored.read(value).await;
        assert!(opened.is_err(), "without the export its wrapping key is gone: {opened:?}");
    }
    let mut seen = Vec::new();
    let report =
        restored.encryption.import_keys(&mut Cursor::new(&export), &mut |now| seen.push(now)).await.unwrap();
    assert_eq!(report, ImportReport { controllers: 3, unknown_controllers: 0, living: 38, destroyed: 3 });
    assert_eq!((seen.len(), seen.last()), (3, Some(&report)));
    restored.assert_living(&restoration.living).await;
    restored.assert_dead(&restoration.erased).await;
    let epoch = restored.encryption.epoch_status().await.unwrap();
    let source = restoration.world.encryption.epoch_status().await.unwrap();
    assert_eq!((epoch.epoch, epoch.stage), (2, EpochStage::Complete));
    assert_eq!((epoch.wrapping_key, epoch.began_at), (source.wrapping_key, source.began_at));
    assert!(
        restored.data_key_row(A, &restoration.later[0].data_key).await.is_none(),
        "nothing in the store was sealed under it"
    );

    // Life goes on there.
    let value = restored.write(A, 21, "after the restoration").await;
    restored.rotate_epoch().await;
    restored.assert_living(&restoration.living).await;
    restored.assert_living(&[value]).await;
    restored.assert_dead(&restoration.erased).await;
}

#[tokio::test]
async fn clause_5_a_an_export_without_a_new_epoch_brings_nobody_back_either() {
    let restoration = restoration(71).await;
    let export = restoration.world.export().await;
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    restored.assert_living(&restoration.erased).await;
    let report = import(&restored, &export).await.unwrap();
    assert_eq!((report.living, report.destroyed), (38, 3));
    restored.assert_living(&restoration.living).await;
    restored.assert_dead(&restoration.erased).await;
    assert_eq!(import(&restored, &export).await.unwrap().destroyed, 0, "doing it again changes nothing");
    restored.assert_living(&restoration.living).await;
}

#[tokio::test]
async fn an_export_that_is_older_than_the_data_destroys_no_key_that_was_made_since() {
    let world = World::new(72).await;
    let mut living = vec![world.write(A, 1, "before the export").await];
    let destroyed = world.write(A, 2, "destroyed after the export").await;
    let remade = world.write(A, 3, "destroyed and made anew after the export").await;
    let export = world.export().await;
    // At the same moment: made before the export was written, and committed after it.
    living.push(world.write(A, 4, "at the same moment").await);
    world.wait(60);
    living.push(world.write(A, 5, "after the export").await);
    world.erase(A, 2).await;
    world.erase(A, 3).await;
    living.push(world.write(A, 3, "made anew").await);

    let report = import(&world, &export).await.unwrap();
    assert_eq!((report.living, report.destroyed), (4, 0));
    world.assert_living(&living).await;
    world.assert_dead(&[destroyed, remade]).await;
}

#[tokio::test]
async fn a_store_whose_rotation_ended_after_the_export_keeps_the_keys_made_since() {
    let world = World::new(73).await;
    let mut living = vec![world.write(A, 1, "before").await];
    let mortal = Mortal::new(world.memory.clone(), Some(Death::After(2)));
    let mut progress = RotationProgress::default();
    let cut = world.process(mortal).rotate_tenant(A, &mut progress, &mut |_| {}).await;
    assert!(cut.is_err());
    let export = world.export().await;
    world.wait(60);
    world.rotate_tenant(A).await;
    living.push(world.write(A, 2, "after").await);
    import(&world, &export).await.unwrap();
    world.assert_living(&living).await;
    // The import brought the former tenant key back; the next rotation removes it.
    world.rotate_tenant(A).await;
    assert_eq!(world.encryption.tenant_status(A).await.unwrap().tenant_keys.len(), 1);
    world.assert_living(&living).await;
}

#[tokio::test]
async fn a_version_that_a_key_got_after_the_export_stays() {
    let world = World::new(74).await;
    let first = world.write(A, 1, "under the first version").await;
    let export = world.export().await;
    world.wait(60);
    let mut row = world.data_key_row(A, &first.data_key).await.unwrap();
    row.versions[0].seals = u64::MAX;
    let record = Record { key: first.data_key.clone(), due_at: None, body: row.into() };
    put_rows(world.memory.as_ref(), vec![(A, record)]).await;
    let second = world.write(A, 1, "under the second version").await;
    assert_ne!(first.key_version, second.key_version);
    import(&world, &export).await.unwrap();
    world.assert_living(&[first.clone(), second]).await;
    let row = world.data_key_row(A, &first.data_key).await.unwrap();
    assert_eq!(row.versions[1].seals, u64::MAX, "what it sealed is not forgotten");
}

#[tokio::test]
async fn clause_5_a_an_import_that_is_killed_at_any_commit_is_done_again_from_the_start() {
    let restoration = restoration(75).await;
    let export = restoration.world.rotate_epoch().await;
    let mut deaths = 0;
    for number in 1..100 {
        let mut has_died = false;
        for death in [Death::Before(number), Death::After(number)] {
            let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
            let mortal = Mortal::new(restored.memory.clone(), Some(death));
            let outcome = import_in(&restored.process(mortal.clone()), &export).await;
            assert_eq!(outcome.is_err(), mortal.is_dead(), "{outcome:?}");
            if !mortal.is_dead() {
                continue;
            }
            has_died = true;
            deaths += 1;
            let process = restored.process(restored.memory.clone());
            for value in &restoration.erased {
                let opened = restored.read_in(&process, value).await;
                assert!(opened.is_err(), "{death:?}: {opened:?}");
            }
            import(&restored, &export).await.unwrap();
            restored.assert_living(&restoration.living).await;
            restored.assert_dead(&restoration.erased).await;
        }
        if !has_died {
            break;
        }
    }
    assert!(deaths > 20, "{deaths}");
}

/// What an import of these bytes into a copy of the backup says; it must not have changed anything.
async fn refusal(restoration: &Restoration, export: &[u8]) -> ImportError {
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let before = contents(restored.memory.as_ref()).await;
    let Err(error) = import(&restored, export).await else { panic!("it was imported") };
    assert!(contents(restored.memory.as_ref()).await == before, "{error:?}");
    error
}

#[tokio::test]
async fn clause_5_a_an_export_is_refused_when_any_byte_of_it_is_another_one() {
    let restoration = small_restoration(76).await;
    let export = restoration.world.rotate_epoch().await;
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let before = contents(restored.memory.as_ref()).await;
    let (mut malformed, mut altered) = (0, 0);
    for position in 0..export.len() {
        for bit in [0, 2, 5] {
            let mut bytes = export.clone();
            bytes[position] ^= 1 << bit;
            match import(&restored, &bytes).await {
                Err(ImportError::Malformed { .. }) => malformed += 1,
                Err(ImportError::Altered) => altered += 1,
                other => panic!("byte {position}, bit {bit}: {other:?}"),
            }
        }
    }
    assert!(contents(restored.memory.as_ref()).await == before);
    assert!(malformed > 100 && altered > 100, "{malformed} {altered}");
    import(&restored, &export).await.unwrap();
}

/// One person at one controller.
async fn small_restoration(seed: u64) -> Restoration {
    let world = World::new(seed).await;
    let living = vec![world.write(A, 1, "one").await];
    let backup = world.copy().await;
    Restoration { world, backup, living, erased: vec![], later: vec![] }
}

#[tokio::test]
async fn an_export_is_refused_when_it_ends_anywhere_before_its_end() {
    let restoration = small_restoration(77).await;
    let export = restoration.world.rotate_epoch().await;
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let before = contents(restored.memory.as_ref()).await;
    let lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    for count in 0..lines.len() {
        let line = u64::try_from(count).unwrap() + 1;
        let cut = lines[..count].concat();
        match import(&restored, &cut).await {
            Err(ImportError::Malformed { line: named, problem: "it is missing" }) => assert_eq!(named, line),
            other => panic!("after line {count}: {other:?}"),
        }
        let half = [cut.as_slice(), &lines[count][..lines[count].len() - 1]].concat();
        match import(&restored, &half).await {
            Err(ImportError::Malformed { line: named, problem: "it is cut off" }) => assert_eq!(named, line),
            other => panic!("in line {line}: {other:?}"),
        }
    }
    assert!(contents(restored.memory.as_ref()).await == before);
}

#[tokio::test]
async fn an_export_is_refused_when_lines_are_missing_repeated_moved_or_added() {
    let restoration = restoration(78).await;
    let export = restoration.world.rotate_epoch().await;
    let lines: Vec<Vec<u8>> = export.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let last = lines.len() - 1;
    for place in 1..last {
        let mut missing = lines.clone();
        missing.remove(place);
        let mut repeated = lines.clone();
        repeated.insert(place, lines[place].clone());
        let mut moved = lines.clone();
        moved.swap(place, if place + 1 < last { place + 1 } else { 1 });
        for (what, lines) in [("missing", missing), ("repeated", repeated), ("moved", moved)] {
            let error = refusal(&restoration, &lines.concat()).await;
            assert!(
                matches!(error, ImportError::Malformed { .. } | ImportError::Altered),
                "{what} {place}: {error:?}"
            );
        }
    }
    let mut longer = lines.clone();
    longer.push(lines[last].clone());
    let error = refusal(&restoration, &longer.concat()).await;
    assert!(matches!(error, ImportError::Malformed { problem: "it follows the end", .. }), "{error:?}");
    // A footer that states another number of rows.
    let text = String::from_utf8(lines[last].clone()).unwrap();
    let mut footer: serde_json::Value = serde_json::from_str(&text).unwrap();
    footer["rows"] = (footer["rows"].as_u64().unwrap() + 1).into();
    let mut recounted = lines[..last].to_vec();
    recounted.push(format!("{footer}\n").into_bytes());
    assert!(matches!(refusal(&restoration, &recounted.concat()).await, ImportError::Altered));
}

#[tokio::test]
async fn what_is_no_export_of_this_version_is_named_as_such() {
    let restoration = small_restoration(79).await;
    let export = String::from_utf8(restoration.world.export().await).unwrap();
    let long = format!("{}\n", "x".repeat(300_000));
    let cases = [
        (String::new(), "it is missing"),
        ("not an export\n".to_owned(), "it is not a key export"),
        (export.replacen("wzapi-key-export", "another-format", 1), "it is not a key export"),
        (export.replacen("\"version\":1", "\"version\":2", 1), "another version of this library wrote it"),
        (long, "it is cut off"),
    ];
    for (text, expected) in cases {
        match refusal(&restoration, text.as_bytes()).await {
            ImportError::Malformed { line: 1, problem } => assert_eq!(problem, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_export_whose_wrapping_key_is_gone_is_outdated() {
    let restoration = restoration(80).await;
    let first = restoration.world.rotate_epoch().await;
    restoration.world.wait(60);
    let second = restoration.world.rotate_epoch().await;
    let error = refusal(&restoration, &first).await;
    assert!(matches!(error, ImportError::Outdated), "{error:?}");
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    import(&restored, &second).await.unwrap();
    restored.assert_living(&restoration.living).await;
}

#[tokio::test]
async fn an_export_of_older_keys_than_those_of_the_store_is_refused() {
    let world = World::new(81).await;
    let values = vec![world.write(A, 1, "one").await];
    let export = world.export().await;
    world.rotate_tenant(A).await;
    let outcome = import(&world, &export).await;
    assert!(matches!(outcome, Err(ImportError::OlderThanStore)), "{outcome:?}");
    world.assert_living(&values).await;

    // A new epoch has begun, and nothing is wrapped anew yet.
    let world = World::new(82).await;
    let values = vec![world.write(A, 1, "one").await];
    let export = world.export().await;
    let mortal = Mortal::new(world.memory.clone(), Some(Death::After(1)));
    let mut target = ExportBuffer::default();
    assert!(world.process(mortal).rotate_epoch(&mut target, &mut |_| {}).await.is_err());
    let outcome = import(&world, &export).await;
    assert!(matches!(outcome, Err(ImportError::OlderThanStore)), "{outcome:?}");
    world.assert_living(&values).await;
}

#[tokio::test]
async fn controllers_that_only_the_export_knows_are_left_out_and_those_that_only_the_store_knows_alone() {
    let restoration = restoration(83).await;
    let c = ControllerId::from_bytes([0xc; 16]);
    restoration.world.register(c).await;
    let export = restoration.world.export().await;
    let d = ControllerId::from_bytes([0xd; 16]);
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    restored.register(d).await;
    let value = restored.write(d, 1, "the export does not know this controller").await;
    let report = import(&restored, &export).await.unwrap();
    assert_eq!((report.controllers, report.unknown_controllers), (3, 1));
    restored.assert_living(&[value]).await;
    restored.assert_living(&restoration.living).await;
    assert!(matches!(restored.encryption.tenant(c).await, Err(EncryptionError::UnknownController)));

    // An empty store takes nothing.
    let empty = restoration.world.beside(Arc::new(MemoryStorage::new()));
    let report = import(&empty, &export).await.unwrap();
    assert_eq!(report, ImportReport { unknown_controllers: 4, ..ImportReport::default() });
    assert_eq!(empty.memory.row_count().unwrap(), 0);
}

#[tokio::test]
async fn an_import_says_so_when_somebody_else_has_the_store_open() {
    let restoration = restoration(84).await;
    let export = restoration.world.export().await;
    let restored = Arc::new(restoration.world.beside(copy_of(restoration.backup.as_ref()).await));
    let gate = Gate::before(
        restored.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if changeset.writes.iter().any(|write| write.key().kind() == RowKind::DataKey)),
    );
    let process = restored.process(gate.clone());
    let import_task = {
        let export = export.clone();
        tokio::spawn(async move { import_in(&process, &export).await })
    };
    gate.arrived().await;
    restored.erase(A, 22).await;
    gate.open();
    let outcome = import_task.await.unwrap();
    assert!(matches!(outcome, Err(ImportError::InUse)), "{outcome:?}");
    import(&restored, &export).await.unwrap();
    restored.assert_living(&restoration.living).await;
    restored.assert_dead(&restoration.erased).await;
}

#[tokio::test]
async fn while_a_controller_is_imported_nothing_of_it_is_read_or_written() {
    let restoration = restoration(85).await;
    let export = restoration.world.export().await;
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let mortal = Mortal::new(restored.memory.clone(), Some(Death::After(2)));
    assert!(import_in(&restored.process(mortal), &export).await.is_err());
    assert!(restored.encryption.tenant(SYSTEM).await.is_err());
    import(&restored, &export).await.unwrap();
    assert!(restored.encryption.tenant(SYSTEM).await.is_ok());
}

#[tokio::test]
async fn an_import_keeps_what_is_not_a_key() {
    let restoration = restoration(90).await;
    let export = restoration.world.rotate_epoch().await;
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    let others = |rows: Vec<(ControllerId, Record)>| -> Vec<(ControllerId, Record)> {
        let is_other = |kind: RowKind| {
            !matches!(
                kind,
                RowKind::Epoch
                    | RowKind::Controller
                    | RowKind::TenantKey
                    | RowKind::IndexKey
                    | RowKind::LogKey
                    | RowKind::DataKey
            )
        };
        rows.into_iter().filter(|(_, record)| is_other(record.key.kind())).collect()
    };
    let before = others(rows_of(restored.memory.as_ref()).await);
    let settings: ControllerRow = stranger::row_of(&restored, A, Key::Controller).await;
    import(&restored, &export).await.unwrap();
    assert!(others(rows_of(restored.memory.as_ref()).await) == before);
    let now: ControllerRow = stranger::row_of(&restored, A, Key::Controller).await;
    assert_eq!(now.registered_at, settings.registered_at);
    assert_eq!((settings.tenant_keys, now.tenant_keys), (vec![1], vec![2]));
    let epoch: EpochRow = stranger::row_of(&restored, SYSTEM, Key::Epoch).await;
    assert_eq!(epoch.former.len(), 1);
}

#[tokio::test]
async fn a_key_of_another_lineage_is_not_kept_because_it_is_newer() {
    // A backup is restored, and by mistake used without the export; then the mistake is mended.
    let restoration = restoration(92).await;
    restoration.world.rotate_tenant(A).await;
    let export = restoration.world.export().await;
    restoration.world.wait(60);
    let restored = restoration.world.beside(copy_of(restoration.backup.as_ref()).await);
    restored.rotate_tenant(A).await;
    let strayed = restored.write(A, 200, "under a tenant key that the export does not know").await;
    let report = import(&restored, &export).await.unwrap();
    assert_eq!(report.destroyed, 4);
    restored.assert_dead(&[strayed]).await;
    restored.assert_living(&restoration.living).await;
    assert!(
        rows_of(restored.memory.as_ref())
            .await
            .iter()
            .all(|(_, record)| { DataKeyRow::of(&record.body).is_none_or(|row| !row.versions.is_empty()) })
    );
}
