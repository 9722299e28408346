//! Differences by meaning: every single edit is found and classified (policy clauses 8.a and 8.b).

use std::sync::LazyLock;

use proptest::prelude::*;
use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;
use wzapi_policy::Policy;
use wzapi_policy::canonical::ContentHash;
use wzapi_policy::difference::{ChangeKind, Direction, diff};
use wzapi_policy::file::{
    AskVia, BuiltInPattern, Category, ContinuedUse, DataSource, ForbiddenPattern, IpTruncation,
    NoticeChannel, OnwardSharing, PolicyFile, Purpose, Recipient, RecipientKind, RecipientRole, Right,
    SecurityMeasure, SubjectKind, TransferBasis, WebhookContent, WithdrawalMethod,
};
use wzapi_policy::language::{Language, Translated};
use wzapi_policy::period::Period;
use wzapi_policy::regimes::{Regime, RegimeInForce};
use wzapi_policy::retention::{Ground, GroundKind, RetentionCalendar, Trigger};

use crate::support::{WZAPI, edited, policy};

/// The policy of wzapi, which also names a pattern.
static BASE: LazyLock<Policy> = LazyLock::new(|| {
    let labels: String = ["en", "hi", "pt", "es"].map(|code| format!("label.{code} = \"x\"\n")).concat();
    let forbids =
        edited(WZAPI, "forbidden = [\"card_number\"]", "forbidden = [\"card_number\", \"passport_number\"]");
    policy(&format!("{forbids}\n[patterns.passport_number]\n{labels}pattern = '[A-Z][0-9]{{7}}'\n"))
});

use ChangeKind as Kind;
use Direction::{AgainstPerson, Editorial, Favourable};

/// Changes the file somewhere, by the numbers that choose where; `false` when there is nothing to change there.
type Edit = fn(&mut PolicyFile, usize) -> bool;

fn pick<K: Ord, V>(map: &mut std::collections::BTreeMap<K, V>, at: usize) -> &mut V {
    let length = map.len();
    map.values_mut().nth(at % length).unwrap()
}

fn category(file: &mut PolicyFile, at: usize) -> &mut Category {
    pick(&mut file.categories, at)
}

fn purpose(file: &mut PolicyFile, at: usize) -> &mut Purpose {
    pick(&mut file.purposes, at)
}

fn recipient(file: &mut PolicyFile, at: usize) -> &mut Recipient {
    pick(&mut file.recipients, at)
}

fn right(file: &mut PolicyFile, at: usize) -> &mut Right {
    pick(&mut file.rights, at)
}

fn remove_one<K: Ord + Clone, V>(map: &mut std::collections::BTreeMap<K, V>, at: usize) -> bool {
    let key = map.keys().nth(at % map.len()).cloned().unwrap();
    map.remove(&key).is_some()
}

/// Puts the value into the set, or takes it out, whichever is possible; says whether it was put in.
fn drop_one<T: Ord + Clone>(set: &mut std::collections::BTreeSet<T>, at: usize) -> bool {
    if set.is_empty() {
        return false;
    }
    let value = set.iter().nth(at % set.len()).cloned().unwrap();
    set.remove(&value)
}

fn reworded(text: &mut Translated) -> bool {
    text.0.insert(Language::English, "Other words".to_owned());
    true
}

fn longer(period: Period) -> Period {
    match period {
        Period::Days(days) => Period::Days(days + 1),
        Period::Months(months) => Period::Months(months + 1),
        Period::Years(years) => Period::Years(years + 1),
    }
}

fn shorter(period: Period) -> Period {
    match period {
        Period::Days(days) => Period::Days(days - 1),
        Period::Months(months) => Period::Months(months - 1),
        Period::Years(years) => Period::Years(years - 1),
    }
}

fn ground(file: &mut PolicyFile, at: usize) -> &mut Ground {
    let grounds = &mut category(file, at).retention;
    let length = grounds.len();
    &mut grounds[(at / 7) % length]
}

