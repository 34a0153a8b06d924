use std::sync::Arc;

use eframe::egui::text::{CCursor, CCursorRange, LayoutJob};
use eframe::egui::{self, Color32, FontSelection, Id, Key, Modifiers, Stroke, TextBuffer, TextEdit, TextFormat, Ui};
use sockscope_core::{Context, Filter, FilterError};

use crate::words::Words;

/// How many words are offered at once.
const OFFERED: usize = 8;

/// The filter that is typed: it is in force as it is typed, as long as it can be read.
#[derive(Debug)]
pub(crate) struct FilterBox {
    pub(crate) text: String,
    applied: Arc<Filter>,
    pub(crate) error: Option<FilterError>,
    /// The keyboard shall go there.
    pub(crate) wants_focus: bool,
    /// Which of the offered words is chosen.
    chosen: Option<usize>,
    /// The offer was turned down until the next change.
    declined: bool,
}

/// What happened in the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    Nothing,
    /// Another filter is in force.
    Filter,
    /// The table shall have the keyboard.
    Done,
}

impl FilterBox {
    pub(crate) fn new(text: String, context: &Context) -> FilterBox {
        let mut it = FilterBox {
            text,
            applied: Arc::new(Filter::everything()),
            error: None,
            wants_focus: false,
            chosen: None,
            declined: true,
        };
        it.read(context);
        it
    }

    /// What is in force: the last that could be read.
    pub(crate) fn applied(&self) -> &Arc<Filter> {
        &self.applied
    }

    /// Another text; says whether another filter is in force.
    pub(crate) fn set(&mut self, text: String, context: &Context) -> bool {
        self.text = text;
        self.declined = true;
        self.read(context)
    }

