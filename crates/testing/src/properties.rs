//! Properties without a proxy.

use weir_kit::headers::Refused;
use weir_kit::property::Properties;

/// Properties by their path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestProperties(pub Vec<(String, Vec<u8>)>);

impl TestProperties {
    /// These properties and no other.
    pub fn of(properties: &[(&str, &[u8])]) -> TestProperties {
        TestProperties(properties.iter().map(|(path, value)| (path.to_string(), value.to_vec())).collect())
    }
}

impl Properties for TestProperties {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Refused> {
        Ok(self.0.iter().find(|(known, _)| known == path).map(|(_, value)| value.clone()))
    }
}
