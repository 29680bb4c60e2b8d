//! The reports as pages: one file each, that asks for nothing over a network and reads
//! the same data as text and JSON do.
//!
//! Markup is only written through `markup::Html`, which escapes every text and
//! takes names of elements only from the program itself. A drawing shows depths that the
//! table beside it has too, for who cannot see it.

mod depth;
mod explain;
mod map;
mod markup;
mod page;
mod prove;
mod review;
mod scan;
mod table;

pub use explain::explain;
pub use prove::prove;
pub use review::review;
pub use scan::scan;
