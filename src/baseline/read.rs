//! The text of a baseline.

use super::{Accepted, Entry, MAX_BYTES};
use anyhow::{Context as _, Result, anyhow, bail};
use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use serde::Deserialize;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use toml::{Spanned, Value};
use verifier::Rule;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    accepted: Vec<Spanned<Table>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    image: Option<Spanned<String>>,
    rule: Spanned<String>,
    function: Spanned<String>,
    ordinal: Option<Spanned<Value>>,
    reason: Spanned<String>,
    expires: Option<Spanned<Value>>,
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read, is larger than a baseline may be, or is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String> {
    let file = File::open(path).context("cannot be opened")?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).context("cannot be read")?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("is larger than {MAX_BYTES} bytes, the most that a baseline may have");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("is not text: expected UTF-8 at offset {at:#x}")
    })
}

/// The entries, as of a day.
///
/// # Errors
/// When the text is not a baseline; the message names the line.
pub(super) fn entries(text: &str, today: Date) -> Result<Vec<Entry>> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
    let document: Document = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().replace('\n', ", ");
        anyhow!("line {}: {message}", line(at))
    })?;
    let tables = document.accepted.iter();
    tables
        .map(|table| {
            let lines = Lines { entry: line(table.span().start), of: &line };
            entry(table.get_ref(), &lines, today)
        })
        .collect()
}

/// Where things stand in the text.
struct Lines<'a> {
    entry: usize,
    of: &'a dyn Fn(usize) -> usize,
}

impl Lines<'_> {
    fn context<T, V>(&self, value: &Spanned<V>, result: Result<T>) -> Result<T> {
        result.with_context(|| format!("line {}", (self.of)(value.span().start)))
    }
}

fn entry(table: &Table, lines: &Lines<'_>, today: Date) -> Result<Entry> {
    let read = |value: &Spanned<String>| lines.context(value, not_empty(value.get_ref()));
    lines.context(&table.reason, reason(table.reason.get_ref()))?;
    let rule = lines.context(&table.rule, rule(table.rule.get_ref()))?;
    let image = table.image.as_ref().map(|image| lines.context(image, pattern(image.get_ref())));
    let ordinals = table.ordinal.as_ref().map(|value| lines.context(value, range(value.get_ref())));
    let expires = table.expires.as_ref().map(|value| lines.context(value, date(value.get_ref())));
    let expires = expires.transpose()?;
    Ok(Entry {
        line: lines.entry,
        image: image.transpose()?,
        rule,
        function: read(&table.function)?,
        ordinals: ordinals.transpose()?,
        accepted: Arc::new(Accepted { reason: table.reason.get_ref().trim().to_owned(), expires }),
        expired: expires.is_some_and(|expires| expires < today),
        taken: 0,
        matched: false,
    })
}

fn not_empty(text: &str) -> Result<String> {
    if text.is_empty() {
        bail!("the function has no name: expected one, as scan shows it");
    }
    Ok(text.to_owned())
}

fn reason(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        bail!("the reason is empty: expected one sentence on why the finding is accepted");
    }
    Ok(())
}

fn rule(text: &str) -> Result<Rule> {
    Rule::ALL.into_iter().find(|rule| rule.id() == text).ok_or_else(|| {
        let ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        anyhow!("{text:?} is not a rule: expected one of {}", ids.join(", "))
    })
}

fn pattern(text: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| {
        anyhow!(
            "{text:?} is not a pattern for a file ({}): expected one like **/podman",
            error.kind()
        )
    })?;
    Ok(glob.compile_matcher())
}

/// `3`, or `"1..4"`.
fn range(value: &Value) -> Result<(u32, u32)> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|&number| number > 0);
    let range = match value {
        Value::Integer(number) => u32::try_from(*number).ok().map(|number| (number, number)),
        Value::String(text) => {
            text.split_once("..").and_then(|(first, last)| Some((number(first)?, number(last)?)))
        }
        _ => None,
    };
    let range = range.filter(|(first, last)| 0 < *first && first <= last);
    range.with_context(|| {
        format!("{value} is not an ordinal: expected a number from 1, or a range like \"1..4\"")
    })
}

