//! What a server counts, from its start on.

/// Plain counters, none of which decides anything. Each limit has one that
/// says how often it was met.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// `IAMAT` commands.
    pub reports: u64,
    /// `WHATSAT` commands that were valid.
    pub queries: u64,
    /// Lines of clients answered by `? `.
    pub invalid: u64,
    /// Connections whose first line was a request of HTTP.
    pub http_requests: u64,
    /// Lines longer than `limits.line_bytes`, which are among those refused or dropped.
    pub long_lines: u64,
    /// Lines with a client ID longer than `limits.client_id_bytes`, which are among the invalid ones.
    pub long_clients: u64,
    /// Records that became new here, from clients and neighbours alike.
    pub records: u64,
    /// Records that made room for greater ones in a full table.
    pub evicted: u64,
    /// Records not kept because the table was full of greater ones.
    pub no_room: u64,
    /// Records forgotten for `limits.record_age_s`.
    pub forgotten: u64,
    /// Reports not kept for `limits.ahead_s`.
    pub ahead: u64,
    /// Reports not kept for `limits.record_age_s`.
    pub too_old: u64,
    /// `AT` lines that came from neighbours.
    pub updates_received: u64,
    /// `AT` lines from the addresses of plain neighbours that were no updates. They are answered by `? `, and not
    /// among the invalid lines, which are clients'.
    pub updates_refused: u64,
    /// `AT` lines sent to neighbours.
    pub updates_sent: u64,
    /// Lines on links that were dropped.
    pub dropped: u64,
    /// Links that came up.
    pub links: u64,
    /// Links among them that went on where the last one had ended.
    pub resumed: u64,
    /// Followers that were let in.
    pub followers: u64,
    /// Followers past `limits.followers`.
    pub followers_refused: u64,
    /// `AT` lines sent to followers.
    pub updates_followed: u64,
    /// Connections that did not become a link.
    pub links_refused: u64,
    /// Connections among them past `limits.handshakes`.
    pub handshakes_dropped: u64,
    /// Client connections accepted.
    pub connections: u64,
    /// Client connections past `limits.connections`.
    pub refused: u64,
    /// Client connections past `limits.address_connections`, or from an address past `limits.address_bytes_s`.
    pub crowded: u64,
    /// Connections that were secured.
    pub secured: u64,
    /// Connections closed because they were to be secured and were not, or not in time.
    pub insecure: u64,
    /// Times that reading paused for `limits.pipeline` or `limits.output_bytes`.
    pub pauses: u64,
    /// Pauses among them for `limits.pipeline`.
    pub full_pipelines: u64,
    /// Times that reading paused for `limits.address_bytes_s`.
    pub throttled: u64,
    /// Clients closed for `limits.idle_s`.
    pub idle: u64,
    /// Clients closed for `limits.stalled_s`.
    pub stalled: u64,
    /// Clients closed for `limits.answers_bytes`.
    pub unread: u64,
    /// Lookups whose answer was passed on.
    pub lookups: u64,
    /// Lookups answered by an error: timed out, refused and with too long a body among them.
    pub lookups_failed: u64,
    /// Lookups whose time was up.
    pub lookups_timed_out: u64,
    /// Lookups whose client left before there was an answer.
    pub lookups_abandoned: u64,
    /// Lookups that had to wait for `limits.lookups`.
    pub lookups_waited: u64,
    /// Lookups past `limits.lookup_queue`.
    pub lookups_refused: u64,
    /// Lookups whose body was longer than `limits.body_bytes`.
    pub long_bodies: u64,
    /// Bytes read, from clients and neighbours alike.
    pub bytes_received: u64,
    /// Bytes sent that the kernel took.
    pub bytes_sent: u64,
}
