use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Theme};
use sockscope_window::{AppOptions, Language, Remembered, ThemeChoice};

use crate::machine::Machine;
use crate::rig::{CONTROL, Rig, options, usual};

/// Chooses in a menu within the menu.
fn deep(rig: &mut Rig, menu: &str, within: &str, what: &str) {
    rig.choose_by(Role::Button, menu);
    rig.choose_by(Role::Button, within);
    rig.choose_by(Role::RadioButton, what);
}

#[test]
fn the_language_is_another_at_once() {
    let (mut rig, mut machine) = usual();
    let at = rig.at("8.8.8.8");
    rig.click(at);
    deep(&mut rig, "Menu", "Language", "简体中文");
    assert_eq!(rig.remembered().language, Some(Language::Chinese));
    for text in ["暂停", "刷新", "监听", "已建立", "8 个套接字", "分组：连接"] {
        assert!(rig.is_shown(text), "{text}");
    }
    for text in ["Pause", "Refresh", "Listening", "sockets"] {
        assert!(!rig.is_shown(text), "{text}");
    }
    let titles = ["进程", "协议", "状态", "本地", "远程", "位置", "接收/秒", "发送/秒", "趋势", "用户"];
    assert_eq!(rig.titles(), titles);
    // What is selected stays, and data are what they are.
    assert!(rig.selected()[0].contains("established"));
    rig.see(machine.frame());
    rig.key(Key::Delete);
    assert!(rig.is_shown("关闭这个连接？"));
    rig.choose("关闭连接");
    assert_eq!(rig.closed(), [5]);
    deep(&mut rig, "菜单", "语言", "English");
    assert!(rig.is_shown("Pause") && !rig.is_shown("暂停"));
    assert_eq!(rig.remembered().language, Some(Language::English));
}

#[test]
fn the_language_of_the_system_is_the_first() {
    let remembered = Remembered { locale: Language::Chinese, ..Remembered::default() };
    let mut rig = Rig::new(AppOptions { remembered, ..options() });
    rig.see(Machine::usual().frame());
    assert!(rig.is_shown("暂停"));
    let remembered =
        Remembered { locale: Language::Chinese, language: Some(Language::English), ..Remembered::default() };
    let rig = Rig::new(AppOptions { remembered, ..options() });
    assert!(rig.is_shown("Pause"));
}

#[test]
fn themes_are_chosen() {
    let (mut rig, _) = usual();
    for (name, choice, theme) in [("Light", ThemeChoice::Light, Theme::Light), ("Dark", ThemeChoice::Dark, Theme::Dark)]
    {
        deep(&mut rig, "Menu", "Theme", name);
        assert_eq!(rig.remembered().theme, choice);
        assert_eq!(rig.harness.ctx.theme(), theme);
        assert_eq!(rig.rows().len(), 8);
    }
    deep(&mut rig, "Menu", "Theme", "As the system");
    assert_eq!(rig.remembered().theme, ThemeChoice::System);
}

#[test]
fn everything_is_made_larger() {
    let (mut rig, _) = usual();
    let before = rig.rows().len();
    deep(&mut rig, "Menu", "Size", "150 %");
    assert!((rig.harness.ctx.zoom_factor() - 1.5).abs() < 0.01);
    rig.run();
    assert!(rig.rows().len() <= before && !rig.rows().is_empty());
    rig.key_with(CONTROL, Key::Num0);
    assert!((rig.harness.ctx.zoom_factor() - 1.0).abs() < 0.01);
    rig.key_with(CONTROL, Key::Plus);
    assert!(rig.harness.ctx.zoom_factor() > 1.05);
    let zoom = rig.harness.ctx.zoom_factor();
    rig.app().note_window(Some((1000.0, 700.0)), zoom);
    assert_eq!((rig.app().remembered().size, rig.app().remembered().zoom), (Some((1000.0, 700.0)), zoom));
}
