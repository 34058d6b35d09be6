# `make` lists the targets. Everything lives in .venv (programs) and .everbeat (data); both can be deleted.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SERVERS := $(PY) -m config.services
PYTEST_ARGS ?=
CHAOS_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-run up demo test lint format bench chaos clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Create .venv with everything that developing needs
	@./.ci/install "$(PYTHON)" "$(VENV)" requirements-dev.lock

install-run:
	@./.ci/install "$(PYTHON)" "$(VENV)" requirements.lock

up: install-run ## Start Everbeat and keep it running (Ctrl-C stops it)
	@$(PY) -m config.up

demo: install-run ## Show the main job end to end on throw-away servers; prints one JSON line
	@$(PY) -m config.trial.demo

test: install ## Run the whole test suite on throw-away servers (PYTEST_ARGS="-k word" narrows it)
	@$(PY) -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: install ## Check format, style, types, the arrows between the apps, migrations and settings
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(SERVERS) $(PY) -m mypy .
	$(VENV)/bin/lint-imports
	$(SERVERS) $(PY) manage.py makemigrations --check --dry-run
	$(SERVERS) $(PY) manage.py check --deploy --fail-level WARNING

format: install ## Format the code and fix what can be fixed safely
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: install ## Measure; prints JSON lines
	@$(PY) -m tests.benchmarks

chaos: install ## Inject every fault of the table, audit after each, report (CHAOS_ARGS="14 18 --soak 30 --seed 1")
	@$(PY) -m tests.chaos $(CHAOS_ARGS)

clean: ## Remove caches and .venv; the data in .everbeat stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
