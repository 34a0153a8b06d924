use sockscope_model::Timestamp;

use super::file_time;
use crate::Malformed;
use crate::bytes::{le16_at, le32_at, le64_at};

/// A buffer that Windows filled with structures whose pointers lead into it.
#[derive(Debug, Clone, Copy)]
pub struct Buffer<'a> {
    /// What it holds.
    pub bytes: &'a [u8],
    /// Where it was when it was filled.
    pub address: u64,
    /// Bytes of a pointer: 8 or 4.
    pub pointer: usize,
}

impl<'a> Buffer<'a> {
    fn pointer_at(&self, offset: usize) -> Option<u64> {
        match self.pointer {
            8 => le64_at(self.bytes, offset),
            _ => le32_at(self.bytes, offset).map(u64::from),
        }
    }

    /// What the pointer at `offset` leads to, to the end of the buffer; `None` if it leads elsewhere.
    fn follow(&self, offset: usize) -> Option<&'a [u8]> {
        let start = self.pointer_at(offset)?.checked_sub(self.address)?;
        self.bytes.get(usize::try_from(start).ok()?..)
    }

    /// The text of UTF-16 units up to a NUL that the pointer at `offset` leads to.
    fn text(&self, offset: usize) -> Option<String> {
        let units = self.follow(offset)?.chunks_exact(2).filter_map(|unit| le16_at(unit, 0));
        Some(text(units.take_while(|unit| *unit != 0)))
    }
}

fn text(units: impl Iterator<Item = u16>) -> String {
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A process, as the list of all of them has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessEntry {
    /// Its number.
    pub pid: u32,
    /// The file name of its image; empty for the idle process.
    pub name: String,
    /// When it began; `None` for what has always been there.
    pub started: Option<Timestamp>,
    /// The number of the process that made it, which may have ended since; 0: none.
    pub parent: u32,
}

/// Decodes the answer to `NtQuerySystemInformation(SystemProcessInformation)`: structures `SYSTEM_PROCESS_INFORMATION`, each
/// with the distance to the next (winternl.h; the creation time is at 32, as in every version since NT 4).
///
/// # Errors
/// A structure does not end inside the buffer.
pub fn processes(buffer: Buffer<'_>) -> Result<Vec<ProcessEntry>, Malformed> {
    // UNICODE_STRING ImageName: Length, MaximumLength, Buffer; then BasePriority, UniqueProcessId (aligned) and
    // InheritedFromUniqueProcessId.
    let (name_pointer, pid) = if buffer.pointer == 8 { (64, 80) } else { (60, 68) };
    let mut found = Vec::new();
    let mut start = 0usize;
    loop {
        let malformed = |problem| Malformed { what: "list of processes", offset: start, problem };
        let at = |offset: usize| start.checked_add(offset).ok_or_else(|| malformed("it does not end"));
        let short = || malformed("a process is cut off");
        let next = le32_at(buffer.bytes, start).ok_or_else(short)?;
        let created = le64_at(buffer.bytes, at(32)?).ok_or_else(short)?;
        let length = usize::from(le16_at(buffer.bytes, at(56)?).ok_or_else(short)?);
        let parent = buffer.pointer_at(at(pid + buffer.pointer)?).ok_or_else(short)?;
        let pid = buffer.pointer_at(at(pid)?).ok_or_else(short)?;
        let name = buffer.follow(at(name_pointer)?).and_then(|bytes| bytes.get(..length));
        let units = name.unwrap_or_default().chunks_exact(2).filter_map(|unit| le16_at(unit, 0));
        let pid = u32::try_from(pid).map_err(|_| malformed("a process has a number that is none"))?;
        let parent = u32::try_from(parent).unwrap_or(0);
        found.push(ProcessEntry { pid, name: text(units), started: file_time(created), parent });
        if next == 0 {
            return Ok(found);
        }
        // Forward, so that it ends.
        start = usize::try_from(next).ok().and_then(|next| start.checked_add(next)).ok_or_else(short)?;
    }
}

/// The text of a UNICODE_STRING (ntdef.h) at the start of the buffer.
pub fn unicode_string(buffer: Buffer<'_>) -> Option<String> {
    let length = usize::from(le16_at(buffer.bytes, 0)?);
    let bytes = buffer.follow(buffer.pointer)?.get(..length)?;
    Some(text(bytes.chunks_exact(2).filter_map(|unit| le16_at(unit, 0))))
}

/// A service that runs in a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its short name, as `sc query` takes it.
    pub name: String,
    /// In which process.
    pub pid: u32,
}

