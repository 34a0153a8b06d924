use sockscope_live::{Shown, View};

mod chinese;
mod english;

/// In which language the window speaks. Data (states, names, what databases and the system say) stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Every language, in the order of the menu.
    pub const ALL: [Language; 2] = [Language::English, Language::Chinese];

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Chinese => "简体中文",
        }
    }

    /// The tag of BCP 47, in the file that remembers it.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }

    /// The language that a locale or a tag asks for: `zh_CN.UTF-8`, `zh-Hans`, `en`; `None` if it is neither.
    pub fn of_locale(locale: &str) -> Option<Language> {
        match locale.split(['_', '-', '.', '@']).next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Language::Chinese),
            "en" => Some(Language::English),
            _ => None,
        }
    }

    /// What the window says.
    pub fn words(self) -> &'static Words {
        match self {
            Language::English => &english::WORDS,
            Language::Chinese => &chinese::WORDS,
        }
    }
}

macro_rules! words {
    ($($name:ident)*) => {
        /// What the window says, in one language.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is named after what it says in English")]
        pub struct Words {
            $(pub $name: &'static str,)*
            /// Titles of columns, by their names; a column that is not there has its English title.
            pub columns: &'static [(&'static str, &'static str)],
        }

        impl Words {
            /// Every word, by name.
            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

// `{}` stands for what is said about, in order.
words! {
    about about_text add_database ascending ask_close ask_close_many ask_end cancel choose_columns clear_filter
    close_connection close_dialog close_help collapse_all command command_copied connection_gone container copied
    copied_rows copy_cell copy_command copy_csv copy_json copy_rows dark database_added database_drop descending
    descriptors details details_hint do_close do_end end_process established every expand_all expected failed filter
    filter_hint filter_host filter_port filter_process found gone group_by hidden_owners keys language life light
    listening looking map menu n_closed n_notices n_of_m n_sockets no_match no_place nobody_looks nobody_to_end
    none_selected not_saved nothing nothing_to_close notices open_location opened overwrite owner owner_none path pause
    paused place public rates received refresh reset_columns restart_elevated resume round_trip save save_as save_csv
    save_html save_json saved selected sent service size sockets started system_theme theme this_process unknown_place
    user view_countries view_hosts view_listeners view_processes view_services view_sockets what_keys
}

impl Words {
    /// The title of a column.
    pub fn column(&self, shown: Shown) -> &'static str {
        let english = shown.title(View::Sockets);
        let name = shown.name();
        self.columns.iter().find(|(of, _)| *of == name).map_or(english, |(_, title)| title)
    }

    /// What rows are grouped by.
    pub fn view(&self, view: View) -> &'static str {
        match view {
            View::Sockets => self.view_sockets,
            View::Processes => self.view_processes,
            View::Hosts => self.view_hosts,
            View::Countries => self.view_countries,
            View::Listeners => self.view_listeners,
            View::Services => self.view_services,
        }
    }

    /// A word with what it is about in it.
    pub fn with(&self, word: &str, about: &[&str]) -> String {
        let mut text = String::with_capacity(word.len() + 16);
        let mut about = about.iter();
        let mut parts = word.split("{}");
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            text.push_str(about.next().unwrap_or(&""));
            text.push_str(part);
        }
        text
    }
}

/// Columns that have their own titles in every language: those of [`Shown`] that a table of sockets may have.
#[cfg(test)]
fn columns() -> impl Iterator<Item = Shown> {
    Shown::all(View::Sockets).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        let (english, chinese) = (Language::English.words(), Language::Chinese.words());
        for ((name, english), (_, chinese)) in english.all().into_iter().zip(chinese.all()) {
            assert!(!english.is_empty() && !chinese.is_empty(), "{name}");
            assert_eq!(english.matches("{}").count(), chinese.matches("{}").count(), "{name}: {english} / {chinese}");
        }
        for column in columns() {
            let title = chinese.column(column);
            assert!(
                !title.is_ascii() || ["PID", "RTT", "inode", "cgroup", "cookie", "ASN", "UID"].contains(&title),
                "{}: {title}",
                column.name()
            );
        }
    }

    #[test]
    fn locales_choose() {
        assert_eq!(Language::of_locale("zh_CN.UTF-8"), Some(Language::Chinese));
        assert_eq!(Language::of_locale("zh-Hans"), Some(Language::Chinese));
        assert_eq!(Language::of_locale("en_GB"), Some(Language::English));
        assert_eq!(Language::of_locale("de_DE.UTF-8"), None);
        for language in Language::ALL {
            assert_eq!(Language::of_locale(language.tag()), Some(language));
        }
    }

    #[test]
    fn what_is_said_about_stands_in_its_place() {
        let words = Language::English.words();
        assert_eq!(words.with("{} of {}!", &["1", "2"]), "1 of 2!");
        assert_eq!(words.with("{} {}", &["1"]), "1 ");
    }
}
