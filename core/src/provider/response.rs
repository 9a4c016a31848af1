//! What a provider answered, or why there is no answer.

use core::fmt;

use crate::json::NotJson;

/// What a provider answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Response<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// The body, or as much of it as shows that it is too long. Nothing where the status is not 200,
    /// unless the request [has error bodies](crate::Request::has_error_bodies).
    pub body: &'a [u8],
}

/// Why a lookup has no answer to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LookupError {
    /// No connection.
    Unreachable,
    /// The connection ended before the answer was whole.
    Broken,
    /// Something came that is no response of HTTP.
    NotHttp,
    /// A body that is compressed, which no request asks for.
    Compressed,
    /// Not everything had come when the time was up.
    TimedOut,
    /// A status other than 200.
    Status(u16),
    /// More bytes than `limits.body_bytes`.
    TooLong,
    /// A body that is no JSON object.
    NotJson(NotJson),
    /// A body that is an object of another kind than was asked for.
    Foreign,
    /// Too many lookups were waiting for their turn already.
    Busy,
}

/// A message without quotes and backslashes: it stands in JSON as it is.
impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the provider can not be reached"),
            Self::Broken => f.write_str("the connection to the provider broke"),
            Self::NotHttp => f.write_str("the provider answered with something that is no HTTP"),
            Self::Compressed => f.write_str("the provider's answer is compressed though not asked"),
            Self::TimedOut => f.write_str("the provider did not answer in time"),
            Self::Status(status) => write!(f, "the provider answered with status {status}"),
            Self::TooLong => f.write_str("the provider's answer is too long"),
            Self::NotJson(NotJson::Encoding) => f.write_str("the provider's answer is not UTF-8"),
            Self::NotJson(NotJson::Syntax) => f.write_str("the provider's answer is not JSON"),
            Self::NotJson(NotJson::NotAnObject) => {
                f.write_str("the provider's answer is not a JSON object")
            }
            Self::Foreign => f.write_str("the provider's answer is not of the kind asked for"),
            Self::Busy => f.write_str("too many lookups are waiting"),
        }
    }
}
