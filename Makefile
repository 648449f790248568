# The table of contents: `make run` to try it, `make test` before a commit. The chores live in xtask/.

TARGET   := $(or $(CARGO_TARGET_DIR),target)
# Tests run in the development profile, and so do all chores: one build serves them all.
NEXTEST  := $(shell cargo nextest --version 2>/dev/null)
BUILT    := KEYWRIGHT_BIN=$(abspath $(TARGET))/debug/keywright
# Seconds for each fuzz target, and words for the program that `run` and `bench` start.
TIME     ?= 60
ARGS     ?=

.PHONY: help run test check lint deny fmt generate bench release fuzz powercut

help: ## show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

run: ## build quickly and start the server on http://localhost:3000
	cargo run --profile quick --package keywright -- serve $(ARGS)

test: ## everything that must pass before a merge; installs what it needs
	cargo xtask setup
	@$(MAKE) --no-print-directory lint
	cargo build --workspace --bins --tests
	KEYWRIGHT_REQUIRE_POSTGRES=1 cargo xtask with-postgres -- $(if $(NEXTEST),cargo nextest run --no-fail-fast,cargo test --no-fail-fast) --workspace
	$(if $(NEXTEST),cargo test --workspace --doc --quiet)
	$(BUILT) cargo xtask generate --check
	KEYWRIGHT_REQUIRE_POSTGRES=1 $(BUILT) cargo xtask with-postgres -- cargo xtask e2e

check: lint deny ## the quick part of `test`: formatting, lints, tidy, licences

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy

deny:
	$(if $(shell cargo deny --version 2>/dev/null),cargo deny check,@echo "make check: cargo-deny is not installed, so licences and advisories were not checked")

fmt: ## format the code
	cargo fmt --all

generate: ## write openapi.json and the reference pages anew
	cargo xtask generate

bench: ## measure every claim about speed beside its floor
	cargo run --release -p keywright-bench -- $(ARGS)

powercut: ## lose power at random moments, and a negative control; needs root
	cargo xtask setup
	cargo build --package keywright
	$(BUILT) $(TARGET)/venv/bin/python e2e/powercut/powercut.py

release: ## the binary with full optimisation
	cargo build --release --package keywright
	@ls -l $(TARGET)/release/keywright

fuzz: ## every fuzz target for TIME seconds; needs a nightly toolchain and cargo-fuzz
	cd fuzz && for target in $$(cargo +nightly fuzz list); do cargo +nightly fuzz run $$target -- -max_total_time=$(TIME) || exit 1; done
