//! Values that must not be seen.

use std::fmt;

use zeroize::Zeroize;

/// A value that cannot be printed and is overwritten when dropped.
///
/// There is no `Display`, `Debug` says `[redacted]`, and the one way to the value is [`Secret::reveal`], which is
/// easy to find in review. Overwriting reaches the memory that the value owns when it is dropped, not copies that
/// were made before.
pub struct Secret<T: Zeroize>(T);

// === impl Secret ===

impl<T: Zeroize> Secret<T> {
    /// Takes `value` into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that uses it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn is_redacted_at_any_depth() {
        let secret = Some(Secret::new(String::from("hunter2")));
        assert_eq!(format!("{secret:?}"), "Some([redacted])");
        assert_eq!(secret.as_ref().map(|s| s.reveal().as_str()), Some("hunter2"));
    }

    #[test]
    fn is_zeroed_on_drop() {
        struct Witness(Rc<Cell<bool>>);
        impl Zeroize for Witness {
            fn zeroize(&mut self) {
                self.0.set(true);
            }
        }
        let zeroed = Rc::new(Cell::new(false));
        drop(Secret::new(Witness(Rc::clone(&zeroed))));
        assert!(zeroed.get());
    }
}
