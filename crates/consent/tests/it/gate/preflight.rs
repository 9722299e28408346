//! Preflight: lines, reasons, and the file of the refused.

use wzapi_consent::gate::{Message, ReasonCode, Recipient, RefusedCsv};
use wzapi_model::message::MessageCategory;

use crate::support::{CONTROLLER, SENDER, World, codes, known};

const MARKETING: MessageCategory = MessageCategory::Marketing;

#[tokio::test]
async fn each_refused_recipient_is_told_with_its_line_and_every_reason() {
    let world = World::new().await;
    let (ana, ben) = (known("+91 98765 43210"), known("+91 98765 43211"));
    world.grant(std::slice::from_ref(&ana)).await;
    world.stop(std::slice::from_ref(&ben)).await;
    let mut run = world.gate.start_preflight(CONTROLLER, Message::new(SENDER, MARKETING));
    let mut told = Vec::new();
    let mut on_refused = |one: &wzapi_consent::gate::RefusedRecipient<'_>| {
        told.push((one.line, one.recipient.identifier().expose_canonical(), codes(one.decision)));
    };
    // More than two batches, with gaps between the lines as a file has them.
    for line in 1..=1300_u64 {
        let recipient = match line {
            700 => Recipient::from(ben.identifier.clone()),
            line if line % 2 == 0 => Recipient::from(ana.identifier.clone()),
            line => Recipient::parse(&format!("IN.{line}")).unwrap(),
        };
        run.push(line * 10, recipient, &mut on_refused).await.unwrap();
    }
    let report = run.finish(&mut on_refused).await.unwrap();
    assert_eq!((report.recipients, report.allowed, report.refused), (1300, 649, 651));
    assert_eq!(told.len(), 651);
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order of the list");
    assert!(told.contains(&(7000, ben.identifier.expose_canonical(), vec![ReasonCode::Withdrawn])));
    assert_eq!(told[0], (10, "IN.1".to_owned(), vec![ReasonCode::UnknownRecipient]));
    assert_eq!(report.reasons[&ReasonCode::ConsentGiven], 649, "one that stands there twice counts twice");
}

#[tokio::test]
async fn clause_5_a_the_file_of_the_refused_names_nobody_unless_it_is_asked_to() {
    let world = World::new().await;
    let ben = known("+91 98765 43211");
    world.stop(std::slice::from_ref(&ben)).await;
    for (names_recipients, expected) in [
        (
            false,
            "line,reasons,remedies,possible_from\n\
             1,withdrawn,\"only a later act of the person's own, recorded as given, ends this\",\n",
        ),
        (
            true,
            "recipient,line,reasons,remedies,possible_from\n\
             919876543211,1,withdrawn,\"only a later act of the person's own, recorded as given, ends this\",\n",
        ),
    ] {
        let mut file = RefusedCsv::new(Vec::new(), names_recipients).unwrap();
        let message = Message::new(SENDER, MARKETING);
        let mut on_refused = |one: &wzapi_consent::gate::RefusedRecipient<'_>| file.write(one).unwrap();
        let report =
            world.gate.preflight_with(CONTROLLER, &message, [ben.identifier.clone()], &mut on_refused).await;
        assert_eq!(report.unwrap().refused, 1);
        assert_eq!(String::from_utf8(file.finish().unwrap()).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_recipient_can_be_redeemed_to_the_spelling_that_the_host_has() {
    let world = World::new().await;
    world.grant(&[known("+52 55 1234 5678")]).await;
    let recipient = Recipient::parse("5215512345678").unwrap();
    let request = wzapi_consent::SendRequest::new(recipient, Message::new(SENDER, MARKETING));
    let wzapi_consent::gate::Checked::Allowed(permit) = world.gate.check(CONTROLLER, &request).await.unwrap()
    else {
        panic!("refused");
    };
    assert!(!format!("{permit:?} {request:?}").contains("5512345678"));
    let wzapi_consent::gate::Redeemed::Allowed(permit) = world.gate.redeem(permit).await.unwrap() else {
        panic!("refused");
    };
    assert_eq!(permit.expose_address(), "5215512345678");
    assert_eq!(permit.recipient().expose_canonical(), "525512345678");
}
