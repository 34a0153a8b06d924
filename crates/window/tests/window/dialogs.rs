use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{DroppedFile, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use sockscope_window::{Effect, Format, Save};

use crate::rig::{CONTROL, Rig, usual};

fn saved(rig: &mut Rig) -> Option<Save> {
    rig.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Save(save) => Some(save),
        _ => None,
    })
}

fn written(save: &Save) -> String {
    let mut bytes = Vec::new();
    save.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Where the texts stand in the other, each behind the one before.
fn stand_in_order(text: &str, parts: &[&str]) -> bool {
    let places: Option<Vec<usize>> = parts.iter().map(|part| text.find(part)).collect();
    places.is_some_and(|places| places.is_sorted())
}

const REMOTES: [&str; 5] = ["8.8.8.8", "9.9.9.9", "114.114.114.114", "119.29.29.29", "192.168.1.7"];

#[test]
fn what_is_shown_is_saved_in_its_order() {
    for (word, format, path) in [
        ("Save as CSV…", Format::Csv, "/home/alice/sockets-web-1.csv"),
        ("Save as JSON…", Format::Json, "/home/alice/sockets-web-1.json"),
        ("Save as HTML…", Format::Html, "/home/alice/sockets-web-1.html"),
    ] {
        let (mut rig, _) = usual();
        rig.filter("tcp and not listening");
        let at = rig.title("Remote").center();
        rig.click(at);
        rig.choose("Menu");
        rig.choose(word);
        rig.choose("Save");
        let save = saved(&mut rig).unwrap();
        assert_eq!((save.path.as_path(), save.format, save.overwrite), (Path::new(path), format, false));
        let text = written(&save);
        assert!(stand_in_order(&text, &REMOTES), "{text}");
        assert!(!text.contains("0.0.0.0"), "{text}");
        match format {
            Format::Csv => {
                let lines: Vec<&str> = text.lines().collect();
                assert_eq!(lines.len(), 6, "{text}");
                let cells = lines[0].split(',').count();
                assert!(lines.iter().all(|line| line.split(',').count() == cells), "{text}");
            }
            Format::Json => {
                let document: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(document["sockets"].as_array().unwrap().len(), 5, "{text}");
            }
            Format::Html | Format::Text => {
                assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"), "{text}");
            }
        }
    }
}

#[test]
fn the_place_is_a_choice_and_no_is_an_answer() {
    let (mut rig, _) = usual();
    rig.key_with(CONTROL, Key::S);
    rig.choose("Cancel");
    assert!(saved(&mut rig).is_none());
    rig.key_with(CONTROL, Key::S);
    rig.retype("/tmp/other.csv");
    rig.choose("Save");
    assert_eq!(saved(&mut rig).unwrap().path, Path::new("/tmp/other.csv"));
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_that_is_meant() {
    let (mut rig, _) = usual();
    rig.key_with(CONTROL, Key::S);
    rig.choose("Save");
    let save = saved(&mut rig).unwrap();
    rig.app().ask_to_overwrite(&save);
    rig.run();
    assert!(rig.is_shown("The file is there already"));
    rig.choose("Save");
    let save = saved(&mut rig).unwrap();
    assert!(save.overwrite);
    rig.app().ask_to_overwrite(&save);
    rig.run();
    rig.choose("Cancel");
    assert!(saved(&mut rig).is_none());
    // Another name is another question.
    rig.key_with(CONTROL, Key::S);
    rig.choose("Save");
    let save = saved(&mut rig).unwrap();
    rig.app().ask_to_overwrite(&save);
    rig.run();
    rig.retype("/tmp/x.csv");
    rig.choose("Save");
    assert!(!saved(&mut rig).unwrap().overwrite);
}

#[test]
fn a_tree_is_saved_with_no_socket_twice() {
    let (mut rig, _) = usual();
    rig.choose("Group: Connections");
    rig.choose("Processes");
    rig.choose("Expand all");
    rig.key_with(CONTROL, Key::S);
    rig.choose("Save");
    let text = written(&saved(&mut rig).unwrap());
    assert_eq!(text.lines().count(), 9, "{text}");
}

#[test]
fn the_sockets_of_closed_groups_are_saved_too() {
    let (mut rig, _) = usual();
    rig.choose("Group: Connections");
    rig.choose("Processes");
    rig.key_with(CONTROL, Key::S);
    rig.choose("Save");
    let text = written(&saved(&mut rig).unwrap());
    assert_eq!(text.lines().count(), 9, "{text}");
}

#[test]
fn databases_are_dropped_or_named() {
    let added = |rig: &mut Rig| -> Vec<PathBuf> {
        let effects = rig.take_effects().into_iter().filter_map(|effect| match effect {
            Effect::AddDatabase(path) => Some(path),
            _ => None,
        });
        effects.collect()
    };
    let (mut rig, _) = usual();
    for name in ["/data/a.mmdb", "/data/qqwry.dat"] {
        rig.harness.input_mut().dropped_files.push(dropped(name));
    }
    rig.run();
    assert_eq!(added(&mut rig), [Path::new("/data/a.mmdb"), Path::new("/data/qqwry.dat")]);
    rig.run();
    assert!(added(&mut rig).is_empty(), "once");
    rig.key_with(CONTROL, Key::O);
    assert!(rig.is_shown("cz88"), "what is asked now");
    // What is typed goes there at once.
    rig.type_text(" /data/b.ipdb ");
    rig.harness.get_by_role_and_label(eframe::egui::accesskit::Role::Button, "Add an IP database…").click();
    rig.run();
    assert_eq!(added(&mut rig), [Path::new("/data/b.ipdb")]);
    rig.key_with(CONTROL, Key::O);
    rig.type_text("/data/c.xdb");
    rig.key(Key::Enter);
    assert_eq!(added(&mut rig), [Path::new("/data/c.xdb")]);
}

#[test]
fn enter_by_mistake_does_no_harm() {
    let (mut rig, _) = usual();
    let row = rig.at("8.8.8.8");
    rig.click(row);
    for (modifiers, question) in
        [(Modifiers::NONE, "Close this connection?"), (Modifiers::SHIFT, "End these processes?")]
    {
        rig.key_with(modifiers, Key::Delete);
        assert!(rig.is_shown(question), "{question}");
        rig.take_effects();
        rig.key(Key::Enter);
        assert!(!rig.is_shown(question), "{question}");
        let effects = rig.take_effects();
        let harm = effects.iter().any(|effect| matches!(effect, Effect::Close(_) | Effect::End(..)));
        assert!(!harm, "{effects:?}");
    }
    // One step back is the yes.
    rig.key(Key::Delete);
    rig.key_with(Modifiers::SHIFT, Key::Tab);
    rig.key(Key::Enter);
    assert_eq!(rig.closed().len(), 1);
}

/// A file that is dragged onto the window.
#[derive(Debug)]
struct Dragged(PathBuf);

impl DroppedFile for Dragged {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("nobody reads it here".to_owned())
    }
}

fn dropped(path: &str) -> Arc<dyn DroppedFile + Send + Sync> {
    Arc::new(Dragged(path.into()))
}

#[test]
fn notices_keys_and_about_are_read_and_closed() {
    let (mut rig, _) = usual();
    rig.choose("1 notices");
    assert!(rig.is_shown("can't be seen without root"));
    rig.choose("Close");
    assert!(!rig.is_shown("can't be seen without root"));
    for (word, text) in [("Keyboard", "Shift+Del"), ("About sockscope", "by its maker")] {
        rig.choose("Menu");
        rig.choose(word);
        assert!(rig.is_shown(text), "{text}");
        rig.choose("Close");
        assert!(!rig.is_shown(text), "{text}");
    }
}
