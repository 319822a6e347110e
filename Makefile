# Everything a newcomer needs: `make demo`, `make test`. The rest is for those who write the code.
SHELL := /bin/bash
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check setup lock container clean help

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

setup:           ## Debian packages, .venv, Asterisk: each step skipped when present
	@tools/setup.sh

demo: setup      ## one real call through a real Asterisk; ONCE=1 ends after it
	@$(BIN)/dozvon demo $(if $(ONCE),--once)

check:           ## lint, types, import rules, unit and property tests
	@tools/check.sh

test:            ## every test, with the real Asterisk, Redis, PostgreSQL and Chromium
	@tools/setup.sh --tests
	@tools/check.sh --no-tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

container: setup ## build the image and run the compose file, with podman
	@$(BIN)/python -m pytest tests/container -m container -o addopts="--import-mode=importlib -q" $(ARGS)

lock:            ## resolve the dependencies anew into requirements.lock
	@uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-annotate \
	  --group pyproject.toml:dev pyproject.toml -o requirements.lock --custom-compile-command "make lock"

clean:           ## forget this installation's data (calls, tickets, keys)
	rm -rf var
