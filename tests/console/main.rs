//! The console as people and programs use it: who gets where, the whole triage in a browser in both languages, and what looks for barriers on every page.

#[path = "../parts/mod.rs"]
mod parts;

mod access;
mod blocks;
mod browser;
mod duties;
mod exceptions;
mod hostile;
mod keys;
mod pages;
mod people;
mod place;
mod searches;
mod shown;
mod sign_in;
mod stale;
mod triage;
mod visitor;
mod words;
