//! What `herd up` shows once the herd runs: who is where, and what to type next.

use crate::output::{program, quoted, say};
use herd_config::Roster;
use herd_config::address::Address;
use herd_config::args::LogArgs;
use herd_config::logging::Level;
use herd_core::{Dialect, LinkKind};

/// Shows the herd; `chosen` are the arguments that choose it, and `map` is where its gateway has the map.
pub(super) fn show(roster: &Roster, log: &LogArgs, chosen: &[String], map: Option<&Address>) {
    for line in table(roster, log).into_iter().chain(next_steps(roster, &program(), chosen)) {
        say(format_args!("{line}"));
    }
    if let Some(address) = map {
        say(format_args!("The map: http://{address}"));
    }
}

fn table(roster: &Roster, log: &LogArgs) -> Vec<String> {
    let log = log.over(&roster.log);
    let mut rows = vec![["server", "address", "talks with", "log"].map(str::to_owned)];
    for server in &roster.servers {
        let neighbours: Vec<_> =
            server.talks_with.iter().map(|at| roster.servers[*at].name.as_str()).collect();
        let file = match (server.links, log.level) {
            (LinkKind::Plain, _) => "not started".to_owned(),
            (LinkKind::Herd, Level::Off) => "none".to_owned(),
            (LinkKind::Herd, Level::Lines | Level::Events) => {
                log.path(&server.name).display().to_string()
            }
        };
        rows.push([server.name.clone(), server.address.to_string(), neighbours.join(", "), file]);
    }
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [0, 1, 2].map(width);
    rows.iter()
        .map(|[name, address, neighbours, file]| {
            let [one, two, three] = widths;
            format!("{name:one$}  {address:two$}  {neighbours:three$}  {file}")
        })
        .collect()
}

/// The two commands of the protocol, as they can be typed: at the first server and at the last one.
fn next_steps(roster: &Roster, program: &str, chosen: &[String]) -> Vec<String> {
    let started: Vec<_> =
        roster.servers.iter().filter(|server| server.links == LinkKind::Herd).collect();
    let (Some(first), Some(last)) = (started.first(), started.last()) else { return Vec::new() };
    let what = match roster.upstream.dialect.provider() {
        Dialect::Places | Dialect::PlacesNew => "places",
        Dialect::Posts => "posts",
    };
    let send: Vec<_> =
        [program, "send"].into_iter().chain(chosen.iter().map(String::as_str)).collect();
    let send = send.join(" ");
    let address = first.address.to_string();
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, ""));
    let host = host.trim_matches(['[', ']']);
    vec![
        String::new(),
        format!("Tell {} where a client is, and ask {} for {what} near it:", first.name, last.name),
        format!("  {send} {} '{IAMAT}'", first.name),
        format!("  {send} {} '{WHATSAT}'", last.name),
        "or with any other client of TCP:".to_owned(),
        other_client(roster, host, port),
        "Ctrl-C stops the herd.".to_owned(),
    ]
}

/// A command line that talks to a server without a program of ours.
fn other_client(roster: &Roster, host: &str, port: &str) -> String {
    let Some(tls) = roster.tls.as_ref().filter(|tls| tls.clients) else {
        return format!("  echo '{WHATSAT}' | nc -N {host} {port}");
    };
    let authority = tls.authority.as_ref();
    let trust = authority.map_or_else(String::new, |(path, _)| {
        format!(" -verify_return_error -CAfile {}", quoted(path.display()))
    });
    format!("  openssl s_client -quiet -connect {host}:{port}{trust}")
}

const IAMAT: &str = "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997";
const WHATSAT: &str = "WHATSAT kiwi.cs.ucla.edu 10 5";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_is_where() {
        let roster = Roster::builtin("places-2016").unwrap();
        let log = LogArgs { log_dir: Some("l".into()), level: None };

        assert_eq!(
            table(&roster, &log),
            [
                "server    address          talks with       log",
                "Alford    127.0.0.1:12011  Hamilton, Welsh  l/Alford.log",
                "Ball      127.0.0.1:12012  Holiday, Welsh   l/Ball.log",
                "Hamilton  127.0.0.1:12013  Alford, Holiday  l/Hamilton.log",
                "Holiday   127.0.0.1:12014  Ball, Hamilton   l/Holiday.log",
                "Welsh     127.0.0.1:12015  Alford, Ball     l/Welsh.log",
            ]
        );
    }

    #[test]
    fn what_to_type_next_names_the_herd_it_is_for() {
        let roster = Roster::builtin("posts-2013").unwrap();
        let chosen = ["--roster".to_owned(), "posts-2013".to_owned()];

        assert_eq!(
            next_steps(&roster, "herd", &chosen)[1..],
            [
                "Tell Farmar where a client is, and ask Young for posts near it:",
                "  herd send --roster posts-2013 Farmar 'IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 \
             1520023934.918963997'",
                "  herd send --roster posts-2013 Young 'WHATSAT kiwi.cs.ucla.edu 10 5'",
                "or with any other client of TCP:",
                "  echo 'WHATSAT kiwi.cs.ucla.edu 10 5' | nc -N 127.0.0.1 12021",
                "Ctrl-C stops the herd.",
            ]
        );
    }
}
