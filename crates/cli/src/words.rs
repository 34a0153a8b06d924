//! Everything here is shown as it stands: at most 78 columns.

/// One line on what the program is.
pub(crate) const ABOUT: &str = "Lists every TCP and UDP socket, who owns it, and where its peer is";

/// What the program is, for the long help and the man page.
pub(crate) const LONG_ABOUT: &str = "\
Lists every TCP and UDP socket of this machine, who owns it, and where its peer is.

Without a filter and without options every socket is listed, listening or not, with its processes. Numbers stay \
numbers: no name is ever looked up in the DNS. Places come from IP databases on this machine, one of which is part of the \
program; nothing is sent (see `sockscope help locate`). What you are used to from ss and netstat means the same here: \
sockscope -tulpn.

All words that are no options are the filter, in the language of ss and more; it may also be quoted as one \
argument. Quote whatever your shell would take for itself: < > ! & | ( ).";

/// The command `list`, in one line.
pub(crate) const LIST: &str = "List sockets (the command when none is named)";

/// The command `watch`, in one line.
pub(crate) const WATCH: &str = "Print a line when a socket opens, changes or closes";

/// The command `watch`, for the long help.
#[cfg(windows)]
pub(crate) const LONG_WATCH: &str = "\
Prints a line when a socket opens, changes its state or closes: when, which, whose, where its peer is, and at its end how long it \
was open. It looks once a second; what comes and goes between two looks is missed, and counted where Windows counts it.

A connection is closed when it is gone or enters TIME-WAIT. What was there at the beginning is not told. Ctrl-C ends the \
watch; how many opened, closed and were missed is said on standard error then.";

/// The command `watch`, for the long help.
#[cfg(not(windows))]
pub(crate) const LONG_WATCH: &str = "\
Prints a line when a socket opens, changes its state or closes: when, which, whose, where its peer is, and at its end how long it \
was open and what went through it. It looks once a second, and hears from the kernel of every socket that closes, so that \
none is missed, however short; the owner of one that was open between two looks only is not known.

A connection is closed when it is gone or enters TIME-WAIT. What was there at the beginning is not told. Ctrl-C ends the \
watch; how many opened, closed and were missed is said on standard error then.";
/// The command `why`, in one line.
pub(crate) const WHY: &str = "Say who holds a port, or why it can't be bound";

/// The command `why`, for the long help.
#[cfg(windows)]
pub(crate) const LONG_WHY: &str = "\
Says in one paragraph who holds a port: every owner, since when, on which addresses, and from how far it can be reached; or, where \
nobody listens, why it can't be bound all the same: a client has it, Windows keeps it from everyone, http.sys serves it. And what to do \
about it.

It only looks. With --probe it also binds the port for a moment.

Run it as administrator: others can't see the processes of others.";

/// The command `why`, for the long help.
#[cfg(not(windows))]
pub(crate) const LONG_WHY: &str = "\
Says in one paragraph who holds a port: every owner, since when, on which addresses, and from how far it can be reached; or, where \
nobody listens, why it can't be bound all the same: a connection that is over, a socket that is bound and does not listen, a client \
that got the port, a privilege that is missing; or where else the port leads: into a container, another network namespace. And what to \
do about it.

It only looks. With --probe it also binds the port for a moment.

As an ordinary user it says the same as far as it may look, and what it could not look at.";

/// The command `top`, in one line.
pub(crate) const TOP: &str = "Show sockets live, to work with";

/// The command `top`, for the long help.
pub(crate) const LONG_TOP: &str = "\
Shows sockets live: what is new is green (+), what changed yellow (~), what is gone red (-) until the next look. They can be sorted, \
filtered, and summed up by process, host, country and listener; a connection can be closed and a process ended from there.

The key ? lists all keys. Places, filters and columns are those of `sockscope list`. It remembers view, columns and order.";

