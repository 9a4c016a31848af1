use super::*;
use crate::logging::Level;
use core::time::Duration;
use herd_core::LinkKind;
use std::path::PathBuf;

/// Three servers: names on lines 2, 5 and 9, addresses below them.
const SERVERS: &str = r#"[[server]]
name = "Hill"
address = "127.0.0.1:1"
[[server]]
name = "Jaquez"
address = "127.0.0.1:2"
talks_with = ["Hill"]
[[server]]
name = "Smith"
address = "127.0.0.1:3"
"#;

fn parsed(text: &str) -> Result<Roster, Failure> {
    parse(Path::new("conf/herd.toml"), text)
}

/// What is wrong with a file, without its name.
fn wrong(text: &str) -> String {
    let failure = parsed(text).unwrap_err();
    assert_eq!(failure.code, 2);
    failure.message.strip_prefix("conf/herd.toml:").unwrap().to_owned()
}

/// What is wrong with these lines before three good servers.
fn wrong_before(lines: &str) -> String {
    wrong(&format!("{lines}\n{SERVERS}"))
}

/// What is wrong with these lines after three good servers, which take ten.
fn wrong_after(lines: &str) -> String {
    wrong(&format!("{SERVERS}{lines}"))
}

#[test]
fn servers_alone_are_enough() {
    let roster = parsed(SERVERS).unwrap();

    assert_eq!(roster.name, "conf/herd.toml");
    assert_eq!(roster.secret, SecretSource::Unsaid);
    assert_eq!(
        roster.upstream.url.as_str(),
        "http://127.0.0.1:12000/maps/api/place/nearbysearch/json"
    );
    assert_eq!(roster.limits, herd_core::Limits::default());
    assert_eq!(
        roster.log,
        LogSettings { dir: PathBuf::from("conf/logs"), ..LogSettings::default() }
    );
    let talks_with: Vec<_> =
        roster.servers.iter().map(|server| server.talks_with.clone()).collect();
    assert_eq!(talks_with, [vec![1], vec![0], vec![]]);
    assert_eq!(roster.unreached(), ["Smith"]);
}

#[test]
fn every_key_is_understood() {
    let text = r#"
        provider = "posts"
        secret_file = "herd.secret"
        [upstream]
        url = "https://posts.example/search.json"
        key_env = "KEY"
        timeout_ms = 1500
        dialect = "posts"
        [limits]
        connections = 1
        line_bytes = 2
        client_id_bytes = 3
        pipeline = 4
        output_bytes = 5
        answers_bytes = 21
        stalled_s = 6
        idle_s = 0
        lookups = 8
        lookup_queue = 9
        body_bytes = 10
        clients = 11
        record_age_s = 12
        ahead_s = 13
        [log]
        level = "events"
        dir = "/var/log/herd"
        rotate_mib = 2
        keep = 0
        [[server]]
        name = "Hill"
        address = "hill.example:12001"
        listen = "0.0.0.0:12001"
        link_address = "hill.example:12101"
        link_listen = "[::]:12101"
        links = "herd"
        talks_with = ["Other"]
        [[server]]
        name = "Other"
        address = "other.example:1"
        links = "plain"
    "#;
    let roster = parsed(text).unwrap();

    assert_eq!(
        roster.secret,
        SecretSource::File(PathBuf::from("conf/herd.secret"), "conf/herd.toml:3".to_owned())
    );
    assert_eq!(roster.upstream.url.as_str(), "https://posts.example/search.json");
    assert_eq!(roster.upstream.key_env, Some(("KEY".to_owned(), "conf/herd.toml:6".to_owned())));
    assert_eq!(roster.upstream.timeout, Duration::from_millis(1500));
    assert_eq!(roster.upstream.dialect, UpstreamDialect::Posts);
    let limits = roster.limits;
    assert_eq!(limits.answers_bytes, 21);
    assert_eq!((limits.connections, limits.idle_s, limits.lookups, limits.ahead_s), (1, 0, 8, 13));
    let log = LogSettings {
        level: Level::Events,
        dir: "/var/log/herd".into(),
        rotate_bytes: 2 << 20,
        keep: 0,
    };
    assert_eq!(roster.log, log);
    let hill = &roster.servers[0];
    assert_eq!(hill.address.to_string(), "hill.example:12001");
    assert_eq!(hill.listen.as_ref().unwrap().to_string(), "0.0.0.0:12001");
    let link = hill.link.as_ref().unwrap();
    assert_eq!(link.address.to_string(), "hill.example:12101");
    assert_eq!(link.listen.as_ref().unwrap().to_string(), "[::]:12101");
    assert_eq!(roster.link_kind(0, 1), LinkKind::Plain);
    assert_eq!(roster.link_kind(1, 0), LinkKind::Plain);
    assert!(!roster.is_loopback());
}

