//! What a terminal shows while a run goes on.

use core::time::Duration;
use herd_load::{End, Progress, Stage};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// A bar on standard error, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("[{bar:40}] {msg}");
        Self(ProgressBar::new(1).with_style(style.expect("the template is well formed")))
    }

    pub(crate) fn show(&self, progress: &Progress) {
        let Progress { stage, elapsed, answered, wrong, connections } = *progress;
        let (length, position, what) = match stage {
            Stage::Priming { lines } => (lines, answered, "reporting every client"),
            Stage::Ramp(all) => (ms(all), ms(elapsed), "growing"),
            Stage::Measuring(End::After(all)) => (ms(all), ms(elapsed), "measuring"),
            Stage::Measuring(End::Count(lines)) => (lines, answered, "measuring"),
        };
        self.0.set_length(length);
        self.0.set_position(position.min(length));
        self.0.set_message(format!(
            "{what}: {} lines answered on {connections} connections, {} wrong",
            HumanCount(answered),
            HumanCount(wrong),
        ));
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
