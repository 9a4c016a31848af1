//! Where the tokens of a JSON text are, found sixty-four bytes at a time.
//!
//! Who looks at one byte after the other has to be done with each to know where to look next. Here bytes are
//! compared with the characters of the grammar side by side, and what comes of it are bits, of which the lowest
//! that is set is the next token, however far away. What the tokens say, and in which order, is others' to check.
//!
//! ```text
//!   text     { "a" : "x, {" , -12.5 }
//!   inside     ^^    ^^^^^
//!   tokens   ^ ^ ^ ^ ^    ^ ^ ^     ^
//! ```
//!
//! The way is that of simdjson: Geoff Langdale and Daniel Lemire, "Parsing Gigabytes of JSON per Second", The VLDB
//! Journal 28 (2019), section 3.1.

use wide::u8x16;

/// The places of a text where a token begins: brackets, commas, colons, the quotes at both ends of a string, and
/// the first characters of numbers and words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    /// Where the block of bytes begins that comes next.
    next_block: usize,
    /// The tokens of the block before it that are still to come.
    bits: u64,
    carried: Carried,
}

/// What one block has to know of those before it.
#[derive(Clone, Copy, Debug)]
struct Carried {
    /// All ones inside a string, else nothing.
    inside: u64,
    /// One behind a character of a number or a word, else nothing.
    word: u64,
    /// One behind a backslash that something has to follow, else nothing.
    escape: u64,
    /// Whether all of it can be JSON, as far as that is not for tokens to show.
    is_sound: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let carried = Carried { inside: 0, word: 0, escape: 0, is_sound: true };
        Self { text, next_block: 0, bits: 0, carried }
    }

    /// Whether what has been passed can be JSON, as far as that is not for tokens to show: the characters and
    /// escapes in its strings, and its blanks.
    pub(super) fn is_sound(&self) -> bool {
        self.carried.is_sound
    }
}

impl Iterator for Tokens<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            if self.next_block >= self.text.len() {
                return None;
            }
            (self.bits, self.carried) = read_block(self.text, self.next_block, self.carried);
            self.next_block += BLOCK;
        }
        let at = self.next_block - BLOCK + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
    }
}

/// The tokens of the block of `text` that begins at `start`, and what the next one has to know. All of it is handed
/// over by value, so that who goes from token to token does so in registers.
#[inline(never)]
fn read_block(text: &[u8], start: usize, before: Carried) -> (u64, Carried) {
    let rest = &text[start..];
    let block = match rest.first_chunk() {
        Some(bytes) => Block::new(bytes),
        None => {
            let mut bytes = [b' '; BLOCK];
            bytes[..rest.len()].copy_from_slice(rest);
            Block::new(&bytes)
        }
    };
    let mut is_sound = before.is_sound;
    let (mut escaped, mut escape) = (before.escape, 0);
    let backslashes = block.equal(b'\\');
    if backslashes != 0 {
        let escapes;
        (escapes, escaped, escape) = read_escapes(backslashes, before.escape);
        is_sound &= ones(escapes).all(|at| is_escape(&rest[at + 1..]));
    }
    let quotes = block.equal(b'"') & !escaped;
    // From each opening quote up to, not including, the closing one.
    let inside = parity(quotes) ^ before.inside;
    let (blanks, spaces, feeds) = (block.at_most(b' '), block.equal(b' '), block.equal(b'\n'));
    let strange = blanks & !spaces & (inside | !feeds);
    if strange != 0 {
        is_sound &= strange & (inside | !(block.equal(b'\r') | block.equal(b'\t'))) == 0;
    }
    let marks = block.marks();
    let words = !(blanks | marks | quotes);
    let begun = words << 1 | before.word;
    let tokens = (marks | words & !begun) & !inside | quotes;
    let inside = 0_u64.wrapping_sub(inside >> (BLOCK - 1));
    (tokens, Carried { inside, word: words >> (BLOCK - 1), escape, is_sound })
}

/// Which of the backslashes of a block begin an escape, which characters the escapes take the meaning from, and
/// whether the first of the next block is one of those. `escaped` has the lowest bit set if that of this block is.
fn read_escapes(backslashes: u64, mut escaped: u64) -> (u64, u64, u64) {
    let (mut escapes, mut rest) = (0, backslashes & !escaped);
    while rest != 0 {
        let first = rest & rest.wrapping_neg();
        escapes |= first;
        escaped |= first << 1;
        rest &= !(first | first << 1);
    }
    (escapes, escaped, escapes >> (BLOCK - 1))
}