#[test]
fn a_slip_of_the_pen_gets_a_suggestion() {
    assert_eq!(
        wrong_before("secret_fil = 'x'"),
        "1: unknown key `secret_fil`: did you mean `secret_file`?"
    );
    assert_eq!(
        wrong_before("[limits]\nconections = 1"),
        "2: unknown key `conections`: did you mean `connections`?"
    );
    assert_eq!(
        wrong_after("talk_with = []"),
        "11: unknown key `talk_with`: did you mean `talks_with`?"
    );
    assert_eq!(wrong_before("[[severs]]"), "1: unknown key `severs`: did you mean `server`?");
    assert_eq!(
        wrong_before("provider = 'place'"),
        "1: unknown value `place`: did you mean `places`?"
    );
    assert_eq!(
        wrong_before("[log]\nlevel = 'line'"),
        "2: unknown value `line`: did you mean `lines`?"
    );
    assert_eq!(
        wrong_before("[upstream]\ndialect = 'places_new'"),
        "2: unknown value `places_new`: did you mean `places-new`?"
    );
}

#[test]
fn an_unknown_key_without_likeness_gets_the_keys_there_are() {
    assert_eq!(
        wrong_before("[log]\nx = 1"),
        "2: unknown key `x`: expected one of `level`, `dir`, `rotate_mib`, `keep`"
    );
    assert_eq!(
        wrong_after("links = 'x'"),
        "11: unknown value `x`: expected one of `herd`, `plain`"
    );
}

#[test]
fn a_wrong_type_is_an_error_with_its_line() {
    assert_eq!(wrong_before("\n\nprovider = 3"), "3: invalid type: integer `3`, expected a string");
    assert_eq!(
        wrong_before("[limits]\nclients = '1'"),
        "2: invalid type: string \"1\", expected u32"
    );
    assert_eq!(
        wrong_before("[limits]\nclients = -1"),
        "2: invalid value: integer `-1`, expected u32"
    );
    assert_eq!(
        wrong_after("talks_with = 'Hill'"),
        "11: invalid type: string \"Hill\", expected a sequence"
    );
    assert_eq!(
        wrong_before("provider ="),
        "1: string values must be quoted, expected literal string"
    );
    assert_eq!(wrong_after("[[server]]\nname = 'Campbell'"), "11: missing field `address`");
    assert_eq!(wrong_before("secret_file = 'a'\nsecret_file = 'b'"), "2: duplicate key");
}

#[test]
fn limits_have_a_range() {
    assert_eq!(wrong_before("[limits]\n\npipeline = 0"), "3: `pipeline` cannot be 0");
    assert_eq!(
        wrong_before("[limits]\nclient_id_bytes = 256"),
        "2: `client_id_bytes` can be 255 at most"
    );
    assert_eq!(wrong_before("[upstream]\ntimeout_ms = 0"), "2: `timeout_ms` cannot be 0");
    assert_eq!(wrong_before("[log]\nrotate_mib = 0"), "2: `rotate_mib` cannot be 0");
    assert_eq!(wrong_before("[log]\nkeep = 1001"), "2: `keep` can be 1000 at most");
}

