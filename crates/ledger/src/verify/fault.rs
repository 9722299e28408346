//! What can be wrong with a log.

/// What is wrong with an entry, or with what was made from the entries up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The log has no head row.
    HeadMissing,
    /// The head row cannot be read, or contradicts itself: its size and its peaks do not fit, or its id and its origin.
    HeadDamaged,
    /// There is a log that the head of the first shard does not count.
    ShardNotCounted,
    /// The log has no signing key, or one that is not what it says.
    LogKeyDamaged,
    /// The log is to follow a closed one, and its first entry does not say so.
    SuccessionBroken,
    /// The entry is not there.
    EntryMissing,
    /// The stored row of the entry, its body or its key cannot be read: it was damaged, or a newer version wrote it.
    Unreadable,
    /// The body of the entry is not there, and no certificate says that it was erased.
    BodyMissing,
    /// The body was altered, or is not the one that the entry commits to.
    BodyAltered,
    /// The key that opens the body is not there, and no certificate says that the body was erased.
    KeyMissing,
    /// The body is said to be erased, but no certificate in the log covers it.
    NotCertified,
    /// The entry certifies that bodies were erased, and one of them is there, or never was.
    CertificateContradicted,
    /// The body says that it belongs to another place of the log.
    Misplaced,
    /// A stored tile is not the one that the entries under it give.
    TileAltered,
    /// A tile that should be stored is not.
    TileMissing,
    /// The stored edge of the tiles is not the one that the entries give.
    EdgeAltered,
    /// The stored checkpoint cannot be read, or none of the log's keys signed it.
    CheckpointUnreadable,
    /// The entries do not give the root that the stored checkpoint states.
    CheckpointContradicted,
    /// The log is shorter than its stored checkpoint: it was rolled back.
    BehindCheckpoint,
    /// The entries do not give the root of an older checkpoint that the verifier has: history was rewritten.
    HistoryRewritten,
    /// The log is shorter than an older checkpoint that the verifier has: it was cut or rolled back.
    BehindHistory,
    /// The entries do not give the root of the head: an entry up to here was altered or exchanged.
    RootMismatch,
    /// There is an entry beyond the size of the head, or a log after this one: it was cut.
    Truncated,
}

impl FaultKind {
    /// A word for it in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeadMissing => "head_missing",
            Self::HeadDamaged => "head_damaged",
            Self::ShardNotCounted => "shard_not_counted",
            Self::LogKeyDamaged => "log_key_damaged",
            Self::SuccessionBroken => "succession_broken",
            Self::EntryMissing => "entry_missing",
            Self::Unreadable => "unreadable",
            Self::BodyMissing => "body_missing",
            Self::BodyAltered => "body_altered",
            Self::KeyMissing => "key_missing",
            Self::NotCertified => "not_certified",
            Self::CertificateContradicted => "certificate_contradicted",
            Self::Misplaced => "misplaced",
            Self::TileAltered => "tile_altered",
            Self::TileMissing => "tile_missing",
            Self::EdgeAltered => "edge_altered",
            Self::CheckpointUnreadable => "checkpoint_unreadable",
            Self::CheckpointContradicted => "checkpoint_contradicted",
            Self::BehindCheckpoint => "behind_checkpoint",
            Self::HistoryRewritten => "history_rewritten",
            Self::BehindHistory => "behind_history",
            Self::RootMismatch => "root_mismatch",
            Self::Truncated => "truncated",
        }
    }
}

/// The first fault of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The index of the entry; for a tile, its first entry; for the head, a root or a checkpoint, the size.
    pub index: u64,
    /// What is wrong.
    pub kind: FaultKind,
}
