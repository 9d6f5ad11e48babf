//! The page, and the policy that keeps everything else out of it.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../page/live.html");

/// The page itself; it holds no secret.
pub(super) async fn page() -> impl IntoResponse {
    static POLICY: LazyLock<Option<HeaderValue>> =
        LazyLock::new(|| HeaderValue::from_str(&policy(PAGE)).ok());
    let mut response = Html(PAGE).into_response();
    if let Some(policy) = POLICY.clone() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Allows the page's own script and style, by their hashes, and connections to its own server.
fn policy(page: &str) -> String {
    let [script, style] = ["script", "style"].map(|tag| hash_of(page, tag));
    format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src blob:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn hash_of(page: &str, tag: &str) -> String {
    let after = page.split_once(&format!("<{tag}>")).map_or("", |(_, after)| after);
    let inside = after.split_once(&format!("</{tag}>")).map_or("", |(inside, _)| inside);
    format!("sha256-{}", base64(&Sha256::digest(inside)))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_script_and_style() {
        let page = "<style>a{}</style><script>let x = 1;</script>";
        // printf 'let x = 1;' | openssl dgst -sha256 -binary | base64
        assert!(
            policy(page)
                .contains("script-src 'sha256-qtc3jf64UXA5J6U02kfQ0Cvn9Uz4wXUaN3NNUVgR2v4='"),
            "{}",
            policy(page)
        );
    }

    #[test]
    fn the_page_is_one_file_without_outside_resources() {
        for once in ["<script>", "<style>"] {
            assert_eq!(PAGE.matches(once).count(), 1, "{once}");
        }
        for outside in ["https://", "src=\"", "@import", "<link", " style=\"", " onclick="] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
        assert!(PAGE.contains("not a medical device"));
    }
}
