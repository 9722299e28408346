//! The words of one language, as its data file lists them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::class::Classes;
use super::pattern::{self, Element};
use crate::normalise::{is_latin, shorten_runs};

/// A data file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Whether verbs stand at the end, so that what is stopped comes before the word for stop.
    #[serde(default)]
    pub(crate) verb_final: bool,
    /// Whole messages that mean stop.
    #[serde(default)]
    pub(crate) stop: Vec<Sourced>,
    /// Whole messages that mean start.
    #[serde(default)]
    pub(crate) start: Vec<Sourced>,
    /// Words and phrases by class, separated by commas or line ends.
    #[serde(default)]
    pub(crate) words: BTreeMap<String, String>,
    /// Phrases that decide by themselves.
    #[serde(default)]
    pub(crate) patterns: Patterns,
}

/// Whole messages from one source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sourced {
    /// `regulator`, `provider` or `application`.
    pub(crate) source: String,
    /// The messages, separated by commas.
    pub(crate) phrases: String,
}

/// Phrases by what they mean.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Patterns {
    pub(crate) withdraw: String,
    pub(crate) ambiguous: String,
    pub(crate) none: String,
}

/// The entries of one list.
pub(crate) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty())
}

/// A phrase that gives its words a class.
type Phrase = (Vec<Element>, Classes);

/// The words of one language, ready to be looked up.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    pub(crate) language: &'static str,
    pub(crate) verb_final: bool,
    pub(crate) stop: BTreeSet<String>,
    /// Those of regulators and providers, which mean stop even when a question mark follows.
    pub(crate) commands: BTreeSet<String>,
    pub(crate) start: BTreeSet<String>,
    pub(crate) withdraw: Vec<Vec<Element>>,
    pub(crate) ambiguous: Vec<Vec<Element>>,
    pub(crate) none: Vec<Vec<Element>>,
    exact: HashMap<String, Classes>,
    affixes: Vec<(Element, Classes)>,
    /// What a word is beside its other classes: of a call, of writing.
    marks: Vec<(Element, Classes)>,
    phrases: HashMap<String, Vec<Phrase>>,
    open_phrases: Vec<Phrase>,
    /// Words with one letter left out, for words that are written with one mistake.
    mistakes: HashMap<String, Vec<String>>,
}

/// The classes whose words are recognised with a mistake, and from how many letters on.
const CONTENT: [Classes; 12] = [
    Classes::COMMAND,
    Classes::UNSUB,
    Classes::STOP,
    Classes::SEND,
    Classes::NOUN,
    Classes::RECEIVE,
    Classes::REMOVE,
    Classes::LIST,
    Classes::CONSENT,
    Classes::REVOKE,
    Classes::POLITE,
    Classes::WANT,
];
const MIN_MISTAKEN: usize = 6;

/// Letters that Arabic and Hebrew write together with the word that follows.
const CLITICS: [&str; 16] =
    ["وال", "بال", "فال", "لل", "ال", "و", "ف", "ب", "ل", "ש", "ו", "ה", "ל", "ב", "מ", "כ"];

/// Pronouns that a language writes together with the word before.
const ENDINGS: [(&str, &str); 3] = [("id", "nya"), ("id", "ku"), ("id", "mu")];

impl Lexicon {
    /// The words of `files`, all read as `language`.
    pub(crate) fn new(language: &'static str, files: &[&File]) -> Self {
        let mut lexicon = Self { language, ..Self::default() };
        for file in files {
            lexicon.verb_final |= file.verb_final;
            let whole = |lists: &[Sourced]| {
                lists.iter().flat_map(|list| entries(&list.phrases)).map(pattern::words).collect()
            };
            let listed = file.stop.iter().filter(|list| list.source != "application");
            let phrases = listed.flat_map(|list| entries(&list.phrases));
            lexicon.commands.extend(phrases.map(pattern::words));
            lexicon.stop.append(&mut whole(&file.stop));
            lexicon.start.append(&mut whole(&file.start));
            for (name, list) in &file.words {
                let class = Classes::named(name).unwrap_or_default();
                entries(list).filter_map(pattern::parse).for_each(|entry| lexicon.add(entry, class));
            }
            let parsed = |list: &str| entries(list).filter_map(pattern::parse).collect::<Vec<_>>();
            lexicon.withdraw.extend(parsed(&file.patterns.withdraw));
            lexicon.ambiguous.extend(parsed(&file.patterns.ambiguous));
            lexicon.none.extend(parsed(&file.patterns.none));
        }
        lexicon.know_pattern_words();
        for list in lexicon.phrases.values_mut() {
            list.sort_by_key(|(elements, _)| std::cmp::Reverse(elements.len()));
        }
        lexicon.note_mistakes();
        lexicon
    }

