# Every target sets up what it needs. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

LINK ?= http
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_VERSION := 0.13.9
CHECKED := schemas gateway bureaus tests tools benchmarks examples setup.py

# A stamp's name holds the checksum of what was installed, so a changed list installs again and an old one does not.
checksum = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
VENV_STAMP := .venv/.made
RUNTIME_STAMP := .venv/.runtime-$(call checksum,requirements.txt pyproject.toml)
NETWORK_STAMP := .venv/.network-$(call checksum,requirements-network.txt pyproject.toml)
SECRETARIAT_STAMP := .venv/.secretariat-$(call checksum,requirements-secretariat.txt pyproject.toml)
DEV_STAMP := .venv/.dev-$(call checksum,requirements-dev.txt pyproject.toml)
PEERS_STAMP := .venv-peers/.python-$(call checksum,requirements-peers.txt)
BENCH_STAMP := .venv-bench/.made-$(call checksum,benchmarks/requirements.txt)
NODE_STAMP := .venv-peers/.node-$(call checksum,tests/peers/package-lock.json tests/peers/requirements-node.txt)

DEMO_NEEDS := $(if $(filter amqp,$(LINK)),$(NETWORK_STAMP) broker,$(RUNTIME_STAMP)) $(SECRETARIAT_STAMP)

# Where compiled and plain Python could differ: all formats and rules, hostile input, stores, a whole exchange.
COMPILED_TESTS := tests/unit/schemas tests/unit/gateway tests/unit/test_vectors.py tests/contract tests/fuzz tests/adversary \
	tests/e2e/test_demo_http.py tests/e2e/test_demo_amqp.py

.PHONY: help demo test compiled adversary fuzz faults check bench pictures fmt venv services broker peers lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO_NEEDS) ## run INFRA-SA 2011 on this machine (LINK=http|amqp, ARGS="--json --seed 7 --out DIR", "--story notice")
	@$(BIN)/bureaunet demo --link $(LINK) $(ARGS)

test: venv services peers ## run all tests in two processes (ARGS="tests/unit -k name" runs some, "-n 0" in one)
	@$(BIN)/pytest -n 2 $(ARGS)

faults: venv services ## run the fault suite, 20 to 40 minutes (LIST=1 names them, ONLY=NAME SEED=N runs one again)
	@$(BIN)/python -m tests.faults $(if $(LIST),--list) $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(ONLY)

compiled: venv services ## compile the busiest modules in a copy, build/compiled, and run tests on it (ARGS="tests/unit/schemas" runs some)
	@deploy/install-services.sh gcc libc6-dev
	@$(BIN)/python -m tools.compiled
	@cd build/compiled && .venv/bin/python -m pytest -n 2 $(or $(ARGS),$(COMPILED_TESTS))

adversary: venv ## attack a real gateway and a real broker; the table goes to build/adversary.json
	@deploy/install-services.sh rabbitmq-server softhsm2
	@BUREAUNET_ADVERSARY_REPORT=build/adversary.json $(BIN)/pytest tests/adversary --quiet --durations=0 $(ARGS)

fuzz: venv ## fuzz decode, verify, open and admission until Ctrl-C (TIME=seconds ends by itself)
	@$(BIN)/python -m tests.fuzz $(if $(TIME),--seconds $(TIME)) $(ARGS)

check: venv ## formatter, linter, types, import contracts, sizes
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy --strict $(CHECKED)
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_sizes
	$(BIN)/python -m tools.check_never

bench: venv broker $(BENCH_STAMP) ## measure ours, compiled, beside something else (ONLY=NAME, TABLE=machine, PLAIN=1 not compiled, LONG=1 an hour of memory)
	@deploy/install-services.sh librabbitmq-dev gcc libc6-dev
	@$(if $(PLAIN),,$(BIN)/python -m tools.compiled)
	@$(if $(PLAIN),,cd build/compiled &&) BUREAUNET_BENCH_LONG=$(LONG) .venv/bin/python -m benchmarks$(if $(TABLE),.$(TABLE)) $(ONLY) $(ARGS)

pictures: venv ## take the README's pictures of the console with Debian's Chromium
	@deploy/install-services.sh chromium
	@$(BIN)/python -m tools.pictures $(ARGS)

fmt: venv ## format, and mend what the linter can mend itself
	$(BIN)/ruff check --fix-only --quiet $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

venv: $(DEV_STAMP) ## make .venv with everything for development

$(VENV_STAMP):
	@tools/venv.sh .venv
	@touch $@

define install # a pinned list, then the project itself without fetching anything
	@echo "installing $(1)" >&2
	@$(PIP) install --require-hashes --requirement $(1)
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@
endef

$(RUNTIME_STAMP): | $(VENV_STAMP)
	$(call install,requirements.txt)

$(NETWORK_STAMP): | $(VENV_STAMP)
	$(call install,requirements-network.txt)

$(SECRETARIAT_STAMP): | $(VENV_STAMP)
	$(call install,requirements-secretariat.txt)

$(DEV_STAMP): | $(VENV_STAMP)
	$(call install,requirements-dev.txt)
	@touch $(RUNTIME_STAMP) $(NETWORK_STAMP) $(SECRETARIAT_STAMP)

services: ## install the Debian packages that tests start (as root; otherwise prints the command)
	@deploy/install-services.sh

broker:
	@deploy/install-services.sh rabbitmq-server

peers: $(PEERS_STAMP) $(NODE_STAMP) ## install the implementations that tests compare with

$(PEERS_STAMP):
	@echo "installing requirements-peers.txt" >&2
	@tools/venv.sh .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-peers.txt
	@touch $@

$(BENCH_STAMP):
	@echo "installing benchmarks/requirements.txt" >&2
	@tools/venv.sh .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r benchmarks/requirements.txt
	@touch $@

$(NODE_STAMP): $(PEERS_STAMP)
	@tools/node_peers.sh install
	@touch $@

LOCK := .venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(VENV_STAMP) $(PEERS_STAMP) ## pin every dependency again (ARGS=--upgrade takes newer ones)
	@$(PIP) install uv==$(UV_VERSION)
	$(LOCK) $(ARGS) pyproject.toml --group build -o requirements.txt
	$(LOCK) $(ARGS) pyproject.toml --group build --extra network -c requirements.txt -o requirements-network.txt
	$(LOCK) $(ARGS) pyproject.toml --group build --extra network --extra oidc --extra secretariat --extra token --extra traces --group dev \
		-c requirements-network.txt -o requirements-dev.txt
	$(LOCK) $(ARGS) pyproject.toml --group build --extra secretariat -c requirements-dev.txt -o requirements-secretariat.txt
	$(LOCK) $(ARGS) pyproject.toml --group build --group compile -c requirements-dev.txt -o requirements-compile.txt
	$(LOCK) $(ARGS) tests/peers/requirements.in -o requirements-peers.txt
	$(LOCK) $(ARGS) benchmarks/requirements.in -o benchmarks/requirements.txt
	$(LOCK) $(ARGS) tests/peers/requirements-node.in -o tests/peers/requirements-node.txt
	@tools/node_peers.sh lock

clean: ## remove what make made
	rm -rf .venv .venv-peers .venv-bench tests/peers/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
