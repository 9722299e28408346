//! The second layer: everything, in the order of the policy's clauses.

use crate::file::{Category, ContinuedUse, ForbiddenPattern, Purpose, Recipient, Right};
use crate::notice::compose::{Composer, section};
use crate::notice::document::{Block, Fact, Part, Section};
use crate::notice::phrases::{fill, word};
use crate::notice::sending;
use crate::retention::{Ground, RetentionCalendar};

pub(super) fn sections(composer: &Composer<'_>) -> Vec<Section> {
    vec![
        introduction(composer),
        collection(composer),
        usage(composer),
        sharing(composer),
        security(composer),
        retention(composer),
        rights(composer),
        updates(composer),
        section("contact", &composer.phrases.contact, vec![Block::Facts(composer.contact())]),
    ]
}

fn introduction(composer: &Composer<'_>) -> Section {
    let text = Block::Paragraph(composer.text(&composer.policy.introduction));
    section("introduction", &composer.phrases.introduction, vec![text, Block::Facts(composer.identity())])
}

fn collection(composer: &Composer<'_>) -> Section {
    let parts = composer.policy.categories.iter().map(|(name, category)| Part {
        heading: composer.text(&category.label),
        blocks: composer
            .paragraph(&category.description)
            .into_iter()
            .chain([Block::Facts(category_facts(composer, name, category))])
            .collect(),
    });
    Section { parts: parts.collect(), ..section("collection", &composer.phrases.collection, Vec::new()) }
}

fn category_facts(
    composer: &Composer<'_>,
    name: &wzapi_model::name::DataCategory,
    category: &Category,
) -> Vec<Fact> {
    let phrases = composer.phrases;
    let purposes = composer.policy.purposes_of(name).cloned().collect();
    let mut facts = vec![Fact::text(&phrases.subjects, composer.words(&phrases.subject, &category.subjects))];
    if !category.sources.is_empty() {
        facts.push(Fact::text(&phrases.sources, composer.words(&phrases.source, &category.sources)));
    }
    facts.push(Fact::text(&phrases.purposes, composer.purpose_labels(&purposes)));
    if !category.forbidden.is_empty() {
        facts.push(never_stored(composer, category));
    }
    facts.extend(filed(composer, name));
    if category.keep_history {
        facts.push(Fact::text(&phrases.history, phrases.history_text.clone()));
    }
    if let Some(rule) = category.ip_truncation {
        let (v4, v6) = rule.kept_bits();
        let values = [("v4", &*v4.to_string()), ("v6", &*v6.to_string())];
        facts.push(Fact::text(&phrases.ip_truncation, fill(&phrases.ip_truncation_text, &values)));
    }
    facts
}

/// The values that are refused, on one line while none of them is described.
fn never_stored(composer: &Composer<'_>, category: &Category) -> Fact {
    let phrases = composer.phrases;
    let mut is_described = false;
    let lines: Vec<String> = category
        .forbidden
        .iter()
        .map(|pattern| match pattern {
            ForbiddenPattern::BuiltIn(pattern) => word(&phrases.forbidden, *pattern),
            ForbiddenPattern::Named(name) => {
                let declared = composer.policy.patterns.get(name);
                let label = declared.map(|pattern| composer.text(&pattern.label)).unwrap_or_default();
                match declared.and_then(|pattern| pattern.description.as_ref()) {
                    Some(description) => {
                        is_described = true;
                        format!("{label}: {}", composer.text(description))
                    }
                    None => label,
                }
            }
        })
        .collect();
    if is_described {
        Fact::lines(&phrases.never_stored, lines)
    } else {
        Fact::text(&phrases.never_stored, lines.join(", "))
    }
}

/// What webhooks bring into the category, and for which of its purposes.
fn filed(composer: &Composer<'_>, name: &wzapi_model::name::DataCategory) -> Option<Fact> {
    let phrases = composer.phrases;
    let lines: Vec<String> = composer
        .policy
        .webhooks
        .iter()
        .filter(|(_, filing)| filing.category == *name)
        .map(|(content, filing)| {
            let content = word(&phrases.webhook_content, *content);
            let purposes = composer.purpose_labels(&filing.purposes);
            fill(&phrases.filed_text, &[("content", &*content), ("purposes", &*purposes)])
        })
        .collect();
    (!lines.is_empty()).then(|| Fact::lines(&phrases.filed, lines))
}

