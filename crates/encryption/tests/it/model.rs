//! Random lives of a store, beside an oracle that knows who lives.
//!
//! Values are written, keys destroyed, tenant keys and epochs rotated, rotations killed at any commit, exports and
//! backups taken, and every backup restored with every export. After each step the living are read exactly, and the
//! destroyed are not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

use proptest::prelude::*;
use wzapi_encryption::EncryptionError;
use wzapi_encryption::export::ImportError;
use wzapi_encryption::rotation::RotationProgress;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::EpochStage;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::faulty::{FaultyStorage, Rates};

use crate::interference::{Death, Mortal};
use crate::world::{A, B, EVERYBODY, ExportBuffer, MemoryProvider, Seeded, Value, World, copy_of, owner};

#[derive(Debug, Clone)]
enum Step {
    Write {
        of_b: bool,
        person: u8,
        is_contact: bool,
    },
    Erase {
        of_b: bool,
        person: u8,
    },
    DestroyOne(prop::sample::Index),
    RotateTenant {
        of_b: bool,
    },
    RotateTenantAndDie {
        of_b: bool,
        death: Death,
    },
    RotateTenantInTrouble {
        of_b: bool,
        seed: u64,
    },
    RotateEpoch,
    RotateEpochAndDie(Death),
    RotateEpochInTrouble(u64),
    Export,
    BackUp,
    /// Goes on from a backup, with the newest export of all.
    Restore {
        backup: prop::sample::Index,
        death: Death,
    },
    NextMonth,
}

fn step() -> impl Strategy<Value = Step> {
    let person = || 1..6_u8;
    let death = || {
        (1..14_u64, any::<bool>()).prop_map(
            |(at, is_before)| {
                if is_before { Death::Before(at) } else { Death::After(at) }
            },
        )
    };
    prop_oneof![
        10 => (any::<bool>(), person(), any::<bool>())
            .prop_map(|(of_b, person, is_contact)| Step::Write { of_b, person, is_contact }),
        3 => (any::<bool>(), person()).prop_map(|(of_b, person)| Step::Erase { of_b, person }),
        2 => any::<prop::sample::Index>().prop_map(Step::DestroyOne),
        1 => any::<bool>().prop_map(|of_b| Step::RotateTenant { of_b }),
        2 => (any::<bool>(), death()).prop_map(|(of_b, death)| Step::RotateTenantAndDie { of_b, death }),
        1 => (any::<bool>(), any::<u64>())
            .prop_map(|(of_b, seed)| Step::RotateTenantInTrouble { of_b, seed }),
        2 => Just(Step::RotateEpoch),
        2 => death().prop_map(Step::RotateEpochAndDie),
        1 => any::<u64>().prop_map(Step::RotateEpochInTrouble),
        2 => Just(Step::Export),
        3 => Just(Step::BackUp),
        1 => (any::<prop::sample::Index>(), death())
            .prop_map(|(backup, death)| Step::Restore { backup, death }),
        1 => Just(Step::NextMonth),
    ]
}

/// One version of one data key.
type KeyName = (ControllerId, Key, u32);

fn key_name(value: &Value) -> KeyName {
    (value.controller, value.data_key.clone(), value.key_version)
}

/// What decides whether an export fits a store.
#[derive(Debug, Clone)]
struct Generation {
    epoch: u32,
    tenant_keys: BTreeMap<ControllerId, u32>,
    /// The wrapping keys of all tenant keys.
    wrapping_keys: BTreeSet<String>,
}

struct Backup {
    rows: Arc<MemoryStorage>,
    values: Vec<Value>,
    living: BTreeSet<KeyName>,
    generation: Generation,
    taken_at: usize,
}

struct Export {
    bytes: Vec<u8>,
    living: BTreeSet<KeyName>,
    generation: Generation,
    taken_at: usize,
}

struct Life {
    world: World,
    provider: Arc<MemoryProvider>,
    values: Vec<Value>,
    living: BTreeSet<KeyName>,
    backups: Vec<Backup>,
    exports: Vec<Export>,
    now: usize,
}

