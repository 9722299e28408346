//! What the run did, in figures.

use std::process::ExitCode;

use serde_json::json;
use wzapi_compliance::consent::import::ImportReport;
use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::log::VerifiedLogs;

#[derive(Default)]
pub(crate) struct Summary {
    deliveries: u64,
    problems: u64,
    ingested: IngestReport,
    imported: ImportReport,
    permits: u64,
    refused: u64,
    ledger: Option<VerifiedLogs>,
}

impl Summary {
    pub(crate) fn add_delivery(&mut self, report: IngestReport) {
        self.deliveries += 1;
        self.ingested += report;
    }

    pub(crate) fn add_problem(&mut self) {
        self.problems += 1;
    }

    pub(crate) fn set_import(&mut self, report: ImportReport) {
        self.problems += report.bad;
        self.imported = report;
    }

    pub(crate) fn add_permit(&mut self) {
        self.permits += 1;
    }

    pub(crate) fn add_refused(&mut self) {
        self.refused += 1;
    }

    pub(crate) fn record_verification(&mut self, verified: VerifiedLogs) {
        self.ledger = Some(verified);
    }

    fn is_verified(&self) -> bool {
        self.ledger.as_ref().is_some_and(VerifiedLogs::is_sound)
    }

    pub(crate) fn print(&self) {
        let ingested = &self.ingested;
        println!(
            "   {} deliveries: {} messages, {} statuses, {} not recognised (kept, sealed), {} seen before",
            self.deliveries, ingested.messages, ingested.statuses, ingested.unknown, ingested.duplicates
        );
        println!(
            "   {} messages and profiles filed, {} not: too old to be kept, or the policy forbids what they hold",
            ingested.filed, ingested.content_refused
        );
        println!(
            "   {} consents given, {} withdrawals, {} permits, {} refused",
            self.consents_given(),
            self.withdrawals(),
            self.permits,
            self.refused
        );
        if let Some(ledger) = &self.ledger {
            let state = if ledger.is_sound() { "verified" } else { "DAMAGED" };
            println!("   {} entries, {state}", ledger.size());
            for log in &ledger.logs {
                println!("   root {}", log.root);
            }
        }
    }

    fn consents_given(&self) -> u64 {
        self.ingested.consents_given + self.imported.given
    }

    fn withdrawals(&self) -> u64 {
        self.ingested.withdrawals + self.imported.denied
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({
            "deliveries": self.deliveries,
            "messages": self.ingested.messages,
            "records_filed": self.ingested.filed,
            "content_refused": self.ingested.content_refused,
            "statuses": self.ingested.statuses,
            "unknown": self.ingested.unknown,
            "duplicates": self.ingested.duplicates + self.imported.duplicates,
            "consents_given": self.consents_given(),
            "withdrawals": self.withdrawals(),
            "permits": self.permits,
            "refused": self.refused,
            "ledger_size": self.ledger.as_ref().map(VerifiedLogs::size),
            "ledger_root": self.ledger.as_ref().and_then(|ledger| ledger.logs.first()).map(|log| log.root.to_string()),
            "ledger_verified": self.is_verified(),
        })
    }

    /// 4 when the ledger does not verify, 2 when some input was bad, else 0.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match (self.is_verified(), self.problems) {
            (false, _) => ExitCode::from(4),
            (true, 0) => ExitCode::SUCCESS,
            (true, _) => ExitCode::from(2),
        }
    }
}
