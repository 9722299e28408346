//! What a store answers when it has given back the room of what was deleted.

/// The size of a store's files before and after it was compacted.
///
/// Compaction is about room, and about leaving as little of what was deleted on the disk as the engine underneath
/// allows. Erasure never rests on it: whatever says something about a person is sealed, and its key is what is
/// destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes on the disk before.
    pub bytes_before: u64,
    /// Bytes on the disk afterwards; more than before when callers wrote meanwhile.
    pub bytes_after: u64,
}
