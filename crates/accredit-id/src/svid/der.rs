//! A reader of DER (X.690): one text per value, so what is not in its only form is no value at all.

/// The bytes are not DER of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Elements that follow one another.
#[derive(Clone, Copy)]
pub(super) struct Reader<'d>(&'d [u8]);

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    pub(super) tag: u8,
    /// Its content, without tag and length.
    pub(super) content: &'d [u8],
    /// All of it.
    pub(super) whole: &'d [u8],
}

// === impl Reader ===

impl<'d> Reader<'d> {
    pub(super) const fn new(der: &'d [u8]) -> Self {
        Self(der)
    }

    /// The one element that `der` is.
    pub(super) fn only(der: &'d [u8], tag: u8) -> Result<Element<'d>, Malformed> {
        let mut reader = Self(der);
        let element = reader.expect(tag)?;
        reader.end()?;
        Ok(element)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'d>, Malformed> {
        self.next().and_then(|element| if element.tag == tag { Ok(element) } else { Err(Malformed) })
    }

    /// The elements inside the next one, which has this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Self, Malformed> {
        self.expect(tag).map(|element| Self(element.content))
    }

    /// The next element, if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'d>>, Malformed> {
        match self.0.first() {
            Some(first) if *first == tag => self.next().map(Some),
            _ => Ok(None),
        }
    }

    /// The next element. Tags of one byte, definite lengths in their shortest form, up to two bytes of them: what is read
    /// here is shorter.
    pub(super) fn next(&mut self) -> Result<Element<'d>, Malformed> {
        let (tag, length, header) = match self.0 {
            [tag, length @ 0..=0x7f, ..] => (*tag, usize::from(*length), 2),
            [tag, 0x81, length @ 0x80..=0xff, ..] => (*tag, usize::from(*length), 3),
            [tag, 0x82, high @ 1..=0xff, low, ..] => (*tag, usize::from(*high) << 8 | usize::from(*low), 4),
            _ => return Err(Malformed),
        };
        if tag & LONG_TAG == LONG_TAG {
            return Err(Malformed);
        }
        let (whole, rest) = self.0.split_at_checked(header + length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Element { tag, content: &whole[header..], whole })
    }
}

// === impl Element ===

impl<'d> Element<'d> {
    pub(super) const fn inside(&self) -> Reader<'d> {
        Reader(self.content)
    }

    /// The bytes of a `BIT STRING` of whole bytes (X.690 section 8.6).
    pub(super) fn bits(&self) -> Result<&'d [u8], Malformed> {
        match self.content {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

/// `BOOLEAN` (X.690 section 11.1).
pub(super) fn boolean(element: Element<'_>) -> Result<bool, Malformed> {
    match element.content {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(Malformed),
    }
}

/// The tag number goes on in further bytes.
const LONG_TAG: u8 = 0x1f;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A context-specific tag of a constructed element.
pub(super) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// A context-specific tag of a primitive element.
pub(super) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_is_read() {
        assert!(Reader::only(&[0x30, 0], SEQUENCE).is_ok());
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0, 0],
            &[0x31, 0],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81, 0],
            &[0x30, 0x81, 0x7f],
            &[0x30, 0x82, 0, 0x80],
            &[0x30, 0x83, 1, 0, 0],
            &[0x3f, 0x01, 0],
        ] {
            assert!(Reader::only(der, SEQUENCE).is_err(), "{der:?}");
        }
        let long = [&[0x30, 0x82, 1, 0][..], &[0; 256]].concat();
        assert_eq!(Reader::only(&long, SEQUENCE).map(|element| element.content.len()), Ok(256));
    }

    #[test]
    fn booleans_and_bits_are_canonical() {
        let element = |content| Element { tag: BOOLEAN, content, whole: content };
        assert_eq!((boolean(element(&[0])), boolean(element(&[0xff]))), (Ok(false), Ok(true)));
        assert!(
            boolean(element(&[1])).is_err() && boolean(element(&[])).is_err() && boolean(element(&[0, 0])).is_err()
        );
        assert!(element(&[1, 2]).bits().is_err() && element(&[]).bits().is_err());
    }
}
