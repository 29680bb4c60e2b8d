//! `midframe policies`: the built-in policies and their releases.

use lowering::Policy;

/// All policies, in the order of their first release.
#[must_use]
pub fn policies() -> &'static [Policy] {
    static BUILT_IN: [Policy; Policy::BUILT_IN.len()] = Policy::BUILT_IN;
    &BUILT_IN
}
