//! Verdicts held against a machine: programs are executed in an emulator, one
//! instruction at a time, and at every boundary the depth of SP is compared with the
//! row that the program's table declares, and with what the verifier found.
//!
//! The depth is known from the trace alone ([`shadow`] says how), the rows from the
//! crate `image`, the findings from the crate `verifier`. A boundary where SP is not
//! where the row says, and which the scan does not report, is a failure; so is a
//! finding with another depth than SP has.
//!
//! What cannot be followed is counted by reason.

pub mod cases;
pub mod code;
pub mod compare;
pub mod emulator;
pub mod examine;
pub mod log;
pub mod record;
pub mod shadow;

use anyhow::{Context as _, Result, bail};
use cases::Case;
use code::Code;
use emulator::{Emulator, End};
use examine::Examiner;
use image::Image;
use indicatif::{ProgressBar, ProgressStyle};
use record::{Traced, Truth};
use std::time::{Duration, Instant};

/// How much is to be executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many boundaries are compared in one case before it is stopped.
    pub boundaries: u64,
    /// The program, or all of them.
    pub program: Option<String>,
}

/// The longest that a case takes.
const LIMIT: Duration = Duration::from_secs(900);

/// Executes the cases, one after the other.
///
/// # Errors
/// When a program or the emulator cannot be had, or a program fails.
pub fn trace(options: &Options) -> Result<Truth> {
    let cases = cases::cases(options.program.as_deref())?;
    let emulator = Emulator::install()?;
    let traced = cases.into_iter().map(|case| {
        let title = case.title();
        trace_case(&emulator, case, options.boundaries).with_context(|| title)
    });
    Ok(Truth { emulator: emulator.version.clone(), traced: traced.collect::<Result<_>>()? })
}

fn trace_case(emulator: &Emulator, case: Case, boundaries: u64) -> Result<Traced> {
    let invocation = case.prepare()?;
    let bytes = std::fs::read(&invocation.program)?;
    let image = Image::parse(&bytes)?;
    let code = Code::of(&image)?;
    let mut examiner = Examiner::new(&image, &code);
    let bar = progress(&case, boundaries);
    let started = Instant::now();
    let mut running = emulator.start(&invocation, LIMIT)?;
    let mut is_at_end = false;
    while examiner.tally().compared < boundaries {
        let Some(step) = running.log.next_step()? else {
            is_at_end = true;
            break;
        };
        examiner.step(&step)?;
        if examiner.tally().steps.is_multiple_of(1 << 14) {
            bar.set_position(examiner.tally().compared);
        }
    }
    bar.finish_and_clear();
    let ambiguous = running.log.ambiguous;
    let end = running.end(is_at_end)?;
    if let End::Exited(status) = end
        && !status.success()
    {
        bail!("the program has failed under the emulator ({status})");
    }
    let names = |pc| record::name_at(&image, &code, pc);
    let traced = Traced {
        go_version: image.go_version().unwrap_or("unknown").to_owned(),
        tally: examiner.tally().clone(),
        counts: examiner.counts().clone(),
        names: examiner.tally().disagreements.keys().map(|&(pc, _)| (pc, names(pc))).collect(),
        ambiguous,
        end,
        seconds: started.elapsed().as_secs_f64(),
        case,
    };
    println!("{}", traced.summary());
    Ok(traced)
}

fn progress(case: &Case, boundaries: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(boundaries).with_style(style).with_message(case.title())
}
