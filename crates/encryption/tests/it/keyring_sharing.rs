//! One keyring file and many that use it: threads, processes, and processes that are killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::keyring::{KeyState, KeyringError, Passphrase};
use wzapi_encryption::provider::WrappingKeyId;
use wzapi_encryption::{KeyProvider, KeyProviderError, LocalKeyring};

use crate::keyring::{Folder, context, open, opens, options, secret, wrapped};

const PATH: &str = "WZAPI_KEYRING_TEST_PATH";
const TASK: &str = "WZAPI_KEYRING_TEST_TASK";

/// Runs a future that never waits for anything, on whichever thread this is.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn patient() -> wzapi_encryption::keyring::KeyringOptions {
    options().lock_wait(Duration::from_secs(60))
}

#[test]
fn of_several_that_make_the_file_at_once_one_does_and_all_use_its_key() {
    for _ in 0..20 {
        let folder = Folder::new();
        let path = folder.keyring();
        let opener = || {
            let path = path.clone();
            std::thread::spawn(move || now(patient().open_or_create(&path).unwrap().current()).unwrap())
        };
        let openers: Vec<_> = (0..8).map(|_| opener()).collect();
        let ids: BTreeSet<_> = openers.into_iter().map(|opener| opener.join().unwrap()).collect();
        assert_eq!(ids.len(), 1);
        let left: BTreeSet<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, BTreeSet::from([folder.keyring(), folder.beside(".lock")]));
    }
}

