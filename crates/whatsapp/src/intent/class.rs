//! What a word can be to the rules.

/// A set of classes: what one word, or a phrase of several, can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Classes(u64);

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $constant:ident = $bit:literal, $name:literal;)+) => {
        impl Classes {
            $($(#[doc = $doc])+ pub(crate) const $constant: Self = Self(1 << $bit);)+

            /// Every class with the name that data files use.
            pub(crate) const NAMED: &'static [(&'static str, Self)] = &[$(($name, Self::$constant)),+];
        }
    };
}

classes! {
    /// Means stop when it stands alone, also as one sentence of several.
    COMMAND = 0, "command";
    /// Means stop when it is the whole message; an ordinary word otherwise.
    WEAK = 1, "weak";
    /// To unsubscribe, in any form that asks for it.
    UNSUB = 2, "unsub";
    /// To stop doing something.
    STOP = 3, "stop";
    /// To write, send, call or disturb, in the forms that follow "stop" and "do not".
    SEND = 4, "send";
    /// Messages, advertising, calls.
    NOUN = 5, "noun";
    /// The person, or their number.
    ME = 6, "me";
    /// Not, no, never.
    NEG = 7, "neg";
    /// Not, as it stands before a request: do not.
    PROHIBIT = 8, "prohibit";
    /// More, again, any longer.
    MORE = 9, "more";
    /// To want or to need.
    WANT = 10, "want";
    /// To receive or to hear.
    RECEIVE = 11, "receive";
    /// To remove or to delete.
    REMOVE = 12, "remove";
    /// A list of recipients, a number on it.
    LIST = 13, "list";
    /// Consent, permission.
    CONSENT = 14, "consent";
    /// To withdraw consent.
    REVOKE = 15, "revoke";
    /// What a business deals with and an opt-out is not about: orders, bills, buses.
    FOREIGN = 16, "foreign";
    /// How, why, should I.
    QUESTION = 17, "question";
    /// If, when, I will.
    CONDITION = 18, "condition";
    /// At night, after nine, for a week.
    TIME = 19, "time";
    /// Greetings, thanks, address, haste.
    FILLER = 20, "filler";
    /// Please.
    POLITE = 21, "polite";
    /// It, this: an object that only the context tells.
    PRONOUN = 22, "pronoun";
    /// I, we; where a new sentence begins without punctuation.
    SELF = 23, "self";
    /// Somebody else.
    THIRD = 24, "third";
    /// Only, just.
    ONLY = 25, "only";
    /// But, because: where a new clause begins.
    SPLIT = 26, "split";
    /// Words that only tell the language.
    KNOWN = 27, "known";
    /// Reply with, type.
    INSTRUCT = 28, "instruct";
    /// Can you, could you.
    REQUEST = 29, "request";
    /// Start words.
    START = 30, "start";
    /// Happened before: received, sent.
    PAST = 31, "past";
    /// A later word of a phrase that began before.
    CONTINUED = 32, "continued";
    /// A telephone call, which somebody may not want while messages are welcome.
    CALL = 33, "call";
    /// To write, and where one writes: what is offered in place of a call.
    WRITE = 34, "write";
}

impl Classes {
    /// The class that data files call by this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
    }

    /// Both sets together.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the two sets share a class.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the word is in no class.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
