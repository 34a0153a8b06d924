/// Splits a command line as C programs of Windows do (Microsoft's "Parsing C command-line arguments"): the program's name knows
/// quotes only; behind it, backslashes before a quote are halved, an odd one makes the quote plain, and two quotes inside quotes
/// are one.
pub fn arguments(line: &str) -> Vec<String> {
    let mut chars = line.chars().peekable();
    let mut all = Vec::new();
    let is_space = |char: &char| matches!(char, ' ' | '\t');
    let mut quoted = false;
    let mut name = String::new();
    while let Some(char) = chars.next_if(|char| quoted || !is_space(char)) {
        match char {
            '"' => quoted = !quoted,
            _ => name.push(char),
        }
    }
    if !line.is_empty() {
        all.push(name);
    }
    loop {
        while chars.next_if(is_space).is_some() {}
        if chars.peek().is_none() {
            return all;
        }
        let mut argument = String::new();
        let mut quoted = false;
        while let Some(char) = chars.next_if(|char| quoted || !is_space(char)) {
            match char {
                '\\' => {
                    let mut count = 1usize;
                    while chars.next_if_eq(&'\\').is_some() {
                        count += 1;
                    }
                    let before_quote = chars.peek() == Some(&'"');
                    argument.extend(std::iter::repeat_n('\\', if before_quote { count / 2 } else { count }));
                    if before_quote && count % 2 == 1 {
                        chars.next();
                        argument.push('"');
                    }
                }
                '"' if quoted && chars.next_if_eq(&'"').is_some() => argument.push('"'),
                '"' => quoted = !quoted,
                _ => argument.push(char),
            }
        }
        all.push(argument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_examples_are_split_as_documented() {
        for (line, expected) in [
            (r#"x "a b c" d e"#, &["x", "a b c", "d", "e"][..]),
            (r#"x "ab\"c" "\\" d"#, &["x", r#"ab"c"#, r"\", "d"]),
            (r#"x a\\\b d"e f"g h"#, &["x", r"a\\\b", "de fg", "h"]),
            (r#"x a\\\"b c d"#, &["x", r#"a\"b"#, "c", "d"]),
            (r#"x a\\\\"b c" d e"#, &["x", r"a\\b c", "d", "e"]),
            (r#"x a"b"" c d"#, &["x", r#"ab" c d"#]),
            (r#""C:\Program Files\x.exe" -a "#, &[r"C:\Program Files\x.exe", "-a"]),
            (r#"x "" y"#, &["x", "", "y"]),
            ("", &[]),
            (" ", &[""]),
        ] {
            assert_eq!(arguments(line), expected, "{line}");
        }
    }
}
