//! The file itself: appended to, rotated, opened again.
//!
//! The crates that rotate files either queue without a bound, swallow what could not be written, or
//! panic where they cannot open a file; what is left to do is this little.

use herd_config::logging::LogSettings;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::io::Write;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    limit: u64,
    keep: u32,
    /// `None` after it could not be opened again.
    file: Option<File>,
    size: u64,
    /// The last write ended in the middle of a line.
    is_torn: bool,
    /// It has a size, unlike a pipe or a device.
    is_regular: bool,
    /// Another server had it open.
    pub(super) is_shared: bool,
}

impl RotatingFile {
    pub(super) fn open(settings: &LogSettings, server: &str) -> io::Result<Self> {
        let mut file = Self {
            path: settings.path(server),
            limit: settings.rotate_bytes,
            keep: settings.keep,
            file: None,
            size: 0,
            is_torn: false,
            is_regular: true,
            is_shared: false,
        };
        fs::create_dir_all(&settings.dir)
            .map_err(|error| named(&settings.dir, "create", &error))?;
        file.reopen()?;
        Ok(file)
    }

    /// Opens the file by its name, whatever the one open now is called by now.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        let file = open(&self.path).map_err(|error| named(&self.path, "open", &error))?;
        let metadata = file.metadata()?;
        self.is_regular = metadata.is_file();
        self.size = if self.is_regular { metadata.len() } else { 0 };
        self.is_torn = self.size > 0 && !self.ends_with_a_line();
        // For as long as it is open. Where files cannot be locked nobody can tell.
        self.is_shared =
            self.is_regular && matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        self.file = Some(file);
        Ok(())
    }

    /// Whether the last line that is there is whole, as far as it can be read.
    fn ends_with_a_line(&self) -> bool {
        let mut last = [0];
        let read = File::open(&self.path).and_then(|file| file.read_at(&mut last, self.size - 1));
        !matches!(read, Ok(1)) || last == *b"\n"
    }

    /// Whether `more` bytes would make the file larger than it may be.
    pub(super) fn is_full(&self, more: usize) -> bool {
        self.is_regular && self.size > 0 && self.size.saturating_add(more as u64) > self.limit
    }

    /// Renames the file, the older ones before it, and begins a new one.
    ///
    /// If that fails the file at hand goes on to be written, and is full again only after as much
    /// again.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.size = 0;
        for age in (1..self.keep).rev() {
            rename_if_there(&self.aged(age), &self.aged(age + 1))?;
        }
        if self.keep > 0 {
            rename_if_there(&self.path, &self.aged(1))?;
        } else {
            fs::remove_file(&self.path).map_err(|error| named(&self.path, "remove", &error))?;
        }
        self.reopen()
    }

    fn aged(&self, age: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{age}"));
        path.into()
    }

    /// Writes whole lines; after an error part of them may be there.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.reopen()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.is_torn {
            file.write_all(b"\n").map_err(|error| named(&self.path, "write", &error))?;
            self.is_torn = false;
        }
        self.is_torn = true;
        file.write_all(lines).map_err(|error| named(&self.path, "write", &error))?;
        self.is_torn = false;
        self.size = self.size.saturating_add(lines.len() as u64);
        Ok(())
    }
}

/// Opens a file, or what may stand in its place: a device, or a pipe that somebody reads.
fn open(path: &Path) -> io::Result<File> {
    // Without it a pipe that nobody reads would be waited for.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().append(true).create(true).custom_flags(nonblocking).open(path);
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why.to_owned()));
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            let is_pipe = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
            let why = if is_pipe { "it is a pipe that nobody reads" } else { "it is a socket" };
            return refused(why);
        }
        opened => opened?,
    };
    if file.metadata()?.file_type().is_block_device() {
        return refused("it is a disk");
    }
    // What is written is waited for, by a thread that has nothing else to do.
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(from, "rename", &error)),
        _ => Ok(()),
    }
}

/// Says in an error what could not be done with which file.
fn named(path: &Path, act: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {act} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, rotate_bytes: u64, keep: u32) -> RotatingFile {
        let settings =
            LogSettings { dir: dir.to_owned(), rotate_bytes, keep, ..LogSettings::default() };
        RotatingFile::open(&settings, "Hill").unwrap()
    }

    fn append(file: &mut RotatingFile, lines: &str) {
        if file.is_full(lines.len()) {
            file.rotate().unwrap();
        }
        file.write(lines.as_bytes()).unwrap();
    }

    fn files(dir: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read_to_string(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }

    fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_youngest_files_are_kept_and_none_is_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = open(dir.path(), 8, 2);

        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            append(&mut file, line);
        }

        let kept = [("Hill.log", "five\n"), ("Hill.log.1", "four\n"), ("Hill.log.2", "three\n")];
        assert_eq!(files(dir.path()), named(&kept));
    }

    #[test]
    fn keeping_none_leaves_only_the_file_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = open(dir.path(), 5, 0);

        append(&mut file, "one\n");
        append(&mut file, "two\n");

        assert_eq!(files(dir.path()), named(&[("Hill.log", "two\n")]));
    }

    #[test]
    fn a_file_that_was_there_is_appended_to_and_counts() {
        let dir = tempfile::tempdir().unwrap();
        append(&mut open(dir.path(), 8, 1), "one\n");
        let mut file = open(dir.path(), 8, 1);

        append(&mut file, "two\n");
        append(&mut file, "three\n");

        assert_eq!(
            files(dir.path()),
            named(&[("Hill.log", "three\n"), ("Hill.log.1", "one\ntwo\n")])
        );
    }

    #[test]
    fn half_a_line_that_was_there_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Hill.log"), "one\ntw").unwrap();
        let mut file = open(dir.path(), 100, 1);

        file.write(b"three\n").unwrap();
        file.reopen().unwrap();
        file.write(b"four\n").unwrap();

        assert_eq!(files(dir.path()), named(&[("Hill.log", "one\ntw\nthree\nfour\n")]));
    }

    #[test]
    fn two_who_write_one_file_are_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = open(dir.path(), 100, 1);

        assert!(!first.is_shared);
        assert!(open(dir.path(), 100, 1).is_shared);
        first.reopen().unwrap();
        assert!(!first.is_shared);
    }

    #[test]
    fn a_rotation_that_fails_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = open(dir.path(), 5, 1);
        append(&mut file, "one\n");
        // A directory that is not empty cannot be renamed over.
        fs::create_dir_all(dir.path().join("Hill.log.1/in the way")).unwrap();

        assert!(file.is_full(4));
        let error = file.rotate().unwrap_err();
        assert!(error.to_string().starts_with("cannot rename "), "{error}");
        assert!(!file.is_full(4));
        file.write(b"two\n").unwrap();

        assert_eq!(fs::read_to_string(dir.path().join("Hill.log")).unwrap(), "one\ntwo\n");
    }
}
