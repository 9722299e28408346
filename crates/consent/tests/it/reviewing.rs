//! What an officer decides: grants that were set aside, doubts; and what is stated about an age.

use wzapi_consent::recording::{Evidence, EvidenceGrade, GrantRules, Guardian};
use wzapi_consent::review::{Review, ReviewPage, Verdict, Waiting};
use wzapi_consent::{ConsentError, ConsentLedger, NewAct, Recorded};
use wzapi_model::actor::{Actor, Role};
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_storage::row::{AgeBand, IdentifierRow, Quarantine, ReviewRow, RowType};

use crate::support::{CONTROLLER, World, grant, imported_grant, known, stop, time};

fn number() -> wzapi_consent::person::KnownAs {
    known("+919876543210")
}

fn why() -> Evidence {
    Evidence::from("read by the officer")
}

fn doubt(words: &str) -> NewAct {
    let scope = ConsentScope::all_marketing();
    NewAct {
        evidence: Some(words.into()),
        ..NewAct::direct(ConsentAct::Doubted, scope, ConsentMethod::InboundMessage)
    }
}

async fn waiting(consent: &ConsentLedger, which: Waiting) -> Vec<Review> {
    consent.waiting(CONTROLLER, which, None, 256).await.unwrap().reviews
}

#[tokio::test]
async fn clause_2_c_a_doubt_denies_until_an_officer_who_read_it_clears_it() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let _ = world.record(&[number()], &doubt("perhaps not so many?")).await;
    world.pass(1);
    assert!(!world.may_market(&number()).await);
    let open = waiting(&world.consent, Waiting::Doubts).await;
    let [review] = open.as_slice() else { panic!("{open:?}") };
    let words = review.details.as_ref().and_then(|details| details.evidence.clone()?.words);
    assert_eq!(words.unwrap().expose(), "perhaps not so many?");
    assert!(!format!("{review:?}").contains("so many"));
    assert!(waiting(&world.consent, Waiting::Quarantined).await.is_empty());

    let silent =
        world.consent.resolve_doubt(CONTROLLER, review.id, Verdict::None, &Evidence::default()).await;
    assert!(matches!(silent, Err(ConsentError::InvalidAct(_))), "{silent:?}");
    world.consent.resolve_doubt(CONTROLLER, review.id, Verdict::None, &why()).await.unwrap();
    assert!(world.may_market(&number()).await);
    assert!(waiting(&world.consent, Waiting::Doubts).await.is_empty());
    let again = world.consent.resolve_doubt(CONTROLLER, review.id, Verdict::None, &why()).await;
    assert!(matches!(again, Err(ConsentError::NothingWaits)), "{again:?}");
    assert!(world.dump().await.iter().all(|(_, row)| ReviewRow::of(&row.body).is_none()));
    world.verified_entries().await;
}

#[tokio::test]
async fn clause_2_c_clearing_one_doubt_lifts_no_other() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    // Two in the same moment, one later.
    for (words, later) in [("first", 0), ("second", 1), ("third", 0)] {
        let at = world.now().saturating_add(std::time::Duration::from_secs(later));
        let _ = world.record(&[number()], &NewAct { acted_at: Some(at), ..doubt(words) }).await;
    }
    world.pass(2);
    let mut open = waiting(&world.consent, Waiting::Doubts).await;
    open.sort_by_key(|review| review.effective_at);
    assert!(open.windows(2).all(|pair| pair[0].effective_at < pair[1].effective_at), "{open:?}");
    for later in &open[1..] {
        let too_early = world.consent.resolve_doubt(CONTROLLER, later.id, Verdict::None, &why()).await;
        assert!(matches!(too_early, Err(ConsentError::EarlierDoubt)), "{too_early:?}");
    }
    for review in &open {
        assert!(!world.may_market(&number()).await);
        world.consent.resolve_doubt(CONTROLLER, review.id, Verdict::None, &why()).await.unwrap();
    }
    assert!(world.may_market(&number()).await);
}

#[tokio::test]
async fn clause_2_c_a_doubt_that_was_a_withdrawal_counts_as_of_the_message() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let _ = world.record(&[number()], &doubt("no more of this")).await;
    let open = waiting(&world.consent, Waiting::Doubts).await;
    world.pass(3600);
    world.consent.resolve_doubt(CONTROLLER, open[0].id, Verdict::Withdrawal, &why()).await.unwrap();
    assert!(!world.may_market(&number()).await);
    // A grant after the message, recorded before the decision, would have counted as well.
    let between = time("2026-11-22T12:30:00Z");
    let _ = world.record(&[number()], &NewAct { acted_at: Some(between), ..grant() }).await;
    assert!(world.may_market(&number()).await);
}

