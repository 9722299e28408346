//! Files of consents, good and bad.

use std::io::Cursor;

use wzapi_compliance::Error;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::consent::import::{
    Format, ImportError, ImportOptions, ImportReport, InspectedFile, RowProblem, Unobserved,
};
use wzapi_compliance::model::actor::{Actor, Role};

use crate::support::{ANA, BEN, CLEO, World, everybody, hour, one_text};

const HEADER: &str = "phone,purpose,status,obtained_at,method,evidence";

async fn import(world: &World, file: &str) -> Result<ImportReport, Error> {
    world.shop().await.consent().import_csv(&everybody(), file.as_bytes()).await
}

fn row(who: &str, status: &str) -> String {
    format!("+{who},marketing,{status},2026-03-01,paper,card 7")
}

#[tokio::test]
async fn bad_rows_are_told_by_line_and_good_rows_count() {
    let world = World::in_memory().await.with_shops().await;
    let rows = [
        row(ANA, "given"),
        "+1 555 CALL ANA,marketing,given,2026-03-01,paper,card".to_owned(),
        format!("+{BEN},marketing,given,the first of March,paper,card"),
        format!("+{BEN},marketing,given,2026-02-30,paper,card"),
        format!("+{BEN},marketing,perhaps,2026-03-01,paper,card"),
        format!("+{BEN},selling_your_data,given,2026-03-01,paper,card"),
        format!("+{BEN},marketing,given,2026-03-01,telepathy,card"),
        format!("+{BEN},marketing,given"),
        format!("+{BEN},*,given,2026-03-01,paper,card"),
        row(ANA, "given"),
        format!("+{BEN},marketing,given,2026-03-01,paper,"),
        row(CLEO, "withdrawn"),
    ];
    let file = format!("{HEADER}\n{}\n", rows.join("\n"));
    let report = import(&world, &file).await.unwrap();
    let expected = [
        (3, RowProblem::Phone),
        (4, RowProblem::ObtainedAt),
        (5, RowProblem::ObtainedAt),
        (6, RowProblem::Status),
        (7, RowProblem::Purpose),
        (8, RowProblem::Method),
        (9, RowProblem::Shape),
        (10, RowProblem::Purpose),
    ];
    assert_eq!(report.problems, expected.into());
    assert_eq!((report.rows, report.given, report.denied), (12, 1, 1));
    assert_eq!((report.quarantined, report.duplicates, report.bad), (1, 1, 8));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    assert_eq!(world.marketing(BEN).await, [ReasonCode::NoConsent], "a grant without evidence is set aside");
    assert_eq!(world.marketing(CLEO).await, [ReasonCode::Withdrawn]);

    // The same file again changes nothing.
    let before = world.rows().await;
    let again = import(&world, &file).await.unwrap();
    assert_eq!((again.given, again.denied, again.quarantined, again.duplicates), (0, 0, 0, 4));
    assert!(world.rows().await == before);
    world.ledgers().await;
}

#[tokio::test]
async fn line_ends_of_windows_and_a_byte_order_mark_make_no_difference() {
    let rows = [row(ANA, "given"), "bad".to_owned(), row(CLEO, "refused")];
    for (mark, end) in [("", "\n"), ("", "\r\n"), ("\u{feff}", "\n"), ("\u{feff}", "\r\n")] {
        let world = World::in_memory().await.with_shops().await;
        let file = format!("{mark}{HEADER}{end}{}{end}", rows.join(end));
        let report = import(&world, &file).await.unwrap();
        assert_eq!((report.rows, report.given, report.denied, report.bad), (3, 1, 1, 1), "{file:?}");
        assert_eq!(report.problems, [(3, RowProblem::Shape)].into(), "{file:?}");
        assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
        assert_eq!(world.marketing(CLEO).await, [ReasonCode::Refused]);
    }
}

#[tokio::test]
async fn a_header_that_lacks_a_column_stops_before_anything_is_written() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let columns = ["phone", "purpose", "status", "obtained_at", "method", "evidence"];
    for missing in columns {
        let rest: Vec<_> = columns.into_iter().filter(|column| *column != missing).collect();
        let file = format!("{}\n{}\n", rest.join(","), row(ANA, "given"));
        match import(&world, &file).await {
            Err(Error::Import(error @ ImportError::MissingColumn(column))) => {
                assert_eq!(column, missing);
                assert!(error.to_string().contains("line 1"), "{error}");
            }
            other => panic!("{missing}: {other:?}"),
        }
    }
    let twice = format!("{HEADER},phone\n");
    let outcome = import(&world, &twice).await;
    assert!(matches!(outcome, Err(Error::Import(ImportError::RepeatedColumn("phone")))), "{outcome:?}");
    let empty = import(&world, "").await;
    assert!(matches!(empty, Err(Error::Import(ImportError::MissingColumn("phone")))), "{empty:?}");
    assert!(world.rows().await == before);
}

#[tokio::test]
async fn clause_2_c_an_imported_grant_never_outweighs_a_withdrawal() {
    let world = World::in_memory().await.with_shops().await;
    let _stop = world.deliver(&one_text(ANA, "1", hour(-100), "STOP")).await.unwrap();
    let later = format!("{HEADER}\n+{ANA},marketing,given,2026-09-30T23:00:00Z,web_form,form\n");
    assert_eq!(import(&world, &later).await.unwrap().given, 1);
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let _start = world.deliver(&one_text(ANA, "2", hour(-1), "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn clause_2_c_an_imported_grant_from_the_future_is_set_aside() {
    let world = World::in_memory().await.with_shops().await;
    let file = format!("{HEADER}\n+{ANA},marketing,given,2031-01-01,web_form,form\n");
    let report = import(&world, &file).await.unwrap();
    assert_eq!((report.given, report.quarantined), (0, 1));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::NoConsent]);
}

#[tokio::test]
async fn clause_2_c_an_inspected_file_is_imported_by_whoever_may_and_a_dry_run_leaves_no_trace() {
    let world = World::in_memory().await.with_shops().await;
    let shop = world.shop().await;
    let file = format!("{HEADER}\n{}\n{}\n", row(ANA, "given"), row(CLEO, "withdrawn"));
    let inspected = || InspectedFile::of(Format::Csv, Cursor::new(file.as_bytes())).unwrap();
    let (dry, wet) = (ImportOptions { is_dry_run: true }, ImportOptions::default());

    let nobody = Actor::service("campaigns", [Role::Sender]).unwrap();
    for options in [&dry, &wet] {
        let refused = shop.consent().import(&nobody, inspected(), options, &mut Unobserved).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
    let before = world.rows().await;
    let foreseen = shop.consent().import(&everybody(), inspected(), &dry, &mut Unobserved).await.unwrap();
    assert!(world.rows().await == before);
    let report = shop.consent().import(&everybody(), inspected(), &wet, &mut Unobserved).await.unwrap();
    assert_eq!(report, foreseen);
    assert_eq!((report.rows, report.given, report.denied), (2, 1, 1));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    world.ledgers().await;
}
