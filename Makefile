# Every command that a newcomer needs. Each one first makes .venv from requirements.lock (about a minute, once).
#   make demo                      a small city on this machine      make demo ARGS="--schools 2 --scale 0.05"
#   make test                      what CI runs                      make test ARGS="-k ledger"

VENV := .venv
PYTHON_IN := $(VENV)/bin/python
ARGS ?=
# A failing run prints its seed: make test ARGS="…" GOROD_TEST_SEED=…
PYTEST := -m pytest -n 2 --dist worksteal
PROTO := -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. proto/sync/v1/*.proto

.DEFAULT_GOAL := help
# Byte code is kept, whatever the shell says: programs and tests start two to four times quicker.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup demo test test-full test-faults lint proto bench package

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## .venv at the root, made anew when the lock changes
	@sh install/linux/setup.sh

demo: setup ## embedded PostgreSQL, collector, portal and three simulated schools
	@exec $(VENV)/bin/gorod demo $(ARGS)

test: setup ## everything but the long tests; what CI runs
	@$(PYTHON_IN) -m tests.fix_browser
	@$(PYTHON_IN) $(PYTEST) -m "not full" $(ARGS)

test-full: setup ## the long tests too, and the suite under Python 3.12 and 3.13 where they exist
	@$(PYTHON_IN) -m tests.fix_browser
	@$(PYTHON_IN) $(PYTEST) $(ARGS)
	@for version in 3.12 3.13; do \
	    case "$$($(PYTHON_IN) -V)" in *" $$version."*) continue;; esac; \
	    python=; for found in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	        "$$found" -c '' 2>/dev/null && python=$$found && break; \
	    done; \
	    [ -n "$$python" ] || { echo "python$$version: нет, пропущен / not here, left out"; continue; }; \
	    PYTHON=$$python VENV=.venv-$$version sh install/linux/setup.sh || exit 1; \
	    .venv-$$version/bin/python $(PYTEST) -m "not full" $(ARGS) || exit 1; \
	done

test-faults: setup ## acceptance tests in their long form: real processes, real faults
	@$(PYTHON_IN) -m pytest -m acceptance $(ARGS)

lint: setup ## ruff, formatting, mypy, direction of imports
	@$(PYTHON_IN) -m ruff check
	@$(PYTHON_IN) -m ruff format --check
	@$(PYTHON_IN) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

proto: setup ## generated stubs from proto/sync/v1/*.proto
	@$(PYTHON_IN) $(PROTO)

bench: setup ## one benchmark: make bench ARGS="load --json"
	@$(PYTHON_IN) -m tests.bench $(ARGS)

package: setup ## sdist and wheel in dist/
	@$(PYTHON_IN) -c "from setuptools import build_meta as b; print(b.build_sdist('dist'), b.build_wheel('dist'))"
