//! The reports: the same data as text for people, as JSON for programs, as SARIF for
//! code scanning, as Markdown for tickets and as HTML with drawings.

pub mod html;
pub mod json;
pub mod listing;
pub mod markdown;
pub mod sarif;
pub mod text;
