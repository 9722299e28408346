//! One case per sentence of the contract at `KeyProvider`, of the same name.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::provider::{
    Destruction, KeyContext, MAX_CONTEXT_BYTES, MAX_CONTEXT_NAMES, MAX_WRAPPED, MAX_WRAPPING_KEY_ID,
    WrappingKeyId,
};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};
use wzapi_model::Timestamp;

use super::sealing::hex;
use super::suite::{Setup, Trouble};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECRET: [u8; 32] = *b"\xa5\xb6the bytes of a tenant key..\xc7\xd8\xe9";

type Provider = Arc<dyn KeyProvider>;
type Outcome<T> = Result<T, KeyProviderError>;

fn context(pairs: &[(&str, &str)]) -> KeyContext {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn usual() -> KeyContext {
    context(&[("purpose", "wzapi-tenant-key"), ("controller", "c0ffee"), ("version", "1")])
}

async fn wrap(provider: &Provider, id: &WrappingKeyId) -> Outcome<Vec<u8>> {
    provider.wrap(id, &usual(), &SecretKey::from_bytes(&SECRET)).await
}

async fn unwrap(provider: &Provider, id: &WrappingKeyId, wrapped: &[u8]) -> Outcome<SecretKey> {
    provider.unwrap(id, &usual(), wrapped).await
}

async fn opens(provider: &Provider, id: &WrappingKeyId, wrapped: &[u8]) {
    let key = unwrap(provider, id, wrapped).await.expect("it unwraps");
    assert_eq!(key.expose(), &SECRET);
}

fn is_no_such_key<T>(outcome: Outcome<T>) {
    assert!(matches!(outcome, Err(KeyProviderError::NoSuchKey)), "{:?}", outcome.err());
}

fn is_refused_as_altered(outcome: Outcome<SecretKey>, what: &str) {
    assert!(matches!(outcome, Err(KeyProviderError::Authentication)), "{what}: {:?}", outcome.err());
}

fn is_unavailable<T>(outcome: Outcome<T>) {
    let error = outcome.err().expect("nothing answers during an outage");
    assert!(matches!(error, KeyProviderError::Unavailable(_)), "{error:?}");
    assert!(error.is_retryable());
}

/// The provider, with a current key that wrapped something.
async fn in_use(setup: &Arc<dyn Setup>) -> (Provider, WrappingKeyId, Vec<u8>) {
    let provider = setup.client();
    let id = provider.generate().await.unwrap();
    let wrapped = wrap(&provider, &id).await.unwrap();
    (provider, id, wrapped)
}

pub(crate) async fn fresh_keys(setup: Arc<dyn Setup>) {
    let mut names = BTreeSet::new();
    for round in 0..4 {
        let (provider, id, wrapped) = in_use(&setup).await;
        opens(&provider, &id, &wrapped).await;
        assert!(!id.0.is_empty() && id.0.len() <= MAX_WRAPPING_KEY_ID);
        assert!(id.0.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{id}");
        assert!(names.insert(id.clone()), "{id} is the name of two keys");
        if round == 2 {
            // A name is not given again because its key is gone.
            for id in names.iter().filter(|other| **other != id) {
                provider.destroy(id).await.unwrap();
            }
            if let Some(clock) = setup.clock() {
                clock.advance(60 * DAY);
            }
        }
    }
}

pub(crate) async fn newest_is_current(setup: Arc<dyn Setup>) {
    let provider = setup.client();
    for _ in 0..3 {
        let id = provider.generate().await.unwrap();
        assert_eq!(provider.current().await.unwrap(), id);
        assert_eq!(setup.client().current().await.unwrap(), id, "after a restart");
    }
    let elsewhere = setup.client().generate().await.unwrap();
    assert_eq!(setup.client().current().await.unwrap(), elsewhere);
}

pub(crate) async fn failing_to_generate(setup: Arc<dyn Setup>) {
    let (_, first, wrapped) = in_use(&setup).await;
    for every in 1..8 {
        if !setup.set_trouble(Some(Trouble::Throttled { every })) {
            return;
        }
        let outcome = setup.client().generate().await;
        setup.set_trouble(None);
        if let Err(error) = &outcome {
            assert!(matches!(error, KeyProviderError::Unavailable(_)), "{error:?}");
        }
        let provider = setup.client();
        let current = provider.current().await.expect("there is a key to wrap with");
        if let Ok(id) = outcome {
            assert_eq!(current, id);
        }
        let made = wrap(&provider, &current).await.expect("the current key wraps");
        opens(&provider, &current, &made).await;
        opens(&provider, &first, &wrapped).await;
    }
}

pub(crate) async fn before_the_first_key(setup: Arc<dyn Setup>) {
    if setup.begins_with_a_key() {
        let provider = setup.client();
        let id = provider.current().await.unwrap();
        let wrapped = wrap(&provider, &id).await.unwrap();
        opens(&provider, &id, &wrapped).await;
    } else {
        is_no_such_key(setup.client().current().await);
        is_no_such_key(setup.client().current().await);
    }
}

pub(crate) async fn round_trip(setup: Arc<dyn Setup>) {
    let mut wrapped = Vec::new();
    for number in 0..3_u8 {
        let provider = setup.client();
        let id = provider.generate().await.unwrap();
        for context in [context(&[("a", "b")]), usual(), largest()] {
            let key = SecretKey::from_bytes(&[number; 32]);
            let made = provider.wrap(&id, &context, &key).await.unwrap();
            wrapped.push((number, id.clone(), context, made));
        }
    }
    for provider in [setup.client(), setup.client()] {
        for (number, id, context, made) in &wrapped {
            let key = provider.unwrap(id, context, made).await.expect("it unwraps");
            assert_eq!(key.expose(), &[*number; 32]);
        }
    }
}

/// As many names and bytes as a context may have.
fn largest() -> KeyContext {
    let value = "v".repeat(MAX_CONTEXT_BYTES / MAX_CONTEXT_NAMES - 2);
    let largest: KeyContext =
        (0..MAX_CONTEXT_NAMES).map(|number| (format!("n{number}"), value.clone())).collect();
    let bytes: usize = largest.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert_eq!((largest.len(), bytes), (MAX_CONTEXT_NAMES, MAX_CONTEXT_BYTES));
    largest
}

pub(crate) async fn bound_to_its_context(setup: Arc<dyn Setup>) {
    let (provider, id, wrapped) = in_use(&setup).await;
    let others = [
        context(&[]),
        context(&[("purpose", "wzapi-tenant-key"), ("controller", "c0ffee")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controller", "c0ffee"), ("version", "2")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controller", "c0ffee"), ("version", "11")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controller", "C0FFEE"), ("version", "1")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controlle", "rc0ffee"), ("version", "1")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controllerc", "0ffee"), ("version", "1")]),
        context(&[("purpose", "c0ffee"), ("controller", "wzapi-tenant-key"), ("version", "1")]),
        context(&[("purpose", "wzapi-tenant-key"), ("controller", "c0ffee"), ("version", "1"), ("x", "y")]),
    ];
    for other in others {
        let outcome = provider.unwrap(&id, &other, &wrapped).await;
        is_refused_as_altered(outcome, &format!("{other:?}"));
    }
    // The order in which the names are put in does not matter.
    let mut reversed = KeyContext::new();
    for (name, value) in usual().into_iter().rev() {
        reversed.insert(name, value);
    }
    assert_eq!(provider.unwrap(&id, &reversed, &wrapped).await.unwrap().expose(), &SECRET);

    let wrapped = provider.wrap(&id, &largest(), &SecretKey::from_bytes(&SECRET)).await.unwrap();
    for name in largest().keys() {
        let mut other = largest();
        let value = other.get_mut(name).unwrap();
        value.pop();
        value.push('w');
        is_refused_as_altered(provider.unwrap(&id, &other, &wrapped).await, name);
    }
}

pub(crate) async fn bound_to_its_key(setup: Arc<dyn Setup>) {
    let (provider, first, wrapped) = in_use(&setup).await;
    let (_, second, also_wrapped) = in_use(&setup).await;
    is_refused_as_altered(unwrap(&provider, &second, &wrapped).await, "a later key");
    is_refused_as_altered(unwrap(&provider, &first, &also_wrapped).await, "an earlier key");
}

pub(crate) async fn tamper_evident(setup: Arc<dyn Setup>) {
    let (provider, id, wrapped) = in_use(&setup).await;
    for position in 0..wrapped.len() {
        for mask in [1, 0x80] {
            let mut altered = wrapped.clone();
            altered[position] ^= mask;
            is_refused_as_altered(unwrap(&provider, &id, &altered).await, &format!("byte {position}"));
        }
        is_refused_as_altered(
            unwrap(&provider, &id, &wrapped[..position]).await,
            &format!("cut at {position}"),
        );
    }
    for longer in [[&wrapped[..], b"\0"].concat(), [b"\0", &wrapped[..]].concat(), wrapped.repeat(2)] {
        is_refused_as_altered(unwrap(&provider, &id, &longer).await, "longer");
    }
    opens(&provider, &id, &wrapped).await;
}

pub(crate) async fn never_twice_the_same(setup: Arc<dyn Setup>) {
    let (provider, id, wrapped) = in_use(&setup).await;
    let mut seen = BTreeSet::from([wrapped]);
    for _ in 0..8 {
        assert!(seen.insert(wrap(&provider, &id).await.unwrap()));
        assert!(seen.insert(wrap(&setup.client(), &id).await.unwrap()), "after a restart");
    }
}

pub(crate) async fn hides_the_key(setup: Arc<dyn Setup>) {
    let (_, _, wrapped) = in_use(&setup).await;
    assert!(wrapped.len() <= MAX_WRAPPED);
    let text = String::from_utf8_lossy(&wrapped).to_lowercase();
    for part in SECRET.chunks(8) {
        assert!(!wrapped.windows(part.len()).any(|window| window == part));
        assert!(!text.contains(&hex(part)));
    }
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(SECRET);
    assert!(!String::from_utf8_lossy(&wrapped).contains(&encoded[..20]));
}

pub(crate) async fn earlier_keys(setup: Arc<dyn Setup>) {
    let (provider, first, _) = in_use(&setup).await;
    provider.generate().await.unwrap();
    for provider in [provider, setup.client()] {
        let wrapped = wrap(&provider, &first).await.expect("it serves as long as it exists");
        opens(&setup.client(), &first, &wrapped).await;
    }
}

pub(crate) async fn unknown_keys(setup: Arc<dyn Setup>) {
    let (provider, id, wrapped) = in_use(&setup).await;
    let mut similar = id.0.clone();
    let last = similar.pop().unwrap();
    similar.push(if last == '0' { '1' } else { '0' });
    for unknown in ["no-such-key".to_owned(), similar] {
        let unknown = WrappingKeyId(unknown);
        for _ in 0..2 {
            is_no_such_key(wrap(&provider, &unknown).await);
            is_no_such_key(unwrap(&provider, &unknown, &wrapped).await);
            is_no_such_key(provider.destroy(&unknown).await);
        }
    }
    assert_eq!(provider.current().await.unwrap(), id);
    opens(&provider, &id, &wrapped).await;
}

pub(crate) async fn the_current_key_stays(setup: Arc<dyn Setup>) {
    let (provider, id, wrapped) = in_use(&setup).await;
    for provider in [provider, setup.client()] {
        let outcome = provider.destroy(&id).await;
        assert!(matches!(outcome, Err(KeyProviderError::StillCurrent)), "{outcome:?}");
        assert_eq!(provider.current().await.unwrap(), id);
        opens(&provider, &id, &wrapped).await;
        wrap(&provider, &id).await.unwrap();
    }
}

pub(crate) async fn destroyed_at_once_for_us(setup: Arc<dyn Setup>) {
    let mut keys = Vec::new();
    for _ in 0..4 {
        let (_, id, wrapped) = in_use(&setup).await;
        keys.push((id, wrapped));
    }
    let elsewhere = setup.client();
    for (id, wrapped) in &keys {
        opens(&elsewhere, id, wrapped).await;
    }
    // Neither the oldest first nor the newest first.
    for destroyed in [1, 2, 0] {
        let provider = setup.client();
        provider.destroy(&keys[destroyed].0).await.unwrap();
        let (id, wrapped) = keys[destroyed].clone();
        for provider in [&provider, &elsewhere, &setup.client()] {
            is_no_such_key(wrap(provider, &id).await);
            is_no_such_key(unwrap(provider, &id, &wrapped).await);
        }
        keys[destroyed].1.clear();
        for (id, wrapped) in keys.iter().filter(|(_, wrapped)| !wrapped.is_empty()) {
            opens(&elsewhere, id, wrapped).await;
        }
        assert_eq!(provider.current().await.unwrap(), keys[3].0);
        wrap(&provider, &keys[3].0).await.unwrap();
    }
}

pub(crate) async fn repeatable(setup: Arc<dyn Setup>) {
    let (_, id, wrapped) = in_use(&setup).await;
    let (provider, newest, also_wrapped) = in_use(&setup).await;
    let mut outcome = provider.destroy(&id).await.unwrap();
    if let Some(clock) = setup.clock() {
        let begun = wzapi_model::Clock::now(clock);
        for _ in 0..3 {
            let Destruction::PendingUntil(moment) = outcome else { break };
            assert!(moment > begun && moment < Timestamp::MAX, "{moment}");
            clock.advance(DAY);
            outcome = setup.client().destroy(&id).await.unwrap();
            assert_eq!(outcome, Destruction::PendingUntil(moment), "the waiting is not begun anew");
            is_no_such_key(unwrap(&provider, &id, &wrapped).await);
        }
        if let Destruction::PendingUntil(moment) = outcome {
            clock.set(moment.saturating_add(2 * DAY));
        }
    }
    for provider in [provider, setup.client(), setup.client()] {
        is_no_such_key(provider.destroy(&id).await);
        is_no_such_key(unwrap(&provider, &id, &wrapped).await);
        opens(&provider, &newest, &also_wrapped).await;
    }
}

pub(crate) async fn unavailable_means_nothing(setup: Arc<dyn Setup>) {
    let (_, old, wrapped_by_old) = in_use(&setup).await;
    let (provider, id, wrapped) = in_use(&setup).await;

    assert!(setup.set_trouble(Some(Trouble::Outage)), "every provider can fail");
    for provider in [&provider, &setup.client()] {
        is_unavailable(provider.generate().await);
        is_unavailable(provider.current().await);
        is_unavailable(wrap(provider, &id).await);
        is_unavailable(unwrap(provider, &id, &wrapped).await);
        is_unavailable(unwrap(provider, &old, &wrapped_by_old).await);
        is_unavailable(provider.destroy(&old).await);
    }
    setup.set_trouble(None);
    assert_eq!(provider.current().await.unwrap(), id);
    opens(&provider, &id, &wrapped).await;
    opens(&provider, &old, &wrapped_by_old).await;

    if setup.set_trouble(Some(Trouble::NoDecryption)) {
        is_unavailable(unwrap(&provider, &id, &wrapped).await);
        let made = wrap(&provider, &id).await;
        setup.set_trouble(None);
        opens(&provider, &id, &made.expect("encryption works")).await;
    }
    for every in 2..6 {
        if !setup.set_trouble(Some(Trouble::Throttled { every })) {
            return;
        }
        let mut served = 0;
        for _ in 0..10 {
            let outcomes = (provider.current().await, wrap(&provider, &id).await);
            let opened = unwrap(&provider, &id, &wrapped).await;
            served += usize::from(outcomes.0.is_ok())
                + usize::from(outcomes.1.is_ok())
                + usize::from(opened.is_ok());
            assert_eq!(outcomes.0.unwrap_or_else(|error| when_retryable(error, &id)), id);
            outcomes.1.unwrap_or_else(|error| when_retryable(error, &Vec::new()));
            let key = opened.unwrap_or_else(|error| when_retryable(error, &SecretKey::from_bytes(&SECRET)));
            assert_eq!(key.expose(), &SECRET);
        }
        assert!(served > 0);
        setup.set_trouble(None);
        opens(&provider, &id, &wrapped).await;
    }
}

fn when_retryable<T: Clone>(error: KeyProviderError, otherwise: &T) -> T {
    assert!(matches!(error, KeyProviderError::Unavailable(_)), "{error:?}");
    otherwise.clone()
}

pub(crate) async fn concurrent_use(setup: Arc<dyn Setup>) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let setup = setup.clone();
        tasks.spawn(async move {
            let provider = setup.client();
            let mut made = Vec::new();
            for _ in 0..3 {
                let id = provider.generate().await.unwrap();
                let wrapped = wrap(&provider, &id).await.unwrap();
                made.push((id, wrapped));
            }
            made
        });
    }
    let made: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let names: BTreeSet<_> = made.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(names.len(), 24, "every key has a name of its own");
    let provider = setup.client();
    assert!(names.contains(&provider.current().await.unwrap()));
    for (id, wrapped) in made {
        opens(&provider, &id, &wrapped).await;
    }
}

