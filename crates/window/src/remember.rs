use std::fmt::Write as _;
use std::time::Duration;

use eframe::egui::ThemePreference;
use sockscope_live::{Shown, Sort, View};

use crate::words::Language;

/// What is the same when the window is opened again.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// What rows are grouped by.
    pub view: View,
    /// Columns that somebody chose.
    pub columns: Option<Vec<Shown>>,
    /// Columns that somebody made wider or narrower, in points.
    pub widths: Vec<(Shown, f32)>,
    /// The order.
    pub sort: Sort,
    /// The order among equals.
    pub then: Option<Sort>,
    /// How often to look.
    pub interval: Duration,
    /// Whether the details are shown.
    pub details: bool,
    /// Whether the map is shown.
    pub map: bool,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// The language that somebody chose.
    pub language: Option<Language>,
    /// The language of the system.
    pub locale: Language,
    /// How large everything is, besides what the screen asks for.
    pub zoom: f32,
    /// Width and height of the window, in points.
    pub size: Option<(f32, f32)>,
}

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl ThemeChoice {
    const ALL: [(ThemeChoice, &'static str); 3] =
        [(ThemeChoice::System, "system"), (ThemeChoice::Light, "light"), (ThemeChoice::Dark, "dark")];

    /// The choice of that name.
    pub fn from_name(name: &str) -> Option<ThemeChoice> {
        ThemeChoice::ALL.into_iter().find(|(_, of)| *of == name).map(|(choice, _)| choice)
    }

    /// Its name, for the command line and the file that remembers it.
    pub fn name(self) -> &'static str {
        ThemeChoice::ALL.into_iter().find(|(choice, _)| *choice == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn preference(self) -> ThemePreference {
        match self {
            ThemeChoice::System => ThemePreference::System,
            ThemeChoice::Light => ThemePreference::Light,
            ThemeChoice::Dark => ThemePreference::Dark,
        }
    }
}

impl Default for Remembered {
    fn default() -> Remembered {
        Remembered {
            view: View::Sockets,
            columns: None,
            widths: Vec::new(),
            sort: Sort::default(),
            then: None,
            interval: Duration::from_secs(1),
            details: true,
            map: true,
            theme: ThemeChoice::System,
            language: None,
            locale: Language::English,
            zoom: 1.0,
            size: None,
        }
    }
}

impl Remembered {
    /// The language of the window.
    pub fn language(&self) -> Language {
        self.language.unwrap_or(self.locale)
    }

    /// Reads what [`Remembered::to_text`] wrote; what makes no sense is left out, and the second says so.
    pub fn parse(text: &str) -> (Remembered, Option<String>) {
        let mut it = Remembered::default();
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return (it, Some(error.message().to_owned())),
        };
        let strange: Vec<&str> = table
            .iter()
            .filter(|(name, value)| it.read(name, value).is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        let warning = (!strange.is_empty()).then(|| format!("it makes no sense of: {}", strange.join(", ")));
        (it, warning)
    }

    fn read(&mut self, name: &str, value: &toml::Value) -> Option<()> {
        let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(|it| it as f64));
        match name {
            "group" => self.view = View::from_name(value.as_str()?)?,
            "columns" => {
                let names = value.as_array()?.iter().map(|name| column(name.as_str()?));
                let columns: Vec<Shown> = names.collect::<Option<_>>()?;
                self.columns = (!columns.is_empty()).then_some(columns);
            }
            "widths" => {
                let widths = value.as_table()?.iter().map(|(name, width)| {
                    let width = number(width)? as f32;
                    (30.0..=900.0).contains(&width).then_some((column(name)?, width))
                });
                self.widths = widths.collect::<Option<_>>()?;
            }
            "sort" => self.sort = sort(value.as_str()?)?,
            "then" => self.then = Some(sort(value.as_str()?)?),
            "interval_ms" => {
                let millis = u64::try_from(value.as_integer()?).ok().filter(|it| (100..=3_600_000).contains(it))?;
                self.interval = Duration::from_millis(millis);
            }
            "map" => self.map = value.as_bool()?,
            "details" => self.details = value.as_bool()?,
            "theme" => self.theme = ThemeChoice::from_name(value.as_str()?)?,
            "language" => self.language = Some(Language::of_locale(value.as_str()?)?),
            "zoom" => self.zoom = Some(number(value)? as f32).filter(|it| (0.5..=4.0).contains(it))?,
            "size" => {
                let [width, height] = value.as_array()?.as_slice() else { return None };
                let (width, height) = (number(width)? as f32, number(height)? as f32);
                let sane = 200.0..=20_000.0;
                self.size = (sane.contains(&width) && sane.contains(&height)).then_some((width, height));
                self.size?;
            }
            _ => return None,
        }
        Some(())
    }

    /// TOML, for a file.
    pub fn to_text(&self) -> String {
        let mut text =
            String::from("# What the window of sockscope showed last. It is written anew at every change.\n");
        _ = writeln!(text, "group = \"{}\"", self.view.name());
        if let Some(columns) = &self.columns {
            let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name())).collect();
            _ = writeln!(text, "columns = [{}]", names.join(", "));
        }
        if self.sort != Sort::default() {
            _ = writeln!(text, "sort = \"{}\"", sort_text(self.sort));
        }
        if let Some(then) = self.then {
            _ = writeln!(text, "then = \"{}\"", sort_text(then));
        }
        _ = writeln!(text, "interval_ms = {}", self.interval.as_millis());
        _ = writeln!(text, "details = {}", self.details);
        _ = writeln!(text, "map = {}", self.map);
        _ = writeln!(text, "theme = \"{}\"", self.theme.name());
        if let Some(language) = self.language {
            _ = writeln!(text, "language = \"{}\"", language.tag());
        }
        _ = writeln!(text, "zoom = {:?}", self.zoom);
        if let Some((width, height)) = self.size {
            _ = writeln!(text, "size = [{width:?}, {height:?}]");
        }
        if !self.widths.is_empty() {
            text.push_str("\n[widths]\n");
            for (column, width) in &self.widths {
                _ = writeln!(text, "{} = {width:?}", column.name());
            }
        }
        text
    }
}

