use std::fmt::Write as _;

use sockscope_live::Shown;
use sockscope_live::Sort;
use sockscope_live::View;

/// What is the same when the table is opened again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remembered {
    /// The view.
    pub view: View,
    /// Of each view, in the order of [`View::ALL`].
    pub views: [RememberedView; View::ALL.len()],
}

/// What is remembered of a view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RememberedView {
    /// Columns that somebody chose.
    pub columns: Option<Vec<Shown>>,
    /// The order.
    pub sort: Sort,
}

impl Remembered {
    /// Reads what [`Remembered::to_text`] wrote; what makes no sense is left out, and the second says so.
    pub fn parse(text: &str) -> (Remembered, Option<String>) {
        let mut remembered = Remembered::default();
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return (remembered, Some(error.message().to_owned())),
        };
        let mut strange = Vec::new();
        for (name, value) in &table {
            if name == "view" {
                match value.as_str().and_then(View::from_name) {
                    Some(view) => remembered.view = view,
                    None => strange.push("view".to_owned()),
                }
                continue;
            }
            let view = View::from_name(name).zip(value.as_table());
            let Some((view, of)) = view else {
                strange.push(name.clone());
                continue;
            };
            match RememberedView::read(view, of) {
                Some(it) => *remembered.of_mut(view) = it,
                None => strange.push(name.clone()),
            }
        }
        let warning = (!strange.is_empty()).then(|| format!("it makes no sense of: {}", strange.join(", ")));
        (remembered, warning)
    }

    /// TOML, for a file.
    pub fn to_text(&self) -> String {
        let mut text = String::from("# What `sockscope top` showed last. It is written anew at every change.\n");
        _ = writeln!(text, "view = \"{}\"", self.view.name());
        for (view, of) in View::ALL.iter().zip(&self.views) {
            if *of == RememberedView::default() {
                continue;
            }
            _ = writeln!(text, "\n[{}]", view.name());
            if let Some(columns) = &of.columns {
                let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name())).collect();
                _ = writeln!(text, "columns = [{}]", names.join(", "));
            }
            if of.sort != Sort::default() {
                let by = of.sort.by.map_or("", Shown::name);
                let direction = if of.sort.descending { ":desc" } else { "" };
                _ = writeln!(text, "sort = \"{by}{direction}\"");
            }
        }
        text
    }

    /// What is remembered of one view.
    pub fn of(&self, view: View) -> &RememberedView {
        let [sockets, processes, hosts, countries, listeners, services] = &self.views;
        match view {
            View::Sockets => sockets,
            View::Processes => processes,
            View::Hosts => hosts,
            View::Countries => countries,
            View::Listeners => listeners,
            View::Services => services,
        }
    }

    /// As [`Remembered::of`], to change it.
    pub fn of_mut(&mut self, view: View) -> &mut RememberedView {
        let [sockets, processes, hosts, countries, listeners, services] = &mut self.views;
        match view {
            View::Sockets => sockets,
            View::Processes => processes,
            View::Hosts => hosts,
            View::Countries => countries,
            View::Listeners => listeners,
            View::Services => services,
        }
    }
}

impl RememberedView {
    fn read(view: View, table: &toml::Table) -> Option<RememberedView> {
        let mut it = RememberedView::default();
        if let Some(columns) = table.get("columns") {
            let names = columns.as_array()?;
            let mut chosen = Vec::new();
            for name in names {
                let column = Shown::from_name(view, name.as_str()?)?;
                if !chosen.contains(&column) {
                    chosen.push(column);
                }
            }
            it.columns = (!chosen.is_empty()).then_some(chosen);
        }
        if let Some(sort) = table.get("sort") {
            let sort = sort.as_str()?;
            let (name, descending) = match sort.strip_suffix(":desc") {
                Some(name) => (name, true),
                None => (sort, false),
            };
            let by = if name.is_empty() { None } else { Some(Shown::from_name(view, name)?) };
            it.sort = Sort { by, descending };
        }
        Some(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut remembered = Remembered { view: View::Hosts, ..Remembered::default() };
        remembered.of_mut(View::Sockets).columns =
            Shown::from_name(View::Sockets, "local").map(|it| vec![it, Shown::Trend]);
        remembered.of_mut(View::Sockets).sort = Sort { by: None, descending: true };
        remembered.of_mut(View::Processes).sort = Sort { by: Some(Shown::Pid), descending: false };
        let text = remembered.to_text();
        assert_eq!(Remembered::parse(&text), (remembered, None), "{text}");
        assert_eq!(Remembered::parse(""), (Remembered::default(), None));
    }

    #[test]
    fn every_column_is_found_by_its_name() {
        for view in View::ALL {
            for column in Shown::all(view) {
                assert_eq!(Shown::from_name(view, column.name()), Some(column), "{view:?} {}", column.name());
            }
        }
    }

    #[test]
    fn nonsense_is_left_out_and_said() {
        for text in [
            "view = 'x'",
            "view = 3",
            "x = 1",
            "sockets = 1",
            "[hosts]\nsort = 'nothing'",
            "[hosts]\ncolumns = [1]",
            "[",
        ] {
            let (remembered, warning) = Remembered::parse(text);
            assert_eq!(remembered, Remembered::default(), "{text}");
            assert!(warning.is_some(), "{text}");
        }
        let (remembered, warning) = Remembered::parse("view = 'hosts'\n[nowhere]\n");
        assert_eq!((remembered.view, warning.as_deref()), (View::Hosts, Some("it makes no sense of: nowhere")));
    }
}