impl Life {
    async fn new() -> Self {
        let entropy: Arc<dyn wzapi_model::Entropy> = Arc::new(Seeded::new(100));
        let provider = Arc::new(MemoryProvider::new(Arc::clone(&entropy)));
        let world = World::with(provider.clone(), entropy).await;
        Self {
            world,
            provider,
            values: Vec::new(),
            living: BTreeSet::new(),
            backups: Vec::new(),
            exports: Vec::new(),
            now: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        self.now += 1;
        // Longer than what an import takes for the same moment.
        self.world.wait(10);
        let of = |of_b| if of_b { B } else { A };
        match step {
            Step::Write { of_b, person, is_contact } => {
                let category =
                    if is_contact { DataCategory::contact() } else { DataCategory::consent_evidence() };
                let text = format!("value {} of person {person}", self.values.len());
                let encryption = &self.world.encryption;
                let value = self.world.write_in(encryption, of(of_b), person, &category, &text).await;
                self.living.insert(key_name(&value));
                self.values.push(value);
            }
            Step::Erase { of_b, person } => {
                self.world.erase(of(of_b), person).await;
                self.living
                    .retain(|(controller, key, _)| (*controller, key.owner()) != (of(of_b), owner(person)));
            }
            Step::DestroyOne(which) => self.destroy_one(which).await,
            Step::RotateTenant { of_b } => {
                self.world.rotate_tenant(of(of_b)).await;
            }
            Step::RotateTenantAndDie { of_b, death } => {
                let mortal = Mortal::new(self.world.memory.clone(), Some(death));
                let process = self.world.process(mortal.clone());
                let mut progress = RotationProgress::default();
                let outcome = process.rotate_tenant(of(of_b), &mut progress, &mut |_| {}).await;
                assert_eq!(outcome.is_err(), mortal.is_dead(), "{outcome:?}");
            }
            Step::RotateTenantInTrouble { of_b, seed } => {
                let process = self.troubled(seed);
                let mut progress = RotationProgress::default();
                let _ = process.rotate_tenant(of(of_b), &mut progress, &mut |_| {}).await;
            }
            Step::RotateEpoch => {
                let export = self.world.rotate_epoch().await;
                self.keep_export(export).await;
            }
            Step::RotateEpochAndDie(death) => {
                let mortal = Mortal::new(self.world.memory.clone(), Some(death));
                let mut target = ExportBuffer::default();
                let process = self.world.process(mortal.clone());
                let outcome = process.rotate_epoch(&mut target, &mut |_| {}).await;
                assert_eq!(outcome.is_err(), mortal.is_dead(), "{outcome:?}");
                if target.is_finished {
                    self.keep_export(target.bytes).await;
                }
            }
            Step::RotateEpochInTrouble(seed) => {
                let mut target = ExportBuffer::default();
                let _ = self.troubled(seed).rotate_epoch(&mut target, &mut |_| {}).await;
                if target.is_finished {
                    self.keep_export(target.bytes).await;
                }
            }
            Step::Export => {
                let export = self.world.export().await;
                self.keep_export(export).await;
            }
            Step::BackUp => {
                let backup = Backup {
                    rows: self.world.copy().await,
                    values: self.values.clone(),
                    living: self.living.clone(),
                    generation: generation(&self.world).await,
                    taken_at: self.now,
                };
                self.backups.push(backup);
            }
            Step::Restore { backup, death } => self.restore(backup, death).await,
            Step::NextMonth => self.world.wait(31 * 24 * 60),
        }
        self.assert_oracle().await;
    }

    fn troubled(&self, seed: u64) -> wzapi_encryption::Encryption {
        let faulty = FaultyStorage::new(self.world.memory.clone()).with_rates(seed, Rates::HARSH);
        self.world.process(Arc::new(faulty))
    }

    async fn destroy_one(&mut self, which: prop::sample::Index) {
        let places: BTreeSet<(ControllerId, Key)> =
            self.living.iter().map(|(controller, key, _)| (*controller, key.clone())).collect();
        if places.is_empty() {
            return;
        }
        let (controller, place) = which.get(&places.into_iter().collect::<Vec<_>>()).clone();
        let mut draft = wzapi_storage::Draft::new(self.world.memory.as_ref(), controller);
        wzapi_encryption::shredding::stage_destruction(&mut draft, [place.clone()]).await.unwrap();
        self.world.commit(draft).await.unwrap();
        self.living.retain(|(of, key, _)| (of, key) != (&controller, &place));
    }

    async fn keep_export(&mut self, bytes: Vec<u8>) {
        let export = Export {
            bytes,
            living: self.living.clone(),
            generation: generation(&self.world).await,
            taken_at: self.now,
        };
        self.exports.push(export);
    }

    /// Goes on from a backup with the newest export, if it fits; the import may be killed once.
    async fn restore(&mut self, backup: prop::sample::Index, death: Death) {
        let (false, Some(export)) = (self.backups.is_empty(), self.exports.last()) else { return };
        let backup = backup.get(&self.backups);
        let restored = self.world.beside(copy_of(backup.rows.as_ref()).await);
        let mortal = Mortal::new(restored.memory.clone(), Some(death));
        let killed = restored.process(mortal);
        let _ = killed.import_keys(&mut Cursor::new(&export.bytes), &mut |_| {}).await;
        match restored.encryption.import_keys(&mut Cursor::new(&export.bytes), &mut |_| {}).await {
            Ok(_) => {
                self.living = expected(backup, export);
                self.values = backup.values.clone();
                self.world = restored;
                // What was made in the life that ended there belongs to nobody any more.
                let cut = self.now;
                self.backups.clear();
                self.exports.clear();
                self.now = cut + 1;
            }
            Err(error) => assert!(self.explains(backup, export, &error), "{error:?}"),
        }
    }

    /// Whether an export may not be imported into a backup, and why.
    fn explains(&self, backup: &Backup, export: &Export, error: &ImportError) -> bool {
        let names: BTreeSet<String> = self.provider.names().into_iter().collect();
        match error {
            ImportError::Outdated => !export.generation.wrapping_keys.is_subset(&names),
            ImportError::OlderThanStore => {
                let (stored, exported) = (&backup.generation, &export.generation);
                stored.epoch > exported.epoch
                    || stored
                        .tenant_keys
                        .iter()
                        .any(|(controller, version)| exported.tenant_keys[controller] < *version)
            }
            _ => false,
        }
    }

    async fn assert_oracle(&self) {
        let fresh = self.world.process(self.world.memory.clone());
        for encryption in [&fresh, &self.world.encryption] {
            assert_as_expected(&self.world, encryption, &self.values, &self.living).await;
        }
    }

    /// Every backup with every export gives back the living of both, or says why it cannot.
    async fn assert_restorations(&self) {
        let (mut imported, mut refused) = (0, 0);
        for backup in &self.backups {
            for export in &self.exports {
                let restored = self.world.beside(copy_of(backup.rows.as_ref()).await);
                let encryption = &restored.encryption;
                match encryption.import_keys(&mut Cursor::new(&export.bytes), &mut |_| {}).await {
                    Ok(_) => {
                        imported += 1;
                        let living = expected(backup, export);
                        assert_as_expected(&restored, encryption, &backup.values, &living).await;
                    }
                    Err(error) => {
                        refused += 1;
                        assert!(self.explains(backup, export, &error), "{error:?}");
                    }
                }
            }
        }
        assert_eq!(imported + refused, self.backups.len() * self.exports.len());
    }
}

/// Who lives in a backup that got its keys from an export.
fn expected(backup: &Backup, export: &Export) -> BTreeSet<KeyName> {
    if backup.taken_at > export.taken_at {
        // What the export does not hold was made after it.
        return backup.living.clone();
    }
    backup.living.intersection(&export.living).cloned().collect()
}

async fn generation(world: &World) -> Generation {
    let epoch = world.encryption.epoch_status().await.unwrap();
    let (mut tenant_keys, mut wrapping_keys) = (BTreeMap::new(), BTreeSet::new());
    for controller in EVERYBODY {
        let status = world.encryption.tenant_status(controller).await.unwrap();
        tenant_keys.insert(controller, status.tenant_keys[0].version);
        wrapping_keys.extend(status.tenant_keys.into_iter().map(|key| key.wrapped_by));
    }
    Generation { epoch: epoch.epoch, tenant_keys, wrapping_keys }
}

async fn assert_as_expected(
    world: &World,
    encryption: &wzapi_encryption::Encryption,
    values: &[Value],
    living: &BTreeSet<KeyName>,
) {
    for value in values {
        let opened = world.read_in(encryption, value).await;
        if living.contains(&key_name(value)) {
            assert_eq!(opened.as_ref().ok(), Some(&value.text), "{value:?}: {opened:?}");
        } else {
            assert!(matches!(opened, Err(EncryptionError::KeyMissing)), "{value:?}: {opened:?}");
        }
    }
}

/// What a rotation that was cut short left is finished in the end, and nothing is left over.
async fn assert_everything_ends_well(life: &mut Life) {
    life.take(Step::RotateEpoch).await;
    let epoch = life.world.encryption.epoch_status().await.unwrap();
    assert_eq!(epoch.stage, EpochStage::Complete);
    for controller in EVERYBODY {
        let status = life.world.encryption.tenant_status(controller).await.unwrap();
        assert_eq!((status.tenant_keys.len(), status.outdated), (1, 0));
        assert_eq!(status.tenant_keys[0].wrapped_by, epoch.wrapping_key);
    }
    let stored: BTreeSet<Key> = crate::world::rows_of(life.world.memory.as_ref())
        .await
        .into_iter()
        .filter(|(_, record)| matches!(record.key, Key::DataKey { owner: Owner::Subject(_), .. }))
        .map(|(_, record)| record.key)
        .collect();
    assert_eq!(stored, life.living.iter().map(|(_, key, _)| key.clone()).collect());
}

fn live(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut life = Life::new().await;
        for step in steps {
            life.take(step).await;
        }
        life.assert_restorations().await;
        assert_everything_ends_well(&mut life).await;
        life.assert_restorations().await;
    });
}

/// As many lives as `PROPTEST_CASES` asks for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(96)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn clause_5_a_whatever_happens_the_living_are_readable_and_the_destroyed_are_not(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        live(steps);
    }
}
