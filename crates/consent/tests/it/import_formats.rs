//! Two formats, one meaning; what a file is refused for as a whole; dry runs; and bytes that are no file at all.

use std::io::Cursor;

use proptest::prelude::*;
use serde_json::{Value, json};
use wzapi_consent::GateRules;
use wzapi_consent::import::{
    Encoding, EvidenceKind, Format, ImportError, ImportGrade, ImportOptions, ImportReport, InspectedFile,
    Observer, Progress, RowProblem, RowReason, SetAside, Unobserved, import, import_stream,
};
use wzapi_consent::review::Waiting;
use wzapi_model::message::MessageCategory;

use crate::import::HEADER;
use crate::support::{CONTROLLER, World, known};

const DRY: ImportOptions = ImportOptions { is_dry_run: true };
const WET: ImportOptions = ImportOptions { is_dry_run: false };

async fn run(
    world: &World,
    format: Format,
    file: &[u8],
    options: &ImportOptions,
) -> Result<ImportReport, ImportError> {
    let file = InspectedFile::of(format, Cursor::new(file))?;
    import(&world.consent, &GateRules::wzapi(), CONTROLLER, file, options, &mut Unobserved).await
}

async fn json_lines(world: &World, file: &str) -> ImportReport {
    run(world, Format::JsonLines, file.as_bytes(), &WET).await.unwrap()
}

fn problems(report: &ImportReport) -> Vec<(u64, RowProblem)> {
    report.problems.iter().map(|(line, problem)| (*line, *problem)).collect()
}

#[tokio::test]
async fn an_object_a_line_is_a_row() {
    let world = World::new().await;
    let file = "\u{feff}\n \t\r\n\
        {\"phone\":\"+919876543210\",\"purpose\":\"marketing\",\"status\":\"given\",\"obtained_at\":\"2024-01-01\",\
          \"method\":\"paper\",\"evidence\":\"scan\\n7\"}\r\n\
        {\"status\":\"withdrawn\", \"phone\": 919876543211, \"purpose\": \"marketing\", \"evidence\": null}\n\
        {\"phone\":9.19877e11,\"purpose\":\"marketing\",\"status\":\"given\"}\n\
        {\"phone\":\"+919876543212\",\"purpose\":\"marketing\",\"status\":\"given\",\"evidence\":{\"form\":7}}\n\
        {\"phone\":\"+919876543212\",\"purpose\":\"marketing\",\"status\":\"given\",\"notes\":[1]}\n\
        {\"phone\":\"+919876543212\",\"purpose\":\"marketing\",\"phone\":\"+919876543213\",\"status\":\"given\"}\n\
        {\"phone\":\"+919876543212\",\"purpose\":\"marketing\",\"status\":true}\n\
        [\"+919876543212\",\"marketing\",\"given\"]\n\
        {\"phone\":\"+919876543212\"\n\
        {\"phone\":\"+919876543214\",\"purpose\":\"marketing\",\"status\":\"given\",\"obtained_at\":\"2024-01-01\",\
          \"method\":\"paper\",\"evidence\":\"scan\",\"note\":\"x\"}";
    let report = json_lines(&world, file).await;
    let expected = [
        (5, RowProblem::SpreadsheetNumber),
        (6, RowProblem::Nested),
        (7, RowProblem::Nested),
        (8, RowProblem::RepeatedKey),
        (9, RowProblem::NotText),
        (10, RowProblem::Shape),
        (11, RowProblem::Shape),
    ];
    assert_eq!(problems(&report), expected);
    assert_eq!((report.rows, report.given, report.denied, report.bad), (10, 2, 1, 7));
    assert_eq!(report.reasons[&RowReason::UnknownField].lines, [12]);
    assert!(
        world.may_market(&known("+919876543210")).await && world.may_market(&known("+919876543214")).await
    );
}

