//! The whole way on a database, by one process, and what the next one finds.

use std::collections::BTreeSet;
use std::path::Path;

use wzapi_compliance::Controller;
use wzapi_compliance::consent::gate::{Checked, Message, ReasonCode, Redeemed, SendRequest};
use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::SenderId;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::whatsapp::delivery::{Delivery, Limits};
use wzapi_compliance::whatsapp::signature::AppSecrets;

use crate::place::{Place, SENDER, SHOP, everybody, own_server};

const WEBHOOKS: [&str; 5] = [
    "constructed-meta-syntax-button-stop-promotions.json",
    "constructed-meta-syntax-user-preferences-stop-bsuid-only.json",
    "pywa-message-text.json",
    "pywa-message_status-failed.json",
    "pywa-user_marketing_preferences-signup.json",
];
/// Who pressed "Stop promotions".
const STOPPED: &str = "15550002222";
/// Who signed up.
const SIGNED_UP: &str = "16505551234";

fn bodies() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/webhooks");
    WEBHOOKS.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect()
}

async fn register_senders(shop: &Controller, bodies: &[Vec<u8>]) {
    let items = bodies.iter().flat_map(|body| Delivery::parse(body, &Limits::default()).unwrap().items);
    let numbers: BTreeSet<_> =
        items.filter_map(|item| Some((item.phone_number_id?, item.waba_id?))).collect();
    for (phone_number_id, waba_id) in &numbers {
        // One sender per phone number id, also when it comes with several WABAs.
        let mut sender = [b'0'; 16];
        sender[..phone_number_id.len()].copy_from_slice(phone_number_id.as_bytes());
        let sender = SenderId::from_bytes(sender);
        shop.register_sender(&everybody(), sender, phone_number_id, waba_id).await.unwrap();
    }
}

async fn deliver(shop: &Controller, bodies: &[Vec<u8>]) -> IngestReport {
    let secrets = AppSecrets::new(b"an-app-secret").unwrap();
    let mut report = IngestReport::default();
    for body in bodies {
        report += shop.ingest().deliver(&everybody(), &secrets, &secrets.sign(body), body).await.unwrap();
    }
    report
}

async fn check(shop: &Controller, who: &str) -> Checked {
    let recipient = Identifier::parse_recipient(who).unwrap();
    let message = Message::new(SENDER, MessageCategory::Marketing);
    shop.gate().check(&everybody(), &SendRequest::new(recipient, message)).await.unwrap()
}

async fn refuses(shop: &Controller, who: &str) -> bool {
    match check(shop, who).await {
        Checked::Refused(decision) => decision.reasons.iter().any(|one| one.code == ReasonCode::Withdrawn),
        Checked::Allowed(_) => false,
    }
}

#[tokio::test]
async fn deliveries_permits_and_the_root_of_the_log_are_the_same_after_a_restart() {
    let server = own_server();
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(&server, &folder);
    let bodies = bodies();
    let shop = place.set_up().await;
    register_senders(&shop, &bodies).await;

    let report = deliver(&shop, &bodies).await;
    assert_eq!((report.messages, report.statuses, report.preferences), (2, 1, 2), "{report:?}");
    assert_eq!((report.duplicates, report.unknown, report.unrouted), (0, 0, 0), "{report:?}");
    assert!(refuses(&shop, STOPPED).await);
    let Checked::Allowed(permit) = check(&shop, SIGNED_UP).await else { panic!("the person signed up") };
    let redeemed = shop.gate().redeem(&everybody(), permit).await.unwrap();
    let Redeemed::Allowed(permit) = redeemed else { panic!("{redeemed:?}") };
    shop.gate().bind(&everybody(), &permit, "wamid.simulation").await.unwrap();
    let log = shop.ledger().verify(&everybody()).await.unwrap();
    assert!(log.is_sound() && log.size() > 0, "{log:?}");
    drop(shop);

    let compliance = place.open().await.unwrap();
    assert_eq!(compliance.controllers(&everybody()).await.unwrap(), [SHOP]);
    let shop = compliance.controller(SHOP).await.unwrap();
    assert_eq!(shop.ledger().verify(&everybody()).await.unwrap(), log);
    assert!(refuses(&shop, STOPPED).await);
    assert!(matches!(check(&shop, SIGNED_UP).await, Checked::Allowed(_)));
    let mut only_duplicates = IngestReport::default();
    only_duplicates.duplicates = 5;
    assert_eq!(deliver(&shop, &bodies).await, only_duplicates);
    assert_eq!(shop.ledger().verify(&everybody()).await.unwrap(), log);
}
