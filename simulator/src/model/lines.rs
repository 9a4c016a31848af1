//! What a line says, read the plain way: cut into words, then looked at word by word.

/// What a client may ask for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Report { client: Vec<u8>, location: Vec<u8>, time: Vec<u8>, stamp: i64 },
    Query { client: Vec<u8>, radius: Vec<u8>, bound: u32 },
    Nothing,
}

/// Which provider is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Provider {
    Places,
    Posts,
}

pub(crate) fn command(line: &[u8], provider: Provider, client_bytes: usize) -> Asked {
    match words(line).as_slice() {
        [b"IAMAT", client, location, time] => {
            let Some(stamp) = stamp(time) else { return Asked::Nothing };
            if client.len() > client_bytes || !is_location(location) {
                return Asked::Nothing;
            }
            let [client, location, time] = [client, location, time].map(|word| word.to_vec());
            Asked::Report { client, location, time, stamp }
        }
        [b"WHATSAT", client, radius, bound] => {
            let (most_km, most_items) = match provider {
                Provider::Places => (Some(50), 20),
                Provider::Posts => (None, 100),
            };
            let is_number = decimal(radius).is_some_and(|(_, _, rest)| rest.is_empty());
            let is_near = is_number && most_km.is_none_or(|most| is_at_most(radius, most));
            match whole(bound) {
                Some(bound) if is_near && bound <= most_items => {
                    Asked::Query { client: client.to_vec(), radius: radius.to_vec(), bound }
                }
                _ => Asked::Nothing,
            }
        }
        _ => Asked::Nothing,
    }
}

/// The words between white space.
pub(crate) fn words(line: &[u8]) -> Vec<&[u8]> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 11 | 12 | b'\r');
    line.split(is_space).filter(|word| !word.is_empty()).collect()
}

/// POSIX seconds as nanoseconds.
pub(crate) fn stamp(text: &[u8]) -> Option<i64> {
    let text = core::str::from_utf8(text).ok().filter(|text| text.len() <= 64)?;
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (seconds, fraction) = match digits.split_once('.') {
        Some((seconds, fraction)) if (1..=9).contains(&fraction.len()) => (seconds, fraction),
        Some(_) => return None,
        None => (digits, "0"),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(seconds) || !is_digits(fraction) {
        return None;
    }
    // 64 digits are more than even 128 bits hold; what fits into 64 has far fewer behind its zeros.
    let seconds: i128 = format!("0{}", seconds.trim_start_matches('0')).parse().ok()?;
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    i64::try_from(sign * nanos).ok()
}

/// A time difference as `AT` lines have it.
pub(crate) fn difference(received: i64, reported: i64) -> String {
    let nanos = i128::from(received) - i128::from(reported);
    let sign = if nanos < 0 { '-' } else { '+' };
    let nanos = nanos.abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// The request that asks for what is near `location`.
pub(crate) fn request(provider: Provider, location: &[u8], radius: &[u8], bound: u32) -> String {
    let (latitude, longitude) = location.split_at(
        location.iter().rposition(|byte| matches!(byte, b'+' | b'-')).unwrap_or_default(),
    );
    let place = format!("{},{}", coordinate(latitude), coordinate(longitude));
    let radius = String::from_utf8_lossy(radius);
    let (km, fraction) = radius.split_once('.').unwrap_or((&radius, ""));
    let plain = |digits: &str| format!("{:0>1}", digits.trim_start_matches('0'));
    let point = |fraction: &str| match fraction {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    match provider {
        Provider::Places => {
            let thousandths = format!("{fraction:0<3}");
            let (metres, rest) = thousandths.split_at(3);
            format!("location={place}&radius={}{}", plain(&format!("{km}{metres}")), point(rest))
        }
        Provider::Posts => {
            format!("q=&geocode={place},{}{}km&rpp={}", plain(km), point(fraction), bound.max(1))
        }
    }
}

fn coordinate(signed: &[u8]) -> String {
    let text = String::from_utf8_lossy(signed);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = text[1..].trim_start_matches('0');
    let zero = if digits.is_empty() || digits.starts_with('.') { "0" } else { "" };
    format!("{sign}{zero}{digits}")
}

fn is_location(text: &[u8]) -> bool {
    let part = |text: &[u8], most: u32| -> Option<usize> {
        let unsigned = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-"))?;
        let (_, _, rest) = decimal(unsigned)?;
        is_at_most(&unsigned[..unsigned.len() - rest.len()], most).then(|| text.len() - rest.len())
    };
    let Some(latitude) = part(text, 90) else { return false };
    text.len() <= 128 && part(&text[latitude..], 180) == Some(text.len() - latitude)
}

/// Digits before and behind the point, and what follows the number.
fn decimal(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(digits(text));
    if whole.is_empty() {
        return None;
    }
    let Some(behind) = rest.strip_prefix(b".") else { return Some((whole, b"", rest)) };
    let (fraction, rest) = behind.split_at(digits(behind));
    (!fraction.is_empty()).then_some((whole, fraction, rest))
}

fn is_at_most(number: &[u8], most: u32) -> bool {
    let Some((integer, fraction, _)) = decimal(number) else { return false };
    match whole(integer) {
        Some(integer) if integer == most => fraction.iter().all(|digit| *digit == b'0'),
        Some(integer) => integer < most,
        None => false,
    }
}

/// A whole number, unless it is far too large.
fn whole(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = core::str::from_utf8(digits).ok()?.trim_start_matches('0');
    format!("0{text}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_protocol_read_as_it_says() {
        let line = b"IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997";
        let Asked::Report { location, stamp, .. } = command(line, Provider::Places, 255) else {
            panic!("not a report")
        };
        assert_eq!(stamp, 1_520_023_934_918_963_997);
        assert_eq!(difference(1_520_023_935_182_837_383, stamp), "+0.263873386");
        assert_eq!(
            request(Provider::Places, &location, b"10", 5),
            "location=34.068930,-118.445127&radius=10000"
        );
        assert_eq!(
            request(Provider::Places, b"+00.5-0", b"0.0001", 5),
            "location=0.5,-0&radius=0.1"
        );
        assert_eq!(
            request(Provider::Posts, &location, b"0100.50", 0),
            "q=&geocode=34.068930,-118.445127,100.50km&rpp=1"
        );
        for line in
            ["WHATSAT kiwi 50.1 5", "WHATSAT kiwi 50 21", "WHATSAT kiwi 1. 5", "IAMAT k +91-2 3"]
        {
            assert_eq!(command(line.as_bytes(), Provider::Places, 255), Asked::Nothing, "{line}");
        }
    }
}
