# `make help` lists what can be done. All that is installed or built stays in this folder.

.DEFAULT_GOAL := help
# two compiles or two pytest runs at once only get slower, and their closing lines mix
.NOTPARALLEL:
SHELL := /bin/bash

# Tests start hundreds of processes: what they import is compiled once, not each time.
unexport PYTHONDONTWRITEBYTECODE

# Any Python from 3.11 on; `make PYTHON=/path/to/python3 setup` names one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)

BIN := .venv/bin
NODE_BIN := node_modules/.bin
BROWNIE := scripts/brownie
ANALYSIS := .venv-analysis/bin
PYTEST := $(BIN)/python -m pytest

# More flags for the test runners, as in: make unit PYTEST_FLAGS="-k tariff -x"
PYTEST_FLAGS ?=
CONTRACT_TEST_FLAGS ?=

# Tests run side by side, a file at a time each; JOBS=1 runs one after the other. Brownie gives each its own Ganache, and
# its files out by itself.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 8 ? n : 8)))
SIDE_BY_SIDE = $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadfile)

# $(call run_tests,FILES,COMMAND): no test file yet is said aloud, and is an error in CI (BERTH_REQUIRE_ALL).
run_tests = if [ -n "$$(find $(1) -name 'test_*.py' -print -quit 2>/dev/null)" ]; then $(2); \
	else echo "$@: no tests in $(1)"; [ -z "$$BERTH_REQUIRE_ALL" ]; fi

# A whole run of the browser tests comes through every state of the app; a part of them need not.
WALKED = $(if $(strip $(PYTEST_FLAGS)),true,$(BIN)/python -m tests.browser.walked)

