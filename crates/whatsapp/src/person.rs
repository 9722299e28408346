//! Whom an item is about, and which identifiers Meta states to be one person's.
//!
//! A value of a webhook carries the persons in a list of its own, `contacts[]`. An element of that list belongs
//! to a message only when it names the same number or the same business-scoped id: deliveries are seen whose
//! contact is somebody else. What is linked here shares grants and denials later, so in doubt nothing is.

use std::collections::BTreeMap;

use serde_json::Value;
use wzapi_model::identifier::{Bsuid, E164, Identifier};
use wzapi_model::personal::Personal;

use crate::node;

/// A person as one element names them; any part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// The telephone number, in canonical form.
    pub phone: Option<E164>,
    /// The WhatsApp id that `phone` was read from, as it stood: numbers that are one line may have two.
    pub wa_id: Option<Personal<String>>,
    /// The business-scoped user id.
    pub bsuid: Option<Bsuid>,
    /// The id within the parent portfolio.
    pub parent_bsuid: Option<Bsuid>,
}

impl Person {
    /// Whether anything names the person: a number or a business-scoped id.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.phone.is_some() || self.bsuid.is_some()
    }

    /// Every identifier that Meta states for the person in this element: number, id, parent id.
    #[must_use]
    pub fn identifiers(&self) -> Vec<Identifier> {
        let bsuids = [&self.bsuid, &self.parent_bsuid].into_iter().flatten().cloned().map(Identifier::Bsuid);
        self.phone.map(Identifier::Phone).into_iter().chain(bsuids).collect()
    }
}

/// The nodes that name a person, before anything is read from them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PersonNodes<'a> {
    pub(crate) wa_id: Option<&'a Value>,
    pub(crate) user_id: Option<&'a Value>,
    pub(crate) parent_user_id: Option<&'a Value>,
}

impl<'a> PersonNodes<'a> {
    /// The members of `object` under these names.
    pub(crate) fn of(object: &'a Value, wa_id: &str, user_id: &str, parent_user_id: &str) -> Self {
        Self {
            wa_id: node::present(object, wa_id),
            user_id: node::present(object, user_id),
            parent_user_id: node::present(object, parent_user_id),
        }
    }

    /// The person that these nodes name, and nothing that they do not.
    pub(crate) fn read(&self) -> Person {
        let bsuid = |node: Option<&Value>| Bsuid::parse(node?.as_str()?).ok();
        let wa_id = self.wa_id.and_then(node::scalar_text);
        let phone = wa_id.as_deref().and_then(|id| E164::from_wa_id(id.strip_prefix('+').unwrap_or(id)).ok());
        Person {
            phone,
            wa_id: phone.and(wa_id).map(|id| Personal::new(id.into_owned())),
            bsuid: bsuid(self.user_id).or_else(|| bsuid(self.wa_id)),
            parent_bsuid: bsuid(self.parent_user_id),
        }
    }

    fn is_absent(&self) -> bool {
        self.wa_id.is_none() && self.user_id.is_none()
    }
}

/// A person, and the nodes by which the element named them.
#[derive(Debug)]
pub(crate) struct NamedPerson<'a> {
    pub(crate) person: Person,
    pub(crate) nodes: PersonNodes<'a>,
    /// What the person shows others, when one contact of the person's has it.
    pub(crate) profile: Option<&'a Value>,
}

/// The `contacts[]` of one value, by what they can be found under. `None` marks an identifier that two
/// different contacts claim: it links nobody.
#[derive(Debug, Default)]
pub(crate) struct Contacts<'a> {
    only: Option<PersonNodes<'a>>,
    by_phone: BTreeMap<E164, Option<Person>>,
    by_bsuid: BTreeMap<Bsuid, Option<Person>>,
    profiles: Vec<(Person, &'a Value)>,
}

