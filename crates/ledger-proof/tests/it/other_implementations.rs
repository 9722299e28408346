//! The same notes, checkpoints, tiles and proofs read and written by code that nobody here wrote: Cloudflare's
//! `signed_note` and `tlog_tiles`, and `ct-merkle`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::tlog;
use tlog_tiles::{
    Checkpoint as OtherCheckpoint, Tile as OtherTile, TileHashReader, TileReader as OtherReader,
};
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy};
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::signed_note::{NoteError, SignedNote};
use wzapi_ledger_proof::tiles::{Tile, TileReader, TileSource};

use crate::by_hand::{self, Key, base64};
use crate::fixture::{self, Log, ORIGIN, signer};
use crate::reference;

fn their_signer(key: &Key) -> StandardSigner {
    let id: String = key.id().iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = base64(&[&[1], key.seed.as_slice()].concat());
    StandardSigner::new(&format!("PRIVATE+KEY+{}+{id}+{secret}", key.name)).unwrap()
}

fn their_verifiers(vkeys: &[String]) -> VerifierList {
    VerifierList::new(
        vkeys
            .iter()
            .map(|vkey| Box::new(StandardVerifier::new(vkey).unwrap()) as Box<dyn signed_note::Verifier>)
            .collect(),
    )
}

#[test]
fn notes_of_ours_are_read_by_theirs() {
    for (name, seed) in [("example.com/log", 1), ("a", 2), ("é\u{2014}\u{200b}", 3)] {
        let ours = signer(name, seed);
        let note =
            SignedNote::sign("a text\n\nin two parts\n", &[&ours, &signer("other", 9)]).unwrap().to_string();
        let theirs = Note::from_bytes(note.as_bytes()).unwrap();
        let (verified, unknown) =
            theirs.verify(&their_verifiers(&[ours.verifier_key().to_string()])).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 1));
        assert_eq!(theirs.text(), b"a text\n\nin two parts\n");
        assert_eq!(theirs.to_bytes(), note.as_bytes());
    }
}

#[test]
fn notes_of_theirs_are_read_by_ours() {
    let key = Key::log("example.com/log", 1);
    let mut theirs = Note::new(b"a text\n", &[]).unwrap();
    theirs.add_sigs(&[&their_signer(&key)]).unwrap();
    let note = SignedNote::parse(&theirs.to_bytes()).unwrap();
    let ours = signer("example.com/log", 1);
    assert_eq!(note.verify(&[ours.verifier_key().clone()]).unwrap().text(), "a text\n");
    assert_eq!(SignedNote::sign("a text\n", &[&ours]).unwrap(), note);
}

#[test]
fn both_agree_on_every_altered_byte_of_a_note() {
    let key = Key::log("example.com/log", 1);
    let text = "example.com/log\n7\nIrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=\n";
    let note = by_hand::note(text, &[key.line(text), Key::log("other", 2).line(text)]).into_bytes();
    let theirs = their_verifiers(&[key.vkey()]);
    let ours = [key.vkey().parse().unwrap()];
    for place in 0..note.len() {
        for mask in [1, 4, 0x20, 0x80] {
            let mut altered = note.clone();
            altered[place] ^= mask;
            let by_them = Note::from_bytes(&altered).is_ok_and(|note| note.verify(&theirs).is_ok());
            let by_us = SignedNote::parse(&altered).is_ok_and(|note| note.verify(&ours).is_ok());
            assert_eq!(by_us, by_them, "{place} {mask:x}");
        }
    }
}

#[test]
fn of_two_signatures_by_one_key_theirs_reads_the_first_and_ours_both() {
    let key = Key::log("example.com/log", 1);
    let note = by_hand::note("a\n", &[key.line("a\n"), key.line("another\n")]);
    let theirs = Note::from_bytes(note.as_bytes()).unwrap();
    assert!(theirs.verify(&their_verifiers(&[key.vkey()])).is_ok());
    let ours = SignedNote::parse(note.as_bytes()).unwrap().verify(&[key.vkey().parse().unwrap()]).map(|_| ());
    assert!(matches!(ours, Err(NoteError::BadSignature { .. })), "stricter, see the module's documentation");
}

#[test]
fn checkpoints_are_the_same_in_both() {
    let log = Log::of(300);
    for size in [0, 1, 2, 255, 256, 257, 300] {
        let opened = log.opened_at(size);
        let theirs = OtherCheckpoint::from_bytes(opened.checkpoint().to_string().as_bytes()).unwrap();
        assert_eq!(theirs.origin(), ORIGIN);
        assert_eq!(theirs.size(), size);
        assert_eq!(&theirs.hash().0, opened.head().root().as_bytes());
        let written =
            OtherCheckpoint::new(ORIGIN, size, tlog::Hash(*opened.head().root().as_bytes()), "").unwrap();
        let text = String::from_utf8(written.to_bytes()).unwrap();
        assert_eq!(&Checkpoint::parse(&text).unwrap(), opened.checkpoint());
    }
    let extended = OtherCheckpoint::new(ORIGIN, 0, tlog::EMPTY_HASH, "one\ntwo\n").unwrap();
    let ours = Checkpoint::parse(&String::from_utf8(extended.to_bytes()).unwrap()).unwrap();
    assert_eq!(ours.extensions(), ["one", "two"]);
    assert_eq!(ours.to_string().into_bytes(), extended.to_bytes());
}

