//! The words that mean it, by language and source.
//!
//! One table for the whole workspace. Each phrase is what a person may send as a whole message; case, accents
//! and punctuation do not matter. Regulators and providers publish the first two groups; the third was collected
//! from applications, since nobody publishes lists for most languages.

/// Who says that these words mean it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A regulator: the FCC, 47 CFR 64.1200(a)(10).
    Regulator,
    /// A messaging provider: Twilio, AWS, Sinch, and the labels of Meta's own buttons.
    Provider,
    /// Applications, and inflections and phrases of the above.
    Application,
}

/// Phrases of one language from one source.
#[derive(Debug, Clone, Copy)]
pub struct Phrases {
    /// The language, by its code of ISO 639-1.
    pub language: &'static str,
    /// Who says so.
    pub source: Source,
    /// The phrases.
    pub phrases: &'static [&'static str],
}

const fn phrases(language: &'static str, source: Source, phrases: &'static [&'static str]) -> Phrases {
    Phrases { language, source, phrases }
}

/// Whole messages that mean: no more messages.
pub const OPT_OUT: &[Phrases] = &[
    phrases("en", Source::Regulator, &["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]),
    phrases(
        "en",
        Source::Provider,
        &["stopall", "stop all", "optout", "remove", "td", "stop promotions", "stop marketing"],
    ),
    phrases(
        "en",
        Source::Application,
        &[
            "stop now",
            "stop messages",
            "stop all messages",
            "stop these messages",
            "stop the messages",
            "stop sending messages",
            "stop sending me messages",
            "stop sending these messages",
            "stop sending me these messages",
            "stop sending",
            "stop messaging",
            "stop messaging me",
            "stop texting",
            "stop texting me",
            "stop contacting me",
            "stop writing to me",
            "stop promotion",
            "stop promos",
            "stop promo",
            "stop promotional messages",
            "stop marketing messages",
            "stop offers",
            "stop ads",
            "stop advertising",
            "stop campaigns",
            "stop updates",
            "stop spam",
            "stop spamming",
            "stop spamming me",
            "unsubscribe me",
            "unsubscribe all",
            "unsubscribe now",
            "unsubscribe from promotions",
            "unsubscribe from marketing",
            "unsubscribe from all",
            "i want to unsubscribe",
            "i wish to unsubscribe",
            "i would like to unsubscribe",
            "id like to unsubscribe",
            "opt me out",
            "opt out now",
            "opt out marketing",
            "opt out of marketing",
            "i want to opt out",
            "i opt out",
            "remove me",
            "remove my number",
            "remove me from your list",
            "remove me from this list",
            "remove me from the list",
            "take me off your list",
            "take me off this list",
            "no more messages",
            "no more marketing",
            "no more promotions",
            "no more ads",
            "dont message me",
            "do not message me",
            "dont text me",
            "do not text me",
            "dont contact me",
            "do not contact me",
            "dont send me messages",
            "do not send me messages",
            "dont message me again",
            "do not message me again",
            "dont contact me again",
            "do not contact me again",
            "i revoke my consent",
            "i withdraw my consent",
        ],
    ),
    phrases("es", Source::Provider, &["detener", "salir", "cancelar"]),
    phrases(
        "es",
        Source::Application,
        &[
            "baja",
            "darme de baja",
            "dar de baja",
            "dame de baja",
            "quiero darme de baja",
            "alto",
            "basta",
            "no más",
            "no más mensajes",
            "no más promociones",
            "detener promociones",
        ],
    ),
    phrases("pt", Source::Provider, &["parar", "cancelar"]),
    phrases(
        "pt",
        Source::Application,
        &[
            "sair",
            "descadastrar",
            "descadastre-me",
            "parar promoções",
            "interromper promoções",
            "parar mensagens",
        ],
    ),
    phrases("fr", Source::Provider, &["arret"]),
    phrases(
        "fr",
        Source::Application,
        &[
            "arrêt",
            "arrêter",
            "arrêtez",
            "désabonner",
            "me désabonner",
            "désabonnement",
            "désabonnez-moi",
            "arrêter les promotions",
        ],
    ),
    phrases(
        "de",
        Source::Application,
        &[
            "stopp",
            "abmelden",
            "abbestellen",
            "bitte abmelden",
            "keine werbung",
            "keine werbung mehr",
            "werbung stoppen",
        ],
    ),
    phrases(
        "it",
        Source::Application,
        &["basta", "annulla", "cancella", "disiscrivimi", "interrompi promozioni"],
    ),
    phrases("nl", Source::Application, &["afmelden", "stoppen", "uitschrijven"]),
    phrases(
        "hi",
        Source::Application,
        &[
            "बंद",
            "बन्द",
            "बंद करो",
            "बंद करें",
            "बंद करे",
            "रोको",
            "मत भेजो",
            "मैसेज बंद करो",
            "band",
            "band karo",
            "band kro",
            "band karen",
            "roko",
            "mat bhejo",
            "message band karo",
            "message mat bhejo",
        ],
    ),
    phrases("gu", Source::Application, &["બંધ", "બંધ કરો"]),
    phrases("id", Source::Application, &["berhenti", "berhenti berlangganan"]),
    phrases("he", Source::Application, &["הסרה", "הסר"]),
    phrases("ar", Source::Application, &["إلغاء الاشتراك", "الغاء الاشتراك"]),
    phrases("zh", Source::Application, &["退订", "退訂", "取消订阅", "取消訂閱"]),
    phrases("ja", Source::Application, &["配信停止"]),
    phrases("ko", Source::Application, &["수신거부", "수신 거부"]),
    phrases("ru", Source::Application, &["не пишите", "не пишите мне", "стоп"]),
];

/// Whole messages that mean: messages again. Only what providers define: a grant is not inferred.
pub const OPT_IN: &[Phrases] = &[
    phrases("en", Source::Provider, &["start", "subscribe", "unstop"]),
    phrases("es", Source::Provider, &["volver", "recibir"]),
    phrases("pt", Source::Provider, &["voltar", "receber"]),
];

/// What may stand before or after an opt-out without changing it.
pub const POLITE: &[&str] = &[
    "please",
    "pls",
    "plz",
    "plss",
    "kindly",
    "thanks",
    "thank you",
    "thx",
    "sir",
    "por favor",
    "porfavor",
    "gracias",
    "obrigado",
    "obrigada",
    "s'il vous plaît",
    "s'il te plaît",
    "svp",
    "merci",
    "bitte",
    "danke",
    "per favore",
    "grazie",
    "alstublieft",
    "aub",
    "tolong",
    "mohon",
    "terima kasih",
    "कृपया",
    "kripya",
    "પ્લીઝ",
    "пожалуйста",
    "спасибо",
    "من فضلك",
    "בבקשה",
    "请",
    "請",
];
