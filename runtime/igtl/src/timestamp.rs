//! When a message's data came about.

use std::time::Duration;

/// Parts of a second in the lower half of a timestamp.
const FRACTIONS: u64 = 1 << 32;

const NANOSECONDS: u64 = 1_000_000_000;

/// Time since 1970-01-01 00:00 UTC: seconds in the upper 32 bits, parts of 2^-32 seconds in the lower.
///
/// ```
/// use std::time::Duration;
/// use uniultra_igtl::Timestamp;
///
/// let time = Timestamp::from_unix(Duration::from_millis(1500));
/// assert_eq!(time, Timestamp(0x0000_0001_8000_0000));
/// assert_eq!(time.to_unix(), Duration::from_millis(1500));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    /// The bits as they are sent.
    pub u64,
);

impl Timestamp {
    /// The sender gives no time.
    pub const UNUSED: Self = Self(0);

    /// From the time since 1970-01-01 00:00 UTC, to the nearest part. Times after 2106 become the latest one.
    #[must_use]
    pub fn from_unix(time: Duration) -> Self {
        let Ok(seconds) = u32::try_from(time.as_secs()) else {
            return Self(u64::MAX);
        };
        let parts = (u64::from(time.subsec_nanos()) * FRACTIONS + NANOSECONDS / 2) / NANOSECONDS;
        Self(u64::from(seconds) << 32 | parts)
    }

    /// The time since 1970-01-01 00:00 UTC, to the nearest nanosecond. Gives back exactly what
    /// [`Timestamp::from_unix`] took.
    #[must_use]
    pub fn to_unix(self) -> Duration {
        let nanoseconds = ((self.0 % FRACTIONS) * NANOSECONDS + FRACTIONS / 2) / FRACTIONS;
        Duration::from_secs(self.0 >> 32) + Duration::from_nanos(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nanosecond_comes_back() {
        for nanoseconds in (0..1_000_000_000).step_by(7919).chain([1, 2, 999_999_998, 999_999_999])
        {
            let time = Duration::new(u32::MAX.into(), nanoseconds);
            assert_eq!(Timestamp::from_unix(time).to_unix(), time);
        }
    }

    #[test]
    fn extremes_stay_in_range() {
        assert_eq!(Timestamp::from_unix(Duration::MAX), Timestamp(u64::MAX));
        assert_eq!(Timestamp(u64::MAX).to_unix(), Duration::from_secs(1 << 32));
        assert_eq!(Timestamp::from_unix(Duration::ZERO), Timestamp::UNUSED);
    }
}
