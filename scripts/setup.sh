#!/usr/bin/env bash
# Sees whether this machine can build and test gatewatch. On Debian as root it installs what is missing;
# elsewhere it prints the command that does, and exits 2. Silent when nothing is missing.
set -euo pipefail

say() { echo "setup: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# Not by a pipe into `grep -q`: it stops reading at the first match, and what still writes then fails.
libc=$(ldd --version 2>&1 || true)
if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ] || ! grep -qiE 'glibc|gnu libc' <<<"$libc"; then
    say "the embedded ClickHouse is built for Linux on x86-64 with glibc; this is $(uname -s) on $(uname -m)"
    exit 2
fi
if ! grep -qw avx2 /proc/cpuinfo; then
    say "the embedded ClickHouse needs a processor with AVX2"
    exit 2
fi

# what is looked for | Debian | Fedora | Arch
wanted='
command gcc         | gcc                  | gcc                      | gcc
command make        | make                 | make                     | make
command pkg-config  | pkg-config           | pkgconf-pkg-config       | pkgconf
library openssl     | libssl-dev           | openssl-devel            | openssl
library zlib        | zlib1g-dev           | zlib-devel               | zlib
command openssl     | openssl              | openssl                  | openssl
command java        | default-jre-headless | java-latest-openjdk-headless | jre-openjdk-headless
command mvn         | maven                | maven                    | maven
command go          | golang-go            | golang                   | go
command npm         | npm                  | nodejs-npm               | npm
command python3     | python3              | python3                  | python
module  pip         | python3-pip          | python3-pip              | python-pip
command flock       | util-linux           | util-linux               | util-linux
command chromium    | chromium             | chromium                 | chromium
command chromedriver | chromium-driver     | chromedriver             | chromium
command setpriv     | util-linux           | util-linux               | util-linux
'

missing=() debian=() fedora=() arch=()
look() {
    missing=() debian=() fedora=() arch=()
    local kind name apt dnf pacman
    while IFS='|' read -r what apt dnf pacman; do
        read -r kind name <<<"$what"
        case $kind in
        command) has "$name" && continue ;;
        library) has pkg-config && pkg-config --exists "$name" && continue ;;
        module) has python3 && python3 -m "$name" --version >/dev/null 2>&1 && continue ;;
        *) continue ;;
        esac
        missing+=("$name")
        debian+=("${apt// /}") fedora+=("${dnf// /}") arch+=("${pacman// /}")
    done <<<"$wanted"
}

look
if [ ${#missing[@]} -gt 0 ]; then
    say "missing: ${missing[*]}"
    if has apt-get && [ "$(id -u)" = 0 ]; then
        say "installing ${debian[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >&2
        apt-get install -y -qq --no-install-recommends "${debian[@]}" >&2
        look
    fi
fi
if [ ${#missing[@]} -gt 0 ]; then
    if has dnf; then
        say "install it with: sudo dnf install ${fedora[*]}"
    elif has pacman; then
        say "install it with: sudo pacman -S --needed ${arch[*]}"
    else
        say "install it with: sudo apt-get install --no-install-recommends ${debian[*]}"
    fi
    exit 2
fi

# VERSION at least WANTED?
at_least() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

java=$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1)
if ! at_least "${java:-0}" 17; then
    say "Kafka needs Java 17 or newer, this is ${java:-unknown}; on Debian: apt-get install openjdk-17-jre-headless"
    exit 2
fi
go=$(go version | sed -nE 's/.* go([0-9.]+).*/\1/p')
if ! at_least "${go:-0}" 1.17; then
    say "the mail server needs Go 1.17 or newer (it fetches the toolchain it wants by itself), this is ${go:-unknown}; see https://go.dev/doc/install"
    exit 2
fi

rust=$(sed -nE 's/^rust-version = "([0-9.]+)"/\1/p' "$(dirname "$0")/../Cargo.toml")
cargo=$(cargo --version 2>/dev/null | sed -nE 's/^cargo ([0-9.]+).*/\1/p')
if ! at_least "${cargo:-0}" "$rust"; then
    say "Rust $rust or newer is needed, this machine has ${cargo:-none}; install it with: rustup toolchain install stable (https://rustup.rs)"
    exit 2
fi
