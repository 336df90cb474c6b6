# payflow: everything starts with one of these.

SHELL := /bin/bash
VENV ?= .venv
export VENV
BIN := $(VENV)/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run credits django-shop flask-shop test lint format bench docs clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: ## the coffee shop, paid by Alipay and WeChat Pay, and the sandbox that is their far side; prints both addresses
	@bash .ci/environment examples
	@PAYFLOW_CONFIG=$${PAYFLOW_CONFIG:-examples/coffee/payflow.sandbox.json} exec $(BIN)/python -m examples.coffee

credits: ## a chat that sells prepaid credit: bought, held, spent, refilled, refunded; prints its address
	@bash .ci/environment examples
	@exec $(BIN)/python -m examples.credits

django-shop: ## a concert hall in Django: basket, order, payment, tickets, money back; prints its addresses
	@bash .ci/environment examples
	@exec $(BIN)/python -m examples.django_shop

flask-shop: ## a tea shop in Flask: basket, order, payment, parcel, money back; prints its addresses
	@bash .ci/environment examples
	@exec $(BIN)/python -m examples.flask_shop

test: ## every test, with the PostgreSQL, MariaDB and browser it needs
	@bash .ci/system
	@bash .ci/environment test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: ## ruff, mypy, layering
	@bash .ci/environment dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

format: ## lets ruff put the code in order
	@bash .ci/environment dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## the figures, as ratios to the raw limits of this machine (see benchmarks/README.md)
	@bash .ci/system
	@bash .ci/environment test
	@$(BIN)/python -m benchmarks $(ARGS)

docs: ## this project's site, English and Chinese, into build/docs; a warning is an error
	@bash .ci/environment docs
	@$(BIN)/python -m sphinx -q -W --keep-going -E -d build/doctrees/en docs build/docs/en
	@$(BIN)/python -m sphinx -q -W --keep-going -E -d build/doctrees/zh -t zh docs build/docs/zh
	@echo "file://$(CURDIR)/build/docs/index.html"

clean: ## removes caches and builds; databases stay
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## … and the virtual environment and the SDKs the tests installed
	@rm -rf $(VENV) .cache
