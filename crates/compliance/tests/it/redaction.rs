//! What errors, reports and handles print: nothing of a person.

use std::fmt::Debug;

use serde_json::json;
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, SendRequest};
use wzapi_compliance::consent::import::ImportError;
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope, Question};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::message::{Channel, MessageCategory};
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::whatsapp::delivery::{Delivery, Limits};

use crate::support::{ANA, FIRST, Line, World, at, delivery, everybody, hour, person, preferences, register};

const BSUID: &str = "US.77445566774455667744";
const NAME: &str = "Ana Pruebas";
const WORDS: &str = "my address is 7 Elm Street";
const EVIDENCE: &str = "form signed by Ana at the counter";
const MESSAGE_ID: &str = "wamid.HBgLMTU1NTAwMDIyMjI=";
const SECRET: &str = "an-app-secret";

/// Everything that was printed.
#[derive(Default)]
struct Printed(Vec<String>);

impl Printed {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?}"));
        self.0.push(format!("{value:#?}"));
    }

    /// An error with everything underneath it.
    fn error(&mut self, error: &dyn std::error::Error) {
        let mut cause = Some(error);
        while let Some(current) = cause {
            self.0.push(current.to_string());
            self.0.push(format!("{current:?}"));
            cause = current.source();
        }
    }

    fn is_clean(&self) {
        for text in &self.0 {
            for secret in
                [ANA, "555000", "5550002222", BSUID, "774455", NAME, "Elm", EVIDENCE, "HBgL", SECRET]
            {
                assert!(!text.contains(secret), "{secret} is in {text}");
            }
        }
    }
}

fn body_about_ana() -> Vec<u8> {
    let message = json!({ "from": ANA, "id": MESSAGE_ID, "timestamp": hour(-1).to_string(), "type": "text",
        "text": { "body": WORDS } });
    let contact = json!({ "wa_id": ANA, "user_id": BSUID, "profile": { "name": NAME } });
    delivery(&[
        at(FIRST, "messages", &json!({ "contacts": [contact], "messages": [message] })),
        preferences(FIRST, &[json!({ "wa_id": ANA, "value": "of_next_year" })]),
        at(FIRST, "a_field_of_next_year", &json!({ "who": NAME, "number": ANA })),
    ])
}

#[tokio::test]
async fn clause_5_a_no_error_tells_whom_it_is_about() {
    let world = World::in_memory().await.with_shops().await;
    let shop = world.shop().await;
    let mut printed = Printed::default();
    let body = body_about_ana();
    let signature = world.secrets.sign(&body);

    let cut = &body[..body.len() - 2];
    for (signature, body) in
        [(world.secrets.sign(cut).as_str(), cut), (MESSAGE_ID, &body), (&signature[..40], &body)]
    {
        let error = shop.ingest().deliver(&everybody(), &world.secrets, signature, body).await.unwrap_err();
        printed.error(&error);
    }
    let nobody = wzapi_compliance::model::actor::Actor::service("nobody", []).unwrap();
    printed.error(&shop.ingest().deliver(&nobody, &world.secrets, &signature, &body).await.unwrap_err());
    printed.error(&Identifier::parse_recipient("+1 555 000 2222 Ana Pruebas").unwrap_err());

    let too_long = NewAct {
        evidence: Some(EVIDENCE.repeat(10_000).as_str().into()),
        ..NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Verbal)
    };
    printed.debug(&too_long);
    let refused = shop.consent().record(&everybody(), &person(ANA), &too_long).await.unwrap_err();
    printed.error(&refused);

    for header in [format!("{ANA},purpose"), format!("phone,{NAME},{EVIDENCE}"), "phone,phone".to_owned()] {
        let error = shop.consent().import_csv(&everybody(), header.as_bytes()).await.unwrap_err();
        assert!(
            matches!(
                &error,
                wzapi_compliance::Error::Import(
                    ImportError::MissingColumn(_) | ImportError::RepeatedColumn(_)
                )
            ),
            "{error}"
        );
        printed.error(&error);
    }
    let taken = Line { sender: crate::support::OF_OTHER_SHOP.sender, ..FIRST };
    printed.error(&register(&world.other_shop().await, taken).await.unwrap_err());
    assert!(printed.0.len() > 20);
    printed.is_clean();
}

#[tokio::test]
async fn clause_5_a_no_report_and_no_handle_tells_whom_it_is_about() {
    let world = World::in_memory().await.with_shops().await;
    let shop = world.shop().await;
    let mut printed = Printed::default();
    let body = body_about_ana();
    printed.debug(&Delivery::parse(&body, &Limits::default()).unwrap());
    printed.debug(&world.deliver(&body).await.unwrap());

    let csv = format!(
        "phone,purpose,status,obtained_at,method,evidence\n+{ANA},marketing,given,2026-01-01,paper,{EVIDENCE}\n\
         {NAME},marketing,given,2026-01-01,paper,{EVIDENCE}\n+{ANA},marketing,given,{NAME},paper,{EVIDENCE}\n"
    );
    let report = shop.consent().import_csv(&everybody(), csv.as_bytes()).await.unwrap();
    report.problems.values().for_each(|problem| printed.error(problem));
    assert_eq!((report.given, report.bad), (1, 2));
    printed.debug(&report);

    let act = NewAct {
        evidence: Some(EVIDENCE.into()),
        source: Some(wzapi_compliance::model::personal::Personal::new(MESSAGE_ID.as_bytes().to_vec())),
        ..NewAct::direct(
            ConsentAct::Given,
            ConsentScope::whatsapp(PurposeId::marketing()),
            ConsentMethod::WebForm,
        )
    };
    printed.debug(&act);
    printed.debug(&shop.consent().record(&everybody(), &person(ANA), &act).await.unwrap());

    let message = Message::new(FIRST.sender, MessageCategory::Marketing);
    let request = SendRequest::new(person(ANA), message.clone());
    printed.debug(&request);
    let checked = shop.gate().check(&everybody(), &request).await.unwrap();
    printed.debug(&checked);
    let Checked::Allowed(permit) = checked else { panic!("consent was given") };
    printed.debug(&permit);
    let redeemed = shop.gate().redeem(&everybody(), permit).await.unwrap();
    printed.debug(&redeemed);
    let Redeemed::Allowed(redeemed) = redeemed else { panic!("consent was given") };
    printed.debug(redeemed.decision());
    printed.debug(&shop.gate().bind(&everybody(), &redeemed, MESSAGE_ID).await.unwrap());
    printed.debug(&shop.gate().preflight(&everybody(), &message, [person(ANA)]).await.unwrap());
    let purpose = PurposeId::marketing();
    let question =
        Question { purpose: &purpose, is_marketing: true, channel: Channel::WhatsApp, sender: None };
    printed.debug(&shop.consent().standing(&everybody(), &person(ANA), &question).await.unwrap());
    printed.debug(&shop.ledger().verify(&everybody()).await.unwrap());
    printed.debug(&shop);
    printed.debug(&(shop.consent(), shop.gate(), shop.ledger(), shop.ingest()));
    printed.debug(&world.compliance);
    printed.debug(&wzapi_compliance::Compliance::builder().storage(world.storage.clone()));
    printed.debug(&world.keyring);
    printed.debug(&world.secrets);
    printed.debug(&everybody());
    // What stands in the store in clear is codes, times and keyed hashes.
    printed.debug(&world.rows().await);
    printed.is_clean();
}