const EDITS: &[(&str, ChangeKind, Direction, Edit)] = &[
    ("title", Kind::Wording, Editorial, |file, _| reworded(&mut file.title)),
    ("introduction", Kind::Wording, Editorial, |file, _| reworded(&mut file.introduction)),
    ("legal disclosure", Kind::Wording, Editorial, |file, _| reworded(&mut file.legal_disclosure)),
    ("label of a category", Kind::Wording, Editorial, |file, at| reworded(&mut category(file, at).label)),
    ("description of a purpose", Kind::Wording, Editorial, |file, at| {
        purpose(file, at).description.as_mut().is_some_and(reworded)
    }),
    ("interest", Kind::Wording, Editorial, |file, at| {
        purpose(file, at).interest.as_mut().is_some_and(reworded)
    }),
    ("duty", Kind::Wording, Editorial, |file, at| reworded(pick(&mut file.duties, at))),
    ("team", Kind::Wording, Editorial, |file, _| reworded(&mut file.contact.team)),
    ("effective", Kind::EffectiveDate, Editorial, |file, at| {
        file.effective += chrono::Duration::days(1 + at as i64 % 999);
        true
    }),
    ("supersedes", Kind::Predecessor, Editorial, |file, _| {
        file.supersedes = Some(ContentHash::of(file));
        true
    }),
    ("offset", Kind::DayCount, Editorial, |file, _| {
        file.utc_offset = "-03:00".parse().unwrap();
        true
    }),
    ("a language less", Kind::Language, AgainstPerson, |file, at| {
        file.languages.remove(at % file.languages.len());
        true
    }),
    ("another default language", Kind::Language, Editorial, |file, _| {
        file.languages.swap(0, 1);
        true
    }),
    ("controller", Kind::Identity, AgainstPerson, |file, _| {
        file.controller.name.push('!');
        true
    }),
    ("no operator", Kind::Identity, AgainstPerson, |file, _| file.controller.operator.take().is_some()),
    ("e-mail", Kind::Contact, Editorial, |file, _| {
        file.contact.email = "help@ttmsg.com".to_owned();
        true
    }),
    ("no phone", Kind::Contact, AgainstPerson, |file, _| file.contact.phone.take().is_some()),
    ("a regime more", Kind::Regime, Favourable, |file, _| {
        let regime =
            RegimeInForce { laws: Default::default(), financial_year_starts: None, consent_age: None };
        file.regimes.insert(Regime::Brazil, regime).is_none()
    }),
    ("a regime less", Kind::Regime, AgainstPerson, |file, at| remove_one(&mut file.regimes, at)),
    ("a law more", Kind::Regime, Favourable, |file, at| {
        pick(&mut file.regimes, at).laws.insert("x".to_owned())
    }),
    ("a law less", Kind::Regime, AgainstPerson, |file, at| {
        drop_one(&mut pick(&mut file.regimes, at).laws, at)
    }),
    ("financial year", Kind::Regime, Editorial, |file, at| {
        pick(&mut file.regimes, at).financial_year_starts = Some(wzapi_policy::period::Month::JANUARY);
        true
    }),
    ("a category more", Kind::Category, AgainstPerson, |file, at| {
        let copy = category(file, at).clone();
        file.categories.insert("fingerprint".parse().unwrap(), copy).is_none()
    }),
    ("a category less", Kind::Category, Favourable, |file, at| remove_one(&mut file.categories, at)),
    ("subjects more", Kind::Subject, AgainstPerson, |file, at| {
        let subjects = &mut category(file, at).subjects;
        subjects.insert(SubjectKind::EndUser) || subjects.insert(SubjectKind::Customer)
    }),
    ("subjects less", Kind::Subject, Favourable, |file, at| drop_one(&mut category(file, at).subjects, at)),
    ("a source more", Kind::Source, AgainstPerson, |file, at| {
        category(file, at).sources.insert(DataSource::Device)
    }),
    ("a source less", Kind::Source, Favourable, |file, at| drop_one(&mut category(file, at).sources, at)),
    ("a value refused more", Kind::ForbiddenValue, Favourable, |file, at| {
        category(file, at).forbidden.insert(ForbiddenPattern::BuiltIn(BuiltInPattern::CardNumber))
    }),
    ("a value refused less", Kind::ForbiddenValue, AgainstPerson, |file, at| {
        drop_one(&mut category(file, at).forbidden, at)
    }),
    ("another pattern besides", Kind::ForbiddenValue, Favourable, |file, at| {
        let copy = pick(&mut file.patterns, at).clone();
        file.patterns.insert("iban".parse().unwrap(), copy).is_none()
    }),
    ("a pattern that is forbidden, gone", Kind::ForbiddenValue, AgainstPerson, |file, at| {
        remove_one(&mut file.patterns, at)
    }),
    ("another expression", Kind::ForbiddenValue, AgainstPerson, |file, at| {
        pick(&mut file.patterns, at).pattern.push('x');
        true
    }),
    ("label of a pattern", Kind::Wording, Editorial, |file, at| {
        reworded(&mut pick(&mut file.patterns, at).label)
    }),
    ("history begins", Kind::History, AgainstPerson, |file, at| {
        !std::mem::replace(&mut category(file, at).keep_history, true)
    }),
    ("history ends", Kind::History, Favourable, |file, at| {
        std::mem::replace(&mut category(file, at).keep_history, false)
    }),
    ("webhook content dropped", Kind::Filing, Favourable, |file, at| remove_one(&mut file.webhooks, at)),
    ("webhook content filed elsewhere", Kind::Filing, AgainstPerson, |file, at| {
        let filing = pick(&mut file.webhooks, at);
        filing.category = "usage_patterns".parse().unwrap();
        true
    }),
    ("webhook content for a purpose more", Kind::Filing, AgainstPerson, |file, at| {
        pick(&mut file.webhooks, at).purposes.insert("marketing".parse().unwrap())
    }),
    ("webhook content for a purpose less", Kind::Filing, Favourable, |file, at| {
        drop_one(&mut pick(&mut file.webhooks, at).purposes, at)
    }),
    ("truncation begins", Kind::IpTruncation, Favourable, |file, at| {
        let truncation = &mut category(file, at).ip_truncation;
        truncation.is_none() && truncation.replace(IpTruncation::new(24, 48).unwrap()).is_none()
    }),
    ("truncation ends", Kind::IpTruncation, AgainstPerson, |file, at| {
        category(file, at).ip_truncation.take().is_some()
    }),
    ("truncation keeps more", Kind::IpTruncation, AgainstPerson, |file, at| {
        let truncation = &mut category(file, at).ip_truncation;
        truncation.is_some() && truncation.replace(IpTruncation::new(32, 48).unwrap()).is_some()
    }),
    ("truncation keeps less", Kind::IpTruncation, Favourable, |file, at| {
        let truncation = &mut category(file, at).ip_truncation;
        truncation.is_some() && truncation.replace(IpTruncation::new(16, 48).unwrap()).is_some()
    }),
    ("record kinds", Kind::RecordKind, Editorial, |file, at| {
        category(file, at).record_kinds.insert("x".to_owned())
    }),
    ("vocabulary", Kind::RecordKind, Editorial, |file, at| {
        category(file, at).dpv = Some("pd:Identifier".to_owned());
        true
    }),
    ("retention longer", Kind::Retention, AgainstPerson, |file, at| {
        let ground = ground(file, at);
        ground.period = longer(ground.period);
        true
    }),
    ("retention shorter", Kind::Retention, Favourable, |file, at| {
        let ground = ground(file, at);
        ground.period = shorter(ground.period);
        true
    }),
    ("retention to the end of the year", Kind::Retention, AgainstPerson, |file, at| {
        let ground = ground(file, at);
        let was = ground.calendar;
        ground.calendar = RetentionCalendar::CalendarYearEnd;
        was == RetentionCalendar::Anniversary
    }),
    ("proceedings prolong", Kind::Retention, AgainstPerson, |file, at| {
        let ground = ground(file, at);
        ground.after_proceedings.is_none() && ground.after_proceedings.replace(Period::Years(1)).is_none()
    }),
    ("a ground more", Kind::Retention, AgainstPerson, |file, at| {
        let mut copy = ground(file, at).clone();
        copy.trigger = Trigger::IncidentRecorded;
        category(file, at).retention.push(copy);
        true
    }),
    ("a ground less", Kind::Retention, Favourable, |file, at| category(file, at).retention.pop().is_some()),
    ("the same time in another unit", Kind::Citation, Editorial, |file, at| {
        let ground = ground(file, at);
        let same = match ground.period {
            Period::Months(months) if months % 12 == 0 => Some(Period::Years(months / 12)),
            Period::Years(years) => Some(Period::Months(years * 12)),
            _ => None,
        };
        ground.period = same.unwrap_or(ground.period);
        same.is_some()
    }),
    ("another citation", Kind::Citation, Editorial, |file, at| {
        let ground = ground(file, at);
        ground.citation = Some("another law".to_owned());
        true
    }),
    ("a service ground made legal", Kind::Retention, AgainstPerson, |file, at| {
        let ground = ground(file, at);
        let was = ground.kind;
        ground.kind = GroundKind::Legal;
        was == GroundKind::Service
    }),
    ("a purpose more", Kind::Purpose, AgainstPerson, |file, at| {
        let copy = purpose(file, at).clone();
        file.purposes.insert("profiling".parse().unwrap(), copy).is_none()
    }),
    ("a purpose less", Kind::Purpose, Favourable, |file, at| remove_one(&mut file.purposes, at)),
    ("a basis instead of consent", Kind::Basis, AgainstPerson, |file, at| {
        purpose(file, at).basis.insert(Regime::India, LegalBasis::VitalInterests).is_some()
    }),
    ("consent instead of another basis", Kind::Basis, Favourable, |file, at| {
        let was = purpose(file, at).basis.insert(Regime::Eu, LegalBasis::Consent);
        was.is_some_and(|was| was != LegalBasis::Consent)
    }),
    ("a basis less", Kind::Basis, AgainstPerson, |file, at| {
        purpose(file, at).basis.remove(&Regime::Eu).is_some()
    }),
    ("a basis for a regime that is not in force", Kind::Basis, Editorial, |file, at| {
        purpose(file, at).basis.insert(Regime::Uk, LegalBasis::Contract).is_none()
    }),
    ("data used more", Kind::DataUse, AgainstPerson, |file, at| {
        purpose(file, at).categories.insert("usage_patterns".parse().unwrap())
    }),
    ("data used less", Kind::DataUse, Favourable, |file, at| drop_one(&mut purpose(file, at).categories, at)),
    ("messages more", Kind::Message, AgainstPerson, |file, at| {
        purpose(file, at).messages.insert(MessageCategory::Marketing)
    }),
    ("messages less", Kind::Message, Favourable, |file, at| drop_one(&mut purpose(file, at).messages, at)),
    ("withdrawal more", Kind::Withdrawal, Favourable, |file, at| {
        purpose(file, at).withdrawal.insert(WithdrawalMethod::Link)
    }),
    ("withdrawal less", Kind::Withdrawal, AgainstPerson, |file, at| {
        drop_one(&mut purpose(file, at).withdrawal, at)
    }),
    ("a recipient more", Kind::Recipient, AgainstPerson, |file, at| {
        let copy = recipient(file, at).clone();
        file.recipients.insert("partner".to_owned(), copy).is_none()
    }),
    ("a recipient less", Kind::Recipient, Favourable, |file, at| remove_one(&mut file.recipients, at)),
    ("another kind of recipient", Kind::Recipient, AgainstPerson, |file, at| {
        recipient(file, at).kind = RecipientKind::Analytics;
        true
    }),
    ("a recipient on its own account", Kind::Recipient, AgainstPerson, |file, at| {
        recipient(file, at).role = RecipientRole::Controller;
        true
    }),
    ("a country more", Kind::Transfer, AgainstPerson, |file, at| {
        recipient(file, at).countries.insert("SG".parse().unwrap())
    }),
    ("a country less", Kind::Transfer, Favourable, |file, at| {
        drop_one(&mut recipient(file, at).countries, at)
    }),
    ("another basis of transfer", Kind::Transfer, AgainstPerson, |file, at| {
        recipient(file, at).transfer.insert(Regime::Eu, TransferBasis::Derogation).is_some()
    }),
    ("no basis of transfer", Kind::Transfer, AgainstPerson, |file, at| {
        recipient(file, at).transfer.pop_first().is_some()
    }),
    ("a basis of transfer more", Kind::Transfer, Favourable, |file, at| {
        recipient(file, at).transfer.insert(Regime::Uk, TransferBasis::Adequacy).is_none()
    }),
    ("agreement over more data", Kind::Agreement, AgainstPerson, |file, at| {
        recipient(file, at).agreement.as_mut().unwrap().categories.insert("fingerprint".parse().unwrap())
    }),
    ("agreement over less data", Kind::Agreement, Favourable, |file, at| {
        drop_one(&mut recipient(file, at).agreement.as_mut().unwrap().categories, at)
    }),
    ("agreement for more purposes", Kind::Agreement, AgainstPerson, |file, at| {
        recipient(file, at).agreement.as_mut().unwrap().purposes.insert("profiling".parse().unwrap())
    }),
    ("agreement for fewer purposes", Kind::Agreement, Favourable, |file, at| {
        drop_one(&mut recipient(file, at).agreement.as_mut().unwrap().purposes, at)
    }),
    ("agreement ends", Kind::Agreement, Favourable, |file, at| {
        recipient(file, at).agreement.as_mut().unwrap().until = "2030-01-01".parse().ok();
        true
    }),
    ("agreement reference", Kind::Agreement, Editorial, |file, at| {
        recipient(file, at).agreement.as_mut().unwrap().reference.push('2');
        true
    }),
    ("onward sharing wider", Kind::Agreement, AgainstPerson, |file, at| {
        let onward = &mut recipient(file, at).agreement.as_mut().unwrap().onward;
        std::mem::replace(onward, OnwardSharing::SameTerms) == OnwardSharing::Nobody
    }),
    ("onward sharing narrower", Kind::Agreement, Favourable, |file, at| {
        let onward = &mut recipient(file, at).agreement.as_mut().unwrap().onward;
        std::mem::replace(onward, OnwardSharing::Nobody) == OnwardSharing::SameTerms
    }),
    ("no agreement", Kind::Agreement, AgainstPerson, |file, at| {
        recipient(file, at).agreement.take().is_some()
    }),
    ("no confidentiality", Kind::Other, AgainstPerson, |file, at| {
        recipient(file, at).agreement.as_mut().unwrap().confidentiality = false;
        true
    }),
    ("a right less", Kind::Right, AgainstPerson, |file, at| remove_one(&mut file.rights, at)),
    ("a way to ask more", Kind::Right, Favourable, |file, at| right(file, at).ask.insert(AskVia::WhatsApp)),
    ("a way to ask less", Kind::Right, AgainstPerson, |file, at| drop_one(&mut right(file, at).ask, at)),
    ("answers later", Kind::Right, AgainstPerson, |file, at| {
        let within = right(file, at).answer_within.values_mut().next().unwrap();
        *within = longer(*within);
        true
    }),
    ("answers sooner", Kind::Right, Favourable, |file, at| {
        let within = right(file, at).answer_within.values_mut().next().unwrap();
        *within = shorter(*within);
        true
    }),
    ("no promise", Kind::Right, AgainstPerson, |file, at| {
        right(file, at).answer_within.pop_first().is_some()
    }),
    ("a promise in a unit that cannot be compared", Kind::Right, AgainstPerson, |file, at| {
        let within = right(file, at).answer_within.values_mut().next().unwrap();
        std::mem::replace(within, Period::Days(29)) == Period::Months(1)
    }),
    ("a provision", Kind::Citation, Editorial, |file, at| {
        right(file, at).citations.insert(Regime::Uk, "x".to_owned()).is_none()
    }),
    ("a measure more", Kind::Security, Favourable, |file, _| {
        let measure = SecurityMeasure { label: Translated::default(), description: None };
        file.security.insert("locks".to_owned(), measure).is_none()
    }),
    ("a measure less", Kind::Security, AgainstPerson, |file, at| remove_one(&mut file.security, at)),
    ("a duty more", Kind::Duty, AgainstPerson, |file, _| {
        file.duties.insert("loyalty".to_owned(), Translated::default()).is_none()
    }),
    ("a duty less", Kind::Duty, Favourable, |file, at| remove_one(&mut file.duties, at)),
    ("notice later", Kind::Notice, AgainstPerson, |file, _| {
        file.notices.material_change_notice = shorter(file.notices.material_change_notice);
        true
    }),
    ("notice earlier", Kind::Notice, Favourable, |file, _| {
        file.notices.material_change_notice = longer(file.notices.material_change_notice);
        true
    }),
    ("a channel less", Kind::Notice, AgainstPerson, |file, _| {
        file.notices.channels.remove(&NoticeChannel::Email)
    }),
    ("continued use means nothing", Kind::Notice, Favourable, |file, _| {
        file.notices.continued_use = ContinuedUse::MeansNothing;
        true
    }),
];

