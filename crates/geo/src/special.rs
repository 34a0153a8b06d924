use std::net::IpAddr;

/// The name under which special addresses are answered.
pub const SPECIAL_DATABASE: &str = "IANA special-purpose addresses";

/// An address that is nowhere in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Special {
    /// What it is, in a word or two: `private`, `loopback`.
    pub text: &'static str,
}

impl Special {
    /// What an address is by the IANA special-purpose registries; `None` for one that may be anywhere.
    pub fn of(_address: IpAddr) -> Option<Special> {
        None
    }
}
