//! The functions together: each with all that it calls.
//!
//! A function reaches as deep as it does by itself, or as deep as SP is at a call and the
//! function that is called reaches from there. Functions that call each other in a circle
//! have no bound that is known: [`Reason::Recursion`].

use super::code::Code;
use super::flow::follow;
use super::local::{Call, Local, Reach, Target};
use super::subject::{Link, Subject};
use super::{Open, Reason};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use std::collections::BTreeMap;
use unwind::Index;

/// A function, entered somewhere: its rank in the code, and the instruction.
pub(super) type Node = (usize, u32);

/// How deep a function reaches with all that it calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    pub(super) depth: u64,
    /// What goes there: the function's own instruction, or a call of another.
    pub(super) by: Option<By>,
    /// What is not known, one of each reason.
    pub(super) open: Vec<Open<(Node, Index)>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Own(Index),
    Call { at: Index, depth: u64, callee: Node },
}

/// The functions that were followed.
#[derive(Debug, Default)]
pub(super) struct Graph {
    locals: BTreeMap<Node, Resolved>,
    pub(super) totals: BTreeMap<Node, Total>,
}

#[derive(Debug, Default)]
struct Resolved {
    reach: Option<Reach>,
    calls: Vec<(Index, u64, Node)>,
    open: Vec<Open<Index>>,
}

impl Graph {
    /// Follows functions and all that they call.
    pub(super) fn new(code: &Code, roots: &[Node]) -> Self {
        let mut graph = Self::default();
        let mut wanted = roots.to_vec();
        while !wanted.is_empty() {
            wanted.sort_unstable();
            wanted.dedup();
            let found: Vec<_> = wanted
                .into_par_iter()
                .map(|node| (node, resolve(code, node, local(code, node))))
                .collect();
            let mut next = Vec::new();
            for (node, resolved) in found {
                next.extend(resolved.calls.iter().map(|&(_, _, callee)| callee));
                graph.locals.insert(node, resolved);
            }
            next.retain(|node| !graph.locals.contains_key(node));
            wanted = next;
        }
        graph.total();
        graph
    }

    /// Adds up, callees first: the circles are found by Tarjan's algorithm, without
    /// recursion of our own.
    fn total(&mut self) {
        let mut circles = Circles::default();
        let nodes: Vec<_> = self.locals.keys().copied().collect();
        for node in nodes {
            for mut circle in circles.from(node, &self.locals) {
                circle.sort_unstable();
                for &member in &circle {
                    let total = self.total_of(member, &circle);
                    self.totals.insert(member, total);
                }
            }
        }
    }

    fn total_of(&self, node: Node, circle: &[Node]) -> Total {
        let Some(local) = self.locals.get(&node) else { return Total::default() };
        let mut total = Total::default();
        if let Some(reach) = local.reach {
            (total.depth, total.by) = (reach.depth, Some(By::Own(reach.at)));
        }
        for open in &local.open {
            add(&mut total, open.reason, (node, open.at), open.detail.as_deref());
        }
        for &(at, depth, callee) in &local.calls {
            if circle.binary_search(&callee).is_ok() {
                add(&mut total, Reason::Recursion, (node, at), None);
                continue;
            }
            let Some(called) = self.totals.get(&callee) else { continue };
            let deepest = depth.saturating_add(called.depth);
            if deepest > total.depth {
                total.depth = deepest;
                total.by = Some(By::Call { at, depth, callee });
            }
            for open in &called.open {
                add(&mut total, open.reason, open.at, open.detail.as_deref());
            }
        }
        total
    }
}

/// Notes why something is not known, once for each reason.
fn add(total: &mut Total, reason: Reason, at: (Node, Index), detail: Option<&str>) {
    if !total.open.iter().any(|open| open.reason == reason) {
        total.open.push(Open { reason, at, detail: detail.map(str::to_owned) });
    }
}

/// Follows one function by itself.
fn local(code: &Code, (rank, start): Node) -> Local {
    let Some(routine) = code.routines.get(rank) else { return Local::default() };
    let asks = |distance: i64| {
        let called = code.at(routine.entry.wrapping_add_signed(distance));
        let called = called.and_then(|(rank, _)| code.routines.get(rank));
        called.is_some_and(super::code::Routine::asks_for_stack)
    };
    follow(&Subject {
        words: &routine.words,
        start: Index(start),
        convention: routine.convention,
        links: &routine.links,
        asks: &asks,
    })
}

/// Finds out which functions the calls go to.
fn resolve(code: &Code, (rank, _): Node, local: Local) -> Resolved {
    let mut resolved = Resolved { reach: local.reach, calls: Vec::new(), open: local.open };
    let entry = code.routines.get(rank).map_or(0, |routine| routine.entry);
    for Call { at, depth, target } in local.calls {
        let (address, name) = match target {
            Target::Distance(distance) => (Some(entry.wrapping_add_signed(distance)), None),
            Target::Link(Link::To(address)) => (Some(address), None),
            Target::Link(Link::Elsewhere(name)) => (None, Some(name)),
            Target::Link(Link::Data) => (None, None),
        };
        let callee = address.and_then(|address| code.at(address));
        if let Some(callee) = callee {
            resolved.calls.push((at, depth, callee));
            continue;
        }
        let import = || address.and_then(|address| code.import(address)).map(str::to_owned);
        let detail = name.or_else(import).filter(|name| !name.is_empty());
        resolved.open.push(Open { reason: Reason::LeavesImage, at, detail });
    }
    resolved
}

/// The circles of the graph, callees before callers.
#[derive(Default)]
struct Circles {
    /// The nodes that were met.
    met: BTreeMap<Node, Met>,
    /// Those of which the circle is not known yet.
    pending: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Met {
    /// When.
    first: usize,
    /// The earliest that it leads back to.
    earliest: usize,
    is_pending: bool,
}

impl Circles {
    fn from(&mut self, root: Node, graph: &BTreeMap<Node, Resolved>) -> Vec<Vec<Node>> {
        let mut found = Vec::new();
        let mut path = Vec::new();
        if !self.met.contains_key(&root) {
            path.push((root, 0));
            self.meet(root);
        }
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            let calls = graph.get(&node).map_or(&[][..], |local| &local.calls);
            if let Some(&(_, _, callee)) = calls.get(*edge) {
                *edge += 1;
                match self.met.get(&callee) {
                    Some(met) if met.is_pending => self.lead_back(node, met.first),
                    Some(_) => {}
                    None => {
                        self.meet(callee);
                        path.push((callee, 0));
                    }
                }
                continue;
            }
            path.pop();
            let Some(met) = self.met.get(&node).copied() else { continue };
            if let Some(&(caller, _)) = path.last() {
                self.lead_back(caller, met.earliest);
            }
            if met.first == met.earliest {
                let start = self.pending.iter().rposition(|&pending| pending == node);
                let circle = self.pending.split_off(start.unwrap_or(self.pending.len()));
                for member in &circle {
                    self.met.entry(*member).and_modify(|met| met.is_pending = false);
                }
                found.push(circle);
            }
        }
        found
    }

    fn meet(&mut self, node: Node) {
        let time = self.met.len();
        self.met.insert(node, Met { first: time, earliest: time, is_pending: true });
        self.pending.push(node);
    }

    fn lead_back(&mut self, node: Node, to: usize) {
        if let Some(met) = self.met.get_mut(&node) {
            met.earliest = to.min(met.earliest);
        }
    }
}
