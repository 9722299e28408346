//! Where the content of webhooks is filed.

use std::collections::BTreeMap;

use crate::file::{Filing, WebhookContent};
use crate::syntax::{Reader, Section, shape, term_of};

pub(super) fn webhooks(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<WebhookContent, Filing> {
    let children = root.children(reader, "webhooks", &shape::WEBHOOK);
    let mut webhooks = BTreeMap::new();
    for (name, section) in children {
        let content = term_of::<WebhookContent>(reader, &name, &section.path);
        let category = section.name(reader, "category");
        let purposes = section.names(reader, "purposes");
        if let (Some(content), Some(category)) = (content, category) {
            webhooks.insert(content, Filing { category, purposes });
        }
    }
    webhooks
}
