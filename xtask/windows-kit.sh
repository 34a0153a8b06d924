#!/usr/bin/env bash
# windows-kit.sh DIRECTORY: all it takes to build for 64-bit Windows and to run the result, on Debian 12.
#
# - Debian's own compiler (package rustc-web) and mingw-w64, and a standard library for x86_64-pc-windows-gnu, built once; the
#   toolchain on PATH is left alone.
# - Debian 13's Wine 10, unpacked into the directory, with the C library that it wants: Debian 12's Wine 8 knows of hardly any
#   socket which process has it. Nothing of it is installed, and the system's apt sources are left alone.
#
# What is there already is kept, which takes a second. The directory's path is written into what is in it: run again after moving.
# Installing packages takes root; the rest does not.
set -euo pipefail
umask 022
TARGET=x86_64-pc-windows-gnu
PACKAGES=(rustc-web cargo-web rust-web-src rust-web-clippy gcc-mingw-w64-x86-64-win32 libfreetype6 libfontconfig1 libgnutls30)
# What Wine 10 links with, of its own release.
LIBRARIES=(libc6 libgcc-s1 libunwind8 liblzma5 zlib1g)

say() { echo "windows-kit: $*" >&2; }
die() { say "$@"; exit 3; }

[ $# = 1 ] || { say "one argument: the directory of the kit"; exit 2; }
mkdir -p "$1" || die "can't make the directory $1"
kit=$(realpath "$1")
[ -w "$kit" ] || die "the directory $kit belongs to another user: SOCKSCOPE_WINDOWS_KIT names another one"

# One at a time: who comes second finds everything there.
exec 9>"$kit/lock"
if ! flock --nonblock 9; then
    say "another one is at work in $kit; waiting"
    flock 9
fi

# shellcheck disable=SC1091
release=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_CODENAME:-}") || release=
missing_packages() { # prints those that are not installed
    local package
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# --- Compilers --------------------------------------------------------------------------------------------------------------
command -v dpkg-query >/dev/null || die "this is no Debian: the kit is made of packages of Debian 12"
mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ]; then
    [ "$release" = "debian bookworm" ] || die "packages of Debian 12 are missing, and this is '${release:-no Debian}': ${missing[*]}"
    [ "$(id -u)" = 0 ] || die "packages are missing, which root can install: apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    apt-get update -qq >"$kit/apt.log" 2>&1 || die "apt-get update failed: $kit/apt.log"
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" \
        >>"$kit/apt.log" 2>&1 || die "apt-get install failed: $kit/apt.log"
fi

# --- Standard library -------------------------------------------------------------------------------------------------------
version=$(/usr/bin/rustc -V | cut -d ' ' -f 2)
# The number after it is that of the way in which it is built.
sysroot=$kit/sysroot-$version-2
if [ ! -d "$sysroot" ]; then
    say "building the standard library of Rust $version for $TARGET (some minutes)"
    rm -rf "$kit"/sysroot-*
    work=$(mktemp -d -p "$kit")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/src"
    echo '#![no_std]' >"$work/src/lib.rs"
    printf '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n' >"$work/Cargo.toml"
    # With the compiler's own form in it, for optimisation at link time; and no executable tells where its parts were built.
    flags=-Cembed-bitcode=yes
    for prefix in "${CARGO_HOME:-$HOME/.cargo}/registry/src=registry" "$work=std" "/usr/src/rustc-$version=std" \
        /usr/lib/rustlib/src/rust=std; do
        flags+=$'\x1f'--remap-path-prefix=$prefix
    done
    (
        cd "$work"
        unset RUSTUP_TOOLCHAIN RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER LD_LIBRARY_PATH
        RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target CARGO_ENCODED_RUSTFLAGS=$flags \
            nice /usr/bin/cargo build --quiet --release --target "$TARGET" \
            -Zbuild-std=core,alloc,std,panic_unwind,panic_abort,proc_macro,test >&2
    ) || die "the standard library could not be built"
    library=$work/sysroot/lib/rustlib/$TARGET/lib
    mkdir -p "$library"
    cp "$work/target/$TARGET/release/deps/"*.rlib "$library"
    rm -f "$library"/libnothing-*
    mv "$work/sysroot" "$sysroot"
    rm -rf "$work"
    trap - EXIT
fi

# --- Wine -------------------------------------------------------------------------------------------------------------------
wine=$kit/wine glibc=$kit/glibc apt=$kit/apt unpacked=$kit/unpacked
dlls=$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows
loader=$glibc/ld-linux-x86-64.so.2

