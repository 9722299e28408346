//! No key outlives its use: the test reads the memory of its own process, and finds a key while it is held and nothing of
//! it afterwards, neither on the heap nor in what is left on the stack.
//!
//! Each life runs in a process of its own, so that other tests neither disturb it nor help it. Keys are drawn from a
//! source whose bytes can be computed one by one, so that the searcher never holds the bytes that it looks for. It has a
//! thread of its own, whose stack covers nothing up.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use wzapi_encryption::{EncryptionError, LocalKeyring, Place, TenantKeys};
use wzapi_model::entropy::{Entropy, EntropyError};
use wzapi_model::identifier::Identifier;
use wzapi_model::name::DataCategory;
use wzapi_model::time::Clock;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::Sealed;
use zeroize::Zeroizing;

use crate::world::{A, ExportBuffer, World, owner, subject};

/// Tells a process of this test what to do.
const LIFE: &str = "WZAPI_MEMORY_TEST";

/// A byte of a draw. Nothing here has two of them side by side.
#[inline(never)]
fn byte(draw: u64, place: usize) -> u8 {
    let mut mixed =
        draw.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (place as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0x94d0_49bb_1331_11eb);
    black_box((mixed >> 53) as u8)
}

/// Draws that can be computed again, and their lengths.
#[derive(Default)]
struct KnownEntropy {
    lengths: Mutex<Vec<usize>>,
}

impl KnownEntropy {
    fn drawn(&self) -> usize {
        self.lengths.lock().unwrap().len()
    }

    /// The keys among the draws since `from`.
    fn keys_since(&self, from: usize) -> Vec<u64> {
        let lengths = self.lengths.lock().unwrap();
        (from..lengths.len()).filter(|draw| lengths[*draw] == 32).map(|draw| draw as u64).collect()
    }
}

impl Entropy for KnownEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        let mut lengths = self.lengths.lock().unwrap();
        let draw = lengths.len() as u64;
        lengths.push(out.len());
        for (place, to) in out.iter_mut().enumerate() {
            *to = byte(draw, place);
        }
        Ok(())
    }
}

/// Half of a key: as it is, or with the bytes of each word turned around, as ciphers and hashes load it.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    draw: u64,
    from: usize,
    turned: usize,
}

impl Pattern {
    const LENGTH: usize = 16;

    fn all_of(draw: u64) -> Vec<Self> {
        let halves = [0, 16].into_iter();
        halves.flat_map(|from| [0, 3, 7].map(|turned| Self { draw, from, turned })).collect()
    }

    fn is_at(self, memory: &[u8]) -> bool {
        memory.len() >= Self::LENGTH
            && (0..Self::LENGTH)
                .all(|place| memory[place] == byte(self.draw, self.from + (place ^ self.turned)))
    }
}

/// Where a pattern was found.
#[derive(Debug)]
#[allow(dead_code, reason = "printed when something is found")]
struct Found {
    pattern: Pattern,
    address: u64,
    region: String,
}

/// Searches the writable memory of this process from another thread.
struct Searcher {
    ask: SyncSender<Vec<u64>>,
    answer: Receiver<Vec<Found>>,
}

impl Searcher {
    fn new() -> Self {
        let (ask, asked) = sync_channel::<Vec<u64>>(1);
        let (answering, answer) = sync_channel(1);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(draws) = asked.recv() {
                answering.send(search(&draws, &mut buffer)).unwrap();
            }
        });
        Self { ask, answer }
    }

    fn find(&self, draws: &[u64]) -> Vec<Found> {
        self.ask.send(draws.to_vec()).unwrap();
        self.answer.recv().unwrap()
    }
}