#[test]
fn contradictions_are_errors() {
    assert_eq!(
        wrong_before("secret_env = 'A'\nsecret_file = 'b'"),
        "2: give secret_env or secret_file, not both"
    );
    assert_eq!(
        wrong_before("provider = 'posts'\n[upstream]\ndialect = 'places-legacy'"),
        "3: this dialect is for provider = \"places\": for \"posts\" it is \"posts\""
    );
    assert!(
        wrong_before("provider = 'posts'\n[upstream]\ndialect = 'places-new'")
            .starts_with("3: this dialect is for provider = \"places\"")
    );
    assert_eq!(
        wrong_before("provider = 'places'\n[upstream]\ndialect = 'posts'"),
        "3: this dialect is for provider = \"posts\": for \"places\" it is \"places-legacy\" or \"places-new\""
    );
    assert_eq!(
        wrong_after("links = 'plain'\nlink_address = '127.0.0.1:9'"),
        "12: plain links come to `address`: leave out link_address, or links = \"plain\""
    );
    let needs =
        "link_listen needs a link_address other than `address`, where neighbours connect to";
    assert_eq!(wrong_after("link_listen = '127.0.0.1:9'"), format!("11: {needs}"));
    assert_eq!(
        wrong_after("link_address = '127.0.0.1:3'\nlink_listen = '127.0.0.1:9'"),
        format!("12: {needs}")
    );
    assert_eq!(
        wrong_after("link_address = '127.0.0.1:9'\nlink_listen = '127.0.0.1:3'"),
        "12: clients and neighbours have different addresses, but one to listen on"
    );
}

#[test]
fn names_are_unique_and_fit_a_line_and_a_file() {
    assert_eq!(
        wrong_after("[[server]]\nname = 'Hill'\naddress = 'a:1'"),
        "12: there is a server Hill on line 2 already"
    );
    let rule = "a server's name is 1 to 64 printable ASCII characters without spaces and slashes";
    for name in ["", "a b", "a/b", "Zürich", &"x".repeat(65)] {
        assert_eq!(
            wrong_after(&format!("[[server]]\nname = '{name}'\naddress = 'a:1'")),
            format!("12: {rule}")
        );
    }
    assert_eq!(wrong("provider = 'places'"), " there is no [[server]] in it");
}

#[test]
fn neighbours_exist_and_are_others() {
    assert_eq!(
        wrong_after("talks_with = [\n'Hill',\n'Jaques']"),
        "13: Smith talks with Jaques, but there is no such server: did you mean Jaquez?"
    );
    assert_eq!(
        wrong_after("talks_with = ['X']"),
        "11: Smith talks with X, but there is no such server: there are Hill, Jaquez, Smith"
    );
    assert_eq!(wrong_after("talks_with = ['Smith']"), "11: Smith cannot talk with itself");
    assert_eq!(wrong_after("talks_with = ['Hill', 'Hill']"), "11: Hill is named twice");
}

#[test]
fn neighbours_may_be_written_on_both_sides() {
    let roster = parsed(&format!("{SERVERS}talks_with = ['Hill', 'Jaquez']\n")).unwrap();
    let both = parsed(&format!("{SERVERS}talks_with = ['Hill', 'Jaquez']\n").replacen(
        "address = \"127.0.0.1:1\"",
        "address = \"127.0.0.1:1\"\ntalks_with = ['Smith', 'Jaquez']",
        1,
    ))
    .unwrap();

    for at in 0..3 {
        assert_eq!(roster.servers[at].talks_with, both.servers[at].talks_with);
    }
    assert!(roster.unreached().is_empty());
}

#[test]
fn addresses_are_unique_and_well_formed() {
    let server = |lines: &str| format!("[[server]]\nname = 'Campbell'\n{lines}");
    assert_eq!(
        wrong_after(&server("address = '127.0.0.1:2'")),
        "13: 127.0.0.1:2 is the address of Jaquez, on line 6, already"
    );
    assert_eq!(
        wrong_after(&server("address = '127.0.0.1:9'\nlink_address = '127.0.0.1:1'")),
        "14: 127.0.0.1:1 is the address of Hill, on line 3, already"
    );
    assert_eq!(
        wrong_after(&server("address = 'hill'")),
        "13: `hill` is not an address: write HOST:PORT, such as 127.0.0.1:12001 or [::1]:12001"
    );
    assert!(
        wrong_after(&server("address = 'a:1'\nlisten = '0.0.0.0:0'"))
            .starts_with("14: `0.0.0.0:0` is not")
    );
}

#[test]
fn a_link_address_that_is_the_address_is_shared() {
    let roster = parsed(&format!("{SERVERS}link_address = '127.0.0.1:3'\n")).unwrap();

    assert!(roster.servers[2].link.is_none());
}

