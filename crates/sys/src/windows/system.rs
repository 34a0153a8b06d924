//! The real Windows.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use sockscope_model::{Family, Process, Protocol, SocketKey, Tag};
use sockscope_wire::windows::{
    Buffer, DATA_ROD_SIZE, Layout, PATH_ROD_SIZE, ProcessEntry, ServiceEntry, is_collecting, module_name,
};
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, GetExtendedUdpTable, GetPerTcp6ConnectionEStats, GetPerTcpConnectionEStats, GetTcp6Table,
    GetTcp6Table2, GetTcpStatisticsEx, GetTcpTable, GetTcpTable2, GetUdp6Table, GetUdpTable, MIB_TCP_STATE_DELETE_TCB,
    MIB_TCP_STATE_ESTAB, MIB_TCP6ROW, MIB_TCPROW_LH, MIB_TCPROW_LH_0, MIB_TCPSTATS_LH, SetTcpEntry, TCP_ESTATS_TYPE,
    TcpConnectionEstatsData, TcpConnectionEstatsPath,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6, IN6_ADDR, IN6_ADDR_0};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW};
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};

use super::functions::{Call, Function};
use super::machine::{Counters, Machine, Pending};
use super::{apart, processes, status};

/// A function of a DLL, whose type its name says.
pub(super) type Export = unsafe extern "system" fn() -> isize;

/// Asks Windows itself.
#[derive(Debug, Default)]
pub(super) struct System {
    /// Names of users by SID: asking may ask a domain's controller.
    users: HashMap<Vec<u8>, Option<String>>,
    /// Whether connections have counters, once that was asked.
    counts: Option<bool>,
    /// Whether processes of the system and of services may be looked into, once that was tried.
    elevated: Option<bool>,
}

/// The function of that name in iphlpapi.dll, if this Windows has it.
pub(super) fn export(name: &str) -> Option<Export> {
    let name = CString::new(name).ok()?;
    let module = iphlpapi()?;
    // SAFETY: the module stays loaded as long as the process runs, and the name ends with NUL.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }
}

