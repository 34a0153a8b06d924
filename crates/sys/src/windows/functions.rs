//! The functions of iphlpapi.dll that fill tables, and which of them make up a source.

use sockscope_model::{Family, Protocol, SourceChoice};
use sockscope_wire::windows::Layout;

/// A function of iphlpapi.dll, with the arguments that make it fill one kind of table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    /// As the DLL exports it.
    pub(super) name: &'static str,
    /// The rows that it gives.
    pub(super) layout: Layout,
    /// How it is called.
    pub(super) call: Call,
}

/// How a function takes its arguments and gives its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// `(table, &size, order, family, class, 0)`, into a buffer of the caller's. The number is the class.
    Extended(i32),
    /// `(table, &size, order)`, into a buffer of the caller's.
    Plain,
    /// `(&table, order, heap, flags, family)`, allocates.
    FromStack,
    /// `(&table, heap, flags)`, allocates. No page of Microsoft's describes it.
    Internal,
    /// The same, of endpoints that are bound and neither listen nor are connected.
    InternalBound,
}

impl Function {
    const fn new(name: &'static str, layout: Layout, call: Call) -> Function {
        Function { name, layout, call }
    }

    /// Whether it is called in a process of its own, for it is undocumented or withdrawn: what it does with its arguments on a
    /// Windows to come nobody has promised.
    pub(super) const fn is_called_apart(self) -> bool {
        matches!(self.call, Call::FromStack | Call::Internal | Call::InternalBound)
    }

    /// Whether its rows are bound endpoints.
    pub(super) const fn is_of_bound(self) -> bool {
        matches!(self.call, Call::InternalBound)
    }

    /// What messages call it: its name, and the family where that is an argument.
    pub(super) fn title(self) -> String {
        match (self.call, self.layout.family()) {
            (Call::Extended(_) | Call::FromStack, Family::Ipv4) => format!("{} (IPv4)", self.name),
            (Call::Extended(_) | Call::FromStack, Family::Ipv6) => format!("{} (IPv6)", self.name),
            _ => self.name.to_owned(),
        }
    }

    /// The word by which a process of its own is told which function to call.
    pub(super) fn key(self) -> String {
        format!("{}:{:?}", self.name, self.layout)
    }

    /// The function of that key.
    pub(super) fn from_key(key: &str) -> Option<Function> {
        SOURCES.iter().flat_map(|(_, tables)| *tables).flat_map(|table| *table).find(|it| it.key() == key).copied()
    }
}

/// Functions that fill the same table, the one that tells most first.
pub(super) type Table = &'static [Function];

