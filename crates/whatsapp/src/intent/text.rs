//! A text as clauses of words.
//!
//! Sentences end at full stops, question marks and line ends; clauses at commas and the like besides. What separates
//! words is not kept, but whether a clause asks and where a sentence begins.

use unicode_normalization::char::is_combining_mark;

use crate::normalise::{fold, is_apostrophe};

/// Words that hang together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clause {
    pub(crate) words: Vec<String>,
    /// The sentence ends with a question mark.
    pub(crate) asks: bool,
    /// Which sentence of the text, from 0.
    pub(crate) sentence: usize,
}

impl Clause {
    /// All of them as one.
    pub(crate) fn joined(clauses: &[Self]) -> Self {
        let words = clauses.iter().flat_map(|clause| clause.words.clone()).collect();
        Self { words, asks: clauses.iter().any(|clause| clause.asks), sentence: 0 }
    }
}

/// What elided words of the Romance languages leave before the apostrophe.
const ELISIONS: [&str; 24] = [
    "d", "l", "m", "n", "s", "t", "c", "j", "qu", "un", "all", "dell", "nell", "sull", "dall", "quest",
    "jusqu", "lorsqu", "puisqu", "aujourd", "nessun", "null", "quell", "tutt",
];

/// What stands for a letter in a word of letters, as in `st0p`.
const LOOKALIKES: [(char, char); 6] =
    [('0', 'o'), ('1', 'i'), ('3', 'e'), ('4', 'a'), ('5', 's'), ('7', 't')];

/// The clauses of `text`, without empty ones. Symbols such as emoji end a clause when `symbols_end` says so.
pub(crate) fn clauses(text: &str, symbols_end: bool) -> Vec<Clause> {
    let mut reader = Reader { symbols_end, ..Reader::default() };
    let folded = fold(&join_spaced_letters(text));
    for line in folded.lines() {
        // A line that quotes is the business's, not the person's.
        if !line.trim_start().starts_with('>') {
            line.chars().for_each(|character| reader.read(character));
        }
        reader.end_sentence(false);
    }
    reader.done
}

/// `optOutYes` as `opt Out Yes`: names of buttons are written like that. `None` when the text is no such name.
pub(crate) fn split_humps(text: &str) -> Option<String> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for character in text.chars() {
        if previous.is_ascii_lowercase() && character.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(character);
        previous = character;
    }
    (out.len() > text.len()).then_some(out)
}

/// `s t o p` and `s.t.o.p` as one word: three single letters or more with one separator between each two.
fn join_spaced_letters(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or(' ');
    let is_letter = |index: usize| at(index).is_alphabetic() && !stands_alone(at(index));
    let is_edge = |index: usize| !at(index).is_alphanumeric();
    let mut out = String::with_capacity(text.len());
    let mut index = 0_usize;
    while index < characters.len() {
        let starts = is_letter(index) && (index == 0 || is_edge(index.saturating_sub(1)));
        let mut end = index;
        let separator = at(index.saturating_add(1));
        while starts
            && is_separator(separator)
            && is_letter(end.saturating_add(2))
            && at(end.saturating_add(1)) == separator
            && is_edge(end.saturating_add(3))
        {
            end = end.saturating_add(2);
        }
        if starts && is_edge(index.saturating_add(1)) && end >= index.saturating_add(4) {
            out.extend((index..=end).step_by(2).map(at));
            index = end.saturating_add(1);
        } else {
            out.push(at(index));
            index = index.saturating_add(1);
        }
    }
    out
}

fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '.' | '-' | '_' | '*')
}

#[derive(Default)]
struct Reader {
    symbols_end: bool,
    done: Vec<Clause>,
    words: Vec<String>,
    word: String,
    sentence: usize,
    /// The first clause of this sentence in `done`.
    first_of_sentence: usize,
}

impl Reader {
    fn read(&mut self, character: char) {
        if is_apostrophe(character) {
            if ELISIONS.contains(&self.word.as_str()) {
                self.end_word();
            }
        } else if stands_alone(character) {
            self.end_word();
            self.words.push(character.to_string());
        } else if character.is_alphanumeric() || is_combining_mark(character) {
            self.word.push(character);
        } else {
            self.end_word();
            match character {
                '.' | '!' | '。' | '।' | '॥' | '…' | '¡' | '¿' => self.end_sentence(false),
                '?' | '؟' => self.end_sentence(true),
                ',' | ';' | ':' | '،' | '؛' | '、' | '(' | ')' | '—' | '–' | '|' => self.end_clause(),
                other if self.symbols_end && is_symbol(other) => self.end_clause(),
                _ => {}
            }
        }
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let letters = word.chars().filter(|character| character.is_alphabetic()).count();
        let digits = word.chars().filter(char::is_ascii_digit).count();
        // `9pm` and `24h` are times, `st0p` is a word.
        let is_disguised =
            letters >= 2 && digits > 0 && !word.starts_with(|first: char| first.is_ascii_digit());
        self.words.push(if is_disguised { word.chars().map(plain_letter).collect() } else { word });
    }

    fn end_clause(&mut self) {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.done.push(Clause { words, asks: false, sentence: self.sentence });
        }
    }

    fn end_sentence(&mut self, asks: bool) {
        self.end_clause();
        if asks {
            self.done.iter_mut().skip(self.first_of_sentence).for_each(|clause| clause.asks = true);
        }
        if self.first_of_sentence < self.done.len() {
            self.first_of_sentence = self.done.len();
            self.sentence = self.sentence.saturating_add(1);
        }
    }
}

fn plain_letter(character: char) -> char {
    LOOKALIKES.iter().find(|(digit, _)| *digit == character).map_or(character, |(_, letter)| *letter)
}

/// Scripts without spaces between words are read sign by sign; their entries in the data are phrases of signs.
pub(crate) fn stands_alone(character: char) -> bool {
    matches!(character, '\u{e00}'..='\u{e7f}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_symbol(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}