#[tokio::test]
async fn clause_2_c_a_released_grant_never_outweighs_a_denial() {
    let world = World::new().await;
    let weak = |person: &str| {
        let evidence = Evidence { grade: EvidenceGrade::Weak, ..Evidence::from("a list") };
        let act = NewAct { evidence: Some(evidence), ..imported_grant(time("2026-01-01T00:00:00Z")) };
        ([known(person)], act)
    };
    let (ana, act) = weak("+919876543210");
    let (ben, _) = weak("+919876543211");
    for person in [&ana, &ben] {
        let outcome = world.record(person, &act).await;
        assert!(matches!(outcome, Recorded::Quarantined { reason: Quarantine::WeakEvidence, .. }));
        assert!(!world.may_market(&person[0]).await);
    }
    world.stop(&ben).await;
    for review in waiting(&world.consent, Waiting::Quarantined).await {
        world.consent.release(CONTROLLER, review.id, &why()).await.unwrap();
        let again = world.consent.release(CONTROLLER, review.id, &why()).await;
        assert!(matches!(again, Err(ConsentError::NothingWaits)), "{again:?}");
    }
    assert!(world.may_market(&ana[0]).await);
    assert!(!world.may_market(&ben[0]).await);
    let _ = world.record(&ana, &stop()).await;
    assert!(!world.may_market(&ana[0]).await);
    world.verified_entries().await;
}

#[tokio::test]
async fn what_waits_is_listed_page_by_page_and_each_once() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for person in 0..7 {
        let person = [known(&format!("+91987654320{person}"))];
        let unproven = NewAct { evidence: None, ..imported_grant(time("2026-01-01T00:00:00Z")) };
        let Recorded::Quarantined { entry, .. } = world.record(&person, &unproven).await else { panic!() };
        expected.push(entry);
        let _ = world.record(&person, &doubt("hm")).await;
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let ReviewPage { reviews, next } =
            world.consent.waiting(CONTROLLER, Waiting::Quarantined, after, 3).await.unwrap();
        assert!(reviews.len() <= 3);
        found.extend(reviews.iter().map(|review| review.id.entry));
        match next {
            Some(_) => after = next,
            None => break,
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn clause_2_c_the_latest_word_about_an_age_holds_and_a_tie_is_a_child() {
    let world = World::new().await;
    let consent = world.consent.clone().with_rules(GrantRules::new([], true));
    let band = || async {
        let rows = world.dump().await;
        rows.iter()
            .find_map(|(_, row)| IdentifierRow::of(&row.body))
            .and_then(|row| row.age)
            .map(|age| age.band)
    };
    for (stated, seconds, holds) in [
        (AgeBand::Adult, 0, AgeBand::Adult),
        (AgeBand::Child, 0, AgeBand::Child),
        (AgeBand::Adult, 0, AgeBand::Child),
        (AgeBand::Adult, 1, AgeBand::Adult),
        (AgeBand::Child, 1, AgeBand::Child),
    ] {
        world.pass(seconds);
        consent.state_age(CONTROLLER, &[number()], stated, &why()).await.unwrap();
        assert_eq!(band().await, Some(holds));
    }
    let own = consent.record(CONTROLLER, &[number()], &grant()).await.unwrap();
    assert!(matches!(own, Recorded::Quarantined { reason: Quarantine::NoGuardian, .. }), "{own:?}");
    assert!(waiting(&consent, Waiting::Quarantined).await.is_empty());
    let guardian = Guardian { relation: "father".into(), verified_by: "passport, desk 3".into() };
    let by_guardian = NewAct { guardian: Some(guardian), ..grant() };
    let recorded = consent.record(CONTROLLER, &[number()], &by_guardian).await.unwrap();
    assert!(matches!(recorded, Recorded::New { .. }), "{recorded:?}");
    let nameless = Guardian { relation: " ".into(), verified_by: "x".into() };
    for malformed in [
        NewAct { guardian: Some(nameless), ..grant() },
        NewAct { guardian: by_guardian.guardian.clone(), ..stop() },
    ] {
        let outcome = consent.record(CONTROLLER, &[number()], &malformed).await;
        assert!(matches!(outcome, Err(ConsentError::InvalidAct(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_entries_name_who_asked_and_hold_nothing_in_clear() {
    let world = World::new().await;
    let officer = Actor::service("officer-2", [Role::Officer]).unwrap();
    let evidence = Evidence {
        words: Some("ticked the box".into()),
        reference: Some("form-secret-7".into()),
        grade: EvidenceGrade::Sufficient,
    };
    let guardian = Guardian { relation: "grandmother".into(), verified_by: "passport-4711".into() };
    let act = NewAct { evidence: Some(evidence), guardian: Some(guardian), ..grant() };
    for text in ["ticked", "secret", "grandmother", "4711"] {
        assert!(!format!("{act:?}").contains(text), "{text}");
    }
    let _ = world.consent.by(&officer).record(CONTROLLER, &[number()], &act).await.unwrap();
    for (key, row) in &world.dump().await {
        let bytes = wzapi_storage::codec::encode_value(row.version, row.due_at, &row.body).unwrap();
        for text in ["ticked the box", "form-secret-7", "grandmother", "passport-4711", "officer-2"] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{:?} holds {text} in clear", key.kind());
        }
    }
    let events = world.opened_entries().await;
    assert!(events.iter().any(|event| event.contains("\"actor\":\"officer-2\"")), "{events:?}");
    assert!(events.iter().any(|event| event.contains("\"by_guardian\":true")));
    assert!(!events.iter().any(|event| event.contains("grandmother")));
}