#[test]
fn clause_8_b_every_sort_of_edit_is_classified_somewhere() {
    let base = &*BASE;
    for (name, kind, direction, edit) in EDITS {
        let hit = (0..400).find_map(|at| {
            let mut changed = (**base).clone();
            edit(&mut changed, at).then_some(changed)
        });
        let changed = hit.unwrap_or_else(|| panic!("{name}: nothing to change"));
        let difference = diff(base, &changed);
        assert!(
            difference.changes.iter().any(|change| change.kind == *kind && change.direction == *direction),
            "{name}: {:?}",
            difference.changes
        );
    }
}

/// The opposite edit gives the opposite direction, where there is one.
#[test]
fn clause_8_b_what_is_new_for_one_is_gone_for_the_other() {
    let base = &*BASE;
    for (name, kind, direction, edit) in EDITS {
        let mut changed = (**base).clone();
        if !edit(&mut changed, 1) {
            continue;
        }
        let back = diff(&changed, base);
        let is_added_or_removed = name.ends_with(" more") || name.ends_with(" less");
        // A basis is against the person whether it comes or goes, as long as its regime stays.
        if is_added_or_removed && *direction != Editorial && *kind != Kind::Basis && *kind != Kind::Transfer {
            let opposite = if *direction == Favourable { AgainstPerson } else { Favourable };
            assert!(
                back.changes.iter().any(|change| change.kind == *kind && change.direction == opposite),
                "{name}"
            );
        }
    }
}

