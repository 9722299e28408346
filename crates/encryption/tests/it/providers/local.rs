//! The local keyring.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use wzapi_encryption::KeyProvider;
use wzapi_encryption::keyring::{KeyringOptions, LocalKeyring, Passphrase};
use wzapi_model::system::SystemEntropy;

use super::suite::{Setup, Trouble, key_provider_suite};

pub(crate) struct Local {
    folder: tempfile::TempDir,
    options: KeyringOptions,
    opened: Mutex<Vec<Arc<LocalKeyring>>>,
    /// How many are opened anew. Each one with a passphrase takes the time of a hundred thousand iterations.
    most: usize,
}

impl Local {
    pub(crate) fn plain() -> Arc<Self> {
        Self::with(KeyringOptions::new(Arc::new(SystemEntropy::new())), usize::MAX)
    }

    pub(crate) fn with_passphrase() -> Arc<Self> {
        let passphrase = Passphrase::new("open sesame".to_owned()).unwrap();
        let options = KeyringOptions::new(Arc::new(SystemEntropy::new()));
        Self::with(options.iterations(100_000).passphrase(passphrase), 2)
    }

    fn with(options: KeyringOptions, most: usize) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(Self { folder, options, opened: Mutex::default(), most })
    }

    fn inside(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn apart(&self) -> PathBuf {
        self.folder.path().join("apart")
    }
}

impl Setup for Local {
    fn client(&self) -> Arc<dyn KeyProvider> {
        let mut opened = self.opened.lock().unwrap();
        // During an outage a keyring cannot be opened anew.
        if opened.len() < self.most
            && let Ok(keyring) = self.options.open_or_create(&self.inside().join("keyring.json"))
        {
            opened.push(Arc::new(keyring));
        } else {
            opened.rotate_left(1);
        }
        opened.last().expect("a keyring").clone()
    }

    fn begins_with_a_key(&self) -> bool {
        true
    }

    /// The disk is away: something else stands where the folder was.
    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        match trouble {
            Some(Trouble::Outage) => {
                fs::rename(self.inside(), self.apart()).unwrap();
                fs::write(self.inside(), "").unwrap();
                true
            }
            Some(Trouble::Throttled { .. } | Trouble::NoDecryption) => false,
            None => {
                if self.apart().exists() {
                    fs::remove_file(self.inside()).unwrap();
                    fs::rename(self.apart(), self.inside()).unwrap();
                }
                true
            }
        }
    }
}

key_provider_suite!(plain, Local::plain());
key_provider_suite!(with_passphrase, Local::with_passphrase());
