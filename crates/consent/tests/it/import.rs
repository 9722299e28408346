//! Files of consents: good ones, bad rows in good files, and bad files.

use std::io::Read;
use std::sync::atomic::Ordering;

use wzapi_consent::GateRules;
use wzapi_consent::gate::{Message, ReasonCode};
use wzapi_consent::import::{
    ImportError, ImportReport, MAX_LISTED_PROBLEMS, MAX_ROW, RowProblem, RowReason, import_csv,
};
use wzapi_model::identifier::Identifier;
use wzapi_model::message::MessageCategory;

use crate::support::{CONTROLLER, SENDER, World, known};

pub(crate) const HEADER: &str = "phone,purpose,status,obtained_at,method,evidence\n";
const MARKETING: MessageCategory = MessageCategory::Marketing;

pub(crate) async fn try_import(world: &World, file: impl Read + Send) -> Result<ImportReport, ImportError> {
    import_csv(&world.consent, &GateRules::wzapi(), CONTROLLER, file).await
}

pub(crate) async fn import(world: &World, file: &str) -> ImportReport {
    try_import(world, file.as_bytes()).await.unwrap()
}

/// Rows behind the usual header.
pub(crate) async fn import_rows(world: &World, rows: &str) -> ImportReport {
    import(world, &format!("{HEADER}{rows}")).await
}

fn problems(report: &ImportReport) -> Vec<(u64, RowProblem)> {
    report.problems.iter().map(|(line, problem)| (*line, *problem)).collect()
}

#[tokio::test]
async fn clause_2_c_an_imported_consent_permits_and_an_imported_withdrawal_refuses() {
    let world = World::new().await;
    let report = import_rows(
        &world,
        "+91 98765 43210,marketing,given,2024-03-01T10:30:00+05:30,web_form,form 12\n\
         +44 7400 123456,marketing,withdrawn,2024-03-01,keyword,\n\
         5215512345678,*,refused,2024-03-01,verbal,\n",
    )
    .await;
    assert_eq!((report.rows, report.given, report.denied, report.bad), (3, 1, 2, 0));
    assert!(world.may_market(&known("919876543210")).await);
    assert!(!world.may_market(&known("+447400123456")).await);
    let authentication = world.reasons(&known("525512345678"), MessageCategory::Authentication).await;
    assert_eq!(authentication, Err(vec![ReasonCode::Refused]), "* denies everything");
    assert_eq!(world.verified_entries().await, 3);
}

#[tokio::test]
async fn a_byte_order_mark_line_ends_and_column_order_do_not_matter() {
    let row = "+919876543210,marketing,given,2024-01-01,paper,scan 7";
    let quoted = HEADER.trim().split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    for file in [
        format!("{HEADER}{row}"),
        format!("\u{feff}{HEADER}{row}\n"),
        format!("\u{feff}{quoted}\r\n{row}\r\n"),
        format!("{}{row}\r\n", HEADER.replace('\n', "\r\n")),
        "note,evidence,method,obtained_at,status,purpose,phone\n\
         x,scan 7,paper,2024-01-01,given,marketing,+919876543210\n"
            .to_owned(),
        format!("{}\n {} \n", HEADER.trim().replace(',', " , "), row.replace(',', " , ")),
    ] {
        let world = World::new().await;
        let report = import(&world, &file).await;
        assert_eq!((report.rows, report.given, report.bad), (1, 1, 0), "{file:?} {report:?}");
        assert!(world.may_market(&known("+919876543210")).await, "{file:?}");
    }
}

