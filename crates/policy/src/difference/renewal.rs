//! Which consents do not cover what the policy says now.

use std::collections::BTreeSet;

use wzapi_model::name::{DataCategory, PurposeId};

use crate::difference::{Change, ChangeKind, Direction, diff};
use crate::file::PolicyFile;
use crate::term::Term;

/// The purposes for which a consent that was given under `older` does not count under `newer`, because its meaning changed
/// materially: the person agreed to something else. Only purposes of `newer` for which a consent may be needed are among
/// them: those that rest on consent in a regime, and those that marketing messages may serve.
///
/// The changes are those of [`diff`]. A consent is to a purpose, its data and its recipients, asked for by a controller
/// (GDPR Art. 4(11); EDPB, Guidelines 05/2020, no. 64; DPDP Act ss. 5 and 6). It has to be renewed when
///
/// - the purpose is new, rests on another basis than before, or on consent where it did not, uses more data, sends more
///   categories of message, or is harder to withdraw from, or consent to it lasts longer than was said;
/// - its label, description or interest says something else in a language of both versions: whether the words mean the
///   same is not judged here. See [`reworded_purposes`];
/// - a category that it uses gets more: sources, people, values that were refused, earlier values, longer addresses, or
///   content of webhooks;
/// - a recipient is new to it, of another kind or role, in more countries, with less to rest a transfer on, may hand
///   data on, or gets more data;
/// - the controller is another one.
///
/// What people must be told besides does not end a consent: longer retention, rights, security, the rules on sending.
///
/// Takes time in proportion to both files: ask once for two versions, not for every message.
///
/// ```
/// use wzapi_policy::difference::consents_to_renew;
///
/// let text = include_str!("../../../../policies/wzapi.toml");
/// let older = wzapi_policy::parse(text, "wzapi.toml")?;
/// let newer = text.replace("messages = [\"marketing\", \"service\"]", "messages = [\"marketing\", \"utility\"]");
/// let newer = wzapi_policy::parse(&newer, "wzapi.toml")?;
/// assert!(consents_to_renew(&older, &older).is_empty());
/// assert!(consents_to_renew(&older, &newer).contains(&"marketing".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn consents_to_renew(older: &PolicyFile, newer: &PolicyFile) -> BTreeSet<PurposeId> {
    altered(older, newer, |_| true)
}

/// Of [`consents_to_renew`], the purposes of which nothing but words changed. A person who read them and found that they
/// mean the same takes the purpose out; a program cannot.
#[must_use]
pub fn reworded_purposes(older: &PolicyFile, newer: &PolicyFile) -> BTreeSet<PurposeId> {
    let otherwise = altered(older, newer, |change| change.kind != ChangeKind::Wording);
    consents_to_renew(older, newer).difference(&otherwise).cloned().collect()
}

fn altered(older: &PolicyFile, newer: &PolicyFile, counts: impl Fn(&Change) -> bool) -> BTreeSet<PurposeId> {
    let needs_consent =
        |name: &PurposeId| newer.purposes.get(name).is_some_and(|purpose| purpose.asks_for_consent());
    diff(older, newer)
        .changes
        .iter()
        .filter(|change| counts(change))
        .flat_map(|change| concerned(change, older, newer))
        .filter(needs_consent)
        .collect()
}

/// The purposes to which a change gives another meaning, in either version.
fn concerned(change: &Change, older: &PolicyFile, newer: &PolicyFile) -> BTreeSet<PurposeId> {
    let files = [older, newer];
    let path: Vec<&str> = change.path.split('.').collect();
    match path.as_slice() {
        ["purposes", name, rest @ ..] if alters_purpose(change, rest, files) => named(name),
        ["categories", name, ..] if change.is_material && change.kind != ChangeKind::Retention => {
            using(files, |category| category.as_str() == *name)
        }
        ["patterns", name, ..] if change.is_material => using(files, |category| {
            let mut declared = files.iter().filter_map(|file| file.categories.get(category));
            declared.any(|category| category.forbidden.iter().any(|pattern| pattern.as_str() == *name))
        }),
        ["webhooks", _, "purposes", name] if change.is_material => named(name),
        ["webhooks", content, ..] if change.is_material => files
            .iter()
            .flat_map(|file| &file.webhooks)
            .filter(|(filed, _)| filed.as_str() == *content)
            .flat_map(|(_, filing)| filing.purposes.iter().cloned())
            .collect(),
        // How long an agreement runs changes nothing about who gets what.
        ["recipients", _, "agreement", "until"] => BTreeSet::new(),
        ["recipients", _, "agreement", "purposes", name] if change.is_material => named(name),
        ["recipients", name, ..] if change.is_material => files
            .iter()
            .filter_map(|file| file.recipients.get(*name)?.agreement.as_ref())
            .flat_map(|agreement| agreement.purposes.iter().cloned())
            .collect(),
        ["controller", ..] if change.is_material => newer.purposes.keys().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

fn alters_purpose(change: &Change, rest: &[&str], files: [&PolicyFile; 2]) -> bool {
    match rest {
        // Nobody agreed by a text in a language that one of the versions does not have.
        ["label" | "description" | "interest", language] => {
            files.iter().all(|file| file.languages.iter().any(|declared| declared.code() == *language))
        }
        ["label" | "description" | "interest"] => true,
        // Consent instead of another basis favours the person, and yet nobody gave it under the older version.
        ["basis", _] => change.direction != Direction::Editorial,
        // A confirmation and the record of a notice show a consent; its length is what the person agreed to.
        ["consent", "expires_after"] => change.is_material,
        ["consent", ..] => false,
        _ => change.is_material,
    }
}

fn named(name: &str) -> BTreeSet<PurposeId> {
    name.parse().into_iter().collect()
}

/// The purposes that use, in either version, a category that `is_meant`.
fn using(files: [&PolicyFile; 2], is_meant: impl Fn(&DataCategory) -> bool) -> BTreeSet<PurposeId> {
    files
        .iter()
        .flat_map(|file| &file.purposes)
        .filter(|(_, purpose)| purpose.categories.iter().any(&is_meant))
        .map(|(name, _)| name.clone())
        .collect()
}
