# The main targets are `make run` and `make test`. The first run creates .venv from the lock files.

PYTHON ?=
VENV := .venv
IN_VENV := $(VENV)/bin/python
PIP_INSTALL := $(IN_VENV) -m pip --disable-pip-version-check install --quiet --require-hashes
BROWSER_TESTS = $(wildcard tests/browser/*.test.mjs)

.PHONY: help run test check faults soak slow-reader hostile fuzz conformance format lock bench frames screenshots clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

run: $(VENV)/run.stamp  ## start the server; pass flags in ARGS="--port 9000"
	@exec $(IN_VENV) -m server $(ARGS)

# Two processes on any machine, because tests spend half of their time waiting.
test: $(VENV)/dev.stamp  ## run every test
	$(IN_VENV) -m pytest --numprocesses 2 --dist worksteal
	@$(if $(BROWSER_TESTS),$(MAKE) --no-print-directory browser-tests,echo "no browser tests")

.PHONY: browser-tests
browser-tests:
	@if node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; \
	then node --test $(BROWSER_TESTS); \
	else echo "browser tests NOT run: they need Node.js 18 or newer"; test "$$CI" != true; fi

check: $(VENV)/dev.stamp  ## check formatting, lint and types, then run the tests
	$(IN_VENV) -m ruff format --check
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m mypy
	@$(MAKE) --no-print-directory page-check
	@$(MAKE) --no-print-directory test

.PHONY: page-check
page-check:
	@if npm --version >/dev/null 2>&1; \
	then $(MAKE) --no-print-directory node_modules/.package-lock.json && npm run --silent check; \
	else echo "formatting and types of the page NOT checked: they need Node.js and npm"; test "$$CI" != true; fi

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

faults: $(VENV)/dev.stamp  ## kill, starve, lock, stall and cut off real servers; takes minutes
	$(IN_VENV) -m pytest tests/faults $(ARGS)

soak: $(VENV)/dev.stamp  ## play for MINUTES=10, then check for leaks
	$(IN_VENV) -m scripts.soak --minutes $(or $(MINUTES),10) $(ARGS)

slow-reader: $(VENV)/dev.stamp  ## measure what a stuck reader costs the others
	$(IN_VENV) -m scripts.slow_reader $(ARGS)

hostile: $(VENV)/dev.stamp  ## measure what flooding sockets cost the players
	$(IN_VENV) -m scripts.hostile $(ARGS)

# Coverage-guided, half of SECONDS for each target; crashing input is saved in build/fuzz.
fuzz: $(VENV)/fuzz.stamp  ## fuzz the parsing and the rules for SECONDS=60
	@if $(IN_VENV) -c 'import atheris' 2>/dev/null; then $(foreach each,wire rules,$(FUZZ)) :; \
	else echo "fuzzing NOT run: it needs Linux on x86-64"; test "$$CI" != true; fi

FUZZ = mkdir -p build/fuzz/$(each) && $(IN_VENV) -m fuzz.fuzz_$(each) -max_len=1000 -timeout=10 \
	-max_total_time=$$(( $(or $(SECONDS),60) / 2 )) -print_final_stats=1 -verbosity=0 \
	-artifact_prefix=build/fuzz/ build/fuzz/$(each) fuzz/corpus/$(each) &&

conformance: $(VENV)/dev.stamp  ## run the WebSocket conformance suite, if it is installed
	@$(IN_VENV) -m tests.conformance || test $$? = 77

format: $(VENV)/dev.stamp  ## format the code and fix what lint can fix
	$(IN_VENV) -m ruff check --fix
	$(IN_VENV) -m ruff format
	@if [ -d node_modules ]; then npm run --silent format; fi

bench: $(VENV)/dev.stamp  ## measure the cost of a delivery, relative to a bare server
	$(IN_VENV) -m scripts.bench $(ARGS)

frames: $(VENV)/dev.stamp  ## measure a phone's frame rate with a line of 10 000
	$(IN_VENV) -m scripts.frames $(ARGS)

screenshots: $(VENV)/dev.stamp  ## take the screenshots for the README
	$(IN_VENV) -m scripts.screenshots

lock:  ## (maintainers) update the lock files; UPGRADE=--upgrade takes the newest; needs uv
	uv pip compile $(LOCK_FLAGS) --output-file requirements.txt pyproject.toml
	uv pip compile $(LOCK_FLAGS) --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt pyproject.toml
	uv pip compile $(LOCK_FLAGS) --output-file requirements-fuzz.txt fuzz/requirements.in

# For every platform and every supported Python, without the URL of a registry.
LOCK_FLAGS = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

clean:  ## remove everything that the other targets create, except databases
	rm -rf $(VENV) node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

$(IN_VENV):
	@python=$$(scripts/find_python.sh $(PYTHON)) && echo "setting up $(VENV) with $$python, once" >&2 && \
		"$$python" -m venv --clear $(VENV)

$(VENV)/run.stamp: requirements.txt | $(IN_VENV)
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(IN_VENV)
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

$(VENV)/fuzz.stamp: requirements-fuzz.txt $(VENV)/dev.stamp
	@$(PIP_INSTALL) -r requirements-fuzz.txt
	@touch $@
