//! What may have been sent gives its permit back to nobody.

use wzapi_client_whatsapp::{Content, GatedClient, Sent, Unconfirmed};

async fn again(client: &GatedClient, content: &Content, sent: Sent, unconfirmed: Unconfirmed) {
    let _ = client.send(sent.permit, content).await;
    let _ = client.send(unconfirmed.permit, content).await;
}

fn main() {}