    fn read(&mut self, context: &Context) -> bool {
        match Filter::parse(&self.text, context) {
            Ok(filter) => {
                self.applied = Arc::new(filter);
                self.error = None;
                true
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    pub(crate) fn id() -> Id {
        Id::unique("filter")
    }

    pub(crate) fn ui(&mut self, ui: &mut Ui, width: f32, words: &Words, context: &Context) -> Typed {
        let id = FilterBox::id();
        let has_focus = ui.ctx().memory(|memory| memory.has_focus(id));
        let cursor = TextEdit::load_state(ui.ctx(), id).and_then(|state| state.cursor.char_range());
        let at = cursor.map_or_else(|| self.text.chars().count(), |range| range.primary.index.into());
        let offers = if has_focus && !self.declined { self.offers(at) } else { Vec::new() };
        let mut typed = Typed::Nothing;
        if !offers.is_empty() {
            let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
            if pressed(Key::ArrowDown) {
                self.chosen = Some(self.chosen.map_or(0, |chosen| (chosen + 1) % offers.len()));
            }
            if pressed(Key::ArrowUp) {
                self.chosen = Some(self.chosen.unwrap_or(0).checked_sub(1).unwrap_or(offers.len() - 1));
            }
            let wanted = pressed(Key::Tab) || (self.chosen.is_some() && pressed(Key::Enter));
            if wanted && let Some(word) = offers.get(self.chosen.unwrap_or(0)) {
                typed = self.complete(ui, at, word, context);
            }
            if pressed(Key::Escape) {
                self.declined = true;
            }
        }
        let error = self.error.as_ref().map(|error| (error.offset(), error.word().len().max(1)));
        let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _width: f32| {
            ui.fonts_mut(|fonts| fonts.layout_job(underlined(ui, text.as_str(), error)))
        };
        let edit = TextEdit::singleline(&mut self.text)
            .id(id)
            .hint_text(words.filter_hint)
            .desired_width(width)
            .lock_focus(!offers.is_empty())
            .layouter(&mut layouter);
        let response = ui.add(edit);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SearchInput, true, words.filter));
        if std::mem::take(&mut self.wants_focus) {
            response.request_focus();
        }
        if response.changed() {
            self.chosen = None;
            self.declined = false;
            if self.read(context) {
                typed = Typed::Filter;
            }
        }
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter) || input.key_pressed(Key::Escape)) {
            typed = if typed == Typed::Nothing { Typed::Done } else { typed };
        }
        if has_focus && let Some(word) = self.show_offers(ui, &response, &offers) {
            typed = self.complete(ui, at, &word, context);
        }
        typed
    }

    fn show_offers(&self, ui: &Ui, response: &egui::Response, offers: &[&'static str]) -> Option<String> {
        if offers.is_empty() {
            return None;
        }
        let mut taken = None;
        egui::Popup::from_response(response)
            .id(Id::unique("filter words"))
            .kind(egui::PopupKind::Menu)
            .layout(egui::Layout::top_down_justified(egui::Align::Min))
            .open(true)
            .close_behavior(egui::PopupCloseBehavior::IgnoreClicks)
            .width(180.0)
            .show(|ui| {
                for (index, word) in offers.iter().enumerate() {
                    if ui.selectable_label(self.chosen == Some(index), *word).clicked() {
                        taken = Some((*word).to_owned());
                    }
                }
            });
        if taken.is_some() {
            ui.ctx().memory_mut(|memory| memory.request_focus(FilterBox::id()));
        }
        taken
    }

    /// The word before the cursor: where it begins, in characters, and what there is of it.
    fn word_at(&self, at: usize) -> (usize, String) {
        let before: Vec<char> = self.text.chars().take(at).collect();
        let is_part = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_');
        let length = before.iter().rev().take_while(|character| is_part(character)).count();
        let start = before.len() - length;
        (start, before.get(start..).unwrap_or_default().iter().collect())
    }

    /// Words that could stand there.
    fn offers(&self, at: usize) -> Vec<&'static str> {
        let (_, begun) = self.word_at(at);
        if begun.is_empty() || begun.chars().all(|character| character.is_ascii_digit()) {
            return Vec::new();
        }
        let begun = begun.to_ascii_lowercase();
        let mut offers: Vec<&'static str> =
            Filter::words().filter(|word| word.starts_with(&begun) && *word != begun).collect();
        offers.sort_unstable();
        offers.dedup();
        offers.truncate(OFFERED);
        offers
    }

    fn complete(&mut self, ui: &Ui, at: usize, word: &str, context: &Context) -> Typed {
        let (start, _) = self.word_at(at);
        let before: String = self.text.chars().take(start).collect();
        let after: String = self.text.chars().skip(at).collect();
        let space = if after.starts_with(' ') { "" } else { " " };
        self.text = format!("{before}{word}{space}{after}");
        self.chosen = None;
        self.declined = true;
        let cursor = CCursor::new(start + word.chars().count() + 1);
        let mut state = TextEdit::load_state(ui.ctx(), FilterBox::id()).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
        state.store(ui.ctx(), FilterBox::id());
        if self.read(context) { Typed::Filter } else { Typed::Nothing }
    }
}

/// The text, with the part that can't be read underlined.
fn underlined(ui: &Ui, text: &str, error: Option<(usize, usize)>) -> LayoutJob {
    let font = FontSelection::Default.resolve(ui.style());
    let plain = TextFormat::simple(font.clone(), ui.visuals().text_color());
    let red = if ui.visuals().dark_mode { Color32::from_rgb(255, 110, 100) } else { Color32::from_rgb(190, 20, 20) };
    let wrong = TextFormat { underline: Stroke::new(1.5, red), ..TextFormat::simple(font, red) };
    let mut job = LayoutJob::default();
    let (before, rest) = error.and_then(|(at, _)| text.split_at_checked(at)).unwrap_or((text, ""));
    let (middle, after) = error.and_then(|(_, length)| rest.split_at_checked(length)).unwrap_or((rest, ""));
    job.append(before, 0.0, plain.clone());
    job.append(middle, 0.0, wrong);
    job.append(after, 0.0, plain);
    job
}
