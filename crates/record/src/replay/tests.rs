use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use sockscope_core::Identity;
use sockscope_model::{State as TcpState, Timestamp};
use tempfile::NamedTempFile;

use super::*;

/// A clock that goes when it is told to.
#[derive(Default)]
struct Hand(Mutex<Duration>);

impl Hand {
    fn pass(&self, millis: u64) {
        *self.0.lock().unwrap() += Duration::from_millis(millis);
    }
}

impl Clock for Hand {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/recording")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(recorded(name)).unwrap()
}

fn file(text: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_ref()).unwrap();
    file
}

fn open(path: &Path, keep: u64) -> (Replay, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    let clock: Arc<dyn Clock> = Arc::clone(&hand) as _;
    (Replay::open_keeping(path, clock, keep).unwrap(), hand)
}

fn look(replay: &mut Replay) -> Snapshot {
    replay.snapshot(&Request::default()).unwrap()
}

/// What the sockets are, in an order of their own.
fn brief(snapshot: &Snapshot) -> Vec<String> {
    let one = |socket: &Socket| {
        let owners = socket.owners.processes().iter();
        let names: Vec<&str> = owners.map(|it| snapshot.processes[&it.process].name.as_str()).collect();
        format!(
            "{} {} {} {}",
            socket.key.protocol.name(),
            socket.filter_state(),
            socket.key.local.ip(),
            names.join(",")
        )
    };
    let mut all: Vec<String> = snapshot.sockets.iter().map(one).collect();
    all.sort();
    all
}

