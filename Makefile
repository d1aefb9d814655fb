PYTHON ?= python3
PORT ?= 8000
FRONT_PORT ?= 8080
MINUTES ?= 5
ROUNDS ?= 9
BIN := .venv/bin
LOCKS := requirements.txt requirements-dev.txt benchmarks/requirements.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
  --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
export FRONT_PORT
.PHONY: help run dev app front stack soak bench test check install lock schema screenshots

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/installed ## Serve this clone on 127.0.0.1 (PORT=8000) until Ctrl-C
	@exec $(BIN)/python -m petsage_project.serve --port '$(PORT)'

stack: .venv/installed ## Serve it behind nginx on 127.0.0.1 (FRONT_PORT=8080): make app and make front
	@$(BIN)/python manage.py check && $(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@exec $(BIN)/python -m petsage_project.stack

app: .venv/installed ## Serve it on var/petsage.sock, two workers, for nginx
	@$(BIN)/python manage.py check && $(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@exec $(BIN)/python -m petsage_project.app

front: .venv/installed ## Run nginx alone, in front of var/petsage.sock
	@exec $(BIN)/python -m petsage_project.front

dev: .venv/installed ## Serve it by Django's autoreloading server, with DEBUG on
	@DJANGO_DEBUG=1 exec $(BIN)/python manage.py runserver '127.0.0.1:$(PORT)'

test: .venv/installed-dev ## Run all tests
	@$(BIN)/python -m pytest

soak: .venv/installed-dev ## Disturb the stack under load for minutes (MINUTES=5), and count what is lost
	@$(BIN)/python -m smoke_test.tests.stack.soak --minutes '$(MINUTES)'

bench: .venv-bench/installed ## Measure it beside the original and its peers (ROUNDS=9)
	@.venv-bench/bin/python -m benchmarks.endpoint --rounds '$(ROUNDS)'

check: .venv/installed-dev ## Lint, types, and whether the lock files are fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/python manage.py check --fail-level WARNING
	@mkdir -p .venv/before/benchmarks && for lock in $(LOCKS); do cp -p $$lock .venv/before/$$lock; done
	@$(MAKE) --no-print-directory lock
	@for lock in $(LOCKS); do \
	  cmp -s $$lock .venv/before/$$lock || stale="$$stale $$lock"; \
	  cp -p .venv/before/$$lock $$lock; \
	done; \
	test -z "$$stale" || { echo "not what pyproject.toml asks for:$$stale; run make lock" >&2; exit 1; }

install: .venv/installed ## Make .venv from requirements.txt

lock: .venv/installed-dev ## Compile what is installed, with hashes, from pyproject.toml
	@$(COMPILE) --output-file requirements.txt pyproject.toml
	@$(COMPILE) --constraint requirements.txt --group test --group lint \
	  --output-file requirements-dev.txt pyproject.toml
	@$(COMPILE) --constraint requirements.txt --group bench \
	  --output-file benchmarks/requirements.txt pyproject.toml

schema: .venv/installed ## Write docs/openapi.json
	@$(BIN)/python manage.py spectacular --format openapi-json --validate --fail-on-warn \
	  > .venv/openapi.json && mv .venv/openapi.json docs/openapi.json

screenshots: .venv/installed-dev ## Write a picture of every page to var/screenshots/
	@$(BIN)/python -m pytest -q smoke_test/tests/pages/screenshots.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: found $$($(PYTHON) --version), wanted Python 3.11 or later; name one with PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv-bench/installed: benchmarks/requirements.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
