use super::*;
use std::collections::BTreeSet;
use std::thread;

fn roster(text: &str) -> Roster {
    crate::config::parse(Path::new("herd.toml"), text).unwrap()
}

const LOOPBACK: &str = "[[server]]\nname = 'Hill'\naddress = '127.0.0.1:1'\n";

fn state(dir: &Path) -> impl Fn(&str) -> Option<OsString> {
    move |name| (name == "XDG_STATE_HOME").then(|| dir.into())
}

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn found(roster: &Roster, env: Environment<'_>) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    find(roster, env, Mode::Start, &mut warnings).map(|_| warnings)
}

#[test]
fn of_many_servers_that_start_at_once_one_writes_the_secret() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("herd/secret");
        let read: BTreeSet<_> = thread::scope(|scope| {
            let servers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| shared(&path, Mode::Start).unwrap())).collect();
            servers.into_iter().map(|server| server.join().unwrap().to_vec()).collect()
        });

        assert_eq!(read.len(), 1);
        assert_eq!(read.first().unwrap(), &fs::read(&path).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn the_shared_secret_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state_home = dir.path().join("deep/state");
    assert_eq!(found(&roster(LOOPBACK), &state(&state_home)).unwrap(), [""; 0]);

    let mode =
        |path: &str| fs::metadata(state_home.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("herd"), 0o700);
    assert_eq!(mode("herd/secret"), 0o600);

    let path = state_home.join("herd/secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let path = path.display();
    assert_eq!(
        found(&roster(LOOPBACK), &state(&state_home)).unwrap(),
        [format!("others can read the secret in {path} (mode 644): chmod 600 {path}")]
    );
}

#[test]
fn checking_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();

    find(&roster(LOOPBACK), &state(dir.path()), Mode::Check, &mut Vec::new()).unwrap();

    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_state_directory_is_the_first_that_is_set() {
    let path = |set: &[(&str, &str)]| {
        let env =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        shared_path(&env).map(|path| path.display().to_string())
    };
    let (home, systemd, xdg) =
        (("HOME", "/h"), ("STATE_DIRECTORY", "/s:/t"), ("XDG_STATE_HOME", "/x"));

    assert_eq!(path(&[home, systemd, xdg]).unwrap(), "/x/herd/secret");
    assert_eq!(path(&[home, systemd]).unwrap(), "/s/herd/secret");
    assert_eq!(path(&[home]).unwrap(), "/h/.local/state/herd/secret");
    assert_eq!(
        path(&[home, ("XDG_STATE_HOME", "relative")]).unwrap(),
        "/h/.local/state/herd/secret"
    );
    assert_eq!(path(&[]).unwrap_err().code, 2);
}

#[test]
fn a_herd_that_others_can_reach_needs_a_secret() {
    let others = LOOPBACK.replace("127.0.0.1", "10.0.0.1");
    assert_eq!(
        found(&roster(&others), &nothing).unwrap_err(),
        Failure::wrong(
            "herd.toml: a herd that is not on loopback only needs a secret: `herd init` writes one, to be \
             named by secret_file and copied to every server"
        )
    );
    let listens = format!("{LOOPBACK}listen = '0.0.0.0:1'");
    assert!(found(&roster(&listens), &nothing).is_err());
}

#[test]
fn a_secret_from_the_environment_is_set_and_long_enough() {
    let roster = roster(&format!("\nsecret_env = 'HERD_SECRET'\n{LOOPBACK}"));
    let set = |value: &'static str| move |_: &str| Some(OsString::from(value));

    assert_eq!(
        found(&roster, &nothing).unwrap_err(),
        Failure::wrong("herd.toml:2: the environment variable HERD_SECRET is not set")
    );
    assert_eq!(
        found(&roster, &set("123456789012345\n")).unwrap_err(),
        Failure::wrong("herd.toml:2: the secret in HERD_SECRET is shorter than 16 bytes")
    );
    assert_eq!(found(&roster, &set("1234567890123456")).unwrap(), [""; 0]);
}

#[test]
fn a_secret_file_is_read_without_its_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("secret_file = 's'\n{LOOPBACK}");
    let config = dir.path().join("herd.toml");
    let roster = crate::config::parse(&config, &text).unwrap();
    let file = dir.path().join("s");
    let (config, path) = (config.display(), file.display());

    let message = found(&roster, &nothing).unwrap_err().message;
    assert!(message.starts_with(&format!("{config}:1: cannot read {path}: ")), "{message}");
    fs::write(&file, "123456789012345\n").unwrap();
    assert_eq!(
        found(&roster, &nothing).unwrap_err().message,
        format!("{config}:1: the secret in {path} is shorter than 16 bytes")
    );
    assert_eq!(trimmed(b"1234567890123456\r\n"), b"1234567890123456");
    assert_eq!(trimmed(b"1234567890123456"), b"1234567890123456");
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    long_enough(Zeroizing::new(bytes.to_vec()), "").unwrap().to_vec()
}

#[test]
fn a_credential_of_the_service_manager_is_not_readable_by_others_whatever_its_mode_says() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("herd.secret");
    fs::write(&path, "a secret of sufficient length").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    let named = format!("secret_file = {path:?}\n{LOOPBACK}");
    let credentials = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| dir.path().into());

    assert_eq!(found(&roster(&named), &nothing).unwrap().len(), 1);
    assert_eq!(found(&roster(&named), &credentials).unwrap(), [""; 0]);
}
