#!/usr/bin/env bash
# Runs every test of the workspace, doc tests included, in the dev profile, and adds up what they report.
#
# What cargo and the tests print is passed through as it comes. The last line on standard output is
#     N passed, N failed, N skipped
# The status is 0 only where every test binary ended well and at least one test passed. Arguments go to `cargo test`;
# the environment goes through to the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

exec 3> >(exec tee "$log")
tee=$!
status=0
# The black-box suites run the binary, which cargo builds for no test by itself. Everything at once, so that nothing is
# built twice with other features.
cargo build --locked --workspace --bins --tests >&3 2>&1 3>&-
cargo test --locked --workspace --no-fail-fast "$@" >&3 2>&1 3>&- || status=$?
exec 3>&-

# tee ends when the last holder of the stream does. A process that a test left behind would hold it for ever.
if ! timeout 20 tail --pid="$tee" -f /dev/null; then
    echo "test: a test left a process behind that holds its output open"
    kill "$tee"
    status=1
fi

awk -v status="$status" -f scripts/sum_tests.awk "$log"
