# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
.POSIX:
.PHONY: help setup demo run screen test e2e property screens lint format docs lock bench chaos train seed clean
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
OUT ?= results.csv
VENV := .venv
PY := $(VENV)/bin/python
# Every package is installed in the locked version, and only if the file has one of the locked hashes.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
# Everything above this line of requirements.txt is what serves; TensorFlow below it only trains.
SERVE_ONLY := sed '/^\# --- below this line/,$$d' requirements.txt
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
# Compares models and migrations. It needs no database: nothing listens at this address.
MISSING_MIGRATIONS := DATABASE_URL=postgres://lint@127.0.0.1:1/lint $(PY) -W ignore::RuntimeWarning \
	manage.py makemigrations --check --dry-run

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## make .venv with everything: serving, training, tests

demo: $(VENV)/.serve ## start everything, screen the sample study, print the results, stop (KEEP=1 leaves it running)
	@exec $(PY) -m screening.demo demo $(if $(KEEP),--keep)

run: $(VENV)/.serve ## the system in the foreground (PORT=8000, VERBOSE=1 prints its logs); Ctrl-C ends it
	@exec $(PY) -m screening.runtime run --host $(HOST) --port $(PORT) $(if $(VERBOSE),--verbose)

screen: $(VENV)/.serve ## a folder in, a CSV out: make screen DIR=folder [OUT=results.csv]
	@test -n "$(DIR)" || { echo "Name a folder: make screen DIR=folder [OUT=results.csv]" >&2; exit 2; }
	@exec $(PY) -m screening.demo screen "$(DIR)" --out "$(OUT)"

test: $(VENV)/.dev ## the whole suite, against real servers that it starts itself
	@exec $(PY) -m tests $(ARGS)

e2e: $(VENV)/.dev ## the browser tests; fails where no browser is found
	@E2E_REQUIRED=1 exec $(PY) -m pytest -m e2e $(ARGS)

property: $(VENV)/.dev ## films with 1,000 random headers against the standard, DCMTK and the viewer's canvas (DRAWS=1000)
	@PROPERTY_DRAWS=$(or $(DRAWS),1000) exec $(PY) -m pytest $(ARGS) \
		tests/ml/decoding/test_pixel_properties.py tests/e2e/test_canvas_of_drawn_films.py

screens: $(VENV)/.dev ## pictures of every page in both themes and two widths, in var/screens (ARGS="--only film", "--docs")
	@exec $(PY) -m tests.e2e.screens $(ARGS)

lint: $(VENV)/.dev ## ruff, templates, migrations that are missing, strict types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/djangofmt --check dashboard/templates screening/templates
	@$(MISSING_MIGRATIONS)
	@$(PY) -m mypy

format: $(VENV)/.dev ## lay out the code and the templates, and write the tables of codes into docs/
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(VENV)/bin/djangofmt dashboard/templates screening/templates
	@$(PY) manage.py codes --write

docs: $(VENV)/.docs ## the documentation as a site in var/docs; a dead link is an error
	@rm -rf var/docs
	@$(PY) -m sphinx --fail-on-warning --keep-going --quiet -b html -d var/docs-cache -E docs var/docs
	@echo "Open var/docs/index.html"

lock: $(VENV)/.dev ## write the lock files anew after a change of requirements*.txt (UPGRADE=1: newest versions)
	@$(LOCK) requirements-train.txt --output-file requirements-train.lock
	@$(LOCK) requirements-dev.txt --constraints requirements-train.lock --output-file requirements-dev.lock
	@$(SERVE_ONLY) | $(LOCK) - --constraints requirements-train.lock --output-file requirements-serve.lock
	@$(LOCK) requirements-docs.txt --constraints requirements-train.lock --output-file requirements-docs.lock

bench: $(VENV)/.dev ## everything said of speed and memory, measured in one run (about an hour; ARGS="--quick", "--json", "--only …")
	@exec $(PY) -m tests.benchmarks $(ARGS)

chaos: $(VENV)/.dev ## kill, freeze and cut off everything in turn, in full (`make test` has a shorter round)
	@CHAOS_FULL=1 exec $(PY) -m pytest tests/chaos -m chaos $(ARGS)

train: $(VENV)/.train ## train the screener anew; needs XRAY_DATA_DIR, PHOTOGRAPHS="folder …" (MASKS=lung-masks.zip: the lung fields too)
	@test -z "$(MASKS)" || $(PY) -m ml.training.lung_fields --masks "$(MASKS)"
	@$(PY) -m ml.training.screener.build_bundle --photographs $(PHOTOGRAPHS)

seed: $(VENV)/.dev ## train seed-cnn anew with three seeds and build its bundle; needs XRAY_DATA_DIR
	@$(PY) -m ml.train
	@$(PY) -m ml.training.seed_cnn.build_bundle

clean: ## delete the embedded servers' data of demo and tests (not of `make run`)
	@for instance in demo test test-systems; do $(PY) -m screening.runtime remove var/$$instance; done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with PYTHON=python3.12" >&2; exit 2; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(VENV)/bin/python requirements-serve.lock
	@echo "Installing what serves …"
	@$(PIP) -r requirements-serve.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.serve requirements-dev.lock
	@echo "Installing what trains and tests …"
	@$(PIP) -r requirements-dev.lock
	@touch $@

$(VENV)/.train: $(VENV)/.dev requirements-train.lock
	@echo "Installing what the screener's training needs …"
	@$(PIP) -r requirements-train.lock
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python requirements-docs.lock
	@echo "Installing what builds the documentation …"
	@$(PIP) -r requirements-docs.lock
	@touch $@
