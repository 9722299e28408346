//! `wzapi ingest`: webhook deliveries from files.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::whatsapp::delivery::DeliveryError;
use wzapi_compliance::whatsapp::delivery::Limits;
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Controller, Error};

use crate::arguments::IngestOptions;
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::operator::Operator;

/// The longest file of app secrets and the longest signature header, in bytes.
const MAX_SMALL_FILE: usize = 4096;

pub(crate) async fn run(options: IngestOptions) -> Result<Outcome, Failure> {
    let secrets = read_secrets(&options.app_secret_file)?;
    // A store without any controller gets the one that was named. Elsewhere an unknown one is an error: it may be a
    // slip of the pen.
    let operator = Operator::open_or_create(&options.data).await?;
    let is_first = operator.compliance.controllers(&operator.actor).await?.is_empty();
    let controller = if is_first {
        operator.compliance.register_controller(&operator.actor, options.controller).await?
    } else {
        operator.compliance.controller(options.controller).await?
    };
    let (mut total, mut acknowledged, mut bad) = (IngestReport::default(), 0_u64, 0_u64);
    for file in &options.files {
        match ingest_one(&operator, &controller, &secrets, file).await {
            Ok(report) => {
                acknowledged += 1;
                total += report;
                // The line is the acknowledgement: it is written only when all of the delivery is durable.
                say!("acknowledged {}", file.display());
                let _ = io::stdout().flush();
            }
            Err(failure) if is_about_the_file(&failure) => {
                bad += 1;
                Failure::BadFile { path: file.clone(), problem: text_of(&failure) }.print();
            }
            Err(failure) => return Err(failure),
        }
    }
    if options.data.json {
        let mut json = serde_json::json!(total);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("deliveries".to_owned(), acknowledged.into());
            fields.insert("bad".to_owned(), bad.into());
        }
        say!("{json}");
    } else {
        say!(
            "{acknowledged} deliveries: {} messages, {} statuses, {} consents given, {} withdrawals, {} unknown, \
             {} unrouted, {} duplicates",
            total.messages,
            total.statuses,
            total.consents_given,
            total.withdrawals,
            total.unknown,
            total.unrouted,
            total.duplicates
        );
    }
    Ok(if bad == 0 { Outcome::Done } else { Outcome::BadInput })
}

async fn ingest_one(
    operator: &Operator,
    controller: &Controller,
    secrets: &AppSecrets,
    file: &Path,
) -> Result<IngestReport, Failure> {
    let limit = Limits::default().max_bytes;
    let length = fs::metadata(file).map_err(|cause| unreadable(file, cause))?.len();
    if usize::try_from(length).unwrap_or(usize::MAX) > limit {
        return Err(Error::Delivery(DeliveryError::TooLarge { limit }).into());
    }
    let body = fs::read(file).map_err(|cause| unreadable(file, cause))?;
    let signature = read_signature(file)?.unwrap_or_else(|| secrets.sign(&body));
    Ok(controller.ingest().deliver(&operator.actor, secrets, &signature, &body).await?)
}

/// A bad file is reported and the others are taken in; anything else ends the run.
fn is_about_the_file(failure: &Failure) -> bool {
    match failure {
        Failure::Unreadable { .. } | Failure::BadFile { .. } => true,
        Failure::Compliance(error) => matches!(error, Error::Delivery(_) | Error::Signature(_)),
        _ => false,
    }
}

fn text_of(failure: &Failure) -> String {
    match failure {
        Failure::Compliance(Error::Delivery(problem)) => problem.to_string(),
        Failure::Compliance(Error::Signature(problem)) => problem.to_string(),
        Failure::Unreadable { cause, .. } => cause.to_string(),
        other => other.to_string(),
    }
}

fn read_secrets(file: &Path) -> Result<AppSecrets, Failure> {
    let text = files::read_text(file, MAX_SMALL_FILE)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let bad = |problem: String| Failure::BadFile { path: file.to_owned(), problem };
    let current = lines.next().ok_or_else(|| bad("it holds no app secret".to_owned()))?;
    let mut secrets = AppSecrets::new(current.as_bytes()).map_err(|error| bad(error.to_string()))?;
    if let Some(previous) = lines.next() {
        secrets = secrets.with_previous(previous.as_bytes()).map_err(|error| bad(error.to_string()))?;
    }
    if lines.next().is_some() {
        return Err(bad("it holds more than two app secrets".to_owned()));
    }
    Ok(secrets)
}

/// The header that came with a body, if it was kept beside it.
fn read_signature(file: &Path) -> Result<Option<String>, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".signature");
    match files::read_text(&PathBuf::from(name), MAX_SMALL_FILE) {
        Ok(header) => Ok(Some(header.trim().to_owned())),
        Err(Failure::Unreadable { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn unreadable(file: &Path, cause: io::Error) -> Failure {
    Failure::Unreadable { path: file.to_owned(), cause }
}
