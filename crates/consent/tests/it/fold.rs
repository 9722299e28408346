//! The fold against a naive reference: a function over the raw list of acts, written from the rules in the module
//! documentation of `standing` and from nothing else.

use proptest::prelude::*;
use proptest::sample::Index;
use wzapi_consent::standing::{self, DenialCause, EffectiveAct, Standing};
use wzapi_model::Timestamp;
use wzapi_model::consent::{
    ChannelScope, ConsentAct, ConsentScope, ConsentState, Provenance, PurposeScope, Question, SenderScope,
};
use wzapi_model::ids::{EntryId, SenderId};
use wzapi_model::message::Channel;
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{GrantMark, Mark, NoticeMark, ScopeMarks};

use crate::support::{OTHER_SENDER, SENDER};

/// What the rules say about a list of acts: state, the act that decided it, and what is behind a denial.
pub(crate) fn naive_answer(
    acts: &[EffectiveAct],
    question: &Question<'_>,
    left_at: Option<Timestamp>,
    now: Timestamp,
) -> (ConsentState, Option<Mark>, Option<DenialCause>) {
    let covering: Vec<&EffectiveAct> = acts.iter().filter(|act| reaches(&act.scope, question)).collect();
    let of = |kind: ConsentAct| covering.iter().copied().filter(move |act| act.act == kind);
    let grants = |provenance: Provenance| {
        of(ConsentAct::Given)
            .filter(move |act| act.provenance == provenance)
            .filter(|act| left_at.is_none_or(|left| act.effective_at > left))
            .collect::<Vec<_>>()
    };
    let direct = grants(Provenance::Direct);
    let is_lifted =
        |denial: &EffectiveAct| direct.iter().any(|grant| grant.effective_at > denial.effective_at);
    let not_ended_by = |kind: ConsentAct, end: ConsentAct| {
        of(kind)
            .filter(|denial| !of(end).any(|end| end.effective_at > denial.effective_at))
            .collect::<Vec<_>>()
    };

    let own_way = [ConsentAct::PlatformStopped, ConsentAct::Doubted];
    let denials: Vec<_> =
        covering.iter().copied().filter(|act| act.act.is_denial() && !own_way.contains(&act.act)).collect();
    let stops = not_ended_by(ConsentAct::PlatformStopped, ConsentAct::PlatformResumed);
    let doubts = not_ended_by(ConsentAct::Doubted, ConsentAct::DoubtCleared);

    if let Some(denial) = latest(denials.iter().copied().filter(|denial| !is_lifted(denial))) {
        let state = match denial.act {
            ConsentAct::Refused => ConsentState::Refused,
            ConsentAct::Revoked => ConsentState::Revoked,
            ConsentAct::Invalidated => ConsentState::Invalidated,
            _ => ConsentState::Withdrawn,
        };
        return (state, Some(mark_of(denial)), Some(DenialCause::Act));
    }
    for (all, cause) in [(&stops, DenialCause::PlatformStop), (&doubts, DenialCause::Doubt)] {
        if let Some(denial) = latest(all.iter().copied().filter(|denial| !is_lifted(denial))) {
            return (ConsentState::Withdrawn, Some(mark_of(denial)), Some(cause));
        }
    }
    let mut counting = direct.clone();
    if denials.is_empty() && stops.is_empty() && doubts.is_empty() {
        counting.extend(grants(Provenance::Imported));
    }
    if let Some(newest) = counting.iter().map(|grant| grant.effective_at).max() {
        let end = |act: &EffectiveAct| act.expires_at.unwrap_or(Timestamp::MAX);
        let of_then = counting.into_iter().filter(|grant| grant.effective_at == newest);
        let deciding = of_then.min_by_key(|grant| (end(grant), std::cmp::Reverse(grant.entry))).unwrap();
        let is_over = deciding.expires_at.is_some_and(|end| end <= now);
        let state = if is_over { ConsentState::Expired } else { ConsentState::Given };
        return (state, Some(mark_of(deciding)), None);
    }
    match latest(of(ConsentAct::Requested)) {
        Some(request) => (ConsentState::Requested, Some(mark_of(request)), None),
        None => (ConsentState::Unknown, None, None),
    }
}

/// Whether a scope speaks to a question, said a second time.
fn reaches(scope: &ConsentScope, question: &Question<'_>) -> bool {
    (match &scope.purpose {
        PurposeScope::All => true,
        PurposeScope::Marketing => question.is_marketing,
        PurposeScope::One(purpose) => purpose.as_str() == question.purpose.as_str(),
    }) && [ChannelScope::All, ChannelScope::One(question.channel)].contains(&scope.channel)
        && (scope.sender == SenderScope::All || Some(scope.sender) == question.sender.map(SenderScope::One))
}

