//! Limits on how often a person is written to.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;
use wzapi_model::message::MessageCategory;
use wzapi_policy::file::FrequencyLimit;
use wzapi_storage::row::{IdentifierRow, SentMark};

/// Notes a message in the row of an identifier, if a limit counts its category. What no limit needs any more is dropped:
/// of each category, the row keeps as many messages as the largest of its limits permits.
///
/// Whoever binds a message id to a permit calls it for every row of the person, in the same changeset. It is
/// commutative: rows into which the same messages were noted in another order are equal. A second message of the same
/// category in the same millisecond counts as a second one.
pub fn note_sent(row: &mut IdentifierRow, limits: &[FrequencyLimit], sent: SentMark) {
    if most_counted(limits, sent.category) == 0 {
        return;
    }
    let position = row.sent.partition_point(|earlier| *earlier <= sent);
    row.sent.insert(position, sent);
    let mut left: BTreeMap<MessageCategory, usize> = BTreeMap::new();
    let mut kept: Vec<SentMark> = row
        .sent
        .iter()
        .rev()
        .filter(|mark| {
            let left = left.entry(mark.category).or_insert_with(|| most_counted(limits, mark.category));
            let is_kept = *left > 0;
            *left = left.saturating_sub(1);
            is_kept
        })
        .copied()
        .collect();
    kept.reverse();
    row.sent = kept;
}

/// How many messages of a category the limits have to know of.
fn most_counted(limits: &[FrequencyLimit], category: MessageCategory) -> usize {
    let of_category = limits.iter().filter(|limit| limit.category == category);
    of_category.map(|limit| usize::try_from(limit.at_most).unwrap_or(usize::MAX)).max().unwrap_or(0)
}

/// When one more message of the category is possible, if it is not now. Rows under several versions of the index key
/// know of the same messages, so that each message counts as often as the row that has it most often says.
pub(super) fn possible_from<'r>(
    limits: &[FrequencyLimit],
    category: MessageCategory,
    rows: impl Iterator<Item = &'r IdentifierRow>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut limits = limits.iter().filter(|limit| limit.category == category).peekable();
    limits.peek()?;
    let sent = sent_latest_first(rows, category);
    let full = limits.filter_map(|limit| {
        // The message which, once it is out of the time that counts, leaves room for one more.
        let oldest_that_fills = usize::try_from(limit.at_most).ok()?.checked_sub(1)?;
        let room_from = sent.get(oldest_that_fills)?.saturating_add(limit.within.duration());
        (room_from > now).then_some(room_from)
    });
    full.max()
}

fn sent_latest_first<'r>(
    rows: impl Iterator<Item = &'r IdentifierRow>,
    category: MessageCategory,
) -> Vec<Timestamp> {
    let mut often: BTreeMap<Timestamp, usize> = BTreeMap::new();
    for row in rows {
        let mut here: BTreeMap<Timestamp, usize> = BTreeMap::new();
        for mark in row.sent.iter().filter(|mark| mark.category == category) {
            *here.entry(mark.at).or_default() += 1;
        }
        for (at, count) in here {
            let most = often.entry(at).or_default();
            *most = count.max(*most);
        }
    }
    often.into_iter().rev().flat_map(|(at, count)| std::iter::repeat_n(at, count)).collect()
}

#[cfg(test)]
mod tests {
    use MessageCategory::{Marketing, Utility};
    use wzapi_model::identifier::IdentifierKind;
    use wzapi_model::ids::SubjectId;

    use super::*;

    fn limit(category: MessageCategory, at_most: u32, within: &str) -> FrequencyLimit {
        FrequencyLimit { category, at_most, within: within.parse().unwrap() }
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + hour * 3600).unwrap()
    }

    fn row(limits: &[FrequencyLimit], sent: &[(i64, MessageCategory)]) -> IdentifierRow {
        let mut row = IdentifierRow::new(SubjectId::from_bytes([7; 16]), IdentifierKind::Phone, 1);
        for (at, category) in sent {
            note_sent(&mut row, limits, SentMark { at: hour(*at), category: *category });
        }
        row
    }

    #[test]
    fn a_row_keeps_no_more_than_the_largest_limit_needs() {
        let limits = [limit(Marketing, 2, "1 day"), limit(Marketing, 3, "7 days")];
        let sent: Vec<_> = (0..50).map(|one| (one, Marketing)).collect();
        let all = row(&limits, &sent);
        assert_eq!(all.sent.iter().map(|mark| mark.at).collect::<Vec<_>>(), [hour(47), hour(48), hour(49)]);
        let reversed: Vec<_> = sent.iter().rev().copied().collect();
        assert_eq!(row(&limits, &reversed), all, "in any order");
        assert!(row(&limits, &[(1, Utility)]).sent.is_empty(), "no limit counts it");
        assert!(row(&[], &sent).sent.is_empty());
        assert_eq!(
            row(&limits, &[(1, Marketing), (1, Marketing)]).sent.len(),
            2,
            "two in one moment are two"
        );
    }

    #[test]
    fn what_left_the_policy_leaves_the_row_with_the_next_message() {
        let mut row = row(&[limit(Marketing, 3, "1 day")], &[(1, Marketing), (2, Marketing)]);
        note_sent(&mut row, &[limit(Utility, 1, "1 day")], SentMark { at: hour(3), category: Utility });
        assert_eq!(row.sent, [SentMark { at: hour(3), category: Utility }]);
    }

    #[test]
    fn room_comes_when_the_oldest_that_fills_a_limit_has_passed() {
        let limits = [limit(Marketing, 1, "24 hours"), limit(Marketing, 3, "7 days")];
        let row = row(&limits, &[(0, Marketing), (30, Marketing), (60, Marketing)]);
        let from = |now, category| possible_from(&limits, category, [&row].into_iter(), hour(now));
        assert_eq!(from(61, Marketing), Some(hour(168)), "three in a week, the first of which passes last");
        assert_eq!(from(167, Marketing), Some(hour(168)));
        assert_eq!(from(168, Marketing), None, "the end is excluded");
        assert_eq!(from(61, Utility), None);
        assert_eq!(possible_from(&[], Marketing, [&row].into_iter(), hour(61)), None);
    }

    #[test]
    fn two_rows_that_know_of_one_message_count_it_once() {
        let limits = [limit(Marketing, 2, "1 day")];
        let (a, b) = (row(&limits, &[(1, Marketing)]), row(&limits, &[(1, Marketing)]));
        assert_eq!(possible_from(&limits, Marketing, [&a, &b].into_iter(), hour(2)), None);
        let c = row(&limits, &[(1, Marketing), (2, Marketing)]);
        assert_eq!(possible_from(&limits, Marketing, [&a, &c].into_iter(), hour(3)), Some(hour(25)));
    }
}
