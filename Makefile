# The commands of this project; `make help` lists them. Nothing needs to be installed beforehand but Python 3.11 or
# later and make: each rule builds the environment that it runs in.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
LOCAL := $(BIN)/python -m local $(if $(PORT),--port $(PORT))
SAM_VERSION := 1.170.0
REQUIREMENTS := requirements-dev.txt constraints-dev.txt layers/dependencies/requirements.txt
# The first that is there, runs and is new enough; `make PYTHON=/path/to/python …` names another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python python3.14; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done; true)

.PHONY: help
help: ## list these commands
	@echo "make …"
	@sed -nE 's/^([a-z][a-z-]*):.*## (.*)$$/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-11s %s\n", $$1, $$2 }'

## ---- running it

.PHONY: local stop tour token mail disclosures promises
local: $(BIN)/.ready ## start the local engine and deploy both regions (PORT=4566); again: deploy what changed
	@$(LOCAL) start

stop: $(BIN)/.ready ## save the local engine's state and end it
	@$(LOCAL) stop

tour: $(BIN)/.ready ## drive the running system with real input and show what a person would see
	@$(LOCAL) tour

token: $(BIN)/.ready ## print a bearer token of staff (ROLE=helpdesk, security or dpo; PERSON=another one of that role)
	@$(LOCAL) token $(if $(ROLE),$(ROLE),helpdesk) $(if $(PERSON),--person $(PERSON))

mail: $(BIN)/.ready ## print the mails that the local system sent
	@$(LOCAL) mail

disclosures: $(BIN)/.ready ## print what the processors would have received
	@$(LOCAL) disclosures

promises: $(BIN)/.ready ## audit the local system now and print which promises are kept
	@$(LOCAL) promises

## ---- checking it

# The tests that share the deployed engine stay together on one worker (tests/integration/conftest.py).
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadgroup

.PHONY: test bench prove lint
test: $(BIN)/.ready ## run the unit, template, integration, simulation and browser tests
	@$(BIN)/pytest $(PARALLEL) $(TESTS)

bench: $(BIN)/.ready ## measure, print a table and write benchmarks.json
	@PYTHONPATH=layers/models/python:functions:. $(BIN)/python -m tests.benchmarks

prove: $(BIN)/.ready ## the long proofs (SIM_SEEDS=50 histories), and each promise with the tests that show it kept
	@SIM_SEEDS=$${SIM_SEEDS:-50} $(BIN)/pytest --quiet --promises $(PARALLEL) $(TESTS)

lint: $(BIN)/.ready ## ruff, mypy and cfn-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint template.yaml

## ---- building it

.PHONY: openapi
openapi: $(BIN)/.ready ## write docs/openapi.json anew, from the routes and what is declared beside them
	@PYTHONPATH=layers/models/python:functions:. $(BIN)/python -m openapi

.PHONY: build lock clean
build: .sam-venv/.ready ## sam build and sam validate --lint, in an environment of their own
	@PATH="$(CURDIR)/.sam-venv/bin:$$PATH" SAM_CLI_TELEMETRY=0 .sam-venv/bin/sam build --cached
	@SAM_CLI_TELEMETRY=0 .sam-venv/bin/sam validate --lint
	@echo "deploy with: .sam-venv/bin/sam deploy (asia, the home), .sam-venv/bin/sam deploy --config-env americas"

lock: ## pin anew what the pinned packages bring with them
	@rm -rf .local/lock && mkdir -p .local/lock && echo > constraints-dev.txt
	@$(PYTHON) -m venv .local/lock/venv && .local/lock/venv/bin/pip install --quiet -r requirements-dev.txt
	@sed -nE 's/^([A-Za-z0-9_.-]+==).*/^\1/p' requirements-dev.txt layers/dependencies/requirements.txt > .local/lock/direct
	@{ echo "# What the pinned packages bring with them, pinned. Written by \`make lock\`; do not edit."; \
		.local/lock/venv/bin/pip freeze | grep -ivf .local/lock/direct; } > constraints-dev.txt
	@rm -rf .local/lock

clean: ## remove everything built, and the local engine's state (stops it first)
	@if [ -x $(BIN)/python ]; then $(LOCAL) stop; fi
	rm -rf .aws-sam .hypothesis .local .mypy_cache .pytest_cache .ruff_cache .sam-venv .venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/.ready: $(REQUIREMENTS)
	$(call environment,.venv)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.sam-venv/.ready: Makefile
	$(call environment,.sam-venv)
	@.sam-venv/bin/pip install --quiet --disable-pip-version-check aws-sam-cli==$(SAM_VERSION)
	@touch $@

define environment
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or later, with its venv module, is needed and was not found: install it \
	(Debian: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; fi
	@echo "building $(1) with $(PYTHON) (once; a minute or two) …"
	@$(1)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(1)
endef
