//! Windows: what a message or a call from the person opens.

use wzapi_model::Timestamp;
use wzapi_model::ids::SenderId;
use wzapi_storage::row::Window;

use crate::error::ConsentError;
use crate::person::{self, KnownAs};
use crate::recording::{ALLOWED_SKEW, Recording};

/// The most senders whose windows are kept per identifier.
pub(crate) const MAX_WINDOWS: usize = 64;

impl Recording<'_> {
    /// Stages that the person wrote to, or called, a sender: the customer service window opens or goes on.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn inbound(
        &mut self,
        known_as: &[KnownAs],
        sender: SenderId,
        at: Option<Timestamp>,
    ) -> Result<(), ConsentError> {
        // A message from a future beyond the skew says nothing about when it was sent.
        if at.is_some_and(|at| at > self.now.saturating_add(ALLOWED_SKEW)) {
            return Ok(());
        }
        let subject = self.subject_of(known_as, at, false).await?;
        let last_inbound = at.map_or(self.now, |at| at.min(self.now));
        for (key, mut row) in person::gate_rows(&mut self.draft, subject).await? {
            if row.left_at.is_none() && open_window(&mut row.windows, Window::plain(sender, last_inbound)) {
                self.draft.put(key, row, None)?;
            }
        }
        Ok(())
    }
}

/// Moves a window forward; whether anything changed.
fn open_window(windows: &mut Vec<Window>, window: Window) -> bool {
    match windows.iter_mut().find(|known| known.sender == window.sender) {
        Some(known) if known.last_inbound >= window.last_inbound => false,
        Some(known) => {
            known.last_inbound = window.last_inbound;
            true
        }
        None => {
            windows.push(window);
            if windows.len() > MAX_WINDOWS {
                let oldest = windows.iter().enumerate().min_by_key(|(_, window)| window.last_inbound);
                if let Some(position) = oldest.map(|(position, _)| position) {
                    windows.remove(position);
                }
            }
            true
        }
    }
}
