# One command each, on a machine that has only Python 3.11 (and, for `make test`, apt or an installed Chromium).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
VLLM_VENV := .venv-vllm
# Where the CPU build of torch comes from, if not from the usual index: make vllm TORCH_INDEX=URL
TORCH_INDEX ?=

.PHONY: install demo test lint types bench conformance vllm chromium clean

install: $(VENV)/.core

demo: $(VENV)/.core
	$(VENV)/bin/tastemaker demo

test: $(VENV)/.dev $(VLLM_VENV)/.done chromium
	$(MAKE) lint types
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev
	$(VENV)/bin/mypy

bench: $(VENV)/.dev
	$(VENV)/bin/python -m tests.bench

conformance: $(VENV)/.dev $(VLLM_VENV)/.done
	$(VENV)/bin/python -m pytest -m "" tests/conformance

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
	  "found Python %d.%d, expected 3.11 to 3.13; name one: make install PYTHON=PROGRAM" % v)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/python -m pip install --quiet $(TORCH_INDEX:%=--extra-index-url %) -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/python -m pip install --quiet $(TORCH_INDEX:%=--extra-index-url %) -c constraints.txt -e '.[dev,train]'
	touch $@ $(VENV)/.core

vllm: $(VLLM_VENV)/.done

$(VLLM_VENV)/.done: constraints-vllm.txt
	rm -rf $(VLLM_VENV)
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps $(TORCH_INDEX:%=--extra-index-url %) -r constraints-vllm.txt
	PYTHONPATH=agent/vllm_shim $(VLLM_VENV)/bin/python -c \
	  'import torch, vllm.model_executor.models.llava; assert torch.version.cuda is None, "not the CPU torch: set TORCH_INDEX"'
	touch $@

chromium:
	@$(PYTHON) tests/ui/chromium.py || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium; \
	  else echo "make test needs Chromium: sudo apt-get install chromium, or CHROMIUM=PROGRAM make test" >&2; exit 1; fi; }

clean:
	rm -rf $(VENV) $(VLLM_VENV) build dist test-results .mypy_cache .ruff_cache .pytest_cache
