//! One text in every language.

use super::class::Classes;
use super::languages::LEXICONS;
use super::lexicon::Lexicon;
use super::rules::{Meaning, Part};
use super::text::{Clause, clauses, split_humps};
use super::{Intent, Verdict};

/// What `text`, which is short enough, means.
pub(crate) fn read(text: &str, hint: Option<&str>) -> Verdict {
    let hint = hint.map(|hint| hint.get(..2).unwrap_or(hint).to_ascii_lowercase());
    let apart = clauses(text, true);
    let verdict = Text::new(&apart, hint.as_deref()).verdict();
    if verdict.intent != Intent::None || verdict.rule == "masked" {
        return verdict;
    }
    if let Some(apart) = split_humps(text) {
        return Text::new(&clauses(&apart, true), hint.as_deref()).verdict();
    }
    // An emoji in the middle of a sentence: `please 🙏 don't 🙏 write`. Or a sentence of every word: `Leave. Me. Alone.`
    let together = clauses(text, false);
    let word_by_word = apart.len() >= 3 && apart.iter().filter(|clause| clause.words.len() > 1).count() <= 1;
    if word_by_word {
        Text::new(&[Clause::joined(&apart)], hint.as_deref()).verdict()
    } else if together.len() == apart.len() {
        verdict
    } else {
        Text::new(&together, hint.as_deref()).verdict()
    }
}

/// One clause in one language.
struct Reading {
    /// How many of its words the language knows.
    known: usize,
    classes: Vec<Classes>,
}

struct Text<'a> {
    clauses: &'a [Clause],
    /// By language, by clause.
    readings: Vec<Vec<Reading>>,
    /// By language: how much of the text it knows; what was hinted at counts a little more.
    known: Vec<usize>,
}

impl<'a> Text<'a> {
    fn new(clauses: &'a [Clause], hint: Option<&str>) -> Self {
        let readings: Vec<Vec<Reading>> = LEXICONS
            .iter()
            .map(|lexicon| clauses.iter().map(|clause| annotated(lexicon, clause)).collect())
            .collect();
        let known = LEXICONS
            .iter()
            .zip(&readings)
            .map(|(lexicon, readings)| {
                let hinted = usize::from(Some(lexicon.language) == hint);
                readings
                    .iter()
                    .map(|reading| reading.known.saturating_mul(2))
                    .sum::<usize>()
                    .saturating_add(hinted)
            })
            .collect();
        Self { clauses, readings, known }
    }

    fn verdict(&self) -> Verdict {
        let whole = self.whole();
        if whole.intent != Intent::None {
            return whole;
        }
        let meanings: Vec<(Meaning, &'static str)> =
            (0..self.clauses.len()).map(|index| self.meaning_of(index)).collect();
        let mut best = Verdict::NONE;
        let mut conditional = None;
        for (index, (meaning, language)) in meanings.iter().enumerate() {
            let sentence = self.clauses.get(index).map(|clause| clause.sentence);
            let mut found = Verdict { intent: meaning.intent, rule: meaning.rule, language };
            let others =
                || meanings.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| other);
            if found.intent == Intent::Withdraw {
                if conditional.is_some() && conditional == sentence {
                    found = Verdict { intent: Intent::Ambiguous, rule: "condition", ..found };
                } else if found.rule == "command"
                    && meaning.is_bare
                    && others().any(|(other, _)| other.is_foreign)
                {
                    found = Verdict { intent: Intent::Ambiguous, rule: "other-matter", ..found };
                } else if meaning.is_call
                    && (meaning.is_invitation || others().any(|(other, _)| other.is_invitation))
                {
                    // `no calls, only WhatsApp`
                    found = Verdict { intent: Intent::None, rule: "other-channel", ..found };
                }
            }
            if found.rule == "no-object" && others().any(|(other, _)| other.is_foreign) {
                found = Verdict { intent: Intent::None, rule: "other-matter", ..found };
            }
            if meaning.is_conditional {
                conditional = sentence;
            }
            if found.intent == Intent::None && best == Verdict::NONE && meaning.is_masked {
                best = found;
            }
            best = best.or(found);
        }
        if best.intent == Intent::Withdraw && self.has_start() {
            return Verdict { intent: Intent::Ambiguous, rule: "contradiction", ..best };
        }
        best
    }