/// iphlpapi.dll of the system's own directory; it is never unloaded.
fn iphlpapi() -> Option<HMODULE> {
    let name: Vec<u16> = "iphlpapi.dll\0".encode_utf16().collect();
    // SAFETY: the name ends with NUL and outlives the call.
    let module = unsafe { LoadLibraryExW(name.as_ptr(), std::ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    (!module.is_null()).then_some(module)
}

/// AF_INET or AF_INET6.
pub(super) fn family(layout: Layout) -> u32 {
    match layout.family() {
        Family::Ipv4 => u32::from(AF_INET),
        Family::Ipv6 => u32::from(AF_INET6),
    }
}

/// Bytes at an address that every structure may have.
fn aligned(length: usize) -> Vec<u64> {
    vec![0; length.div_ceil(8)]
}

impl Machine for System {
    fn host(&mut self) -> String {
        let mut name = [0u16; 256];
        let mut length = name.len() as u32;
        // SAFETY: the buffer is valid for writes of the length that is given with it.
        let done = unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &raw mut length) };
        let name = name.get(..length as usize).filter(|_| done != 0);
        String::from_utf16_lossy(name.unwrap_or_default())
    }

    fn exports(&mut self, function: Function) -> bool {
        // What is linked is there, or this program would not run.
        !function.is_called_apart() || export(function.name).is_some()
    }

    fn fill(&mut self, function: Function, buffer: &mut [u8], size: &mut u32) -> Result<(), u32> {
        const NO_ORDER: i32 = 0;
        let mut words = aligned(buffer.len());
        let table = words.as_mut_ptr().cast::<c_void>();
        *size = u32::try_from(buffer.len()).unwrap_or(u32::MAX).min(*size);
        let family = family(function.layout);
        // SAFETY, of all: the buffer is valid for writes of `size` bytes, which is what the function is told, and begins at an
        // address that every row may have.
        let status = match (function.call, function.name) {
            (Call::Extended(class), "GetExtendedTcpTable") => {
                // SAFETY: see above.
                unsafe { GetExtendedTcpTable(table, size, NO_ORDER, family, class, 0) }
            }
            (Call::Extended(class), _) => {
                // SAFETY: see above.
                unsafe { GetExtendedUdpTable(table, size, NO_ORDER, family, class, 0) }
            }
            (_, "GetTcpTable") => {
                // SAFETY: see above.
                unsafe { GetTcpTable(table.cast(), size, NO_ORDER) }
            }
            (_, "GetTcp6Table") => {
                // SAFETY: see above.
                unsafe { GetTcp6Table(table.cast(), size, NO_ORDER) }
            }
            (_, "GetTcpTable2") => {
                // SAFETY: see above.
                unsafe { GetTcpTable2(table.cast(), size, NO_ORDER) }
            }
            (_, "GetTcp6Table2") => {
                // SAFETY: see above.
                unsafe { GetTcp6Table2(table.cast(), size, NO_ORDER) }
            }
            (_, "GetUdpTable") => {
                // SAFETY: see above.
                unsafe { GetUdpTable(table.cast(), size, NO_ORDER) }
            }
            (_, "GetUdp6Table") => {
                // SAFETY: see above.
                unsafe { GetUdp6Table(table.cast(), size, NO_ORDER) }
            }
            _ => status::CALL_NOT_IMPLEMENTED,
        };
        if status != 0 {
            return Err(status);
        }
        let filled = bytes_mut(&mut words).iter();
        buffer.iter_mut().zip(filled).for_each(|(target, source)| *target = *source);
        Ok(())
    }

    fn start_apart(&mut self, functions: &[Function]) -> Pending {
        apart::start(functions)
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn processes(&mut self) -> Result<Vec<ProcessEntry>, String> {
        processes::list()
    }

    fn services(&mut self) -> Result<Vec<ServiceEntry>, String> {
        processes::services()
    }

    fn elevate(&mut self) -> bool {
        *self.elevated.get_or_insert_with(processes::may_look_into_services)
    }

    fn describe(&mut self, process: &mut Process) -> bool {
        processes::describe(process, &mut self.users)
    }

    fn module(&mut self, layout: Layout, row: &[u8]) -> Option<String> {
        /// `GetOwnerModuleFrom...Entry(row, TCPIP_OWNER_MODULE_INFO_BASIC, buffer, &size)`
        type OwnerModule = unsafe extern "system" fn(*const c_void, i32, *mut c_void, *mut u32) -> u32;
        let name = match layout {
            Layout::TcpRowOwnerModule => "GetOwnerModuleFromTcpEntry",
            Layout::Tcp6RowOwnerModule => "GetOwnerModuleFromTcp6Entry",
            Layout::UdpRowOwnerModule => "GetOwnerModuleFromUdpEntry",
            Layout::Udp6RowOwnerModule => "GetOwnerModuleFromUdp6Entry",
            _ => return None,
        };
        // SAFETY: the export of that name has this type (iphlpapi.h).
        let call = unsafe { std::mem::transmute::<Export, OwnerModule>(export(name)?) };
        let mut aligned_row = aligned(row.len());
        bytes_mut(&mut aligned_row).get_mut(..row.len())?.copy_from_slice(row);
        let mut buffer = aligned(4096);
        for _ in 0..3 {
            let mut size = u32::try_from(buffer.len() * 8).ok()?;
            // SAFETY: the row is one of the structure that the function wants, in full, at an address that it may have;
            // the buffer is valid for writes of `size` bytes.
            let status = unsafe { call(aligned_row.as_ptr().cast(), 0, buffer.as_mut_ptr().cast(), &raw mut size) };
            match status {
                0 => {
                    let address = buffer.as_ptr() as u64;
                    let bytes = bytes_mut(&mut buffer);
                    return module_name(Buffer { bytes, address, pointer: size_of::<usize>() });
                }
                status::INSUFFICIENT_BUFFER => buffer = aligned(size as usize),
                _ => return None,
            }
        }
        None
    }

    fn counters(&mut self, key: &SocketKey) -> Counters {
        // Wine has the function for IPv4, which says that it does nothing, and for IPv6 a stub that aborts: one tells of both.
        let works =
            *self.counts.get_or_insert_with(|| estats(&NOBODY, TcpConnectionEstatsData, DATA_ROD_SIZE) != NOT_THERE);
        if !works {
            return Counters { status: status::CALL_NOT_IMPLEMENTED, ..Counters::default() };
        }
        let mut counters = Counters::default();
        let mut ask = |kind, length| match estats(key, kind, length) {
            Ok(rod) => rod,
            Err(status) => {
                counters.status = status;
                None
            }
        };
        let data = ask(TcpConnectionEstatsData, DATA_ROD_SIZE);
        let path = ask(TcpConnectionEstatsPath, PATH_ROD_SIZE);
        Counters { data, path, ..counters }
    }

    fn opens(&mut self, family: Family) -> Option<[u32; 2]> {
        let family = match family {
            Family::Ipv4 => AF_INET,
            Family::Ipv6 => AF_INET6,
        };
        let mut statistics = MIB_TCPSTATS_LH::default();
        // SAFETY: the structure is valid for writes.
        let status = unsafe { GetTcpStatisticsEx(&raw mut statistics, u32::from(family)) };
        (status == 0).then_some([statistics.dwActiveOpens, statistics.dwPassiveOpens])
    }

    fn reset(&mut self, key: &SocketKey) -> Result<(), u32> {
        let mut row = row4(key).ok_or(status::INVALID_PARAMETER)?;
        row.Anonymous.State = MIB_TCP_STATE_DELETE_TCB;
        // SAFETY: the row is valid for reads.
        match unsafe { SetTcpEntry(&raw const row) } {
            0 => Ok(()),
            status => Err(status),
        }
    }
}

/// What a system says that has no counters.
const NOT_THERE: Result<Option<Vec<u8>>, u32> = Err(status::CALL_NOT_IMPLEMENTED);

/// A connection over IPv4 that there is not.
const NOBODY: SocketKey = SocketKey {
    protocol: Protocol::Tcp,
    local: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
    remote: Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))),
    tag: Tag::None,
};

