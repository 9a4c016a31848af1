//! `AT` lines taken apart.

/// The fields of an `AT` line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct At {
    /// The server that heard the report.
    pub server: String,
    /// The difference it saw, in nanoseconds.
    pub skew_nanos: i128,
    /// Who the report is about.
    pub client: String,
    /// Where it is, as it wrote it.
    pub location: String,
    /// When it said so, as it wrote it.
    pub time: String,
}

impl At {
    /// Takes `line` apart, and panics where it is not exactly as the protocol prints it.
    #[track_caller]
    pub fn parse(line: &str) -> Self {
        let fields: Vec<_> = line.split(' ').collect();
        let [at, server, skew, client, location, time] = fields[..] else {
            panic!("an AT line has six fields: {line:?}");
        };
        assert_eq!(at, "AT", "of {line:?}");
        Self {
            server: server.to_owned(),
            skew_nanos: skew_nanos(skew),
            client: client.to_owned(),
            location: location.to_owned(),
            time: time.to_owned(),
        }
    }
}

/// A difference with sign and exactly nine decimals.
#[track_caller]
fn skew_nanos(text: &str) -> i128 {
    let (sign, digits) = text.split_at(1);
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => panic!("a difference has a sign: {text:?}"),
    };
    let (seconds, decimals) = digits.split_once('.').expect("a difference has decimals");
    assert_eq!(decimals.len(), 9, "decimals of {text:?}");
    assert!(seconds == "0" || !seconds.starts_with('0'), "leading zeros in {text:?}");
    let seconds: i128 = seconds.parse().expect("seconds are digits");
    let nanos: i128 = decimals.parse().expect("decimals are digits");
    sign * (seconds * 1_000_000_000 + nanos)
}