/// The keys of `top` that one must know.
pub(crate) const TOP_KEYS: &str = "  ?         all keys
  1 to 5    sockets, processes, hosts, countries, listeners
  /         filter
  s < > r   sort
  c         columns
  Enter     details
  p         pause
  x K y     close, kill, copy
  q         quit";

/// Examples of `top`.
pub(crate) const TOP_EXAMPLES: &str = "  Everything:
    sockscope top

  Connections that are established, busiest first:
    sockscope top state established --sort receiving:desc

  Who listens, and who is connected there:
    sockscope top --view listeners

  Countries that one program talks to:
    sockscope top --view countries process = firefox";

/// Where `top` remembers.
#[cfg(windows)]
pub(crate) const TOP_FILES: &str = "  %LOCALAPPDATA%\\sockscope\\top.toml
      view, columns and order; may be deleted";

/// Where `top` remembers.
#[cfg(not(windows))]
pub(crate) const TOP_FILES: &str = "  ~/.local/state/sockscope/top.toml (or in $XDG_STATE_HOME)
      view, columns and order; may be deleted";

/// The exit codes of `top`.
pub(crate) const TOP_STATUS: &str = "  0  quit by a key
  2  an option, the filter or another argument is wrong, or there is no
     terminal
  3  the operating system refused or failed";

/// What `window` does, in one line.
pub(crate) const WINDOW: &str = "Show sockets live in a window, with the map";

/// What `window` does.
pub(crate) const LONG_WINDOW: &str = "\
Show sockets live in a window: the table, the details of what is selected, and the map of where peers are. The window is a program \
of its own, sockscope-window, which is looked for beside this one and in PATH; all arguments are for it. Without a display, \
`sockscope top` shows the same in a terminal.";

/// Examples of `window`.
pub(crate) const WINDOW_EXAMPLES: &str = "  Everything:
    sockscope window

  Connections to the internet, with places of another database:
    sockscope window --database qqwry.dat --filter 'established and public'";

/// How `window` ends.
pub(crate) const WINDOW_STATUS: &str = "  0  closed
  2  an argument makes no sense
  3  there is no display, or no program that shows the window";

/// The command `assert`, in one line.
pub(crate) const ASSERT: &str = "Succeed if a socket matches, for scripts";

/// The command `assert`, for the long help.
pub(crate) const LONG_ASSERT: &str = "\
Ends with status 0 if a socket matches the filter, else with 1; with --none the other way round. It looks once and does \
not wait. It prints nothing when the answer is yes, and one line on standard error when it is no.";

/// The command `wait`, in one line.
pub(crate) const WAIT: &str = "Wait until a socket matches, or none does any more";

/// The command `wait`, for the long help.
pub(crate) const LONG_WAIT: &str = "\
Waits until a socket matches the filter, and ends with status 0; with --gone, until none matches any more. If it is so from \
the beginning, it does not wait. With --timeout it gives up in time and ends with status 1. It prints nothing when what it \
waits for has come.

It looks again and again, the cheaper a look the oftener: a filter on ports and states is seen to within some ten milliseconds, \
one on owners takes a look at every process. What was there only between two looks goes unseen.";

/// The command `kill`, in one line.
pub(crate) const KILL: &str = "End the processes that own the sockets that match";

/// The command `kill`, for the long help.
#[cfg(windows)]
pub(crate) const LONG_KILL: &str = "\
Ends the processes that own the sockets that match (TerminateProcess). They are not asked and can't put anything in order; to \
close connections and let their processes go on, see `sockscope close`.

On a terminal it shows the processes and asks. Only the processes that it showed are ended, never others that have their numbers \
by then.

A filter that names a local port, as in sport = :8080, means whoever listens there: its clients are left alone. To end clients, \
name the port of their peer: dport = :8080.

What sockscope itself descends from, such as the shell that it was typed into, and the system are left alone, unless --force is \
given. Processes of others need an administrator.";

