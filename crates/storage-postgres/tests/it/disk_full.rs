//! A disk that fills up, and has room again.

use std::path::{Path, PathBuf};
use std::process::Command;

use wzapi_model::Timestamp;
use wzapi_model::ids::LogId;
use wzapi_storage::changeset::Write;
use wzapi_storage::row::{LogHeadRow, Record};
use wzapi_storage::{Changeset, Key, Storage, StorageError};
use wzapi_storage_postgres::PostgresError;

use crate::harness::{CONTROLLER, cause, changeset, client, commit, config, own_server, receipt, store};

/// A small disk in memory; root only.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("wzapi-small-disk-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let disk = Self(path);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0777"), "tmpfs"])
            .arg(&disk.0)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(disk)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).stderr(std::process::Stdio::null()).status().ok();
        std::fs::remove_dir(&self.0).ok();
    }
}

/// One row of about half a mebibyte.
fn large(number: u64) -> Changeset {
    let body = LogHeadRow {
        log: LogId::from_bytes([1; 16]),
        generation: 0,
        shards: 1,
        origin: String::new(),
        size: number,
        peaks: noise(number),
    };
    let key = Key::LogHead(u16::try_from(number).unwrap());
    let row = Record { key, due_at: None, body: body.into() };
    Changeset { writes: vec![Write::Put(row)], at: Timestamp::EPOCH, ..changeset(number, 0) }
}

/// What the server cannot make smaller.
fn noise(seed: u64) -> Vec<[u8; 32]> {
    let mut sequence = wzapi_storage_testkit::sample::Sequence::new(seed);
    (0..1 << 14)
        .map(|_| {
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(&sequence.id());
            bytes[16..].copy_from_slice(&sequence.id());
            bytes
        })
        .collect()
}

#[tokio::test]
async fn a_full_disk_is_told_loses_nothing_and_is_recovered_from_without_a_restart() {
    let Some(disk) = SmallDisk::mount("24m") else {
        eprintln!("NOT TESTED: mounting a small tmpfs takes root (and the right to mount)");
        return;
    };
    let server = own_server(&[]);
    // The tables stand on the small disk; the log of the server does not, for without it there is no server.
    let space = disk.path().join("space");
    std::fs::create_dir(&space).unwrap();
    let data = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(server.data()).unwrap());
    std::os::unix::fs::chown(&space, Some(data), None).unwrap();
    let owner = client(&server.url()).await;
    owner.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", space.display())).await.unwrap();
    owner.batch_execute("ALTER DATABASE postgres SET default_tablespace = small").await.unwrap();
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![0; 10 << 20]).unwrap();

    let storage = store(&config(&server.url())).await;
    let mut committed = 0;
    let error = loop {
        match storage.commit(large(committed)).await {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
        assert!(committed < 100, "the disk does not fill up");
    };
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
    assert!(matches!(cause(&error), PostgresError::DiskFull), "{error:?}");
    assert!(committed > 1);

    std::fs::remove_file(&filler).unwrap();
    let refused = storage.get(CONTROLLER, &[receipt(committed)]).await.unwrap();
    assert!(refused[0].is_none());
    commit(&storage, large(committed)).await;
    for number in 0..=committed {
        let Changeset { writes, .. } = large(number);
        let keys = [writes[0].key().clone(), receipt(number)];
        assert!(storage.get(CONTROLLER, &keys).await.unwrap().iter().all(Option::is_some), "{number}");
    }
    // The server's files go before its disk does.
    drop(server);
}
