//! When the next frame may be painted, and whether the line is too slow for everything.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// Between two frames on a slow line.
const LITE_FRAME: Duration = Duration::from_millis(100);
/// A line that takes this long for a frame is slow.
const SLOW: Duration = Duration::from_millis(50);
/// A line that was slow is not any more when it takes no longer than this.
const FAST: Duration = Duration::from_millis(10);
/// How many frames are judged at once.
const JUDGED: usize = 9;

/// Whether a slow line is looked for, or known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// The frames tell.
    #[default]
    Measured,
    /// It is slow; the reader says so.
    Slow,
    /// It is not.
    Fast,
}

/// The pace of frames.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    line: Line,
    lite: bool,
    last: Option<Instant>,
    took: VecDeque<Duration>,
}

impl Pace {
    /// No frame painted yet.
    #[must_use]
    pub fn new(line: Line) -> Self {
        Self { line, lite: line == Line::Slow, ..Self::default() }
    }

    /// Whether views should draw less.
    #[must_use]
    pub fn lite(&self) -> bool {
        self.lite
    }

    /// When a change that is known at `now` may be painted: at once after a rest.
    #[must_use]
    pub fn next(&self, now: Instant) -> Instant {
        let between = if self.lite { LITE_FRAME } else { FRAME };
        self.last.map_or(now, |last| (last + between).max(now))
    }

    /// A frame was painted at `now`, and the terminal took so long to accept its bytes; returns
    /// whether [`lite`](Self::lite) changed. Frames without bytes say nothing.
    pub fn painted(&mut self, now: Instant, bytes: usize, took: Duration) -> bool {
        self.last = Some(now);
        if bytes == 0 || self.line != Line::Measured {
            return false;
        }
        self.took.push_back(took);
        if self.took.len() < JUDGED {
            return false;
        }
        let mut sorted: Vec<_> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        let middle = sorted.get(JUDGED / 2).copied().unwrap_or_default();
        let lite = if self.lite { middle > FAST } else { middle > SLOW };
        self.took.pop_front();
        if lite == self.lite {
            return false;
        }
        self.lite = lite;
        self.took.clear();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_first_change_after_a_rest_is_painted_at_once_and_the_next_waits() {
        let mut pace = Pace::new(Line::Fast);
        let start = Instant::now();
        assert_eq!(pace.next(start), start);
        pace.painted(start, 100, MS(0));
        assert_eq!(pace.next(start + MS(5)), start + MS(33));
        assert_eq!(pace.next(start + MS(40)), start + MS(40));
        let mut slow = Pace::new(Line::Slow);
        slow.painted(start, 100, MS(0));
        assert_eq!(slow.next(start), start + MS(100));
    }

    #[test]
    fn a_line_is_slow_by_most_of_its_frames_and_fast_again_the_same_way() {
        let mut pace = Pace::new(Line::Measured);
        let now = Instant::now();
        // One long frame is an accident.
        assert!((0..20).all(|n| !pace.painted(now, 100, if n == 5 { MS(900) } else { MS(1) })));
        assert!((0..20).all(|_| !pace.painted(now, 0, MS(900))));
        assert_eq!((0..20).filter(|_| pace.painted(now, 100, MS(80))).count(), 1);
        assert!(pace.lite());
        // In between, nothing changes to and fro.
        assert!((0..20).all(|_| !pace.painted(now, 100, MS(30))));
        assert_eq!((0..20).filter(|_| pace.painted(now, 100, MS(2))).count(), 1);
        assert!(!pace.lite());
    }

    #[test]
    fn what_the_reader_says_of_the_line_stands() {
        for line in [Line::Slow, Line::Fast] {
            let mut pace = Pace::new(line);
            assert!((0..20).all(|_| !pace.painted(Instant::now(), 100, MS(400))));
            assert_eq!(pace.lite(), line == Line::Slow);
        }
    }
}