/// The grant that an answer says decided it, made from the act and not from the marks.
fn deciding_grant(acts: &[EffectiveAct], standing: &Standing) -> Option<GrantMark> {
    let decides = matches!(standing.state, ConsentState::Given | ConsentState::Expired);
    let act =
        acts.iter().find(|act| decides && Some(act.entry) == standing.because.map(|mark| mark.entry))?;
    let (mark, expires_at, notice) = (mark_of(act), act.expires_at, act.notice);
    Some(GrantMark { mark, expires_at, notice, by_guardian: act.by_guardian })
}

fn latest<'a>(acts: impl Iterator<Item = &'a EffectiveAct>) -> Option<&'a EffectiveAct> {
    acts.max_by_key(|act| (act.effective_at, act.entry))
}

const fn mark_of(act: &EffectiveAct) -> Mark {
    Mark { at: act.effective_at, entry: act.entry }
}

fn fold<'a>(acts: impl IntoIterator<Item = &'a EffectiveAct>) -> Vec<ScopeMarks> {
    let mut marks = Vec::new();
    acts.into_iter().for_each(|act| standing::apply(&mut marks, act));
    marks
}

fn moment(step: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + step).unwrap()
}

fn scope() -> impl Strategy<Value = ConsentScope> {
    let purpose = prop_oneof![
        3 => Just(PurposeScope::One(PurposeId::marketing())),
        1 => Just(PurposeScope::One(PurposeId::service_updates())),
        2 => Just(PurposeScope::Marketing),
        1 => Just(PurposeScope::All),
    ];
    let channel = prop_oneof![
        2 => Just(ChannelScope::All),
        2 => Just(ChannelScope::One(Channel::WhatsApp)),
        1 => Just(ChannelScope::One(Channel::Email)),
    ];
    let sender = prop_oneof![
        3 => Just(SenderScope::All),
        1 => Just(SenderScope::One(SENDER)),
        1 => Just(SenderScope::One(OTHER_SENDER)),
    ];
    (purpose, channel, sender).prop_map(|(purpose, channel, sender)| ConsentScope {
        purpose,
        channel,
        sender,
    })
}

fn kind() -> impl Strategy<Value = ConsentAct> {
    prop_oneof![
        5 => Just(ConsentAct::Given),
        4 => proptest::sample::select(ConsentAct::ALL.to_vec()),
    ]
}

/// Acts of few moments, so that ties are common; each has its own ledger entry.
fn acts() -> impl Strategy<Value = Vec<EffectiveAct>> {
    let one = (kind(), scope(), any::<bool>(), 0_i64..8, proptest::option::of(0_i64..12));
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let numbered = (1_u8..).zip(all);
        numbered
            .map(|(number, (act, scope, is_imported, at, end))| EffectiveAct {
                notice: (act == ConsentAct::Given && number % 2 == 0).then_some(NoticeMark([number; 16])),
                by_guardian: act == ConsentAct::Given && number % 3 == 0,
                act,
                scope,
                provenance: if is_imported { Provenance::Imported } else { Provenance::Direct },
                effective_at: moment(at),
                expires_at: end.filter(|_| act == ConsentAct::Given).map(moment),
                entry: EntryId::from_bytes([number; 16]),
            })
            .collect()
    })
}

/// The acts in another order, some of them several times.
fn rearranged() -> impl Strategy<Value = (Vec<EffectiveAct>, Vec<EffectiveAct>)> {
    (acts(), proptest::collection::vec(any::<Index>(), 0..8)).prop_flat_map(|(acts, again)| {
        let mut more = acts.clone();
        if !acts.is_empty() {
            more.extend(again.iter().map(|index| index.get(&acts).clone()));
        }
        (Just(acts), Just(more).prop_shuffle())
    })
}

fn questions() -> Vec<(PurposeId, bool, Channel, Option<SenderId>)> {
    let mut all = Vec::new();
    for (purpose, is_marketing) in [
        (PurposeId::marketing(), true),
        (PurposeId::feature_releases(), true),
        (PurposeId::service_updates(), false),
    ] {
        for channel in [Channel::WhatsApp, Channel::Email, Channel::Voice] {
            for sender in [None, Some(SENDER), Some(OTHER_SENDER)] {
                all.push((purpose.clone(), is_marketing, channel, sender));
            }
        }
    }
    all
}

