# `make quickstart` and `make test` do everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

.PHONY: quickstart test check clean

quickstart: $(INSTALLED)
	$(VENV)/bin/lightning-gans fit --config dcgan/digits

test: $(INSTALLED)
	$(VENV)/bin/pytest

check: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# torch is the registry's default build: torchvision has no CPU-only one. It runs on a CPU; about 6 GB.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache dist
