//! The configuration file.

use std::path::Path;

use super::Config;

/// A file. What is accepted keeps the rules that nothing may switch off.
pub fn config(text: &str) {
    match Config::parse(Path::new("/etc/accredit/here.toml"), text) {
        Err(fault) => assert!(!fault.to_string().is_empty()),
        Ok(config) => {
            let url = &config.public_url;
            assert!(url.starts_with("https://") || url.starts_with("http://"));
            assert!(!url.ends_with('/') && !url.contains(['?', '#', '@', ' ']));
            let is_plain = config.public.tls.is_none();
            assert!(
                !is_plain || config.is_loopback() || !config.public.trusted_proxies.is_empty(),
                "plain to everybody"
            );
            let elsewhere = config.admin.listen.filter(|listen| !listen.ip().is_loopback());
            assert!(elsewhere.is_none() || config.admin.tls.is_some(), "plain to administrators");
            assert!((10..=3600).contains(&config.max_token_lifetime().as_secs()));
            assert!(config.admin.socket.is_absolute());
            let _ = config.drain_delay();
        }
    }
}
