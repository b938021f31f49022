# Two commands for newcomers: `make chat` and `make test`. Both install what they need into .venv first.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock

.PHONY: chat test test-local check bench clean

chat: .venv/.chat    ## install, then open the chat application on the sample dataset
	$(BIN)/lucy ui

test: .venv/.test    ## install, then run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

test-local: .venv/.local ## install the extra [local] too, then train tiny language models
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m local tests/tools/training/local

check: .venv/.test   ## linters and type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: .venv/.test   ## every benchmark, one after the other
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

.venv/.chat: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

.venv/.test: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e ".[dev]"
	touch $@

.venv/.local: .venv/.test
	$(PIP) -e ".[dev,local]"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