fn search(draws: &[u64], buffer: &mut [u8]) -> Vec<Found> {
    let mut by_first_byte: Vec<Vec<Pattern>> = vec![Vec::new(); 256];
    for pattern in draws.iter().flat_map(|draw| Pattern::all_of(*draw)) {
        by_first_byte[usize::from(byte(pattern.draw, pattern.from + pattern.turned))].push(pattern);
    }
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = Vec::new();
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if !fields[1].starts_with("rw") {
            continue;
        }
        let (from, to) = fields[0].split_once('-').unwrap();
        let (mut at, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < to {
            let length = buffer.len().min((to - at) as usize);
            // What is not mapped by now cannot be read, and holds nothing.
            if memory.read_exact_at(&mut buffer[..length], at).is_err() {
                break;
            }
            for (offset, first) in buffer[..length].iter().enumerate() {
                for pattern in &by_first_byte[usize::from(*first)] {
                    let address = at + offset as u64;
                    if pattern.is_at(&buffer[offset..length]) && !own.contains(&address) {
                        found.push(Found { pattern: *pattern, address, region: line.to_owned() });
                    }
                }
            }
            buffer.fill(0);
            // The next piece begins a little before the end of this one.
            let is_last = at + length as u64 == to;
            at += if is_last { length as u64 } else { (length - Pattern::LENGTH) as u64 };
        }
    }
    found
}

/// A life: a world with one person, whose keys can be looked for.
struct Life {
    world: World,
    entropy: Arc<KnownEntropy>,
    searcher: Searcher,
    _folder: tempfile::TempDir,
}

impl Life {
    async fn new() -> Self {
        let searcher = Searcher::new();
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(KnownEntropy::default());
        let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy.clone()).unwrap();
        let world = World::with(Arc::new(keyring), entropy.clone()).await;
        Self { world, entropy, searcher, _folder: folder }
    }

    /// Takes the person's data key, making it if there is none, seals a value and stores the key.
    async fn seal(&self) -> Sealed {
        let (keys, now) = (self.world.keys(A).await, self.world.clock.now());
        let mut draft = Draft::new(self.world.memory.as_ref(), A);
        let data_key =
            keys.data_key_for_writing(&mut draft, owner(1), &DataCategory::contact(), now).await.unwrap();
        let row = Key::Subject(subject(1));
        let sealed = data_key.seal(&Place { controller: A, row: &row, field: "name" }, b"Ada").unwrap();
        if !draft.is_unchanged() {
            self.world.commit(draft).await.unwrap();
        }
        sealed
    }

    async fn open(&self, sealed: &Sealed, field: &str) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        let keys = self.world.keys(A).await;
        let key_place = TenantKeys::data_key_of(owner(1), &DataCategory::contact(), sealed);
        let key_row = self.world.data_key_row(A, &key_place).await;
        let row = Key::Subject(subject(1));
        keys.open(&key_place, key_row.as_ref(), &Place { controller: A, row: &row, field }, sealed)
    }

    /// A person's data key, just made.
    async fn new_data_key(&self) -> (u64, Sealed) {
        let before = self.entropy.drawn();
        let sealed = self.seal().await;
        let keys = self.entropy.keys_since(before);
        assert_eq!(keys.len(), 1);
        (keys[0], sealed)
    }

    #[track_caller]
    fn assert_gone(&self, draws: &[u64]) {
        let found = self.searcher.find(draws);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[track_caller]
    fn assert_held(&self, draws: &[u64]) {
        for draw in draws {
            assert!(!self.searcher.find(&[*draw]).is_empty(), "draw {draw}");
        }
    }
}

/// It is found while it is held, so that not finding it means something.
async fn a_key_in_hand() {
    let life = Life::new().await;
    let (keys, now) = (life.world.keys(A).await, life.world.clock.now());
    let mut draft = Draft::new(life.world.memory.as_ref(), A);
    let before = life.entropy.drawn();
    let data_key =
        keys.data_key_for_writing(&mut draft, owner(1), &DataCategory::contact(), now).await.unwrap();
    let drawn = life.entropy.keys_since(before);
    assert_eq!(drawn.len(), 1);
    life.assert_held(&drawn);
    drop(data_key);
    life.assert_gone(&drawn);
}

async fn sealing() {
    let life = Life::new().await;
    let (key, _) = life.new_data_key().await;
    life.assert_gone(&[key]);
    // Under a key that is there, which is unwrapped.
    let before = life.entropy.drawn();
    life.seal().await;
    assert!(life.entropy.keys_since(before).is_empty());
    life.assert_gone(&[key]);
}

