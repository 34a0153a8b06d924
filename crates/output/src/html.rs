use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use sockscope_model::{Field, IpDatabase, Owners, Row};

use crate::Listing;
use crate::cell::{each_value, for_people, has_several, push_human, push_raw};
use crate::clean::push_html;
use crate::columns::Column;
use crate::table::push_summary_line;
use crate::text::{push_endpoint, rfc3339};

/// How much is gathered before it is written.
const CHUNK: usize = 64 << 10;

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");
/// SHA-256 of the two, so that the page's policy allows these and nothing else; a test holds them against the files.
const STYLE_HASH: &str = "SMXVDIHsx7rl3UUAbM+eIbJiiU1r0aXd1EUXyyeaeQI=";
const SCRIPT_HASH: &str = "kqp6KJpUCHp6z8bQZzh93pYxOCsMmIfif13KW/46/IY=";

/// A page that needs nothing but itself: it can be sorted and filtered, opens from a file, is light or dark as its reader
/// likes, and may load nothing and run nothing but its own few lines of script. Without scripts it is a plain table.
///
/// # Errors
/// The writer's.
pub fn html(out: &mut dyn Write, listing: &Listing<'_>, columns: &[Column]) -> io::Result<()> {
    let mut page = String::with_capacity(CHUNK * 2);
    push_head(&mut page, listing);
    push_titles(&mut page, columns);
    let mut scratch = Scratch::default();
    for row in listing.rows() {
        page.push_str("<tr>");
        for column in columns {
            push_cell(&mut page, *column, &row, &mut scratch);
        }
        page.push_str("</tr>\n");
        if page.len() >= CHUNK {
            out.write_all(page.as_bytes())?;
            page.clear();
        }
    }
    page.push_str("</tbody>\n</table>\n");
    push_attribution(&mut page, listing);
    page.push_str("<script>");
    page.push_str(SCRIPT);
    page.push_str("</script>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

fn push_head(page: &mut String, listing: &Listing<'_>) {
    let snapshot = &listing.frame.snapshot;
    // A String takes everything.
    _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; \
         script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Sockets of "
    );
    push_html(page, &snapshot.host);
    page.push_str("</title>\n<style>");
    page.push_str(STYLE);
    page.push_str("</style>\n</head>\n<body>\n<h1>Sockets of ");
    push_html(page, &snapshot.host);
    page.push_str("</h1>\n<p class=\"dim\">");
    if let Some(taken) = rfc3339(snapshot.taken) {
        let taken = taken.as_str();
        _ = write!(page, "<time datetime=\"{taken}\">{taken}</time>, ");
    }
    let mut summary = String::new();
    push_summary_line(&mut summary, listing);
    push_html(page, &summary);
    page.push_str(", sockscope ");
    push_html(page, listing.version);
    page.push_str("</p>\n");
    for notice in &snapshot.notices {
        page.push_str("<p class=\"notice\">");
        push_html(page, &notice.message);
        page.push_str(" <span class=\"dim\">[");
        push_html(page, notice.code);
        page.push_str("]</span></p>\n");
    }
}

fn push_titles(page: &mut String, columns: &[Column]) {
    page.push_str(
        "<div class=\"bar\" hidden><input id=\"filter\" type=\"search\" placeholder=\"Filter\" aria-label=\"Filter\" \
         autocomplete=\"off\"><span id=\"shown\" class=\"dim\" role=\"status\"></span></div>\n<table>\n<thead><tr>",
    );
    for column in columns {
        page.push_str(if column.is_number() { "<th class=\"n\" title=\"" } else { "<th title=\"" });
        push_html(page, column.description());
        page.push_str("\"><button type=\"button\">");
        push_html(page, column.title());
        page.push_str("</button></th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

/// Texts that are used again for every cell.
#[derive(Default)]
struct Scratch {
    cell: String,
    text: String,
    before: String,
    composite: String,
}

fn push_cell(page: &mut String, column: Column, row: &Row<'_>, scratch: &mut Scratch) {
    if let (Column::Process, Owners::Nobody(reason)) = (column, &row.socket.owners) {
        _ = write!(page, "<td class=\"dim\" data-s=\"\">({})</td>", reason.name());
        return;
    }
    page.push_str(match column {
        _ if column.is_number() => "<td class=\"n\"",
        // Long by nature, and no address: may be wrapped.
        Column::Process
        | Column::Places
        | Column::Field(Field::OwnerPath | Field::OwnerCommandLine | Field::Cgroup | Field::PlaceText) => {
            "<td class=\"w\""
        }
        _ => "<td",
    });
    // The name is what one reads, the address what one sorts and copies.
    if let (Column::Remote, Some(name), Some(remote)) = (column, row.remote_name(), row.socket.key.remote) {
        let text = &mut scratch.text;
        text.clear();
        push_endpoint(text, row, remote);
        for attribute in [" data-s=\"", " title=\""] {
            page.push_str(attribute);
            push_html(page, text);
            page.push('"');
        }
        page.push('>');
        push_html(page, name);
        _ = write!(page, ":{}</td>", remote.port());
        return;
    }
    let several = has_several(column);
    let Scratch { cell, text, before, composite } = scratch;
    cell.clear();
    each_value(column, row, composite, &mut |value| {
        text.clear();
        match for_people(column, row, value) {
            Some(value) => {
                push_human(text, &value);
                if column.is_number() {
                    // What has a unit is sorted by the number.
                    before.clear();
                    push_raw(before, &value);
                    if text != before {
                        _ = write!(page, " data-s=\"{before}\"");
                    }
                }
            }
            None if several => text.push('-'),
            None => {}
        }
        if !several {
            push_html(cell, text);
        } else if cell.is_empty() || text != before {
            // The workers of one program have one path and one user: said once.
            if !cell.is_empty() {
                cell.push_str(if matches!(column, Column::Places) { " | " } else { ", " });
            }
            push_html(cell, text);
            std::mem::swap(text, before);
        }
    });
    page.push('>');
    page.push_str(cell);
    page.push_str("</td>");
}

/// Licences of IP databases ask to be named where their data is shown.
fn push_attribution(page: &mut String, listing: &Listing<'_>) {
    let databases: BTreeSet<&str> = listing.rows().flat_map(|row| row.places()).map(|place| &*place.database).collect();
    let described = |name: &str| listing.frame.databases.iter().find(|it| &*it.name == name);
    for (position, database) in databases.iter().enumerate() {
        page.push_str(if position == 0 { "<p class=\"dim\">Places according to " } else { ", " });
        push_html(page, database);
        let Some(IpDatabase { attribution: Some(words), website, .. }) = described(database) else { continue };
        page.push_str(" (");
        if let Some(website) = website {
            page.push_str("<a href=\"");
            push_html(page, website);
            page.push_str("\">");
        }
        push_html(page, words);
        page.push_str(if website.is_some() { "</a>)" } else { ")" });
    }
    if !databases.is_empty() {
        page.push_str("</p>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_pages_own_script_and_style() {
        assert_eq!(base64(&sha256(STYLE.as_bytes())), STYLE_HASH, "style");
        assert_eq!(base64(&sha256(SCRIPT.as_bytes())), SCRIPT_HASH, "script");
    }

    #[test]
    fn the_tests_sha256_is_sha256() {
        assert_eq!(base64(&sha256(b"abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    /// FIPS 180-4.
    fn sha256(message: &[u8]) -> [u8; 32] {
        // The fractional parts of the roots of the first primes.
        let primes = (2u32..).filter(|n| (2..*n).all(|d| n % d != 0)).take(64);
        let fraction = |root: f64| ((root - root.floor()) * 4_294_967_296.0) as u32;
        let mut k = [0u32; 64];
        let mut state = [0u32; 8];
        for (position, prime) in primes.enumerate() {
            k[position] = fraction(f64::from(prime).cbrt());
            if position < 8 {
                state[position] = fraction(f64::from(prime).sqrt());
            }
        }
        let mut bytes = message.to_vec();
        bytes.push(0x80);
        while bytes.len() % 64 != 56 {
            bytes.push(0);
        }
        bytes.extend((message.len() as u64 * 8).to_be_bytes());
        for block in bytes.chunks_exact(64) {
            let mut w = [0u32; 64];
            for i in 0..64 {
                w[i] = if i < 16 {
                    u32::from_be_bytes(block[i * 4..i * 4 + 4].try_into().unwrap())
                } else {
                    let (a, b) = (w[i - 15], w[i - 2]);
                    let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
                    let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
                    w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1)
                };
            }
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
            for i in 0..64 {
                let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
                let t1 = h.wrapping_add(s1).wrapping_add((e & f) ^ (!e & g)).wrapping_add(k[i]).wrapping_add(w[i]);
                let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
                let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
                (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
            }
            for (value, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                *value = value.wrapping_add(add);
            }
        }
        let mut digest = [0; 32];
        for (to, from) in digest.chunks_exact_mut(4).zip(state) {
            to.copy_from_slice(&from.to_be_bytes());
        }
        digest
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for digit in 0..4 {
                let shift = 18 - 6 * digit;
                out.push(if digit <= chunk.len() { DIGITS[(word >> shift) as usize & 63] as char } else { '=' });
            }
        }
        out
    }
}
