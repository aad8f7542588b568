//! Which allocations fail on purpose, and the text that describes it.

use crate::wdk::Tag;

/// The most allocations that a schedule can name.
pub const SCHEDULE_LIMIT: usize = 256;

/// Which pool allocations of verified lists fail. They are counted from 1 on, over all lists, from the call of
/// [`simulate_low_resources`](crate::simulate_low_resources) on; with a tag, those of that tag alone.
///
/// The same numbers fail in each run: whether the nth does is a function of the seed and n.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowResources<'a> {
    /// The seed of the draw.
    pub seed: u64,
    /// How many of a million fail; Driver Verifier's share is 60,000.
    pub share: u32,
    /// How many of the first are spared by the share, so that a program can start.
    pub skip: u64,
    /// These fail beside the share, at most 256 of them.
    pub schedule: &'a [u64],
    /// Only allocations with this tag are counted and fail.
    pub tag: Option<Tag>,
}

impl LowResources<'_> {
    /// Returns whether a simulation can follow it.
    pub(super) fn is_possible(&self) -> bool {
        self.share <= 1_000_000 && self.schedule.len() <= SCHEDULE_LIMIT && !self.schedule.contains(&0)
    }
}

/// Returns whether `LOOKASIDE_VERIFY_FAIL` may be this.
pub fn is_plan(text: &str) -> bool {
    parse(text, &mut [0; SCHEDULE_LIMIT]).is_some()
}

/// Reads a plan: `share=60000,seed=42,skip=100`, `schedule=3,7,9`, `tag=Irps`, in any combination.
pub fn parse<'a>(text: &str, schedule: &'a mut [u64; SCHEDULE_LIMIT]) -> Option<LowResources<'a>> {
    let mut resources = LowResources::default();
    let mut scheduled = 0;
    let mut in_schedule = false;
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or(("", part));
        in_schedule = key == "schedule" || key.is_empty() && in_schedule;
        match key {
            "seed" => resources.seed = value.parse().ok()?,
            "share" => resources.share = value.parse().ok()?,
            "skip" => resources.skip = value.parse().ok()?,
            "tag" => resources.tag = Some(Tag::new(value.as_bytes().try_into().ok()?)),
            _ if in_schedule => {
                *schedule.get_mut(scheduled)? = value.parse().ok()?;
                scheduled += 1;
            }
            _ => return None,
        }
    }
    resources.schedule = &schedule[..scheduled];
    resources.is_possible().then_some(resources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_as_written() {
        let mut schedule = [0; SCHEDULE_LIMIT];
        let all = parse("share=60000,seed=42,skip=100,tag=Irps,schedule=3,7,9", &mut schedule).unwrap();
        assert_eq!((all.share, all.seed, all.skip, all.tag), (60_000, 42, 100, Some(Tag::new(*b"Irps"))));
        assert_eq!(all.schedule, [3, 7, 9]);
        let mut schedule = [0; SCHEDULE_LIMIT];
        let two = parse("schedule=1,2,seed=5", &mut schedule).unwrap();
        assert_eq!((two.schedule, two.seed), (&[1, 2][..], 5));
        for wrong in [
            "",
            "1",
            "share",
            "share=",
            "share=x",
            "tag=abc",
            "seed=1,2",
            "fail=1",
            "schedule=1,,2",
            "share=-1",
            "share=1000001",
            "schedule=0",
        ] {
            assert!(parse(wrong, &mut [0; SCHEDULE_LIMIT]).is_none(), "{wrong}");
        }
    }
}
