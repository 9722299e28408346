//! The contact point can be reached.

use wzapi_model::identifier::{E164, Email};

use crate::file::PolicyFile;
use crate::finding::Code;
use crate::syntax::Reader;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    let contact = &file.contact;
    if Email::parse(&contact.email).is_err() {
        reader.add(
            Code::WrongContact,
            "contact.email",
            "this is no e-mail address",
            "write one at which requests are read, such as support@example.com",
        );
    }
    if !is_web_address(&contact.website) {
        reader.add(
            Code::WrongContact,
            "contact.website",
            "this is no secure web address",
            "write one that begins with https://",
        );
    }
    if contact.phone.as_deref().is_some_and(|phone| E164::parse(phone).is_err()) {
        reader.add(
            Code::WrongContact,
            "contact.phone",
            "this is no phone number",
            "write it in international form, such as +91 9012345678",
        );
    }
}

fn is_web_address(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        host.contains('.')
            && host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.chars().all(is_host)
            && rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`'))
    })
}
