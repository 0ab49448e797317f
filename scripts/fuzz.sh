#!/usr/bin/env bash
# Runs the fuzz targets one after the other, for so many seconds each, and prints a table of what they did.
#
#   scripts/fuzz.sh SECONDS [TARGET...]
#
# The last line is `N targets, N findings`; the status is 0 only without findings. A finding's input lies below
# fuzz/target/finding/TARGET/ (below CARGO_TARGET_DIR/fuzz/, where that is set), and its log beside it; run the target's
# binary with the input to see it again. What a target learns stays in fuzz/target/corpus/TARGET/ for the next run.
# HOWDAH_ORACLE names the folder with upstream's fixtures, where there is one: they make seeds.
#
# No sanitizer: the workspace has no unsafe code of its own to watch, and without one the stable compiler will do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What a run may take: seconds an input, MB, bytes of an input, and the stack of a server's thread in KiB. An overflow
# of the stack ends the process without a word, so that only the log's end tells of it.
LIMITS=(-timeout=10 -rss_limit_mb=2048 -max_len=16384)
STACK=2048

seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
# Made by cargo, which marks it as a build folder.
home=$PWD/fuzz/target
if [ -n "${CARGO_TARGET_DIR-}" ]; then
    home=$(realpath --canonicalize-missing "$CARGO_TARGET_DIR/fuzz")
fi
triple=$(rustc -vV | sed -n 's/^host: //p')

cp Cargo.lock fuzz/Cargo.lock # the versions that the main workspace has
if [ "$#" -eq 0 ]; then
    mapfile -t targets < <(cargo fuzz list --fuzz-dir fuzz)
    cargo fuzz build --fuzz-dir fuzz --sanitizer none --target-dir "$home"
else
    targets=("$@")
    for target in "${targets[@]}"; do
        cargo fuzz build --fuzz-dir fuzz --sanitizer none --target-dir "$home" "$target"
    done
fi

# The number behind a name in a log; the last one.
number() { awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) found = $(i + 1) } END { print found + 0 }' "$2"; }

table=$(printf '%-10s %8s %12s %8s %8s %8s  %s\n' target seconds executions inputs edges MB outcome)
findings=0
for target in "${targets[@]}"; do
    corpus=$home/corpus/$target
    finding=$home/finding/$target
    log=$finding/log
    seeds=fuzz/seed/$target
    mkdir -p "$corpus" "$finding"
    echo "fuzz: $target for $seconds s"
    started=$SECONDS
    outcome=ok
    (
        ulimit -s "$STACK"
        HOWDAH_FUZZ_CORPUS=$corpus exec "$home/$triple/release/$target" "$corpus" "$seeds" "${LIMITS[@]}" \
            -max_total_time="$seconds" -artifact_prefix="$finding/" -print_final_stats=1
    ) >"$log" 2>&1 || {
        outcome="FOUND, see $log"
        findings=$((findings + 1))
        tail -n 30 "$log"
    }
    table+=$'\n'$(printf '%-10s %8d %12d %8d %8d %8d  %s\n' "$target" $((SECONDS - started)) \
        "$(number stat::number_of_executed_units: "$log")" "$(find "$corpus" -type f | wc -l)" \
        "$(number cov: "$log")" "$(number stat::peak_rss_mb: "$log")" "$outcome")
done

printf '%s\n' "$table"
echo "${#targets[@]} targets, $findings findings"
[ "$findings" -eq 0 ]
