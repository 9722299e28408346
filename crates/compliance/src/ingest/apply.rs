//! The items of one controller, taken in together.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_consent::person::{IdentityChange, KnownAs};
use wzapi_consent::{ConsentError, NewAct, Recorded, Recording};
use wzapi_ledger::Event;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_model::ids::{ControllerId, SenderId};
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_model::personal::Personal;
use wzapi_policy::file::SendingRules;
use wzapi_storage::draft::NotLoaded;
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{PortfolioIndex, SenderRow, SourceEventRow, UnrecognisedRow};
use wzapi_vault::Vault;
use wzapi_whatsapp::account::{AccountEvent, AccountEventKind};
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::delivery::Item;
use wzapi_whatsapp::preference::{MarketingPreference, PreferenceAction};

use super::event::{Heard, time_of};
use super::filing::ItemFailure;
use super::message::take_message;
use super::people::{known_as, people_in};
use super::status::{platform_scope, take_status};
use super::{IngestEvent, IngestReport, KEPT_FOR, Routed};
use crate::error::Error;
use crate::services::{MAX_ATTEMPTS, Services};

/// Why an item is kept instead of being applied.
type KeepReason = &'static str;

/// What taking in an item stands on.
pub(super) struct Taking<'t> {
    /// Where content is filed, and by whom; none without a policy, and for what could not be filed.
    pub(super) filing: Option<(&'t Vault, &'t Actor)>,
    /// What the policy says about sending.
    pub(super) sending: &'t SendingRules,
    /// Whether the record of the message that this one writes anew has its content already.
    pub(super) is_replaced: bool,
    pub(super) report: &'t mut IngestReport,
}

/// What is known about a batch before it is taken in.
#[derive(Default)]
struct Known {
    /// Items that cannot be applied.
    kept: BTreeMap<usize, KeepReason>,
    /// Items whose content cannot be filed.
    unfiled: BTreeSet<usize>,
    /// Edits whose content stands in the record of the first message already.
    replaced: BTreeSet<usize>,
}

/// What was heard of an item, and whether it had been taken in before.
type Account = (usize, Heard, bool);

