//! Where a report goes by its path.

use percent_encoding::percent_decode_str;

use crate::formats::Format;

/// What the path of a report says: `/in/FORMAT`, `/in/FORMAT/DEVICE` or `/in/TOKEN/FORMAT/DEVICE`.
///
/// The device may be left out behind a token, and may itself have a slash in it, as in `jane/phone`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// What the application speaks.
    pub format: Format,
    /// The device, decoded, if the path names one.
    pub device: Option<String>,
    /// What may prove who sends it, decoded.
    pub token: Option<String>,
}

impl Target {
    /// Reads a path; none where it is not that of a report.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/in/")?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Some(format) = Format::named(first) {
            return Some(Self { format, device: decoded(rest), token: None });
        }
        let (second, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let format = Format::named(second)?;
        let token = Some(decoded(first)?);
        Some(Self { format, device: decoded(rest), token })
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    (!decoded.trim().is_empty()).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<String> {
        let Target { format, device, token } = Target::of_path(path)?;
        let name = format.name();
        Some(format!("{} {name} {}", token.unwrap_or_default(), device.unwrap_or_default()))
    }

    #[test]
    fn a_path_names_format_device_and_token() {
        for (path, want) in [
            ("/in/osmand", " osmand "),
            ("/in/osmand/", " osmand "),
            ("/in/osmand/my%20van", " osmand my van"),
            ("/in/owntracks/jane/phone", " owntracks jane/phone"),
            ("/in/s3cret/osmand/van", "s3cret osmand van"),
            ("/in/s3cret/overland", "s3cret overland "),
            ("/in/s3cret/owntracks/jane/phone/", "s3cret owntracks jane/phone"),
        ] {
            assert_eq!(read(path).as_deref(), Some(want), "{path}");
        }
        for path in ["/in", "/in/", "/in/nothing", "/in//osmand/van", "/in/a/b/c", "/out/osmand"] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