fn usage(composer: &Composer<'_>) -> Section {
    let parts = composer.policy.purposes.values().map(|purpose| Part {
        heading: composer.text(&purpose.label),
        blocks: composer
            .paragraph(&purpose.description)
            .into_iter()
            .chain([Block::Facts(purpose_facts(composer, purpose))])
            .collect(),
    });
    let parts = parts.chain(sending::limits(composer));
    Section { parts: parts.collect(), ..section("usage", &composer.phrases.usage, Vec::new()) }
}

fn purpose_facts(composer: &Composer<'_>, purpose: &Purpose) -> Vec<Fact> {
    let phrases = composer.phrases;
    let bases = purpose.basis.iter().filter(|(regime, _)| composer.policy.regimes.contains_key(regime)).map(
        |(regime, basis)| format!("{}: {}", composer.regime(*regime), word(&phrases.basis_words, *basis)),
    );
    let mut facts = vec![
        Fact::lines(&phrases.basis, bases.collect()),
        Fact::text(&phrases.data_used, composer.category_labels(&purpose.categories)),
    ];
    facts.extend(purpose.interest.iter().map(|text| Fact::text(&phrases.interest, composer.text(text))));
    if !purpose.messages.is_empty() {
        facts.push(Fact::text(&phrases.messages, composer.words(&phrases.message, &purpose.messages)));
    }
    if !purpose.withdrawal.is_empty() {
        let methods = purpose.withdrawal.iter().map(|method| word(&phrases.withdrawal_method, *method));
        facts.push(Fact::lines(&phrases.withdrawal, methods.collect()));
    }
    facts.extend(sending::consent_facts(composer, purpose));
    facts
}

fn sharing(composer: &Composer<'_>) -> Section {
    let phrases = composer.phrases;
    let second =
        if composer.policy.recipients.is_empty() { &phrases.nobody } else { &phrases.shared_under_agreement };
    let blocks = vec![Block::Paragraph(phrases.no_sale.clone()), Block::Paragraph(second.clone())];
    let recipients = composer.policy.recipients.values().map(|recipient| Part {
        heading: composer.text(&recipient.label),
        blocks: vec![Block::Facts(recipient_facts(composer, recipient))],
    });
    let demand = Part {
        heading: phrases.legal_disclosure.clone(),
        blocks: vec![Block::Paragraph(composer.text(&composer.policy.legal_disclosure))],
    };
    Section { parts: recipients.chain([demand]).collect(), ..section("sharing", &phrases.sharing, blocks) }
}

fn recipient_facts(composer: &Composer<'_>, recipient: &Recipient) -> Vec<Fact> {
    let phrases = composer.phrases;
    let countries: Vec<&str> = recipient.countries.iter().map(|country| country.as_str()).collect();
    let mut facts = vec![
        Fact::text(&phrases.kind, word(&phrases.recipient_kind, recipient.kind)),
        Fact::text(&phrases.role, word(&phrases.role_words, recipient.role)),
    ];
    if let Some(agreement) = &recipient.agreement {
        facts.push(Fact::text(&phrases.data_used, composer.category_labels(&agreement.categories)));
        facts.push(Fact::text(&phrases.purposes, composer.purpose_labels(&agreement.purposes)));
        facts.push(Fact::text(&phrases.onward, word(&phrases.onward_words, agreement.onward)));
    }
    facts.push(Fact::text(&phrases.countries, countries.join(", ")));
    if !recipient.transfer.is_empty() {
        let bases = recipient.transfer.iter().map(|(regime, basis)| {
            format!("{}: {}", composer.regime(*regime), word(&phrases.transfer_basis, *basis))
        });
        facts.push(Fact::lines(&phrases.transfer, bases.collect()));
    }
    facts
}

fn security(composer: &Composer<'_>) -> Section {
    let measures = composer.policy.security.values().map(|measure| Part {
        heading: composer.text(&measure.label),
        blocks: composer.paragraph(&measure.description).into_iter().collect(),
    });
    let mut parts: Vec<Part> = measures.collect();
    if !composer.policy.duties.is_empty() {
        let duties = composer.policy.duties.values().map(|text| composer.text(text)).collect();
        parts.push(Part { heading: composer.phrases.duties.clone(), blocks: vec![Block::List(duties)] });
    }
    Section { parts, ..section("security", &composer.phrases.security, Vec::new()) }
}

