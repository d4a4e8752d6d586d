//! `cargo xtask matrix`: the ports, or so many shares of them, as a workflow's `strategy.matrix` takes them.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use weir_common::out;

use crate::project::{Port, Project};

#[derive(Args)]
pub(crate) struct Matrix {
    /// Print only the ports of these filters.
    filters: Vec<String>,
    /// Print this many shares, for --shard, in place of the ports.
    #[arg(long, value_name = "N", conflicts_with = "filters")]
    shards: Option<std::num::NonZeroUsize>,
}

impl Matrix {
    pub(crate) fn run(self) -> Result<()> {
        let matrix = match self.shards {
            Some(count) => shards(count.get()),
            None => ports(&Project::find()?.select(&self.filters, None)?),
        };
        out::print(format_args!("{matrix}\n"))
    }
}

fn ports(ports: &[Port]) -> Value {
    let port =
        |port: &Port| json!({ "filter": port.filter, "language": port.language.name(), "artifact": port.artifact() });
    json!({ "include": ports.iter().map(port).collect::<Vec<_>>() })
}

fn shards(count: usize) -> Value {
    json!({ "shard": (1..=count).map(|number| format!("{number}/{count}")).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_names_every_port_or_every_share() {
        let all = Project::find().unwrap().select(&[], None).unwrap();
        let matrix = ports(&all);
        assert_eq!(matrix["include"].as_array().unwrap().len(), all.len());
        assert_eq!(matrix["include"][0]["artifact"], all[0].artifact());
        assert_eq!(shards(2).to_string(), r#"{"shard":["1/2","2/2"]}"#);
    }
}
