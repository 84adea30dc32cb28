# The two commands are `make demo` and `make test`; each does all the set-up by itself.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench bench-detection bench-anomaly bench-console bench-rules bench-scenarios chaos fuzz docs clean parts

# `source` needs a file name with a slash to look here and nowhere else.
PARTS := source ./scripts/env.sh

DEMO_SECONDS ?= 60
KILLS ?= 20
FUZZ_SECONDS ?= 60
export DEMO_SECONDS KILLS

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 17

parts:
	@scripts/setup.sh
	@scripts/fetch.sh

demo: parts ## planted attacks through real Kafka, ClickHouse and SMTP, for DEMO_SECONDS (60)
	@cargo build --release --locked --bin gatewatch --example demo
	@$(PARTS); exec "$${CARGO_TARGET_DIR:-target}/release/examples/demo"

test: parts ## the whole suite against the same real parts
	@$(PARTS); cargo test --locked
	@echo "make test: every test passed"

lint: ## formatting, clippy and the shell scripts; licences of dependencies when cargo-deny is there
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck -x scripts/*.sh .ci/run; else echo "lint: shellcheck is not installed, scripts left out"; fi
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "lint: cargo-deny is not installed, licences left out"; fi

bench: parts ## the figures of this machine
	@$(PARTS); cargo bench --locked

bench-detection: ## recall and false alarms of the shipped rules on labelled requests of others
	@cargo bench --locked --bench detection

bench-scenarios: ## attacks found, twins alarmed, false alarms on simulated days; ten seeds from SEED, else from the clock; SCENARIOS=DIR
	@SEED='$(SEED)' SCENARIOS='$(abspath $(SCENARIOS))' cargo bench --locked --bench scenarios

bench-anomaly: ## the models on labelled data of others (NAB, ADBench), false alarms, power, time to alert, cost
	@cargo bench --locked --bench anomaly

bench-rules: ## speed of the rule engine, of the shipped rules and of correlations, on one core
	@cargo bench --locked --bench sigma
	@cargo bench --locked --bench catalogue
	@cargo bench --locked --bench track

bench-console: parts ## pages, barriers and hunts of the console: ALERTS (1000000), HUNT_ROWS (100000000)
	@$(PARTS); cargo bench --locked --bench console
	@$(PARTS); cargo test --locked --release --test hunt -- --nocapture | grep figure

chaos: parts ## kills at random instants while events flow: SEED (1), KILLS (20)
	@$(PARTS); SEED=$(or $(SEED),1) CHAOS_EVENTS=$${CHAOS_EVENTS:-500000} cargo test --locked --release --test chaos -- --nocapture

fuzz: ## each fuzz target for FUZZ_SECONDS (60); needs nightly Rust and cargo-fuzz
	@cargo fuzz --version >/dev/null 2>&1 || { echo "fuzz: cargo-fuzz is missing, install it with: cargo install cargo-fuzz && rustup toolchain install nightly" >&2; exit 2; }
	@for target in $$(cargo +nightly fuzz list); do cargo +nightly fuzz run --sanitizer none "$$target" -- -max_total_time=$(FUZZ_SECONDS); done

docs: ## the generated pages (docs/events.md, docs/event-schema.json, docs/rules) and the API's documentation
	UPDATE_DOCS=1 cargo test --locked --test docs_fresh
	cargo doc --locked --no-deps

clean: ## what was built and what the demo left; the downloads stay
	cargo clean
	rm -rf .cache
