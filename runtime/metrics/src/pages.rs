//! The pages there are, and what is on them.

use core::fmt::Write as _;
use core::time::Duration;

use herd_core::Status;

use super::http::{Page, Wanted};
use super::subject::Subject;
use super::text;

/// How long the server has to say how it is. It takes less than a turn of its loop.
const WITHIN: Duration = Duration::from_secs(3);

const PLAIN: &str = "text/plain; charset=utf-8";

/// The page that is wanted.
pub(super) fn page(subject: &Subject, wanted: &Wanted<'_>) -> Page {
    let (page, is_ready): (fn(&Subject, &Status) -> Page, _) = match wanted.path {
        "/metrics" if wants_classic(wanted) => (classic_metrics, true),
        "/metrics" => (metrics, true),
        "/healthz" => (health, true),
        "/readyz" => (readiness, false),
        _ => return Page::plain(404, "there are /metrics, /healthz and /readyz\n"),
    };
    match subject.inquiry.ask(WITHIN) {
        Some(status) => page(subject, &status),
        None if is_ready => Page::plain(503, "the server does not answer\n"),
        None => Page::plain(503, "not ready: the server does not answer\n"),
    }
}

fn metrics(subject: &Subject, status: &Status) -> Page {
    Page { status: 200, kind: text::KIND, body: text::write(subject, status) }
}

/// Whether the format before OpenMetrics is wanted more. Where nothing is said OpenMetrics is what is sent.
fn wants_classic(wanted: &Wanted<'_>) -> bool {
    let [classic, open] = [text::CLASSIC, text::OPEN_METRICS];
    wanted.quality(classic.0, classic.1) > wanted.quality(open.0, open.1)
}

fn classic_metrics(subject: &Subject, status: &Status) -> Page {
    let body = text::classic(&text::write(subject, status));
    Page { status: 200, kind: text::CLASSIC_KIND, body }
}

fn health(_: &Subject, _: &Status) -> Page {
    Page::plain(200, "ok\n")
}

/// A server never waits for the herd, so it is ready without any neighbour: those are told for people.
fn readiness(subject: &Subject, status: &Status) -> Page {
    let (code, word) = if status.stopping { (503, "not ready: stopping") } else { (200, "ready") };
    let mut body = format!("{word}\n");
    for (name, neighbour) in subject.neighbours.iter().zip(&status.neighbours) {
        let state = if neighbour.up { "up" } else { "down" };
        writeln!(body, "{name} {state}").expect("a string takes text");
    }
    Page { status: code, kind: PLAIN, body }
}

impl Page {
    /// A page with a sentence for people.
    pub(super) fn plain(status: u16, body: &str) -> Self {
        Self { status, kind: PLAIN, body: body.to_owned() }
    }
}
