//! A server's metrics in the text format of OpenMetrics, which Prometheus reads.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use herd_core::{Durations, Limits, NeighbourStatus, Status};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::process::Process;
use super::subject::Subject;

/// The media type.
pub(super) const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// That of the format before.
pub(super) const CLASSIC_KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Both as they may be asked for, with their versions.
pub(super) const OPEN_METRICS: (&str, &str) = ("application/openmetrics-text", "1.0.0");
pub(super) const CLASSIC: (&str, &str) = ("text/plain", "0.0.4");

/// Metrics in OpenMetrics' format as the one before has them: there a counter is called what its series are, and no mark
/// is at the end.
pub(super) fn classic(text: &str) -> String {
    let mut counters = BTreeSet::new();
    for line in text.lines() {
        counters
            .extend(line.strip_prefix("# TYPE ").and_then(|line| line.strip_suffix(" counter")));
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                writeln!(out, "# {what} {name}_total {rest}").expect("a string takes text");
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// All metrics of a server that is like this.
pub(super) fn write(subject: &Subject, status: &Status) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process));
    registry.sub_registry_with_prefix("herd").register_collector(Box::new(Sample {
        build: [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("program", subject.program.to_owned()),
            ("server", subject.server.clone()),
        ],
        started: seconds(Duration::from_nanos(
            u64::try_from(subject.started.nanos()).unwrap_or_default(),
        )),
        neighbours: subject.neighbours.clone(),
        log_lines_dropped: subject.log.dropped(),
        status: status.clone(),
    }));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes text");
    text
}

/// Everything that is told at one moment.
#[derive(Debug)]
struct Sample {
    build: [(&'static str, String); 3],
    /// Seconds since 1970-01-01 UTC.
    started: f64,
    neighbours: Vec<String>,
    log_lines_dropped: u64,
    status: Status,
}

impl Collector for Sample {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let families = &mut Families(encoder);
        self.process(families)?;
        self.limits(families)?;
        self.clients(families)?;
        self.lookups(families)?;
        self.records(families)?;
        self.neighbours(families)?;
        self.followers(families)
    }
}

impl Sample {
    fn process(&self, families: &mut Families<'_>) -> fmt::Result {
        let Status { counters, .. } = &self.status;
        let mut metric =
            families.0.encode_descriptor("build_info", "What runs", None, MetricType::Gauge)?;
        metric.encode_family(&self.build)?.encode_gauge(&1_u32)?;
        let started = "When the server started, since 1970-01-01 UTC";
        families.gauge("start_time_seconds", started, self.started)?;
        let received = "Bytes read, from clients and neighbours";
        families.counter("received_bytes", received, counters.bytes_received)?;
        let sent = "Bytes sent that the kernel has taken";
        families.counter("sent_bytes", sent, counters.bytes_sent)?;
        let dropped = "Lines missing from the log";
        families.counter("log_lines_dropped", dropped, self.log_lines_dropped)
    }

    fn limits(&self, families: &mut Families<'_>) -> fmt::Result {
        let limits = limits(&self.status);
        let values = limits.map(|(limit, value, _)| (limit, value));
        families.gauges("limit", "What each number in [limits] is set to", "limit", values)?;
        let met = limits.map(|(limit, _, met)| (limit, met));
        families.counters("limit_met", "How often each limit was met", "limit", met)
    }

