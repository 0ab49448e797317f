# Howdah's commands. `make help` lists them; what a target does in more than a line or two stands in scripts/.
# Every target works on a machine that has only Rust and make (without make: scripts/deps.sh installs it).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# rustup's own folder, for shells that have not read ~/.cargo/env.
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2

# More arguments for `howdah up` and for the benchmarks: make up UP_ARGS='--data-dir /srv/howdah'
# BENCH_ARGS go to both parts of the benchmarks, the other two to one of them each.
UP_ARGS ?=
BENCH_ARGS ?=
BENCH_STORE_ARGS ?=
BENCH_API_ARGS ?=
# How long `make fuzz` runs each target, and which ones; all where none is named.
SECONDS ?= 60
TARGETS ?=
# Where the benchmarks leave every sample, for programs; people get tables.
BENCH_STORE_JSON ?= $(TARGET_DIR)/bench-store.json
BENCH_API_JSON ?= $(TARGET_DIR)/bench-api.json

.PHONY: help deps deps-bench deps-fuzz up test check lint deny cargo-deny bench fuzz cargo-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## installs the packages that building and running need (Debian, Ubuntu)
	@scripts/deps.sh

deps-bench: ## the same, and the etcd that the benchmarks measure against
	@scripts/deps.sh bench

deps-fuzz: ## the same, and the C++ compiler that the fuzzers' engine is built with
	@scripts/deps.sh fuzz

up: deps ## builds the release binary and runs `howdah up` in the foreground; UP_ARGS='…' adds arguments
	cargo build --locked --release --bin howdah
	exec "$(TARGET_DIR)/release/howdah" up $(UP_ARGS)

test: deps ## runs every test; the closing line is `N passed, N failed, N skipped`
	@scripts/test.sh

check: lint deny ## fmt, clippy with warnings denied, cargo deny (bans, licences, sources)

lint: deps ## the part of `check` that needs only the Rust toolchain
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

deny: cargo-deny ## the part of `check` that cargo-deny does
	cargo deny --locked check bans licenses sources

cargo-deny: deps ## installs cargo-deny where it is missing (takes some minutes, once)
	@cargo deny --version >/dev/null 2>&1 || { \
		echo "check: installing cargo-deny $(CARGO_DENY_VERSION) with cargo; this takes some minutes, once"; \
		cargo install --quiet --locked cargo-deny@$(CARGO_DENY_VERSION); \
	}

bench: deps-bench ## measures the store beside etcd, and the API server, as tables and as JSON; BENCH_ARGS='…' adds arguments
	cargo build --locked --release --bin howdah --bin howdah-bench
	"$(TARGET_DIR)/release/howdah-bench" store --json "$(BENCH_STORE_JSON)" $(BENCH_ARGS) $(BENCH_STORE_ARGS)
	"$(TARGET_DIR)/release/howdah-bench" api --json "$(BENCH_API_JSON)" $(BENCH_ARGS) $(BENCH_API_ARGS)

fuzz: deps-fuzz cargo-fuzz ## runs every fuzz target for SECONDS=60 each; TARGETS='json yaml' picks some
	@scripts/fuzz.sh $(SECONDS) $(TARGETS)

cargo-fuzz: deps ## installs cargo-fuzz where it is missing (takes some minutes, once)
	@cargo fuzz --version >/dev/null 2>&1 || { \
		echo "fuzz: installing cargo-fuzz $(CARGO_FUZZ_VERSION) with cargo; this takes some minutes, once"; \
		cargo install --quiet --locked cargo-fuzz@$(CARGO_FUZZ_VERSION); \
	}
