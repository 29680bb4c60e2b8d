//! The reports: the same data as text for people, as JSON for programs, as SARIF for
//! code scanning and as Markdown for tickets.

pub mod json;
pub mod listing;
pub mod markdown;
pub mod sarif;
pub mod text;
