//! What a clause means, by the classes of its words.

use super::Intent;
use super::class::Classes;
use super::lexicon::Lexicon;
use super::pattern;

/// How far apart words that belong together stand.
const REACH: usize = 7;

/// How far behind a phrase its object stands: `el paquete`, `my next order`.
const FOREIGN_REACH: usize = 3;

/// What a clause means in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    pub(crate) intent: Intent,
    pub(crate) rule: &'static str,
    /// A word for stop is there and surely means something else.
    pub(crate) is_masked: bool,
    /// Nothing but greetings and the like.
    pub(crate) is_filler: bool,
    /// Something that an opt-out is not about is named.
    pub(crate) is_foreign: bool,
    /// A condition or a later time is named.
    pub(crate) is_conditional: bool,
    /// What is not wanted is calls.
    pub(crate) is_call: bool,
    /// Writing is asked for.
    pub(crate) is_invitation: bool,
    /// Nothing says who or what is meant.
    pub(crate) is_bare: bool,
}

/// A part of a clause between words such as "but".
pub(crate) struct Part<'a> {
    pub(crate) words: &'a [String],
    pub(crate) classes: Vec<Classes>,
    pub(crate) asks: bool,
    /// Words that are about something else, from and to.
    pub(crate) masked: Vec<(usize, usize)>,
}

