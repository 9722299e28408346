//! The client inside is not given out.

use wzapi_client_whatsapp::GatedClient;
use whatsapp::models::{Message, Text};

async fn send(gated: &GatedClient) {
    let message = Message::from_text("12025550142", Text::new("hello"), None);
    let _ = gated.client.send_message(&message).await;
}

fn main() {}
