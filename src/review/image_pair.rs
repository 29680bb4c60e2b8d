//! Two builds of a program, function by function.
//!
//! Functions are the same by their names. Of several with one name (a function in
//! assembly and the wrapper that Go's callers reach it by, instances of a generic one)
//! those in assembly are told from the others as far as both programs have them, and the
//! rest go by their order in the program. One that is written anew under an old name is
//! compared with the old one.

use super::group::{Both, Groups};
use super::parts::Parts;
use super::step::Code;
use super::verdict::{Judged, Spot, classify};
use super::{Class, Lone, Pair, Reviewed, Side, Sight};
use crate::progress::Progress;
use crate::scan::{Finding, Options, Scanner, Summary, unobserving};
use a64::syntax::GoSyntax;
use image::{Function, Image};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use unwind::{FuncFlags, Index, Pc, RowTable, Word};
use verifier::{Observer, Observers};

/// How many functions a thread takes at a time.
const CHUNK: usize = 64;

/// A program with its functions.
pub(crate) struct Table<'i> {
    image: &'i Image<'i>,
    /// By address, each with its position in the image.
    pub(crate) functions: Vec<(usize, Function<'i>)>,
    pub(crate) unreadable: u64,
}

/// What functions are the same by: the name, whether it is assembly, and which of
/// those it is.
type Key<'i> = (&'i [u8], bool, u32);

/// A function of both tables, or of one.
#[derive(Clone, Copy)]
enum Match<'i> {
    Both(Key<'i>, usize, usize),
    Alone(Key<'i>, usize, Which),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Old = 0,
    New = 1,
}

/// Holds two programs against each other.
pub(super) fn review_images(
    name: &str,
    sides: [(&str, &Image<'_>); 2],
    examples: usize,
    progress: &Progress,
) -> (Pair, Groups) {
    let tables = sides.map(|(_, image)| Table::new(image));
    let matches = matches(&tables);
    progress.more(matches.len() as u64);
    let parts: Vec<_> = matches
        .par_chunks(CHUNK)
        .map_init(
            || Worker::new(&tables),
            |worker, matches| {
                let (mut pair, mut groups) = (Pair::default(), Groups::new(examples));
                matches
                    .iter()
                    .for_each(|found| worker.review(name, *found, &mut pair, &mut groups));
                progress.advance(matches.len() as u64);
                (pair, groups)
            },
        )
        .collect();
    let side = |(path, image): (&str, &Image<'_>), table: &Table<'_>| Side {
        name: path.to_owned(),
        container: Some(format!("{} {}", image.architecture(), image.container())),
        go_version: image.go_version().map(str::to_owned),
        functions: table.functions.len() as u64,
        unreadable: table.unreadable,
    };
    let ([old, new], [before, now]) = (sides, &tables);
    let sides = [side(old, before), side(new, now)];
    let mut pair = Pair { name: name.to_owned(), sides, ..Pair::default() };
    let mut groups = Groups::new(examples);
    for (mut part, theirs) in parts {
        let places = groups.merge(theirs);
        super::renumber(&mut part, &places);
        pair.merge(part);
    }
    (pair, groups)
}

impl Pair {
    fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.costs.merge(&other.costs);
        self.functions.extend(other.functions);
        for (mine, theirs) in self.alone.iter_mut().zip(other.alone) {
            mine.extend(theirs);
        }
    }
}

impl<'i> Table<'i> {
    pub(crate) fn new(image: &'i Image<'i>) -> Self {
        let count = image.function_count();
        let functions = (0..count).filter_map(|index| Some((index, image.function(index).ok()?)));
        let functions: Vec<_> = functions.collect();
        let unreadable = (count - functions.len()) as u64;
        Self { image, functions, unreadable }
    }

    /// The functions by what they are the same by.
    fn keys(&self) -> Vec<Key<'i>> {
        let mut ordinals: HashMap<(&[u8], bool), u32> = HashMap::new();
        let key = |(_, function): &(usize, Function<'i>)| {
            let named = (function.name(), function.flags.contains(FuncFlags::ASM));
            let ordinal = ordinals.entry(named).or_default();
            *ordinal = ordinal.saturating_add(1);
            (named.0, named.1, *ordinal)
        };
        self.functions.iter().map(key).collect()
    }

    /// The name of the function that begins at an address.
    pub(crate) fn name_at(&self, pc: Pc) -> Option<&'i [u8]> {
        let found = self.functions.binary_search_by_key(&pc, |(_, function)| function.entry);
        let found = found.ok().and_then(|position| self.functions.get(position));
        found.map(|(_, function)| function.name())
    }
}

/// The functions of both tables in the order of their names. Those that were written in
/// assembly, or are now, come last to a counterpart.
fn matches<'i>([old, new]: &[Table<'i>; 2]) -> Vec<Match<'i>> {
    let keys = old.keys();
    let mut by_key: HashMap<Key<'i>, usize> = keys.iter().copied().zip(0..).collect();
    let mut matches = Vec::with_capacity(keys.len());
    let mut appeared = Vec::new();
    for (position, key) in new.keys().into_iter().enumerate() {
        match by_key.remove(&key) {
            Some(before) => matches.push(Match::Both(key, before, position)),
            None => appeared.push((key, position)),
        }
    }
    let mut gone: BTreeMap<&[u8], Vec<(Key<'i>, usize)>> = BTreeMap::new();
    for (key, position) in by_key {
        gone.entry(key.0).or_default().push((key, position));
    }
    gone.values_mut().for_each(|functions| functions.sort_unstable_by(|a, b| b.cmp(a)));
    for (key, position) in appeared {
        matches.push(match gone.get_mut(key.0).and_then(Vec::pop) {
            Some((_, before)) => Match::Both(key, before, position),
            None => Match::Alone(key, position, Which::New),
        });
    }
    let gone = gone.into_values().flatten();
    matches.extend(gone.map(|(key, position)| Match::Alone(key, position, Which::Old)));
    matches.sort_by_key(|found| match *found {
        Match::Both(key, ..) | Match::Alone(key, ..) => key,
    });
    matches
}