/// A rule that matched, and at which word.
type Match = (&'static str, usize);

const OBJECT: Classes = Classes::SEND.or(Classes::NOUN).or(Classes::RECEIVE);
const STOPPING: Classes = Classes::STOP.or(Classes::COMMAND).or(Classes::UNSUB).or(Classes::WEAK);
const EMPTY: Classes =
    Classes::FILLER.or(Classes::POLITE).or(Classes::CONTINUED).or(Classes::ME).or(Classes::MORE);

impl Part<'_> {
    /// What the part means.
    pub(crate) fn meaning(mut self, lexicon: &Lexicon) -> Meaning {
        let is_masked = self.mask(lexicon);
        let of = |intent, rule| (intent, rule);
        let (intent, rule) = if let Some((rule, at)) = self.withdrawal(lexicon) {
            match self.doubt(rule, at, lexicon) {
                Some(doubt) => of(Intent::Ambiguous, doubt),
                None => of(Intent::Withdraw, rule),
            }
        } else if let Some(rule) = self.hint(lexicon) {
            of(Intent::Ambiguous, rule)
        } else if is_masked {
            of(Intent::None, "masked")
        } else {
            of(Intent::None, "no-match")
        };
        Meaning {
            intent,
            rule,
            is_masked,
            is_filler: self.all(EMPTY.or(Classes::SELF)),
            is_foreign: self.any(Classes::FOREIGN),
            is_conditional: self.any(Classes::CONDITION),
            is_call: self.any(Classes::CALL)
                && self.places(OBJECT).all(|at| self.at(at).has(Classes::CALL.or(Classes::WRITE))),
            is_invitation: self.any(Classes::WRITE)
                && (self.any(Classes::ONLY) || !self.any(STOPPING.or(Classes::NEG).or(Classes::PROHIBIT))),
            is_bare: !self.any(Classes::ME.or(Classes::NOUN).or(Classes::LIST).or(Classes::UNSUB)),
        }
    }

    fn at(&self, index: usize) -> Classes {
        self.classes.get(index).copied().unwrap_or_default()
    }

    fn any(&self, classes: Classes) -> bool {
        self.classes.iter().any(|own| own.has(classes))
    }

    fn all(&self, classes: Classes) -> bool {
        self.classes.iter().all(|own| own.has(classes))
    }

    /// The places of words of these classes.
    fn places(&self, classes: Classes) -> impl Iterator<Item = usize> {
        self.classes.iter().enumerate().filter(move |(_, own)| own.has(classes)).map(|(index, _)| index)
    }

    /// The nearest word of these classes at most `before` words before and `after` words after `at`.
    fn near(&self, at: usize, classes: Classes, before: usize, after: usize) -> Option<usize> {
        let fits = |index: &usize| *index != at && self.at(*index).has(classes);
        let behind = (at.saturating_add(1)..=at.saturating_add(after)).find(fits);
        behind.or_else(|| (at.saturating_sub(before)..at).rev().find(fits))
    }

    /// Where the first of the phrases stands that is not about something else: `no me manden el paquete`.
    fn finds(&self, patterns: &[Vec<pattern::Element>], lexicon: &Lexicon) -> Option<usize> {
        (0..self.words.len()).find(|at| {
            let is_open = |end: usize| self.masked.iter().all(|(from, to)| end <= *from || to <= at);
            patterns
                .iter()
                .filter_map(|elements| pattern::end_of(elements, self.words, &self.classes, *at))
                .any(|end| is_open(end) && !self.is_about_other(*at, end, lexicon))
        })
    }

    /// Whether the words from `at` to before `end` have an object that an opt-out is not about.
    fn is_about_other(&self, at: usize, end: usize, lexicon: &Lexicon) -> bool {
        if self.any(Classes::NOUN.or(Classes::LIST).or(Classes::CONSENT)) {
            return false;
        }
        let before = if lexicon.verb_final { at.saturating_sub(4) } else { at };
        let after = end.saturating_add(FOREIGN_REACH);
        self.places(Classes::FOREIGN).any(|index| before <= index && index < after)
    }

    /// Takes the meaning from words that are about something else: phrases of the data, and "do not stop". Says
    /// whether there were any.
    fn mask(&mut self, lexicon: &Lexicon) -> bool {
        let mut spans = Vec::new();
        for at in 0..self.words.len() {
            let ends = lexicon
                .none
                .iter()
                .filter_map(|elements| pattern::end_of(elements, self.words, &self.classes, at));
            spans.extend(ends.max().map(|end| (at, end)));
        }
        for at in self.places(STOPPING.or(Classes::REMOVE)).filter(|_| !lexicon.verb_final) {
            let own = self.at(at);
            // A negator that is itself part of the request, as in `nicht mehr schreiben`, is no negated stop.
            let between =
                Classes::WANT.or(Classes::KNOWN).or(Classes::ME).or(Classes::POLITE).or(Classes::CONTINUED);
            let before = (at.saturating_sub(4)..at).rev();
            let mut reachable = true;
            for index in before {
                let is_negator = self.at(index).has(Classes::NEG.or(Classes::PROHIBIT));
                if reachable && is_negator && !own.has(Classes::NEG) && self.at(index).has(Classes::NEG) {
                    spans.push((at, at.saturating_add(1)));
                }
                reachable &= self.at(index).has(between) && !self.at(index).has(STOPPING.or(OBJECT));
            }
        }
        for (from, end) in &spans {
            for place in self.classes.iter_mut().take(*end).skip(*from) {
                *place = Classes::KNOWN.or(place.and(Classes::FOREIGN.or(Classes::WRITE).or(Classes::ONLY)));
            }
        }
        self.masked = spans;
        !self.masked.is_empty()
    }

    /// The first rule that finds a withdrawal.
    fn withdrawal(&self, lexicon: &Lexicon) -> Option<Match> {
        if self.is_instruction().is_some() {
            return None;
        }
        self.finds(&lexicon.withdraw, lexicon)
            .map(|at| ("phrase", at))
            .or_else(|| self.command())
            .or_else(|| self.stop_contact(lexicon))
            .or_else(|| self.unsubscribe(lexicon))
            .or_else(|| self.prohibited_contact(lexicon))
            .or_else(|| self.unwanted())
            .or_else(|| self.no_more(lexicon))
            .or_else(|| self.removal())
            .or_else(|| self.revocation())
            .or_else(|| self.leading_command())
    }

    /// `Stop`, `please stop now`, `stop messages`.
    fn command(&self) -> Option<Match> {
        let allowed = EMPTY.or(Classes::COMMAND).or(Classes::UNSUB).or(Classes::NOUN).or(Classes::LIST);
        let at = self.places(Classes::COMMAND).next()?;
        let asked = Classes::REQUEST.or(Classes::SELF);
        self.all(allowed.or(if self.any(Classes::POLITE) { asked } else { Classes::default() }))
            .then_some(("command", at))
    }

    /// `stop sending me`, `deje de escribir`, `messages band karo`.
    fn stop_contact(&self, lexicon: &Lexicon) -> Option<Match> {
        let before = if lexicon.verb_final { REACH } else { 2 };
        self.places(Classes::STOP)
            .find(|at| {
                self.near(*at, OBJECT, before, REACH).is_some_and(|object| {
                    let is_weak = !self.at(object).has(Classes::SEND.or(Classes::NOUN));
                    if is_weak && at.abs_diff(object) > 3 {
                        // `stop playing and get dressed`
                        return false;
                    }
                    // `stop the car and send me a message`
                    let (from, to) = ((*at).min(object), (*at).max(object));
                    let between = self.places(Classes::FOREIGN).any(|index| from < index && index < to);
                    !between || self.at(object).has(Classes::NOUN) && to.saturating_sub(from) <= 3
                })
            })
            .map(|at| ("stop-contact", at))
    }

    /// `unsubscribe me`, but not `opt out of the gift wrapping`.
    fn unsubscribe(&self, lexicon: &Lexicon) -> Option<Match> {
        let end = |at: usize| {
            let next = at.saturating_add(1);
            (next..self.words.len()).find(|index| !self.at(*index).has(Classes::CONTINUED)).unwrap_or(next)
        };
        let other = |at: usize| self.is_about_other(at, end(at), lexicon);
        self.places(Classes::UNSUB).find(|at| !other(*at)).map(|at| ("unsubscribe", at))
    }

    /// `don't message me`, `mat bhejo`.
    fn prohibited_contact(&self, lexicon: &Lexicon) -> Option<Match> {
        let after = if lexicon.verb_final { 3 } else { 4 };
        let before = if lexicon.verb_final { 3 } else { 0 };
        self.places(Classes::PROHIBIT)
            .filter(|at| *at == 0 || !self.at(at.saturating_sub(1)).has(Classes::SELF))
            .find(|at| {
                self.near(*at, Classes::SEND, before, after).is_some_and(|verb| {
                    let between = self
                        .places(Classes::FOREIGN.or(Classes::WANT))
                        .any(|index| *at < index && index < verb);
                    let object =
                        self.near(verb, Classes::ME.or(Classes::NOUN).or(Classes::MORE), 4, 5).is_some();
                    let has_me = self.at(verb).has(Classes::ME);
                    let foreign =
                        self.near(verb, Classes::FOREIGN, before, 3).is_some() && !self.any(Classes::NOUN);
                    let short = self.words.len() <= 4;
                    !between && (object || has_me || short) && !foreign
                })
            })
            .map(|at| ("do-not-contact", at))
    }

    /// `I don't want your messages`, `no longer wish to receive`.
    fn unwanted(&self) -> Option<Match> {
        self.places(Classes::WANT)
            .find(|at| {
                let negated = self.at(*at).has(Classes::NEG) || self.near(*at, Classes::NEG, 4, 2).is_some();
                negated
                    && self.near(*at, OBJECT, REACH, REACH).is_some_and(|object| {
                        let from = (*at).min(object);
                        !self.places(Classes::FOREIGN).any(|index| from < index && index < (*at).max(object))
                    })
            })
            .map(|at| ("not-wanted", at))
    }

    /// `no more messages`, `keine Werbung mehr`, `no spam`.
    fn no_more(&self, lexicon: &Lexicon) -> Option<Match> {
        if self.any(Classes::PAST.or(Classes::ONLY).or(Classes::FOREIGN).or(Classes::SELF)) {
            return None;
        }
        let after = if lexicon.verb_final { 3 } else { 0 };
        let allowed = EMPTY.or(Classes::NEG).or(Classes::NOUN).or(Classes::KNOWN).or(Classes::THIRD);
        self.places(Classes::NOUN)
            .find(|at| {
                self.near(*at, Classes::NEG, 4, after).is_some()
                    && (self.near(*at, Classes::MORE, 3, 3).is_some() && self.words.len() <= 8
                        || self.words.len() <= 5 && self.all(allowed))
            })
            .map(|at| ("no-more", at))
    }

    /// `remove me`, `delete my number from your list`.
    fn removal(&self) -> Option<Match> {
        let target = Classes::ME.or(Classes::LIST);
        self.places(Classes::REMOVE)
            .find(|at| {
                let foreign = self.near(*at, Classes::FOREIGN, 2, 4).is_some();
                let subject = self.at(*at).has(target) || self.near(*at, target, 4, 4).is_some();
                subject && (!foreign || self.any(Classes::LIST) && self.any(Classes::ME))
            })
            .map(|at| ("remove", at))
    }

    /// `I withdraw my consent`.
    fn revocation(&self) -> Option<Match> {
        self.places(Classes::REVOKE)
            .find(|at| self.near(*at, Classes::CONSENT, REACH, REACH).is_some())
            .map(|at| ("revoke-consent", at))
    }

    /// `stop I never signed up`, `this is enough please stop`.
    fn leading_command(&self) -> Option<Match> {
        if self.any(Classes::FOREIGN) {
            return None;
        }
        let first = (0..self.words.len()).find(|index| !self.at(*index).has(EMPTY))?;
        let next = first.saturating_add(1);
        let begins = Classes::SELF.or(Classes::PROHIBIT).or(Classes::THIRD);
        if self.at(first).has(Classes::COMMAND) && self.at(next).has(begins) && self.words.len() > next {
            return Some(("leading-command", first));
        }
        let last = self.words.len().checked_sub(1)?;
        let before = last.checked_sub(1)?;
        let ends = self.at(last).has(Classes::COMMAND) && self.at(before).has(Classes::POLITE);
        (ends && !self.any(Classes::THIRD)).then_some(("trailing-command", last))
    }

    /// `reply STOP to unsubscribe`.
    fn is_instruction(&self) -> Option<Match> {
        // `je réponds STOP` tells what was done.
        self.places(Classes::INSTRUCT)
            .filter(|at| at.checked_sub(1).is_none_or(|before| !self.at(before).has(Classes::SELF)))
            .find(|at| self.near(*at, Classes::COMMAND.or(Classes::UNSUB).or(Classes::WEAK), 4, 3).is_some())
            .map(|at| ("instruction", at))
    }

    /// Why a withdrawal is not sure.
    fn doubt(&self, rule: &'static str, at: usize, lexicon: &Lexicon) -> Option<&'static str> {
        let may_ask = self.any(Classes::REQUEST.or(Classes::POLITE));
        // `stop texting me how did you get my number` asks something else.
        let asks = |index: usize| lexicon.verb_final || index <= at;
        // `I got one every day for a year now please stop` limits nothing.
        let limits = |index: usize| {
            at.abs_diff(index) <= REACH && (lexicon.verb_final || index.saturating_add(2) >= at)
        };
        if self.places(Classes::QUESTION).any(asks) {
            Some("question")
        } else if self.asks && !may_ask && matches!(rule, "command" | "unsubscribe" | "no-more") {
            Some("asked")
        } else if self.any(Classes::CONDITION) {
            Some("condition")
        } else if self.places(Classes::TIME).any(limits) {
            Some("time-limit")
        } else if self.places(Classes::THIRD).any(|index| index < at) {
            Some("somebody-else")
        } else {
            None
        }
    }

    /// What may be a wish to stop.
    fn hint(&self, lexicon: &Lexicon) -> Option<&'static str> {
        if self.is_instruction().is_some() {
            return Some("instruction");
        }
        if self.finds(&lexicon.ambiguous, lexicon).is_some() {
            return Some("vague");
        }
        if self.any(Classes::FOREIGN) {
            return None;
        }
        let stopping = Classes::STOP.or(Classes::COMMAND).or(Classes::WEAK);
        let plain = EMPTY
            .or(stopping)
            .or(Classes::PRONOUN)
            .or(Classes::WANT)
            .or(Classes::REQUEST)
            .or(Classes::QUESTION)
            .or(Classes::CONDITION)
            .or(Classes::SELF)
            .or(Classes::NOUN)
            .or(Classes::START);
        if self.any(stopping) && self.all(plain) {
            return Some("no-object");
        }
        let unknown = self.classes.iter().filter(|classes| classes.is_empty()).count();
        (self.words.len() == 2 && unknown == 1 && self.at(0).has(Classes::COMMAND))
            .then_some("unknown-object")
    }
}
