//! pc-value programs: how Go says of each instruction which value holds there.
//!
//! A program is a list of runs. A run is two varints: the change of the value
//! (zigzag, from -1 at first) and the length of the run in instructions. A
//! value change of 0 that is not the first ends the program
//! (`runtime/symtab.go`, `step` and `pcvalue`; the writer is `funcpctab` in
//! `cmd/internal/obj/pcln.go`).

use crate::Error;
use crate::error::PcTableRule;

/// Equal values up to a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The value.
    pub(crate) value: i32,
    /// The boundary behind the run, in instructions from the entry.
    pub(crate) end: u32,
}

/// Decodes one program, run by run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a> {
    table: &'a [u8],
    at: usize,
    start: usize,
    base: u64,
    limit: u32,
    run: Run,
    first: bool,
}

impl<'a> Program<'a> {
    /// The program at an offset of the pctab, which stands at the address
    /// `base`, of a function with `limit` instructions. `None` for offset 0:
    /// there is no table.
    #[inline]
    pub(crate) fn new(table: &'a [u8], base: u64, offset: u32, limit: u32) -> Option<Self> {
        if offset == 0 {
            return None;
        }
        let run = Run { value: -1, end: 0 };
        let start = offset as usize;
        Some(Self { table, at: start, start, base, limit, run, first: true })
    }

    /// The address of the run that was read last.
    pub(crate) fn address(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// The error that names this address.
    pub(crate) fn fault(&self, expected: PcTableRule) -> Error {
        Error::PcTable { address: self.address(), expected }
    }

    /// The next run, or `None` at the end of the program.
    ///
    /// # Errors
    /// [`Error::PcTable`].
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Run>, Error> {
        self.start = self.at;
        let change = self.varint()?;
        if change == 0 && !self.first {
            return Ok(None);
        }
        self.first = false;
        let change = (change >> 1).cast_signed() ^ -(change & 1).cast_signed();
        let value = self.run.value.checked_add(change);
        let value = value.ok_or_else(|| self.fault(PcTableRule::Value))?;
        let length = self.varint()?;
        if length == 0 {
            return Err(self.fault(PcTableRule::Progress));
        }
        let end = self.run.end.checked_add(length).filter(|&end| end <= self.limit);
        let end = end.ok_or_else(|| self.fault(PcTableRule::InFunction))?;
        self.run = Run { value, end };
        Ok(Some(self.run))
    }

    /// Reads the runs up to the end of the program. Calls `act` with each, and the program
    /// as it is then; returns it as it is at its end.
    ///
    /// # Errors
    /// [`Error::PcTable`], and those of `act`.
    #[inline]
    pub(crate) fn read(
        mut self,
        mut act: impl FnMut(&Self, Run) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        while let Some(run) = self.next()? {
            act(&self, run)?;
        }
        Ok(self)
    }

    /// The value at a boundary, or `None` behind the end of the program.
    ///
    /// # Errors
    /// [`Error::PcTable`].
    pub(crate) fn value(mut self, boundary: u32) -> Result<Option<i32>, Error> {
        while let Some(run) = self.next()? {
            if boundary < run.end {
                return Ok(Some(run.value));
            }
        }
        Ok(None)
    }

    #[inline]
    fn varint(&mut self) -> Result<u32, Error> {
        match self.table.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u32::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32, Error> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.table.get(self.at).copied();
            let byte = byte.ok_or_else(|| self.fault(PcTableRule::Terminated))?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| self.fault(PcTableRule::Varint));
            }
        }
        Err(self.fault(PcTableRule::Varint))
    }
}
