use sockscope_model::Field;

/// The short name of each field that has one: what users type in filters, `--sort` and `--columns`. Several names may mean
/// the same field; the first is the one to show.
pub const SHORT_NAMES: &[(&str, Field)] = &[
    ("proto", Field::Protocol),
    ("local", Field::LocalAddress),
    ("src", Field::LocalAddress),
    ("lport", Field::LocalPort),
    ("sport", Field::LocalPort),
    ("remote", Field::RemoteAddress),
    ("dst", Field::RemoteAddress),
    ("rport", Field::RemotePort),
    ("dport", Field::RemotePort),
    ("rname", Field::RemoteName),
    ("pid", Field::OwnerPid),
    ("process", Field::OwnerName),
    ("path", Field::OwnerPath),
    ("command", Field::OwnerCommandLine),
    ("fd", Field::OwnerFds),
    ("service", Field::OwnerService),
    ("container", Field::OwnerContainer),
    ("namespace", Field::NamespaceName),
    ("dev", Field::Interface),
    ("fwmark", Field::Mark),
    ("age", Field::OpenedAt),
    ("recvq", Field::QueuesReceive),
    ("sendq", Field::QueuesSend),
    ("timer", Field::TimerKind),
    ("sent", Field::SentBytes),
    ("received", Field::ReceivedBytes),
    ("rtt", Field::RttUs),
    ("retransmits", Field::RetransmittedSegments),
    ("country", Field::PlaceCountry),
    ("asn", Field::PlaceAsn),
    ("org", Field::PlaceOrganization),
    ("place", Field::PlaceText),
    ("database", Field::PlaceDatabase),
];

/// The field that a user means: its own name ([`Field::name`]) or a short one ([`SHORT_NAMES`]), in any case, words joined
/// by `_` or `-`.
///
/// ```
/// use sockscope_core::field_by_name;
/// use sockscope_model::Field;
///
/// assert_eq!(field_by_name("pid"), Some(Field::OwnerPid));
/// assert_eq!(field_by_name("Local-Port"), Some(Field::LocalPort));
/// assert_eq!(field_by_name("colour"), None);
/// ```
pub fn field_by_name(name: &str) -> Option<Field> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    Field::from_name(&name).or_else(|| SHORT_NAMES.iter().find_map(|(short, field)| (*short == name).then_some(*field)))
}

/// The candidate that `word` was most likely meant to be, if one is near.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(25).flat_map(char::to_lowercase).collect();
    if word.len() < 2 || word.len() > 24 {
        return None;
    }
    let allowed = if word.len() < 4 { 1 } else { 2 };
    candidates
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many insertions, deletions, substitutions and swaps of neighbours lead from one to the other.
fn distance(word: &[char], candidate: &str) -> usize {
    let candidate: Vec<char> = candidate.chars().collect();
    let mut older: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=candidate.len()).collect();
    let mut last = None;
    for (index, &char) in word.iter().enumerate() {
        let mut next = vec![index + 1];
        let mut before = None;
        for (column, &other) in candidate.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let substituted = at(&row, column) + usize::from(char != other);
            let mut best = substituted.min(at(&row, column + 1) + 1).min(at(&next, column) + 1);
            if last == Some(other) && before == Some(char) && column > 0 {
                best = best.min(at(&older, column - 1) + 1);
            }
            next.push(best);
            before = Some(other);
        }
        older = std::mem::replace(&mut row, next);
        last = Some(char);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_unique_and_never_hide_a_field() {
        for (index, (name, field)) in SHORT_NAMES.iter().enumerate() {
            assert_eq!(field_by_name(name), Some(*field), "{name}");
            assert!(SHORT_NAMES.iter().skip(index + 1).all(|(other, _)| other != name), "{name}");
        }
        for field in Field::ALL {
            assert_eq!(field_by_name(field.name()), Some(*field));
            assert_eq!(field_by_name(&field.name().to_uppercase().replace('_', "-")), Some(*field));
        }
        assert_eq!(field_by_name(""), None);
    }

    #[test]
    fn near_misses_find_their_word() {
        let words = ["sport", "dport", "state", "process", "pid", "established"];
        for (typed, meant) in [
            ("sprt", Some("sport")),
            ("SPROT", Some("sport")),
            ("proces", Some("process")),
            ("pdi", Some("pid")),
            ("estalbished", Some("established")),
            ("banana", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, words.into_iter()), meant, "{typed}");
        }
    }
}
