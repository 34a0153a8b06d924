//! The name of an address: GetNameInfoW, which asks the hosts file, name servers, and what else Windows asks.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use sockscope_model::HostName;
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, GetNameInfoW, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, NI_NAMEREQD, SOCKADDR_IN, SOCKADDR_IN6,
    WSADATA, WSAHOST_NOT_FOUND, WSANO_DATA, WSAStartup,
};

/// NI_MAXHOST (ws2tcpip.h).
const LONGEST: usize = 1025;

/// The name of an address, from the system's name service. May ask name servers, and block until they answer or are given up,
/// which takes many seconds.
pub fn host_name(address: IpAddr) -> HostName {
    let mut data = WSADATA::default();
    // SAFETY: the structure is valid for writes. To be called as often as one likes.
    if unsafe { WSAStartup(0x0202, &raw mut data) } != 0 {
        return HostName::Failed;
    }
    let mut name = [0u16; LONGEST];
    let status = match SocketAddr::new(address.to_canonical(), 0) {
        SocketAddr::V4(v4) => {
            let octets = u32::from_ne_bytes(v4.ip().octets());
            let address = SOCKADDR_IN {
                sin_family: AF_INET,
                sin_addr: IN_ADDR { S_un: IN_ADDR_0 { S_addr: octets } },
                ..Default::default()
            };
            look_up(&address, &mut name)
        }
        SocketAddr::V6(v6) => {
            let address = SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_addr: IN6_ADDR { u: IN6_ADDR_0 { Byte: v6.ip().octets() } },
                ..Default::default()
            };
            look_up(&address, &mut name)
        }
    };
    match status {
        0 => HostName::of(&String::from_utf16_lossy(name.split(|word| *word == 0).next().unwrap_or(&[]))),
        WSAHOST_NOT_FOUND | WSANO_DATA => HostName::Absent,
        _ => HostName::Failed,
    }
}

/// `T` is a socket address with its family.
fn look_up<T>(address: &T, name: &mut [u16]) -> i32 {
    let (size, room) = (size_of::<T>() as i32, name.len() as u32);
    // SAFETY: the address is valid for reads of the length that is given with it, the buffer for writes of its own; a service is
    // not asked for.
    unsafe {
        GetNameInfoW(
            std::ptr::from_ref(address).cast(),
            size,
            name.as_mut_ptr(),
            room,
            std::ptr::null_mut(),
            0,
            NI_NAMEREQD as i32,
        )
    }
}

/// The text of the hosts file, if there is one.
pub fn hosts_text() -> Option<String> {
    let path = PathBuf::from(std::env::var_os("SystemRoot")?).join(r"System32\drivers\etc\hosts");
    std::fs::read(path).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}
