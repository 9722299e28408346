//! What goes wrong with a modelled service.

use std::sync::Mutex;

/// Trouble that lasts until it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing answers.
    Outage,
    /// Every so many calls one is turned away.
    Throttled { every: u64 },
    /// Encryption works and decryption does not.
    NoDecryption,
}

/// The weather that a service stands in.
#[derive(Debug, Default)]
pub(crate) struct Weather(Mutex<(Option<Trouble>, u64)>);

impl Weather {
    pub(crate) fn set(&self, trouble: Option<Trouble>) {
        *self.0.lock().unwrap() = (trouble, 0);
    }

    /// What strikes this call.
    pub(crate) fn strikes(&self, decrypts: bool) -> Option<Trouble> {
        let mut weather = self.0.lock().unwrap();
        weather.1 += 1;
        let strikes = match weather.0? {
            Trouble::Outage => true,
            Trouble::Throttled { every } => weather.1.is_multiple_of(every),
            Trouble::NoDecryption => decrypts,
        };
        if strikes { weather.0 } else { None }
    }
}

/// Lets others go on between two calls of a service, as a network would.
pub(crate) async fn travel() {
    tokio::task::yield_now().await;
}
