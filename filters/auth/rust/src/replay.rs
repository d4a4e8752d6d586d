//! Signatures that were used, for as long as they would be taken again.
//!
//! All workers share one table, of a fixed number of slots, each of which holds a few signatures. Where a slot is full of
//! signatures that are still good, another is refused: to forget one would be to take it twice.

use weir_kit::push_decimal;
use weir_kit::shared::{NotWritten, SharedData};

use crate::refusal::Reason;

/// How many signatures a slot holds.
pub(crate) const DEPTH: u32 = 32;
/// The bytes of one: what tells it from others, and the second from which on it is taken no more.
const ENTRY: usize = 16 + 8;
/// How often a slot is tried that another worker writes to at the same time.
const TRIES: usize = 32;

/// The table of one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// What its keys begin with.
    name: String,
    slots: u32,
}

impl Table {
    /// A table that holds about `most` signatures: each slot has its share of them, and twice that much room, because
    /// chance deals them out unevenly.
    pub(crate) fn new(credential: &str, most: u32) -> Table {
        let slots = most.div_ceil(DEPTH / 2).max(1);
        Table { name: ["auth.used.", credential, "."].concat(), slots }
    }

    /// The same table for another credential.
    pub(crate) fn named(&self, credential: &str) -> Table {
        Table { name: ["auth.used.", credential, "."].concat(), slots: self.slots }
    }

    /// Takes a signature that is good until `until`, if nobody has used it. `now` is in seconds.
    ///
    /// # Errors
    /// It was used; its slot is full; or the host refuses, or other workers were quicker too often.
    pub(crate) fn spend(&self, data: &impl SharedData, id: [u8; 16], until: i64, now: i64) -> Result<(), Reason> {
        let [a, b, c, d, ..] = id;
        let slot = u32::from_le_bytes([a, b, c, d]).checked_rem(self.slots).unwrap_or(0);
        let mut key = self.name.clone();
        push_decimal(&mut key, slot.into());
        for _ in 0..TRIES {
            let read = data.get(&key).map_err(|_| Reason::Host)?;
            let (before, version) = match &read {
                Some((value, version)) => (value.as_slice(), Some(*version)),
                None => (&[][..], None),
            };
            let after = add(before, id, until, now)?;
            let written = match version {
                Some(version) => data.replace(&key, &after, version),
                None => data.create(&key, &after),
            };
            match written {
                Ok(()) => return Ok(()),
                Err(NotWritten::Conflict) => {}
                Err(NotWritten::Refused) => return Err(Reason::Host),
            }
        }
        Err(Reason::Host)
    }
}

/// The slot with one signature more, and without those that are taken no more anyway.
fn add(slot: &[u8], id: [u8; 16], until: i64, now: i64) -> Result<Vec<u8>, Reason> {
    let mut after = Vec::with_capacity(slot.len() + ENTRY);
    for entry in slot.chunks_exact(ENTRY) {
        let (used, ends) = entry.split_at_checked(16).ok_or(Reason::Host)?;
        let ends = i64::from_le_bytes(ends.try_into().map_err(|_| Reason::Host)?);
        if used == id {
            return Err(Reason::Replayed);
        }
        if ends > now {
            after.extend_from_slice(entry);
        }
    }
    if after.len() >= DEPTH as usize * ENTRY {
        return Err(Reason::ReplayFull);
    }
    after.extend_from_slice(&id);
    after.extend_from_slice(&until.to_le_bytes());
    Ok(after)
}

#[cfg(test)]
mod tests {
    use weir_testing::{Dice, TestSharedData};

    use super::*;

    fn id(number: u32) -> [u8; 16] {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        id
    }

    #[test]
    fn a_signature_is_taken_once_by_all_workers() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 1000));
        let other = Table::new("a", 1000);
        assert_eq!(table.spend(&data, id(7), 100, 50), Ok(()));
        assert_eq!(table.spend(&data, id(7), 100, 50), Err(Reason::Replayed));
        assert_eq!(other.spend(&data, id(7), 100, 99), Err(Reason::Replayed));
        assert_eq!(table.spend(&data, id(8), 100, 50), Ok(()));
        assert_eq!(Table::new("b", 1000).spend(&data, id(7), 100, 50), Ok(()));
    }

    #[test]
    fn a_slot_that_is_full_takes_no_more_until_one_runs_out() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 1));
        for number in 0..DEPTH {
            assert_eq!(table.spend(&data, id(number), 100 + i64::from(number), 50), Ok(()));
        }
        assert_eq!(table.spend(&data, id(DEPTH), 500, 99), Err(Reason::ReplayFull));
        assert_eq!(table.spend(&data, id(0), 500, 99), Err(Reason::Replayed));
        assert_eq!(table.spend(&data, id(DEPTH), 500, 100), Ok(()));
        assert_eq!(table.spend(&data, id(DEPTH + 1), 500, 100), Err(Reason::ReplayFull));
        assert_eq!(data.keys(), 1);
    }

    #[test]
    fn memory_does_not_grow_with_the_signatures() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 160));
        let mut dice = Dice(3);
        for second in 0..20_000 {
            let _ = table.spend(&data, id(dice.below(1 << 30) as u32), second + 2, second);
        }
        assert_eq!(data.keys(), 10);
        for slot in 0..10 {
            assert!(data.get(&format!("auth.used.a.{slot}")).unwrap().unwrap().0.len() <= DEPTH as usize * ENTRY);
        }
    }

    #[test]
    fn a_table_holds_what_it_was_made_for() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 4096));
        let mut dice = Dice(9);
        let refused = (0..4096).filter(|_| table.spend(&data, id(dice.below(1 << 30) as u32), 10, 0) != Ok(())).count();
        // One slot in thousands has more than twice its share.
        assert!(refused < 5, "{refused}");
    }

    #[test]
    fn who_is_overtaken_tries_again_and_not_for_ever() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 1));
        table.spend(&data, id(1), 100, 0).unwrap();
        data.conflict(TRIES - 1);
        assert_eq!(table.spend(&data, id(2), 100, 0), Ok(()));
        data.conflict(TRIES);
        assert_eq!(table.spend(&data, id(3), 100, 0), Err(Reason::Host));
        data.break_down(true);
        assert_eq!(table.spend(&data, id(4), 100, 0), Err(Reason::Host));
    }

    #[test]
    fn what_another_wrote_there_is_no_trap() {
        let (data, table) = (TestSharedData::default(), Table::new("a", 1));
        data.overwrite("auth.used.a.0", &[7; 100]).unwrap();
        assert_eq!(table.spend(&data, id(1), 100, 0), Ok(()));
        assert_eq!(table.spend(&data, id(1), 100, 0), Err(Reason::Replayed));
    }
}
