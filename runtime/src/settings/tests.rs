use super::*;
use core::time::Duration;
use herd_config::args::{HerdArgs, LogArgs};
use herd_config::logging::Level;
use herd_core::Dialect;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory for the state and for configuration files.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn env(&self) -> impl Fn(&str) -> Option<OsString> {
        |name| match name {
            "XDG_STATE_HOME" => Some(self.0.path().into()),
            "KEY" => Some(" key \n".into()),
            "ODD_KEY" => Some("clé".into()),
            _ => None,
        }
    }

    fn load(&self, args: &Args) -> Result<Settings, Failure> {
        load_from(args, &self.env())
    }

    fn config(&self, text: &str) -> HerdArgs {
        let path = self.0.path().join("herd.toml");
        fs::write(&path, text).unwrap();
        HerdArgs { config: Some(path), roster: None }
    }
}

fn args(name: &str, herd: HerdArgs) -> Args {
    Args {
        name: name.to_owned(),
        herd,
        log: LogArgs::default(),
        metrics: None,
        workers: None,
        check_config: false,
    }
}

fn builtin(roster: &str) -> HerdArgs {
    HerdArgs { config: None, roster: Some(roster.to_owned()) }
}

const HERD: &str = r#"
[upstream]
key_env = "KEY"
[[server]]
name = "Hill"
address = "127.0.0.1:1"
listen = "127.0.0.2:1"
link_address = "127.0.0.1:101"
link_listen = "127.0.0.2:101"
[[server]]
name = "Jaquez"
address = "127.0.0.1:2"
talks_with = ["Hill", "Other"]
[[server]]
name = "Other"
address = "127.0.0.1:3"
links = "plain"
"#;

#[test]
fn a_name_alone_is_a_server_of_the_default_roster() {
    let settings = Home::new().load(&args("Hill", HerdArgs::default())).unwrap();

    assert_eq!(&*settings.core.name, "Hill");
    let names: Vec<_> = settings.core.neighbours.iter().map(|neighbour| &*neighbour.name).collect();
    assert_eq!(names, ["Jaquez", "Smith"]);
    assert_eq!(settings.dial, ["127.0.0.1:12102", "127.0.0.1:12103"]);
    assert_eq!(settings.listen, "127.0.0.1:12001");
    assert_eq!(settings.link_listen.as_deref(), Some("127.0.0.1:12101"));
    assert_eq!(settings.advertised, "127.0.0.1:12001");
    assert!(!settings.core.shared_address);
    assert_eq!(settings.core.lookup_timeout, Duration::from_secs(10));
    assert!(settings.workers >= 1);
    assert!(settings.warnings.is_empty());
}

#[test]
fn two_starts_never_share_a_seed() {
    let home = Home::new();
    let args = args("Hill", HerdArgs::default());

    assert_ne!(home.load(&args).unwrap().core.seed, home.load(&args).unwrap().core.seed);
}

#[test]
fn the_posts_herd_asks_for_posts() {
    let settings = Home::new().load(&args("Gasol", builtin("posts-2013"))).unwrap();

    assert_eq!(settings.core.dialect, Dialect::Posts);
    assert_eq!(settings.upstream.url.as_str(), "http://127.0.0.1:12020/search.json");
}

#[test]
fn the_new_places_are_asked_at_googles_unless_the_file_says_where() {
    let home = Home::new();
    let load = |more: &str| {
        let text =
            HERD.replace("[upstream]", &format!("[upstream]\ndialect = 'places-new'\n{more}"));
        home.load(&args("Hill", home.config(&text)))
    };

    let settings = load("").unwrap();
    assert_eq!(settings.core.dialect, Dialect::PlacesNew);
    assert_eq!(
        settings.upstream.url.as_str(),
        "https://places.googleapis.com/v1/places:searchNearby"
    );
    let settings = load("url = 'http://127.0.0.1:1/x'").unwrap();
    assert_eq!(settings.upstream.url.as_str(), "http://127.0.0.1:1/x");
}

#[test]
fn a_key_that_no_header_takes_is_an_error_where_it_goes_into_one() {
    let home = Home::new();
    let odd = HERD.replace("\"KEY\"", "\"ODD_KEY\"");
    assert!(home.load(&args("Hill", home.config(&odd))).is_ok());

    let config = home.config(&odd.replace("[upstream]", "[upstream]\ndialect = 'places-new'"));
    let place = config.config.clone().unwrap();
    let failure = home.load(&args("Hill", config)).unwrap_err();

    assert_eq!(
        failure.message,
        format!(
            "{}:4: the key in ODD_KEY goes into a header, which takes printable ASCII characters only",
            place.display()
        )
    );
}