/// A socket of the documents below: `listen` or `established` on a port.
fn socket(state: &str, port: u16, cookie: u64) -> String {
    let remote = if state == "listen" { "null" } else { r#"{"address":"192.0.2.1","port":443}"# };
    format!(
        r#"{{"protocol":"tcp","state":"{state}","local":{{"address":"10.0.0.1","port":{port}}},"remote":{remote},"cookie":"{cookie}"}}"#
    )
}

fn document(second: &str, sockets: &[String]) -> String {
    format!(
        r#"{{"schema":"sockscope.snapshot/1","taken_at":"2026-11-22T08:00:{second}Z","sockets":[{}]}}"#,
        sockets.join(",")
    ) + "\n"
}

fn change(second: &str, what: &str, socket: &str) -> String {
    format!(
        r#"{{"schema":"sockscope.change/1","at":"2026-11-22T08:00:{second}Z","change":"{what}","socket":{socket}}}"#
    ) + "\n"
}

fn ports(snapshot: &Snapshot) -> Vec<u16> {
    let mut ports: Vec<u16> = snapshot.sockets.iter().map(|socket| socket.key.local.port()).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn a_loop_is_played_as_fast_as_it_was_recorded() {
    for keep in [u64::MAX, 100] {
        let (mut replay, hand) = open(&recorded("loop.json"), keep);
        let playback = replay.playback();
        assert_eq!((playback.len(), playback.position()), (3, Duration::ZERO));
        hand.pass(3_600_000);
        // It has not begun before it is asked.
        let first = look(&mut replay);
        assert_eq!(brief(&first), ["tcp listen 127.0.0.1 python3", "udp closed ::1 python3"]);
        assert_eq!((first.taken, first.os, first.host.as_str()), (playback.time(0).unwrap(), "linux", "example"));
        assert_eq!((first.sources[0].name, first.sources[0].rows, first.sources[1].name), ("replay", 2, "sock_diag"));
        assert_eq!(first.notices[0].code, "replay");
        let said = &first.notices[0].message;
        assert!(said.ends_with("loop.json: example at 2026-11-25 06:59:03.7 UTC, document 1 of 3"), "{said}");
        assert_eq!(first.notices.len(), 1);

        let (second, third) = (playback.time(1).unwrap(), playback.time(2).unwrap());
        let before_second = second.micros_since(first.taken) / 1000;
        hand.pass(before_second);
        let still = look(&mut replay);
        assert_eq!((still.taken, still.sockets), (first.taken, first.sockets));
        hand.pass(1);
        let now = look(&mut replay);
        assert_eq!(now.taken, second);
        assert_eq!(
            brief(&now),
            [
                "tcp established 127.0.0.1 python3",
                "tcp established 127.0.0.1 python3",
                "tcp listen 127.0.0.1 python3",
                "udp closed ::1 python3"
            ]
        );
        assert!(!playback.has_ended());
        hand.pass(3_600_000);
        let last = look(&mut replay);
        assert_eq!(last.taken, third);
        assert_eq!(brief(&last)[1], "tcp time-wait 127.0.0.1 ");
        assert!(last.notices[0].message.ends_with("document 3 of 3; the recording has ended"));
        assert!(playback.has_ended() && playback.position() == playback.duration());
    }
}

#[test]
fn a_snapshot_and_what_happened_then() {
    for keep in [u64::MAX, 100] {
        let (mut replay, hand) = open(&recorded("watch.ndjson"), keep);
        let playback = replay.playback();
        // Two opened at once, two closed at once.
        assert_eq!(playback.len(), 3);
        let first = look(&mut replay);
        assert_eq!(brief(&first), ["tcp listen 127.0.0.1 python3", "udp closed ::1 python3"]);
        hand.pass(1_100);
        let open = look(&mut replay);
        assert_eq!(brief(&open).len(), 4);
        assert_eq!(brief(&open)[0], "tcp established 127.0.0.1 python3");
        assert!(open.notices[0].message.ends_with(", step 2 of 3"), "{:?}", open.notices);
        assert_eq!((open.host.as_str(), open.taken), ("example", playback.time(1).unwrap()));
        let user = open.sockets.iter().filter_map(|socket| open.user(socket)).collect::<Vec<_>>();
        assert_eq!(user, ["root"; 4]);
        assert!(open.sockets.iter().all(|socket| open.cgroup(socket) == Some("/") && open.namespace(socket).is_some()));
        hand.pass(1_000);
        assert_eq!(brief(&look(&mut replay)), brief(&first));
        // And back.
        playback.seek_to(1);
        assert_eq!(brief(&look(&mut replay)), brief(&open));
        playback.seek(Duration::ZERO);
        assert_eq!(brief(&look(&mut replay)), brief(&first));
    }
}

#[test]
fn lines_are_one_moment() {
    let (mut replay, _) = open(&recorded("sockets.ndjson"), u64::MAX);
    let snapshot = look(&mut replay);
    assert_eq!(snapshot.sockets.len(), 3);
    let modified = Timestamp::from(recorded("sockets.ndjson").metadata().unwrap().modified().unwrap());
    assert_eq!((snapshot.taken, snapshot.os), (modified, "linux"));
    assert!(snapshot.notices[0].message.ends_with("document 1 of 1; the recording has ended"));
    // Said twice, it is there once, as it was said last.
    let twice =
        text("sockets.ndjson") + &text("sockets.ndjson").replace(r#""state":"time-wait""#, r#""state":"fin-wait-2""#);
    let (mut replay, _) = open(file(twice).path(), u64::MAX);
    let snapshot = look(&mut replay);
    assert_eq!(snapshot.sockets.len(), 3);
    assert!(snapshot.sockets.iter().any(|socket| socket.state == Some(TcpState::FinWait2)));
    // When it was is known when changes follow.
    let known = socket("listen", 1, 1) + "\n" + &change("07.5", "closed", &socket("listen", 1, 1));
    let (mut replay, _) = open(file(known).path(), u64::MAX);
    let snapshot = look(&mut replay);
    assert_eq!((snapshot.taken, replay.playback().len()), (replay.playback().time(1).unwrap(), 2));
}

#[test]
fn changes_alone_make_a_state() {
    let (one, two) = (socket("syn-sent", 1, 1), socket("established", 2, 2));
    let text = [
        change("01.000000", "opened", &one),
        change("01.050000", "opened", &two),
        change("01.099999", "changed", &one.replace("syn-sent", "established")),
        change("01.100000", "closed", &two),
        // Told later, and of earlier.
        change("01.000000", "closed", &socket("listen", 3, 3)),
        // It was there before.
        change("02.000000", "changed", &socket("close-wait", 4, 4)),
        // What remains has another cookie.
        change("03.000000", "closed", &one.replace(r#""cookie":"1""#, r#""cookie":"9""#)),
    ];
    for keep in [u64::MAX, 0] {
        let file = file(text.concat());
        let (mut replay, _) = open(file.path(), keep);
        let playback = replay.playback();
        playback.pause(true);
        let mut all = Vec::new();
        for index in 0..playback.len() {
            playback.seek_to(index);
            let snapshot = look(&mut replay);
            all.push((playback.position().as_micros(), ports(&snapshot)));
        }
        assert_eq!(
            all,
            [(0, vec![1, 2]), (1, vec![1]), (900_001, vec![1, 4]), (1_900_001, vec![4])],
            "the first moment is what happened within a tenth of a second"
        );
    }
}

#[test]
fn sockets_without_cookies_are_followed() {
    let bare = |state: &str, inode: &str, remote: &str| {
        format!(
            r#"{{"protocol":"tcp","state":"{state}","local":{{"address":"10.0.0.1","port":5}},"remote":{remote},"inode":{inode}}}"#
        )
    };
    let peer = r#"{"address":"192.0.2.1","port":443}"#;
    let text = [
        change("01.0", "opened", &bare("bound", "7", "null")),
        change("02.0", "changed", &bare("established", "7", peer)),
        change("03.0", "changed", &bare("fin-wait-2", "null", peer)),
        change("04.0", "closed", &bare("fin-wait-2", "7", peer)),
    ];
    let file = file(text.concat());
    let (mut replay, _) = open(file.path(), u64::MAX);
    let states = (0..4).map(|index| {
        replay.playback().seek_to(index);
        let snapshot = look(&mut replay);
        snapshot.sockets.iter().map(|socket| socket.filter_state().to_string()).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(states.collect::<Vec<_>>(), ["bound", "established", "fin-wait-2", ""]);
}

#[test]
fn twins_are_counted() {
    let twin = r#"{"protocol":"udp","local":{"address":"10.0.0.1","port":5}}"#;
    let all = document("00.0", &[twin.to_owned(), socket("listen", 1, 1), twin.to_owned()]);
    let text = [
        all,
        change("01.0", "closed", twin),
        change("02.0", "closed", &socket("listen", 1, 1)),
        change("03.0", "closed", twin),
    ];
    let file = file(text.concat());
    let (mut replay, _) = open(file.path(), u64::MAX);
    let seen = (0..4).map(|index| {
        replay.playback().seek_to(index);
        ports(&look(&mut replay))
    });
    assert_eq!(seen.collect::<Vec<_>>(), [vec![1, 5, 5], vec![1, 5], vec![5], vec![]]);
}

#[test]
fn documents_are_played_in_the_order_of_their_times() {
    let text = [
        document("09.0", &[socket("listen", 9, 9)]),
        document("01.0", &[socket("listen", 1, 1)]),
        change("02.0", "opened", &socket("established", 2, 2)),
    ];
    let file = file(text.concat());
    let (mut replay, _) = open(file.path(), u64::MAX);
    let seen = (0..3).map(|index| {
        replay.playback().seek_to(index);
        let snapshot = look(&mut replay);
        assert_eq!(snapshot.notices[1].code, "replay-incomplete");
        ports(&snapshot)
    });
    assert_eq!(seen.collect::<Vec<_>>(), [vec![1], vec![1, 2], vec![9]]);
}

#[test]
fn what_was_not_asked_for_is_left_out() {
    let (mut replay, _) = open(&recorded("sockets.ndjson"), u64::MAX);
    let mut count = |request: Request| {
        let snapshot = replay.snapshot(&request).unwrap();
        assert_eq!(snapshot.sources[0].rows, snapshot.sockets.len() as u64);
        (snapshot.sockets.len(), snapshot.processes.len())
    };
    let all = Request::default();
    assert_eq!(count(all.clone()), (3, 1));
    assert_eq!(count(Request { tcp: false, ..all.clone() }), (1, 1));
    assert_eq!(count(Request { udp: false, ..all.clone() }), (2, 1));
    assert_eq!(count(Request { ipv6: false, ..all.clone() }), (2, 1));
    let states = StateSet::NONE.with(TcpState::TimeWait);
    assert_eq!(count(Request { states, ..all.clone() }), (1, 0), "nobody has it");
    assert_eq!(count(Request { states, pushdown: false, ..all }), (3, 1));
}

#[test]
fn it_can_be_paused_sped_up_and_moved() {
    let text: Vec<String> = (0..60).map(|second| document(&format!("{second:02}.0"), &[])).collect();
    let file = file(text.concat());
    let (mut replay, hand) = open(file.path(), u64::MAX);
    let playback = replay.playback();
    let mut index = || {
        let snapshot = look(&mut replay);
        let index = playback.index();
        assert_eq!(playback.time(index), Some(snapshot.taken));
        index
    };
    assert_eq!((playback.len(), playback.duration(), index()), (60, Duration::from_secs(59), 0));
    hand.pass(1_500);
    assert_eq!(index(), 1);
    playback.pause(true);
    hand.pass(10_000);
    assert_eq!((index(), playback.is_paused()), (1, true));
    playback.pause(false);
    hand.pass(500);
    assert_eq!((index(), playback.is_paused()), (2, false));
    playback.set_speed(10.0);
    hand.pass(1_000);
    assert_eq!(index(), 12);
    for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        playback.set_speed(nonsense);
        assert_eq!(playback.speed().to_bits(), 10f64.to_bits());
    }
    playback.seek(Duration::from_secs(3));
    hand.pass(100);
    assert_eq!((index(), playback.position()), (4, Duration::from_secs(4)));
    playback.set_speed(f64::MAX);
    assert_eq!(playback.speed().to_bits(), Playback::FASTEST.to_bits());
    hand.pass(u64::from(u32::MAX));
    assert_eq!((index(), playback.has_ended()), (59, true));
    playback.seek(Duration::MAX);
    playback.seek_to(usize::MAX);
    assert_eq!(index(), 59);
    playback.seek_to(7);
    assert_eq!(index(), 7, "after its end it can be played again");
    hand.pass(1);
    assert_eq!(index(), 8);
}

#[test]
fn a_recording_that_is_cut_off_is_shown_as_far_as_it_goes() {
    let whole = text("loop.json");
    for cut in [10, 500, 1000] {
        let file = file(&whole[..whole.len() - cut]);
        for keep in [u64::MAX, 0] {
            let (mut replay, _) = open(file.path(), keep);
            assert_eq!(replay.playback().len(), 2);
            let snapshot = look(&mut replay);
            assert_eq!(snapshot.notices[1].code, "replay-incomplete");
            assert!(snapshot.notices[1].message.contains("cut off within document 3 (line 3)"));
        }
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    let refused = |text: &[u8], why: &str| {
        let file = file(text);
        let error = Replay::open(file.path()).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&format!("can't replay {}: ", file.path().display())), "{message}");
        assert!(message.contains(why), "{message}");
    };
    refused(b"", "nothing is recorded in it");
    refused(b"\n\n", "nothing is recorded in it");
    refused(b"{\"schema\":\"sockscope.snap", "document 1 (line 1, byte 0): the text ends in the middle");
    refused(b"PROTO STATE\n", "here should begin an object, and stands 'P'");
    let good = document("01.0", &[socket("listen", 1, 1)]);
    refused((good.clone() + &good.replace("/1", "/2")).as_bytes(), "this version reads sockscope.snapshot/1");
    refused((good.clone() + &good.replace("listen", "asleep")).as_bytes(), "document 2 (line 2, byte ");
    refused(
        good.replace("\"2026-11-22T08:00:01.0Z\"", "null").as_bytes(),
        "document 1 (line 1, byte 0) does not say when",
    );
    let timeless = change("01.0", "opened", &socket("listen", 1, 1)).replace("\"2026-11-22T08:00:01.0Z\"", "null");
    refused(timeless.as_bytes(), "does not say when");
    let missing = Replay::open(Path::new("/nowhere/\u{1b}x")).unwrap_err().to_string();
    assert!(missing.starts_with("can't replay /nowhere/") && !missing.contains('\u{1b}'), "{missing}");
    let directory = tempfile::tempdir().unwrap();
    assert!(Replay::open(directory.path()).is_err());
}

#[test]
fn what_is_added_later_is_not_seen_and_what_is_gone_is_an_error() {
    let mut file = file(text("loop.json"));
    let (mut replay, _) = open(file.path(), 0);
    file.write_all(text("loop.json").as_bytes()).unwrap();
    assert_eq!((replay.playback().len(), look(&mut replay).sockets.len()), (3, 2));
    file.as_file().set_len(10).unwrap();
    replay.playback().seek_to(2);
    let error = replay.snapshot(&Request::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
    assert!(error.to_string().contains("the file is not what it was"), "{error}");
}

#[test]
fn processes_of_closed_sockets_are_forgotten() {
    let owned = |number: u64| {
        let owners = format!(r#""owners":[{{"pid":{number},"name":"p{number}"}}],"cookie""#);
        socket("established", 7, number).replace(r#""cookie""#, &owners)
    };
    let text: Vec<String> = (1..2000)
        .flat_map(|number| ["opened", "closed"].map(|what| change("01.0", what, &owned(number))))
        .chain([change("02.0", "opened", &owned(5000))])
        .collect();
    let file = file(text.concat());
    let (mut replay, hand) = open(file.path(), u64::MAX);
    look(&mut replay);
    hand.pass(1_000);
    let snapshot = look(&mut replay);
    assert_eq!(brief(&snapshot), ["tcp established 10.0.0.1 p5000"]);
    assert!(snapshot.processes.len() < 100, "{}", snapshot.processes.len());
    assert_eq!(snapshot.os, "windows", "owners have no descriptors");
}

mod as_apply {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever happens, and wherever one goes: each moment has the sockets that a plain list of them has.
        #[test]
        fn any_changes(
            steps in proptest::collection::vec((0u64..12, 0usize..3, 0u64..4), 1..60),
            visits in proptest::collection::vec(any::<proptest::sample::Index>(), 1..12),
        ) {
            let base: Vec<String> = (0..4).map(|cookie| socket("established", 100 + cookie as u16, cookie)).collect();
            let mut text = document("00.0", &base);
            let mut now: BTreeMap<u64, u16> = (0..4).map(|cookie| (cookie, 100 + cookie as u16)).collect();
            let mut moments = vec![(0, now.clone())];
            let mut tenth = 10u64;
            for (cookie, what, later) in steps {
                tenth += later;
                // A port of each cookie's own.
                let port = 100 + cookie as u16;
                let kind = ["opened", "changed", "closed"][what];
                text += &change(&format!("{:02}.{}", tenth / 10, tenth % 10), kind, &socket("established", port, cookie));
                if kind == "closed" {
                    now.remove(&cookie);
                } else {
                    now.insert(cookie, port);
                }
                if moments.last().is_some_and(|(at, _)| *at == tenth) {
                    moments.pop();
                }
                moments.push((tenth, now.clone()));
            }
            let file = file(text);
            for keep in [u64::MAX, 0] {
                let (mut replay, _) = open(file.path(), keep);
                prop_assert_eq!(replay.playback().len(), moments.len());
                for visit in &visits {
                    let index = visit.index(moments.len());
                    replay.playback().seek_to(index);
                    let snapshot = look(&mut replay);
                    let seen: BTreeMap<u64, u16> =
                        snapshot.sockets.iter().map(|it| (it.cookie().unwrap(), it.key.local.port())).collect();
                    prop_assert_eq!(&seen, &moments[index].1);
                    let identities: std::collections::HashSet<_> = snapshot.sockets.iter().map(Identity::of).collect();
                    prop_assert_eq!(identities.len(), snapshot.sockets.len());
                }
            }
        }
    }
}