/// As the tables have it: in network byte order, in the lower half.
fn port(address: SocketAddr) -> u32 {
    u32::from(address.port().to_be())
}

fn row4(key: &SocketKey) -> Option<MIB_TCPROW_LH> {
    let (SocketAddr::V4(local), Some(SocketAddr::V4(remote))) = (key.local, key.remote) else { return None };
    Some(MIB_TCPROW_LH {
        Anonymous: MIB_TCPROW_LH_0 { State: MIB_TCP_STATE_ESTAB },
        dwLocalAddr: u32::from_ne_bytes(local.ip().octets()),
        dwLocalPort: port(key.local),
        dwRemoteAddr: u32::from_ne_bytes(remote.ip().octets()),
        dwRemotePort: port(remote.into()),
    })
}

fn row6(key: &SocketKey) -> Option<MIB_TCP6ROW> {
    let (SocketAddr::V6(local), Some(SocketAddr::V6(remote))) = (key.local, key.remote) else { return None };
    let address = |octets| IN6_ADDR { u: IN6_ADDR_0 { Byte: octets } };
    Some(MIB_TCP6ROW {
        State: MIB_TCP_STATE_ESTAB,
        LocalAddr: address(local.ip().octets()),
        dwLocalScopeId: local.scope_id(),
        dwLocalPort: port(key.local),
        RemoteAddr: address(remote.ip().octets()),
        dwRemoteScopeId: remote.scope_id(),
        dwRemotePort: port(remote.into()),
    })
}

/// The counters of one kind, if they are running.
fn estats(key: &SocketKey, kind: TCP_ESTATS_TYPE, length: usize) -> Result<Option<Vec<u8>>, u32> {
    let mut rw = [0u8; 1];
    let mut rod = aligned(length);
    let (rw_at, rod_at) = (rw.as_mut_ptr(), rod.as_mut_ptr().cast::<u8>());
    let (none, length_u32) = (std::ptr::null_mut(), length as u32);
    let status = match (row4(key), row6(key)) {
        (Some(row), _) => {
            // SAFETY: the row is valid for reads, both buffers for writes of the lengths given: a version 0 of the read-write
            // structure is one byte, and `length` is the size of the other (tcpestats.h).
            unsafe { GetPerTcpConnectionEStats(&raw const row, kind, rw_at, 0, 1, none, 0, 0, rod_at, 0, length_u32) }
        }
        (None, Some(row)) => {
            // SAFETY: as above.
            unsafe { GetPerTcp6ConnectionEStats(&raw const row, kind, rw_at, 0, 1, none, 0, 0, rod_at, 0, length_u32) }
        }
        (None, None) => status::INVALID_PARAMETER,
    };
    if status != 0 {
        return Err(status);
    }
    Ok(is_collecting(&rw).then(|| bytes_mut(&mut rod).get(..length).unwrap_or_default().to_vec()))
}

