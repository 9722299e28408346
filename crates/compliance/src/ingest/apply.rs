//! The items of one controller, taken in together.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_consent::person::{IdentityChange, KnownAs};
use wzapi_consent::recording::MAX_EVIDENCE;
use wzapi_consent::{ConsentError, NewAct, Recorded, Recording};
use wzapi_ledger::Event;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_model::personal::Personal;
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{SourceEventRow, UnrecognisedRow};
use wzapi_vault::Vault;
use wzapi_whatsapp::account::{AccountEvent, AccountEventKind};
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::delivery::Item;
use wzapi_whatsapp::intent::Intent;
use wzapi_whatsapp::message::InboundMessage;
use wzapi_whatsapp::person::Person;
use wzapi_whatsapp::preference::{MarketingPreference, PreferenceAction};
use wzapi_whatsapp::status::MessageStatus;

use super::filing::{ItemFailure, file_message};
use super::{IngestReport, KEPT_FOR, Routed};
use crate::error::Error;
use crate::services::{MAX_ATTEMPTS, Services};

/// Why an item is kept instead of being applied.
type KeepReason = &'static str;

impl Services {
    /// Takes in a batch of items of one controller as one changeset. An item that cannot be applied is kept, and
    /// never stands in the way of another one.
    pub(super) async fn apply(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        actor: &Actor,
    ) -> Result<IngestReport, Error> {
        let mut kept: BTreeMap<usize, KeepReason> = BTreeMap::new();
        let mut unfiled = BTreeSet::new();
        let mut attempts = 0;
        while attempts < MAX_ATTEMPTS {
            match self.apply_once(controller, batch, &kept, &unfiled, actor).await {
                Ok(mut report) => {
                    report.content_refused += u64::try_from(unfiled.len()).unwrap_or(u64::MAX);
                    return Ok(report);
                }
                Err(Failure::Unfiled(position)) => {
                    unfiled.insert(position);
                }
                Err(Failure::Item(position, reason)) => {
                    kept.insert(position, reason);
                }
                Err(Failure::Busy) => attempts += 1,
                Err(Failure::Whole(error)) => return Err(error),
            }
        }
        Err(ConsentError::Busy.into())
    }

    async fn apply_once(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        kept: &BTreeMap<usize, KeepReason>,
        unfiled: &BTreeSet<usize>,
        actor: &Actor,
    ) -> Result<IngestReport, Failure> {
        let mut recording = self.consent.begin(controller).await.map_err(Failure::of)?;
        let mut marks = Vec::with_capacity(batch.len());
        for routed in batch {
            let source = routed.item.source_key().expose();
            marks.push(recording.source_index(source).map_err(Failure::of)?);
        }
        let places: Vec<Key> = marks.iter().copied().map(Key::SourceEvent).collect();
        recording.draft().load(places).await.map_err(|error| Failure::Whole(error.into()))?;
        let people: Vec<KnownAs> = batch.iter().flat_map(|routed| people_in(&routed.item.content)).collect();
        recording.prefetch(&people).await.map_err(Failure::of)?;

        let mut report = IngestReport::default();
        for (position, (routed, mark)) in batch.iter().zip(marks).enumerate() {
            let place = Key::SourceEvent(mark);
            if recording.draft().row::<SourceEventRow>(&place).map_err(Failure::mistake)?.is_some() {
                report.duplicates += 1;
                continue;
            }
            let filing = self.vault.as_ref().filter(|_| !unfiled.contains(&position));
            let applied = match kept.get(&position) {
                Some(reason) => {
                    keep(&mut recording, routed.item, mark, reason, &mut report).await.map_err(Into::into)
                }
                None => {
                    apply_item(&mut recording, routed, mark, filing.map(|vault| (vault, actor)), &mut report)
                        .await
                }
            };
            applied.map_err(|error| Failure::of_item(position, error))?;
            let now = recording.now();
            let row = SourceEventRow { seen_at: now };
            let due = now.saturating_add(KEPT_FOR);
            recording.draft().put(place, row, Some(due)).map_err(Failure::mistake)?;
        }
        recording.commit().await.map_err(Failure::of)?;
        Ok(report)
    }
}

/// Why a batch was not taken in.
enum Failure {
    /// This item cannot be applied; keep it and try the batch again.
    Item(usize, KeepReason),
    /// What came with this item cannot be filed; take it in without that.
    Unfiled(usize),
    /// Others changed the same rows; try again.
    Busy,
    /// Nothing more can be done now.
    Whole(Error),
}

impl Failure {
    fn of(error: ConsentError) -> Self {
        match error {
            ConsentError::Busy => Self::Busy,
            other => Self::Whole(other.into()),
        }
    }

