//! `sign` and `verify`.

use anyhow::{Context, Result};
use clap::Args;
use oci_client::Reference;

use super::Common;
use crate::reference::remote;
use crate::registry::{Registry, at_digest};
use crate::sign::{self, PrivateKey, PublicKey};
use crate::source;

#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The image in its registry: REGISTRY/REPOSITORY[:TAG][@DIGEST].
    #[arg(value_parser = remote)]
    reference: Reference,
    /// The private key: a file, or env://NAME. Cosign's encrypted keys are opened with COSIGN_PASSWORD.
    #[arg(long, value_name = "KEY", env = "WEIR_SIGNING_KEY", hide_env_values = true)]
    key: String,
    #[command(flatten)]
    common: Common,
}

impl Sign {
    pub(super) async fn run(self) -> Result<()> {
        let key = PrivateKey::read(&self.key)?;
        let registry = Registry::new(&self.reference, &self.common.connection)?;
        let digest = registry.manifest(&self.reference).await?.digest;
        sign::sign(&registry, &self.reference, &digest, &key).await?;
        println!("signed {}\nby     {}", at_digest(&self.reference, &digest), key.public());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The image in its registry: REGISTRY/REPOSITORY[:TAG][@DIGEST].
    #[arg(value_parser = remote)]
    reference: Reference,
    /// The public key: a file, or env://NAME.
    #[arg(long, value_name = "KEY")]
    key: String,
    #[command(flatten)]
    common: Common,
}

impl Verify {
    pub(super) async fn run(self) -> Result<()> {
        let key = PublicKey::read(&self.key)?;
        let registry = Registry::new(&self.reference, &self.common.connection)?;
        let digest = registry.manifest(&self.reference).await?.digest;
        let pinned = at_digest(&self.reference, &digest);
        let signatures = sign::verify(&registry, &self.reference, &digest, &key).await?;
        // The signature holds for the manifest; what the manifest names must be what it says, too.
        let image = registry.pull(&pinned).await?;
        source::checked(&image).with_context(|| format!("{pinned} is signed, and not usable"))?;
        let count = if signatures == 1 { "one signature".to_owned() } else { format!("{signatures} signatures") };
        println!("verified {pinned}\nby       {key} ({count})");
        Ok(())
    }
}
