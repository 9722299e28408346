//! Records of every kind, from a seed: the same seed gives the same record, on every machine.
//!
//! Seed 0 gives the smallest record of its kind (nothing, none, zero, the epoch), seed 1 the largest (every bit
//! set, every option filled, the longest name, the last moment), every other seed something in between.

use wzapi_model::Timestamp;
use wzapi_model::consent::{
    ChannelScope, ConsentAct, ConsentMethod, ConsentScope, Provenance, PurposeScope, SenderScope,
};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{
    CaseId, ChangesetId, ConsentEventId, ControllerId, EntryId, HoldId, LogId, PermitId, RecordId, SenderId,
    SubjectId,
};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::{DataCategory, MAX_NAME_LENGTH, PurposeId};
use wzapi_storage::key::{BlindIndex, Cohort, LogRef, RowKind};
use wzapi_storage::row::{
    AgeBand, AgeMark, Body, ChangesetRow, CheckpointRow, ClosedLogRow, ConsentEventRow, ControllerRow,
    DataKeyRow, DataKeyVersion, DenialMark, DirectoryRow, EntryBody, EntryBodyRow, EpochRow, EpochStage,
    ErasedMark, ErasureRow, ErasureStage, ErasureTally, FormerWrappingKey, GrantMark, HoldScope, HoldSetRow,
    IdentifierRow, IndexKeyRow, JournalPositionRow, KeptRecords, LegalHold, LogEdge, LogHeadRow, LogKeyRow,
    LogLeafRow, LogTileRow, Mark, NoticeMark, OutsidePlace, ParkedRow, PermitRow, PlaceAnswer, Quarantine,
    Reach, Record, RecordEvent, RecordOfCategoryRow, RecordRestriction, RecordRevisionRow, RecordRow,
    Reevaluation, ReviewQuestion, ReviewRow, RouteRow, ScopeMarks, Sealed, SenderRow, SendingStep, SentMark,
    SignedHead, SourceEventRow, StepMark, SubjectIdentifier, SubjectRow, SweepCounts, SweepLease, SweepRow,
    TenantKeyRow, Tenure, UnrecognisedRow, Window, WrappedKey, WrappingKeyFate,
};
use wzapi_storage::{Key, Owner};

/// A record of this kind.
#[must_use]
pub fn record(kind: RowKind, seed: u64) -> Record {
    let mut draw = Draw::new(kind, seed);
    Record { key: draw.key(kind), due_at: draw.option(Draw::time), body: draw.body(kind) }
}

/// A key of this kind.
#[must_use]
pub fn key(kind: RowKind, seed: u64) -> Key {
    Draw::new(kind, seed).key(kind)
}

/// A sequence of numbers that looks random and is the same for the same seed (SplitMix64: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Its next number.
    pub const fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when the bound is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.next_number().checked_rem(bound) {
            Some(number) => number,
            None => 0,
        }
    }

    /// The next 16 bytes, not all of them zero.
    #[must_use]
    pub fn id(&mut self) -> [u8; 16] {
        let wide = (u128::from(self.next_number()) << 64) | u128::from(self.next_number());
        wide.max(1).to_be_bytes()
    }
}

#[derive(Clone, Copy)]
enum Size {
    Smallest,
    Largest,
    Between,
}

struct Draw {
    size: Size,
    sequence: Sequence,
}

const LARGEST_ENVELOPE: usize = 64 * 1024;

impl Draw {
    fn new(kind: RowKind, seed: u64) -> Self {
        let size = match seed {
            0 => Size::Smallest,
            1 => Size::Largest,
            _ => Size::Between,
        };
        Self { size, sequence: Sequence::new(seed.wrapping_mul(256).wrapping_add(u64::from(kind.code()))) }
    }