async fn opening() {
    let life = Life::new().await;
    let (key, sealed) = life.new_data_key().await;
    let opened = life.open(&sealed, "name").await.unwrap();
    assert_eq!(opened.as_slice(), b"Ada");
    life.assert_gone(&[key]);
    assert!(life.open(&sealed, "elsewhere").await.is_err());
    life.assert_gone(&[key]);
}

async fn rotating() {
    let life = Life::new().await;
    let (key, sealed) = life.new_data_key().await;
    let before = life.entropy.drawn();
    life.world.rotate_tenant(A).await;
    let tenant_key = life.entropy.keys_since(before);
    assert_eq!(tenant_key.len(), 1);
    life.assert_gone(&[key, tenant_key[0]]);
    life.open(&sealed, "name").await.unwrap();
    life.assert_held(&tenant_key);
    // The former tenant key goes with the rotation.
    life.world.rotate_tenant(A).await;
    life.assert_gone(&[key, tenant_key[0]]);
}

async fn exporting_and_importing() {
    let life = Life::new().await;
    let (key, sealed) = life.new_data_key().await;
    let mut target = ExportBuffer::default();
    life.world.encryption.export_keys(&mut target).await.unwrap();
    life.assert_gone(&[key]);
    let mut source = std::io::Cursor::new(&target.bytes);
    life.world.encryption.import_keys(&mut source, &mut |_| {}).await.unwrap();
    life.assert_gone(&[key]);
    life.open(&sealed, "name").await.unwrap();
    life.assert_gone(&[key]);
}

/// The keys of a controller are held for a while, and go with their holder.
async fn holding_tenant_keys() {
    let life = Life::new().await;
    let c = wzapi_model::ids::ControllerId::from_bytes([0xc; 16]);
    let before = life.entropy.drawn();
    let mut draft = Draft::new(life.world.memory.as_ref(), c);
    let made = life.world.encryption.create_tenant(&mut draft).await.unwrap();
    let drawn = life.entropy.keys_since(before);
    assert_eq!(drawn.len(), 2, "a tenant key and an index key");
    life.world.commit(draft).await.unwrap();
    life.assert_held(&drawn);
    drop(made);
    life.assert_gone(&drawn);

    let process = life.world.process(life.world.memory.clone());
    let phone = Identifier::parse_recipient("+1 555 000 1111").unwrap();
    assert_eq!(process.tenant(c).await.unwrap().identifier_indexes(&phone).len(), 1);
    life.assert_held(&drawn);
    drop(process);
    life.assert_gone(&drawn);
}

fn live(life: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(life);
}

#[test]
#[ignore = "a process that another test starts"]
fn process() {
    match std::env::var(LIFE).as_deref() {
        Ok("a key in hand") => live(a_key_in_hand()),
        Ok("sealing") => live(sealing()),
        Ok("opening") => live(opening()),
        Ok("rotating") => live(rotating()),
        Ok("exporting and importing") => live(exporting_and_importing()),
        Ok("holding tenant keys") => live(holding_tenant_keys()),
        Ok(other) => panic!("{other}"),
        // All ignored tests were asked for.
        Err(_) => {}
    }
}

fn in_a_process_of_its_own(life: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::process", "--ignored", "--nocapture", "--test-threads=1"])
        .env(LIFE, life)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn clause_5_a_a_key_is_found_in_memory_while_it_is_held_and_not_afterwards() {
    in_a_process_of_its_own("a key in hand");
}

#[test]
fn clause_5_a_no_data_key_outlives_the_sealing_of_a_value() {
    in_a_process_of_its_own("sealing");
}

#[test]
fn clause_5_a_no_data_key_outlives_the_opening_of_a_value() {
    in_a_process_of_its_own("opening");
}

#[test]
fn clause_5_a_no_data_key_and_no_former_tenant_key_outlives_a_rotation() {
    in_a_process_of_its_own("rotating");
}

#[test]
fn clause_5_a_no_data_key_outlives_an_export_or_an_import() {
    in_a_process_of_its_own("exporting and importing");
}

#[test]
fn clause_5_a_tenant_keys_and_index_keys_go_with_whoever_holds_them() {
    in_a_process_of_its_own("holding tenant keys");
}
