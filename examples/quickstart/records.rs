//! What people wrote was filed, because the policy says where. Now it can be read, for what the policy says.

use std::error::Error;

use wzapi_compliance::Error as Refused;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::policy::Policy;
use wzapi_compliance::policy::file::WebhookContent;
use wzapi_compliance::vault::VaultError;
use wzapi_compliance::vault::vault::Selection;

use crate::deliveries::Demo;

/// Lists the filed messages, reads one for its purpose, and is refused for another one.
pub(crate) async fn read_one(demo: &Demo<'_>, policy: &Policy) -> Result<(), Box<dyn Error>> {
    let filing = policy.filing_of(WebhookContent::MessageContent).ok_or("the policy files no messages")?;
    let purpose = filing.purposes.first().ok_or("the policy names no purpose")?;
    let records = demo.shop.records();
    let page = records.list(demo.actor, &Selection::Category(filing.category.clone()), None, 100).await?;
    println!("   {} messages are filed under {}", page.records.len(), filing.category);

    let Some(first) = page.records.first() else { return Ok(()) };
    let opened = records.read(demo.actor, &first.record, purpose).await?;
    println!("   one was opened for {purpose}: {} of {}", opened.value.kind(), first.collected_at);
    match records.read(demo.actor, &first.record, &PurposeId::feature_releases()).await {
        Err(Refused::Vault(VaultError::ReadRefused(reason))) => {
            println!("   for {} it stays closed: {reason}", PurposeId::feature_releases());
            Ok(())
        }
        outcome => Err(format!("a read outside its purpose was not refused: {outcome:?}").into()),
    }
}
