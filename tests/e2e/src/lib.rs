//! What the whole-product tests share: a server of their own, started and stopped for real.