/// The command `kill`, for the long help.
#[cfg(not(windows))]
pub(crate) const LONG_KILL: &str = "\
Sends a signal, TERM unless another is named, to the processes that own the sockets that match. To close connections and let \
their processes go on, see `sockscope close`.

On a terminal it shows the processes and asks. Only the processes that it showed are signalled, never others that have their \
numbers by then. Then it looks for a second whether they end, and says which go on.

A filter that names a local port, as in sport = :8080, means whoever listens there: its clients are left alone. To end clients, \
name the port of their peer: dport = :8080. Of several processes that have one socket, those are meant that the filter fits.

What sockscope itself descends from, such as the shell that it was typed into, and process 1 are left alone, unless --force is \
given. Processes of other users need root.";

/// The option `--signal` of `kill`.
#[cfg(windows)]
pub(crate) const KILL_SIGNAL: &str =
    "TERM or KILL, which are the same here: Windows has no signals, and the processes end at once.";

/// The option `--signal` of `kill`.
#[cfg(not(windows))]
pub(crate) const KILL_SIGNAL: &str = "\
The signal to send, by its name, with or without SIG, or its number: TERM (if none is named) asks a program to end, KILL ends it \
without being asked, HUP has many a server read its configuration anew.";

/// The option `--dry-run` of `close`.
pub(crate) const CLOSE_DRY_RUN: (&str, &str) =
    ("Only print what would be closed", "Only print what would be closed, also with --yes. It needs no privilege.");

/// The option `--dry-run` of `kill`.
pub(crate) const KILL_DRY_RUN: (&str, &str) =
    ("Only print what would be ended", "Only print what would be ended, also with --yes, and what would be refused.");

/// The option `--force` of `kill`.
pub(crate) const KILL_FORCE: &str = "\
Also end what sockscope descends from, such as your shell or the server of your session, last of all, and the process that all \
others depend on.";

/// The command `close`, in one line.
pub(crate) const CLOSE: &str = "Close connections, not their processes";

/// The command `close`, for the long help.
#[cfg(windows)]
pub(crate) const LONG_CLOSE: &str = "\
Closes the TCP connections over IPv4 that match, whoever owns them (SetTcpEntry). Their processes go on. Windows has no call \
that closes connections over IPv6, listeners or UDP sockets.

On a terminal it shows the sockets and asks. Only the sockets that it showed are closed, never others that have their \
addresses by then; afterwards it looks whether they are gone.

It needs an administrator.";

/// The command `close`, for the long help.
#[cfg(not(windows))]
pub(crate) const LONG_CLOSE: &str = "\
Closes the TCP connections and connected UDP sockets that match, in any state from the first SYN to the last ACK, \
whoever owns them. Their processes go on: the next call on such a socket fails with ECONNABORTED, and the TCP peer gets a \
reset.

On a terminal it shows the sockets and asks. Only the sockets that it showed are closed, never others that have their \
addresses by then.

Listeners and connections in TIME-WAIT are left alone, unless options and filter rule out all connections and so ask for \
nothing else: -l, `listening`, `state time-wait`. Unconnected UDP sockets can't be closed.

It needs CAP_NET_ADMIN (sudo) and Linux 4.5 or later, with CONFIG_INET_DIAG_DESTROY.";

/// The command `compare`, in one line.
pub(crate) const COMPARE: &str = "Ask every source, and explain where they differ";

/// The command `compare`, for the long help.
#[cfg(windows)]
pub(crate) const LONG_COMPARE: &str = "\
Asks every source that this machine has for its sockets, several times, and explains where the answers differ. What one source \
lacks in every round, though the socket is there all the time and the source could show it, is unexplained: something hides it.

The sources are the functions of iphlpapi.dll, documented or not, the oldest included; with --probe also every port.

In the table each source has a column: + it lists the socket, - it does not, ? it was not heard or has no say.";