fn each_question(
    mut ask: impl FnMut(&Question<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    questions().iter().try_for_each(|(purpose, is_marketing, channel, sender)| {
        ask(&Question { purpose, is_marketing: *is_marketing, channel: *channel, sender: *sender })
    })
}

/// Adds the end of one sort of denial: an answer that had none of that sort behind it stays as it was.
fn ends_one_sort_only(
    acts: &[EffectiveAct],
    (denial, end): (ConsentAct, ConsentAct),
    cause: DenialCause,
    scope: ConsentScope,
    (at, now): (Timestamp, Timestamp),
) -> Result<(), TestCaseError> {
    let end = EffectiveAct {
        notice: None,
        by_guardian: false,
        act: end,
        scope,
        provenance: Provenance::Direct,
        effective_at: at,
        expires_at: None,
        entry: EntryId::from_bytes([0xee; 16]),
    };
    let (before, after) = (fold(acts), fold(acts.iter().chain([&end])));
    each_question(|question| {
        let was = standing::answer(&before, question, None, now);
        let is = standing::answer(&after, question, None, now);
        let has_one = acts.iter().any(|act| act.act == denial && reaches(&act.scope, question));
        if !has_one || (was.is_denied() && was.cause != Some(cause)) {
            prop_assert_eq!(was, is);
        }
        Ok(())
    })
}

proptest! {
    #[test]
    fn the_fold_says_what_the_rules_say(acts in acts(), left in proptest::option::of(0_i64..8), now in 0_i64..12) {
        let (marks, left_at, now) = (fold(&acts), left.map(moment), moment(now));
        each_question(|question| {
            let folded = standing::answer(&marks, question, left_at, now);
            let (state, because, cause) = naive_answer(&acts, question, left_at, now);
            prop_assert_eq!((folded.state, folded.because, folded.cause), (state, because, cause), "{:?}", question);
            prop_assert_eq!(folded.is_denied(), cause.is_some());
            prop_assert_eq!(folded.grant, deciding_grant(&acts, &folded), "{:?}", question);
            Ok(())
        })?;
    }

    #[test]
    fn order_and_repetition_change_nothing((acts, rearranged) in rearranged()) {
        prop_assert_eq!(fold(&acts), fold(&rearranged));
    }

    #[test]
    fn marks_stay_sorted_by_scope(acts in acts()) {
        let marks = fold(&acts);
        prop_assert!(marks.is_sorted_by(|a, b| a.scope < b.scope));
    }

    #[test]
    fn joining_is_commutative_associative_and_idempotent(a in acts(), b in acts(), c in acts()) {
        let joined = |left: &[ScopeMarks], right: &[ScopeMarks]| {
            let mut marks = left.to_vec();
            standing::join(&mut marks, right);
            marks
        };
        let (a_marks, b_marks, c_marks) = (fold(&a), fold(&b), fold(&c));
        prop_assert_eq!(joined(&a_marks, &b_marks), joined(&b_marks, &a_marks));
        prop_assert_eq!(
            joined(&joined(&a_marks, &b_marks), &c_marks),
            joined(&a_marks, &joined(&b_marks, &c_marks))
        );
        prop_assert_eq!(&joined(&a_marks, &a_marks), &a_marks);
        prop_assert_eq!(joined(&a_marks, &b_marks), fold(a.iter().chain(&b)), "the join of folds is the fold of all");
    }

    #[test]
    fn clause_2_c_a_withdrawal_holds_until_a_later_direct_grant(
        acts in acts(), at in 0_i64..8, scope in scope(), now in 0_i64..12,
    ) {
        let withdrawal = EffectiveAct {
            notice: None,
            by_guardian: false,
            act: ConsentAct::Withdrawn,
            scope: scope.clone(),
            provenance: Provenance::Direct,
            effective_at: moment(at),
            expires_at: None,
            entry: EntryId::from_bytes([0xee; 16]),
        };
        let marks = fold(acts.iter().chain([&withdrawal]));
        each_question(|question| {
            let may_lift = |act: &&EffectiveAct| {
                act.act == ConsentAct::Given
                    && act.provenance == Provenance::Direct
                    && act.effective_at > withdrawal.effective_at
                    && reaches(&act.scope, question)
            };
            if reaches(&scope, question) && !acts.iter().any(|act| may_lift(&act)) {
                prop_assert!(standing::answer(&marks, question, None, moment(now)).is_denied());
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_imported_grant_never_counts_beside_a_denial(
        acts in acts(), denial in kind().prop_filter("a denial", |act| act.is_denial()), scope in scope(),
        at in 0_i64..8, now in 0_i64..12,
    ) {
        let denial = EffectiveAct {
            notice: None,
            by_guardian: false,
            act: denial,
            scope,
            provenance: Provenance::Imported,
            effective_at: moment(at),
            expires_at: None,
            entry: EntryId::from_bytes([0xee; 16]),
        };
        let ends = [ConsentAct::PlatformResumed, ConsentAct::DoubtCleared];
        let without_ends: Vec<_> = acts.iter().filter(|act| !ends.contains(&act.act)).cloned().collect();
        let only_direct: Vec<_> = without_ends
            .iter()
            .filter(|act| act.act != ConsentAct::Given || act.provenance == Provenance::Direct)
            .cloned()
            .collect();
        let (with, without) =
            (fold(without_ends.iter().chain([&denial])), fold(only_direct.iter().chain([&denial])));
        each_question(|question| {
            if reaches(&denial.scope, question) {
                let now = moment(now);
                prop_assert_eq!(
                    standing::answer(&with, question, None, now),
                    standing::answer(&without, question, None, now)
                );
            }
            Ok(())
        })?;
    }

    #[test]
    fn clause_3_c_a_resumption_ends_a_platform_stop_and_nothing_else(
        acts in acts(), scope in scope(), at in 0_i64..9, now in 0_i64..12,
    ) {
        let pair = (ConsentAct::PlatformStopped, ConsentAct::PlatformResumed);
        ends_one_sort_only(&acts, pair, DenialCause::PlatformStop, scope, (moment(at), moment(now)))?;
    }

    #[test]
    fn clause_3_c_a_cleared_doubt_ends_a_doubt_and_nothing_else(
        acts in acts(), scope in scope(), at in 0_i64..9, now in 0_i64..12,
    ) {
        let pair = (ConsentAct::Doubted, ConsentAct::DoubtCleared);
        ends_one_sort_only(&acts, pair, DenialCause::Doubt, scope, (moment(at), moment(now)))?;
    }

    #[test]
    fn what_is_left_behind_denies_at_least_as_before_and_grants_nothing_old(
        acts in acts(), left in 0_i64..8, now in 0_i64..12,
    ) {
        let (marks, left, now) = (fold(&acts), moment(left), moment(now));
        let kept = standing::left_behind(&marks, left);
        prop_assert!(kept.is_sorted_by(|a, b| a.scope < b.scope));
        each_question(|question| {
            let before = standing::answer(&marks, question, Some(left), now);
            let after = standing::answer(&kept, question, None, now);
            // An end under another scope stays with whoever made it, so a denial may stand that was over.
            prop_assert!(after.is_denied() || !before.is_denied());
            prop_assert!(before.state == ConsentState::Given || after.state != ConsentState::Given);
            if after.state == ConsentState::Given {
                prop_assert!(after.because.is_some_and(|grant| grant.at > left));
            }
            Ok(())
        })?;
    }
}

#[test]
fn what_ended_one_persons_stop_or_doubt_ends_nobody_elses() {
    let purpose = PurposeId::marketing();
    let question =
        Question { purpose: &purpose, is_marketing: true, channel: Channel::WhatsApp, sender: Some(SENDER) };
    let pairs = [
        (ConsentAct::PlatformStopped, ConsentAct::PlatformResumed),
        (ConsentAct::Doubted, ConsentAct::DoubtCleared),
    ];
    for (denial, end) in pairs {
        let act = |act: ConsentAct, at: i64| EffectiveAct {
            act,
            scope: ConsentScope::whatsapp_marketing(),
            provenance: Provenance::Direct,
            effective_at: moment(at),
            expires_at: None,
            notice: None,
            by_guardian: false,
            entry: EntryId::from_bytes([u8::try_from(at).unwrap(); 16]),
        };
        let is_denied =
            |marks: &[ScopeMarks]| standing::answer(marks, &question, None, moment(100)).is_denied();
        let theirs = fold(&[act(denial, 10), act(end, 18)]);
        assert!(!is_denied(&theirs));

        // Whoever gets the number has said no at 15, and that stands.
        let mut heirs = fold(&[act(ConsentAct::Given, 5), act(denial, 15)]);
        standing::join(&mut heirs, &standing::left_behind(&theirs, Timestamp::MAX));
        assert!(is_denied(&heirs), "{denial:?}");
        // What was over is over for them as well.
        let mut heirs = fold(&[act(ConsentAct::Given, 5)]);
        standing::join(&mut heirs, &standing::left_behind(&theirs, Timestamp::MAX));
        assert!(!is_denied(&heirs), "{denial:?}");

        // What the next holder ended after the number was left is not taken along.
        let both = fold(&[act(ConsentAct::Given, 5), act(denial, 10), act(end, 30)]);
        assert!(is_denied(&standing::taken_along(&both, moment(20))), "{denial:?}");
        assert!(!is_denied(&standing::taken_along(&both, moment(40))), "{denial:?}");
    }
}