/// `2027-01-31`, as a date or as a string.
fn date(value: &Value) -> Result<Date> {
    let text = match value {
        Value::Datetime(time) => time.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // A time of the day is let pass by the parser of dates.
    let date = Some(&text).filter(|text| text.len() == "2027-01-31".len());
    let date = date.and_then(|text| text.parse::<Date>().ok());
    date.with_context(|| format!("{value} is not a day: expected one like 2027-01-31"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = jiff::civil::date(2026, 11, 21);

    fn read(fields: &str) -> Result<Entry> {
        let text = format!("# A comment\n\n[[accepted]]\nrule = \"sp-row\"\n{fields}\n");
        let mut entries = entries(&text, DAY)?;
        assert_eq!(entries.len(), 1);
        entries.pop().context("an entry")
    }

    #[test]
    fn an_entry_holds_on_its_last_day() {
        for (day, expired) in [
            ("2026-11-20", true),
            ("2026-11-21", false),
            ("2026-11-22", false),
            ("9999-12-31", false),
        ] {
            for quote in ["", "\""] {
                let fields =
                    format!("function = \"f\"\nreason = \"known\"\nexpires = {quote}{day}{quote}");
                let entry = read(&fields).unwrap_or_else(|error| panic!("{error:#}"));
                assert_eq!((entry.expired, entry.line), (expired, 3), "{day}");
            }
        }
        let entry = read("function = \"f\"\nreason = \" known \"").unwrap_or_else(|_| panic!());
        assert_eq!((entry.expired, &*entry.accepted.reason), (false, "known"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let good = "function = \"f\"\nreason = \"known\"\n";
        for (fields, parts) in [
            ("function = \"f\"", ["line 3", "reason"]),
            ("function = \"f\"\nreason = \" \"", ["line 6", "reason is empty"]),
            ("function = \"\"\nreason = \"x\"", ["line 5", "no name"]),
            ("reason = \"known\"", ["line 3", "function"]),
            (&format!("{good}ordinal = 0"), ["line 7", "0 is not an ordinal"]),
            (&format!("{good}ordinal = \"2..1\""), ["line 7", "not an ordinal"]),
            (&format!("{good}ordinal = \"0..1\""), ["line 7", "not an ordinal"]),
            (&format!("{good}ordinal = -1"), ["line 7", "not an ordinal"]),
            (&format!("{good}expires = 2027-02-30"), ["line 7", "day between 01 and 28"]),
            (&format!("{good}expires = \"soon\""), ["line 7", "not a day"]),
            (&format!("{good}expires = 2027-01-31T10:00:00Z"), ["line 7", "not a day"]),
            (&format!("{good}expires = 20270131"), ["line 7", "not a day"]),
            (&format!("{good}image = \"[\""), ["line 7", "not a pattern"]),
            (&format!("{good}until = 2027-01-31"), ["line 7", "until"]),
            (&format!("{good}rule = \"sp-row\""), ["line 7", "duplicate key"]),
            (&format!("{good}image = "), ["line 7", ""]),
        ] {
            let error = match read(fields) {
                Ok(entry) => panic!("{fields}: {entry:?}"),
                Err(error) => format!("{error:#}"),
            };
            assert_eq!(error.lines().count(), 1, "{error}");
            for part in parts {
                assert!(error.contains(part), "{part:?} in {error:?}");
            }
        }
        let error = entries("[[accepted]]\nrule = \"sp\"\nfunction = \"f\"\nreason = \"x\"", DAY);
        let error = error.map_or_else(|error| format!("{error:#}"), |_| String::new());
        assert!(error.starts_with("line 2: \"sp\" is not a rule"), "{error}");
    }
}