impl Services {
    /// Takes in a batch of items of one controller as one changeset. An item that cannot be applied is kept, and
    /// never stands in the way of another one.
    pub(super) async fn apply(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        actor: &Actor,
    ) -> Result<(IngestReport, Vec<IngestEvent>), Error> {
        let (replaced, revised) = self.revise(controller, batch, actor).await?;
        let mut known = Known { replaced, ..Known::default() };
        let mut attempts = 0;
        while attempts < MAX_ATTEMPTS {
            match self.apply_once(controller, batch, &known, actor).await {
                Ok((mut report, accounts)) => {
                    report.content_refused += u64::try_from(known.unfiled.len()).unwrap_or(u64::MAX);
                    report.revised += revised;
                    return Ok((report, self.events(controller, batch, accounts).await?));
                }
                Err(Failure::Unfiled(position)) => {
                    known.unfiled.insert(position);
                }
                Err(Failure::Item(position, reason)) => {
                    known.kept.insert(position, reason);
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
        known: &Known,
        actor: &Actor,
    ) -> Result<(IngestReport, Vec<Account>), Failure> {
        let mut recording = self.consent.begin(controller).await.map_err(Failure::of)?;
        let mut marks = Vec::with_capacity(batch.len());
        for routed in batch {
            let source = routed.item.source_key().expose();
            marks.push(recording.source_index(source).map_err(Failure::of)?);
        }
        let senders = batch.iter().filter_map(|routed| routed.sender).map(Key::Sender);
        let places: Vec<Key> = marks.iter().copied().map(Key::SourceEvent).chain(senders).collect();
        recording.draft().load(places).await.map_err(|error| Failure::Whole(error.into()))?;
        let people: Vec<KnownAs> = batch.iter().flat_map(people_in).collect();
        recording.prefetch(&people).await.map_err(Failure::of)?;

        let mut report = IngestReport::default();
        let mut accounts = Vec::with_capacity(batch.len());
        for (position, (routed, mark)) in batch.iter().zip(marks).enumerate() {
            let place = Key::SourceEvent(mark);
            let portfolio = portfolio_of(&mut recording, routed.sender).map_err(Failure::mistake)?;
            let routed = &Routed { portfolio, ..*routed };
            if recording.draft().row::<SourceEventRow>(&place).map_err(Failure::mistake)?.is_some() {
                report.duplicates += 1;
                accounts.push((position, Heard::of(routed), true));
                continue;
            }
            let vault = self.vault.as_ref().filter(|_| !known.unfiled.contains(&position));
            let mut taking = Taking {
                filing: vault.map(|vault| (vault, actor)),
                sending: self.rules.sending(),
                is_replaced: known.replaced.contains(&position),
                report: &mut report,
            };
            let heard = match known.kept.get(&position) {
                Some(reason) => keep(&mut recording, routed.item, mark, reason, taking.report)
                    .await
                    .map(|()| Heard::kept(routed, reason))
                    .map_err(Into::into),
                None => apply_item(&mut recording, routed, mark, &mut taking).await,
            };
            let heard = heard.map_err(|error| Failure::of_item(position, error))?;
            accounts.push((position, heard, false));
            let now = recording.now();
            let row = SourceEventRow { seen_at: now };
            let due = now.saturating_add(KEPT_FOR);
            recording.draft().put(place, row, Some(due)).map_err(Failure::mistake)?;
        }
        recording.commit().await.map_err(Failure::of)?;
        Ok((report, accounts))
    }

    /// What a host is told of a batch that was taken in.
    async fn events(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        accounts: Vec<Account>,
    ) -> Result<Vec<IngestEvent>, Error> {
        let mut events = Vec::with_capacity(accounts.len());
        for (position, heard, is_repeated) in accounts {
            let Some(routed) = batch.get(position) else { continue };
            let subject = match heard.about.as_slice() {
                [] => None,
                about if routed.is_told => self.consent.subject(controller, about).await?,
                _ => None,
            };
            let (sender, at) = (routed.sender, time_of(&routed.item.content));
            let happening = heard.happening;
            events.push(IngestEvent { controller, sender, subject, at, is_repeated, happening });
        }
        Ok(events)
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

    fn mistake(error: NotLoaded) -> Self {
        Self::Whole(error.into())
    }
}

async fn apply_item(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    taking: &mut Taking<'_>,
) -> Result<Heard, ItemFailure> {
    match &routed.item.content {
        Content::Message(message) => take_message(recording, routed, mark, message, taking).await,
        Content::Status(status) => Ok(take_status(recording, routed, mark, status, taking).await?),
        Content::Preference(preference) => {
            Ok(take_preference(recording, routed, mark, preference, taking).await?)
        }
        _ => Ok(apply_event(recording, routed, mark, taking.report).await?),
    }
}

async fn take_preference(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    preference: &MarketingPreference,
    taking: &mut Taking<'_>,
) -> Result<Heard, ConsentError> {
    let act = preference_act(preference, platform_scope(taking.sending, routed.sender));
    match act.filter(|act| preference.person.is_known() && may_be_undated(act, preference.timestamp)) {
        Some(act) => {
            taking.report.preferences += 1;
            let act = NewAct { acted_at: preference.timestamp, source: source_of(routed.item), ..act };
            record(recording, &known_as(&preference.person, routed.portfolio), &act, taking.report).await?;
            Ok(Heard::of(routed))
        }
        None => {
            keep(recording, routed.item, mark, "preference", taking.report).await?;
            Ok(Heard::kept(routed, "preference"))
        }
    }
}

/// Takes in what is neither a message nor a status nor a preference.
async fn apply_event(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    report: &mut IngestReport,
) -> Result<Heard, ConsentError> {
    match &routed.item.content {
        Content::Message(_) | Content::Status(_) | Content::Preference(_) => {}
        Content::IdentityChange(change) => {
            report.identity_changes += 1;
            let change = IdentityChange {
                previous: known_as(&change.previous, routed.portfolio),
                current: known_as(&change.current, routed.portfolio),
                at: change.timestamp.unwrap_or(recording.now()),
            };
            recording.change_identity(&change).await?;
        }
        Content::Call(call) => {
            report.calls += 1;
            if let Some(sender) =
                routed.sender.filter(|_| call.is_contact_from_person() && call.person.is_known())
            {
                let person = known_as(&call.person, routed.portfolio);
                recording.inbound(&person, sender, call.timestamp).await?;
            }
        }
        Content::Account(event) => {
            report.account_events += 1;
            apply_account(recording, event).await?;
        }
        // What these say changes nothing here; the host hears of it. What the business wrote past the gate and whom it
        // has in its address book says nothing about anybody's will.
        Content::IdentityKey(_) => report.identity_keys += 1,
        Content::SentElsewhere(_) => report.sent_elsewhere += 1,
        Content::Group(_) => report.groups += 1,
        Content::AddressBook(_) => report.address_book += 1,
        Content::History(_) => report.histories += 1,
        Content::Conversion(_) => report.conversions += 1,
        Content::Business(_) => report.business_events += 1,
        Content::Unknown(reason) => keep(recording, routed.item, mark, unknown_text(*reason), report).await?,
    }
    Ok(Heard::of(routed))
}

/// Whether an act counts although nobody can say when it happened. A denial does; a grant, or the end of a stop,
/// would be taken to come after every denial on record.
pub(super) const fn may_be_undated(act: &NewAct, timestamp: Option<Timestamp>) -> bool {
    act.act.is_denial() || timestamp.is_some()
}

/// What a preference amounts to. A word that nobody knows amounts to nothing and is kept.
fn preference_act(preference: &MarketingPreference, scope: ConsentScope) -> Option<NewAct> {
    let method = ConsentMethod::PlatformPreference;
    let (act, scope) = match preference.action {
        PreferenceAction::Stop => (ConsentAct::PlatformStopped, scope),
        PreferenceAction::Resume => (ConsentAct::PlatformResumed, scope),
        PreferenceAction::Signup => (ConsentAct::Given, ConsentScope::whatsapp(PurposeId::marketing())),
        PreferenceAction::Other(_) => return None,
    };
    let signup = preference.signup_id.as_ref().map(|id| format!("signup {}", id.expose()));
    Some(NewAct { evidence: signup.as_deref().map(Into::into), ..NewAct::direct(act, scope, method) })
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

pub(super) async fn record(
    recording: &mut Recording<'_>,
    person: &[KnownAs],
    act: &NewAct,
    report: &mut IngestReport,
) -> Result<(), ConsentError> {
    count(recording.act(person, act).await?, act, report);
    Ok(())
}

/// Counts what became of an act.
pub(super) fn count(recorded: Recorded, act: &NewAct, report: &mut IngestReport) {
    match recorded {
        Recorded::New { .. } if act.act == ConsentAct::Doubted => report.doubts += 1,
        Recorded::New { .. } if act.act.is_denial() => report.withdrawals += 1,
        Recorded::New { .. } if act.act == ConsentAct::Given => report.consents_given += 1,
        Recorded::New { .. } | Recorded::Duplicate => {}
        Recorded::Quarantined { .. } => report.quarantined += 1,
    }
}

/// Keeps an item as it arrived, sealed under the controller's key.
pub(super) async fn keep(
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

/// The portfolio of the sender that an item arrived at, as far as anybody said.
fn portfolio_of(
    recording: &mut Recording<'_>,
    sender: Option<SenderId>,
) -> Result<Option<PortfolioIndex>, NotLoaded> {
    let Some(sender) = sender else { return Ok(None) };
    let row = recording.draft().row::<SenderRow>(&Key::Sender(sender))?;
    Ok(row.and_then(|row| row.portfolio))
}

pub(super) fn source_of(item: &Item) -> Option<Personal<Vec<u8>>> {
    Some(item.source_key().clone())
}

pub(super) const fn unknown_text(reason: UnknownReason) -> KeepReason {
    match reason {
        UnknownReason::Field => "field",
        UnknownReason::ElementType => "element_type",
        UnknownReason::UnreadablePerson => "unreadable_person",
        UnknownReason::UnreadableShape => "unreadable_shape",
        UnknownReason::PreferenceCategory => "preference_category",
    }
}
