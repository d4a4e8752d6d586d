//! Numbers and hostile texts for the tests without a dependency: xorshift, by G. Marsaglia; the same ones in every run.

/// The state, which must not be zero.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number from 0 to `bound` - 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    /// Cuts, doubles, overwrites or inserts something at a random place, up to three times.
    pub(crate) fn mutate(&mut self, text: &mut Vec<u8>, parts: &[&str]) {
        for _ in 0..=self.below(3) {
            let start = self.below(text.len() + 1);
            let end = (start + self.below(12)).min(text.len());
            let part: Vec<u8> = match self.below(5) {
                0 => Vec::new(),
                1 => text[start..end].repeat(2),
                2 => vec![self.below(256) as u8],
                3 => text.get(start).map(|byte| vec![byte ^ (1 << self.below(8))]).unwrap_or_default(),
                _ => parts[self.below(parts.len())].as_bytes().to_vec(),
            };
            // Half of them keep what was there, so that a fair share of the texts stays valid.
            text.splice(if self.below(2) == 0 { start..start } else { start..end }, part);
        }
    }
}