    fn number(&mut self) -> u64 {
        match self.size {
            Size::Smallest => 0,
            Size::Largest => u64::MAX,
            // Small and large numbers alike: they are encoded with different lengths.
            Size::Between => {
                let shift = self.sequence.below(64);
                self.sequence.next_number() >> shift
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
    fn number_32(&mut self) -> u32 {
        self.number() as u32
    }

    #[allow(clippy::cast_possible_truncation, reason = "any 16 bits will do")]
    fn number_16(&mut self) -> u16 {
        self.number() as u16
    }

    fn id(&mut self) -> [u8; 16] {
        match self.size {
            Size::Smallest => 1_u128.to_be_bytes(),
            Size::Largest => [0xff; 16],
            Size::Between => self.sequence.id(),
        }
    }

    fn hash(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.fill_with(|| self.byte());
        bytes
    }

    #[allow(clippy::cast_possible_truncation, reason = "any 8 bits will do")]
    fn byte(&mut self) -> u8 {
        match self.size {
            Size::Smallest => 0,
            Size::Largest => 0xff,
            Size::Between => self.sequence.next_number() as u8,
        }
    }

    fn index(&mut self) -> BlindIndex {
        BlindIndex(self.id())
    }

    fn time(&mut self) -> Timestamp {
        match self.size {
            Size::Smallest => Timestamp::EPOCH,
            Size::Largest => Timestamp::MAX,
            Size::Between => {
                let millis = self.sequence.below(Timestamp::MAX.as_millis().unsigned_abs());
                Timestamp::from_millis(millis.cast_signed()).unwrap_or(Timestamp::MAX)
            }
        }
    }

    fn length(&mut self, most: usize) -> usize {
        match self.size {
            Size::Smallest => 0,
            Size::Largest => most,
            Size::Between => {
                let bound = u64::try_from(most.min(300)).unwrap_or(300).saturating_add(1);
                usize::try_from(self.sequence.below(bound)).unwrap_or(0)
            }
        }
    }

    fn option<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.size {
            Size::Smallest => None,
            Size::Largest => Some(some(self)),
            Size::Between => (self.sequence.below(2) == 1).then(|| some(self)),
        }
    }

    fn many<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.length(most)).map(|_| one(self)).collect()
    }

    fn one_of<T: Clone>(&mut self, first: T, others: &[T]) -> T {
        let chosen = self.length(others.len());
        match chosen.checked_sub(1) {
            None => first,
            Some(place) => others.get(place).cloned().unwrap_or(first),
        }
    }

    fn text(&mut self) -> String {
        self.many(40, |draw| draw.one_of('a', &['0', 'z', 'ß', '→', '𝔸'])).into_iter().collect()
    }

    fn name(&mut self) -> String {
        let rest = self.many(MAX_NAME_LENGTH - 1, |draw| draw.one_of('a', &['_', '0', '9', 'm', 'z']));
        std::iter::once('n').chain(rest).collect()
    }

    fn category(&mut self) -> DataCategory {
        let name = self.name();
        name.parse().unwrap_or_else(|_| DataCategory::contact())
    }

    fn purpose(&mut self) -> PurposeId {
        let name = self.name();
        name.parse().unwrap_or_else(|_| PurposeId::marketing())
    }

    fn subject(&mut self) -> SubjectId {
        SubjectId::from_bytes(self.id())
    }

    fn entry(&mut self) -> EntryId {
        EntryId::from_bytes(self.id())
    }

    fn sender(&mut self) -> SenderId {
        SenderId::from_bytes(self.id())
    }

    fn record_id(&mut self) -> RecordId {
        RecordId::from_bytes(self.id())
    }

    fn cohort(&mut self) -> Cohort {
        Cohort(self.number_16())
    }

    fn log(&mut self) -> LogRef {
        LogRef { shard: self.number_16(), generation: self.number_16() }
    }

    fn owner(&mut self) -> Owner {
        let subject = Owner::Subject(self.subject());
        self.one_of(Owner::Controller, &[subject])
    }

    fn sealed(&mut self) -> Sealed {
        Sealed { cohort: self.cohort(), envelope: self.many(LARGEST_ENVELOPE, Self::byte) }
    }

    fn wrapped(&mut self) -> WrappedKey {
        WrappedKey { wrapped_by: self.text(), wrapped: self.many(512, Self::byte), commitment: self.hash() }
    }

    fn data_key_version(&mut self) -> DataKeyVersion {
        DataKeyVersion {
            version: self.number_32(),
            created_at: self.time(),
            seals: self.number(),
            key: self.wrapped(),
        }
    }

