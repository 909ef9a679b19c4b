# `make run` and `make test` do all the set-up themselves: an environment in .venv, torch, the package.
#
#   TORCH    the torch to install first; empty: whatever pip takes for the package's own range
#   PYTHON   the interpreter that makes the environment, 3.11 or newer; empty: the first one found
#   WORKERS  how many processes the tests run in; 0: in this one
#   OPTIONS  further options of pytest, such as OPTIONS="-k fingerprint"

TORCH ?= torch==2.13.0
PYTHON ?=
WORKERS ?= auto
OPTIONS ?=

ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
CANDIDATES := python3 python3.13 python3.12 python3.11 python
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses=8

# Idle OpenMP threads that spin slow everything else on the machine down.
export OMP_WAIT_POLICY := passive
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-thorough lint format types layers docs wheel clean always

help:
	@echo "make run            run the quickstart: train a small model, make it smaller, show what each step did"
	@echo "make test           run the tests"
	@echo "make test-slow      run the tests that take longer"
	@echo "make test-thorough  run the tests with many more random examples"
	@echo "make lint           check style and formatting        make format   apply them"
	@echo "make types          check types                       make layers   check who imports whom"
	@echo "make docs           build the documentation into site/"
	@echo "make wheel          build the wheel into dist/        make clean    remove what was made"
	@echo
	@echo 'Settings, such as make test TORCH="torch==2.14.0" PYTHON=python3.12, are described in the Makefile.'

run: $(ENVIRONMENT)/installed
	$(BIN)/nadoo run quickstart --out out/quickstart

test: $(ENVIRONMENT)/installed-dev
	$(PYTEST) -m "not slow" $(OPTIONS)

test-slow: $(ENVIRONMENT)/installed-dev
	$(PYTEST) -m slow $(OPTIONS)

test-thorough: $(ENVIRONMENT)/installed-dev
	$(PYTEST) --hypothesis-profile=thorough --timeout=3600 $(OPTIONS)

lint: $(ENVIRONMENT)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(ENVIRONMENT)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(ENVIRONMENT)/installed-dev
	$(BIN)/pyright

layers: $(ENVIRONMENT)/installed-dev
	$(BIN)/lint-imports

docs: $(ENVIRONMENT)/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open site/index.html"

wheel: $(ENVIRONMENT)/installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(ENVIRONMENT) dist .pytest_cache .hypothesis .ruff_cache .import_linter_cache

# The set-up. Each step leaves a file behind and is done again only when what it depends on changes.

$(ENVIRONMENT)/created:
	@python=; \
	for candidate in $(or $(PYTHON),$(CANDIDATES)); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        python=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "nadoo needs Python 3.11 or newer, and none of these is: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	    echo "Install one, or name yours: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	fi; \
	echo "Setting up $(ENVIRONMENT) with $$("$$python" --version); the first time takes a minute or two."; \
	"$$python" -m venv $(ENVIRONMENT)
	@touch $@

# Holds the torch that was asked for, and is written anew only when another one is.
$(ENVIRONMENT)/torch: $(ENVIRONMENT)/created always
	@echo '$(TORCH)' | cmp -s - $@ || echo '$(TORCH)' > $@

# pip is given the torch twice: first alone, then so that the package's own range cannot replace it.
$(ENVIRONMENT)/installed: $(ENVIRONMENT)/torch pyproject.toml
	$(if $(TORCH),$(BIN)/python -m pip install --quiet '$(TORCH)')
	$(BIN)/python -m pip install --quiet $(if $(TORCH),'$(TORCH)') --editable '.[examples]'
	@touch $@

$(ENVIRONMENT)/installed-dev: $(ENVIRONMENT)/installed
	$(BIN)/python -m pip install --quiet $(if $(TORCH),'$(TORCH)') --editable '.[dev]'
	@touch $@
