# One verb per task. Everything lives in .venv and data/; `make clean` takes both away.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8600
unexport PYTHONDONTWRITEBYTECODE  # each service is a process: each would compile all of the code anew

.PHONY: run test lint bench soak clean environment test-environment assets secrets watch-secrets

run: environment  ## a simulated building and the whole service on it
	@$(BIN)/plantroom demo --port $(PORT)

test: test-environment  ## everything, each part with its share of the time
	@$(BIN)/python tests/run.py

lint: test-environment
	@$(BIN)/ruff check . && $(BIN)/mypy

bench: test-environment  ## every claim of speed beside its peer; prints, never asserts
	@$(BIN)/python bench/run.py

soak: test-environment  ## the long forms of the tests
	@PLANTROOM_SOAK=1 $(BIN)/pytest -m soak -s tests

secrets:  ## passwords and tokens of docker-compose.yml, made by chance, kept where they are
	@$(PYTHON) compose/make_secrets.py

watch-secrets:  ## the same for compose/watch, the second machine
	@$(PYTHON) compose/make_secrets.py --watch

environment: $(VENV)/.installed assets

test-environment: $(VENV)/.installed-test assets
	@$(BIN)/python -m tests.kit.axe > /dev/null
	@$(PYTHON) tests/servers.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Plantroom needs Python >= 3.11; name one with make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "this Python cannot make environments: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing Plantroom into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,grafana,report]'
	@touch $@

assets: $(VENV)/.installed
	@$(BIN)/python dashboards/console/build_assets.py
	@$(BIN)/python dashboards/console/build_icons.py

clean:
	rm -rf $(VENV) .cache data build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis dashboards/console/node_modules dashboards/console/static/vendor dashboards/console/static/icons
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