    fn mark(&mut self) -> Mark {
        Mark { at: self.time(), entry: self.entry() }
    }

    fn grant(&mut self) -> GrantMark {
        GrantMark {
            mark: self.mark(),
            expires_at: self.option(Self::time),
            notice: self.option(|draw| NoticeMark(draw.entry().to_bytes())),
            by_guardian: self.one_of(false, &[true]),
        }
    }

    fn act(&mut self) -> ConsentAct {
        self.one_of(ConsentAct::Requested, &ConsentAct::ALL)
    }

    fn identifier_kind(&mut self) -> IdentifierKind {
        self.one_of(IdentifierKind::Phone, &[IdentifierKind::Bsuid, IdentifierKind::Email])
    }

    fn scope(&mut self) -> ConsentScope {
        let (purpose, sender) = (PurposeScope::One(self.purpose()), SenderScope::One(self.sender()));
        let channel = self.one_of(Channel::WhatsApp, &[Channel::Email, Channel::Voice]);
        ConsentScope {
            purpose: self.one_of(PurposeScope::All, &[PurposeScope::Marketing, purpose]),
            channel: self.one_of(ChannelScope::All, &[ChannelScope::One(channel)]),
            sender: self.one_of(SenderScope::All, &[sender]),
        }
    }

    fn marks(&mut self) -> ScopeMarks {
        ScopeMarks {
            scope: self.scope(),
            granted: self.option(Self::grant),
            imported: self.option(Self::grant),
            denied: self.option(|draw| DenialMark { mark: draw.mark(), act: draw.act() }),
            voided: self.option(|draw| DenialMark { mark: draw.mark(), act: draw.act() }),
            stopped: self.option(Self::mark),
            resumed: self.option(Self::mark),
            requested: self.option(Self::mark),
            doubted: self.option(Self::mark),
            cleared: self.option(Self::mark),
        }
    }

    fn subject_identifier(&mut self) -> SubjectIdentifier {
        SubjectIdentifier {
            index: self.index(),
            kind: self.identifier_kind(),
            since: self.time(),
            sealed_for: self.subject(),
            sealed: Sealed { cohort: self.cohort(), envelope: self.many(300, Self::byte) },
        }
    }

    fn key(&mut self, kind: RowKind) -> Key {
        match kind {
            RowKind::Directory => Key::Directory(ControllerId::from_bytes(self.id())),
            RowKind::Route => Key::Route(self.index()),
            RowKind::Parked => Key::Parked { route: self.index(), source: self.index() },
            RowKind::Epoch => Key::Epoch,
            RowKind::JournalPosition => Key::JournalPosition,
            RowKind::Controller => Key::Controller,
            RowKind::Sender => Key::Sender(self.sender()),
            RowKind::HoldSet => Key::HoldSet,
            RowKind::Sweep => Key::Sweep,
            RowKind::Erasure => Key::Erasure(self.case()),
            RowKind::Review => Key::Review { subject: self.subject(), entry: self.entry() },
            RowKind::TenantKey => Key::TenantKey(self.number_32()),
            RowKind::IndexKey => Key::IndexKey(self.number_32()),
            RowKind::DataKey => {
                Key::DataKey { owner: self.owner(), category: self.category(), cohort: self.cohort() }
            }
            RowKind::LogKey => Key::LogKey { shard: self.number_16(), version: self.number_32() },
            RowKind::Identifier => Key::Identifier(self.index()),
            RowKind::Subject => Key::Subject(self.subject()),
            RowKind::ConsentEvent => {
                Key::ConsentEvent { subject: self.subject(), event: ConsentEventId::from_bytes(self.id()) }
            }
            RowKind::Permit => {
                Key::Permit { subject: self.subject(), permit: PermitId::from_bytes(self.id()) }
            }
            RowKind::Record => Key::Record {
                subject: self.subject(),
                category: self.category(),
                cohort: self.cohort(),
                record: self.record_id(),
            },
            RowKind::RecordRevision => Key::RecordRevision {
                subject: self.subject(),
                category: self.category(),
                cohort: self.cohort(),
                record: self.record_id(),
                revision: self.number_32(),
            },
            RowKind::SourceEvent => Key::SourceEvent(self.index()),
            RowKind::Unrecognised => Key::Unrecognised(self.index()),
            RowKind::RecordOfCategory => Key::RecordOfCategory {
                category: self.category(),
                cohort: self.cohort(),
                subject: self.subject(),
                record: self.record_id(),
            },
            RowKind::LogHead => Key::LogHead(self.number_16()),
            RowKind::LogLeaf => Key::LogLeaf { log: self.log(), index: self.number() },
            RowKind::EntryBody => Key::EntryBody { owner: self.owner(), entry: self.entry() },
            RowKind::Checkpoint => Key::Checkpoint(self.log()),
            RowKind::LogTile => Key::LogTile { log: self.log(), level: self.byte(), index: self.number() },
            RowKind::ClosedLog => Key::ClosedLog(self.log()),
            RowKind::Changeset => Key::Changeset(ChangesetId::from_bytes(self.id())),
        }
    }