# Lists of Debian 13, from where this machine has those of Debian 12, in a directory of their own.
next_release() {
    local file
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
    : >"$apt/status"
    for file in /etc/apt/sources.list.d/*.sources; do
        if grep -qsE '^Suites:.*\bbookworm\b' "$file"; then
            sed 's/\bbookworm\b/trixie/g' "$file" >"$apt/sources/$(basename "$file")"
        fi
    done
    { grep -hsE '^deb .* bookworm(-updates|-security)? ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list || :; } |
        sed 's/\bbookworm\b/trixie/g' >"$apt/sources/list.list"
    cat "$apt/sources/"* | grep -q trixie || die "no apt source of this machine is of Debian 12"
}
get() {
    (cd "$apt/packages" && apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" \
        -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::State::extended_states=$apt/extended" \
        -o "Dir::Cache=$apt/cache" -o "Dir::Log=$apt" -o APT::Architectures=amd64 -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=3 "$@" >&2)
}

if [ "$(cat "$kit/wine-is-in" 2>/dev/null)" != "$kit" ]; then
    if [ -x "$kit/wineserver" ]; then "$kit/wineserver" -k 2>/dev/null || :; fi
    rm -rf "$wine" "$glibc" "$apt" "$unpacked" "$kit/prefix"
    next_release
    say "downloading Wine (120 MB)"
    get update || die "the lists of Debian 13 can't be had"
    get download libwine wine64 libz-mingw-w64 patchelf libstdc++6 "${LIBRARIES[@]}" || die "Wine can't be had"
    say "unpacking Wine"
    mkdir -p "$wine" "$glibc" "$unpacked"
    for package in libwine wine64; do nice dpkg-deb -x "$apt/packages/${package}"_*.deb "$wine"; done
    for package in libz-mingw-w64 patchelf libstdc++6 "${LIBRARIES[@]}"; do
        dpkg-deb -x "$apt/packages/${package}"_*.deb "$unpacked"
    done
    libraries=$unpacked/usr/lib/x86_64-linux-gnu
    cp -a "$libraries"/{ld-linux-x86-64.so.2,lib{c,m,dl,rt,pthread,resolv,util,nss_files,nss_dns,anl}.so.*} "$glibc"
    cp -a "$libraries"/{libgcc_s.so.*,libunwind.so.*,libunwind-x86_64.so.*,liblzma.so.*,libz.so.*} "$glibc"
    for program in wine64 wineserver64; do
        "$loader" --library-path "$libraries" "$unpacked/usr/bin/patchelf" --set-interpreter "$loader" --force-rpath \
            --set-rpath "$glibc" "$wine/usr/lib/wine/$program"
    done
    # Debian's is a script that starts the system's own server.
    ln -sf wineserver64 "$wine/usr/lib/wine/wineserver"
    # The server looks for tables of characters in ../../share/wine/wine/nls.
    ln -sfn . "$wine/usr/share/wine/wine"
    # Its 32-bit half is not there.
    rmdir "$wine/usr/lib/x86_64-linux-gnu/wine/i386-windows" 2>/dev/null || :
    # user32 imports it. Wine takes from its own directory what has this mark behind its DOS header.
    cp "$(find "$unpacked" -path '*x86_64-w64-mingw32*' -name zlib1.dll | head -n 1)" "$dlls"
    printf 'Wine builtin DLL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' |
        dd of="$dlls/zlib1.dll" bs=1 seek=64 conv=notrunc status=none
    find "$dlls" -type f ! -name '*.tlb' -print0 |
        xargs -0 -n 40 nice x86_64-w64-mingw32-strip --strip-debug 2>/dev/null || :
    rm -rf "$wine/usr/share/doc" "$wine/usr/share/man" "$unpacked" "$apt"
    echo "$kit" >"$kit/wine-is-in"
fi

# Written anew each time, and put in its place at once, since others may be starting it.
script() { # NAME, with its text on standard input
    cat >"$kit/$1.new"
    chmod +x "$kit/$1.new"
    if cmp -s "$kit/$1.new" "$kit/$1"; then rm "$kit/$1.new"; else mv "$kit/$1.new" "$kit/$1"; fi
}
script wine-run <<END
#!/bin/sh
export WINEPREFIX='$kit/prefix' WINEARCH=win64 WINEDEBUG="\${WINEDEBUG--all}" WINEDLLOVERRIDES="\${WINEDLLOVERRIDES-mscoree,mshtml=d}"
unset WINELOADER WINESERVER WINEDLLPATH
# In which encoding Wine takes arguments and names of files. Programs do not look at it.
case "\${LC_ALL:-\${LC_CTYPE:-\$LANG}}" in
*.UTF-8 | *.utf8) ;;
*) [ -n "\$LC_ALL" ] || export LC_CTYPE=C.UTF-8 ;;
esac
exec '$wine/usr/lib/wine/wine64' "\$@"
END
script wineserver <<END
#!/bin/sh
export WINEPREFIX='$kit/prefix'
exec '$wine/usr/lib/wine/wineserver64' "\$@"
END

if [ ! -e "$kit/prefix/is-ready" ]; then
    say "making a Windows for Wine"
    rm -rf "$kit/prefix"
    unset DISPLAY
    # Descriptor 9 stays with us: the server outlives us.
    nice "$kit/wine-run" wineboot -i >"$kit/wineboot.log" 2>&1 9>&- </dev/null || die "wineboot failed: $kit/wineboot.log"
    # A crash ends a program, and asks nobody.
    "$kit/wine-run" reg add 'HKCU\Software\Wine\WineDbg' /v ShowCrashDialog /t REG_DWORD /d 0 /f \
        >>"$kit/wineboot.log" 2>&1 9>&- </dev/null || die "reg failed: $kit/wineboot.log"
    "$kit/wineserver" -w 9>&-
    touch "$kit/prefix/is-ready"
fi

# For whoever only asks whether all is there.
echo "$version" >"$kit/compiler.new"
mv "$kit/compiler.new" "$kit/compiler"
say "ready in $kit: Rust $version, $("$kit/wine-run" --version 9>&-)"
