# Needs git, make and Python 3.11 or newer. `make` alone says what there is.

VENV    := .venv
PY      := $(VENV)/bin/python
STAMP   := $(VENV)/.ready
TORCH   := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)

PROFILE ?= data/profiles/oral_drug.toml
SAMPLES ?= 2000
SEED    ?= 0
OUT     ?= runs/demo
ARGS    ?=
# Python to use, and what else pip should be told when it brings torch (an index with CPU builds, say).
PYTHON     ?=
TORCH_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup data design peptides test lint freeze

help:  ## say what there is
	@echo "molgen: from a training set to a ranked table of molecules"
	@echo
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-15s %s\n", $$1, $$2 }'
	@echo
	@echo "  Settings: PROFILE=$(PROFILE) SAMPLES=$(SAMPLES) SEED=$(SEED) OUT=$(OUT)"
	@echo "  ARGS=... is passed on to molgen design or pytest; PYTHON=... chooses the interpreter;"
	@echo "  TORCH_ARGS=... is passed to pip when it brings torch, for instance an --index-url with CPU builds (0.2 GB, not 3)."

setup: data  ## make .venv with the tested versions, and bring the MOSES and peptide data into the cache

data: $(STAMP)
	@$(VENV)/bin/molgen data fetch moses
	@$(VENV)/bin/molgen data fetch peptides

$(STAMP): pyproject.toml constraints.txt
	@echo "make: setting up $(VENV): Python packages in the versions of constraints.txt (some minutes the first time)"
	@python="$(PYTHON)"; \
	for candidate in $${python:-python3 python3.14 python3.13 python3.12 python3.11}; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    reason="$${python:+$$python is not}"; reason="$${reason:-none of python3, python3.14 ... python3.11 is}"; \
	    echo "make: molgen needs Python 3.11 or newer, and $$reason." >&2; \
	    echo "make: install it, or name one: make setup PYTHON=/path/to/python3" >&2; exit 2; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "make: $$found cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; \
	fi; \
	if ! $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then "$$found" -m venv --clear $(VENV) || exit 1; fi
	@echo "make: 1/3 pip"
	@$(PY) -m pip install --disable-pip-version-check --quiet --constraint constraints.txt pip
	@echo "make: 2/3 $(TORCH)"
	@$(PY) -m pip install --disable-pip-version-check --constraint constraints.txt $(TORCH_ARGS) $(TORCH)
	@echo "make: 3/3 everything else, and molgen itself from this folder"
	@$(PY) -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

design: setup  ## draw 2,000 molecules, filter, score, rank and select them, as a Prefect flow
	@echo "make: $(SAMPLES) designs for $(PROFILE), seed $(SEED), into $(OUT)"
	@$(VENV)/bin/molgen design --profile $(PROFILE) --samples $(SAMPLES) --seed $(SEED) --out $(OUT) --replace --prefect $(ARGS)

peptides: setup  ## the same for antimicrobial peptides: draw 2,000 sequences, and a ranked table of them
	@echo "make: $(SAMPLES) peptides for antimicrobial_peptide, seed $(SEED), into runs/peptides"
	@$(VENV)/bin/molgen design --profile antimicrobial_peptide --samples $(SAMPLES) --seed $(SEED) --out runs/peptides --replace --prefect $(ARGS)

test: setup  ## run all tests but the slow ones
	@echo "make: running the tests (at most 15 minutes on two cores)"
	@$(PY) -m pytest -q -m "not slow" $(ARGS)

lint: $(STAMP)  ## check the code's style with ruff
	@echo "make: ruff"
	@$(PY) -m ruff check .

freeze: $(STAMP)  ## write the installed versions into constraints.txt (after a tested upgrade)
	@sed '/^[^#]/d' constraints.txt > constraints.part
	@$(PY) -m pip freeze --all --exclude-editable | sed -e '/ @ /d' -e 's/+[A-Za-z0-9.]*$$//' >> constraints.part
	@mv constraints.part constraints.txt
	@echo "make: constraints.txt is written; bring environment.yml to the same versions (tests/test_packaging.py compares them)"