fn column(name: &str) -> Option<Shown> {
    Shown::from_name(View::Sockets, name)
}

/// `process`, `process:desc`.
fn sort(text: &str) -> Option<Sort> {
    let (name, descending) = text.strip_suffix(":desc").map_or((text, false), |name| (name, true));
    let by = if name.is_empty() { None } else { Some(column(name)?) };
    Some(Sort { by, descending })
}

fn sort_text(sort: Sort) -> String {
    format!("{}{}", sort.by.map_or("", Shown::name), if sort.descending { ":desc" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let process = column("process").unwrap();
        let remembered = Remembered {
            view: View::Hosts,
            columns: Some(vec![process, Shown::Trend]),
            widths: vec![(process, 300.0), (Shown::Sending, 55.5)],
            sort: Sort { by: Some(process), descending: true },
            then: Some(Sort { by: Some(Shown::Sending), descending: false }),
            interval: Duration::from_millis(200),
            details: false,
            map: false,
            theme: ThemeChoice::Dark,
            language: Some(Language::Chinese),
            locale: Language::English,
            zoom: 1.25,
            size: Some((1280.0, 800.0)),
        };
        let text = remembered.to_text();
        let (mut again, warning) = Remembered::parse(&text);
        again.widths.sort_by_key(|(column, _)| column.name() != "process");
        assert_eq!((again, warning), (remembered, None), "{text}");
        let usual = Remembered::default();
        assert_eq!(Remembered::parse(&usual.to_text()), (usual.clone(), None));
        assert_eq!(Remembered::parse(""), (usual, None));
    }

    #[test]
    fn nonsense_is_left_out_and_said() {
        for text in
            ["group = 'x'", "zoom = 99", "size = [1]", "widths = 1", "[widths]\nx = 3", "sort = 'x'", "x = 1", "["]
        {
            let (remembered, warning) = Remembered::parse(text);
            assert_eq!(remembered, Remembered::default(), "{text}");
            assert!(warning.is_some(), "{text}");
        }
    }
}