#[test]
fn a_url_is_what_a_query_can_be_appended_to() {
    let url = |url: &str| wrong_before(&format!("[upstream]\nurl = '{url}'"));
    assert_eq!(url("ftp://a"), "2: a URL starts with http:// or https://");
    for with_user in ["http://user:pw@a/x", "https://user@a/x"] {
        let said = url(with_user);
        assert!(said.starts_with("2: a user name or a password is not sent"), "{said}");
        assert!(!said.contains("pw"), "{said}");
    }
    assert_eq!(url("http:///x"), "2: there is no host in this URL");
    assert_eq!(
        url("http://a/x?y"),
        "2: the URL ends where the query starts: leave out the `?` or `#` and what follows"
    );
    assert_eq!(
        url("http://a/x y"),
        "2: a URL has neither spaces nor other than ASCII characters in it: write them as %20"
    );
    assert_eq!(url("http://a:65536/x"), "2: this is no URL: invalid port number");
    assert_eq!(url("http://[::1/x"), "2: this is no URL: invalid IPv6 address");
    assert_eq!(
        wrong_before("[upstream]\nkey_env = ''"),
        "2: this cannot be the name of an environment variable"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let failure = read(Path::new("no/such.toml")).unwrap_err();

    assert_eq!(failure.code, 2);
    assert!(failure.message.starts_with("cannot read no/such.toml: No such file"), "{failure}");
}

/// What `[tls]` needs to have.
const TLS: &str = "[tls]\ncertificate = \"{name}.pem\"\nkey = \"/keys/{name}.key\"";

#[test]
fn tls_is_for_clients_and_links_unless_said_otherwise() {
    let tls = parsed(&format!("{TLS}\nauthority = \"ca.pem\"\n{SERVERS}")).unwrap().tls.unwrap();

    assert!(tls.clients && tls.links);
    assert_eq!(tls.certificate_of("Hill"), PathBuf::from("conf/Hill.pem"));
    assert_eq!(tls.key_of("Hill"), PathBuf::from("/keys/Hill.key"));
    let place = "conf/herd.toml:4".to_owned();
    assert_eq!(tls.authority, Some((PathBuf::from("conf/ca.pem"), place)));
    assert_eq!(parsed(SERVERS).unwrap().tls, None);
}

#[test]
fn links_need_an_authority_for_tls() {
    assert!(wrong_before(TLS).starts_with("1: links need an `authority`"));
    let lonely = "[[server]]\nname = \"Hill\"\naddress = \"127.0.0.1:1\"\n";
    assert!(parsed(&format!("{TLS}\nlinks = false\n{lonely}")).is_ok());
    assert!(wrong_before("[tls]\nkey = \"k\"").contains("missing field `certificate`"));
}

#[test]
fn who_shares_an_address_shares_tls() {
    let message = "8: [tls] is for one of clients and links only, and here they share an address: give a link_address";
    assert_eq!(wrong_before(&format!("{TLS}\nlinks = false\n")), message);
    let message = message.replace('8', "9");
    assert_eq!(wrong_before(&format!("{TLS}\nauthority = \"a\"\nclients = false\n")), message);
}

#[test]
fn certificates_can_tell_the_servers_apart() {
    let before = format!("{TLS}\nauthority = \"a\"\n");
    let renamed = |name: &str| {
        let servers = SERVERS.replace("\"Smith\"", &format!("\"{name}\""));
        wrong(&format!("{before}{servers}"))
    };

    assert!(renamed("Sm!th").starts_with("13: no certificate can be for a server called Sm!th: "));
    assert!(renamed("10.0.0.1").starts_with("13: no certificate can be for "));
    assert_eq!(renamed("hill"), "13: certificates cannot tell hill from Hill");
    let servers = SERVERS.replace("127.0.0.1:2", "smith:2");
    let message = "13: certificates cannot tell the server Smith from the host of Jaquez";
    assert_eq!(wrong(&format!("{before}{servers}")), message);
    assert!(renamed("smith.west").starts_with("13: no certificate can be for "));
    // A host may have the name of the server that is on it.
    let servers = SERVERS.replace("127.0.0.1:2", "jaquez:2");
    assert!(parsed(&format!("{before}{servers}")).is_ok());
    // Only links need names.
    let lonely = "[[server]]\nname = \"Hill!\"\naddress = \"127.0.0.1:1\"\n";
    assert!(parsed(&format!("{TLS}\nlinks = false\n{lonely}")).is_ok());
}