#[tokio::test]
async fn a_long_line_of_json_is_passed_over() {
    let world = World::new().await;
    let row = |who: &str, more: usize| {
        let evidence = "x".repeat(more);
        format!(
            "{{\"phone\":\"{who}\",\"purpose\":\"marketing\",\"status\":\"given\",\"obtained_at\":\"2024-01-01\",\
             \"method\":\"paper\",\"evidence\":\"{evidence}\"}}\n"
        )
    };
    let file =
        [row("+919876543210", 5_000_000), row("+919876543211", 9), row("+919876543212", 66_000)].concat();
    let report = json_lines(&world, &file).await;
    assert_eq!(problems(&report), [(1, RowProblem::TooLong), (3, RowProblem::TooLong)]);
    assert_eq!(report.given, 1);
}

#[tokio::test]
async fn a_file_that_is_wrong_as_a_whole_records_nothing_and_says_what_to_do() {
    let world = World::new().await;
    let before = world.dump().await;
    let good = format!("{HEADER}+919876543210,marketing,given,2024-01-01,paper,scan\n");
    let utf16 = |marked: bool| -> Vec<u8> {
        let mark = if marked { vec![0xff, 0xfe] } else { Vec::new() };
        mark.into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let mut latin1 = good.clone().into_bytes();
    latin1.extend_from_slice(b"+919876543211,marketing,given,2024-01-01,paper,formul\xe9ire\n");
    for (file, line, encoding) in
        [(utf16(true), 1, Encoding::Utf16), (utf16(false), 1, Encoding::Utf16), (latin1, 3, Encoding::Other)]
    {
        for format in [Format::Csv, Format::JsonLines] {
            let error = run(&world, format, &file, &WET).await.unwrap_err();
            assert!(
                error.to_string().contains("CSV UTF-8") && error.to_string().contains("iconv"),
                "{error}"
            );
            let ImportError::Encoding { line: at, encoding: found } = error else { panic!("{error}") };
            assert_eq!((at, found), (line, encoding));
        }
    }
    for file in ["[\n{}\n]\n", good.as_str(), "null"] {
        let outcome = run(&world, Format::JsonLines, file.as_bytes(), &WET).await;
        assert!(matches!(outcome, Err(ImportError::NotJsonLines)), "{outcome:?}");
    }
    let long = format!("{},{}\n", HEADER.trim(), "x".repeat(70_000));
    let outcome = run(&world, Format::Csv, long.as_bytes(), &WET).await;
    assert!(matches!(outcome, Err(ImportError::LongHeader)), "{outcome:?}");
    assert_eq!(world.dump().await, before);
    assert_eq!(run(&world, Format::JsonLines, b"", &WET).await.unwrap(), ImportReport::default());
}

#[tokio::test]
async fn spreadsheet_numbers_and_doubtful_dates_are_refused() {
    let world = World::new().await;
    let rows = [
        ("9.19877E+11", "2024-01-01", Some(RowProblem::SpreadsheetNumber)),
        ("9,19877e11", "2024-01-01", Some(RowProblem::SpreadsheetNumber)),
        ("9E+11", "2024-01-01", Some(RowProblem::SpreadsheetNumber)),
        ("919876543210.0", "2024-01-01", Some(RowProblem::SpreadsheetNumber)),
        ("+91.98765.43210", "2024-01-01", None),
        ("+919876543211", "03/04/2024", Some(RowProblem::AmbiguousDate)),
        ("+919876543211", "3-4-24", Some(RowProblem::AmbiguousDate)),
        ("+919876543211", "31.12.2024 10:00", Some(RowProblem::AmbiguousDate)),
        ("+919876543211", "2024-01-01T10:00:00", Some(RowProblem::NoTimeZone)),
        ("+919876543211", "2024-01-01 10:00:00", Some(RowProblem::NoTimeZone)),
        ("+919876543211", "45352", Some(RowProblem::ObtainedAt)),
        ("+919876543211", "2024/01/01", Some(RowProblem::ObtainedAt)),
        ("+919876543211", "2024-01-01 10:00:00+05:30", None),
    ];
    let mut file = HEADER.to_owned();
    for (who, when, _) in rows {
        file += &format!("\"{who}\",marketing,given,\"{when}\",paper,scan\n");
    }
    let report = run(&world, Format::Csv, file.as_bytes(), &WET).await.unwrap();
    let expected: Vec<_> =
        (2..).zip(rows).filter_map(|(line, (_, _, problem))| Some((line, problem?))).collect();
    assert_eq!(problems(&report), expected);
    assert_eq!(report.given, 2);
}

#[tokio::test]
async fn weak_grants_are_set_aside_with_what_shows_them_and_count_once_a_file_brings_more() {
    let world = World::new().await;
    let header = "phone,purpose,status,obtained_at,method,evidence,source,evidence_kind,evidence_reference\n";
    let rows = "+919876543210,marketing,given,,paper,card 7,crm 2019,,\n\
                +919876543211,marketing,given,2024-01-01,,,crm 2019,signed_paper,card 8\n\
                +919876543212,marketing,given,2024-01-01,paper,,,,\n\
                +919876543213,marketing,given,2031-01-01,paper,card 9,,,\n\
                +919876543214,marketing,given,2024-01-01,paper,,crm 2019,,\n";
    let report = run(&world, Format::Csv, format!("{header}{rows}").as_bytes(), &WET).await.unwrap();
    assert_eq!((report.rows, report.quarantined, report.given), (5, 4, 1));
    for (reason, lines) in [
        (SetAside::WeakEvidence, vec![2, 3]),
        (SetAside::NoEvidence, vec![4]),
        (SetAside::FutureDated, vec![5]),
    ] {
        assert_eq!(report.reasons[&RowReason::SetAside(reason)].lines, lines);
    }
    let page = world.consent.waiting(CONTROLLER, Waiting::Quarantined, None, 10).await.unwrap();
    let mut notes: Vec<_> =
        page.reviews.into_iter().map(|review| review.details.unwrap().import.unwrap()).collect();
    notes.sort_by_key(|note| note.line);
    assert_eq!(notes[0].source, Some("crm 2019".into()));
    assert_eq!(notes[1].kind, Some(EvidenceKind::SignedPaper));
    assert_eq!(notes.iter().map(|note| note.grade).collect::<Vec<_>>()[..3], [ImportGrade::Stated; 3]);
    let hash = InspectedFile::of(Format::Csv, Cursor::new(format!("{header}{rows}"))).unwrap().sha256();
    assert!(notes.iter().all(|note| note.file == Some(hash)));

    let more = "+919876543210,marketing,given,2024-01-01,paper,card 7,crm 2019,,\n\
                +919876543211,marketing,given,2024-01-01,paper,,crm 2019,signed_paper,card 8\n\
                +919876543212,marketing,given,2024-01-01,paper,card 10,,,\n";
    let report = run(&world, Format::Csv, format!("{header}{more}").as_bytes(), &WET).await.unwrap();
    assert_eq!((report.given, report.quarantined, report.duplicates), (3, 0, 0));
    for one in 0..3 {
        assert!(world.may_market(&known(&format!("+91987654321{one}"))).await);
    }
}

#[tokio::test]
async fn a_grant_ends_when_its_row_says() {
    let world = World::new().await;
    let header = "phone,purpose,status,obtained_at,method,evidence,expires_at\n";
    let rows = "+919876543210,marketing,given,2024-01-01,paper,card,2026-11-22\n\
                +919876543211,marketing,given,2024-01-01,paper,card,2026-11-23\n\
                +919876543212,marketing,given,2024-01-01,paper,card,2023-01-01\n\
                +919876543213,marketing,given,2024-01-01,paper,card,never\n";
    let report = run(&world, Format::Csv, format!("{header}{rows}").as_bytes(), &WET).await.unwrap();
    assert_eq!(problems(&report), [(4, RowProblem::ExpiresAt), (5, RowProblem::ExpiresAt)]);
    assert!(!world.may_market(&known("+919876543210")).await);
    assert!(world.may_market(&known("+919876543211")).await);
}

/// Keeps what it is told.
#[derive(Default)]
struct Heard {
    rows: Vec<(u64, RowReason)>,
    progress: Vec<(Progress, u64)>,
}

impl Observer for Heard {
    fn row(&mut self, line: u64, reason: RowReason) {
        self.rows.push((line, reason));
    }

    fn progress(&mut self, progress: Progress, report: &ImportReport) {
        self.progress.push((progress, report.rows));
    }
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_does_and_writes_nothing() {
    let world = World::new().await;
    world.stop(&[known("+919876500003")]).await;
    let rows: String = (0..200)
        .map(|one| match one % 5 {
            0 => format!("+9198765{one:05},marketing,given,2024-01-01,paper,card\n"),
            1 => format!("+9198765{one:05},marketing,given,2024-01-01,paper,\n"),
            2 => format!("+9198765{one:05},marketing,withdrawn,,paper,\n"),
            3 => format!("+919876500003,marketing,given,2024-01-{:02},paper,card\n", one % 28 + 1),
            _ => "bad,marketing,given,2024-01-01,paper,card\n".to_owned(),
        })
        .collect();
    // The beginning again, far behind it.
    let file = format!("{HEADER}{rows}{rows}");
    let _ = run(&world, Format::Csv, format!("{HEADER}{}", &rows[..600]).as_bytes(), &WET).await.unwrap();

    let (before, entries) = (world.dump().await, world.verified_entries().await);
    let foreseen = run(&world, Format::Csv, file.as_bytes(), &DRY).await.unwrap();
    assert_eq!(world.dump().await, before);
    assert_eq!(world.verified_entries().await, entries);

    let mut heard = Heard::default();
    let inspected = InspectedFile::of(Format::Csv, Cursor::new(file.as_bytes())).unwrap();
    let report =
        import(&world.consent, &GateRules::wzapi(), CONTROLLER, inspected, &WET, &mut heard).await.unwrap();
    assert_eq!(report, foreseen);
    assert!(report.duplicates > 160 && report.denied_on_record > 20 && report.bad == 80, "{report:?}");
    assert_eq!(world.verified_entries().await, entries + report.given + report.denied + report.quarantined);

    assert!(
        heard.progress.windows(2).all(|pair| pair[0].0.bytes <= pair[1].0.bytes && pair[0].1 <= pair[1].1)
    );
    let (last, rows_read) = heard.progress[heard.progress.len() - 1];
    assert_eq!((last.bytes, last.line, rows_read), (file.len() as u64, 402, 400));
    assert!(heard.progress.len() > 4);
    let tallied: u64 = report
        .reasons
        .iter()
        .filter(|(reason, _)| **reason != RowReason::Duplicate)
        .map(|(_, tally)| tally.count)
        .sum();
    assert_eq!(heard.rows.len() as u64, tallied);
}

/// A row as its fields: phone, purpose, status, date, method, evidence, BSUID.
type Row = [String; 7];
const NAMES: [&str; 7] = ["phone", "purpose", "status", "obtained_at", "method", "evidence", "bsuid"];

fn row() -> impl Strategy<Value = Row> {
    let one_of = |choices: &'static [&'static str]| proptest::sample::select(choices).prop_map(str::to_owned);
    (
        one_of(&["+919876543210", "+919876543211", "+44 7400 123456", "", "9.2E+11", "x"]),
        one_of(&["marketing", "marketing", "feature_releases", "*", "raffle"]),
        one_of(&["given", "given", "withdrawn", "refused", "maybe"]),
        one_of(&["2024-01-01", "2024-03-05T10:00:00Z", "2031-01-01", "", "1/2/2024"]),
        one_of(&["paper", "web_form", "", "magic"]),
        one_of(&["", "card 7", "a \"quoted\", word", "two\nlines", "caf\u{e9} \u{1f600}"]),
        one_of(&["", "", "IN.a1", "IN.b2"]),
    )
        .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g])
}