#[test]
fn no_key_is_lost_when_two_keyrings_on_one_file_change_it_from_many_threads() {
    let folder = Folder::new();
    let keyrings: Vec<Arc<LocalKeyring>> =
        (0..2).map(|_| Arc::new(patient().open_or_create(&folder.keyring()).unwrap())).collect();
    let work = |thread: usize| {
        let (own, other) = (keyrings[thread % 2].clone(), keyrings[(thread + 1) % 2].clone());
        std::thread::spawn(move || {
            now(async move {
                let (mut kept, mut destroyed) = (Vec::new(), Vec::new());
                for round in 0..10 {
                    let id = own.generate().await.unwrap();
                    let wrapped = own.wrap(&id, &context("a"), &secret()).await.unwrap();
                    kept.push((id, wrapped));
                    let current = own.current().await.unwrap();
                    let made = match own.wrap(&current, &context("a"), &secret()).await {
                        Ok(made) => made,
                        Err(error) => {
                            assert!(matches!(error, KeyProviderError::NoSuchKey), "{error:?}");
                            continue;
                        }
                    };
                    // The other keyring has every key at once, except that its maker destroys some.
                    match other.unwrap(&current, &context("a"), &made).await {
                        Ok(key) => assert_eq!(key.expose(), secret().expose()),
                        Err(error) => assert!(matches!(error, KeyProviderError::NoSuchKey), "{error:?}"),
                    }
                    if round % 3 == 0 {
                        let (id, made) = kept.remove(0);
                        match other.destroy(&id).await {
                            Ok(_) => destroyed.push(id),
                            Err(KeyProviderError::StillCurrent) => kept.push((id, made)),
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                }
                (kept, destroyed)
            })
        })
    };
    let threads: Vec<_> = (0..8).map(work).collect();
    let (mut kept, mut destroyed) = (Vec::new(), BTreeSet::new());
    for thread in threads {
        let (more_kept, more_destroyed) = thread.join().unwrap();
        kept.extend(more_kept);
        destroyed.extend(more_destroyed);
    }
    assert_eq!(kept.len() + destroyed.len(), 80);

    let keyring = open(&folder.keyring()).unwrap();
    let status = keyring.status().unwrap();
    assert_eq!(status.keys.len(), 81);
    for key in &status.keys {
        let is_destroyed = matches!(key.state, KeyState::Destroyed { .. });
        assert_eq!(is_destroyed, destroyed.contains(&key.id));
    }
    for key in &kept {
        assert!(now(opens(&keyring, key)));
    }
}

#[tokio::test]
async fn a_key_that_another_one_made_or_destroyed_is_known_at_once() {
    let folder = Folder::new();
    let (here, there) = (open(&folder.keyring()).unwrap(), open(&folder.keyring()).unwrap());
    let first = wrapped(&here).await;
    let second = there.generate().await.unwrap();
    assert_eq!(here.current().await.unwrap(), second, "a stale current key would be wrapped under");
    let made_here = wrapped(&here).await;
    assert!(opens(&there, &made_here).await);
    there.destroy(&first.0).await.unwrap();
    assert!(!opens(&here, &first).await, "it must not live on in memory");
    assert!(matches!(here.destroy(&first.0).await, Err(KeyProviderError::NoSuchKey)));
}

#[tokio::test]
async fn readers_see_the_old_file_or_the_new_one_and_never_none() {
    let folder = Folder::new();
    let path = folder.keyring();
    let passphrase = || Passphrase::new("open sesame".to_owned()).unwrap();
    let options = patient().iterations(100_000).passphrase(passphrase());
    let keyring = Arc::new(options.open_or_create(&path).unwrap());
    let old = wrapped(&keyring).await;
    let writer = {
        let keyring = keyring.clone();
        std::thread::spawn(move || {
            for round in 0..60 {
                now(keyring.generate()).unwrap();
                // A reader in the same process never sees a new file with the former passphrase's key.
                if round % 20 == 0 {
                    keyring.set_passphrase(&Passphrase::new("open sesame".to_owned()).unwrap()).unwrap();
                }
            }
        })
    };
    let mut reads = 0;
    while !writer.is_finished() {
        assert!(opens(&keyring, &old).await);
        reads += 1;
    }
    writer.join().unwrap();
    assert!(reads > 60, "{reads}");
}

/// Not a test: what the child processes do. Without a parent it does nothing.
#[test]
fn child() {
    let (Ok(path), Ok(task)) = (std::env::var(PATH), std::env::var(TASK)) else { return };
    let path = Path::new(&path);
    match task.as_str() {
        "hold the lock" => {
            let lock = File::options().write(true).open(path.with_file_name("keyring.json.lock")).unwrap();
            lock.lock().unwrap();
            say("locked");
            std::io::stdin().read_exact(&mut [0]).unwrap_or_default();
        }
        "change it" => {
            let keyring = patient().open_or_create(path).unwrap();
            loop {
                let former = now(keyring.current()).unwrap();
                let id = now(keyring.generate()).unwrap();
                say(&format!("generated {id}"));
                now(keyring.destroy(&former)).unwrap();
                say(&format!("destroyed {former}"));
            }
        }
        other => panic!("{other}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("said: {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

struct Helper {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn start(path: &Path, task: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "keyring_sharing::child", "--nocapture"])
            .env(PATH, path)
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// What the child says next, if it says anything more.
    fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The test harness prints in front of the first one.
            if let Some((_, said)) = line.strip_suffix('\n').and_then(|line| line.split_once("said: ")) {
                return Some(said.to_owned());
            }
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_change_waits_a_bounded_time_for_another_process_and_reading_does_not_wait() {
    let folder = Folder::new();
    let keyring = options().lock_wait(Duration::from_millis(60)).open_or_create(&folder.keyring()).unwrap();
    let before = wrapped(&keyring).await;
    let next = keyring.generate().await.unwrap();
    let text = folder.text();
    let mut holder = Helper::start(&folder.keyring(), "hold the lock");
    assert_eq!(holder.hear().as_deref(), Some("locked"));

    for outcome in [keyring.generate().await.map(drop), keyring.destroy(&before.0).await.map(drop)] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, KeyProviderError::Unavailable(_)) && error.is_retryable(), "{error:?}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("another process"), "{source}");
    }
    let protecting = keyring.set_passphrase(&Passphrase::new("a".to_owned()).unwrap());
    assert!(matches!(protecting, Err(KeyringError::InUse)));
    assert_eq!(keyring.current().await.unwrap(), next);
    assert!(opens(&keyring, &before).await);
    assert!(options().open(&folder.keyring()).is_ok(), "opening one that is there needs no lock");
    assert_eq!(folder.text(), text);

    // The system gives the lock back when its holder ends, however it does.
    holder.kill();
    keyring.destroy(&before.0).await.unwrap();
}

#[tokio::test]
async fn a_lock_that_was_removed_is_not_relied_on() {
    let folder = Folder::new();
    let keyring = options().lock_wait(Duration::from_millis(60)).open_or_create(&folder.keyring()).unwrap();
    keyring.generate().await.unwrap();
    let removed = File::open(folder.beside(".lock")).unwrap();
    removed.lock().unwrap();
    std::fs::remove_file(folder.beside(".lock")).unwrap();
    keyring.generate().await.unwrap();
    let lock = File::open(folder.beside(".lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(keyring.generate().await, Err(KeyProviderError::Unavailable(_))));
}

#[tokio::test]
async fn killed_anywhere_every_acknowledged_change_is_there_and_the_file_is_whole() {
    let folder = Folder::new();
    let path = folder.keyring();
    let keyring = patient().open_or_create(&path).unwrap();
    let mut acknowledged = 0;
    for round in 0..25_u64 {
        let before = wrapped(&keyring).await;
        let mut changer = Helper::start(&path, "change it");
        let (mut generated, mut destroyed) = (Vec::new(), BTreeSet::new());
        let note =
            |said: String, generated: &mut Vec<WrappingKeyId>, destroyed: &mut BTreeSet<WrappingKeyId>| {
                let (what, id) = said.split_once(' ').unwrap();
                let id = WrappingKeyId(id.to_owned());
                match what {
                    "generated" => generated.push(id),
                    _ => assert!(destroyed.insert(id)),
                }
            };
        for _ in 0..1 + round % 5 {
            note(changer.hear().expect("the child ended by itself"), &mut generated, &mut destroyed);
        }
        std::thread::sleep(Duration::from_micros(round * 397 % 9000));
        changer.kill();
        while let Some(said) = changer.hear() {
            note(said, &mut generated, &mut destroyed);
        }
        acknowledged += generated.len() + destroyed.len();

        let status = open(&path).unwrap().status().unwrap();
        assert!(!folder.beside(".new").exists());
        let state_of = |id: &WrappingKeyId| status.keys.iter().find(|key| key.id == *id).map(|key| key.state);
        for id in &destroyed {
            assert!(matches!(state_of(id), Some(KeyState::Destroyed { .. })), "round {round}: {id}");
        }
        for id in &generated {
            assert!(state_of(id).is_some(), "round {round}: {id}");
        }
        let current = keyring.current().await.unwrap();
        // The last acknowledged one, or one whose acknowledgement the kill cut off.
        let is_last = generated.last() == Some(&current);
        assert!(is_last || !generated.contains(&current), "round {round}");
        let is_gone = matches!(state_of(&before.0), Some(KeyState::Destroyed { .. }));
        assert_eq!(opens(&keyring, &before).await, !is_gone, "round {round}");
        for key in status.keys.iter().filter(|key| matches!(key.state, KeyState::Retired { .. })) {
            keyring.destroy(&key.id).await.unwrap();
        }
    }
    assert!(acknowledged > 50, "{acknowledged}");
}
