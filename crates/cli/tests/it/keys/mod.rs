//! `wzapi keys`.

mod interrupted;
mod managing;
mod restored;