pub(crate) async fn silent(setup: Arc<dyn Setup>) {
    let (_, old, _) = in_use(&setup).await;
    let (provider, id, wrapped) = in_use(&setup).await;
    let unknown = WrappingKeyId("no-such-key".to_owned());
    let mut errors = vec![
        wrap(&provider, &unknown).await.err(),
        unwrap(&provider, &unknown, &wrapped).await.err(),
        unwrap(&provider, &old, &wrapped).await.err(),
        provider.unwrap(&id, &context(&[("a", "b")]), &wrapped).await.err(),
        unwrap(&provider, &id, &SECRET).await.err(),
        provider.destroy(&id).await.err(),
        wrap(&provider, &old).await.err(),
    ];
    setup.set_trouble(Some(Trouble::Outage));
    errors.push(wrap(&provider, &id).await.err());
    errors.push(unwrap(&provider, &id, &wrapped).await.err());
    setup.set_trouble(None);
    let decimal = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let mut seen = 0;
    for error in errors.iter().flatten() {
        let mut cause: Option<&dyn Error> = Some(error);
        while let Some(error) = cause {
            let shown = format!("{error} {error:?}").to_lowercase();
            assert!(!shown.contains("tenant key.."), "{shown}");
            assert!(!shown.contains(&hex(&SECRET[4..12])), "{shown}");
            assert!(!shown.contains(&decimal(&SECRET[4..12])), "{shown}");
            seen += 1;
            cause = error.source();
        }
    }
    assert!(seen >= 8);
}