#[test]
fn checkpoint_signed_by_theirs_is_opened_by_our_policy() {
    let key = Key::log(ORIGIN, 1);
    let text = OtherCheckpoint::new(ORIGIN, 0, tlog::EMPTY_HASH, "").unwrap().to_bytes();
    let mut theirs = Note::new(&text, &[]).unwrap();
    theirs.add_sigs(&[&their_signer(&key)]).unwrap();
    let policy = CheckpointPolicy::for_log(vec![key.vkey().parse().unwrap()]).unwrap();
    let opened = policy.open(&theirs.to_bytes()).unwrap();
    assert_eq!(opened.note().to_string(), Log::of(0).checkpoint());
}

/// Our exported tiles, as their reader asks for them. Its paths carry the height of tiles, ours do not.
struct OurFiles(fixture::Files);

fn our_path(tile: &OtherTile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

impl OtherReader for OurFiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[OtherTile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        Ok(tiles.iter().map(|tile| self.0.by_path[&our_path(tile)].clone()).collect())
    }

    fn save_tiles(&self, _tiles: &[OtherTile], _data: &[Vec<u8>]) {}
}

fn theirs(hash: &Hash) -> tlog::Hash {
    tlog::Hash(*hash.as_bytes())
}

fn ours(hashes: &[tlog::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash::from(hash.0)).collect()
}

#[test]
fn their_reader_finds_our_tiles_in_order_and_gives_the_same_proofs() {
    for size in [1u64, 2, 3, 100, 255, 256, 257, 300, 511, 513] {
        let log = Log::of(size);
        let root = log.tree.head().root();
        let files = OurFiles(log.export());
        let reader = TileHashReader::new(size, theirs(&root), &files);
        for index in (0..size).step_by(29).chain([size - 1]) {
            let path = tlog::prove_record(size, index, &reader).unwrap();
            let proof = InclusionProof::build(&log.tree, index, size).unwrap();
            assert_eq!(proof.hashes(), ours(&path));
            let leaf = log.entries[index as usize].leaf_hash();
            assert!(tlog::check_record(&path, size, theirs(&root), index, theirs(&leaf)).is_ok());
        }
        for older in (1..=size).step_by(31) {
            let proof = ConsistencyProof::build(&log.tree, older, size).unwrap();
            let older_root = log.tree.head_at(older).unwrap().root();
            let hashes: Vec<_> = proof.hashes().iter().map(theirs).collect();
            assert!(tlog::check_tree(&hashes, size, theirs(&root), older, theirs(&older_root)).is_ok());
            assert_eq!(ours(&tlog::prove_tree(size, older, &reader).unwrap()), proof.hashes());
        }
    }
}

/// Tiles that their code wrote.
struct TheirTiles {
    hashes: Vec<tlog::Hash>,
}

impl tlog::HashReader for TheirTiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|index| self.hashes[*index as usize]).collect())
    }
}

impl TileSource for TheirTiles {
    type Error = tlog::Error;

    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, tlog::Error> {
        let tile = OtherTile::new(8, tile.level(), tile.index(), tile.width().into(), false);
        tile.read_data(self).map(Some)
    }
}

#[test]
fn our_reader_gives_the_same_proofs_from_their_tiles() {
    let size = 600u64;
    let log = Log::of(size);
    let mut tiles = TheirTiles { hashes: Vec::new() };
    for (entry, index) in log.entries.iter().zip(0..) {
        let new = tlog::stored_hashes(index, entry.as_bytes(), &tiles).unwrap();
        tiles.hashes.extend(new);
    }
    let reader = TileReader::new(&tiles, size);
    for index in (0..size).step_by(41) {
        let proof = InclusionProof::build(&reader, index, size).unwrap();
        assert_eq!(Ok(proof), InclusionProof::build(&log.tree, index, size));
    }
    assert_eq!(reader.root().unwrap(), log.tree.head().root());
}

#[test]
fn tiles_to_publish_are_the_same_in_both() {
    for (older, newer) in
        [(0, 0), (0, 1), (0, 255), (0, 256), (3, 300), (256, 257), (70_000, 70_001), (100, 200_000)]
    {
        let theirs: Vec<_> = OtherTile::new_tiles(8, older, newer).iter().map(our_path).collect();
        let ours: Vec<_> = Tile::added(older..newer).map(|tile| tile.to_string()).collect();
        assert_eq!(ours, theirs, "{older} to {newer}");
    }
}

#[test]
fn proofs_are_those_of_ct_merkle() {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let entries: Vec<Vec<u8>> = (0..70).map(|n| format!("entry {n}").into_bytes()).collect();
    let mine = reference::tree_of(&reference::leaves(entries.len()));
    for (count, entry) in (1u64..).zip(&entries) {
        tree.push(entry.clone());
        let root = tree.root();
        assert_eq!(root.as_bytes().as_slice(), mine.head_at(count).unwrap().root().as_bytes());
        for index in 0..count {
            let proof = InclusionProof::build(&mine, index, count).unwrap();
            let bytes: Vec<u8> = proof.hashes().iter().flat_map(Hash::as_bytes).copied().collect();
            assert_eq!(tree.prove_inclusion(index as usize).as_bytes(), bytes);
            let theirs = ct_merkle::InclusionProof::<Sha256>::from_bytes(bytes);
            root.verify_inclusion(&entries[index as usize], index, &theirs).unwrap();
        }
        for older in 1..count {
            let proof = ConsistencyProof::build(&mine, older, count).unwrap();
            let bytes: Vec<u8> = proof.hashes().iter().flat_map(Hash::as_bytes).copied().collect();
            assert_eq!(
                tree.prove_consistency((count - older) as usize).as_bytes(),
                bytes,
                "{older} to {count}"
            );
        }
    }
}
