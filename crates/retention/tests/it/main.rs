//! Retention over a store in memory.