    /// What the text means when it is one of the whole messages that the data lists.
    fn whole(&self) -> Verdict {
        let words = || self.clauses.iter().flat_map(|clause| &clause.words);
        let asks = self.clauses.iter().any(|clause| clause.asks);
        let text = words().map(String::as_str).collect::<Vec<_>>();
        if text.is_empty() || text.len() > 16 {
            return Verdict::NONE;
        }
        let joined = text.join(" ");
        let by_language = LEXICONS.iter().zip(&self.readings);
        let found = by_language.map(|(lexicon, readings)| {
            let classes = readings.iter().flat_map(|reading| &reading.classes);
            let kept =
                words().zip(classes).filter(|(_, classes)| !classes.has(Classes::POLITE.or(Classes::FILLER)));
            let kept = kept.map(|(word, _)| word.as_str()).collect::<Vec<_>>();
            let is_stop = lexicon.stop.contains(&kept.join(" ")) || lexicon.stop.contains(&joined);
            let is_command = lexicon.commands.contains(&kept.join(" "));
            let intent = if is_stop && asks && !is_command && kept.len() == text.len() {
                Intent::Ambiguous
            } else if is_stop {
                Intent::Withdraw
            } else if lexicon.start.contains(&joined) {
                Intent::Subscribe
            } else {
                return Verdict::NONE;
            };
            Verdict { intent, rule: "whole-message", language: lexicon.language }
        });
        found.fold(Verdict::NONE, Verdict::or)
    }

    /// What a clause means in the languages that know most of it. Another language is asked only when these find
    /// nothing, and only when it knows most words too.
    fn meaning_of(&self, index: usize) -> (Meaning, &'static str) {
        let known = |language: usize| self.reading(language, index).map_or(0, |reading| reading.known);
        let most = (0..LEXICONS.len()).map(known).max().unwrap_or_default();
        let mut order: Vec<usize> = (0..LEXICONS.len())
            .filter(|language| known(*language).saturating_mul(5) >= most.saturating_mul(3))
            .collect();
        let rank =
            |language: &usize| (known(*language), self.known.get(*language).copied().unwrap_or_default());
        order.sort_by_key(|language| std::cmp::Reverse(rank(language)));
        let mut best: Option<(Meaning, &'static str)> = None;
        let mut best_rank = None;
        for language in order {
            let (Some(lexicon), Some(clause)) = (LEXICONS.get(language), self.clauses.get(index)) else {
                continue;
            };
            let Some(reading) = self.reading(language, index) else { continue };
            let is_first = best_rank.is_none_or(|best| best == rank(&language));
            let found_nothing = best
                .is_none_or(|(best, _)| best.intent == Intent::None && !best.is_masked && !best.is_foreign);
            if !is_first && !found_nothing {
                break;
            }
            let meaning = meaning(lexicon, clause, &reading.classes);
            if best.is_none_or(|(so_far, _)| meaning.intent.weight() > so_far.intent.weight()) {
                best = Some((meaning, lexicon.language));
            }
            best_rank = best_rank.or(Some(rank(&language)));
        }
        best.unwrap_or((Meaning::NOTHING, ""))
    }

    fn reading(&self, language: usize, clause: usize) -> Option<&Reading> {
        self.readings.get(language).and_then(|readings| readings.get(clause))
    }

    /// Whether a start word stands alone in a clause.
    fn has_start(&self) -> bool {
        self.clauses
            .iter()
            .any(|clause| LEXICONS.iter().any(|lexicon| lexicon.start.contains(&clause.words.join(" "))))
    }
}

fn annotated(lexicon: &Lexicon, clause: &Clause) -> Reading {
    let classes = lexicon.annotate(&clause.words);
    Reading { known: classes.iter().filter(|classes| !classes.is_empty()).count(), classes }
}

/// What the clause means in this language: the strongest of its parts.
fn meaning(lexicon: &Lexicon, clause: &Clause, classes: &[Classes]) -> Meaning {
    let mut best: Option<Meaning> = None;
    let mut from = 0_usize;
    let length = clause.words.len();
    for at in 0..=length {
        let splits = at > from && classes.get(at).is_some_and(|classes| classes.has(Classes::SPLIT));
        if !splits && at < length {
            continue;
        }
        let words = clause.words.get(from..at).unwrap_or_default();
        let own = classes.get(from..at).unwrap_or_default().to_vec();
        let part = Part { words, classes: own, asks: clause.asks, masked: Vec::new() }.meaning(lexicon);
        best = Some(best.map_or(part, |best| best.and(part)));
        from = at;
    }
    best.unwrap_or(Meaning::NOTHING)
}

impl Meaning {
    /// Of no words.
    const NOTHING: Self = Self {
        intent: Intent::None,
        rule: "no-match",
        is_masked: false,
        is_filler: true,
        is_foreign: false,
        is_conditional: false,
        is_call: false,
        is_invitation: false,
        is_bare: false,
    };

    /// Of two parts of one clause.
    fn and(self, other: Self) -> Self {
        let stronger = if other.intent.weight() > self.intent.weight() { other } else { self };
        Self {
            is_masked: self.is_masked || other.is_masked,
            is_filler: self.is_filler && other.is_filler,
            is_foreign: self.is_foreign || other.is_foreign,
            is_conditional: self.is_conditional || other.is_conditional,
            is_invitation: self.is_invitation || other.is_invitation,
            ..stronger
        }
    }
}