    fn of_item(position: usize, failure: ItemFailure) -> Self {
        match failure {
            ItemFailure::Unfiled => Self::Unfiled(position),
            ItemFailure::Consent(ConsentError::InvalidAct(_)) => Self::Item(position, "invalid_act"),
            ItemFailure::Consent(ConsentError::TooManyIdentifiers(_)) => {
                Self::Item(position, "too_many_identifiers")
            }
            ItemFailure::Consent(other) => Self::of(other),
        }
    }

    fn mistake(error: wzapi_storage::draft::NotLoaded) -> Self {
        Self::Whole(error.into())
    }
}

async fn apply_item(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    filing: Option<(&Vault, &Actor)>,
    report: &mut IngestReport,
) -> Result<(), ItemFailure> {
    let item = routed.item;
    if let Content::Message(message) = &item.content {
        report.messages += 1;
        apply_message(recording, routed, mark, message, report).await?;
        if let Some((vault, actor)) = filing {
            file_message(vault, recording, &known_as(&message.person), message, actor, report).await?;
        }
        return Ok(());
    }
    apply_event(recording, routed, mark, report).await.map_err(Into::into)
}

/// Takes in what is no message.
async fn apply_event(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    let item = routed.item;
    match &item.content {
        Content::Message(_) => Ok(()),
        Content::Status(status) if status.is_marketing_stop() && !status.recipient.is_known() => {
            keep(recording, item, mark, "stop_without_person", report).await
        }
        Content::Status(status) => {
            report.statuses += 1;
            apply_status(recording, item, status, report).await
        }
        Content::Preference(preference) => match preference_act(preference) {
            Some(act) if preference.person.is_known() && may_be_undated(&act, preference.timestamp) => {
                report.preferences += 1;
                let act = NewAct { acted_at: preference.timestamp, source: source_of(item), ..act };
                record(recording, &known_as(&preference.person), &act, report).await
            }
            _ => keep(recording, item, mark, "preference", report).await,
        },
        Content::IdentityChange(change) => {
            report.identity_changes += 1;
            let change = IdentityChange {
                previous: known_as(&change.previous),
                current: known_as(&change.current),
                at: change.timestamp.unwrap_or(recording.now()),
            };
            recording.change_identity(&change).await
        }
        Content::Call(call) => {
            report.calls += 1;
            match routed.sender.filter(|_| call.is_contact_from_person() && call.person.is_known()) {
                Some(sender) => recording.inbound(&known_as(&call.person), sender, call.timestamp).await,
                None => Ok(()),
            }
        }
        Content::Account(event) => {
            report.account_events += 1;
            apply_account(recording, event).await
        }
        Content::Unknown(reason) => keep(recording, item, mark, unknown_text(*reason), report).await,
    }
}

async fn apply_message(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    message: &InboundMessage,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    let (item, sender) = (routed.item, routed.sender);
    let person = known_as(&message.person);
    if let Some(sender) = sender.filter(|_| message.opens_window()) {
        recording.inbound(&person, sender, message.timestamp).await?;
    }
    let act = match message.intent() {
        Intent::OptOut => {
            NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Keyword)
        }
        Intent::OptIn => {
            let scope = ConsentScope::whatsapp(PurposeId::marketing());
            NewAct::direct(ConsentAct::Given, scope, ConsentMethod::Keyword)
        }
        Intent::None => return Ok(()),
    };
    if !may_be_undated(&act, message.timestamp) {
        return keep(recording, item, mark, "undated_grant", report).await;
    }
    let act = NewAct {
        acted_at: message.timestamp,
        evidence: Some(words_of(message)),
        source: source_of(item),
        ..act
    };
    record(recording, &person, &act, report).await
}

async fn apply_status(
    recording: &mut Recording<'_>,
    item: &Item,
    status: &MessageStatus,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    if !status.is_marketing_stop() {
        return Ok(());
    }
    let scope = ConsentScope::whatsapp_marketing();
    let act = NewAct {
        acted_at: status.timestamp,
        evidence: Some(Personal::new("error 131050".to_owned())),
        source: source_of(item),
        ..NewAct::direct(ConsentAct::PlatformStopped, scope, ConsentMethod::PlatformError)
    };
    record(recording, &known_as(&status.recipient), &act, report).await
}

/// Whether an act counts although nobody can say when it happened. A denial does; a grant, or the end of a stop,
/// would be taken to come after every denial on record.
const fn may_be_undated(act: &NewAct, timestamp: Option<Timestamp>) -> bool {
    act.act.is_denial() || timestamp.is_some()
}

