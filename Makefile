PYTHON ?= python3
PORT ?= 8000
NGINX_PORT ?= 8080
ROUNDS ?= 9
TIMES ?= 10
RELEASE ?= $(or $(shell git describe --always --abbrev=12 --exclude '*' --dirty 2>/dev/null),unknown)
BIN := .venv/bin
# The first that works: docker may be installed without its daemon.
ENGINE = $(or $(firstword $(foreach it,docker podman,$(shell $(it) version >/dev/null 2>&1 && echo $(it)))), \
  $(error got no working docker or podman, expected one; apt-get install podman or docker.io))
LOCKS := requirements.txt requirements-probe.txt requirements-dev.txt benchmarks/requirements.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras \
  --python-version 3.11 --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
export NGINX_PORT
# Otherwise podman builds images without HEALTHCHECK.
export BUILDAH_FORMAT = docker
.PHONY: help run dev nginx stack image container soak bench unit test checkers check install lock \
  schema screenshots

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/installed ## Serve this clone on 127.0.0.1 (PORT=8000) until Ctrl-C
	@exec $(BIN)/python -m deploy.run --port '$(PORT)'

stack: .venv/installed ## Serve it behind nginx on 127.0.0.1 (NGINX_PORT=8080)
	@exec $(BIN)/python -m deploy.run --behind-nginx

nginx: .venv/installed ## Run nginx alone, in front of var/app-1.sock and var/app-2.sock
	@exec $(BIN)/python -m deploy.nginx

image: ## Build the image petsage (RELEASE=commit) with docker or podman
	@$(ENGINE) build --build-arg 'RELEASE=$(RELEASE)' --tag petsage .

container: image ## Run the image on 127.0.0.1 (PORT=8000) with minimal privileges
	@echo 'PetSage serves http://127.0.0.1:$(PORT)/smoke-test/ until Ctrl-C'
	@key=$$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') && \
	  exec $(ENGINE) run --rm --read-only --cap-drop ALL --security-opt no-new-privileges \
	  --publish '127.0.0.1:$(PORT):8000' --env "DJANGO_SECRET_KEY=$$key" petsage

dev: .venv/installed ## Serve it with Django's autoreloading server and DEBUG
	@DJANGO_DEBUG=1 exec $(BIN)/python manage.py runserver '127.0.0.1:$(PORT)'

unit: .venv/installed-dev ## Run the tests that start no process
	@$(BIN)/python -m pytest -m unit

test: .venv/installed-dev ## Run all tests except those of make checkers
	@$(BIN)/python -m pytest --cov -m '$(or $(TESTS),not checkers)'

checkers: .venv/installed-dev ## Run every health checker against a machine with faults, and write docs/health-checkers/
	@$(BIN)/python -m pytest -m '$(or $(TESTS),checkers)'

soak: .venv/installed-dev ## Disturb a machine under full load, and write docs/reliability.md (TIMES=10), as root
	@$(BIN)/python -m tests.systemd.soak --times '$(TIMES)'

bench: .venv-bench/installed ## Compare the speed with the original and its peers, and write docs/performance.md (ROUNDS=9)
	@.venv-bench/bin/python -m benchmarks.endpoint --rounds '$(ROUNDS)'
	@.venv-bench/bin/python -m benchmarks.shortcuts --rounds '$(ROUNDS)'
	@.venv-bench/bin/python -m benchmarks.probe

check: .venv/installed-dev ## Check lint, types, layers, and that the lock files are fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile
	$(BIN)/python manage.py check --fail-level WARNING
	@mkdir -p .venv/before/benchmarks && for lock in $(LOCKS); do cp -p $$lock .venv/before/$$lock; done
	@$(MAKE) --no-print-directory lock
	@for lock in $(LOCKS); do \
	  cmp -s $$lock .venv/before/$$lock || stale="$$stale $$lock"; \
	  cp -p .venv/before/$$lock $$lock; \
	done; \
	test -z "$$stale" || { echo "make check: got stale lock files:$$stale, expected those of pyproject.toml; run make lock" >&2; exit 1; }

install: .venv/installed ## Make .venv from requirements.txt

lock: .venv/installed-dev ## Compile the lock files, with hashes, from pyproject.toml
	@$(COMPILE) --extra server --output-file requirements.txt pyproject.toml
	@$(COMPILE) --constraint requirements.txt --output-file requirements-probe.txt pyproject.toml
	@$(COMPILE) --constraint requirements.txt --extra server --group test --group lint \
	  --output-file requirements-dev.txt pyproject.toml
	@$(COMPILE) --constraint requirements.txt --extra server --group bench \
	  --output-file benchmarks/requirements.txt pyproject.toml

schema: .venv/installed ## Write docs/openapi.json
	@$(BIN)/python manage.py spectacular --format openapi-json --validate --fail-on-warn \
	  > .venv/openapi.json && mv .venv/openapi.json docs/openapi.json

screenshots: .venv/installed-dev ## Write a picture of every page to var/screenshots/
	@$(BIN)/python -m pytest -q tests/pages/screenshots.py

# Built from scratch, with the stamp last: Ctrl-C can leave half a package that pip considers installed.
.venv/installed: requirements.txt
.venv-bench/installed: benchmarks/requirements.txt
.venv/installed .venv-bench/installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: got $$($(PYTHON) --version 2>/dev/null || echo 'no $(PYTHON)'), expected Python 3.11 or later;" \
	    "choose one with PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: got $(PYTHON) without ensurepip, expected a Python with it;" \
	    "run apt-get install $(notdir $(PYTHON))-venv on Debian or Ubuntu," \
	    "or choose another with PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@rm .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch .venv/installed $@