    fn add(&mut self, entry: Vec<Element>, class: Classes) {
        match entry.as_slice() {
            [mark] if class.has(Classes::CALL.or(Classes::WRITE)) => self.marks.push((mark.clone(), class)),
            [Element::Word(word)] => {
                let known = self.exact.entry(word.clone()).or_default();
                *known = known.or(class);
            }
            [affix @ (Element::Prefix(_) | Element::Suffix(_))] => self.affixes.push((affix.clone(), class)),
            [Element::Word(first), ..] => {
                let first = first.clone();
                self.phrases.entry(first).or_default().push((entry, class));
            }
            _ => self.open_phrases.push((entry, class)),
        }
    }

    /// Words of the language's own phrases are words of the language.
    fn know_pattern_words(&mut self) {
        let patterns = self.withdraw.iter().chain(&self.ambiguous).chain(&self.none);
        let phrases = self.phrases.values().flatten().chain(&self.open_phrases).map(|(elements, _)| elements);
        let words: Vec<String> = patterns
            .chain(phrases)
            .flatten()
            .filter_map(|element| match element {
                Element::Word(word) => Some(word.clone()),
                _ => None,
            })
            .collect();
        for word in words {
            // With its article it is still the word that it is without: `الرسائل`.
            if self.classes(&word).is_empty() {
                self.exact.insert(word, Classes::KNOWN);
            }
        }
    }

    fn note_mistakes(&mut self) {
        let content = CONTENT.iter().fold(Classes::default(), |all, class| all.or(*class));
        let prefixes = self.affixes.iter().filter_map(|(element, classes)| match element {
            Element::Prefix(word) => Some((word, classes)),
            _ => None,
        });
        let mut mistakes: HashMap<String, Vec<String>> = HashMap::new();
        for (word, classes) in self.exact.iter().chain(prefixes) {
            if classes.has(content) && word.chars().count() >= MIN_MISTAKEN {
                for shorter in without_one(word).chain([word.clone()]) {
                    mistakes.entry(shorter).or_default().push(word.clone());
                }
            }
        }
        self.mistakes = mistakes;
    }

    /// What `word` can be as it is written.
    fn look_up(&self, word: &str) -> Classes {
        let marks = self.marks.iter().filter(|(element, _)| element.matches(word, Classes::default()));
        marks.fold(self.look_up_unmarked(word), |classes, (_, mark)| classes.or(*mark))
    }

    fn look_up_unmarked(&self, word: &str) -> Classes {
        let listed = self.exact.get(word).copied().unwrap_or_default();
        if !listed.is_empty() && !listed.has(Classes::STOP.or(Classes::WEAK)) {
            return listed;
        }
        let matching = self.affixes.iter().filter(|(element, _)| element.matches(word, Classes::default()));
        // The longest says most.
        matching.max_by_key(|(element, _)| length(element)).map_or(listed, |(_, classes)| listed.or(*classes))
    }

    /// What `word` can be, also stretched, with letters written before it, run together, or with one mistake.
    pub(crate) fn classes(&self, word: &str) -> Classes {
        let found = self.look_up(word);
        if !found.is_empty() {
            return found;
        }
        let readings: [&dyn Fn() -> Classes; 4] =
            [&|| self.stretched(word), &|| self.with_clitic(word), &|| self.run_together(word), &|| {
                self.mistaken(word)
            }];
        readings.iter().map(|reading| reading()).find(|classes| !classes.is_empty()).unwrap_or_default()
    }

    fn stretched(&self, word: &str) -> Classes {
        let twice = self.look_up(&shorten_runs(word, 2));
        if twice.is_empty() { self.look_up(&shorten_runs(word, 1)) } else { twice }
    }

    fn with_clitic(&self, word: &str) -> Classes {
        let stems = CLITICS.iter().filter_map(|clitic| word.strip_prefix(clitic));
        let endings = ENDINGS.iter().filter(|(language, _)| *language == self.language);
        let stems = stems.chain(endings.filter_map(|(_, ending)| word.strip_suffix(ending)));
        let long_enough = stems.filter(|stem| stem.chars().count() >= 3);
        long_enough.map(|stem| self.look_up(stem)).find(|classes| !classes.is_empty()).unwrap_or_default()
    }

