//! The calculus of retention: a record is kept while a ground holds.
//!
//! Everything here is a pure function of grounds, events, holds and a time that is passed in.

mod assess;
mod calendar;
mod ground;

pub use assess::{Assessment, End, Hold, Proceedings, Reason, RecordEvents, RetentionState, assess};
pub use calendar::RetentionCalendar;
pub use ground::{Ground, GroundKind, Trigger};
