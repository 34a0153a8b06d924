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

/// The range that `netsh int ipv4 show dynamicport tcp` prints, first and last port: the first two lines that end in a number are
/// the first port and how many there are.
pub fn dynamic_ports(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.lines().filter_map(|line| line.rsplit(':').next()?.trim().parse::<u32>().ok());
    let (first, count) = (numbers.next()?, numbers.next()?);
    let last = first.checked_add(count)?.checked_sub(1)?;
    Some((u16::try_from(first).ok()?, u16::try_from(last).ok()?)).filter(|(first, last)| first <= last)
}

/// The URLs that `netsh http show servicestate` prints, as `HTTP://+:80/PATH/`: each with its port, once.
pub fn http_urls(text: &str) -> Vec<(u16, String)> {
    let mut found: Vec<(u16, String)> = Vec::new();
    for word in text.split_ascii_whitespace() {
        let Some((scheme, rest)) = word.split_once("://") else { continue };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            continue;
        }
        // A colon inside brackets is the address'.
        let behind = rest.rfind(']').map_or(0, |at| at + 1);
        let Some((_, port)) = rest.get(behind..).and_then(|rest| rest.split_once(':')) else { continue };
        let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(port) = digits.parse()
            && !found.iter().any(|(_, known)| known == word)
        {
            found.push((port, word.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dynamic_range_is_read_in_any_language() {
        let text = "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\nStart Port      : 49152\r\n\
                    Number of Ports : 16384\r\n\r\n";
        assert_eq!(dynamic_ports(text), Some((49152, 65535)));
        assert_eq!(dynamic_ports("a : 60000\nb : 16384\n"), None);
        assert_eq!(dynamic_ports(""), None);
    }

    #[test]
    fn urls_have_ports() {
        let text = "  Registered URLs:\r\n      HTTP://+:5985/WSMAN/\r\n      HTTPS://[::1]:443/A:9/\r\n  HTTP://+:5985/WSMAN/\r\n \
                    Server session ID: FF00000010000001\r\n http://nothing/";
        let expected = [(5985, "HTTP://+:5985/WSMAN/".to_owned()), (443, "HTTPS://[::1]:443/A:9/".to_owned())];
        assert_eq!(http_urls(text), expected);
    }

    #[test]
    fn ranges_are_read_in_any_language() {
        let text = "\r\nProtokoll tcp Portausschlussbereiche\r\n\r\nStartport    Endport\r\n----------    --------\r\n      \
                    5357        5357\r\n     50000       50059     *\r\n\r\n* - Verwaltete Portausschlüsse.\r\n";
        assert_eq!(excluded_port_ranges(text), [(5357, 5357), (50_000, 50_059)]);
        assert_eq!(excluded_port_ranges("9 8\n1 70000\n1 2 3\nx 1\n"), []);
    }
}