    fn body(&mut self, kind: RowKind) -> Body {
        match kind {
            RowKind::Directory => DirectoryRow { registered_at: self.time() }.into(),
            RowKind::Route => RouteRow {
                controller: ControllerId::from_bytes(self.id()),
                sender: self.option(Self::sender),
                registered_at: self.time(),
            }
            .into(),
            RowKind::Parked => ParkedRow { received_at: self.time(), sealed: self.sealed() }.into(),
            RowKind::Epoch => self.epoch_row().into(),
            RowKind::JournalPosition => {
                JournalPositionRow { journal: self.id(), position: self.number() }.into()
            }
            RowKind::Controller => ControllerRow {
                registered_at: self.time(),
                tenant_keys: self.many(2, Self::number_32),
                index_keys: self.many(8, Self::number_32),
            }
            .into(),
            RowKind::Sender => SenderRow {
                registered_at: self.time(),
                entry: self.entry(),
                portfolio: self.option(Self::index),
            }
            .into(),
            RowKind::TenantKey => TenantKeyRow { created_at: self.time(), key: self.wrapped() }.into(),
            RowKind::IndexKey => IndexKeyRow { created_at: self.time(), key: self.wrapped() }.into(),
            RowKind::DataKey => DataKeyRow { versions: self.many(3, Self::data_key_version) }.into(),
            RowKind::LogKey => LogKeyRow {
                created_at: self.time(),
                verifier_key: self.text(),
                key: self.wrapped(),
                retired_at: self.option(Self::time),
            }
            .into(),
            RowKind::Identifier => self.identifier_row().into(),
            RowKind::Subject => SubjectRow {
                created_at: self.time(),
                changed_at: self.time(),
                identifiers: self.many(6, Self::subject_identifier),
                former: self.many(4, Self::subject),
                merged_into: self.option(Self::subject),
                linked: self.many(3, Self::subject),
                frozen_by: self.many(2, Self::case),
                erased: self.option(|draw| ErasedMark { case: draw.case(), at: draw.time() }),
            }
            .into(),
            RowKind::ConsentEvent => self.consent_event_row().into(),
            RowKind::HoldSet => HoldSetRow { holds: self.many(3, Self::hold) }.into(),
            RowKind::Sweep => self.sweep_row().into(),
            RowKind::Erasure => self.erasure_row().into(),
            RowKind::Review => self.review_row().into(),
            RowKind::Permit => PermitRow {
                sender: self.sender(),
                purpose: self.purpose(),
                category: self.one_of(MessageCategory::Marketing, &MessageCategory::ALL),
                redeemed_at: self.time(),
                entry: self.entry(),
                message_id: self.sealed(),
                steps: self.many(4, Self::step),
            }
            .into(),
            RowKind::Record => self.record_row().into(),
            RowKind::RecordRevision => RecordRevisionRow {
                from: self.time(),
                until: self.time(),
                source: self.name(),
                value: self.sealed(),
            }
            .into(),
            RowKind::SourceEvent => SourceEventRow { seen_at: self.time() }.into(),
            RowKind::Unrecognised => {
                UnrecognisedRow { received_at: self.time(), reason: self.text(), sealed: self.sealed() }
                    .into()
            }
            RowKind::RecordOfCategory => RecordOfCategoryRow { collected_at: self.time() }.into(),
            RowKind::LogHead => self.log_head_row().into(),
            RowKind::LogLeaf => {
                LogLeafRow { commitment: self.hash(), owner: self.owner(), entry: self.entry() }.into()
            }
            RowKind::EntryBody => EntryBodyRow {
                log: self.log(),
                index: self.number(),
                category: self.category(),
                body: self.entry_body(),
            }
            .into(),
            RowKind::Checkpoint => self.checkpoint_row().into(),
            RowKind::LogTile => LogTileRow { hashes: self.many(256 * 32, Self::byte) }.into(),
            RowKind::ClosedLog => ClosedLogRow { head: self.log_head_row(), closed_at: self.time() }.into(),
            RowKind::Changeset => ChangesetRow { at: self.time() }.into(),
        }
    }

