//! stub
use anyhow::Result;
/// stub
#[derive(Debug, clap::Args)]
pub struct Export {}
impl Export {
    /// stub
    pub async fn run(self, _: &crate::store::Store) -> Result<()> {
        Ok(())
    }
}
