.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install all that is needed, inside this folder
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "setup: Python 3.11 or newer is needed and '$(PYTHON)' is not on PATH: install it, or name one with make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) scripts/toolchain/setup.py

.PHONY: test-contracts
test-contracts: setup ## contract tests, on a chain of their own
	scripts/brownie test tests/contracts --network ganache-cli
