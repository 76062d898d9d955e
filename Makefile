# Everything begins here: `make train`, `make test`. Each sets up .venv by itself, once.
# ARGS go to the program: make train ARGS='--epochs 5 --dropout 0.3', make test ARGS='-k dropout'

SOURCES := pyproject.toml setup.py constraints.txt tools/install $(wildcard minigrad/_kernels/*.pyx minigrad/_kernels/*.pxi minigrad/_kernels/*.h)
PYTHON := .venv/bin/python

.PHONY: help train test test-torch check format docs bench wheel clean

help:
	@echo 'make train       set up, and train a CNN with dropout on handwritten digits'
	@echo 'make test        set up, and run the tests (no PyTorch needed)'
	@echo 'make test-torch  the comparisons with PyTorch, which it installs'
	@echo 'make check       linters, formatter and types'
	@echo 'make format      format the Python sources'
	@echo 'make docs        write docs/api.md and the type stubs from the sources'
	@echo 'make bench       measure beside PyTorch and NumPy: ARGS="--suite matmul --threads 2"'
	@echo 'make wheel       build a wheel and a source distribution in dist/'
	@echo 'make clean       remove what was built'

.venv/.package: $(SOURCES)
	@sh tools/install package
	@touch $@

.venv/.with-%: .venv/.package
	@sh tools/install $*
	@touch $@

train: .venv/.with-examples
	@$(PYTHON) examples/train_cnn.py $(ARGS)

test: .venv/.with-test
	@$(PYTHON) -m pytest --ignore=tests/torch $(ARGS)

test-torch: .venv/.with-torch
	@$(PYTHON) -m pytest tests/torch $(ARGS)

check: .venv/.with-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PATH="$$PWD/.venv/bin:$$PATH" cython-lint minigrad

format: .venv/.with-dev
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

docs: .venv/.with-test
	@$(PYTHON) -m minigrad.testing.stubs
	@$(PYTHON) docs/make_api.py

bench: .venv/.with-torch
	@$(PYTHON) -m benchmarks $(ARGS)

wheel: .venv/.with-dev
	@$(PYTHON) -m build

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f minigrad/_kernels/*.so .venv/.package .venv/.with-*
