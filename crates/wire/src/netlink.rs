use crate::Malformed;
use crate::bytes::{u16_at, u32_at};

/// Length of `struct nlmsghdr` (include/uapi/linux/netlink.h).
pub const HEADER_LENGTH: usize = 16;

/// `NLMSG_ERROR`: an error, or the acknowledgement that there was none.
pub const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub const DONE: u16 = 3;

/// One message of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: that of the request.
    pub sequence: u32,
    /// What follows the header, without padding.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// For `NLMSG_ERROR` and `NLMSG_DONE`: the errno, 0 for none. `None` if the message has no room for one.
    pub fn errno(&self) -> Option<i32> {
        u32_at(self.payload, 0).map(|number| number.cast_signed().wrapping_neg())
    }
}

/// The messages of a datagram, in order. After an error there is nothing more.
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { datagram, offset: 0 }
}

/// See [`messages`].
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    datagram: &'a [u8],
    offset: usize,
}

impl<'a> Messages<'a> {
    fn step(&mut self) -> Result<Option<Message<'a>>, &'static str> {
        let Some(rest) = self.datagram.get(self.offset..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
        let length = u32_at(rest, 0).ok_or("too short for a netlink header")? as usize;
        if length < HEADER_LENGTH {
            return Err("the message claims to be shorter than its header");
        }
        let payload = rest.get(HEADER_LENGTH..length).ok_or("the message claims to be longer than the datagram")?;
        let (Some(kind), Some(flags), Some(sequence)) = (u16_at(rest, 4), u16_at(rest, 6), u32_at(rest, 8)) else {
            return Err("too short for a netlink header");
        };
        self.offset = self.offset.saturating_add(length.next_multiple_of(4));
        Ok(Some(Message { kind, flags, sequence, payload }))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.step() {
            Ok(message) => message.map(Ok),
            Err(problem) => {
                let offset = std::mem::replace(&mut self.offset, self.datagram.len());
                Some(Err(Malformed { what: "netlink datagram", offset, problem }))
            }
        }
    }
}

/// The attributes (`struct nlattr`) in a message's tail. Stops where one claims more than there is.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        // The two top bits of the type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
        let kind = u16_at(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(20u16.to_ne_bytes());
        bytes.extend(2u16.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn messages_end_at_the_first_that_lies() {
        let mut datagram = message(17, &[1, 0, 0, 0]);
        datagram.extend(message(16, &[]));
        let good: Vec<_> = messages(&datagram).map(Result::unwrap).collect();
        assert_eq!(good.len(), 2);
        assert_eq!((good[0].kind, good[0].flags, good[0].sequence, good[0].payload), (20, 2, 7, &[1u8][..]));
        for (claimed, payload) in [(15, &[][..]), (0, &[]), (17, &[]), (u32::MAX, &[1, 2, 3])] {
            let bad = message(claimed, payload);
            let mut found = messages(&bad);
            assert!(found.next().unwrap().is_err());
            assert!(found.next().is_none());
        }
        assert!(messages(&[1, 2, 3]).next().unwrap().is_err());
        assert!(messages(&[]).next().is_none());
    }

    #[test]
    fn attributes_stop_at_a_false_length() {
        let mut tail = vec![5, 0, 8, 0, 3, 0, 0, 0];
        tail.extend([8, 0, 15, 0x80, 1, 2, 3, 4]);
        tail.extend([200, 0, 1, 0]);
        let tail: Vec<u8> = if cfg!(target_endian = "little") { tail } else { return };
        let found: Vec<_> = attributes(&tail).collect();
        assert_eq!(found, [(8, &[3u8][..]), (15, &[1, 2, 3, 4])]);
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0);
    }
}
