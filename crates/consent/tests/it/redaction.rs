//! No number, message id or evidence in anything that is printed.

use std::error::Error;
use std::sync::atomic::Ordering;

use wzapi_consent::gate::{Checked, Redeemed};
use wzapi_consent::import::{RowProblem, import_csv};
use wzapi_consent::person::{IdentityChange, KnownAs};
use wzapi_consent::recording::{MAX_EVIDENCE, Notice};
use wzapi_consent::{GateRules, NewAct};
use wzapi_model::message::MessageCategory;

use crate::support::{CONTROLLER, World, grant, known, request, stop, with_source};

const DIGITS: &str = "9876543210";
const EVIDENCE: &str = "said yes on the telephone";

fn number() -> KnownAs {
    known("+91 98765 43210")
}

fn assert_silent(text: &str) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    assert!(!text.contains(DIGITS) && !digits.contains(DIGITS), "{text}");
    assert!(!text.contains(EVIDENCE) && !text.contains("98765"), "{text}");
}

fn assert_error_silent(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_silent(&error.to_string());
        assert_silent(&format!("{error:?}"));
        next = error.source();
    }
}

#[tokio::test]
async fn requests_decisions_and_permits_name_nobody() {
    let world = World::new().await;
    let act = with_source(NewAct { evidence: Some(EVIDENCE.into()), ..grant() }, DIGITS);
    assert_silent(&format!("{act:?}"));
    let recorded = world.record(&[number()], &act).await;
    assert_silent(&format!("{recorded:?} {:?}", number()));
    let change = IdentityChange { previous: vec![number()], current: vec![], at: world.now() };
    assert_silent(&format!("{change:?}"));

    let request = request(&number(), MessageCategory::Marketing);
    assert_silent(&format!("{request:?}"));
    let checked = world.gate.check(CONTROLLER, &request).await.unwrap();
    assert_silent(&format!("{checked:?}"));
    let Checked::Allowed(permit) = checked else { panic!("refused") };
    assert_silent(&format!("{:?}", permit.decision()));
    let redeemed = world.gate.redeem(permit).await.unwrap();
    assert_silent(&format!("{redeemed:?}"));
    let Redeemed::Allowed(redeemed) = redeemed else { panic!("refused") };
    assert_silent(&format!("{:?}", redeemed.decision()));
    assert_silent(&format!("{:?} {:?}", world.gate, world.consent));

    let _ = world.record(&[number()], &stop()).await;
    let refused = world.gate.check(CONTROLLER, &request).await.unwrap();
    assert_silent(&format!("{refused:?}"));
    let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
    let _ = recording.act(&[number()], &act).await.unwrap();
    assert_silent(&format!("{recording:?}"));
}

#[tokio::test]
async fn errors_name_nobody() {
    let world = World::new().await;
    let long = NewAct { evidence: Some(EVIDENCE.repeat(MAX_EVIDENCE).as_str().into()), ..grant() };
    assert_error_silent(&world.consent.record(CONTROLLER, &[number()], &long).await.unwrap_err());
    world.grant(&[number()]).await;

    world.storage.fails.store(true, Ordering::SeqCst);
    assert_error_silent(&world.consent.record(CONTROLLER, &[number()], &grant()).await.unwrap_err());
    let request = request(&number(), MessageCategory::Marketing);
    assert_error_silent(&world.gate.check(CONTROLLER, &request).await.unwrap_err());
    let file = format!(
        "phone,purpose,status,obtained_at,method,evidence\n+91{DIGITS},marketing,given,2024-01-01,paper,{EVIDENCE}\n"
    );
    let rules = GateRules::wzapi();
    let stopped = import_csv(&world.consent, &rules, CONTROLLER, file.as_bytes()).await.unwrap_err();
    assert_error_silent(&stopped);
    world.storage.fails.store(false, Ordering::SeqCst);

    let header = format!("{DIGITS},purpose,status,obtained_at,method,evidence\n");
    let missing = import_csv(&world.consent, &rules, CONTROLLER, header.as_bytes()).await.unwrap_err();
    assert_error_silent(&missing);
}

#[tokio::test]
async fn reports_name_lines_and_not_people() {
    let world = World::new().await;
    let file = format!(
        "phone,purpose,status,obtained_at,method,evidence\n\
         +91{DIGITS}x,marketing,given,2024-01-01,paper,{EVIDENCE}\n\
         +91{DIGITS},marketing,given,{DIGITS},paper,{EVIDENCE}\n"
    );
    let rules = GateRules::wzapi();
    let report = import_csv(&world.consent, &rules, CONTROLLER, file.as_bytes()).await.unwrap();
    assert_eq!(report.problems.len(), 2);
    assert_silent(&format!("{report:?}"));
    for problem in report.problems.values() {
        // The one number in these texts is the example that shows how to write one.
        assert_eq!(problem.to_string().contains("98765 43210"), *problem == RowProblem::Phone);
    }
}

#[test]
fn a_notice_is_no_secret() {
    let notice = Notice { version: "4".to_owned(), sha256: [7; 32], language: "en".to_owned() };
    let act = NewAct { notice: Some(notice), ..grant() };
    assert!(format!("{act:?}").contains("version: \"4\""));
}