BACKEND_TESTS = $(filter-out tests/contracts/ tests/e2e/ tests/browser/ tests/__pycache__/,$(wildcard tests/*/))
SOLIDITY = 'contracts/**/*.sol'
PROOFS = 'tests/forge/*.sol' 'tests/analysis/*.sol'
CODE = $(wildcard backend scripts scripts/brownie tests bench)
DAPP_SOURCES = $(shell find dapp/src dapp/public -type f) $(addprefix dapp/, \
	index.html vite.config.ts tsconfig.json package.json package-lock.json scripts/budget.mjs)

##@ Start

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what is needed, inside this folder; quick when nothing has changed
	@command -v "$(PYTHON)" >/dev/null || { echo "setup: Python 3.11 or newer is needed and '$(PYTHON)' is not on PATH:" \
		"install it, or name one with make setup PYTHON=/path/to/python3." >&2; exit 1; }
	@"$(PYTHON)" scripts/toolchain/setup.py

.PHONY: demo
demo: setup build dapp ## play one whole lease on a local chain, told step by step; then try the app yourself
	@$(BIN)/berth demo

##@ Test

.PHONY: test
test: lint abi-check test-backend test-contracts test-e2e test-dapp test-browser ## everything: lint, backend, contracts, end to end, app

.PHONY: unit
unit: setup ## quick tests: the backend's, without slow ones
	@$(call run_tests,$(or $(BACKEND_TESTS),tests/backend),$(PYTEST) $(BACKEND_TESTS) -m "not e2e and not slow" $(SIDE_BY_SIDE) $(PYTEST_FLAGS))

.PHONY: test-backend
test-backend: setup build ## the backend's tests, slow ones too
	@$(call run_tests,$(or $(BACKEND_TESTS),tests/backend),$(PYTEST) $(BACKEND_TESTS) -m "not e2e" $(SIDE_BY_SIDE) $(PYTEST_FLAGS))

.PHONY: test-contracts
test-contracts: setup build ## contract tests, each worker on a Ganache of its own
	@$(call run_tests,tests/contracts,$(BROWNIE) test tests/contracts --network ganache-cli \
		$(if $(filter-out 1,$(JOBS)),-n $(JOBS)) $(CONTRACT_TEST_FLAGS))

.PHONY: test-e2e
test-e2e: setup build dapp ## real processes on a real chain
	@$(call run_tests,tests/e2e,$(PYTEST) tests/e2e $(BACKEND_TESTS) -m e2e $(SIDE_BY_SIDE) $(PYTEST_FLAGS))

.PHONY: test-dapp
test-dapp: setup ## the app's own logic
	@cd dapp && node_modules/.bin/vitest run

.PHONY: test-browser
test-browser: setup build dapp ## the app in a real Chromium, on a real chain: every state of every screen
	@command -v "$${BERTH_CHROMIUM:-chromium}" >/dev/null || { \
		echo "$@: Chromium is missing: apt-get install chromium (Debian), or name its program in BERTH_CHROMIUM" >&2; \
		[ -z "$$BERTH_REQUIRE_ALL" ]; exit; }; \
	$(call run_tests,tests/browser,$(WALKED) --clear && $(PYTEST) tests/browser $(SIDE_BY_SIDE) $(PYTEST_FLAGS) && $(WALKED))

# `make fuzz FIRST=4711 SEQUENCES=1 MINUTES=0` plays one sequence again.
SEQUENCES ?= 10000
FIRST ?= 1
MINUTES ?= 20

.PHONY: fuzz
fuzz: setup build ## random sequences, contracts against model: SEQUENCES from FIRST, then MINUTES on Ganache
	@[ "$(SEQUENCES)" = 0 ] || .venv-contracts/bin/python scripts/fuzz.py --sequences $(SEQUENCES) --first $(FIRST)
	@[ "$(MINUTES)" = 0 ] || BERTH_FUZZ_MINUTES=$(MINUTES) $(BROWNIE) test \
		tests/contracts/stateful/test_state_machine.py --network ganache-cli

# `make chaos KILLS=50 SEED=7`: the seed says who is killed when; what the machine makes of it differs.
KILLS ?= 200
SEED ?= 1

.PHONY: chaos
chaos: setup build ## kill real processes at random moments, KILLS times by SEED; needs Mosquitto
	@$(BIN)/python -m tests.chaos.run --kills $(KILLS) --seed $(SEED)

# `make sim SEEDS=1 FIRST=4711 TRACE=1` plays one seed again and prints all that happened.
SEEDS ?= 1000
TRACE ?=
SIM_FLAGS ?=

.PHONY: sim
sim: FIRST = 0
sim: setup build ## whole markets in virtual time, faults by seed: SEEDS from FIRST
	@$(BIN)/python -m tests.sim --seeds $(SEEDS) --first $(FIRST) --jobs $$(nproc) $(if $(TRACE),--trace) $(SIM_FLAGS)

.PHONY: gas-accept
gas-accept: setup build ## write the gas snapshots anew; look at the difference before committing it
	@BERTH_GAS_ACCEPT=1 $(BROWNIE) test tests/contracts/gas/test_gas.py --network ganache-cli $(CONTRACT_TEST_FLAGS)

##@ Check

# Not part of `test`: its tools are large, and proofs take minutes.
.PHONY: analyze
analyze: ## proofs, lemmas, storage layout, Slither; installs its tools first, 320 MB, where they are not yet
	@"$(PYTHON)" scripts/toolchain/setup.py --analysis
	@$(ANALYSIS)/python scripts/analysis/layout.py
	@$(ANALYSIS)/python scripts/analysis/findings.py
	@$(ANALYSIS)/python scripts/analysis/lemmas.py
	@$(ANALYSIS)/python scripts/analysis/proofs.py

.PHONY: coverage
coverage: setup ## statements and branches that the contract tests run, a line for each gap; fails below 95 %
	@.venv-contracts/bin/python scripts/coverage/run.py $(CONTRACT_TEST_FLAGS)

.PHONY: lint
lint: lint-python lint-solidity lint-dapp ## style, types and layers

.PHONY: lint-python
lint-python: setup
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	$(BIN)/python scripts/toolchain/check_lock.py

.PHONY: lint-solidity
lint-solidity: setup
	$(NODE_BIN)/solhint --disc --noPoster --max-warnings 0 $(SOLIDITY)
	$(NODE_BIN)/prettier --check --log-level warn $(SOLIDITY) $(PROOFS)

.PHONY: lint-dapp
lint-dapp: setup
	$(BIN)/python scripts/generate_dapp.py --check
	cd dapp && node_modules/.bin/tsc --noEmit
	cd dapp && node_modules/.bin/eslint --max-warnings 0 .
	cd dapp && node_modules/.bin/prettier --check --log-level warn .

.PHONY: format
format: setup ## bring all code into shape
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)
	$(NODE_BIN)/prettier --write --log-level warn $(SOLIDITY) $(PROOFS)
	cd dapp && node_modules/.bin/prettier --write --log-level warn .

##@ Build

.PHONY: build
build: setup ## compile the contracts that have changed
	@$(BROWNIE) compile

.PHONY: dapp
dapp: setup dapp/dist/.built ## build the app for browsers where something has changed; fails above its budget

dapp/dist/.built: $(DAPP_SOURCES)
	@cd dapp && node_modules/.bin/vite build --logLevel warn && node scripts/budget.mjs && touch dist/.built

.PHONY: abi
abi: build ## write the ABI files, and what is generated from them and from the state table
	$(BIN)/python scripts/export_abi.py
	$(BIN)/python scripts/generate_events.py
	$(BIN)/python scripts/generate_errors.py
	$(BIN)/python scripts/generate_lifecycle.py

.PHONY: abi-check
abi-check: build ## fail when they do not fit the contracts
	$(BIN)/python scripts/export_abi.py --check
	$(BIN)/python scripts/generate_events.py --check
	$(BIN)/python scripts/generate_errors.py --check
	$(BIN)/python scripts/generate_lifecycle.py --check

.PHONY: dapp-types
dapp-types: setup ## write what the dApp takes from API, ABI files and refusals
	$(BIN)/python scripts/generate_dapp.py

.PHONY: lock
lock: setup ## compile the requirements of pyproject.toml, with hashes
	@scripts/toolchain/lock

##@ Measure

.PHONY: bench
bench: bench-titles bench-decoders bench-gas bench-memory bench-indexer bench-latency ## all benchmarks

.PHONY: bench-titles
bench-titles: setup ## Merkle trees of a city's titles, beside OpenZeppelin's own
	$(BIN)/python bench/titles.py

.PHONY: bench-decoders
bench-decoders: setup ## the generated decoders of events, beside eth_abi
	$(BIN)/python bench/decoders.py

.PHONY: bench-gas
bench-gas: setup ## gas of every verb, as the snapshots have it, beside floor and goal; writes docs/gas.md
	$(BIN)/python bench/gas.py

.PHONY: bench-memory
bench-memory: setup build ## memory of `berth up` with Melbourne in it and people searching
	$(BIN)/python bench/memory.py

# EVENTS=1000000 measures the whole way from 10,000 events on and takes about an hour.
EVENTS ?= 100000
# HISTORY=FOLDER takes one that bench/history/make.py has played there and still serves.
ROUNDS ?= 3
PONDER ?= 1
HISTORY ?=
LEASES ?= 300

.PHONY: bench-tools
bench-tools: setup build
	@"$(PYTHON)" scripts/toolchain/setup.py --bench

.PHONY: bench-indexer
bench-indexer: bench-tools ## the index made from EVENTS events, beside Ponder and beside fetching alone
	$(BIN)/python bench/indexer.py --events $(EVENTS) --rounds $(ROUNDS) $(if $(filter 0,$(PONDER)),--without-ponder) \
		$(if $(HISTORY),--history $(HISTORY))

.PHONY: bench-latency
bench-latency: bench-tools ## from a mined block to the command at the lock, beside the least that could do it
	$(BIN)/python bench/latency.py --leases $(LEASES)

##@ Clean

.PHONY: clean
clean: ## remove what building and testing left, but no environment and no data
	rm -rf build reports interfaces dist dapp/dist .cache/mypy .cache/pytest .cache/pytest-contracts .cache/import-linter \
		.cache/forge .cache/coverage .cache/tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis .home/slot-*
	find backend scripts tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: distclean
distclean: clean ## remove the environments too; `make setup` makes them anew
	rm -rf .venv .venv-contracts .venv-analysis node_modules dapp/node_modules scripts/analysis/forge/node_modules \
		bench/node/node_modules bench/ponder/node_modules .home .cache
