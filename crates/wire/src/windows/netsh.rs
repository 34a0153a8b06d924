/// The ranges that `netsh int ipv4 show excludedportrange protocol=tcp` prints, first and last port. Its words are in the
/// user's language, so a line with two ports, the first not above the second, is one.
pub fn excluded_port_ranges(text: &str) -> Vec<(u16, u16)> {
    let range = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        // An asterisk marks a range that an administrator set.
        (first <= last && words.all(|word| word == "*")).then_some((first, last))
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_any_language() {
        let text = "\r\nProtokoll tcp Portausschlussbereiche\r\n\r\nStartport    Endport\r\n----------    --------\r\n      \
                    5357        5357\r\n     50000       50059     *\r\n\r\n* - Verwaltete Portausschlüsse.\r\n";
        assert_eq!(excluded_port_ranges(text), [(5357, 5357), (50_000, 50_059)]);
        assert_eq!(excluded_port_ranges("9 8\n1 70000\n1 2 3\nx 1\n"), []);
    }
}
