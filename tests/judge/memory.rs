//! Memory that knows what was written to it. A word that was never written holds
//! garbage, another one at each address, and another one again once somebody else
//! called may have used it.

/// How far below the CFA the stack reaches, in bytes.
const STACK: u64 = 1 << 36;

/// The aligned 8-byte words that were written, and where others wrote.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Memory {
    /// Address and content, in the order of addresses.
    words: Vec<(u64, u64)>,
    /// The stack below an address was overwritten, and by whom: the last one last,
    /// each below the one before.
    losses: Vec<(u64, u64)>,
}

/// A number that is no address of this function's stack or code, for what is not
/// known: another one for each place (SplitMix64, Steele, Lea, Flood, 2014).
pub(crate) fn garbage(place: u64, owner: u64) -> u64 {
    let mut z = place ^ owner.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    0x5a00_0000_0000_0000 | (z ^ z >> 31) >> 8
}

/// Whether a word lies on the stack below `limit`, and be it with one byte.
fn is_below(limit: u64, address: u64) -> bool {
    address < limit && limit - address <= STACK
}

impl Memory {
    /// The aligned word at `address`.
    fn word(&self, address: u64) -> u64 {
        for &(known, content) in &self.words {
            if known == address {
                return content;
            }
        }
        let loss = self.losses.iter().rev().find(|&&(limit, _)| is_below(limit, address));
        garbage(address, loss.map_or(0, |&(_, by)| by))
    }

    fn set_word(&mut self, address: u64, content: u64) {
        let position = self.words.partition_point(|&(known, _)| known < address);
        match self.words.get_mut(position) {
            Some(known) if known.0 == address => known.1 = content,
            _ => self.words.insert(position, (address, content)),
        }
    }

    /// The `bytes` bytes (at most 8) at `address`, little-endian.
    pub(crate) fn read(&self, address: u64, bytes: u32) -> u64 {
        if address.is_multiple_of(8) && bytes == 8 {
            return self.word(address);
        }
        (0..bytes).rev().fold(0, |read, byte| {
            let at = address.wrapping_add(u64::from(byte));
            read << 8 | self.word(at & !7) >> (8 * (at & 7)) & 0xff
        })
    }

    /// Writes the low `bytes` bytes (at most 8) of `value`.
    pub(crate) fn write(&mut self, address: u64, bytes: u32, value: u64) {
        if address.is_multiple_of(8) && bytes == 8 {
            return self.set_word(address, value);
        }
        for byte in 0..bytes {
            let at = address.wrapping_add(u64::from(byte));
            let shift = 8 * (at & 7);
            let kept = self.word(at & !7) & !(0xff << shift);
            self.set_word(at & !7, kept | (value >> (8 * byte) & 0xff) << shift);
        }
    }

    /// Everything on the stack below `limit` was used by a called function.
    pub(crate) fn lose_below(&mut self, limit: u64, by: u64) {
        self.overwrite_below(limit, by);
        let limit = limit & !7;
        self.words.retain(|&(address, _)| !is_below(limit, address));
        self.losses.retain(|&(other, _)| other > limit);
        self.losses.push((limit, by));
    }

    /// As [`Memory::lose_below`], with the garbage that was there at the entry.
    pub(crate) fn forget_below(&mut self, limit: u64) {
        let limit = limit & !7;
        self.words.retain(|&(address, _)| !is_below(limit, address));
        self.losses.retain(|&(other, _)| other > limit);
    }

    /// What was written to the stack below `limit` is overwritten. Garbage stays the
    /// garbage that it was: that it changes is no news.
    pub(crate) fn overwrite_below(&mut self, limit: u64, by: u64) {
        for (address, content) in &mut self.words {
            if is_below(limit, *address) {
                let kept =
                    if limit - *address < 8 { u64::MAX << (8 * (limit - *address)) } else { 0 };
                *content = *content & kept | garbage(*address, by) & !kept;
            }
        }
    }

    /// The words that were written from `low` on.
    pub(crate) fn written_from(&self, low: u64) -> impl Iterator<Item = (u64, u64)> {
        self.words.iter().copied().filter(move |&(address, _)| address >= low)
    }
}
