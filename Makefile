# Everything runs in .venv, made from requirements.lock by whatever Python 3.11+ `PYTHON` names.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types unit bench docs pictures lock clean help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## a made-up studio on simulated vendors, in the terminal UI; in words where there is no terminal
	$(BIN)/studiohub demo

test: lint types unit ## everything that has to hold

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal tests

bench: $(STAMP) ## speed, as ratios against a peer or a floor measured in the same run
	$(BIN)/python -m pytest -s -p no:randomly tests/benchmarks --benchmarks

docs: $(STAMP) ## the pages in docs/ as a site, in site/
	$(BIN)/python -m mkdocs build --strict

pictures: $(STAMP) ## draw every screen anew into docs/pictures; look at each before it is kept
	$(BIN)/python -m tests.tui.pictures

lock: ## write requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --group test --group bench --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
