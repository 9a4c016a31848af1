//! Making one file that loads fast from files of any kind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tempfile::NamedTempFile;

use crate::load::{self, LeftOut, Loaded, packed};
use crate::places::Places;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The places could not be read.
    #[error(transparent)]
    Data(#[from] load::Error),
    /// The file could not be written.
    #[error("cannot write {}: {source}", file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What an import wrote.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The number of places.
    pub places: usize,
    /// What could not be taken, or was there already.
    pub left_out: LeftOut,
}

/// Reads the places in `files` and writes them to `out`, for [`load::files`] to load.
///
/// On a terminal, standard error shows how far it is. The file is written aside and put in its place when
/// it is whole: what was there before stays until then.
///
/// # Errors
///
/// When a file cannot be read, is damaged, or holds something but not a single place, or `out` cannot be written.
pub fn import(files: &[impl AsRef<Path>], out: &Path) -> Result<Imported, ImportError> {
    let bar = ProgressBar::new(0).with_finish(ProgressFinish::AndClear).with_style(
        ProgressStyle::with_template("{msg} [{bar:40}] {bytes}/{total_bytes}, {eta} left")
            .expect("the template is well formed"),
    );
    bar.set_message("reading");
    let Loaded { places, left_out } = load::watched(files, &bar)?;
    bar.set_message("writing");
    write(&places, out).map_err(|source| ImportError::Unwritable { file: out.into(), source })?;
    Ok(Imported { places: places.len(), left_out })
}

fn write(places: &Places, out: &Path) -> io::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut aside = new_file(folder.unwrap_or_else(|| Path::new(".")))?;
    packed::write(places, aside.as_file_mut())?;
    aside.as_file().sync_all()?;
    aside.persist(out)?;
    Ok(())
}

/// A file as anybody makes one, not for its owner alone.
#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<NamedTempFile<File>> {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".herd-places").permissions(permissions).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<NamedTempFile<File>> {
    tempfile::Builder::new().prefix(".herd-places").tempfile_in(folder)
}