    fn epoch_row(&mut self) -> EpochRow {
        EpochRow {
            epoch: self.number_32(),
            began_at: self.time(),
            wrapping_key: self.text(),
            stage: self.one_of(EpochStage::Complete, &[EpochStage::Rewrapping, EpochStage::Destroying]),
            former: self.many(4, |draw| FormerWrappingKey { name: draw.text(), fate: draw.fate() }),
        }
    }

    fn fate(&mut self) -> WrappingKeyFate {
        let at = self.time();
        let ended = [WrappingKeyFate::PendingUntil(at), WrappingKeyFate::DestroyedAt(at)];
        self.one_of(WrappingKeyFate::Live, &ended)
    }

    fn record_row(&mut self) -> RecordRow {
        RecordRow {
            purposes: self.many(4, Self::purpose),
            source: self.name(),
            collected_at: self.time(),
            changed_at: self.time(),
            events: self.many(4, |draw| RecordEvent { trigger: draw.name(), at: draw.time() }),
            restriction: self.option(|draw| RecordRestriction {
                at: draw.time(),
                readable_for: draw.many(2, Self::purpose),
            }),
            revision: self.number_32(),
            entry: self.entry(),
            value: self.sealed(),
        }
    }

    fn log_head_row(&mut self) -> LogHeadRow {
        LogHeadRow {
            log: LogId::from_bytes(self.id()),
            generation: self.number_16(),
            shards: self.number_16(),
            origin: self.text(),
            size: self.number(),
            peaks: self.many(64, Self::hash),
        }
    }

    fn checkpoint_row(&mut self) -> CheckpointRow {
        let edge = LogEdge {
            size: self.number(),
            peaks: self.many(64, Self::hash),
            open: self.many(3, |draw| draw.many(255, Self::hash)),
        };
        let signed =
            self.option(|draw| SignedHead { size: draw.number(), signed_at: draw.time(), note: draw.text() });
        CheckpointRow { edge, signed }
    }

    fn entry_body(&mut self) -> EntryBody {
        let kept = EntryBody::Kept(self.sealed());
        let erased = EntryBody::Erased { certificate: self.entry() };
        self.one_of(kept, &[erased])
    }

    fn case(&mut self) -> CaseId {
        CaseId::from_bytes(self.id())
    }

    fn hold(&mut self) -> LegalHold {
        LegalHold {
            hold: HoldId::from_bytes(self.id()),
            scope: HoldScope {
                subjects: self.many(2, Self::subject),
                categories: self.many(2, Self::category),
                collected_from: self.option(Self::time),
                collected_before: self.option(Self::time),
            },
            placed_at: self.time(),
            entry: self.entry(),
            matter: self.sealed(),
        }
    }

    fn sweep_row(&mut self) -> SweepRow {
        SweepRow {
            lease: self.option(|draw| SweepLease { worker: draw.id(), until: draw.time() }),
            began_at: self.time(),
            ended_at: self.option(Self::time),
            counts: SweepCounts {
                disposed: u64::from(self.number_32()),
                deferred: u64::from(self.number_32()),
                held: u64::from(self.number_32()),
                for_review: u64::from(self.number_32()),
            },
            policy: [self.byte(); 32],
            reevaluation: self.option(|draw| Reevaluation {
                policy: [7; 32],
                after: draw.option(|draw| draw.id().to_vec()),
                seen: u64::from(draw.number_32()),
                changed: u64::from(draw.number_32()),
            }),
        }
    }