/// The memory of one thread.
struct Worker<'t, 'i> {
    tables: &'t [Table<'i>; 2],
    scanner: Scanner,
    rows: RowTable,
    findings: Vec<Finding>,
    parts: [Parts<'i>; 2],
    judged: [Judged; 2],
}

impl<'t, 'i> Worker<'t, 'i> {
    fn new(tables: &'t [Table<'i>; 2]) -> Self {
        Self {
            tables,
            scanner: Scanner::default(),
            rows: RowTable::new(),
            findings: Vec::new(),
            parts: Default::default(),
            judged: Default::default(),
        }
    }

    fn review(&mut self, program: &str, found: Match<'i>, pair: &mut Pair, groups: &mut Groups) {
        match found {
            Match::Both(key, old, new) => {
                let old = self.read(Which::Old, old);
                let new = self.read(Which::New, new);
                if let (Some(old), Some(new)) = (old, new) {
                    self.compare(program, key, [old, new], pair, groups);
                }
            }
            Match::Alone(key, position, which) => {
                self.read(which, position);
                let side = which as usize;
                let (Some(parts), Some(judged), Some(alone)) =
                    (self.parts.get(side), self.judged.get(side), pair.alone.get_mut(side))
                else {
                    return;
                };
                alone.push(Lone {
                    name: lossy(key.0),
                    ordinal: key.2,
                    frame: parts.frame,
                    refuted: judged.refuted().collect(),
                    reasons: judged.reasons.clone(),
                });
            }
        }
    }

    /// Reads and verifies a function.
    fn read(&mut self, which: Which, position: usize) -> Option<Function<'i>> {
        let table = self.tables.get(which as usize)?;
        let &(index, function) = table.functions.get(position)?;
        let (parts, judged) =
            (self.parts.get_mut(which as usize)?, self.judged.get_mut(which as usize)?);
        match function.rows(&mut self.rows) {
            Ok(()) => {
                let (entry, words) = (function.entry, function.code);
                let code = Code { entry, words, rows: &self.rows };
                parts.read(&code, &|pc| table.name_at(pc));
            }
            // The scanner says what is the matter.
            Err(_) => parts.clear(),
        }
        self.findings.clear();
        let unobserving = unobserving(table.image.release());
        let mut summary = Summary { unobserving, ..Summary::default() };
        let options = Options::default();
        self.scanner.function(table.image, index, &options, &mut summary, &mut self.findings);
        judge(&function, &summary, &self.findings, judged);
        Some(function)
    }

    fn compare(
        &self,
        program: &str,
        (name, _, ordinal): Key<'i>,
        functions: [Function<'i>; 2],
        pair: &mut Pair,
        groups: &mut Groups,
    ) {
        let ([old, new], [before, now]) = (&self.parts, &self.judged);
        let both = Both { old, new, judged: [before, now] };
        let is_same = both.is_same();
        let (class, changes) = classify(before, now, is_same);
        pair.add(class);
        let frames = [old.frame, new.frame];
        pair.costs.add(frames, old.instructions(), new.instructions());
        if class == Class::Unchanged {
            return;
        }
        let name = lossy(name);
        let example = || match program {
            "" => name.clone(),
            program => format!("{program}: {name}"),
        };
        let group = (!is_same).then(|| groups.add(&both, (class, &changes), example));
        let [first, second] = functions;
        pair.functions.push(Reviewed {
            name,
            ordinal,
            class,
            changes,
            entries: [first.entry, second.entry],
            frames,
            group,
            sights: [sights(&first, before), sights(&second, now)],
            reasons: [before.reasons.clone(), now.reasons.clone()],
        });
    }
}

/// What a scan found of one function.
pub(crate) fn judge(
    function: &Function<'_>,
    summary: &Summary,
    findings: &[Finding],
    judged: &mut Judged,
) {
    judged.begin(summary.unobserving);
    for finding in findings {
        let offset = finding.pc.0.wrapping_sub(function.entry.0) / Word::BYTES;
        judged.spot(Spot {
            rule: finding.rule,
            observers: finding.observers,
            severity: finding.severity,
            at: Index(u32::try_from(offset).unwrap_or(u32::MAX)),
            declared: finding.declared,
            actual: finding.actual,
        });
    }
    for (reason, unsettled) in &summary.undecided {
        let looks =
            |who: Observer| unsettled.observers.contains(who) && !summary.unobserving.contains(who);
        let looking = Observer::ALL.into_iter().filter(|&who| looks(who));
        judged.reason(reason.clone(), looking.fold(Observers::NONE, Observers::with));
    }
}

fn sights(function: &Function<'_>, judged: &Judged) -> Vec<Sight> {
    let sight = |spot: &Spot| Sight {
        rule: spot.rule,
        observers: Observer::ALL.into_iter().filter(|&who| spot.observers.contains(who)).collect(),
        severity: spot.severity,
        at: spot.at,
        instruction: {
            let word = function.code.get(spot.at.0 as usize);
            word.map_or_else(String::new, |&word| GoSyntax(word).to_string())
        },
        declared: spot.declared,
        actual: spot.actual,
    };
    judged.spots.iter().map(sight).collect()
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
