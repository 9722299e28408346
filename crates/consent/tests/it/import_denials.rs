//! What an imported grant never does: count beside a denial, whoever's, whenever and in whatever order.

use wzapi_consent::NewAct;
use wzapi_consent::gate::ReasonCode;
use wzapi_consent::import::{ImportReport, RowProblem, RowReason, StandingDenial};
use wzapi_model::consent::{ConsentAct, ConsentScope};
use wzapi_model::message::MessageCategory;

use crate::import::{import, import_rows};
use crate::support::{NOON, SENDER, World, act, grant, known, stop, time};

const NUMBER: &str = "+919876543210";
const BSUID: &str = "IN.a1B2c3";
const MARKETING: MessageCategory = MessageCategory::Marketing;
const WITH_BSUID: &str = "phone,purpose,status,obtained_at,method,evidence,bsuid\n";

/// A grant of this date.
fn given(date: &str) -> String {
    format!("{NUMBER},marketing,given,{date},web_form,form 12\n")
}

fn lines_of(report: &ImportReport, reason: RowReason) -> &[u64] {
    report.reasons.get(&reason).map(|tally| tally.lines.as_slice()).unwrap_or_default()
}

#[tokio::test]
async fn clause_2_c_no_denial_on_record_is_outweighed_whatever_the_dates() {
    let everything = ConsentScope::everything;
    let denials = [
        (stop(), StandingDenial::Withdrawn),
        (act(ConsentAct::Refused, ConsentScope::all_marketing()), StandingDenial::Refused),
        (act(ConsentAct::Objected, everything()), StandingDenial::Withdrawn),
        (act(ConsentAct::Revoked, everything()), StandingDenial::Revoked),
        (act(ConsentAct::Invalidated, everything()), StandingDenial::Invalidated),
        (act(ConsentAct::PlatformStopped, ConsentScope::whatsapp_marketing()), StandingDenial::PlatformStop),
        (act(ConsentAct::Doubted, ConsentScope::all_marketing()), StandingDenial::Doubt),
    ];
    for (denial, told) in denials {
        for denied_at in ["2023-05-05", "2024-02-01T08:00:00Z", "2024-12-31"] {
            let world = World::new().await;
            let dated = NewAct { acted_at: Some(time(denied_at)), ..denial.clone() };
            let _ = world.record(&[known(NUMBER)], &dated).await;
            let before = world.reasons(&known(NUMBER), MARKETING).await;
            assert!(before.is_err());
            let report = import_rows(&world, &[given("2024-01-31"), given("2024-03-01")].concat()).await;
            assert_eq!((report.given, report.denied_on_record), (2, 2), "{told:?} {denied_at}");
            assert_eq!(lines_of(&report, RowReason::DeniedOnRecord(told)), [2, 3]);
            assert_eq!(world.reasons(&known(NUMBER), MARKETING).await, before, "{told:?} {denied_at}");
        }
    }
}

#[tokio::test]
async fn clause_2_c_a_denial_that_comes_after_the_import_ends_what_was_imported() {
    for denied_at in [Some("2023-05-05"), Some(NOON), None] {
        let world = World::new().await;
        let report = import_rows(&world, &given("2024-03-01")).await;
        assert_eq!((report.given, report.denied_on_record), (1, 0));
        assert!(world.may_market(&known(NUMBER)).await);
        let _ = world.record(&[known(NUMBER)], &NewAct { acted_at: denied_at.map(time), ..stop() }).await;
        assert!(!world.may_market(&known(NUMBER)).await, "{denied_at:?}");
        // The same file, and a later fact in another one.
        assert_eq!(import_rows(&world, &given("2024-03-01")).await.duplicates, 1);
        assert_eq!(import_rows(&world, &given("2026-11-22")).await.denied_on_record, 1);
        assert!(!world.may_market(&known(NUMBER)).await, "{denied_at:?}");
    }
}

#[tokio::test]
async fn an_imported_grant_does_not_shine_through_a_later_grant_of_the_person() {
    let world = World::new().await;
    world.stop(&[known(NUMBER)]).await;
    world.grant(&[known(NUMBER)]).await;
    let report = import_rows(&world, &given("2026-11-22")).await;
    assert_eq!(
        (report.given, report.denied_on_record),
        (1, 0),
        "the person may be messaged on their own word"
    );
    world.pass(60);
    world.stop(&[known(NUMBER)]).await;
    assert!(!world.may_market(&known(NUMBER)).await);
}

