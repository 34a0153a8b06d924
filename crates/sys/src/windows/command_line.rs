//! Arguments as one line, which is how Windows hands them to a program.

const SPACE: u16 = b' ' as u16;
const TAB: u16 = b'\t' as u16;
const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

/// The line that a program takes apart into these words again ("Parsing C command-line arguments", Microsoft): quotes around a word
/// that needs them, a backslash before a quote, and two for one before that.
pub(super) fn command_line(words: &[Vec<u16>]) -> Vec<u16> {
    let mut line = Vec::new();
    for word in words {
        if !line.is_empty() {
            line.push(SPACE);
        }
        let is_plain = !word.is_empty() && !word.iter().any(|unit| matches!(*unit, SPACE | TAB | QUOTE));
        if is_plain {
            line.extend(word);
            continue;
        }
        line.push(QUOTE);
        let mut backslashes = 0;
        for &unit in word {
            match unit {
                BACKSLASH => backslashes += 1,
                QUOTE => {
                    line.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1));
                    backslashes = 0;
                }
                _ => backslashes = 0,
            }
            line.push(unit);
        }
        line.extend(std::iter::repeat_n(BACKSLASH, backslashes));
        line.push(QUOTE);
    }
    line
}

#[cfg(test)]
mod tests {
    use sockscope_wire::windows::arguments;

    use super::*;

    #[test]
    fn it_is_taken_apart_into_the_same_words() {
        let words = [
            "",
            "plain",
            "two words",
            r"C:\a b\",
            r"C:\ab\",
            r#"say "hello""#,
            r#"\""#,
            r#"\\" \\"#,
            "tab\there",
            r"\\server\share\",
            "中 文",
        ];
        for count in 1..=words.len() {
            for words in words.windows(count) {
                let wide: Vec<Vec<u16>> = words.iter().map(|word| word.encode_utf16().collect()).collect();
                let line = format!("program {}", String::from_utf16(&command_line(&wide)).unwrap());
                assert_eq!(arguments(&line)[1..], *words, "{line}");
            }
        }
        assert_eq!(command_line(&[]), []);
    }
}
