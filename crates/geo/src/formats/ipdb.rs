//! IPIP.net's ipdb: a JSON object that names the fields, a tree of addresses, and the rows that its leaves refer to. A row
//! has the fields of every language one after the other.

use std::net::IpAddr;

use serde_json::Value;

use super::ipip::{self, Field};
use super::trie::{Trie, Width};
use super::{Format, Opened, Reader, Record, date_of_unix, name_and_date};
use crate::bytes::{be16_at, be32_at};
use crate::details::Details;
use crate::language::Language;
use crate::{Data, Info, OpenError, Options};

/// The bits before an IPv4 address.
const IPV4: u128 = 0xffff << 32;

/// Some hundred bytes is usual. JSON takes many times its length when it is read.
const LONGEST_METADATA: usize = 64 * 1024;

pub(super) fn detect(bytes: &[u8]) -> bool {
    let Some(metadata) = metadata(bytes) else { return false };
    let key = b"\"node_count\"";
    metadata.first() == Some(&b'{')
        && metadata.trim_ascii_end().last() == Some(&b'}')
        && metadata.windows(key.len()).any(|window| window == key)
}

pub(super) fn open(data: Data, options: &Options) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let damaged = |offset, problem| OpenError::damaged(Format::Ipdb, offset, problem);
    let metadata = metadata(bytes).ok_or_else(|| damaged(0, "metadata longer than the file"))?;
    if metadata.len() > LONGEST_METADATA {
        return Err(damaged(0, "metadata longer than any"));
    }
    let start = 4 + metadata.len();
    let metadata: Value = serde_json::from_slice(metadata).map_err(|_| damaged(4, "metadata that is no JSON"))?;
    let number = |name: &str| metadata.get(name).and_then(Value::as_u64);

    let size = (bytes.len() - start) as u64;
    if number("total_size") != Some(size) {
        return Err(damaged(bytes.len(), "another total_size than the metadata says"));
    }
    let nodes = number("node_count").and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
    let nodes = nodes.ok_or_else(|| damaged(4, "metadata without a node_count"))?;
    let trie = Trie::new(bytes, start, nodes, Width::Bits32)
        .ok_or_else(|| damaged(bytes.len(), "a tree that goes past the end"))?;
    let fields = metadata.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<_> = fields.iter().map(|name| Field::named(name.as_str().unwrap_or_default())).collect();
    if fields.is_empty() {
        return Err(damaged(4, "metadata without fields"));
    }
    let skipped = language(&metadata, &options.language).ok_or_else(|| damaged(4, "metadata without languages"))?;

    // Bit 0: IPv4; bit 1: IPv6.
    let versions = number("ip_version").unwrap_or_default();
    let trie = if versions & 2 != 0 { trie.with_ipv6() } else { trie };
    let trie = if versions & 1 != 0 { trie.with_ipv4_below(bytes, IPV4) } else { trie };
    let date = metadata.get("build").and_then(Value::as_i64).and_then(date_of_unix);
    let info = Info {
        format: Format::Ipdb,
        name: name_and_date(Format::Ipdb.name(), date),
        date,
        ipv4: trie.has_ipv4(),
        ipv6: versions & 2 != 0,
        licence: "not stated by the file",
        attribution: None,
        website: None,
        warning: None,
    };
    let rows = trie.end().unwrap_or(bytes.len());
    Ok((Box::new(Ipdb { rows, trie, fields, skipped, data }), info))
}

/// The JSON at the start, if as much as there is said to be is there.
fn metadata(bytes: &[u8]) -> Option<&[u8]> {
    let length = be32_at(bytes, 0)? as usize;
    bytes.get(4..length.checked_add(4)?)
}

/// How many fields stand before those of the language to answer in. Languages are in the order of their fields.
fn language(metadata: &Value, wanted: &Language) -> Option<usize> {
    let languages = metadata.get("languages")?.as_object()?;
    let skipped = |name: &str| languages.get(name).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let mut names: Vec<_> = languages.keys().filter(|name| skipped(name).is_some()).collect();
    names.sort_by_key(|name| skipped(name));
    wanted.choose(&names).and_then(skipped)
}

struct Ipdb {
    data: Data,
    trie: Trie,
    /// Where the rows start: behind the tree. Leaves count from here.
    rows: usize,
    /// Those of one language.
    fields: Vec<Field>,
    /// How many fields stand before them in a row.
    skipped: usize,
}

impl Ipdb {
    /// Where a leaf's row is, if that is in the file. The row itself is not read: it costs as much as the way to it.
    #[inline]
    fn record(&self, leaf: u32) -> Option<Record> {
        let row = self.rows.checked_add(leaf as usize)?;
        (row.checked_add(2)? <= self.data.as_ref().len()).then_some(Record(row as u64))
    }

    /// A row, or as much of it as is there.
    fn row(&self, record: Record) -> Option<&[u8]> {
        let bytes = self.data.as_ref();
        let row = usize::try_from(record.0).ok()?;
        let (length, text) = (usize::from(be16_at(bytes, row)?), bytes.get(row + 2..)?);
        text.get(..length.min(text.len()))
    }
}

impl Reader for Ipdb {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        self.record(self.trie.find(self.data.as_ref(), address)?)
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let fields = ipip::split(self.row(record).unwrap_or_default()).skip(self.skipped);
        ipip::details(self.fields.iter().copied().zip(fields), language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        self.trie.each_leaf(self.data.as_ref(), &mut |first, last, leaf| {
            if let Some(record) = self.record(leaf) {
                visit(first, last, record);
            }
        });
    }

    fn prepare(&mut self) {
        let Ipdb { trie, data, .. } = self;
        trie.prepare(data.as_ref());
    }
}
