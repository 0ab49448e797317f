#!/usr/bin/env bash
# Installs what building, testing and running Howdah need on Debian or Ubuntu, and checks that Rust is recent enough.
#
#   scripts/deps.sh          a C compiler and its headers, make, certificates, PostgreSQL's binaries
#   scripts/deps.sh bench    and etcd, which the benchmarks measure against
#   scripts/deps.sh fuzz     and a C++ compiler, for the fuzzers' engine
#
# Where everything is there it asks dpkg once and is done: no network, no root. Otherwise it needs root, or sudo.
# No service is started and no database cluster is made: Howdah runs a Postgres of its own, so the package's cluster
# would be one more listener on port 5432. Clusters and services that the machine already has are left as they are.
set -euo pipefail

OLDEST_POSTGRES=14
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SELF=$ROOT/scripts/deps.sh

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

# Rust is not a package here: Debian's is too old, and rustup is what the reader has.
check_rust() {
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml")
    [ -n "$needed" ] || die "Cargo.toml names no rust-version"
    command -v cargo >/dev/null ||
        die "cargo is missing. Install Rust $needed or newer with rustup (https://rustup.rs), then run this again."
    found=$(cargo --version | awk '{ print $2 }') || die "cargo does not run; see the message above"
    printf '%s\n%s\n' "$needed" "$found" | sort --version-sort --check=quiet ||
        die "cargo $found is too old; Howdah needs $needed or newer. Run: rustup update stable"
}

# Whether a PostgreSQL that Howdah can use is installed, from whichever package.
have_postgres() {
    local initdb version
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] || continue
        version=${initdb#/usr/lib/postgresql/}
        version=${version%%/*}
        if [ "${version%%.*}" -ge "$OLDEST_POSTGRES" ] 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

# Prints the packages that are missing, one a line.
missing_packages() {
    local package
    for package in gcc libc6-dev make ca-certificates; do
        dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || echo "$package"
    done
    have_postgres || echo postgresql
    if [ "${1-}" = bench ] && ! command -v etcd >/dev/null; then
        echo etcd-server
    fi
    if [ "${1-}" = fuzz ] && ! command -v c++ >/dev/null; then
        echo g++
    fi
}

# --- as root -------------------------------------------------------------------------------------------------------

POLICY=/usr/sbin/policy-rc.d
DROP_IN=/etc/postgresql-common/createcluster.d/howdah-deps.conf
SCRATCH=   # a temporary directory, once there is something to restore
MADE_DIR=  # the drop-in's directory, where it had to be made

# Tells the package scripts to start and restart nothing (the interface is in invoke-rc.d(8)) until `restore`.
forbid_services() {
    if [ -e "$POLICY" ] && ! grep -q 'Howdah' "$POLICY"; then
        cp --archive "$POLICY" "$SCRATCH/policy-rc.d"
    fi
    printf '#!/bin/sh\n# Made by Howdah'\''s scripts/deps.sh for the length of its run; a left-over may be deleted.\nexit 101\n' \
        >"$SCRATCH/forbid"
    install --mode=0755 "$SCRATCH/forbid" "$POLICY"
}

restore() {
    [ -n "$SCRATCH" ] || return 0
    if [ -e "$SCRATCH/policy-rc.d" ]; then
        cp --archive "$SCRATCH/policy-rc.d" "$POLICY"
    else
        rm -f "$POLICY"
    fi
    rm -f "$DROP_IN"
    if [ -n "$MADE_DIR" ]; then
        rmdir --ignore-fail-on-non-empty "$MADE_DIR"
    fi
    rm -rf "$SCRATCH"
}

# Runs apt-get quietly; what it printed is shown when it fails.
apt() {
    local status=0
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        "$@" >"$SCRATCH/apt.log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$SCRATCH/apt.log" >&2
        die "apt-get $1 failed (status $status); its last words are above"
    fi
}

install_packages() {
    SCRATCH=$(mktemp -d)
    trap restore EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    forbid_services
    say "reading the package lists"
    apt update
    case " $* " in
    *" postgresql "*)
        # Its server package makes a cluster when it is first installed, unless this file says otherwise.
        say "installing postgresql-common"
        apt install --no-install-recommends postgresql-common
        if [ ! -d "$(dirname "$DROP_IN")" ]; then
            mkdir "$(dirname "$DROP_IN")"
            MADE_DIR=$(dirname "$DROP_IN")
        fi
        echo 'create_main_cluster = false' >"$DROP_IN"
        [ "$(pg_conftool -bs /etc/postgresql-common/createcluster.conf show create_main_cluster)" = off ] ||
            die "postgresql-common does not read $DROP_IN, and would make and start a cluster"
        ;;
    esac
    say "installing $*"
    apt install --no-install-recommends "$@"
    case " $* " in
    *" etcd-server "*)
        # Installing enables it for the next boot; the benchmarks start their own.
        if command -v systemctl >/dev/null; then
            systemctl --quiet disable etcd.service
        else
            update-rc.d etcd disable
        fi
        ;;
    esac
}

# --- the way through -----------------------------------------------------------------------------------------------

if [ "${1-}" = --install ]; then # how `main` calls this script again as root
    shift
    install_packages "$@"
    exit 0
fi

main() {
    local missing
    PATH=$PATH:${HOME:-/root}/.cargo/bin
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
        die "this is not Debian or Ubuntu. Install by hand: a C compiler, make, PostgreSQL $OLDEST_POSTGRES or newer."
    check_rust
    mapfile -t missing < <(missing_packages "$@")
    if [ "${#missing[@]}" -gt 0 ]; then
        if [ "$(id -u)" -eq 0 ]; then
            "$SELF" --install "${missing[@]}"
        elif command -v sudo >/dev/null; then
            say "installing packages needs root; using sudo"
            sudo -- "$SELF" --install "${missing[@]}"
        else
            die "these packages are missing: ${missing[*]}. Run this as root, or install sudo."
        fi
        mapfile -t missing < <(missing_packages "$@")
        [ "${#missing[@]}" -eq 0 ] ||
            die "still missing after the installation: ${missing[*]} (PostgreSQL must be $OLDEST_POSTGRES or newer)"
        say "done"
    fi
}

case "${1-}" in
"" | bench | fuzz) main "$@" ;;
*) die "usage: scripts/deps.sh [bench|fuzz]" ;;
esac
