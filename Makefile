# Mercato. Everything a developer does, by name; `make help` lists it. Needs Python 3.11 or later and nothing else.

PYTHON ?= python3
BOOTSTRAP = $(PYTHON) bootstrap.py
IN = $(BOOTSTRAP) run

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test unit browser lint format types typecheck bench screens migrate assets lock messages build up down logs clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n  %s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "    make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

##@ Run it
demo: ## Run the whole portal with demo data (PORT, GATEWAY_PORT, SIMULATOR_PORT, PORTAL_STATE)
	@$(BOOTSTRAP) demo
demo-reset: ## Forget the demo's data and begin again at the next start
	@$(BOOTSTRAP) demo-reset

##@ Check it
test: ## Install what tests need and run every test
	@$(BOOTSTRAP) test $(ARGS)
unit: ## Run the tests that need no browser (ARGS="-k webhooks" goes to pytest)
	@$(IN) python -m pytest -m "not browser and not chaos" $(ARGS)
browser: ## Run the browser journeys only
	@$(BOOTSTRAP) test -m browser $(ARGS)
lint: ## Check style, formatting, templates and import rules
	@$(IN) ruff check .
	@$(IN) ruff format --check .
	@$(IN) djlint templates --lint --quiet
	@$(IN) lint-imports
format: ## Put the sources into their one format
	@$(IN) ruff check --fix .
	@$(IN) ruff format .
types: ## Check types (mypy, strict)
	@$(IN) mypy
typecheck: types
bench: ## Measure the hot paths; results under artifacts/
	@$(IN) python -m benchmarks $(ARGS)

screens: ## Photograph every page of a running demo into artifacts/screens (ARGS="--only pricing")
	@$(IN) python -m tests.browser.gallery $(ARGS)

##@ Keep it
migrate: ## Bring the database named by DATABASE_URL up to date
	@$(IN) python -m flask --app wsgi db upgrade
assets: ## Build styles, scripts and fonts into static/dist
	@$(BOOTSTRAP) assets
lock: ## Pin requirements/*.in anew (ARGS=--upgrade for newer versions)
	@$(BOOTSTRAP) lock $(ARGS)
messages: ## Collect new texts and update every translation
	@$(IN) pybabel extract -F translations/babel.cfg --ignore-dirs='.* node_modules static' -k _ -k ngettext:1,2 --no-location --omit-header --no-wrap --sort-output -o translations/messages.pot .
	@$(IN) pybabel update -i translations/messages.pot -d translations --no-fuzzy-matching --omit-header --no-wrap --ignore-obsolete
clean: ## Remove everything that set-up made, except the demo's data
	rm -rf .venv node_modules static/dist artifacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -rf tests/browser/chromium/node_modules tests/browser/chromium/unpacked

##@ In containers (docs/operations/production.md)
build: ## Build the images
	docker compose build
up: ## Start PostgreSQL, Valkey, web, worker, scheduler and gateway (values come from .env)
	docker compose up --detach --wait
down: ## Stop them; volumes stay
	docker compose down
logs: ## Follow what they write
	docker compose logs --follow --tail 100
