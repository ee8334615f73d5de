# What can be done here; `make` alone lists it. Set-up is stamped in the venv, so a second run is instant.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up demo test check soak bench guard fmt lock clean services

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CODE := domain application projections adapters api proxy migrations
# Wheels only: building from source would run code that no hash in the lock covers.
INSTALL := $(BIN)/pip install --quiet --only-binary :all: --require-hashes
OURSELVES := $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --extra embedded --group build

help: ## List what can be done here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.installed ## Start everything on this machine; Ctrl-C ends it
	@exec $(BIN)/clawbot up

demo: $(VENV)/.installed ## Walk the main job against a simulated vendor
	@exec $(BIN)/clawbot demo

test: $(VENV)/.installed-dev services ## Run every test but the long ones
	@.ci/tests $(BIN)

check: $(VENV)/.installed-dev services ## Format, lint, types, contracts, dead and doubled code, locks, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo vulture
	@found=$$($(BIN)/vulture) || [[ $$? == 3 ]]; \
		! grep --invert-match --extended-regexp "^$$|unused variable '[a-z]" <<< "$$found"
	$(BIN)/pylint $(CODE)
	$(BIN)/pip check
	@.ci/tests $(BIN)

soak: $(VENV)/.installed-dev services ## Run the long tests with their full counts (hours)
	@CLAWBOT_SOAK=1 $(BIN)/pytest -m "soak or hypothesis" --timeout 7200

bench: $(VENV)/.installed ## Measure the proxy; PEERS=1 beside LiteLLM and Portkey, CLIENTS=1 HTTP clients
	@exec $(BIN)/clawbot bench $(if $(PEERS),--peers) $(if $(CLIENTS),--clients)

guard: $(VENV)/.installed-dev ## Hold the CPU of a call against that of an earlier revision
	@exec $(BIN)/clawbot bench --guard

fmt: $(VENV)/.installed-dev ## Format the code and fix what can be fixed by rule
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: ## Lock what pyproject.toml asks for (needs uv); UPGRADE=--upgrade takes newer ones
	$(COMPILE) $(UPGRADE) --extra otel --group test --group lint --output-file requirements-dev.lock pyproject.toml > /dev/null
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml > /dev/null

clean: ## Remove the venv and whatever tools left here; data folders stay
	rm -rf $(VENV) .cache build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

services: # the servers and tools that tests use besides our own PostgreSQL
	@.ci/packages redis-server rabbitmq-server iproute2 npm docker.io

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || .ci/packages python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/pip
	$(INSTALL) --requirement requirements.lock
	$(OURSELVES)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/pip
	$(INSTALL) --requirement requirements-dev.lock
	$(OURSELVES)
	@touch $@ $(VENV)/.installed