#[tokio::test]
async fn a_file_that_has_both_denies_in_every_order() {
    let no = format!("{NUMBER},marketing,withdrawn,2020-01-01,keyword,\n");
    for rows in [[given("2024-01-01"), no.clone()], [no.clone(), given("2024-01-01")]] {
        let world = World::new().await;
        let report = import_rows(&world, &rows.concat()).await;
        assert_eq!((report.given, report.denied), (1, 1));
        assert_eq!(world.reasons(&known(NUMBER), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
}

#[tokio::test]
async fn clause_2_c_who_gets_a_recycled_number_is_not_messaged_on_an_imported_grant_of_before() {
    let world = World::new().await;
    let (old, new) = (known(NUMBER), known("+919876500000"));
    world.grant(std::slice::from_ref(&old)).await;
    world.stop(std::slice::from_ref(&old)).await;
    world.pass(60);
    // The person moves to another number, and somebody gets the old one.
    world.change(std::slice::from_ref(&old), std::slice::from_ref(&new)).await;
    let report = import_rows(&world, &given("2024-01-01")).await;
    assert_eq!(report.given, 1);
    assert!(!world.may_market(&old).await, "nobody agreed under the number since");
    assert!(!world.may_market(&new).await, "whose act it is, denied");
    let report = import_rows(&world, &given("2026-11-22T23:00:00Z")).await;
    assert_eq!(report.given + report.quarantined, 1);
    assert!(!world.may_market(&old).await, "the denial stays with the number");
}

#[tokio::test]
async fn a_number_and_a_bsuid_of_whom_nothing_is_known_are_one_person() {
    let world = World::new().await;
    let row = format!("{NUMBER},marketing,given,2024-01-01,web_form,form 12,{BSUID}\n");
    let report = import(&world, &format!("{WITH_BSUID}{row}")).await;
    assert_eq!((report.rows, report.given), (1, 1));
    assert_eq!(world.verified_entries().await, 1);
    assert!(world.may_market(&known(NUMBER)).await && world.may_market(&known(BSUID)).await);
    world.stop(&[known(BSUID)]).await;
    assert!(!world.may_market(&known(NUMBER)).await, "what one denies, both deny");
    let again = import(&world, &format!("{WITH_BSUID}{row}")).await;
    assert_eq!((again.duplicates, again.given), (1, 0));
}

#[tokio::test]
async fn clause_2_c_a_file_does_not_make_two_people_one_to_get_around_a_withdrawal() {
    let world = World::new().await;
    world.stop(&[known(BSUID)]).await;
    world.pass(60);
    world.grant(&[known(NUMBER)]).await;
    for status in ["given", "withdrawn"] {
        // Were the two one person, the later grant of the one would end the withdrawal of the other.
        let row = format!("{NUMBER},feature_releases,{status},2024-01-01,web_form,form 12,{BSUID}\n");
        let file = format!("{WITH_BSUID}{row}");
        let report = import(&world, &file).await;
        assert_eq!((report.rows, report.bad, report.duplicates), (1, 0, 0));
        assert!(!world.may_market(&known(BSUID)).await, "{status}");
        assert!(world.may_market(&known(NUMBER)).await, "{status}");
        let before = world.dump().await;
        assert_eq!(import(&world, &file).await.duplicates, 1);
        assert_eq!(world.dump().await, before, "{status}");
    }
    assert_eq!(
        world.verified_entries().await,
        8,
        "each of the two has each act on its own, and they are linked"
    );
    world.pass(60);
    world.stop(&[known(NUMBER)]).await;
    world.grant(&[known(BSUID)]).await;
    assert!(!world.may_market(&known(NUMBER)).await, "denials are shared, and grants are not");
}

#[tokio::test]
async fn a_bsuid_alone_is_enough_and_nobody_at_all_is_not() {
    let world = World::new().await;
    let file = format!(
        "{WITH_BSUID},marketing,given,2024-01-01,web_form,form 12,{BSUID}\n,marketing,given,2024-01-01,paper,x,\n\
         ,marketing,given,2024-01-01,paper,x,no id\n"
    );
    let report = import(&world, &file).await;
    assert_eq!((report.given, report.bad), (1, 2));
    assert_eq!(report.problems, [(3, RowProblem::Phone), (4, RowProblem::Bsuid)].into());
    assert!(world.may_market(&known(BSUID)).await);
}

#[tokio::test]
async fn clause_2_c_a_denial_counts_however_weak_it_is() {
    let header =
        "phone,purpose,status,obtained_at,method,evidence,bsuid,sender,notice_version,evidence_kind\n";
    for (number, (row, problem)) in [
        ("{},marketing,withdrawn,,,,,,,", None),
        ("{},marketing,withdrawn,01/02/2024,,,,,,", Some(RowProblem::AmbiguousDate)),
        ("{},marketing,withdrawn,yesterday,,,,,,", Some(RowProblem::ObtainedAt)),
        ("{},marketing,refused,2024-01-01T10:00,keyword,,,,,", Some(RowProblem::NoTimeZone)),
        ("{},marketing,refused,2024-01-01,telepathy,,,,,", Some(RowProblem::Method)),
        ("{},marketing,refused,2024-01-01,paper,,not an id,,,", Some(RowProblem::Bsuid)),
        ("{},marketing,withdrawn,2024-01-01,paper,,,the shop,,", Some(RowProblem::Sender)),
        ("{},marketing,withdrawn,2024-01-01,paper,,,,4,", Some(RowProblem::Notice)),
        ("{},marketing,withdrawn,2024-01-01,paper,,,,,a hunch", Some(RowProblem::EvidenceKind)),
        ("{},marketing,withdrawn,2099-01-01,paper,,,,,", None),
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::new().await;
        let who = format!("+9198765432{number:02}");
        world.grant(&[known(&who)]).await;
        let file = format!("{header}{}\n", row.replace("{}", &who));
        let report = import(&world, &file).await;
        assert_eq!((report.denied, report.bad, report.quarantined), (1, 0, 0), "{row}");
        let mended: Vec<_> =
            report.reasons.keys().filter(|reason| matches!(reason, RowReason::Mended(_))).collect();
        assert_eq!(mended, problem.map(RowReason::Mended).iter().collect::<Vec<_>>(), "{row}");
        let before = world.dump().await;
        assert_eq!(import(&world, &file).await.duplicates, 1, "{row}");
        assert_eq!(world.dump().await, before);
        // Undated, it comes after what is on record; dated, only a file that says so puts it before.
        let is_dated_before = row.contains("2024-01-01,");
        assert_eq!(world.may_market(&known(&who)).await, is_dated_before, "{row}");
    }
}

#[tokio::test]
async fn a_denial_without_a_readable_number_counts_for_the_bsuid() {
    let world = World::new().await;
    world.grant(&[known(BSUID)]).await;
    let row = format!("9.19877E+11,marketing,withdrawn,,keyword,,{BSUID}\n");
    let report = import(&world, &format!("{WITH_BSUID}{row}")).await;
    assert_eq!((report.denied, report.bad), (1, 0));
    assert_eq!(lines_of(&report, RowReason::Mended(RowProblem::SpreadsheetNumber)), [2]);
    assert!(!world.may_market(&known(BSUID)).await);
}

#[tokio::test]
async fn a_row_for_one_sender_says_nothing_about_the_others() {
    let world = World::new().await;
    let header = "phone,purpose,status,obtained_at,method,evidence,sender\n";
    let other = crate::support::OTHER_SENDER;
    let file = format!(
        "{header}{NUMBER},marketing,given,2024-01-01,web_form,form,{SENDER}\n\
         +919876543211,marketing,given,2024-01-01,web_form,form,{other}\n\
         +919876543212,marketing,given,2024-01-01,web_form,form,somebody\n"
    );
    let report = import(&world, &file).await;
    assert_eq!((report.given, report.bad), (2, 1));
    assert!(world.may_market(&known(NUMBER)).await, "the tests ask for this sender");
    assert!(!world.may_market(&known("+919876543211")).await);
    let no = format!("{header}{NUMBER},marketing,withdrawn,2024-01-02,web_form,,{other}\n");
    assert_eq!(import(&world, &no).await.denied, 1);
    assert!(world.may_market(&known(NUMBER)).await);
    let _ = world.record(&[known("+919876543213")], &grant()).await;
}
