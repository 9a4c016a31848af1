//! What a server tells over HTTP of itself, read strictly.

use crate::{Client, PATIENCE};
use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

/// One answer over HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The head, up to the empty line.
    pub head: String,
    /// All that follows it.
    pub body: String,
}

/// Sends `bytes` to `address` and reads an answer of HTTP to the end of the connection; the body is as
/// long as was announced, unless only its head was asked for.
#[track_caller]
pub fn http(address: SocketAddr, bytes: &str) -> Reply {
    let mut client = Client::connect(address);
    client.set_patience(PATIENCE);
    client.send(bytes);
    let reply = String::from_utf8(client.rest()).expect("an answer in UTF-8");
    let (head, body) = reply.split_once("\r\n\r\n").expect("an answer with a head");
    let status = head.strip_prefix("HTTP/1.1 ").expect("an answer of HTTP");
    let status = status.split(' ').next().expect("a split has a first part");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    if !bytes.starts_with("HEAD") {
        assert_eq!(length, body.len(), "{reply}");
    }
    let status = status.parse().expect("a status is a number");
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// Gets the page at `path`.
#[track_caller]
pub fn get(address: SocketAddr, path: &str) -> Reply {
    http(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

/// Metrics as they were at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metrics(BTreeMap<String, String>);

impl Metrics {
    /// Reads what is at `address`.
    #[track_caller]
    pub fn scrape(address: SocketAddr) -> Self {
        let reply = get(address, "/metrics");
        assert_eq!(reply.status, 200, "{}", reply.body);
        let kind = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(reply.head.lines().any(|line| line == kind), "{}", reply.head);
        Self::parse(&reply.body)
    }

    /// Reads metrics that must be well-formed: each family described once and in one piece, each series
    /// there once, histograms that add up, and the end marked.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("the end is marked");
        let mut series = BTreeMap::new();
        let mut families = BTreeSet::new();
        let (mut family, mut kind) = ("", "");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a name and a text");
                assert!(families.insert(name) && !help.is_empty(), "{line}");
                (family, kind) = (name, "");
            } else if let Some(described) = line.strip_prefix("# TYPE ") {
                let (name, described) = described.split_once(' ').expect("a name and a type");
                assert!(name == family && kind.is_empty(), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&described), "{line}");
                kind = described;
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a series and a value");
                let suffix = metric(name).strip_prefix(family).expect("a series of its family");
                let fits = match kind {
                    "counter" => suffix == "_total",
                    "gauge" => suffix.is_empty(),
                    "histogram" => ["_sum", "_count", "_bucket"].contains(&suffix),
                    _ => false,
                };
                let number: f64 = value.parse().expect("a number");
                assert!(fits && number.is_finite(), "{line}");
                assert!(series.insert(name.to_owned(), value.to_owned()).is_none(), "{line}");
            }
        }
        let metrics = Self(series);
        metrics.check_histograms();
        metrics
    }

    #[track_caller]
    fn check_histograms(&self) {
        for name in self.0.keys().filter_map(|name| name.strip_suffix("_bucket{le=\"+Inf\"}")) {
            let start = format!("{name}_bucket{{le=\"");
            let buckets = self.0.iter().filter_map(|(name, count)| {
                let bound = name.strip_prefix(&start)?.strip_suffix("\"}")?;
                Some((bound.replace("+Inf", "inf").parse().ok()?, count.parse().ok()?))
            });
            let mut buckets: Vec<(f64, u64)> = buckets.collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name}: {buckets:?}");
            let all = buckets.last().map(|(_, count)| *count);
            assert_eq!(all, Some(self.count(&format!("{name}_count"))), "{name}");
            assert!(self.0.contains_key(&format!("{name}_sum")), "{name}");
        }
    }

    /// The value of a series without labels, or with them as in `herd_link_up{neighbour="Hill"}`.
    #[track_caller]
    pub fn text(&self, series: &str) -> &str {
        self.0.get(series).unwrap_or_else(|| panic!("no {series}: {:#?}", self.0))
    }

    /// The same where it is a whole number.
    #[track_caller]
    pub fn count(&self, series: &str) -> u64 {
        self.text(series).parse().expect("a whole number")
    }

    /// The series there are.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The name of a series without its labels, both well-formed.
#[track_caller]
fn metric(series: &str) -> &str {
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')),
        None => (series, None),
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    assert!(!name.is_empty() && plain(name), "{series}");
    for label in labels.into_iter().flat_map(|labels| labels.split(',')) {
        let (key, value) = label.split_once("=\"").expect("a key and a value");
        let value = value.strip_suffix('"').expect("a quoted value");
        assert!(plain(key) && !value.contains(['"', '\\', '\n']), "{series}");
    }
    name
}