proptest! {
    #[test]
    fn clause_8_b_any_single_edit_is_found_and_classified(which in 0..EDITS.len(), at in any::<u32>()) {
        let (name, kind, direction, edit) = &EDITS[which];
        let base = &*BASE;
        let mut changed = (**base).clone();
        prop_assume!(edit(&mut changed, at as usize));
        let difference = diff(base, &changed);
        let is_same = ContentHash::of(base) == ContentHash::of(&changed);
        prop_assert_eq!(difference.changes.is_empty(), is_same, "{}", name);
        prop_assume!(!is_same);
        for change in &difference.changes {
            prop_assert_eq!(change.is_material, change.direction == AgainstPerson);
        }
        let found = difference.changes.iter().any(|change| change.kind == *kind && change.direction == *direction);
        prop_assert!(found, "{}: {:?}", name, difference.changes);
        if *direction == AgainstPerson {
            prop_assert!(difference.material);
        } else {
            // A single edit is one change, or several of one direction; a changed list of grounds may show both.
            prop_assert!(difference.changes.iter().all(|change| change.direction == *direction), "{}: {:?}", name, difference.changes);
        }
    }
}

#[test]
fn clause_8_b_content_of_webhooks_that_was_dropped_and_is_filed_now_is_material() {
    let mut dropped = (**BASE).clone();
    dropped.webhooks.remove(&WebhookContent::MessageContent);
    let difference = diff(&dropped, &BASE);
    assert!(difference.material);
    assert_eq!(difference.changes.len(), 1);
    assert_eq!(difference.changes[0].path, "webhooks.message_content");
}