/// What each source reads.
pub(super) const SOURCES: &[(SourceChoice, &[Table])] = {
    use Call::{Extended, FromStack, Internal, InternalBound, Plain};
    use Layout::{
        Tcp6Row, Tcp6Row2, Tcp6RowOwnerModule, Tcp6RowOwnerPid, TcpRow, TcpRow2, TcpRowOwnerModule, TcpRowOwnerPid,
        Udp6Row, Udp6RowOwnerModule, Udp6RowOwnerPid, UdpRow, UdpRowOwnerModule, UdpRowOwnerPid,
    };
    const fn f(name: &'static str, layout: Layout, call: Call) -> Function {
        Function::new(name, layout, call)
    }
    // TCP_TABLE_CLASS and UDP_TABLE_CLASS (iprtrmib.h).
    const TCP_PID_ALL: Call = Extended(5);
    const TCP_MODULE_ALL: Call = Extended(8);
    const UDP_PID: Call = Extended(1);
    const UDP_MODULE: Call = Extended(2);
    &[
        (
            SourceChoice::GetExtendedTable,
            &[
                &[
                    f("GetExtendedTcpTable", TcpRowOwnerModule, TCP_MODULE_ALL),
                    f("GetExtendedTcpTable", TcpRowOwnerPid, TCP_PID_ALL),
                ],
                &[
                    f("GetExtendedTcpTable", Tcp6RowOwnerModule, TCP_MODULE_ALL),
                    f("GetExtendedTcpTable", Tcp6RowOwnerPid, TCP_PID_ALL),
                ],
                &[
                    f("GetExtendedUdpTable", UdpRowOwnerModule, UDP_MODULE),
                    f("GetExtendedUdpTable", UdpRowOwnerPid, UDP_PID),
                ],
                &[
                    f("GetExtendedUdpTable", Udp6RowOwnerModule, UDP_MODULE),
                    f("GetExtendedUdpTable", Udp6RowOwnerPid, UDP_PID),
                ],
                // Behind all others, which tell which of these rows are worth one.
                &[f("InternalGetBoundTcpEndpointTable", TcpRow2, InternalBound)],
                &[f("InternalGetBoundTcp6EndpointTable", Tcp6Row2, InternalBound)],
            ],
        ),
        (SourceChoice::GetTable2, &[&[f("GetTcpTable2", TcpRow2, Plain)], &[f("GetTcp6Table2", Tcp6Row2, Plain)]]),
        (
            SourceChoice::GetTable,
            &[
                &[f("GetTcpTable", TcpRow, Plain)],
                &[f("GetTcp6Table", Tcp6Row, Plain)],
                &[f("GetUdpTable", UdpRow, Plain)],
                &[f("GetUdp6Table", Udp6Row, Plain)],
            ],
        ),
        (
            SourceChoice::AllocateExTableFromStack,
            &[
                &[f("AllocateAndGetTcpExTableFromStack", TcpRowOwnerPid, FromStack)],
                &[f("AllocateAndGetTcpExTableFromStack", Tcp6RowOwnerPid, FromStack)],
                &[f("AllocateAndGetUdpExTableFromStack", UdpRowOwnerPid, FromStack)],
                &[f("AllocateAndGetUdpExTableFromStack", Udp6RowOwnerPid, FromStack)],
            ],
        ),
        (
            SourceChoice::InternalGetTable,
            &[
                &[
                    f("InternalGetTcpTable2", TcpRow2, Internal),
                    f("InternalGetTcpTableWithOwnerPid", TcpRowOwnerPid, Internal),
                    f("InternalGetTcpTable", TcpRow, Internal),
                ],
                &[
                    f("InternalGetTcp6Table2", Tcp6Row2, Internal),
                    f("InternalGetTcp6TableWithOwnerPid", Tcp6RowOwnerPid, Internal),
                ],
                &[
                    f("InternalGetUdpTableWithOwnerPid", UdpRowOwnerPid, Internal),
                    f("InternalGetUdpTable", UdpRow, Internal),
                ],
                &[f("InternalGetUdp6TableWithOwnerPid", Udp6RowOwnerPid, Internal)],
            ],
        ),
    ]
};

/// The tables of a source; `auto` is the first of them.
pub(super) fn tables(choice: SourceChoice) -> Option<(SourceChoice, &'static [Table])> {
    match choice {
        SourceChoice::Auto => SOURCES.first().copied(),
        _ => SOURCES.iter().find(|(it, _)| *it == choice).copied(),
    }
}

/// What a function lists: `TCP over IPv4` and the like.
pub(super) fn kind(function: Function) -> &'static str {
    match (function.layout.protocol(), function.layout.family()) {
        _ if function.is_of_bound() => "TCP that is bound and no more",
        (Protocol::Udp, Family::Ipv4) => "UDP over IPv4",
        (Protocol::Udp, Family::Ipv6) => "UDP over IPv6",
        (_, Family::Ipv4) => "TCP over IPv4",
        (_, Family::Ipv6) => "TCP over IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_a_key_of_its_own() {
        let all: Vec<Function> = SOURCES.iter().flat_map(|(_, tables)| *tables).flat_map(|it| *it).copied().collect();
        for function in &all {
            assert_eq!(Function::from_key(&function.key()), Some(*function));
        }
        assert_eq!(Function::from_key("GetTcpTable"), None);
        assert_eq!(tables(SourceChoice::Auto).unwrap().0, SourceChoice::GetExtendedTable);
        assert!(tables(SourceChoice::Procfs).is_none());
    }

    /// What is called in this process is documented and there since Vista.
    #[test]
    fn undocumented_functions_are_called_apart() {
        for function in SOURCES.iter().flat_map(|(_, tables)| *tables).flat_map(|it| *it) {
            let documented = function.name.starts_with("Get");
            assert_eq!(function.is_called_apart(), !documented, "{}", function.name);
        }
    }
}