/// The command `compare`, for the long help.
#[cfg(not(windows))]
pub(crate) const LONG_COMPARE: &str = "\
Asks every source that this machine has for its sockets, several times, and explains where the answers differ. What one source \
lacks in every round, though the socket is there all the time and the source could show it, is unexplained: something hides it.

On Linux the sources are sock_diag (which ss reads), /proc/net (which netstat reads), and the descriptors of all processes, each \
asked for itself; with --probe also every port. Run it as root: others can't look into the processes of others. On Windows they \
are the functions of iphlpapi.dll, the old ones included.

In the table each source has a column: + it lists the socket, - it does not, ? it was not heard or has no say.";

/// The command `locate`, in one line.
pub(crate) const LOCATE: &str = "Say where addresses are, or annotate those in any text";

/// The command `locate`, for the long help.
pub(crate) const LONG_LOCATE: &str = "\
Says where IP addresses are, by IP databases on this machine; nothing is ever sent anywhere.

Without addresses it copies standard input to standard output, byte by byte as it comes, and adds [PLACE] behind each \
address whose place is known. Times, hardware addresses, hashes and numbers of more than four parts are left alone.";

/// The command `completions`, in one line.
pub(crate) const COMPLETIONS: &str = "Print completions for your shell";

/// The command `man`, in one line.
pub(crate) const MAN: &str = "Print the man page, or write all of them to a directory";

/// The command `help`, in one line.
pub(crate) const HELP: &str = "Explain a command, or the filters (help filter)";

/// Ends the short help of the program.
pub(crate) const SHORT_EXAMPLES: &str = "\
Examples:
  sockscope                                  everything
  sockscope -tulpn                           who listens
  sockscope state established and dport = :443
  sockscope process = nginx --json

`sockscope --help` says more, `sockscope help filter` explains filters.";

/// Examples of `list`.
pub(crate) const LIST_EXAMPLES: &str = "  Everything, with owners:
    sockscope

  What listens, as with ss and netstat:
    sockscope -tulpn

  Connections to web servers, the ones with most received bytes first:
    sockscope state established and dport = :443 --sort received:desc

  What one program or user has open:
    sockscope process = nginx
    sockscope user = alice and not loopback

  Who talks to China, by which database, in Chinese:
    sockscope country = CN --database qqwry.dat --language zh-CN

  Who holds port 8080, as one line:
    sockscope -lH sport = :8080

  Slow connections, with what TCP counted (mind the quotes around > and <):
    sockscope -ti 'rtt > 100ms'

  For programs:
    sockscope --json -l
    sockscope --ndjson state time-wait | wc -l
    sockscope --csv --columns local_port,owner_pid,owner_name -l";

/// Examples of `watch`.
pub(crate) const WATCH_EXAMPLES: &str = "  Everything that comes and goes:
    sockscope watch

  Who connects to the web server, and from where:
    sockscope watch sport = :443

  What a program connects to, from its start on:
    sockscope watch process = updater

  Every connection as it ends, with its time and bytes:
    sockscope watch -t --events closed

  The next program that listens, then end:
    sockscope watch -l --events opened --count 1

  For a program:
    sockscope watch --ndjson > changes.ndjson";
/// Examples of `why`.
pub(crate) const WHY_EXAMPLES: &str = "  Who has port 8080, or why does bind fail?
    sockscope why 8080

  On one address; IPv6 in brackets:
    sockscope why 127.0.0.1:8080
    sockscope why [::1]:8080

  A UDP port, by its name:
    sockscope why --udp domain

  Try it as well:
    sockscope why 8080 --probe

  For a program: one word that says why
    sockscope why 8080 --json | jq -r .verdict";