/// The same memory as bytes.
pub(super) fn bytes_mut(words: &mut [u64]) -> &mut [u8] {
    let length = size_of_val(words);
    // SAFETY: the memory is initialised, borrowed exclusively as long as the result lives, and u8 has no invalid values.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), length) }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use windows_sys::Win32::NetworkManagement::IpHelper as ip;

    use super::*;

    /// The layouts that are decoded by offset are those of the headers.
    #[test]
    fn layouts_are_the_headers() {
        let sizes = [
            (Layout::TcpRow, size_of::<ip::MIB_TCPROW_LH>(), offset_of!(ip::MIB_TCPTABLE, table)),
            (Layout::TcpRow2, size_of::<ip::MIB_TCPROW2>(), offset_of!(ip::MIB_TCPTABLE2, table)),
            (
                Layout::TcpRowOwnerPid,
                size_of::<ip::MIB_TCPROW_OWNER_PID>(),
                offset_of!(ip::MIB_TCPTABLE_OWNER_PID, table),
            ),
            (
                Layout::TcpRowOwnerModule,
                size_of::<ip::MIB_TCPROW_OWNER_MODULE>(),
                offset_of!(ip::MIB_TCPTABLE_OWNER_MODULE, table),
            ),
            (Layout::Tcp6Row, size_of::<ip::MIB_TCP6ROW>(), offset_of!(ip::MIB_TCP6TABLE, table)),
            (Layout::Tcp6Row2, size_of::<ip::MIB_TCP6ROW2>(), offset_of!(ip::MIB_TCP6TABLE2, table)),
            (
                Layout::Tcp6RowOwnerPid,
                size_of::<ip::MIB_TCP6ROW_OWNER_PID>(),
                offset_of!(ip::MIB_TCP6TABLE_OWNER_PID, table),
            ),
            (
                Layout::Tcp6RowOwnerModule,
                size_of::<ip::MIB_TCP6ROW_OWNER_MODULE>(),
                offset_of!(ip::MIB_TCP6TABLE_OWNER_MODULE, table),
            ),
            (Layout::UdpRow, size_of::<ip::MIB_UDPROW>(), offset_of!(ip::MIB_UDPTABLE, table)),
            (
                Layout::UdpRowOwnerPid,
                size_of::<ip::MIB_UDPROW_OWNER_PID>(),
                offset_of!(ip::MIB_UDPTABLE_OWNER_PID, table),
            ),
            (
                Layout::UdpRowOwnerModule,
                size_of::<ip::MIB_UDPROW_OWNER_MODULE>(),
                offset_of!(ip::MIB_UDPTABLE_OWNER_MODULE, table),
            ),
            (Layout::Udp6Row, size_of::<ip::MIB_UDP6ROW>(), offset_of!(ip::MIB_UDP6TABLE, table)),
            (
                Layout::Udp6RowOwnerPid,
                size_of::<ip::MIB_UDP6ROW_OWNER_PID>(),
                offset_of!(ip::MIB_UDP6TABLE_OWNER_PID, table),
            ),
            (
                Layout::Udp6RowOwnerModule,
                size_of::<ip::MIB_UDP6ROW_OWNER_MODULE>(),
                offset_of!(ip::MIB_UDP6TABLE_OWNER_MODULE, table),
            ),
        ];
        assert_eq!(sizes.len(), Layout::ALL.len());
        for (layout, size, first) in sizes {
            assert_eq!((layout.row_size(), layout.first_row()), (size, first), "{layout:?}");
        }
        assert_eq!(offset_of!(ip::MIB_TCPROW_OWNER_MODULE, liCreateTimestamp), 24);
        assert_eq!(offset_of!(ip::MIB_TCP6ROW_OWNER_MODULE, liCreateTimestamp), 56);
        assert_eq!(offset_of!(ip::MIB_UDPROW_OWNER_MODULE, liCreateTimestamp), 16);
        assert_eq!(offset_of!(ip::MIB_UDP6ROW_OWNER_MODULE, liCreateTimestamp), 32);
        assert_eq!(offset_of!(ip::MIB_TCP6ROW2, State), 48);
        assert_eq!(offset_of!(ip::MIB_TCP6ROW, LocalAddr), 4);
        assert_eq!(size_of::<ip::TCP_ESTATS_DATA_ROD_v0>(), DATA_ROD_SIZE);
        assert_eq!(size_of::<ip::TCP_ESTATS_PATH_ROD_v0>(), PATH_ROD_SIZE);
        assert_eq!(offset_of!(ip::TCP_ESTATS_DATA_ROD_v0, DataBytesIn), 16);
        assert_eq!(offset_of!(ip::TCP_ESTATS_PATH_ROD_v0, PktsRetrans), 20);
        assert_eq!(offset_of!(ip::TCP_ESTATS_PATH_ROD_v0, SmoothedRtt), 108);
        assert_eq!(offset_of!(ip::TCP_ESTATS_PATH_ROD_v0, RttVar), 112);
        assert_eq!(offset_of!(ip::TCP_ESTATS_PATH_ROD_v0, MinRtt), 120);
        assert_eq!(offset_of!(ip::TCP_ESTATS_PATH_ROD_v0, CurMss), 144);
    }
}