#[test]
fn a_pattern_that_no_category_forbade_goes_without_notice() {
    let mut unused = (**BASE).clone();
    for category in unused.categories.values_mut() {
        category.forbidden.retain(|pattern| pattern.as_str() != "passport_number");
    }
    let mut gone = unused.clone();
    gone.patterns.clear();
    assert!(!diff(&unused, &gone).material);
    assert!(diff(&BASE, &unused).material);
}

#[test]
fn clause_8_a_a_difference_as_json_has_the_documented_fields() {
    let old = policy(WZAPI);
    let new = policy(&edited(
        WZAPI,
        "material_change_notice = \"30 days\"",
        "material_change_notice = \"10 days\"",
    ));
    let json = serde_json::to_value(diff(&old, &new)).unwrap();
    assert_eq!(json["material"], true);
    let change = &json["changes"][0];
    assert_eq!(change["path"], "notices.material_change_notice");
    assert_eq!(change["kind"], "notice");
    assert_eq!(change["direction"], "against_person");
    assert_eq!(change["summary"], "`notices.material_change_notice` was `30 days` and is `10 days`");
}

#[test]
fn a_legal_floor_that_becomes_shorter_is_favourable() {
    let old = policy(WZAPI);
    let mut new = (*old).clone();
    let billing = new.categories.get_mut(&"billing_information".parse().unwrap()).unwrap();
    let ground = billing.retention.iter_mut().find(|ground| ground.kind == GroundKind::Legal).unwrap();
    ground.period = Period::Months(12);
    let difference = diff(&old, &new);
    assert!(!difference.material);
    assert_eq!(difference.changes.len(), 1);
}
