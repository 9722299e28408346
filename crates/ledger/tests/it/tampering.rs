//! Whatever is changed behind the ledger's back is found, and its place is named.

use wzapi_ledger::{Fault, FaultKind};
use wzapi_storage::codec::{decode_body, encode_body};
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{Body, EntryBody, EntryBodyRow, LogHeadRow, LogLeafRow, RowType};

use crate::world::{LOG, World, person};

const SIZE: u64 = 9;

async fn world_with_entries() -> World {
    let world = World::new().await;
    for number in 0..SIZE {
        let _ = world.append(u8::try_from(number % 3).unwrap() + 1, &format!("event {number}")).await;
    }
    assert!(world.verify().await.is_sound());
    world
}

fn leaf_key(index: u64) -> Key {
    Key::LogLeaf { log: LOG, index }
}

async fn leaf(world: &World, index: u64) -> LogLeafRow {
    LogLeafRow::of(&world.row(&leaf_key(index)).await.unwrap().body).unwrap().clone()
}

async fn head(world: &World) -> LogHeadRow {
    LogHeadRow::of(&world.row(&Key::LogHead(0)).await.unwrap().body).unwrap().clone()
}

async fn body_key(world: &World, index: u64) -> Key {
    let leaf = leaf(world, index).await;
    Key::EntryBody { owner: leaf.owner, entry: leaf.entry }
}

async fn body(world: &World, index: u64) -> EntryBodyRow {
    EntryBodyRow::of(&world.row(&body_key(world, index).await).await.unwrap().body).unwrap().clone()
}

async fn assert_fault(world: &World, index: u64, kinds: &[FaultKind]) {
    let fault = world.verify().await.fault.expect("the change must be found");
    assert_eq!(fault.index, index, "{fault:?}");
    assert!(kinds.contains(&fault.kind), "{fault:?}");
}

#[tokio::test]
async fn clause_5_b_a_deleted_entry_is_found() {
    let world = world_with_entries().await;
    world.overwrite(&leaf_key(4), None).await;
    assert_fault(&world, 4, &[FaultKind::EntryMissing]).await;
}

#[tokio::test]
async fn clause_5_b_an_edited_entry_is_found() {
    for bit in [0, 100, 255] {
        let world = world_with_entries().await;
        let mut row = leaf(&world, 5).await;
        row.commitment[bit / 8] ^= 1 << (bit % 8);
        world.overwrite(&leaf_key(5), Some(row.into())).await;
        assert_fault(&world, 5, &[FaultKind::BodyAltered]).await;
    }
}

#[tokio::test]
async fn clause_5_b_exchanged_entries_are_found() {
    let world = world_with_entries().await;
    let (a, b) = (leaf(&world, 2).await, leaf(&world, 6).await);
    world.overwrite(&leaf_key(2), Some(b.into())).await;
    world.overwrite(&leaf_key(6), Some(a.into())).await;
    assert_fault(&world, 2, &[FaultKind::Misplaced]).await;
}

#[tokio::test]
async fn clause_5_b_a_cut_log_is_found() {
    let world = world_with_entries().await;
    // A head of six entries, with the peaks that it would have had.
    let mut short = wzapi_ledger_proof::compact_range::CompactRange::new();
    for index in 0..6 {
        let commitment = wzapi_ledger_proof::EntryCommitment::from(leaf(&world, index).await.commitment);
        short.append(commitment.leaf_hash()).unwrap();
    }
    let peaks = short.peaks().iter().map(|peak| *peak.as_bytes()).collect();
    let cut = LogHeadRow { size: 6, peaks, ..head(&world).await };
    world.overwrite(&Key::LogHead(0), Some(cut.into())).await;
    assert_fault(&world, 6, &[FaultKind::Truncated]).await;
}

#[tokio::test]
async fn clause_5_b_a_changed_head_is_found() {
    let world = world_with_entries().await;
    let sound = head(&world).await;
    let mut longer = sound.clone();
    longer.size += 2;
    longer.peaks.push([7; 32]);
    world.overwrite(&Key::LogHead(0), Some(longer.into())).await;
    assert_fault(&world, SIZE, &[FaultKind::EntryMissing]).await;

    let mut other_root = sound.clone();
    other_root.peaks[0][3] ^= 1;
    world.overwrite(&Key::LogHead(0), Some(other_root.into())).await;
    assert_fault(&world, SIZE, &[FaultKind::RootMismatch]).await;

    let mut damaged = sound;
    damaged.peaks.pop();
    world.overwrite(&Key::LogHead(0), Some(damaged.into())).await;
    assert_fault(&world, SIZE, &[FaultKind::HeadDamaged]).await;

    world.overwrite(&Key::LogHead(0), None).await;
    assert_fault(&world, 0, &[FaultKind::HeadMissing]).await;
}

#[tokio::test]
async fn clause_5_b_every_altered_byte_of_a_body_is_found() {
    let world = world_with_entries().await;
    let key = body_key(&world, 3).await;
    let sound: Body = body(&world, 3).await.into();
    let bytes = encode_body(&sound).unwrap();
    for position in 1..bytes.len() {
        let mut altered = bytes.clone();
        altered[position] ^= 0x20;
        let Ok(altered) = decode_body(key.kind(), &altered) else { continue };
        world.overwrite(&key, Some(altered)).await;
        let kinds = [FaultKind::BodyAltered, FaultKind::KeyMissing, FaultKind::Misplaced];
        assert_fault(&world, 3, &kinds).await;
    }
    world.overwrite(&key, Some(sound)).await;
    assert!(world.verify().await.is_sound());
}

#[tokio::test]
async fn a_body_that_is_gone_without_a_certificate_is_a_fault() {
    let world = world_with_entries().await;
    world.overwrite(&body_key(&world, 7).await, None).await;
    assert_fault(&world, 7, &[FaultKind::BodyMissing]).await;
}

#[tokio::test]
async fn a_body_put_in_the_place_of_another_is_found() {
    let world = world_with_entries().await;
    // Entries 1 and 4 are about the same person, under the same data key.
    let mut moved = body(&world, 4).await;
    moved.index = 1;
    world.overwrite(&body_key(&world, 1).await, Some(moved.into())).await;
    assert_fault(&world, 1, &[FaultKind::BodyAltered]).await;
}

#[tokio::test]
async fn a_destroyed_data_key_is_told_apart_from_an_altered_body() {
    let world = world_with_entries().await;
    let row = body(&world, 0).await;
    let owner = Owner::Subject(person(1));
    let EntryBody::Kept(sealed) = row.body else { panic!("the body is kept") };
    let key = Key::DataKey { owner, category: row.category, cohort: sealed.cohort };
    world.overwrite(&key, None).await;
    assert_fault(&world, 0, &[FaultKind::KeyMissing]).await;
}

#[tokio::test]
async fn the_same_log_gives_the_same_root_again() {
    let world = world_with_entries().await;
    let (first, second) = (world.verify().await, world.verify().await);
    assert_eq!(first, second);
    assert_eq!(first.fault, None::<Fault>);
    let _ = world.append(1, "one more").await;
    assert_ne!(world.verify().await.root, first.root);
}