    fn erasure_row(&mut self) -> ErasureRow {
        ErasureRow {
            subject: self.subject(),
            requested_at: self.time(),
            stage: self.one_of(ErasureStage::Removing, &[ErasureStage::Outside, ErasureStage::Closed]),
            after: self.option(|draw| draw.id().to_vec()),
            tallies: self.many(3, |draw| ErasureTally {
                category: draw.category(),
                deleted: u64::from(draw.number_32()),
                keys_destroyed: u64::from(draw.number_32()),
            }),
            kept: self.many(2, |draw| KeptRecords {
                category: draw.category(),
                ground: draw.text(),
                until: draw.option(Self::time),
                records: u64::from(draw.number_32()),
            }),
            identifiers: self.option(Self::sealed),
            places: self.many(2, |draw| OutsidePlace {
                name: draw.name(),
                answer: draw.one_of(PlaceAnswer::Pending, &[PlaceAnswer::Deleted, PlaceAnswer::Notified]),
                attempts: draw.number_32(),
                answered_at: draw.option(Self::time),
            }),
            residue: self.option(Self::number_32),
            entry: self.entry(),
            certificate: self.option(Self::entry),
            closed_at: self.option(Self::time),
        }
    }

    fn review_row(&mut self) -> ReviewRow {
        let event = ConsentEventId::from_bytes(self.id());
        let disposal = ReviewQuestion::Disposal {
            category: self.category(),
            cohort: self.cohort(),
            record: RecordId::from_bytes(self.id()),
        };
        let others = [ReviewQuestion::Quarantined(event), disposal];
        ReviewRow { question: self.one_of(ReviewQuestion::Doubt(event), &others), opened_at: self.time() }
    }

    fn step(&mut self) -> StepMark {
        StepMark {
            step: self
                .one_of(SendingStep::Sent, &[SendingStep::Delivered, SendingStep::Read, SendingStep::Failed]),
            at: self.time(),
            error: self.option(Self::number_32),
        }
    }

    fn identifier_row(&mut self) -> IdentifierRow {
        IdentifierRow {
            subject: self.subject(),
            kind: self.identifier_kind(),
            index_key: self.number_32(),
            marks: self.many(8, Self::marks),
            windows: self.many(4, |draw| Window {
                sender: draw.sender(),
                last_inbound: draw.time(),
                last_free_entry: draw.option(Self::time),
            }),
            age: self.option(|draw| AgeMark {
                mark: draw.mark(),
                band: draw.one_of(AgeBand::Adult, &[AgeBand::Child]),
            }),
            reach: Reach {
                held_back_at: self.option(Self::time),
                undeliverable_at: self.option(Self::time),
                reached_at: self.option(Self::time),
            },
            sent: self.many(4, |draw| SentMark {
                at: draw.time(),
                category: draw.one_of(MessageCategory::Marketing, &MessageCategory::ALL),
            }),
            portfolio: self.option(Self::index),
            left_at: self.option(Self::time),
            former: self.many(3, |draw| Tenure { subject: draw.subject(), until: draw.time() }),
        }
    }

    fn consent_event_row(&mut self) -> ConsentEventRow {
        ConsentEventRow {
            act: self.act(),
            scope: self.scope(),
            method: self.one_of(ConsentMethod::WebForm, &ConsentMethod::ALL),
            provenance: self.one_of(Provenance::Direct, &[Provenance::Imported]),
            acted_at: self.option(Self::time),
            recorded_at: self.time(),
            effective_at: self.time(),
            expires_at: self.option(Self::time),
            quarantine: self.option(|draw| draw.one_of(Quarantine::FutureDated, &[Quarantine::NoEvidence])),
            entry: self.entry(),
            details: self.sealed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_record_and_seeds_differ() {
        for kind in RowKind::ALL.iter().copied() {
            assert_eq!(record(kind, 7), record(kind, 7));
            assert_eq!(record(kind, 7).key.kind(), kind);
            assert_eq!(record(kind, 7).body.kind(), kind);
            assert_ne!(record(kind, 0).body, record(kind, 1).body);
        }
    }
}
