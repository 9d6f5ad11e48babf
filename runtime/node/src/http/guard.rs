//! Who may talk to the page's server.
//!
//! A page of any web site can make a browser send requests to this machine. So the Host header must name this
//! server (another name may be the attacker's, pointed at this address), and an Origin must be the page's own. With
//! `--expose`, the API needs a token, too.

use crate::NodeError;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use subtle::ConstantTimeEq;

/// Subprotocol of the WebSocket.
pub(super) const PROTOCOL: &str = "uniultra.live.v1";

/// Before the token in a subprotocol: a page cannot set other headers of a WebSocket.
const TOKEN_PROTOCOL: &str = "uniultra.token.";

/// Shortest token: 16 letters of a random hexadecimal number are 64 bits.
const MIN_TOKEN: usize = 16;

/// A secret. Its hash is compared, in constant time, so that time tells neither letters nor length.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Reads a token from a file that only its owner can read.
    ///
    /// # Errors
    /// [`NodeError::Token`] if the file is missing, open to others, or holds fewer than 16 letters, digits, `-` or
    /// `_`.
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let refuse = |reason: String| NodeError::Token { path: path.to_path_buf(), reason };
        let mode = fs::metadata(path).map_err(|e| refuse(e.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            let found = mode & 0o777;
            return Err(refuse(format!("expected mode 600, found {found:o}; use `chmod 600`")));
        }
        let text = fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        Self::new(text.trim()).ok_or_else(|| {
            refuse(format!("expected at least {MIN_TOKEN} letters, digits, `-` or `_`"))
        })
    }

    fn new(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let fits = text.len() >= MIN_TOKEN && text.chars().all(plain);
        fits.then(|| Self(Sha256::digest(text).into()))
    }

    fn matches(&self, text: &str) -> bool {
        let other: [u8; 32] = Sha256::digest(text).into();
        self.0.ct_eq(&other).into()
    }
}

/// Why a request lacks the right to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unauthorized {
    /// It has no token. That guesses nothing.
    Missing,
    /// It has another token.
    Wrong,
}

/// The rules of one server.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// Hosts that a request may name, in lower case, with the port.
    hosts: Vec<String>,
    token: Option<Token>,
}

