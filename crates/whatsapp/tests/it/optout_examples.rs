//! The sentences that define what each answer means.

use wzapi_whatsapp::intent::{Intent, Verdict, classify, classify_text};

#[track_caller]
fn all_mean(intent: Intent, texts: &[&str]) {
    let wrong: Vec<String> = texts
        .iter()
        .map(|text| (text, classify_text(text, None)))
        .filter(|(_, verdict)| verdict.intent != intent)
        .map(|(text, verdict)| format!("{text:?}: {:?} by {verdict}", verdict.intent))
        .collect();
    assert!(wrong.is_empty(), "not {intent:?}: {wrong:#?}");
}

#[test]
fn these_withdraw() {
    all_mean(
        Intent::Withdraw,
        &[
            "STOP",
            "Stop.",
            "stop!!!",
            "\"STOP\"",
            "S T O P",
            "s.t.o.p",
            "stooop",
            "STOPPPP",
            "please stop",
            "STOP 🛑",
            "pls stop, thanks",
            "Sto\u{200c}p",
            "ＳＴＯＰ",
            "ARRET",
            "arre\u{302}t",
            "बंद करो 🙏",
            "opt-out",
            "OPTOUT",
            "STOP_PROMOTIONS",
            "opt_out_yes",
            "unsubscribe-btn",
            "td",
            "cancel",
            "por favor darme de baja",
            "BAJA",
            "NO MÁS",
            "إلغاء الاشتراك",
            "退订。",
            "配信停止",
            "수신거부",
            "Не пишите!",
            "הסרה",
            "બંધ કરો",
            "Stop. Thank you",
            "Hi, please stop sending me these",
            "I never signed up, remove me",
            "pls dont msg me again bro",
            "stop, wrong number",
            "kindly unsubscribe me from your whatsapp list",
            "Hör auf mir zu schreiben",
            "No quiero recibir más mensajes",
            "mujhe message mat bhejo",
            "stp msgs",
            "unsubcribe",
            "unsuscribe",
            "plz stp",
            "dnt msg me",
            "stop the offers but keep order updates",
            "Can you please stop sending me messages?",
            "I withdraw my consent",
            "leave me alone",
        ],
    );
}

#[test]
fn these_are_ambiguous() {
    all_mean(
        Intent::Ambiguous,
        &[
            "cancel it",
            "stop it",
            "stop this",
            "enough is enough",
            "not interested",
            "no thanks",
            "too many messages",
            "why do you keep messaging me?",
            "how do I unsubscribe?",
            "can you stop?",
            "who gave you my number?",
            "I want to cancel",
            "should I reply stop?",
            "Reply STOP to unsubscribe",
            "I didn't subscribe to this",
            "I will unsubscribe if this continues",
            "stop messaging after 9pm",
            "don't message me at night",
            "stop start",
        ],
    );
}

#[test]
fn these_are_about_something_else() {
    all_mean(
        Intent::None,
        &[
            "",
            " ",
            "🛑",
            "STOP this terrible bill",
            "can I stop by the shop?",
            "don't stop",
            "Don’t stop!",
            "never stop",
            "never stop sending these, I love them",
            "please cancel my order #123",
            "end of the month?",
            "my subscription has ended, how do I renew?",
            "which bus stop",
            "the car won't stop",
            "para mañana",
            "quero parar de fumar",
            "no calls, only WhatsApp",
            "basta così per la pasta?",
            "weekend",
            "please",
            "hello",
            "> Reply STOP\nok",
        ],
    );
}

#[test]
fn a_subscription_is_only_the_exact_word() {
    all_mean(
        Intent::Subscribe,
        &["START", "start.", "Subscribe", "unstop", "VOLVER", "recibir", "voltar", "receber"],
    );
    for text in ["please start", "staaart", "start the car", "don't start"] {
        assert_ne!(classify_text(text, None).intent, Intent::Subscribe, "{text}");
    }
}

#[test]
fn a_withdrawal_wins_over_a_subscription_in_either_order() {
    let intent = |texts: &[&str]| {
        let words: Vec<_> = texts.iter().map(|text| (*text).into()).collect();
        classify(&words).intent
    };
    assert_eq!(intent(&["START", "STOP_PROMOTIONS"]), Intent::Withdraw);
    assert_eq!(intent(&["Stop", "start"]), Intent::Withdraw);
    assert_eq!(intent(&["start", "hello"]), Intent::Subscribe);
    assert_eq!(classify(&[]), Verdict::NONE);
}
