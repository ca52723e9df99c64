# Two commands set everything up by themselves: `make demo` and `make test`. They need Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench performance conformance clean

# A virtual environment holds absolute paths: one that was moved, or whose Python is gone, is made anew.
$(VENV)/.core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "GraphTF needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 …"; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.prefix != "$(abspath $(VENV))")' 2>/dev/null || \
	  $(PYTHON) -m venv --clear $(VENV)
	@echo "installing graphtf into $(VENV) …"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "installing the tools for development …"
	@$(PIP) -e ".[dev]"
	@touch $@

demo: $(VENV)/.core
	@$(BIN)/graphtf demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/python tests/lint_imports.py
	@$(BIN)/python tests/lint_types.py

# PEERS: a Python with tensorflow, jax and torch, to be measured beside
bench: $(VENV)/.core
	@$(BIN)/graphtf bench $(if $(PEERS),--peers $(PEERS))

# The bench, its tables in PERFORMANCE.md
performance: $(VENV)/.core
	@$(BIN)/graphtf bench --rounds 3 --markdown PERFORMANCE.md $(if $(PEERS),--peers $(PEERS))

# FOLDERS: some of Keras' folders, such as ops or layers/rnn; all by default
conformance: $(VENV)/.dev
	@$(PIP) -e ".[conformance]"
	@$(BIN)/python -m tests.conformance $(FOLDERS)

clean:
	rm -rf $(VENV) build demo-out *.egg-info .pytest_cache .mypy_cache .ruff_cache
