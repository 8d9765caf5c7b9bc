# `make quickstart` and `make test` do everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

.PHONY: quickstart test test-gpu test-cluster test-browser check docs audit bench numbers clean

quickstart: $(INSTALLED)
	$(VENV)/bin/lightning-gans fit --config cgan/digits
	@$(VENV)/bin/lightning-gans models

# Two workers of one thread each; a single file is quicker without them: .venv/bin/pytest tests/FILE.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2 --dist worksteal

# On a machine with a CUDA device; what needs two of them is skipped where there is one.
test-gpu: $(INSTALLED)
	$(VENV)/bin/pytest -m gpu -rs

# Our sbatch files in a real SLURM of two nodes on this host; as root, it installs that of Debian if none is there.
test-cluster: $(INSTALLED)
	LIGHTNING_GANS_INSTALL_SLURM=1 $(VENV)/bin/pytest tests/cluster -m slow -s -rs

# The page of `lightning-gans demo` in a real Chromium without a window; as root, it installs Debian's if none is there.
test-browser: $(INSTALLED)
	LIGHTNING_GANS_INSTALL_CHROMIUM=1 $(VENV)/bin/pytest tests/browser -m slow -rs

check: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The documentation site, into site/; needs no network. A warning or a dead link ends it with an error; not with --quiet,
# which hides warnings from --strict.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

# Known vulnerabilities of the installed packages. pip-audit has an environment of its own, so that it audits ours alone.
audit: $(INSTALLED)
	@$(PYTHON) -m venv $(VENV)/audit
	@rm -f $(VENV)/audit/report.json
	@$(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit || true
	@PIPAPI_PYTHON_LOCATION=$(VENV)/bin/python $(VENV)/audit/bin/pip-audit --skip-editable --progress-spinner off \
		--format json --output $(VENV)/audit/report.json || true
	@$(VENV)/bin/python tests/support/audit.py $(VENV)/audit/report.json

# The speed of each variant's step against three yardsticks; half an hour on two cores that do nothing else.
bench: $(INSTALLED)
	$(VENV)/bin/python benchmarks

# The figures of README, docs and configs from the records in docs/records.
numbers: $(INSTALLED)
	$(VENV)/bin/python docs/write_numbers.py
	$(VENV)/bin/python docs/write_studies.py

# torch is the registry's default build: torchvision has no CPU-only one. It runs on a CPU; about 6 GB.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache dist site
