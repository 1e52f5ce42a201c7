# Every target works on a bare machine: the stage fetches what it needs into a cache folder first.
PYTHON ?= python3
STAGE = $(PYTHON) -m tests.stage

.PHONY: help setup demo demo-check test lint bench screenshots clean

help:
	@echo "make setup        fetch Odoo 19, PostgreSQL and the Python packages into the cache"
	@echo "make demo         two ledgers in, reminders out, on a running Odoo until Ctrl-C"
	@echo "make demo-check   the same, checked, one JSON line"
	@echo "make test         all tests"
	@echo "make lint         ruff, pylint-odoo, import rules"
	@echo "make bench        measure against the yardsticks"
	@echo "make screenshots  the pictures of the README"
	@echo "make clean        drop the databases of demo and tests; downloads stay"

setup:
	@$(STAGE) provision

demo:
	@$(STAGE) demo

demo-check:
	@$(STAGE) demo --check

test:
	@$(STAGE) test

lint:
	@$(STAGE) lint

bench:
	@$(STAGE) bench

screenshots:
	@$(STAGE) screenshots

clean:
	@$(STAGE) clean
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