#[tokio::test]
async fn a_header_that_lacks_or_repeats_a_column_records_nothing() {
    let world = World::new().await;
    let before = world.dump().await;
    let row = "+919876543210,marketing,given,2024-01-01,paper,scan\n";
    for (header, expected) in [
        ("", "phone"),
        ("phone;purpose;status;obtained_at;method;evidence\n", "phone"),
        ("phone,purpose,status,obtained,method,evidence\n", "obtained_at"),
        ("Phone,purpose,status,obtained_at,method,evidence\n", "phone"),
    ] {
        let file = if header.is_empty() { String::new() } else { format!("{header}{row}") };
        match try_import(&world, file.as_bytes()).await {
            Err(ImportError::MissingColumn(column)) => assert_eq!(column, expected),
            other => panic!("{header:?} {other:?}"),
        }
    }
    let twice = format!("phone,purpose,status,obtained_at,method,evidence,status\n{},given\n", row.trim());
    let outcome = try_import(&world, twice.as_bytes()).await;
    assert!(matches!(outcome, Err(ImportError::RepeatedColumn("status"))), "{outcome:?}");
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn a_bad_row_is_reported_by_its_line_and_the_others_are_recorded() {
    let world = World::new().await;
    let report = import_rows(
        &world,
        "+919876543210,marketing,given,2024-01-01,paper,scan\n\
         +91CALLNOW,marketing,given,2024-01-01,paper,scan\n\
         +919876543211,raffle,given,2024-01-01,paper,scan\n\
         +919876543212,*,given,2024-01-01,paper,scan\n\
         +919876543213,marketing,Given,2024-01-01,paper,scan\n\
         +919876543214,marketing,given,01.01.2024,paper,scan\n\
         +919876543215,marketing,given,2024-02-30,paper,scan\n\
         +919876543216,marketing,given,2024-01-01,telegram,scan\n\
         +919876543217,marketing,given,2024-01-01,platform_preference,scan\n\
         +919876543218,marketing,given,2024-01-01,paper\n\
         +919876543219,marketing,given,2024-01-01,paper,scan,more\n\
         ,marketing,given,2024-01-01,paper,scan\n\
         +447400123456,marketing,given,2024-01-01,paper,scan\n",
    )
    .await;
    let expected = [
        (3, RowProblem::Phone),
        (4, RowProblem::Purpose),
        (5, RowProblem::Purpose),
        (6, RowProblem::Status),
        (7, RowProblem::AmbiguousDate),
        (8, RowProblem::ObtainedAt),
        (9, RowProblem::Method),
        (10, RowProblem::Method),
        (11, RowProblem::Shape),
        (12, RowProblem::Shape),
        (13, RowProblem::Phone),
    ];
    assert_eq!(problems(&report), expected);
    assert_eq!((report.rows, report.given, report.bad), (13, 2, 11));
    assert!(
        world.may_market(&known("+919876543210")).await && world.may_market(&known("+447400123456")).await
    );
    for one in 1..10 {
        assert!(!world.may_market(&known(&format!("+91987654321{one}"))).await);
    }
}

#[tokio::test]
async fn lines_are_counted_as_an_editor_counts_them() {
    let rows = "+919876543210,marketing,given,2024-01-01,paper,\"two\nlines\"\n\
                bad,marketing,given,2024-01-01,paper,scan\n\
                \n\
                bad,marketing,given,2024-01-01,paper,\"a \"\"quoted\"\" word,\n\n and more\"\n\
                bad,marketing,given,2024-01-01,paper,scan\n\
                bad,marketing,given,2024-01-01,paper,\"never closed\n\n";
    for line_end in ["\n", "\r\n"] {
        let world = World::new().await;
        let file = format!("{HEADER}{rows}").replace('\n', line_end);
        let report = import(&world, &file).await;
        let phone = RowProblem::Phone;
        let unclosed = (10, RowProblem::Unclosed);
        assert_eq!(problems(&report), [(4, phone), (6, phone), (9, phone), unclosed], "{line_end:?}");
        assert_eq!(report.given, 1);
    }
}

#[tokio::test]
async fn clause_2_c_a_stray_quotation_mark_swallows_no_withdrawal_in_silence() {
    let world = World::new().await;
    let report = import_rows(
        &world,
        "+919876543210,marketing,given,2024-01-01,paper,\"agreed at the desk\n\
         +919876543211,marketing,withdrawn,2024-02-01,keyword,\"wrote STOP\"\n\
         +919876543212,marketing,given,2024-01-01,paper,\"scan\" \n",
    )
    .await;
    assert_eq!(problems(&report), [(2, RowProblem::StrayQuote)]);
    assert_eq!((report.rows, report.given, report.bad), (2, 1, 1), "{report:?}");
    assert!(!world.may_market(&known("+919876543210")).await, "evidence of two rows is nobody's");
}

#[tokio::test]
async fn clause_2_c_two_withdrawals_whose_dates_cannot_be_read_are_two() {
    let world = World::new().await;
    for date in ["01/02/2024", "05/06/2026"] {
        let row = format!("+919876543210,marketing,withdrawn,{date},keyword,wrote STOP\n");
        for denied in [1, 0] {
            let report = import_rows(&world, &row).await;
            assert_eq!(report.denied, denied, "{date}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_field_that_is_not_utf_8_spoils_its_row_only() {
    let world = World::new().await;
    let mut file = HEADER.as_bytes().to_vec();
    file.extend_from_slice(b"+919876543210,marketing,given,2024-01-01,paper,formul\xe9ire\n");
    file.extend_from_slice(b"+919876543211,marketing,given,2024-01-01,paper,scan\n");
    let report = try_import(&world, file.as_slice()).await.unwrap();
    assert_eq!(problems(&report), [(2, RowProblem::Encoding)]);
    assert!(!world.may_market(&known("+919876543210")).await);
    assert!(world.may_market(&known("+919876543211")).await);
}

#[tokio::test]
async fn a_row_that_occurs_twice_is_recorded_once() {
    let world = World::new().await;
    let report = import_rows(
        &world,
        "+919876543210,marketing,given,2024-01-01,paper,scan\n\
         +91 98765 43210,marketing,given,2024-01-01T00:00:00Z,web_form,another word for it\n\
         +919876543210,marketing,given,2024-01-02,paper,scan\n",
    )
    .await;
    assert_eq!(report.reasons[&RowReason::Duplicate].lines, [3]);
    assert_eq!((report.rows, report.given, report.duplicates, report.bad), (3, 2, 1, 0));
    assert_eq!(world.verified_entries().await, 2);
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let world = World::new().await;
    let rows = "+919876543210,marketing,given,2024-01-01,paper,scan\n\
                +919876543211,marketing,given,2024-01-01,paper,\n\
                +919876543212,marketing,withdrawn,2024-01-01,paper,\n";
    let first = import_rows(&world, rows).await;
    assert_eq!((first.given, first.quarantined, first.denied), (1, 1, 1));
    let before = world.dump().await;
    world.pass(3600);
    let second = import_rows(&world, rows).await;
    assert_eq!((second.rows, second.duplicates), (3, 3));
    assert_eq!((second.given, second.quarantined, second.denied, second.bad), (0, 0, 0, 0));
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn a_grant_without_evidence_is_set_aside_until_a_file_brings_it() {
    let world = World::new().await;
    let one = known("+919876543210");
    let bare = "+919876543210,marketing,given,2024-01-01,paper,  \n";
    assert_eq!(import_rows(&world, bare).await.quarantined, 1);
    assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::NoConsent]));
    assert_eq!(import_rows(&world, bare).await.duplicates, 1);
    let proven = "+919876543210,marketing,given,2024-01-01,paper,scan 7\n";
    assert_eq!(import_rows(&world, proven).await.given, 1);
    assert!(world.may_market(&one).await);
}

#[tokio::test]
async fn a_grant_from_the_future_is_set_aside_and_a_withdrawal_counts() {
    let world = World::new().await;
    let rows = "+919876543210,marketing,given,2030-01-01,paper,scan\n\
                +919876543211,marketing,withdrawn,2030-01-01,paper,\n";
    let report = import_rows(&world, rows).await;
    assert_eq!((report.quarantined, report.denied), (1, 1));
    assert!(!world.may_market(&known("+919876543210")).await);
    let refused = world.reasons(&known("+919876543211"), MARKETING).await;
    assert_eq!(refused, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn clause_2_c_an_imported_grant_does_not_bring_back_who_withdrew() {
    let world = World::new().await;
    let one = known("+919876543210");
    world.stop(std::slice::from_ref(&one)).await;
    let later = "+919876543210,marketing,given,2026-11-22T12:00:01Z,web_form,form 12\n";
    assert_eq!(import_rows(&world, later).await.given, 1);
    assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn long_fields_are_refused_and_an_endless_one_ends_the_import() {
    let world = World::new().await;
    let row = |length: usize| {
        let row = format!("+919876543210,marketing,given,2024-01-01,paper,{}", "x".repeat(length));
        format!("{}\n", &row[..length])
    };
    let long = [row(MAX_ROW + 1), row(300 * 1024), row(8 * 1024 * 1024), row(MAX_ROW - 1)];
    let report = import_rows(&world, &long.concat()).await;
    assert_eq!(
        problems(&report),
        [(2, RowProblem::TooLong), (3, RowProblem::TooLong), (4, RowProblem::TooLong)]
    );
    assert_eq!(report.given, 1);

    let start = format!("{HEADER}+919876543211,marketing,given,2024-01-01,paper,\"");
    let mut endless = Counted { inner: start.as_bytes().chain(std::io::repeat(b'x')), bytes: 0 };
    match try_import(&world, &mut endless).await {
        Err(ImportError::Endless { line: 2 }) => {}
        other => panic!("{other:?}"),
    }
    assert!(endless.bytes < 8 * 1024 * 1024, "{} bytes were read", endless.bytes);
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    bytes: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read;
        Ok(read)
    }
}

/// A file that ends with an error of the disk.
struct Torn<'a>(&'a [u8]);

impl Read for Torn<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_says_where() {
    let world = World::new().await;
    let rows: String =
        (0..100).map(|one| format!("+9198765{one:05},marketing,given,2024-01-01,paper,scan\n")).collect();
    let file = format!("{HEADER}{rows}");
    match try_import(&world, Torn(file.as_bytes())).await {
        Err(ImportError::Unreadable { line: 102, .. }) => {}
        other => panic!("{other:?}"),
    }
    let again = import(&world, &file).await;
    assert_eq!(again.rows, 100);
    assert_eq!(again.given + again.duplicates, 100, "a second run goes on where the first one stopped");
}

#[tokio::test]
async fn storage_trouble_stops_the_import_at_a_line() {
    let world = World::new().await;
    world.consent.begin(CONTROLLER).await.unwrap();
    world.storage.fails.store(true, Ordering::SeqCst);
    let file = format!("{HEADER}bad\n+919876543210,marketing,given,2024-01-01,paper,scan\n");
    match try_import(&world, file.as_bytes()).await {
        Err(ImportError::NotRecorded { line: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_report_lists_a_bounded_number_of_problems_and_counts_all() {
    let world = World::new().await;
    let rows = "bad,marketing,given,2024-01-01,paper,scan\n".repeat(MAX_LISTED_PROBLEMS + 50);
    let report = import_rows(&world, &rows).await;
    assert_eq!(report.problems.len(), MAX_LISTED_PROBLEMS);
    assert_eq!(report.bad, 1050);
}

#[tokio::test]
async fn five_thousand_rows_are_all_recorded() {
    const ROWS: u64 = 5000;
    let world = World::new().await;
    let number = |one: u64| format!("+9198{one:08}");
    let rows: String = (0..ROWS)
        .map(|one| {
            let status = if one % 10 == 0 { "withdrawn" } else { "given" };
            format!("{},marketing,{status},2024-01-01,paper,scan {one}\n", number(one))
        })
        .collect();
    let report = import_rows(&world, &rows).await;
    assert_eq!((report.rows, report.given, report.denied, report.bad), (ROWS, 4500, 500, 0));
    let recipients = (0..ROWS).map(|one| Identifier::parse_recipient(&number(one)).unwrap());
    let message = Message::new(SENDER, MARKETING);
    let preflight = world.gate.preflight(CONTROLLER, &message, recipients).await.unwrap();
    assert_eq!((preflight.allowed, preflight.refused), (4500, 500));
    assert_eq!(world.verified_entries().await, ROWS);
}