impl Guard {
    /// Rules for a server on `address`; `names` are further names of this machine.
    pub(super) fn new(address: SocketAddr, names: &[String], token: Option<Token>) -> Self {
        let port = address.port();
        let mut hosts = vec![address.to_string()];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            hosts.extend([format!("localhost:{port}"), format!("127.0.0.1:{port}")]);
            hosts.push(format!("[::1]:{port}"));
        }
        for name in names {
            let name = name.to_ascii_lowercase();
            let host = match name.parse::<IpAddr>() {
                Ok(IpAddr::V6(_)) => format!("[{name}]:{port}"),
                _ => format!("{name}:{port}"),
            };
            // Browsers leave the port of plain HTTP out.
            if port == 80 {
                hosts.push(name);
            }
            hosts.push(host);
        }
        Self { hosts, token }
    }

    /// Checks Host and Origin; `local` is this machine's end of the connection. Its address is a fine name, too: an
    /// attacker's page has to use a name of its own.
    pub(super) fn check_site(
        &self,
        headers: &HeaderMap,
        local: Option<SocketAddr>,
    ) -> Result<(), (StatusCode, &'static str)> {
        if headers.get_all(header::HOST).iter().count() > 1 {
            return Err((StatusCode::BAD_REQUEST, "more than one Host"));
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default().to_ascii_lowercase();
        let is_local = local.is_some_and(|local| {
            host == local.to_string() || (local.port() == 80 && host == local.ip().to_string())
        });
        if !is_local && !self.hosts.contains(&host) {
            return Err((StatusCode::MISDIRECTED_REQUEST, "unknown Host; see --allow-host"));
        }
        match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
            None => Ok(()),
            Some(origin) if origin.eq_ignore_ascii_case(&format!("http://{host}")) => Ok(()),
            Some(_) => Err((StatusCode::FORBIDDEN, "foreign Origin")),
        }
    }

    /// Checks the token, if one is needed.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Unauthorized> {
        let Some(token) = &self.token else { return Ok(()) };
        let text =
            |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ");
        let offered = text(header::SEC_WEBSOCKET_PROTOCOL)
            .split(',')
            .find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL));
        match bearer.or(offered) {
            Some(text) if token.matches(text) => Ok(()),
            Some(_) => Err(Unauthorized::Wrong),
            None => Err(Unauthorized::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const SECRET: &str = "0123456789abcdef";

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    #[test]
    fn only_this_server_s_own_page_may_ask() {
        let guard = Guard::new("127.0.0.1:8080".parse().unwrap(), &["Scanner.local".into()], None);
        let site = |pairs: &[(header::HeaderName, &str)]| guard.check_site(&headers(pairs), None);
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST:8080",
            "[::1]:8080",
            "scanner.local:8080",
        ] {
            site(&[(header::HOST, host)]).unwrap();
            site(&[(header::HOST, host), (header::ORIGIN, &format!("http://{host}"))]).unwrap();
        }
        for host in
            ["", "127.0.0.1", "localhost:8081", "evil.example:8080", "127.0.0.1:8080.evil.example"]
        {
            assert_eq!(
                site(&[(header::HOST, host)]).unwrap_err().0,
                StatusCode::MISDIRECTED_REQUEST
            );
        }
        let wide = Guard::new("0.0.0.0:8080".parse().unwrap(), &[], None);
        let local = Some("192.0.2.7:8080".parse().unwrap());
        let host = |host| headers(&[(header::HOST, host)]);
        wide.check_site(&host("192.0.2.7:8080"), local).unwrap();
        assert!(wide.check_site(&host("192.0.2.8:8080"), local).is_err());
        let mut two = host("localhost:8080");
        two.append(header::HOST, HeaderValue::from_static("localhost:8080"));
        assert_eq!(guard.check_site(&two, None).unwrap_err().0, StatusCode::BAD_REQUEST);
        for origin in
            ["null", "", "http://evil.example", "https://localhost:8080", "http://127.0.0.1:8080"]
        {
            let pairs = [(header::HOST, "localhost:8080"), (header::ORIGIN, origin)];
            assert_eq!(site(&pairs).unwrap_err().0, StatusCode::FORBIDDEN, "{origin}");
        }
    }

    #[test]
    fn the_token_comes_in_either_header() {
        let guard = Guard::new("127.0.0.1:80".parse().unwrap(), &[], Token::new(SECRET));
        let check = |name, text: &str| guard.check_token(&headers(&[(name, text)]));
        check(header::AUTHORIZATION, &format!("Bearer {SECRET}")).unwrap();
        let protocols = format!("{PROTOCOL}, {TOKEN_PROTOCOL}{SECRET}");
        check(header::SEC_WEBSOCKET_PROTOCOL, &protocols).unwrap();
        for (text, expected) in [
            ("", Unauthorized::Missing),
            (SECRET, Unauthorized::Missing),
            ("Basic 0123456789abcdef", Unauthorized::Missing),
            ("Bearer ", Unauthorized::Wrong),
            ("Bearer 0123456789abcdeF", Unauthorized::Wrong),
        ] {
            assert_eq!(check(header::AUTHORIZATION, text), Err(expected), "{text}");
        }
        assert_eq!(guard.check_token(&HeaderMap::new()), Err(Unauthorized::Missing));
        assert!(
            Guard::new("127.0.0.1:80".parse().unwrap(), &[], None)
                .check_token(&HeaderMap::new())
                .is_ok()
        );
    }

    #[test]
    fn a_token_s_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let write = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Token::read(&path)
        };
        write(&format!("{SECRET}\n"), 0o600).unwrap();
        for (text, mode, expected) in [
            (SECRET, 0o644, "mode 600, found 644"),
            ("short", 0o600, "at least 16"),
            ("0123456789 abcdef!", 0o600, "letters"),
        ] {
            let error = write(text, mode).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Token::read(&folder.path().join("none")).is_err());
        assert_eq!(format!("{:?}", Token::new(SECRET).unwrap()), "Token(..)");
    }
}