    /// `stopmessages`, `unsubscribeme`.
    fn run_together(&self, word: &str) -> Classes {
        let first = Classes::COMMAND.or(Classes::UNSUB);
        let second = Classes::NOUN.or(Classes::ME).or(Classes::COMMAND).or(Classes::MORE).or(Classes::FILLER);
        let is_candidate = (7..=24).contains(&word.len()) && word.chars().all(is_latin);
        let split = (4..word.len().saturating_sub(1)).filter(|_| is_candidate).any(|middle| {
            word.split_at_checked(middle).is_some_and(|(left, right)| {
                self.exact.get(left).is_some_and(|classes| classes.has(first))
                    && self.exact.get(right).is_some_and(|classes| classes.has(second))
            })
        });
        if split { Classes::COMMAND } else { Classes::default() }
    }

    fn mistaken(&self, word: &str) -> Classes {
        let length = word.chars().count();
        if !(MIN_MISTAKEN.saturating_sub(1)..=24).contains(&length) {
            return Classes::default();
        }
        let candidates = without_one(word).chain([word.to_owned()]);
        let found = candidates.filter_map(|shorter| self.mistakes.get(&shorter)).flatten();
        let close = found.filter(|known| is_one_mistake(word, known));
        close.map(|known| self.look_up(known)).find(|classes| !classes.is_empty()).unwrap_or_default()
    }

    /// The classes of every word of a clause; the words of a phrase have its class at the first.
    pub(crate) fn annotate(&self, words: &[String]) -> Vec<Classes> {
        let mut out: Vec<Classes> = words.iter().map(|word| self.classes(word)).collect();
        let mut at = 0_usize;
        while let Some(word) = words.get(at) {
            let listed = self.phrases.get(word).into_iter().flatten().chain(&self.open_phrases);
            let found = listed.filter_map(|(elements, class)| {
                pattern::end_of(elements, words, &[], at).map(|end| (end, *class))
            });
            let Some((end, class)) = longest(found) else {
                at = at.saturating_add(1);
                continue;
            };
            for (index, place) in out.iter_mut().enumerate().take(end).skip(at) {
                // What only joins clauses leaves its words what they are.
                let joins = class.has(Classes::SELF.or(Classes::SPLIT).or(Classes::KNOWN));
                *place = match (joins, index == at) {
                    (true, true) => place.or(class),
                    (true, false) => *place,
                    (false, true) => class,
                    (false, false) => Classes::CONTINUED,
                };
            }
            at = end.max(at.saturating_add(1));
        }
        out
    }
}

/// The longest of the phrases, with the classes of all that are as long.
fn longest(found: impl Iterator<Item = (usize, Classes)>) -> Option<(usize, Classes)> {
    found.reduce(|best, next| match next.0.cmp(&best.0) {
        std::cmp::Ordering::Greater => next,
        std::cmp::Ordering::Equal => (best.0, best.1.or(next.1)),
        std::cmp::Ordering::Less => best,
    })
}

fn length(element: &Element) -> usize {
    match element {
        Element::Word(word) | Element::Prefix(word) | Element::Suffix(word) => word.len(),
        Element::Class(_) | Element::Gap | Element::Edge => 0,
    }
}

fn without_one(word: &str) -> impl Iterator<Item = String> {
    word.char_indices().map(|(index, letter)| {
        let (before, after) = word.split_at(index);
        let after = after.strip_prefix(letter).unwrap_or(after);
        format!("{before}{after}")
    })
}

/// Whether one letter was added, left out, changed or swapped with its neighbour.
fn is_one_mistake(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let start = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let (left, right) = (left.get(start..).unwrap_or_default(), right.get(start..).unwrap_or_default());
    match (left, right) {
        ([], [_]) | ([_], []) | ([_], [_]) => true,
        ([first, second, rest @ ..], [third, fourth, other @ ..])
            if first == fourth && second == third && rest == other =>
        {
            true
        }
        ([_, rest @ ..], [_, other @ ..]) if rest == other => true,
        (longer @ [_, rest @ ..], shorter) if longer.len() > shorter.len() => rest == shorter,
        (shorter, [_, rest @ ..]) => shorter == rest,
        _ => false,
    }
}
