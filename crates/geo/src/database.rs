use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::civil::Date;

use crate::details::Details;
use crate::error::OpenError;
use crate::formats::{self, Format, Reader, Record};
use crate::language::Language;
use crate::{Data, inner_ipv4};

/// How to open a database.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// In which language to answer, where there is a choice.
    pub language: Language,
    /// The key of an encrypted database: base64, as its publisher sends it.
    pub key: Option<String>,
}

/// An open database, of any format.
pub struct Database {
    reader: Box<dyn Reader>,
    info: Info,
    name: Arc<str>,
    language: Language,
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its format.
    pub format: Format,
    /// Its name and its date, as far as it states them, else those of its format: `QQWry 2024-01-17`.
    pub name: String,
    /// When it was made.
    pub date: Option<Date>,
    /// Whether it has IPv4 addresses.
    pub ipv4: bool,
    /// Whether it has IPv6 addresses.
    pub ipv6: bool,
    /// What is known of its licence, in a few words.
    pub licence: &'static str,
    /// Words that its licence wants to be shown with its answers.
    pub attribution: Option<&'static str>,
    /// Where these words shall lead on a page.
    pub website: Option<&'static str>,
    /// Something that its user should know, such as an expired licence.
    pub warning: Option<String>,
}

/// How many ranges of addresses a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ranges {
    /// Of IPv4.
    pub ipv4: u64,
    /// Of IPv6.
    pub ipv6: u64,
}

impl Database {
    /// Opens a database. Its format is told by the content, never by a name.
    ///
    /// # Errors
    /// [`OpenError`]: of no known format, damaged, or encrypted without the right key.
    pub fn open(data: impl Into<Data>, options: &Options) -> Result<Database, OpenError> {
        let data = data.into();
        Database::open_as(formats::detect(data.as_ref())?, data, options)
    }

    /// Opens a database whose format is known.
    ///
    /// # Errors
    /// [`OpenError`]: not of this format, damaged, or encrypted without the right key.
    pub fn open_as(format: Format, data: impl Into<Data>, options: &Options) -> Result<Database, OpenError> {
        let (reader, info) = formats::open(format, data.into(), options)?;
        Ok(Database { reader, name: info.name.as_str().into(), info, language: options.language.clone() })
    }

    /// The database that is part of the program: the country of each address, by DB-IP.
    pub fn embedded(language: &Language) -> Database {
        formats::embedded(language)
    }

    /// What it says of itself.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The name under which it answers: that of [`Info`] unless [`Database::rename`]d.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Gives it another name, as where two files have the same.
    pub fn rename(&mut self, name: &str) {
        self.name = name.into();
    }

    /// How many ranges it has. Formats that are trees are walked for it, which takes a while.
    pub fn ranges(&self) -> Ranges {
        self.reader.ranges()
    }

    /// Visits every range of addresses that it knows something of: the first and the last address, and the place.
    pub fn each_range<'a>(&'a self, visit: &mut dyn FnMut(IpAddr, IpAddr, Place<'a>)) {
        self.reader.each_range(&mut |first, last, record| visit(first, last, Place { database: self, record }));
    }

    /// Reads what makes many look-ups quick: worth its time (some 100 ms) and memory (at most about twice the size of
    /// the file, and some hundred KiB) from some hundred thousand look-ups on.
    pub fn prepare(&mut self) {
        self.reader.prepare();
    }

    /// What it knows of an address. An IPv6 address that stands for an IPv4 address is looked up as that one.
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> Option<Place<'_>> {
        let record = match address {
            IpAddr::V4(ipv4) => self.reader.find(IpAddr::V4(ipv4))?,
            IpAddr::V6(ipv6) => match inner_ipv4(ipv6) {
                Some(ipv4) => self.reader.find(IpAddr::V4(ipv4))?,
                None => self.reader.find(IpAddr::V6(ipv6))?,
            },
        };
        Some(Place { database: self, record })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).field("format", &self.info.format).finish_non_exhaustive()
    }
}

/// What a database knows of an address: a handle that costs nothing until it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    database: &'a Database,
    record: Record,
}

impl<'a> Place<'a> {
    /// The database.
    pub fn database(&self) -> &'a Database {
        self.database
    }

    /// The record's number in its database: two places with the same number state the same.
    pub fn record(&self) -> u64 {
        self.record.0
    }

    /// The text of [`Place::details`] alone, which is quicker.
    pub fn text(&self) -> Cow<'a, str> {
        self.database.reader.text(self.record, &self.database.language)
    }

    /// What the database states.
    pub fn details(&self) -> Details<'a> {
        self.database.reader.details(self.record, &self.database.language)
    }
}
