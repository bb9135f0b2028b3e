# Set up once, then everything runs in .venv. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE # tests start many Pythons, each of which would compile the package again
.PHONY: help install demo test test-fast docs bench results reproduce check format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY) ## create .venv and install the pinned dependencies

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "rnnbench needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## a small sweep and its report: three cells, two tasks, about two minutes on two cores
	$(VENV)/bin/rnnbench train experiment=demo
	$(VENV)/bin/rnnbench report demo
	@echo
	@echo "The page:         runs/demo/report/report.html"
	@echo "Look at the runs: $(VENV)/bin/wandb leet runs/demo/wandb"
	@echo "Upload them:      $(VENV)/bin/rnnbench sync demo"

test: $(READY) ## the whole test suite; many tests wait for processes, so that two cores have work for three
	$(RUN) -m pytest -n 3

test-fast: $(READY) ## two cases of each test of parts, without whole sweeps, trainings, reports, servers and clusters
	$(RUN) -m pytest -m "not whole" --few 2

docs: $(READY) ## build the documentation to docs/_build/html, offline, with every example run: about five minutes
	$(RUN) -m sphinx -q -W --keep-going -E -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "The pages: docs/_build/html/index.html"

bench: $(READY) ## measure what the suite costs here, to runs/performance, 15 to 20 minutes
	$(VENV)/bin/rnnbench bench

results: $(READY) ## make the pages and figures of all published results again, from their data
	$(VENV)/bin/rnnbench publish --again
	$(RUN) scripts/readme.py

reproduce: $(READY) ## run the smallest committed result again and compare it, about two minutes on two cores
	$(VENV)/bin/rnnbench reproduce demo

check: $(READY) ## format, lint and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

format: $(READY) ## rewrite the code in the project's format
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

clean: ## delete what can be made again: .venv and caches; runs/ stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build dist docs/_build docs/results docs/reference/profiles src/*.egg-info
	find src scripts tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