/// Verdicts of `why`, the first that is so.
pub(crate) const WHY_VERDICTS: &str = "  held             somebody listens, or has a connection that is no client's
  http-sys         Windows' http.sys serves it for a program
  other-family     of an address: the other family's wildcard has it
  bound            a socket is bound there and does not listen
  ephemeral        a client has it as its own end of a connection
  time-wait        connections that are over have it for a while
  excluded-range   Windows keeps it from everyone
  privileged       this user may not bind it
  other-namespace  nobody has it here, but in another network namespace
  published        it leads into a container: docker-proxy, or a rule (DNAT)
  reserved         nobody has it, and clients are not given it
  free             nobody has it, and nothing stands against it
  unknown          nothing that is known explains it";

/// Examples of `assert`.
pub(crate) const ASSERT_EXAMPLES: &str = "  Is the web server up?
    sockscope assert listening sport = :443 && echo up

  Fail a check when something listens where everyone can reach it:
    sockscope assert --none listening and not loopback

  Which sockets were found, as JSON:
    sockscope assert --json state established and dport = :5432";

/// Examples of `wait`.
#[cfg(windows)]
pub(crate) const WAIT_EXAMPLES: &str = "  Until the database listens, half a minute at most:
    sockscope wait listening sport = :5432 --timeout 30s

  Until a port is free again:
    sockscope wait --gone sport = :8080 --timeout 1m

  Until somebody connects, and who:
    sockscope wait --json -p state established and sport = :3389";

/// Examples of `wait`.
#[cfg(not(windows))]
pub(crate) const WAIT_EXAMPLES: &str = "  Until the database listens, half a minute at most:
    sockscope wait listening sport = :5432 --timeout 30s && psql

  Until the last client has left:
    sockscope wait --gone state established and sport = :443 --timeout 5m

  Until nothing is in the way of another bind:
    sockscope wait --gone sport = :8080 --timeout 2m

  Until somebody connects, and who:
    sockscope wait --json -p state established and sport = :22";

/// Examples of `kill`.
#[cfg(windows)]
pub(crate) const KILL_EXAMPLES: &str = "  Whose port is it, and what would be ended?
    sockscope kill --dry-run sport = :8080

  Ask, then end it:
    sockscope kill sport = :8080

  Whoever is connected with a server, without a question:
    sockscope kill --yes dst 192.0.2.7 and dport = :443";

/// Examples of `kill`.
#[cfg(not(windows))]
pub(crate) const KILL_EXAMPLES: &str = "  Whose port is it, and what would be ended?
    sockscope kill --dry-run sport = :8080

  Ask, then end it:
    sockscope kill sport = :8080

  A program that does not listen to TERM:
    sudo sockscope kill --signal KILL listening and process = java

  Whoever is connected with a server, without a question:
    sudo sockscope kill --yes dst 192.0.2.7 and dport = :443

  Have a web server read its configuration anew:
    sudo sockscope kill --yes --signal HUP sport = :80";

/// Examples of `close`.
#[cfg(windows)]
pub(crate) const CLOSE_EXAMPLES: &str = "  What would be closed?
    sockscope close --dry-run dst 192.0.2.7 and dport = :443

  Ask, then close, as administrator:
    sockscope close process = curl.exe and state established

  Without a question, for scripts:
    sockscope close --yes sport = :5432 and state close-wait";

/// Examples of `close`.
#[cfg(not(windows))]
pub(crate) const CLOSE_EXAMPLES: &str = "  What would be closed?
    sockscope close --dry-run dst 192.0.2.7 and dport = :443

  Ask, then close:
    sudo sockscope close process = curl and state syn-sent

  Without a question, for scripts:
    sudo sockscope close --yes sport = :5432 and state close-wait

  The listener of a port:
    sudo sockscope close listening sport = :8080";

/// Examples of `compare`.
#[cfg(windows)]
pub(crate) const COMPARE_EXAMPLES: &str = "  Does anything hide?
    sockscope compare

  Also try every port:
    sockscope compare --probe

  Only what concerns one port:
    sockscope compare --probe sport = :443

  For a program:
    sockscope compare --json > compare.json";

