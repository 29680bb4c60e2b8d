//! The frame of a page: head, policy, style and script, and what stands above and below
//! every report.

use super::markup::Html;
use sha2::{Digest as _, Sha256};

/// How pages look: light or dark as the reader's system is, on a screen or on paper.
const STYLE: &str = include_str!("page.css");

/// What sorts and filters tables. A page without it lacks nothing else.
const SCRIPT: &str = include_str!("page.js");

/// A whole page. `headline` is the answer in one line.
pub(super) fn page(command: &'static str, headline: &str, body: impl FnOnce(&mut Html)) -> String {
    let title = format!("midframe {command}");
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n");
    html.element("html", &[("lang", &"en")], |html| {
        html.element("head", &[], |html| head(html, &title));
        html.element("body", &[], |html| {
            html.element("header", &[], |html| {
                html.leaf("h1", &[], &title);
                html.leaf("p", &[("class", &"headline")], headline);
            });
            html.element("main", &[], body);
            html.element("footer", &[], |html| {
                html.leaf("p", &[], format!("midframe {}", env!("CARGO_PKG_VERSION")));
            });
            html.element("script", &[], |html| html.raw(SCRIPT));
        });
    });
    html.into_string()
}

fn head(html: &mut Html, title: &str) {
    html.empty("meta", &[("charset", &"utf-8")]);
    html.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy())]);
    html.empty(
        "meta",
        &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")],
    );
    html.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
    html.leaf("title", &[], title);
    html.element("style", &[], |html| html.raw(STYLE));
}

/// Nothing is loaded from anywhere, and only our own style and script count.
fn policy() -> String {
    let [style, script] = [STYLE, SCRIPT].map(|text| base64(&Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
         base-uri 'none'; form-action 'none'"
    )
}

/// Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    let digit = |value: u32| match (value & 63) as u8 {
        value @ 0..=25 => b'A' + value,
        value @ 26..=51 => b'a' + (value - 26),
        value @ 52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (position, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let is_there = position <= chunk.len();
            text.push(if is_there { char::from(digit(bits >> shift)) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    // The examples of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
