# `make run` and `make test` do everything they need first, on a machine that has Python 3.11+ and make.

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# `PYTHON=...` asks for that very Python: an environment that was made with another one is made anew.
ifneq ($(filter command environment,$(firstword $(origin PYTHON))),)
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
VERSION := import sys; sys.version_info < (3, 11) or print(*sys.version_info[:3], sep=".")
WANTED := $(shell $(PYTHON) -c '$(VERSION)' 2>/dev/null)
FOUND := $(shell $(BIN)/python -c '$(VERSION)' 2>/dev/null)
ifeq ($(WANTED),)
$(error $(PYTHON) is no Python 3.11 or later)
endif
ifneq ($(filter-out $(WANTED),$(FOUND)),)
$(info $(VENV) is of Python $(FOUND), not $(WANTED))
$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,$(shell rm -rf $(VENV)))
endif
endif
endif

# `make test` has two parts, and the second runs whatever became of the first: what needs no browser, and the rest.
# Both run on all cores; tests/support/distribution.py says which tests stay together.
FIRST := tests/unit tests/contract tests/properties tests/simulation tests/integration tests/docs
PYTEST := $(BIN)/python -m pytest
SPREAD := --numprocesses auto --dist loadscope

AGAIN := $(MAKE) --no-print-directory
# `make -n` runs a recipe that says $(MAKE) itself.

.DEFAULT_GOAL := help
.PHONY: help setup run cluster test check bench screenshots clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

setup: $(VENV)/runtime  ## Install what the program needs

run: $(VENV)/runtime  ## Serve cloudcache on http://localhost:3000 (PORT=... for another port)
	@echo "cloudcache will be at http://localhost:$(PORT)/ in a moment; Ctrl-C stops it."
	@REFLEX_API_URL=http://localhost:$(PORT) $(BIN)/reflex export --frontend-only --no-zip --loglevel warning
	@exec $(BIN)/python -m cloudcache web --port $(PORT)

cluster: $(VENV)/tests  ## Postgres, Valkey, 2 web and 2 sync workers, 1,000 stores, on this machine
	@exec $(BIN)/python -m tests.cluster --port $(PORT)

test: $(VENV)/runtime  ## Run every test
	@$(BIN)/python -m tests.support.server & building=$$!; \
	$(AGAIN) $(VENV)/tests || { kill $$building; exit 1; }; \
	$(BIN)/python -m tests.support.chromium >/dev/null & finding=$$!; \
	failed=0; \
	$(PYTEST) $(SPREAD) $(FIRST) || { failed=1; echo 'make test: the first part failed' >&2; }; \
	wait $$building $$finding; \
	$(PYTEST) $(SPREAD) $(addprefix --ignore=,$(FIRST)) || { failed=1; echo 'make test: the second part failed' >&2; }; \
	exit $$failed

check: $(VENV)/tests  ## Format, lint, types, import rules, secrets, known holes and the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@git ls-files -z 2>/dev/null | xargs -0 -r $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	@$(BIN)/python -m tests.support.dependencies
	@$(BIN)/python -m tests.support.toggle_page --age
	CLOUDCACHE_EXAMPLES=4 $(PYTEST) -q $(SPREAD) tests/unit tests/properties

bench: $(VENV)/tests  ## Measure what docs/benchmarks.md claims
	$(BIN)/python -m tests.bench

screenshots: $(VENV)/tests  ## Keep a picture of every state of the page in .screenshots/
	@$(PYTEST) -q tests/browser/test_states.py && echo 'The pictures are in .screenshots/'

clean:  ## Remove what was installed and built; the database in .cloudcache stays
	rm -rf $(VENV) .tools .web .web-tests .states .*_cache .hypothesis .coverage* .screenshots

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cloudcache needs Python 3.11 or later")'
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements.txt ..."
	@$(PIP) -r requirements.txt
	@$(BIN)/python -m cloudcache.bun >/dev/null
	@touch $@

$(VENV)/tests: requirements-dev.txt requirements-tracing.txt $(VENV)/runtime
	@echo "Installing requirements-dev.txt ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
