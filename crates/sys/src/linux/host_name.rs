//! The name of an address: getnameinfo(3), which asks what nsswitch.conf(5) says, name servers among them.

use std::net::{IpAddr, SocketAddr};

use sockscope_model::HostName;

/// NI_MAXHOST (netdb.h).
const LONGEST: usize = 1025;

/// The name of an address, from the system's name service. May ask name servers, and block until they answer or are given up,
/// which takes many seconds.
pub fn host_name(address: IpAddr) -> HostName {
    let mut name = [0u8; LONGEST];
    let status = match SocketAddr::new(address.to_canonical(), 0) {
        SocketAddr::V4(v4) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: 0,
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            look_up(&address, &mut name)
        }
        SocketAddr::V6(v6) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: 0,
            };
            look_up(&address, &mut name)
        }
    };
    match status {
        0 => HostName::of(&String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or(&[]))),
        libc::EAI_NONAME => HostName::Absent,
        _ => HostName::Failed,
    }
}

/// `T` is a socket address with its family.
fn look_up<T>(address: &T, name: &mut [u8]) -> libc::c_int {
    // SAFETY: the address is valid for reads of the length that is given with it, the buffer for writes of its own; a service is
    // not asked for.
    unsafe {
        libc::getnameinfo(
            std::ptr::from_ref(address).cast(),
            size_of::<T>() as libc::socklen_t,
            name.as_mut_ptr().cast(),
            name.len() as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    }
}

/// The text of /etc/hosts, if there is one.
pub fn hosts_text() -> Option<String> {
    std::fs::read("/etc/hosts").ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}