/// Examples of `compare`.
#[cfg(not(windows))]
pub(crate) const COMPARE_EXAMPLES: &str = "  Does anything hide?
    sudo sockscope compare

  Also try every port:
    sudo sockscope compare --probe

  Only what concerns one port:
    sockscope compare sport = :443

  In a check, once an hour:
    sockscope compare --json > compare.json || mail -s sockets root < compare.json";

/// Why sources differ.
pub(crate) const COMPARE_CAUSES: &str = "  unexplained   nothing that is known explains it: look into it
  churn         the socket came, went or changed between the calls
  not-shown     the source can't show such sockets; the detail says why
  same-meaning  the rows differ in what has no meaning";

/// Examples of `locate`.
pub(crate) const LOCATE_EXAMPLES: &str = "  Where are they?
    sockscope locate 8.8.8.8 2001:4860:4860::8888

  Annotate what another program prints:
    traceroute -n example.org | sockscope locate
    tail -f /var/log/nginx/access.log | sockscope locate

  By a database of your own, in Chinese:
    sockscope locate --database qqwry.dat --language zh-CN 114.114.114.114

  For programs, an address a line:
    cut -d' ' -f1 access.log | sort -u | sockscope locate --json

  Which databases are there?
    sockscope locate --databases";

/// Where databases come from.
#[cfg(windows)]
pub(crate) const DATABASES: &str = "  They are asked in this order; the first that knows an address answers:
    each --database FILE
    databases = ['FILE', ...] in %APPDATA%\\sockscope\\config.toml, else in
      %ProgramData%\\sockscope\\config.toml (in single quotes a backslash is
      a backslash)
    files in the directory sockscope\\databases of %APPDATA%, %LOCALAPPDATA%
      and %ProgramData%
    the one that is part of the program: IP Geolocation by DB-IP (CC BY 4.0)
  Formats are told by the content: QQWry.dat, ipv6wry.db (ZX), ipdb and datx
  (IPIP.net), xdb and db (ip2region), czdb (CZ88), mmdb (MaxMind, DB-IP,
  IPinfo, ...), IP2Location BIN.
  The base64 key of a czdb is in FILE.key, in [database-keys] of the
  configuration, or in SOCKSCOPE_DATABASE_KEY.
  Private, loopback and other special addresses are named as what they are
  before any database is asked.";