fn as_csv(rows: &[Row]) -> String {
    let mut text = NAMES.join(",") + "\n";
    for row in rows {
        let fields: Vec<String> =
            row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        text += &(fields.join(",") + "\n");
    }
    text
}

fn as_json_lines(rows: &[Row]) -> String {
    rows.iter()
        .map(|row| {
            let object: Value =
                NAMES.iter().zip(row).map(|(name, field)| ((*name).to_owned(), json!(field))).collect();
            format!("{object}\n")
        })
        .collect()
}

async fn standings(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for who in ["+919876543210", "+919876543211", "+447400123456", "IN.a1", "IN.b2"] {
        for category in MessageCategory::ALL {
            let reasons = world.reasons(&known(who), category).await;
            // Of two denials at the same moment either is told, as their random ids will have it.
            all.push(format!("{who} {category:?} {reasons:?}").replace("Refused", "Withdrawn"));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_same_facts_in_both_formats_come_to_the_same(rows in proptest::collection::vec(row(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (first, second) = (World::new().await, World::new().await);
            let from_csv = run(&first, Format::Csv, as_csv(&rows).as_bytes(), &WET).await.unwrap();
            let from_json = json_lines(&second, &as_json_lines(&rows)).await;
            let numbers = |report: &ImportReport| {
                // Of two denials at the same moment either is told, as their random ids will have it.
                let told = report.reasons.iter().filter(|(reason, _)| !matches!(reason, RowReason::DeniedOnRecord(_)));
                let counts = told.map(|(reason, tally)| (*reason, tally.count)).collect::<Vec<_>>();
                let recorded = (report.given, report.denied, report.quarantined, report.denied_on_record);
                (report.rows, recorded, report.duplicates, report.bad, counts)
            };
            prop_assert_eq!(numbers(&from_csv), numbers(&from_json));
            prop_assert_eq!(first.verified_entries().await, second.verified_entries().await);
            prop_assert_eq!(standings(&first).await, standings(&second).await);
            let before = first.dump().await;
            let again = run(&first, Format::JsonLines, as_json_lines(&rows).as_bytes(), &WET).await.unwrap();
            prop_assert_eq!(again.duplicates + again.bad, again.rows);
            prop_assert_eq!(first.dump().await, before);
            Ok(())
        })?;
    }

    #[test]
    fn bytes_that_are_no_file_never_panic_and_never_leave_half_a_batch(
        parts in proptest::collection::vec(
            prop_oneof![
                row().prop_map(|row| as_csv(&[row]).lines().skip(1).collect::<String>().into_bytes()),
                row().prop_map(|row| as_json_lines(&[row]).into_bytes()),
                proptest::collection::vec(any::<u8>(), 0..12),
                Just(b"\n".to_vec()),
                Just(b"\"".to_vec()),
            ],
            0..30,
        ),
        has_header in any::<bool>(),
    ) {
        let header = if has_header { NAMES.join(",") + "\n" } else { String::new() };
        let file = [header.as_bytes(), &parts.concat()].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for format in [Format::Csv, Format::JsonLines] {
                let world = World::new().await;
                let _ = run(&world, format, &file, &DRY).await;
                prop_assert_eq!(world.verified_entries().await, 0);
                let _ = run(&world, format, &file, &WET).await;
                let rules = GateRules::wzapi();
                let streamed = (format, file.as_slice());
                let outcome =
                    import_stream(&world.consent, &rules, CONTROLLER, streamed, &WET, &mut Unobserved).await;
                let entries = world.verified_entries().await;
                if let Ok(report) = outcome {
                    prop_assert_eq!(report.rows,
                        report.given + report.denied + report.quarantined + report.duplicates + report.bad);
                    let before = world.dump().await;
                    let streamed = (format, file.as_slice());
                    let again =
                        import_stream(&world.consent, &rules, CONTROLLER, streamed, &WET, &mut Unobserved).await;
                    prop_assert_eq!(again.map(|again| again.duplicates + again.bad).ok(), Some(report.rows));
                    prop_assert_eq!(world.dump().await, before);
                    prop_assert_eq!(world.verified_entries().await, entries);
                }
            }
            Ok(())
        })?;
    }
}