#[test]
fn neighbours_are_dialled_where_they_take_links() {
    let home = Home::new();
    let settings = home.load(&args("Jaquez", home.config(HERD))).unwrap();

    let kinds: Vec<_> = settings.core.neighbours.iter().map(|neighbour| neighbour.kind).collect();
    assert_eq!(kinds, [LinkKind::Herd, LinkKind::Plain]);
    assert_eq!(settings.dial, ["127.0.0.1:101", "127.0.0.1:3"]);
    assert!(settings.core.shared_address && settings.link_listen.is_none());
    assert_eq!(
        settings.warnings,
        ["the link with Other is plain: whoever connects from its address can write into the herd"]
    );
}

#[test]
fn a_server_listens_where_its_file_says() {
    let home = Home::new();
    let settings = home.load(&args("Hill", home.config(HERD))).unwrap();

    assert_eq!(settings.listen, "127.0.0.2:1");
    assert_eq!(settings.link_listen.as_deref(), Some("127.0.0.2:101"));
    assert_eq!(settings.advertised, "127.0.0.1:1");
}

#[test]
fn a_key_comes_from_the_environment_and_is_never_shown() {
    let home = Home::new();
    let settings = home.load(&args("Hill", home.config(HERD))).unwrap();
    assert_eq!(settings.upstream.key.as_ref().unwrap().expose(), "key");
    assert!(!format!("{settings:?}").contains("\"key\""));

    let config = home.config(&HERD.replace("KEY", "NONE"));
    let settings = home.load(&args("Hill", config.clone())).unwrap();
    assert!(settings.upstream.key.is_none());
    let file = config.config.unwrap();
    let warning =
        format!("{}:3: NONE holds no key: the provider is asked without one", file.display());
    assert_eq!(settings.warnings, [warning]);
}

#[test]
fn a_herd_in_parts_is_a_warning_and_an_error_only_when_checked() {
    let home = Home::new();
    let config = home.config(&HERD.replace("\"Hill\", ", ""));
    let message = format!(
        "{}: the herd falls into parts: nothing leads from Hill to Jaquez, Other",
        config.config.as_ref().unwrap().display()
    );
    let mut args = args("Hill", config);
    assert_eq!(home.load(&args).unwrap().warnings[0], message);

    args.check_config = true;

    assert_eq!(home.load(&args).unwrap_err(), Failure::wrong(message));
}

#[test]
fn the_command_line_goes_before_the_file() {
    let home = Home::new();
    let mut args = args("Hill", home.config(HERD));
    args.log = LogArgs { log_dir: Some("elsewhere".into()), level: Some(Level::Events) };
    args.workers = Some(3);

    let settings = home.load(&args).unwrap();

    assert_eq!(settings.log.dir, PathBuf::from("elsewhere"));
    assert_eq!(settings.log.level, Level::Events);
    assert_eq!(settings.workers, 3);
}

#[test]
fn a_name_that_is_not_there_is_an_error() {
    let home = Home::new();
    let failure = home.load(&args("Nobody", builtin("posts-2013"))).unwrap_err();
    assert_eq!(failure.code, 2);
    assert_eq!(
        failure.message,
        "there is no server Nobody in posts-2013: there are Farmar, Gasol, Hill, Meeks, Young"
    );
    assert_eq!(home.load(&args("Nobody", builtin("nowhere"))).unwrap_err().code, 2);
}

#[test]
fn a_secret_that_was_named_must_be_there_even_without_links() {
    let home = Home::new();
    let alone = "secret_env = 'NONE'\n[[server]]\nname = 'Hill'\naddress = '10.0.0.1:1'\n";
    assert!(home.load(&args("Hill", home.config(alone))).is_err());

    let alone = alone.replace("secret_env = 'NONE'", "");
    assert!(home.load(&args("Hill", home.config(&alone))).is_ok());
}

#[test]
fn the_command_line_says_where_metrics_are_before_the_file_does() {
    let home = Home::new();
    let herd = home.config(&format!("{HERD}metrics = '127.0.0.1:9464'\n"));
    let of_file = args("Other", herd);
    let of_both = Args { metrics: Address::parse_to_listen("127.0.0.1:0"), ..of_file.clone() };
    let of_neither = args("Hill", builtin("places-2020"));

    let metrics = |args: &Args| home.load(args).unwrap().metrics.map(|address| address.to_string());

    assert_eq!(metrics(&of_file).unwrap(), "127.0.0.1:9464");
    assert_eq!(metrics(&of_both).unwrap(), "127.0.0.1:0");
    assert_eq!(metrics(&of_neither), None);
}