    fn clients(&self, families: &mut Families<'_>) -> fmt::Result {
        let Status { counters, .. } = &self.status;
        let up = self.status.neighbours.iter().filter(|neighbour| neighbour.up).count();
        let followers = self.status.followers.len();
        let known = self.status.clients + up + followers;
        let kinds = [
            ("client", self.status.clients),
            ("link", up),
            ("follower", followers),
            ("undecided", self.status.connections.saturating_sub(known)),
        ];
        families.gauges("connections", "Open connections", "kind", kinds)?;
        let waiting = "Bytes of answers that clients have not taken";
        families.gauge("answers_waiting_bytes", waiting, self.status.answers_bytes)?;
        let accepted = "Connections of clients that were accepted";
        families.counter("connections_accepted", accepted, counters.connections)?;
        let clients = counters.reports + counters.queries + counters.invalid;
        let answers =
            counters.reports + counters.invalid + counters.lookups + counters.lookups_failed;
        let updates = counters.updates_received + counters.updates_refused + counters.dropped;
        let received = [("clients", clients), ("neighbours", updates)];
        families.counters("lines_received", "Lines received", "from", received)?;
        let updates = counters.updates_sent + counters.updates_refused;
        let sent = [("clients", answers), ("neighbours", updates)];
        families.counters("lines_sent", "Answers given, and records sent", "to", sent)?;
        families.counter("iamat", "IAMAT commands", counters.reports)?;
        families.counter("whatsat", "WHATSAT commands that were valid", counters.queries)?;
        let invalid = "Lines of clients answered by a question mark";
        families.counter("invalid_lines", invalid, counters.invalid)?;
        let http = "Connections whose first line was a request of HTTP";
        families.counter("http_requests", http, counters.http_requests)
    }

    fn lookups(&self, families: &mut Families<'_>) -> fmt::Result {
        let Status { counters, .. } = &self.status;
        let running = self.status.lookups_running;
        families.gauge("lookups_running", "Lookups under way", running)?;
        let waiting = self.status.lookups_waiting;
        families.gauge("lookups_waiting", "Lookups that wait for their turn", waiting)?;
        let told_apart =
            counters.lookups_timed_out + counters.lookups_refused + counters.long_bodies;
        let outcomes = [
            ("answered", counters.lookups),
            ("timed_out", counters.lookups_timed_out),
            ("refused", counters.lookups_refused),
            ("too_long", counters.long_bodies),
            ("failed", counters.lookups_failed.saturating_sub(told_apart)),
            ("abandoned", counters.lookups_abandoned),
        ];
        families.counters("lookups", "Lookups that are over, by outcome", "outcome", outcomes)?;
        let took = "How long the provider took, or had to be waited for";
        families.durations("lookup_duration_seconds", took, &self.status.lookups_took)?;
        let waited = "How long lookups waited for their turn";
        families.durations("lookup_wait_seconds", waited, &self.status.lookups_waited)
    }

    fn records(&self, families: &mut Families<'_>) -> fmt::Result {
        let Status { counters, .. } = &self.status;
        families.gauge("records", "Records in the table", self.status.records)?;
        let accepted = "Records that became new here";
        families.counter("records_accepted", accepted, counters.records)?;
        let received = "AT lines that came from neighbours";
        families.counter("updates_received", received, counters.updates_received)?;
        let sent = "AT lines sent to neighbours";
        families.counter("updates_sent", sent, counters.updates_sent)?;
        let refused = "AT lines of plain neighbours answered by a question mark";
        families.counter("updates_refused", refused, counters.updates_refused)?;
        let dropped = "Lines on links that were dropped";
        families.counter("link_lines_dropped", dropped, counters.dropped)?;
        let refused = "Connections that did not become a link";
        families.counter("links_refused", refused, counters.links_refused)
    }

    fn neighbours(&self, families: &mut Families<'_>) -> fmt::Result {
        let up = "Whether there is a link with the neighbour";
        families.gauges("link_up", up, NEIGHBOUR, self.each(|one| Some(u32::from(one.up))))?;
        let links = "Links with the neighbour that came up";
        families.counters("links", links, NEIGHBOUR, self.each(|one| Some(one.links)))?;
        let resumed = "Links among them that went on where the last one had ended";
        families.counters(
            "links_resumed",
            resumed,
            NEIGHBOUR,
            self.each(|one| Some(one.resumed)),
        )?;
        let unsent = "Records the neighbour was not sent yet, at most";
        let each = self.each(|one| Some(one.unsent));
        families.gauges("neighbour_unsent_records", unsent, NEIGHBOUR, each)?;
        let unacknowledged = "Records the neighbour has not acknowledged yet, at most";
        let each = self.each(|one| one.unacknowledged);
        families.gauges("neighbour_unacknowledged_records", unacknowledged, NEIGHBOUR, each)?;
        let walking = "Whether the neighbour is being sent the table instead of changes";
        let each = self.each(|one| Some(u32::from(one.walking)));
        families.gauges("neighbour_walking", walking, NEIGHBOUR, each)
    }