/// What a preference amounts to. A word that nobody knows amounts to nothing and is kept.
fn preference_act(preference: &MarketingPreference) -> Option<NewAct> {
    let method = ConsentMethod::PlatformPreference;
    let scope = ConsentScope::whatsapp_marketing();
    let (act, scope) = match preference.action {
        PreferenceAction::Stop => (ConsentAct::PlatformStopped, scope),
        PreferenceAction::Resume => (ConsentAct::PlatformResumed, scope),
        PreferenceAction::Signup => (ConsentAct::Given, ConsentScope::whatsapp(PurposeId::marketing())),
        PreferenceAction::Other(_) => return None,
    };
    let signup = preference.signup_id.as_ref().map(|id| format!("signup {}", id.expose()));
    Some(NewAct { evidence: signup.map(Personal::new), ..NewAct::direct(act, scope, method) })
}

/// The end of the processing for an account is an act of the controller's that later parts answer to.
async fn apply_account(recording: &mut Recording<'_>, event: &AccountEvent) -> Result<(), ConsentError> {
    let trigger = match &event.kind {
        AccountEventKind::AccountDeleted => "account_deleted",
        AccountEventKind::PartnerRemoved => "partner_removed",
        AccountEventKind::PartnerAppUninstalled => "partner_app_uninstalled",
        AccountEventKind::AccountOffboarded => "account_offboarded",
        AccountEventKind::Other(_) => return Ok(()),
    };
    let event = Event::new("account.offboarding", recording.draft().controller(), recording.now())
        .with("trigger", trigger);
    recording.entry(Owner::Controller, &DataCategory::accountability(), &event).await.map(drop)
}

async fn record(
    recording: &mut Recording<'_>,
    person: &[KnownAs],
    act: &NewAct,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    match recording.act(person, act).await? {
        Recorded::New { .. } if act.act.is_denial() => report.withdrawals += 1,
        Recorded::New { .. } if act.act == ConsentAct::Given => report.consents_given += 1,
        Recorded::New { .. } | Recorded::Duplicate => {}
        Recorded::Quarantined { .. } => report.quarantined += 1,
    }
    Ok(())
}

/// Keeps an item as it arrived, sealed under the controller's key.
async fn keep(
    recording: &mut Recording<'_>,
    item: &Item,
    mark: BlindIndex,
    reason: KeepReason,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    report.unknown += 1;
    let (now, category) = (recording.now(), DataCategory::unrecognised());
    let place = Key::Unrecognised(mark);
    let sealed = recording.seal(Owner::Controller, &category, &place, "element", item.raw.expose()).await?;
    recording.draft().load([place.clone()]).await?;
    let row = UnrecognisedRow { received_at: now, reason: reason.to_owned(), sealed };
    Ok(recording.draft().put(place, row, Some(now.saturating_add(KEPT_FOR)))?)
}

/// Everybody whom an item names, so that their rows can be read together.
fn people_in(content: &Content) -> Vec<KnownAs> {
    match content {
        Content::Message(message) => known_as(&message.person),
        Content::Status(status) if status.is_marketing_stop() => known_as(&status.recipient),
        Content::Preference(preference) => known_as(&preference.person),
        Content::IdentityChange(change) => {
            known_as(&change.previous).into_iter().chain(known_as(&change.current)).collect()
        }
        Content::Call(call) => known_as(&call.person),
        Content::Status(_) | Content::Account(_) | Content::Unknown(_) => Vec::new(),
    }
}

fn known_as(person: &Person) -> Vec<KnownAs> {
    person
        .identifiers()
        .into_iter()
        .map(|identifier| match (&identifier, &person.wa_id) {
            (Identifier::Phone(_), Some(wa_id)) => KnownAs { raw: wa_id.clone(), identifier },
            _ => KnownAs::canonical(identifier),
        })
        .collect()
}

fn source_of(item: &Item) -> Option<Personal<Vec<u8>>> {
    Some(item.source_key().clone())
}

/// The words that show the act, cut to what evidence may hold.
fn words_of(message: &InboundMessage) -> Personal<String> {
    let mut words = message.words.iter().map(|word| word.expose().as_str()).collect::<Vec<_>>().join("\n");
    let mut end = words.len().min(MAX_EVIDENCE);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.truncate(end);
    Personal::new(words)
}

const fn unknown_text(reason: UnknownReason) -> KeepReason {
    match reason {
        UnknownReason::Field => "field",
        UnknownReason::ElementType => "element_type",
        UnknownReason::UnreadablePerson => "unreadable_person",
        UnknownReason::UnreadableShape => "unreadable_shape",
        UnknownReason::PreferenceCategory => "preference_category",
    }
}
