//! Which protocol is followed: this project's own, or the published one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A way of prompting and scoring. Figures of different protocols are not compared.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub enum Protocol {
    /// This project's: each object by itself, any kind of prompt, scored at the image's size.
    #[default]
    UniultraEdge,
    /// The one of the paper's published code: boxes, scored on a grid of 1024 x 1024 pixels.
    Published,
}

impl Protocol {
    /// The name, as in reports and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UniultraEdge => "uniultra-edge",
            Self::Published => "published",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::UniultraEdge, Self::Published]
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or_else(|| format!("expected uniultra-edge or published, found {text:?}"))
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.to_string()
    }
}

impl TryFrom<String> for Protocol {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
