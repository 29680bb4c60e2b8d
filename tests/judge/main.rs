//! The verifier under test: a machine executes functions, a judge looks at every
//! boundary of them, and what the judge sees is held against what the verifier says.
//!
//! The functions are those that the policies lower, mutants of these and of functions
//! from Go's assembler, and functions put together at random. Every rule is judged
//! by executing, none by reasoning about code: no function in which the judge finds
//! a rule broken may be proved.

mod alike;
mod assembly;
mod cases;
mod encoding;
mod exits;
mod functions;
mod judge;
mod machine;
mod memory;
mod mutants;
mod mutation;
mod policies;
mod random;
mod replaced;
mod subject;
mod tally;
