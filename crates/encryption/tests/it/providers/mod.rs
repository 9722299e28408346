//! The contract of key providers, held against the local keyring and against models of AWS KMS, HashiCorp Vault transit
//! and PKCS#11.
//!
//! | module | what is in it |
//! |---|---|
//! | `suite` | how a provider plugs in, and the table of cases |
//! | `cases` | one case per sentence of the contract at `KeyProvider` |
//! | `local` | the local keyring, with and without a passphrase |
//! | `aws_kms`, `vault_transit`, `pkcs11` | the adapter that a team would write, over a model of the service with its own error codes |
//! | `flawed` | providers that break one sentence each, and the case that notices |
//! | `tenants` | the keys of controllers over each of them, in good and in bad weather |

mod aws_kms;
mod cases;
mod flawed;
mod local;
mod pkcs11;
mod sealing;
mod suite;
mod tenants;
mod trouble;
mod vault_transit;
