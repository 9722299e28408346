//! A log as static files.

use serde_json::json;
use wzapi_compliance::ledger::notary::DirectorySink;

use super::sign::Opened;
use crate::arguments::ExportLogOptions;
use crate::failure::{Failure, Outcome};
use crate::watcher::Watcher;

pub(super) async fn run(options: ExportLogOptions) -> Result<Outcome, Failure> {
    let opened = Opened::of(&options.log).await?;
    let unwritable = |cause| Failure::Unwritable { path: options.out.clone(), cause };
    let mut directory = DirectorySink::new(&options.out).map_err(unwritable)?;
    let mut watcher = Watcher::new();
    let mut files = 0;
    let signed = opened
        .logs
        .log()
        .shard(opened.shard)
        .export(&opened.operator.actor, &mut directory, &mut |progress| {
            files = progress.files;
            watcher.show(&format!("{} of {} entries exported", progress.entries, progress.size));
        })
        .await?;
    drop(watcher);
    let (size, out) = (signed.head.size(), options.out.display());
    if options.log.data.json {
        let keys: Vec<String> = signed.verifier_keys.iter().map(ToString::to_string).collect();
        say!(
            "{}",
            json!({
                "origin": signed.origin,
                "size": size,
                "root": signed.head.root().to_string(),
                "files": files,
                "verifier_keys": keys,
            })
        );
    } else {
        say!("{size} entries of log {} in {out}, {files} files written beside the checkpoint", signed.origin);
    }
    Ok(Outcome::Done)
}