/// The numbers of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (lowest < BLOCK).then_some(lowest)
    })
}

/// Whether an escape goes on like this. Half a surrogate pair is grammatical: a provider that cuts its texts
/// short may cut one in two.
fn is_escape(text: &[u8]) -> bool {
    match text {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
        [b'u', digits @ ..] => {
            digits.first_chunk::<4>().is_some_and(|four| four.iter().all(u8::is_ascii_hexdigit))
        }
        _ => false,
    }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Each method has one bit for each byte, the first the lowest.
struct Block([u8x16; 4]);

impl Block {
    #[inline(always)]
    fn new(bytes: &[u8; BLOCK]) -> Self {
        let (parts, _) = bytes.as_chunks();
        Self([0, 1, 2, 3].map(|at| u8x16::new(parts[at])))
    }

    #[inline(always)]
    fn equal(&self, byte: u8) -> u64 {
        self.bits(|part| part.simd_eq(u8x16::splat(byte)))
    }

    #[inline(always)]
    fn at_most(&self, byte: u8) -> u64 {
        self.bits(|part| part.min(u8x16::splat(byte)).simd_eq(part))
    }

    /// Brackets, commas and colons. The square ones are the curly ones less one bit.
    #[inline(always)]
    fn marks(&self) -> u64 {
        self.bits(|part| {
            let curly = part | u8x16::splat(0x20);
            let brackets = curly.simd_eq(u8x16::splat(b'{')) | curly.simd_eq(u8x16::splat(b'}'));
            brackets | part.simd_eq(u8x16::splat(b',')) | part.simd_eq(u8x16::splat(b':'))
        })
    }

    #[inline(always)]
    fn bits(&self, is: impl Fn(u8x16) -> u8x16) -> u64 {
        let [a, b, c, d] = self.0.map(|part| u64::from(is(part).to_bitmask()));
        a | b << 16 | c << 32 | d << 48
    }
}

/// Each bit and all lower ones, added up without carrying.
#[inline(always)]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn found(text: &[u8]) -> (Vec<usize>, bool) {
        let mut tokens = Tokens::new(text);
        let found = tokens.by_ref().collect();
        (found, tokens.is_sound())
    }

    #[test]
    fn tokens_are_found_wherever_blocks_end() {
        let text = r#"{"a\"\\" :[-1.5,true , "\u00e4,{" ],"":{}}"#;
        let places = [0, 1, 7, 9, 10, 11, 15, 16, 21, 23, 32, 34, 35, 36, 37, 38, 39, 40, 41];
        for shift in 0..130 {
            let shifted = " ".repeat(shift) + text;
            let expected = places.iter().map(|at| at + shift).collect();
            assert_eq!(found(shifted.as_bytes()), (expected, true), "{shift}");
        }
    }

    #[test]
    fn backslashes_take_the_meaning_of_each_other_wherever_blocks_end() {
        for shift in 0..70 {
            for count in 0..200 {
                let text = " ".repeat(shift) + "\"" + &"\\".repeat(count) + "\"1";
                let (open, quote) = (shift, shift + count + 1);
                // An odd one is the quote's, and what follows is in the string.
                let expected = if count % 2 == 0 {
                    Vec::from([open, quote, quote + 1])
                } else {
                    Vec::from([open])
                };
                assert_eq!(found(text.as_bytes()), (expected, true), "{shift} {count}");
            }
        }
    }

    #[test]
    fn what_no_string_holds_is_not_sound_wherever_blocks_end() {
        for shift in 0..130 {
            let shift = " ".repeat(shift);
            for inside in ["\n", "\t", "\0", "\u{1f}", "\\x", "\\u12g4"] {
                let text = shift.clone() + "\"" + inside + "\"";
                assert!(!found(text.as_bytes()).1, "{text:?}");
            }
            for outside in ["\0", "\u{b}", "\u{1f}"] {
                assert!(!found((shift.clone() + outside).as_bytes()).1, "{outside:?}");
            }
            let sound: String = shift + "\r\n\t\"\u{7f} \\\"\\\\\\/\\b\\f\\n\\r\\t\\uFfFf\"";
            assert!(found(sound.as_bytes()).1, "{sound:?}");
        }
    }
}
