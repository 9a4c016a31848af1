use super::*;
use std::fs;
use std::path::Path;

const AT: Timestamp = Timestamp::from_nanos(1_795_228_800_123_456_789);

fn settings(dir: &Path, level: Level) -> LogSettings {
    LogSettings { level, dir: dir.to_owned(), ..LogSettings::default() }
}

fn started(dir: &Path) -> LogFile {
    LogFile::start(&settings(dir, Level::Lines), "Hill").unwrap()
}

/// The log without the times.
fn lines(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("Hill.log")).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

fn says(log: &LogFile, text: &str) {
    log.event(AT, log::Level::Info, format_args!("{text}"));
}

#[test]
fn what_is_logged_is_on_disk_without_being_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = started(dir.path());

    log.bytes(AT, Direction::Received, 1, "peer", b"IAMAT\n");
    log.0.queue.settle();

    assert_eq!(lines(dir.path()), ["< #1 peer IAMAT"]);
    log.finish();
}

#[test]
fn what_is_no_file_is_refused_in_words() {
    let refused = |make: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Hill.log");
        make(&path);
        let error = LogFile::start(&settings(dir.path(), Level::Lines), "Hill").unwrap_err();
        error.to_string().replace(path.to_str().unwrap(), "Hill.log")
    };
    let pipe = |path: &Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
    };
    assert_eq!(refused(&pipe), "cannot open Hill.log: it is a pipe that nobody reads");
    let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    assert_eq!(refused(&socket), "cannot open Hill.log: it is a socket");
    let directory = |path: &Path| fs::create_dir(path).unwrap();
    assert!(refused(&directory).starts_with("cannot open Hill.log: Is a directory"));
}

#[test]
fn the_end_writes_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let log = started(dir.path());

    log.bytes(AT, Direction::Received, 1, "peer", b"one\nunfinished");
    log.answer(AT, 1, "peer", b"AT\n{}\n\n");
    log.gone(AT, 2);
    log.finish();
    log.finish();
    log.bytes(AT, Direction::Received, 1, "peer", b"too late");
    log.flush();

    assert_eq!(
        lines(dir.path()),
        ["< #1 peer one", r"> #1 peer AT\x0A{}\x0A", "< #1 peer unfinished"]
    );
    assert_eq!(log.dropped(), 1);
}

#[test]
fn the_level_decides_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogFile::start(&settings(dir.path(), Level::Events), "Hill").unwrap();
    assert!(!log.wants_lines());
    log.bytes(AT, Direction::Received, 1, "peer", b"one\n");
    log.answer(AT, 1, "peer", b"AT\n{}\n\n");
    says(&log, "an event");
    log.finish();
    assert_eq!(lines(dir.path()), ["* an event"]);

    let off = dir.path().join("off");
    let log = LogFile::start(&settings(&off, Level::Off), "Hill").unwrap();
    says(&log, "an event");
    log.finish();
    assert!(!off.exists());
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_moved_file_is_left_behind_on_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let log = started(dir.path());
    says(&log, "before");
    log.flush();
    fs::rename(dir.path().join("Hill.log"), dir.path().join("moved")).unwrap();

    says(&log, "between");
    log.flush();
    log.reopen();
    says(&log, "after");
    log.finish();

    assert!(fs::read_to_string(dir.path().join("moved")).unwrap().ends_with("between\n"));
    assert_eq!(lines(dir.path()), ["* after"]);
}

#[test]
fn files_rotate_and_the_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let settings = LogSettings { rotate_bytes: 100, keep: 2, ..settings(dir.path(), Level::Lines) };
    let log = LogFile::start(&settings, "Hill").unwrap();
    for text in ["one", "two", "three", "four"] {
        says(&log, &text.repeat(20));
        log.flush();
    }
    log.finish();

    let mut files: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["Hill.log", "Hill.log.1", "Hill.log.2"]);
    assert_eq!(lines(dir.path()), [format!("* {}", "four".repeat(20))]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_lines_and_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Hill.log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let log = started(dir.path());
    log.bytes(AT, Direction::Received, 1, "peer", b"one\ntwo\n");
    log.flush();
    says(&log, "three");
    log.flush();
    assert_eq!(log.dropped(), 3);

    fs::remove_file(&path).unwrap();
    log.reopen();
    says(&log, "four");
    log.finish();

    assert_eq!(
        lines(dir.path()),
        ["! 3 lines are missing here: they could not be written", "* four"]
    );
    assert_eq!(log.dropped(), 3);
}

#[test]
fn what_comes_too_fast_is_counted_where_it_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let queue = Arc::new(Queue::new(100));
    let file = RotatingFile::open(&settings(dir.path(), Level::Lines), "Hill").unwrap();
    let mut writer = Writer::new(Arc::clone(&queue), Some(file));
    let received = |bytes: &[u8]| {
        queue.push(&Entry { kind: Kind::Received, at: AT, connection: 1, peer: "peer", bytes });
    };

    // The writer has not started yet: it is as slow as can be.
    received(b"one\nbegun");
    received(&[b'\n'; 100]);
    received(b"\n");
    queue.stop();
    writer.run();

    let missing = "! 101 lines are missing here: they came faster than they could be written";
    assert_eq!(lines(dir.path()), ["< #1 peer one", r"< #1 peer begun\-", missing]);
    assert_eq!(queue.dropped(), 101);
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("Hill.log")).unwrap();

    let error = LogFile::start(&settings(dir.path(), Level::Lines), "Hill").unwrap_err();

    assert!(error.to_string().starts_with("cannot open "), "{error}");
    assert!(error.to_string().contains("Hill.log"), "{error}");
}

#[test]
fn what_a_library_logs_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = started(dir.path());
    for (target, level) in [
        ("herd_runtime::host", log::Level::Info),
        ("isahc::handler", log::Level::Warn),
        ("herd_runtime::host", log::Level::Debug),
    ] {
        let text = format_args!("a word");
        let record = Record::builder().target(target).level(level).args(text).build();
        log::Log::log(&log, &record);
    }
    log.finish();

    assert_eq!(lines(dir.path()), ["* a word"]);
}
