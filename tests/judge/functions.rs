//! Functions that Go's assembler made, with a header that says which and how.

use crate::subject::Subject;

const FUNCTIONS: &str = include_str!("functions-go1.24.11.txt");

/// The functions, with their names.
pub(crate) fn recorded() -> Vec<(&'static str, Subject)> {
    let mut functions = Vec::<(&str, String)>::new();
    for line in FUNCTIONS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("func ") {
            functions.push((name, String::new()));
        } else {
            let (_, listing) = functions.last_mut().expect("a function");
            listing.push_str(line);
            listing.push('\n');
        }
    }
    functions.iter().map(|(name, listing)| (*name, Subject::read(listing))).collect()
}
