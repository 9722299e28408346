//! Who may do what with records, keys and logs (policy clause 5.b): every operation, with every actor who may not.

use std::collections::BTreeSet;
use std::io;

use wzapi_compliance::access::{Permission, permissions_of};
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::encryption::export::KeyExportTarget;
use wzapi_compliance::ledger::notary::ExportSink;
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::policy::file::DataSource;
use wzapi_compliance::policy::retention::Trigger;
use wzapi_compliance::receipt::{DocumentKind, Order};
use wzapi_compliance::storage::key::RowKind;
use wzapi_compliance::vault::decision::disposition::DisposalReason;
use wzapi_compliance::vault::decision::retention::RetentionEvent;
use wzapi_compliance::vault::vault::Selection;
use wzapi_compliance::vault::{RecordRef, RecordValue};
use wzapi_compliance::{Compliance, Error};

use crate::records::{WithPolicy, email, service};
use crate::support::{
    ALL_CONTROLLERS, ALL_ROLES, ANA, OTHER_SHOP, SHOP, everybody, only_at, person, rows, start,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Store,
    Read,
    History,
    Update,
    SetEvent,
    Restrict,
    Lift,
    Dispose,
    Person,
    List,
    Stream,
    KeysStatus,
    KeysRotate,
    KeysRotateEpoch,
    KeysExport,
    Checkpoint,
    Prove,
    ExportLog,
    RotateLogKey,
    AddShards,
    ReceiptPerson,
    ReceiptPurposes,
    IssueReceipt,
}

use Operation::{
    AddShards, Checkpoint, Dispose, ExportLog, History, IssueReceipt, KeysExport, KeysRotate,
    KeysRotateEpoch, KeysStatus, Lift, List, Person, Prove, Read, ReceiptPerson, ReceiptPurposes, Restrict,
    RotateLogKey, SetEvent, Store, Stream, Update,
};

const OPERATIONS: [Operation; 23] = [
    Store,
    Read,
    History,
    Update,
    SetEvent,
    Restrict,
    Lift,
    Person,
    List,
    Stream,
    KeysStatus,
    KeysRotate,
    KeysRotateEpoch,
    KeysExport,
    Checkpoint,
    Prove,
    ExportLog,
    RotateLogKey,
    ReceiptPerson,
    ReceiptPurposes,
    IssueReceipt,
    AddShards,
    Dispose,
];

/// Takes everything and keeps nothing.
pub(crate) struct Nowhere;

impl KeyExportTarget for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ExportSink for Nowhere {
    fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn has(&self, _: &str) -> io::Result<bool> {
        Ok(false)
    }

