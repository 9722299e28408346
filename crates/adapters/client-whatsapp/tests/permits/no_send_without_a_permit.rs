//! There is no way to send that takes no permit, nor one that takes a number.

use wzapi_client_whatsapp::{Content, GatedClient};

async fn send(client: &GatedClient, content: &Content) {
    let _ = client.send(content).await;
    let _ = client.send("12025550142", content).await;
}

fn main() {}
