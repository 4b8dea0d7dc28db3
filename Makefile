# The front door: `make help` lists what it opens.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
# Folder of real data. `verify` uses it where given, `test-long` also finds ../shared/data.
DATA ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UNFINISHED := $(VENV)/.unfinished
LOCK_VENV := .venv-lock
LONG_DATA = $(abspath $(or $(DATA),$(wildcard ../shared/data)))

# Compiled programs are kept between runs; tests are mostly compilation.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.jax_cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0.3

.DEFAULT_GOAL := help
.PHONY: help verify figures test test-long bench lock format clean
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "Variables: PYTHON=$(PYTHON) WORKERS=$(WORKERS) DATA=folder ARGS='arguments of paper_checks'"

verify: $(STAMP) ## check the paper's claims, then draw the figures (DATA=folder adds real data)
	$(BIN)/python -m paper_checks --processes 2 $(if $(DATA),--data '$(DATA)') $(ARGS)
	$(BIN)/python -m figures

# Tests and attacks on claims are mostly compilation: without LLVM's optimiser it takes a
# third less; what trains for long asks for it (`OPTIMISED`). Long tests take a quarter less
# time at its second level than at the third, XLA's own. `bench` runs what users run.
test verify figures: export XLA_FLAGS := $(XLA_FLAGS) --xla_backend_optimization_level=0
test-long: export XLA_FLAGS := $(XLA_FLAGS) --xla_backend_optimization_level=2

figures: $(STAMP) ## as verify, with the studies of ReLU and of training that take minutes more
	$(BIN)/python -m paper_checks --processes 2 --all-figures $(if $(DATA),--data '$(DATA)') $(ARGS)
	$(BIN)/python -m figures

test: $(STAMP) ## ruff, basedpyright, lint-imports, and the tests that are not long
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not long" -n $(WORKERS) --dist worksteal

test-long: $(STAMP) ## the tests marked long, with ../shared/data (or DATA=folder) if it is there
	$(if $(LONG_DATA),IT_DATA='$(LONG_DATA)') $(BIN)/python -m pytest -m long -n $(WORKERS) --dist worksteal --durations=10

# Encoders have a thread a core, as their commands do (`share_cpu`), the rest eight.
bench: $(STAMP) ## benchmarks against peers
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable -o python_files='test_*.py bench_*.py' \
	    --ignore tests/benchmarks/bench_bert.py --ignore tests/benchmarks/bench_lstm.py
	PJRT_NPROC=$$(getconf _NPROCESSORS_ONLN) $(BIN)/python -m pytest tests/benchmarks/bench_bert.py tests/benchmarks/bench_lstm.py \
	    --benchmark-enable -o python_files='bench_*.py'

format: $(STAMP) ## format the code, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## write requirements.lock from pyproject.toml (UPGRADE=1 moves to the newest versions)
	$(PYTHON) -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK_VENV)/bin/uv pip compile pyproject.toml --extra test --extra build \
	    --universal --python-version 3.11 --fork-strategy requires-python \
	    --generate-hashes --custom-compile-command "make lock" --quiet \
	    $(if $(UPGRADE),--upgrade) --output-file requirements.lock

clean: ## remove the environment, caches, results and pictures
	rm -rf $(VENV) $(LOCK_VENV) .jax_cache .pytest_cache .ruff_cache .hypothesis \
	    .import_linter_cache .benchmarks results pictures build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is the last thing an installation writes. One that was cut short
# leaves the mark $(UNFINISHED) instead, and the next begins with an empty folder.
# Debian's python3 may come without ensurepip: then its own pip installs into .venv.
$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { \
	    echo "make: no '$(PYTHON)' here; name a Python >= 3.11: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: Python >= 3.11 is needed, '$(PYTHON)' is $$($(PYTHON) -V 2>&1);" \
	         "name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@rm -f $(STAMP)
	@if [ -e $(UNFINISHED) ] || ! [ -x $(BIN)/python ]; then rm -rf $(VENV); fi
	@mkdir -p $(VENV) && touch $(UNFINISHED)
	@echo "Installing into $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV) > /dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' || { \
	    echo "make: $(BIN)/python is not apart from '$(PYTHON)'; nothing was installed" >&2; exit 1; }
	@touch $(UNFINISHED)
	@export PIP_REQUIRE_VIRTUALENV=1; \
	if $(BIN)/python -m pip --version > /dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; set -e; \
	$$pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	$$pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(UNFINISHED)
	@touch $(STAMP)