impl<'a> Contacts<'a> {
    /// The contacts of a change's value.
    pub(crate) fn of(value: &'a Value) -> Self {
        let nodes = value.get("contacts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let named = |contact| PersonNodes::of(contact, "wa_id", "user_id", "parent_user_id");
        let mut contacts = Self::default();
        if let [only] = nodes {
            contacts.only = Some(named(only));
        }
        for contact in nodes {
            let person = named(contact).read();
            contacts.insert(&person);
            if let Some(profile) = node::present(contact, "profile").filter(|profile| profile.is_object()) {
                contacts.profiles.push((person, profile));
            }
        }
        contacts
    }

    /// The person of an element that names them by `own` nodes. When the element names nobody at all, and is
    /// the only one of its value, and there is one contact, that contact is the person.
    pub(crate) fn resolve(&self, own: PersonNodes<'a>, element_is_alone: bool) -> NamedPerson<'a> {
        let nodes = match self.only {
            Some(only) if element_is_alone && own.is_absent() => only,
            _ => own,
        };
        let mut person = nodes.read();
        if let Some(contact) = self.matching(&person) {
            person.wa_id = person.wa_id.or_else(|| contact.wa_id.clone());
            person.phone = person.phone.or(contact.phone);
            person.bsuid = person.bsuid.or_else(|| contact.bsuid.clone());
            person.parent_bsuid = person.parent_bsuid.or_else(|| contact.parent_bsuid.clone());
        }
        let profile = self.profile_of(&person);
        NamedPerson { person, nodes, profile }
    }

    /// The profile of the contact that is this person; none when several state different ones.
    fn profile_of(&self, person: &Person) -> Option<&'a Value> {
        fn is_same<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_some() && a == b
        }
        let mut found = self.profiles.iter().filter(|(contact, _)| {
            let shares = is_same(contact.phone.as_ref(), person.phone.as_ref())
                || is_same(contact.bsuid.as_ref(), person.bsuid.as_ref());
            shares && agree(contact, person)
        });
        let (_, profile) = found.next()?;
        found.all(|(_, other)| other == profile).then_some(*profile)
    }

    fn insert(&mut self, contact: &Person) {
        fn claim<K: Ord>(index: &mut BTreeMap<K, Option<Person>>, key: K, contact: &Person) {
            let claimed = index.entry(key).or_insert_with(|| Some(contact.clone()));
            if claimed.as_ref() != Some(contact) {
                *claimed = None;
            }
        }
        if let Some(phone) = contact.phone {
            claim(&mut self.by_phone, phone, contact);
        }
        if let Some(bsuid) = &contact.bsuid {
            claim(&mut self.by_bsuid, bsuid.clone(), contact);
        }
    }

    fn matching(&self, person: &Person) -> Option<&Person> {
        let by_phone = person.phone.and_then(|phone| self.by_phone.get(&phone)?.as_ref());
        let by_bsuid = || self.by_bsuid.get(person.bsuid.as_ref()?)?.as_ref();
        by_phone.or_else(by_bsuid).filter(|contact| self.is_unambiguous(contact) && agree(person, contact))
    }

    fn is_unambiguous(&self, contact: &Person) -> bool {
        let phone_is_its_own =
            contact.phone.is_none_or(|phone| matches!(self.by_phone.get(&phone), Some(Some(_))));
        let bsuid_is_its_own =
            contact.bsuid.as_ref().is_none_or(|bsuid| matches!(self.by_bsuid.get(bsuid), Some(Some(_))));
        phone_is_its_own && bsuid_is_its_own
    }
}

/// Whether nothing that both state differs.
fn agree(a: &Person, b: &Person) -> bool {
    fn same<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
        a.is_none() || b.is_none() || a == b
    }
    same(a.phone.as_ref(), b.phone.as_ref())
        && same(a.bsuid.as_ref(), b.bsuid.as_ref())
        && same(a.parent_bsuid.as_ref(), b.parent_bsuid.as_ref())
}
