# One word for each thing people do. Plain `make` lists them. Every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
# The tests and the demo start the sidecar hundreds of times. Compiled anew each time, a start takes four times as long.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
FROZEN := dist/sidecar/abai-sidecar
.DEFAULT_GOAL := help

# Two more at a time than there are cores (tests/conftest.py); one test at a time from the queue, because the longest take
# as long as hundreds.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxschedchunk 1

# Of eleven thousand tests beside each other on a busy machine, one may run out of time. What failed is run once more, alone:
# whoever fails again is a failure, whoever does not is named under PASSED, and is still to be mended.
ALONE := $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --exitfirst -rA --tb short

# The tests' files are in memory where there is room (tests/helpers/room.py), and gone when they have ended.
IN_MEMORY = TMPDIR=$$($(BIN)/python -m tests.helpers.room) || exit; export TMPDIR; \
	trap 'rm -rf "$$TMPDIR"' EXIT; trap 'exit 1' HUP INT TERM;

# Most of what can go wrong, in a minute: what decides, every recording against the server inside the test's process, and
# the real process over a pipe once. No vendor's own client: they take longer to import than all of this to run.
FAST := tests/test_layers.py tests/test_contract.py tests/test_keys.py tests/test_names.py tests/test_pages.py tests/test_pure.py \
	tests/chat tests/money tests/providers tests/simulator tests/batch/local tests/batch/test_jobs.py \
	tests/batch/test_estimate.py tests/batch/test_template.py tests/spending tests/store/test_ledger.py tests/store/test_turns.py \
	tests/store/test_migrations.py tests/rpc/test_codec.py tests/rpc/test_framing.py tests/rpc/test_dispatch.py \
	tests/rpc/test_outbox.py \
	tests/test_replay.py::test_the_server_inside_this_process_answers_as_recorded \
	tests/test_sidecar_process.py::test_one_request_through_a_shell_pipe_gives_one_frame_and_exit_code_0

.PHONY: catalogue-check help setup demo demo-app example test soak test-fast test-fast-python test-fast-typescript \
	test-python test-typescript check check-types check-style check-typescript generate serve record bench bench-short package \
	format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready bridge/node_modules/.ready ## install what the other targets need (they call it themselves)

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# What a person needs, without the tools of whoever works on it.
$(VENV)/.ready-cli: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cli]'
	@touch $@

bridge/node_modules/.ready: bridge/package.json bridge/package-lock.json
	cd bridge && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: ## three models side by side, a restart, a batch that survives kill -9, a native batch, a report
	@test -e $(VENV)/.ready || $(MAKE) --no-print-directory $(VENV)/.ready-cli
	$(BIN)/python -m sidecar.cli demo --report build/demo-report.html

demo-app: setup ## the same from Node, as Electron's main process would run it
	cd bridge && npm run --silent build
	node bridge/out/demo/demo.js --python $(BIN)/python

example: setup ## the example app, simulated: in Electron where that is installed, else in any browser
	cd bridge && npm run --silent example

# One after the other, each also when one before it has failed; which did is the last that is said.
all_of = failed=; for part in $(1); do $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; done; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed" >&2; exit 1; fi; echo "passed: $(1)"

test: setup ## every check and every test, Python and TypeScript: all are run, also when one of them fails
	@$(call all_of,check test-python test-typescript)

test-fast: setup ## most of the certainty in a minute: no frozen binary, no crashes, no browser
	@$(call all_of,test-fast-python test-fast-typescript)

soak: setup ## what is hostile alone: odd values (new ones each time), leaks, memory, kills, and each fault ROUNDS times into docs/reliability.md
	mkdir -p build && rm -f build/peaks.tsv
	ABAI_SOAK=1 ABAI_REAL_STARTS=1 ABAI_PEAKS=$(CURDIR)/build/peaks.tsv $(PYTEST) tests/fuzz tests/field/test_trust_secrets.py \
		tests/field/test_trust_memory.py tests/field/test_trust_pieces.py tests/field/test_trust_results.py tests/field/test_trust_frames.py \
		tests/field/test_trust_imports.py tests/crash tests/batch/test_crash.py \
		tests/batch/test_simulated.py tests/batch/files/test_files_on_disk.py \
		tests/providers/compatible/test_compatible_think.py
	ABAI_SOAK=1 ABAI_REAL_STARTS=1 MONEY_EXAMPLES=$(or $(EXAMPLES),200) $(PYTEST) tests/spending/test_money_properties.py
	ABAI_SOAK=1 ABAI_REAL_STARTS=1 $(PYTEST) -m hypothesis
	ABAI_REAL_STARTS=1 $(BIN)/python -m tests.faults --rounds $(or $(ROUNDS),10) --write-table --peaks build/peaks.tsv

test-fast-python: setup
	@$(IN_MEMORY) $(BIN)/python -m pytest --numprocesses auto --ignore-glob '*official_client*' $(FAST)

test-fast-typescript: setup
	@$(IN_MEMORY) cd bridge && npm run --silent test:fast

test-python: setup $(FROZEN) ## the Python tests alone
	@$(IN_MEMORY) ABAI_FROZEN=$(FROZEN) $(PYTEST) || { test $$? = 1 && echo "What failed, once more and alone:" && ABAI_FROZEN=$(FROZEN) $(ALONE); }

test-typescript: setup ## the TypeScript tests alone
	@$(IN_MEMORY) cd bridge && npm test --silent

# Two at a time: the types of Python take one core for as long as all the others together.
check: setup ## lint, types and drift of everything generated
	@$(MAKE) --no-print-directory --keep-going --jobs 2 check-types check-style check-typescript

check-types: setup
	$(BIN)/mypy

check-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python schemas/generate.py --check

check-typescript: setup
	cd bridge && npm run --silent check

generate: setup ## make everything that is generated from schemas/
	$(BIN)/python schemas/generate.py

serve: setup ## serve JSON-RPC on this terminal, simulated; type a request a line
	$(BIN)/python -m sidecar serve --mock --data-dir $(or $(DATA_DIR),build/serve)

record: setup ## record tests/replay anew from the scripts in tests/replay_tools/scripts.py
	$(BIN)/python -m tests.replay_tools.record

catalogue-check: setup ## compare data/models.json with the newest lists of prices that others keep
	$(BIN)/python -m tests.catalogue_check build/catalogue-check

bench: setup $(FROZEN) ## measure beside the peers, which it installs below build/bench, into docs/performance.md
	$(BIN)/python -m tests.bench

bench-short: setup $(FROZEN) ## see that the benchmark runs: seconds, and nothing is written
	$(BIN)/python -m tests.bench --short

package: setup $(FROZEN) ## freeze the sidecar for this platform into dist/sidecar, and try it in everything
	ABAI_FROZEN=$(FROZEN) $(BIN)/python -m pytest tests/packaging

$(FROZEN): $(VENV)/.ready $(shell find sidecar data packaging -name '*.py' -o -name '*.json' -o -name '*.dat' -o -name '*.sql')
	@echo 'freezing the sidecar, because it is not there or older than its sources: some 15 seconds'
	$(BIN)/python packaging/build.py

format: setup ## format and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the other targets have made
	rm -rf $(VENV) bridge/node_modules bridge/out build dist .mypy_cache .ruff_cache .pytest_cache