/// Decodes `count` structures `ENUM_SERVICE_STATUS_PROCESSW` (winsvc.h), the answer of EnumServicesStatusExW. Services without
/// a process are left out.
///
/// # Errors
/// A structure or a name is not inside the buffer.
pub fn services(buffer: Buffer<'_>, count: u32) -> Result<Vec<ServiceEntry>, Malformed> {
    let (size, pid) = if buffer.pointer == 8 { (56, 44) } else { (44, 36) };
    let mut found = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX) {
        let start = index.saturating_mul(size);
        let malformed = |problem| Malformed { what: "list of services", offset: start, problem };
        let pid = start.checked_add(pid).and_then(|offset| le32_at(buffer.bytes, offset));
        let pid = pid.ok_or_else(|| malformed("it claims more services than it holds"))?;
        let name = buffer.text(start).ok_or_else(|| malformed("a name is not in it"))?;
        if pid != 0 {
            found.push(ServiceEntry { name, pid });
        }
    }
    Ok(found)
}

/// The name in `TCPIP_OWNER_MODULE_BASIC_INFO` (iprtrmib.h): of the service if one has the socket, else of the process or
/// of a part of the system. `None` where it is empty, as for protected processes.
pub fn module_name(buffer: Buffer<'_>) -> Option<String> {
    buffer.text(0).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x1_0000;

    fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
        bytes[offset..][..value.len()].copy_from_slice(value);
    }

    fn buffer(bytes: &[u8]) -> Buffer<'_> {
        Buffer { bytes, address: BASE, pointer: 8 }
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn two_processes() -> Vec<u8> {
        let mut bytes = vec![0; 400];
        put(&mut bytes, 0, &200u32.to_le_bytes());
        put(&mut bytes, 200 + 32, &116_444_736_000_000_010u64.to_le_bytes());
        put(&mut bytes, 200 + 56, &[12]);
        put(&mut bytes, 200 + 64, &(BASE + 300).to_le_bytes());
        put(&mut bytes, 200 + 80, &4321u64.to_le_bytes());
        put(&mut bytes, 200 + 88, &17u64.to_le_bytes());
        put(&mut bytes, 300, &utf16("ü.exe!"));
        bytes
    }

    #[test]
    fn processes_are_read() {
        let found = processes(buffer(&two_processes())).unwrap();
        let idle = ProcessEntry { pid: 0, name: String::new(), started: None, parent: 0 };
        let started = Some(Timestamp::from_micros(1));
        let other = ProcessEntry { pid: 4321, name: "ü.exe!".into(), started, parent: 17 };
        assert_eq!(found, [idle, other]);
    }

    #[test]
    fn lists_that_lead_out_of_themselves_are_refused() {
        let mut bytes = two_processes();
        put(&mut bytes, 0, &399u32.to_le_bytes());
        processes(buffer(&bytes)).unwrap_err();
        put(&mut bytes, 0, &u32::MAX.to_le_bytes());
        processes(buffer(&bytes)).unwrap_err();
        put(&mut bytes, 0, &200u32.to_le_bytes());
        put(&mut bytes, 200 + 64, &(BASE + 395).to_le_bytes());
        assert_eq!(processes(buffer(&bytes)).unwrap()[1].name, "", "a name that leads out is none");
        processes(buffer(&[])).unwrap_err();
    }

    #[test]
    fn services_are_read() {
        let mut bytes = vec![0; 200];
        put(&mut bytes, 0, &(BASE + 150).to_le_bytes());
        put(&mut bytes, 44, &99u32.to_le_bytes());
        put(&mut bytes, 56, &(BASE + 150).to_le_bytes());
        put(&mut bytes, 150, &utf16("Dnscache"));
        let found = services(buffer(&bytes), 2).unwrap();
        assert_eq!(found, [ServiceEntry { name: "Dnscache".into(), pid: 99 }], "the second one has no process");
        services(buffer(&bytes), 4).unwrap_err();
        services(buffer(&bytes), u32::MAX).unwrap_err();
        assert_eq!(services(buffer(&[]), 0).unwrap(), []);
    }

    #[test]
    fn strings_are_as_long_as_they_say() {
        let mut bytes = vec![0; 32];
        put(&mut bytes, 0, &[4]);
        put(&mut bytes, 8, &(BASE + 16).to_le_bytes());
        put(&mut bytes, 16, &utf16("abc"));
        assert_eq!(unicode_string(buffer(&bytes)).as_deref(), Some("ab"));
        put(&mut bytes, 0, &[60]);
        assert_eq!(unicode_string(buffer(&bytes)), None);
        assert_eq!(unicode_string(buffer(&[])), None);
    }

    #[test]
    fn modules_have_names_or_none() {
        let mut bytes = vec![0; 64];
        put(&mut bytes, 0, &(BASE + 16).to_le_bytes());
        assert_eq!(module_name(buffer(&bytes)), None);
        put(&mut bytes, 16, &utf16("Dnscache"));
        assert_eq!(module_name(buffer(&bytes)).as_deref(), Some("Dnscache"));
        put(&mut bytes, 0, &1u64.to_le_bytes());
        assert_eq!(module_name(buffer(&bytes)), None);
    }
}