fn retention(composer: &Composer<'_>) -> Section {
    let phrases = composer.phrases;
    let facts = composer.policy.categories.values().map(|category| {
        let grounds = category.retention.iter().collect::<std::collections::BTreeSet<_>>();
        let lines = grounds.into_iter().map(|ground| ground_line(composer, ground)).collect();
        Fact::lines(&composer.text(&category.label), lines)
    });
    let blocks = vec![
        Block::Paragraph(phrases.retention_intro.clone()),
        Block::Facts(facts.collect()),
        Block::Paragraph(phrases.restricted.clone()),
    ];
    section("retention", &phrases.retention, blocks)
}

fn ground_line(composer: &Composer<'_>, ground: &Ground) -> String {
    let phrases = composer.phrases;
    let trigger = word(&phrases.trigger, ground.trigger);
    let values = [("trigger", trigger.as_str())];
    let from = match ground.calendar {
        RetentionCalendar::Anniversary => trigger.clone(),
        RetentionCalendar::CalendarYearEnd => fill(&phrases.from_calendar_year_end, &values),
        RetentionCalendar::FinancialYearEnd { .. } => fill(&phrases.from_financial_year_end, &values),
        RetentionCalendar::ReturnDueDate { .. } => fill(&phrases.from_return_due_date, &values),
    };
    let kind = word(&phrases.ground_kind, ground.kind);
    let values = [("kind", &*kind), ("period", &*phrases.period(ground.period)), ("from", &*from)];
    let mut line = fill(&phrases.ground, &values);
    if let Some(after) = ground.after_proceedings {
        line.push_str(", ");
        line.push_str(&fill(&phrases.after_proceedings, &[("period", &phrases.period(after))]));
    }
    if let Some(citation) = &ground.citation {
        line.push_str(&format!(" ({citation})"));
    }
    line
}

fn rights(composer: &Composer<'_>) -> Section {
    let (policy, phrases) = (composer.policy, composer.phrases);
    let team = composer.text(&policy.contact.team);
    let intro = fill(&phrases.rights_intro, &[("team", &*team), ("email", &*policy.contact.email)]);
    let parts = policy.rights.values().map(|right| Part {
        heading: composer.text(&right.label),
        blocks: composer
            .paragraph(&right.description)
            .into_iter()
            .chain([Block::Facts(right_facts(composer, right))])
            .collect(),
    });
    Section { parts: parts.collect(), ..section("rights", &phrases.rights, vec![Block::Paragraph(intro)]) }
}

fn right_facts(composer: &Composer<'_>, right: &Right) -> Vec<Fact> {
    let phrases = composer.phrases;
    let mut facts = vec![Fact::text(&phrases.ask, composer.words(&phrases.ask_via, &right.ask))];
    let in_force = |regime: &crate::regimes::Regime| composer.policy.regimes.contains_key(regime);
    let times: Vec<String> = right
        .answer_within
        .iter()
        .filter(|(regime, _)| in_force(regime))
        .map(|(regime, period)| format!("{}: {}", composer.regime(*regime), phrases.period(*period)))
        .collect();
    let provisions: Vec<String> = right
        .citations
        .iter()
        .filter(|(regime, _)| in_force(regime))
        .map(|(regime, text)| format!("{}: {text}", composer.regime(*regime)))
        .collect();
    for (term, lines) in [(&phrases.answer_within, times), (&phrases.provision, provisions)] {
        if !lines.is_empty() {
            facts.push(Fact::lines(term, lines));
        }
    }
    facts
}

fn updates(composer: &Composer<'_>) -> Section {
    let (rules, phrases) = (&composer.policy.notices, composer.phrases);
    let channels = composer.words(&phrases.channel, &rules.channels);
    let period = phrases.period(rules.material_change_notice);
    let announced = fill(&phrases.announced, &[("period", &*period), ("channels", &*channels)]);
    let mut blocks = vec![Block::Paragraph(announced)];
    match rules.continued_use {
        ContinuedUse::AcceptsTerms => blocks.push(Block::Paragraph(phrases.continued_accepts.clone())),
        ContinuedUse::MeansNothing => {}
    }
    blocks.push(Block::Paragraph(phrases.never_consent.clone()));
    section("updates", &phrases.updates, blocks)
}
