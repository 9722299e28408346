//! Webhook deliveries, signed as Meta signs them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wzapi_compliance::Controller;
use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::ids::SenderId;
use wzapi_compliance::whatsapp::delivery::{Delivery, Limits};
use wzapi_compliance::whatsapp::signature::AppSecrets;

use crate::progress;
use crate::summary::Summary;

/// Who acts for whom in this example.
pub(crate) struct Demo<'a> {
    pub(crate) shop: &'a Controller,
    pub(crate) actor: &'a Actor,
    pub(crate) secrets: AppSecrets,
}

impl Demo<'_> {
    /// A sender's id for each phone number id. A host looks it up in its own table; the example derives it.
    fn sender_of(&self, phone_number_id: &str) -> Result<SenderId, Box<dyn Error>> {
        let signature = self.secrets.sign(format!("sender {phone_number_id}").as_bytes());
        let hex: String = signature.trim_start_matches("sha256=").chars().take(32).collect();
        Ok(hex.parse()?)
    }

    /// Hands a body over as the webhook endpoint of a service would: raw bytes and the header's value.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Result<IngestReport, wzapi_compliance::Error> {
        let signature = self.secrets.sign(body);
        self.shop.ingest().deliver(self.actor, &self.secrets, &signature, body).await
    }
}

/// Takes in every `*.json` of a directory, and names the sender that the campaign goes out by.
pub(crate) async fn ingest_all(
    demo: &Demo<'_>,
    directory: &Path,
    summary: &mut Summary,
) -> Result<SenderId, Box<dyn Error>> {
    let files = json_files(directory)?;
    let sender = register_senders(demo, &files).await?;
    for (done, file) in (1..).zip(&files) {
        match demo.deliver(&fs::read(file)?).await {
            Ok(report) => summary.add_delivery(report),
            Err(wzapi_compliance::Error::Delivery(problem)) => {
                summary.add_problem();
                eprintln!("   {}: {problem}", file.display());
            }
            Err(error) => return Err(error.into()),
        }
        progress::show("deliveries", done, files.len());
    }
    Ok(sender)
}

/// Registers each business number found in the files as a sender of the shop. A service does this when a
/// customer connects a number; a delivery to a number that nobody registered is kept and counted.
async fn register_senders(demo: &Demo<'_>, files: &[PathBuf]) -> Result<SenderId, Box<dyn Error>> {
    let mut numbers = BTreeSet::new();
    for file in files {
        if let Ok(delivery) = Delivery::parse(&fs::read(file)?, &Limits::default()) {
            let ids =
                delivery.items.into_iter().filter_map(|item| Some((item.phone_number_id?, item.waba_id?)));
            numbers.extend(ids);
        }
    }
    let campaign_sender = demo.sender_of("campaign")?;
    demo.shop.register_sender(demo.actor, campaign_sender, "campaign", "campaign").await?;
    for (phone_number_id, waba_id) in &numbers {
        let sender = demo.sender_of(phone_number_id)?;
        demo.shop.register_sender(demo.actor, sender, phone_number_id, waba_id).await?;
    }
    println!("   {} business numbers registered as senders of {}", numbers.len(), demo.shop.id());
    println!("   the campaign goes out by sender {campaign_sender}");
    Ok(campaign_sender)
}

fn json_files(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
