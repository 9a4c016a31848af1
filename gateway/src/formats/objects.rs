//! JSON whose numbers keep the digits they were written in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// An object: its members as they are written, by name. Of one that is there twice the last counts.
#[derive(Debug)]
pub(super) struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// The object that is all of `text`, if it is one.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().map(Self)
    }

    fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get().as_bytes())
    }

    /// A member that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.0.get(name)?)
    }

    /// The members that are objects, of a member that is an array; others are left out.
    pub(super) fn objects(&self, name: &str) -> Option<Vec<Option<Self>>> {
        items(self.0.get(name)?.get().as_bytes())
    }

    /// The items of a member that is an array, if they are texts or numbers.
    pub(super) fn scalars_of(&self, name: &str) -> Option<Vec<Option<Cow<'a, str>>>> {
        let items: Vec<&RawValue> = serde_json::from_str(self.0.get(name)?.get()).ok()?;
        Some(items.into_iter().map(scalar).collect())
    }

    /// A member that is a text, a number, true or false: a number in its own digits.
    pub(super) fn scalar(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = scalar(self.0.get(name)?)?;
        (!value.trim().is_empty()).then_some(value)
    }

    /// All such members.
    pub(super) fn scalars(&self) -> impl Iterator<Item = (String, Cow<'a, str>)> {
        self.0.iter().filter_map(|(name, value)| Some((name.clone(), scalar(value)?)))
    }

    /// Whether it has a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The most items that a request may have; of more than one too many nothing is looked at.
pub(crate) const MAX_ITEMS: usize = 25_000;

/// The items of an array, those that are objects.
pub(super) fn items(text: &[u8]) -> Option<Vec<Option<Object<'_>>>> {
    let items: Vec<&RawValue> = serde_json::from_slice(text).ok()?;
    Some(items.into_iter().take(MAX_ITEMS + 1).map(Object::of).collect())
}

/// One object, an array of them, or one on each line, each of them perhaps behind the character that
/// separates records in a text sequence (RFC 8142). An item that is no object is none.
pub(super) fn one_or_many(text: &[u8]) -> Vec<Option<Object<'_>>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if let Some(object) = Object::parse(text) {
        return vec![Some(object)];
    }
    if let Some(items) = items(text) {
        return items;
    }
    let lines = text.split(|byte| matches!(*byte, b'\n' | RECORD_SEPARATOR));
    let lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take(MAX_ITEMS + 1).map(Object::parse).collect()
}

const RECORD_SEPARATOR: u8 = 0x1e;

fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(Cow::Borrowed(text)),
        _ => None,
    }
}