/// Where databases come from.
#[cfg(not(windows))]
pub(crate) const DATABASES: &str = "  They are asked in this order; the first that knows an address answers:
    each --database FILE
    databases = [\"FILE\", ...] in ~/.config/sockscope/config.toml, else in
      /etc/xdg/sockscope/config.toml or /etc/sockscope/config.toml
    files in ~/.local/share/sockscope/databases/,
      /usr/local/share/sockscope/databases/, /usr/share/sockscope/databases/
    the one that is part of the program: IP Geolocation by DB-IP (CC BY 4.0)
  Formats are told by the content: QQWry.dat, ipv6wry.db (ZX), ipdb and datx
  (IPIP.net), xdb and db (ip2region), czdb (CZ88), mmdb (MaxMind, DB-IP,
  IPinfo, ...), IP2Location BIN.
  The base64 key of a czdb is in FILE.key, in [database-keys] of the
  configuration, or in SOCKSCOPE_DATABASE_KEY.
  Under sudo, the home is mostly root's: what is for everyone goes to
  /usr/local/share/sockscope/databases/ or /etc/sockscope/config.toml.
  Private, loopback and other special addresses are named as what they are
  before any database is asked.";

/// Examples of `completions`.
pub(crate) const COMPLETIONS_EXAMPLES: &str = "  bash, for you alone:
    sockscope completions bash \\
      > ~/.local/share/bash-completion/completions/sockscope

  zsh, where a directory of $fpath is yours:
    sockscope completions zsh > ~/.zfunc/_sockscope

  fish:
    sockscope completions fish > ~/.config/fish/completions/sockscope.fish

  PowerShell, for this session:
    sockscope completions powershell | Out-String | Invoke-Expression";

/// Examples of `man`.
pub(crate) const MAN_EXAMPLES: &str = "  Read it:
    sockscope man | man -l -
    sockscope man list | man -l -

  Install all of them:
    sockscope man --dir /usr/local/share/man/man1";

/// The exit codes of `list`.
pub(crate) const LIST_STATUS: &str = "  0  done; that nothing matched is no error
  2  an option, the filter or another argument is wrong
  3  the operating system refused or failed";

/// The exit codes of `locate`.
pub(crate) const LOCATE_STATUS: &str = "  0  done; that a place is not known is no error
  2  an option is wrong, or an argument is no IP address
  3  a database can't be used, or the operating system refused or failed
  4  with --json: some lines of standard input are no IP addresses";

/// Exit status of `watch`.
pub(crate) const WATCH_STATUS: &str = "  0  ended by Ctrl-C, by --count, or because nobody reads any more
  2  a flag or a filter is wrong
  3  the system refused or failed";
/// The exit codes of `why`.
pub(crate) const WHY_STATUS: &str = "  0  there is a holder or a cause, or the port is free
  1  unknown: neither is known, or --probe contradicts what is
  2  an option or the port is wrong
  3  the operating system refused or failed";

/// The exit codes of `assert`.
pub(crate) const ASSERT_STATUS: &str = "  0  a socket matches; with --none: none does
  1  no socket matches; with --none: one does
  2  an option, the filter or another argument is wrong, or there is no filter
  3  the operating system refused or failed";

/// The exit codes of `compare`.
pub(crate) const COMPARE_STATUS: &str = "  0  every difference is explained, or there is none
  1  something is unexplained
  2  an option, the filter or another argument is wrong
  3  no source could be heard
  4  nothing is unexplained, but a source that should work failed or made no
     sense: its reason is shown";

/// The exit codes of `close`.
pub(crate) const CLOSE_STATUS: &str = "  0  closed; with --dry-run: there is something to close
  1  nothing to close, or the answer was no
  2  an option, the filter or another argument is wrong, there is no filter,
     or neither a terminal nor --yes
  3  the operating system refused or failed; nothing was closed
  4  some sockets were closed and some refused: each is named";

/// The exit codes of `wait`.
pub(crate) const WAIT_STATUS: &str = "  0  a socket matches; with --gone: none does
  1  the time is over, and it is not so
  2  an option, the filter or another argument is wrong, or there is no filter
  3  the operating system refused or failed";

/// The exit codes of `kill`.
#[cfg(windows)]
pub(crate) const KILL_STATUS: &str = "  0  ended; with --dry-run: there is something to end
  1  nothing to end, or the answer was no
  2  an option, the filter or another argument is wrong, there is no filter,
     or neither a terminal nor --yes
  3  the operating system refused, or no owner can be seen; nothing was ended
  4  some processes were ended and some not: each is named";

/// The exit codes of `kill`.
#[cfg(not(windows))]
pub(crate) const KILL_STATUS: &str = "  0  the signal was sent; with --dry-run: there is something to send it to
  1  nothing to send it to, or the answer was no
  2  an option, the filter or another argument is wrong, there is no filter,
     or neither a terminal nor --yes
  3  the operating system refused, or no owner can be seen; nothing was sent
  4  sent to some processes and not to others: each is named";

/// What the environment changes.
#[cfg(windows)]
pub(crate) const ENVIRONMENT: &str = "  NO_COLOR        if set, no colours unless --colour always asks for them
  CLICOLOR_FORCE  if set and not 0, colours even into a file or a pipe
  CLICOLOR        if 0, no colours
  TERM            if dumb, no colours
  COLUMNS         the width of the terminal, if it can't tell
  LC_ALL LC_MESSAGES LANG
                  the language of places, before that of the user
  SOCKSCOPE_DATABASE_KEY
                  the base64 key of a czdb that has none elsewhere
  APPDATA LOCALAPPDATA ProgramData
                  where sockscope\\config.toml and sockscope\\databases\\ are";

/// What the environment changes.
#[cfg(not(windows))]
pub(crate) const ENVIRONMENT: &str = "  NO_COLOR        if set, no colours unless --colour always asks for them
  CLICOLOR_FORCE  if set and not 0, colours even into a file or a pipe
  CLICOLOR        if 0, no colours
  TERM            if dumb, no colours
  COLUMNS         the width of the terminal, if it can't tell
  LC_ALL LC_MESSAGES LANG
                  the language of places
  SOCKSCOPE_DATABASE_KEY
                  the base64 key of a czdb that has none elsewhere
  XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS
                  where sockscope/config.toml and sockscope/databases/ are";

/// The filter language in short.
pub(crate) const FILTER_SUMMARY: &str = "  state established      states, and groups: connected synchronized all ...
  sport = :22            local port; dport: the peer's. = != < > <= >=
  dst 10.0.0.0/8         the peer's address; src: the local one
  process = nginx        fields: pid user command service remote lport sent ...
  rtt > 100ms            units: ms s m h d, KB MB GB
  process ~ '^ssh'       regular expressions; port in (80, 443)
  listening loopback     words on their own: established public ipv6 udp mine
  not A, A and B, A or B, ( )
  `sockscope help filter` has all of it.";

/// The filter language in full: `sockscope help filter`.
pub(crate) const FILTER: &str = "\
A filter is what remains of the command line when the options are taken away:
  sockscope -n state established and dport = :443
or one quoted argument, which spares you quoting what the shell would take for
itself (< > ! & | parentheses and *):
  sockscope 'state established and (dport = :443 or dport = :80)'

Everything that ss accepts is accepted, with the same meaning.

STATES
  state NAME      sockets in that state; exclude NAME: all others
    listen syn-sent syn-received established fin-wait-1 fin-wait-2 close-wait
    closing last-ack time-wait closed bound
  Groups of them: all connected synchronized bucket big.
  A connected UDP socket counts as established, any other as unconnected.

PORTS AND ADDRESSES
  sport = :22     the local port; dport: the peer's
                  = == eq, != ne neq, < lt, > gt, <= le leq, >= ge geq
                  A port is a number or a name of /etc/services (ssh), with
                  or without the colon.
  src ADDRESS     the local address; dst: the peer's. ADDRESS[/BITS][:PORT]
                  10.0.0.0/8   192.0.2.1:443   [2001:db8::1]:443   [::]/0
                  An IPv4 address also matches the IPv6 sockets that serve it
                  (::ffff:192.0.2.1); inet:192.0.2.1 does not.
  dev eth0        bound to that interface
  fwmark = 0x1    the firewall mark
  cgroup PATH     in that cgroup
  autobound       the system chose the local port

FIELDS
  With = != < > <= >=, ~ (regular expression) and in (A, B):
    proto family state local remote lport rport port interface exposure
    process pid path command user service container namespace cgroup
    uid inode no_owner timer
    country asn org place database, rname with --resolve
    age sent received rtt retransmits recvq sendq
  Numbers take units: age > 5m, sent > 1MB, rtt > 100ms.
  Quote text with spaces: process = 'Web Content'.
  A field that is not known for a socket matches nothing.

WORDS
  listening established loopback private public ipv4 ipv6 tcp udp mine

TOGETHER
  not A  ! A      binds tightest
  A and B  A B    then and, which need not be written (also & and &&)
  A or B          then or (also | and ||)
  ( )             as you expect

EXAMPLES
  sockscope state established '( dport = :ssh or sport = :ssh )'
  sockscope exclude time-wait
  sockscope 'udp and not loopback'
  sockscope 'lport in (80, 443) and not process = nginx'
  sockscope 'public and rtt > 100ms' -i
  sockscope mine 'sent > 10MB'
";