    fn write(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl Operation {
    /// What it needs, and where.
    const fn needs(self) -> (Permission, ControllerId) {
        match self {
            Store | Update | SetEvent => (Permission::StoreRecord, SHOP),
            Read | History | Person | List | Stream => (Permission::ReadRecord, SHOP),
            Restrict | Lift => (Permission::RestrictRecord, SHOP),
            Dispose => (Permission::DisposeRecord, SHOP),
            KeysStatus | KeysRotate | KeysRotateEpoch | KeysExport => {
                (Permission::ManageKeys, ControllerId::SYSTEM)
            }
            Checkpoint | Prove | ExportLog => (Permission::VerifyLedger, SHOP),
            RotateLogKey | AddShards => (Permission::ManageKeys, SHOP),
            ReceiptPerson | ReceiptPurposes | IssueReceipt => (Permission::IssueReceipt, SHOP),
        }
    }

    async fn attempt(self, world: &WithPolicy, record: &RecordRef, actor: &Actor) -> Result<(), Error> {
        let (records, log) = (world.shop.records(), world.shop.ledger());
        let compliance: &Compliance = &world.compliance;
        let keys = compliance.keys();
        match self {
            Store => records.store(actor, &person(ANA), &email("second@example.org")).await.map(drop),
            Read => records.read(actor, record, &service()).await.map(drop),
            History => records.history(actor, record, &service()).await.map(drop),
            Update => {
                let value = RecordValue::from("new@example.org");
                records.update(actor, record, &value, DataSource::Registration).await.map(drop)
            }
            SetEvent => {
                let event = RetentionEvent::Trigger(Trigger::LastActivity);
                records.set_event(actor, record, event, start()).await.map(drop)
            }
            Restrict => records.restrict(actor, record, &BTreeSet::from([service()])).await.map(drop),
            Lift => records.lift(actor, record).await.map(drop),
            Dispose => records.dispose(actor, record, DisposalReason::ErasureRequested).await.map(drop),
            Person => records.person(actor, &person(ANA)).await.map(drop),
            List => {
                let selection = Selection::Category("email".parse().unwrap());
                records.list(actor, &selection, None, 10).await.map(drop)
            }
            Stream => {
                let selection = Selection::Category("email".parse().unwrap());
                records.stream(actor, selection, service()).await.map(drop)
            }
            KeysStatus => keys.status(actor).await.map(drop),
            KeysRotate => keys.rotate(actor, &mut |_| {}).await.map(drop),
            KeysRotateEpoch => keys.rotate_epoch(actor, &mut Nowhere, &mut |_| {}).await.map(drop),
            KeysExport => keys.export(actor, &mut Nowhere).await.map(drop),
            Checkpoint => log.checkpoint(actor).await.map(drop),
            Prove => log.prove(actor, 0).await.map(drop),
            ExportLog => log.export(actor, &mut Nowhere, &mut |_| {}).await.map(drop),
            RotateLogKey => log.rotate_key(actor).await.map(drop),
            AddShards => log.add_shards(actor, 2).await,
            ReceiptPerson => world.shop.receipts().person(actor, &person(ANA)).await.map(drop),
            ReceiptPurposes => world.shop.receipts().purposes(actor, record.subject).await.map(drop),
            IssueReceipt => {
                let (kind, purpose) = (DocumentKind::Receipt, PurposeId::marketing());
                let order = Order { kind, subject: record.subject, purpose, language: None };
                world.shop.receipts().issue(actor, &order).await.map(drop)
            }
        }
    }
}

/// Everybody who may not do this: without any role, with all roles but those that list it, and of another shop.
fn everybody_who_may_not(permission: Permission) -> Vec<Actor> {
    let other_roles = ALL_ROLES.into_iter().filter(|role| !permissions_of(*role).contains(&permission));
    vec![
        Actor::service("without-a-role", []).unwrap(),
        Actor::service("with-all-other-roles", other_roles).unwrap(),
        only_at(OTHER_SHOP),
    ]
}

#[tokio::test]
async fn clause_5_b_every_operation_on_records_keys_and_logs_refuses_whoever_may_not() {
    let world = WithPolicy::new().await;
    let record =
        world.shop.records().store(&everybody(), &person(ANA), &email("first@example.org")).await.unwrap();
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    let given = NewAct::direct(ConsentAct::Given, scope, ConsentMethod::WebForm);
    let _recorded = world.shop.consent().record(&everybody(), &person(ANA), &given).await.unwrap();
    for operation in OPERATIONS {
        let (permission, place) = operation.needs();
        for actor in everybody_who_may_not(permission) {
            let before = rows(world.storage.as_ref(), ALL_CONTROLLERS).await.unwrap();
            let outcome = operation.attempt(&world, &record, &actor).await;
            assert!(matches!(outcome, Err(Error::Refused(_))), "{operation:?} by {actor:?}: {outcome:?}");
            let after = rows(world.storage.as_ref(), ALL_CONTROLLERS).await.unwrap();
            assert!(before.keys().all(|key| after.contains_key(key)), "{operation:?}: a row went");
            let changed: Vec<_> = after.iter().filter(|(key, row)| before.get(key) != Some(row)).collect();
            let is_entry = |kind| matches!(kind, RowKind::LogHead | RowKind::LogLeaf | RowKind::EntryBody);
            let entries = changed.iter().filter(|((_, key), _)| key.kind() == RowKind::EntryBody).count();
            assert_eq!(entries, 1, "{operation:?} by {actor:?}: the refusal is one entry");
            for ((at, key), _) in changed {
                let may_change = is_entry(key.kind())
                    || key.kind() == RowKind::DataKey
                    || key.kind() == RowKind::Changeset;
                assert!(may_change && *at == place, "{operation:?}: a {} row changed", key.kind());
            }
        }
        operation.attempt(&world, &record, &everybody()).await.unwrap();
    }
    assert!(world.shop.ledger().verify(&everybody()).await.unwrap().is_sound());
}
