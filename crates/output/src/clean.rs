use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything that could steer a terminal or deceive its reader written out: control characters as `\xNN`,
/// and characters that reorder, join or vanish (bidirectional overrides, zero-width and other default-ignorable ones, line
/// and paragraph separators) as `\u{NNNN}`. Never contains a newline.
pub fn clean(text: &str) -> Cow<'_, str> {
    if is_clean(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push_clean(&mut out, text);
    Cow::Owned(out)
}

/// Appends the text as [`clean`] has it.
pub fn push_clean(out: &mut String, text: &str) {
    if is_clean(text) {
        out.push_str(text);
    } else {
        for character in text.chars() {
            push_clean_char(out, character);
        }
    }
}

fn push_clean_char(out: &mut String, character: char) {
    // A String takes everything.
    if character.is_control() {
        // C0, DEL and C1: all below 0x100, so that two digits say it.
        _ = write!(out, "\\x{:02x}", u32::from(character));
    } else if is_deceptive(character) {
        _ = write!(out, "\\u{{{:x}}}", u32::from(character));
    } else {
        out.push(character);
    }
}

fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..0x7f).contains(&byte))
        || !text.chars().any(|character| character.is_control() || is_deceptive(character))
}

/// Default-ignorable code points (Unicode's DerivedCoreProperties.txt), other format characters (category Cf) that are
/// not visible, and the two separators that end a line.
fn is_deceptive(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a spreadsheet takes the cell for a formula, at its beginning or behind white space that it drops. Tabs and
/// carriage returns, which some drop as well, are already written out.
pub(crate) fn is_formula(cell: &str) -> bool {
    // Excel folds the full-width forms.
    cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// Appends the text, cleaned, for HTML: as content and within quoted attributes.
pub(crate) fn push_html(out: &mut String, text: &str) {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) && !matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    if text.bytes().all(plain) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => push_clean_char(out, character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert!(matches!(clean("nginx: worker – 中文 é"), Cow::Borrowed(_)));
        assert_eq!(clean("\x1b[31mred\x07"), r"\x1b[31mred\x07");
        assert_eq!(clean("a\nb\r\tc\0\x7f"), r"a\x0ab\x0d\x09c\x00\x7f");
        assert_eq!(clean("\u{9b}2J\u{85}"), r"\x9b2J\x85");
        assert_eq!(clean("safe\u{202e}gpj.exe"), r"safe\u{202e}gpj.exe");
        assert_eq!(clean("a\u{200b}b\u{feff}\u{2028}\u{e0041}"), r"a\u{200b}b\u{feff}\u{2028}\u{e0041}");
    }

    #[test]
    fn formulas_are_recognised() {
        for cell in ["=cmd()", "+1", "-1", "@SUM(A1)", "＝1", "  =1", "\u{a0}=1"] {
            assert!(is_formula(cell), "{cell}");
        }
        for cell in ["", "a=b", "1-2", "::1", "/usr/bin/x", r"\x09=1"] {
            assert!(!is_formula(cell), "{cell}");
        }
    }

    #[test]
    fn html_is_escaped() {
        let mut out = String::new();
        push_html(&mut out, "<script>\"&'\u{1b}\u{202e}");
        assert_eq!(out, r"&lt;script&gt;&quot;&amp;&#39;\x1b\u{202e}");
    }
}
