#!/usr/bin/env bash
# Proves that `make deps` is complete: builds and tests Howdah in a fresh Debian or Ubuntu that has only Rust.
#
#   scripts/chroot-test.sh              scripts/deps.sh && make test
#   scripts/chroot-test.sh COMMAND      a shell command of your own in the tree's folder
#
# Environment:
#   SUITE    what to debootstrap; default: the host's own suite
#   MIRROR   from where; default: the host's first mirror that has the suite
#   CHROOT   where to put it; default: /var/tmp/howdah-chroot, which must not exist
#   KEEP     not empty: leave the chroot in place for a look
#
# Needs root and debootstrap. Everything runs in mount and process namespaces of its own, so that no mount and no
# process is left behind, however it ends. The toolchain and cargo's downloaded crates are copied from the host.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CHROOT=${CHROOT:-/var/tmp/howdah-chroot}
SUITE=${SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME-}")}
COMMAND=${*:-scripts/deps.sh && make test}

say() { printf 'chroot-test: %s\n' "$*"; }
die() { printf 'chroot-test: %s\n' "$*" >&2; exit 1; }

# Prints the first address in the host's apt sources that has $SUITE, in the one-line or the deb822 format.
host_mirror() {
    {
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) \([^ ]*\) .*/\2 \3/p' || true
        cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
            awk '/^URIs:/ { uri = $2 } /^Suites:/ { print uri, $2 }' || true
    } | awk -v suite="$SUITE" '$2 == suite { print $1; exit }'
}

# The base system, with the host's way to the network: resolver, apt's transport settings, local certificates.
make_base() {
    say "debootstrap $SUITE into $CHROOT"
    debootstrap --variant=minbase "$SUITE" "$CHROOT" "$MIRROR" >"$CHROOT.log" 2>&1 || {
        tail -n 20 "$CHROOT.log" >&2
        die "debootstrap failed; its log is $CHROOT.log"
    }
    rm -f "$CHROOT.log"
    cp --dereference /etc/resolv.conf /etc/hosts "$CHROOT/etc/"
    apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$CHROOT/etc/apt/apt.conf.d/90host" || true
    if [ -d /usr/local/share/ca-certificates ]; then
        mkdir -p "$CHROOT/usr/local/share/ca-certificates"
        cp -r /usr/local/share/ca-certificates/. "$CHROOT/usr/local/share/ca-certificates/"
    fi
}

# The toolchain that builds the tree on the host, without its documentation, and what cargo has downloaded for it.
copy_rust() {
    local sysroot registry=${CARGO_HOME:-$HOME/.cargo}/registry folder
    sysroot=$(cd "$ROOT" && rustc --print sysroot)
    say "copying Rust from $sysroot"
    mkdir -p "$CHROOT/opt/rust" "$CHROOT/root/.cargo/registry"
    tar -C "$sysroot" --exclude=./share/doc -cf - . | tar -C "$CHROOT/opt/rust" -xf -
    for folder in cache index; do
        if [ -d "$registry/$folder" ]; then
            cp -r "$registry/$folder" "$CHROOT/root/.cargo/registry/"
        fi
    done
}

# The files of the work tree as they are, without what git ignores.
copy_tree() {
    local file
    say "copying the work tree"
    mkdir -p "$CHROOT/src/howdah"
    (
        cd "$ROOT"
        git ls-files -z --cached --others --exclude-standard |
            while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
            tar --null --files-from=- -cf -
    ) | tar -C "$CHROOT/src/howdah" -xf -
}

if [ "${1-}" = --inside ]; then # as the first process of the namespaces; see below
    [ $$ -eq 1 ] || die "--inside is not for calling by hand"
    # A mount point of its own, as a machine's root is one: programs that make mounts rely on that.
    mount --bind "$CHROOT" "$CHROOT"
    mount -t proc proc "$CHROOT/proc"
    mount --rbind /sys "$CHROOT/sys"
    mount --rbind /dev "$CHROOT/dev"
    status=0
    env -i PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        ${http_proxy+http_proxy="$http_proxy"} ${https_proxy+https_proxy="$https_proxy"} ${no_proxy+no_proxy="$no_proxy"} \
        chroot "$CHROOT" /bin/bash -c "cd /src/howdah && { $2
        }" </dev/null || status=$?
    exit "$status"
fi

[ "$(id -u)" -eq 0 ] || die "a chroot needs root"
for tool in debootstrap rustc git tar unshare; do
    command -v "$tool" >/dev/null || die "$tool is missing"
done
[ -n "$SUITE" ] || die "/etc/os-release names no suite; set SUITE"
MIRROR=${MIRROR:-$(host_mirror)}
[ -n "$MIRROR" ] || die "no apt source of this machine has $SUITE; set MIRROR"
[ ! -e "$CHROOT" ] || die "$CHROOT exists; remove it, or set CHROOT"

CHILD=
cleanup() {
    if [ -n "$CHILD" ]; then
        # Its first process goes with it, and with that one every process of the namespaces.
        kill -KILL "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
    fi
    if [ -n "${KEEP-}" ]; then
        say "left in place: $CHROOT"
    else
        rm -rf --one-file-system "$CHROOT"
    fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_base
copy_rust
copy_tree
say "running: $COMMAND"
export CHROOT
status=0
unshare --mount --propagation private --pid --fork --kill-child "${BASH_SOURCE[0]}" --inside "$COMMAND" &
CHILD=$!
wait "$CHILD" || status=$?
CHILD=
say "ended with status $status"
exit "$status"
