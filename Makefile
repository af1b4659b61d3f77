# Two commands: `make demo` runs the main job, `make test` passes every test. Both set up what they
# need in .venv: nothing but Python >= 3.11, make and a package index is asked of the machine.

# The newest CPython >= 3.11 that really runs, on PATH or among pyenv's.
FIND_PYTHON = for v in 14 13 12 11; do \
	for p in python3.$$v $$HOME/.pyenv/versions/3.$$v.*/bin/python3; do \
		"$$p" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $$v))" \
			>/dev/null 2>&1 && { echo "$$p"; exit 0; }; \
	done; done; \
	python3 -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))" \
		>/dev/null 2>&1 && { echo python3; exit 0; }; \
	echo "Holdfast needs Python 3.11 or newer (with its venv module)" >&2; exit 1
PYTHON ?= $(shell $(FIND_PYTHON))
BIN = .venv/bin
UV = $(BIN)/uv
PACKAGES = -p holdfast.workflows -p holdfast.activities -p holdfast.workers -p holdfast.starters -p holdfast.deploy

.PHONY: help demo dev test reliability bench histories lint types check clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: .venv/demo ## Lose a site, recover it, kill the worker in the middle, roll a second one back
	@$(BIN)/holdfast demo

dev: .venv/demo ## Run Temporal, a lab and a worker, and keep them up
	@$(BIN)/holdfast dev

test: .venv/dev ## Pass every test
	@$(BIN)/pytest -q -n 2 --dist loadfile

LANE ?= merge
reliability: .venv/dev ## The reliability card, one table: LANE=commit|merge|nightly|release
	@PYTHONPATH=tests $(BIN)/python -m reliability --lane $(LANE)

bench: .venv/dev ## Measure Holdfast beside what a user would pick instead; a table and a plot
	@PYTHONPATH=tests $(BIN)/python -m bench

lint: .venv/dev ## Style, and the import contracts that keep the house's picture true
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

histories: .venv/dev ## Record the histories that replay tests hold to (only before a release)
	@PYTHONPATH=tests $(BIN)/python -m replay.record

types: .venv/dev ## mypy --strict
	@$(BIN)/mypy $(PACKAGES)
	@cd tests && ../$(BIN)/mypy --config-file ../pyproject.toml .

check: lint types test ## All that CI runs

clean: ## Remove the environment and what tools left behind
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .holdfast build dist *.egg-info

$(UV):
	@test -n "$(PYTHON)" || exit 1
	@echo "Setting up .venv with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# Compiled at once: how fast a worker starts is part of how fast a recovery goes on.
.venv/demo: $(UV) uv.lock pyproject.toml
	@$(UV) sync --quiet --locked --inexact --compile-bytecode --no-default-groups --extra embedded --extra graph
	@touch $@

.venv/dev: $(UV) uv.lock pyproject.toml
	@$(UV) sync --quiet --locked --inexact --compile-bytecode --all-extras --all-groups
	@touch $@ .venv/demo