    fn followers(&self, families: &mut Families<'_>) -> fmt::Result {
        let Status { counters, .. } = &self.status;
        let accepted = "Followers that were let in";
        families.counter("followers_accepted", accepted, counters.followers)?;
        let sent = "AT lines sent to followers";
        families.counter("updates_followed", sent, counters.updates_followed)?;
        // Two may have one name: what is told is of the one that is further behind.
        let mut unsent = BTreeMap::new();
        let mut unacknowledged = BTreeMap::new();
        for one in &self.status.followers {
            let most = |lags: &mut BTreeMap<_, u64>, lag: u64| {
                let known = lags.entry(&*one.name).or_default();
                *known = lag.max(*known);
            };
            most(&mut unsent, one.unsent);
            most(&mut unacknowledged, one.unacknowledged);
        }
        let help = "Records the follower was not sent yet, at most";
        families.gauges("follower_unsent_records", help, FOLLOWER, unsent)?;
        let help = "Records the follower has not acknowledged yet, at most";
        families.gauges("follower_unacknowledged_records", help, FOLLOWER, unacknowledged)
    }

    /// The neighbours' names with something that is known of each.
    fn each<T>(&self, what: fn(&NeighbourStatus) -> Option<T>) -> impl Iterator<Item = (&str, T)> {
        let names = self.neighbours.iter().zip(&self.status.neighbours);
        names.filter_map(move |(name, one)| Some((name.as_str(), what(one)?)))
    }
}

const NEIGHBOUR: &str = "neighbour";
const FOLLOWER: &str = "follower";

/// Each limit: its key, what it is set to, and how often it was met.
fn limits(status: &Status) -> [(&'static str, u32, u64); 18] {
    let counters = &status.counters;
    // One that is added is missing here, and the compiler says so.
    let Limits {
        connections,
        address_connections,
        address_bytes_s,
        address_loopback: _,
        handshakes,
        followers,
        line_bytes,
        client_id_bytes,
        pipeline,
        output_bytes,
        answers_bytes,
        stalled_s,
        idle_s,
        lookups,
        lookup_queue,
        body_bytes,
        clients,
        record_age_s,
        ahead_s,
    } = status.limits;
    [
        ("connections", connections, counters.refused),
        ("address_connections", address_connections, counters.crowded),
        ("address_bytes_s", address_bytes_s, counters.throttled),
        ("handshakes", handshakes, counters.handshakes_dropped),
        ("followers", followers, counters.followers_refused),
        ("line_bytes", line_bytes, counters.long_lines),
        ("client_id_bytes", client_id_bytes, counters.long_clients),
        ("pipeline", pipeline, counters.full_pipelines),
        ("output_bytes", output_bytes, counters.pauses - counters.full_pipelines),
        ("answers_bytes", answers_bytes, counters.unread),
        ("stalled_s", stalled_s, counters.stalled),
        ("idle_s", idle_s, counters.idle),
        ("lookups", lookups, counters.lookups_waited),
        ("lookup_queue", lookup_queue, counters.lookups_refused),
        ("body_bytes", body_bytes, counters.long_bodies),
        ("clients", clients, counters.evicted + counters.no_room),
        ("record_age_s", record_age_s, counters.forgotten + counters.too_old),
        ("ahead_s", ahead_s, counters.ahead),
    ]
}

/// Writes one family of metrics after the other.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        count(&mut metric, value)
    }

    fn gauges<'a, T: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, T)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values
            .into_iter()
            .try_for_each(|(of, value)| metric.encode_family(&[(label, of)])?.encode_gauge(&value))
    }

    fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        values
            .into_iter()
            .try_for_each(|(of, value)| count(&mut metric.encode_family(&[(label, of)])?, value))
    }

    fn durations(&mut self, name: &str, help: &str, durations: &Durations) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let bound = |bound: Option<Duration>| bound.map_or(f64::INFINITY, seconds);
        let counts: Vec<_> = durations.counts().map(|(most, count)| (bound(most), count)).collect();
        let all = counts.iter().map(|(_, count)| count).sum();
        metric.encode_histogram::<NoLabelSet>(seconds(durations.total()), all, &counts, None)
    }
}

fn count(metric: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
