//! `MARK 17` and `ACK 17`.

use alloc::vec::Vec;

pub(crate) fn write_numbered(word: &[u8], number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.push(b'\n');
}

pub(crate) fn read_numbered(word: &[u8], line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(word)?;
    let plain = digits.iter().all(u8::is_ascii_digit);
    plain.then(|| core::str::from_utf8(digits).ok()?.parse().ok())?
}
