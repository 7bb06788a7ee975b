# Everything a newcomer or a developer does, one word each. `make demo` and `make test` need nothing prepared.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test lint format docs bench fuzz lock

ARGS ?=
NAME ?= idle

help:  ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

setup:  ## Make the environment and build the web interface
	@tools/setup.sh web

demo: setup  ## Start a site, bring in a real image, run a real model, show the result (ARGS=--check verifies and ends)
	@.venv/bin/kahua demo $(ARGS)

up: setup  ## Start a site in ./kahua-data
	@.venv/bin/kahua up $(ARGS)

test: setup lint  ## Pass all tests (ARGS="-k word" picks some)
	.venv/bin/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)
	@tools/web.sh test

lint:  ## Check style, types and layers
	@tools/setup.sh
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@for file in .ci/run tools/*.sh; do bash -n $$file || exit 1; done

format:  ## Put the code into its form
	@tools/setup.sh
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	@tools/web.sh format

docs:  ## Write the generated pages of the documentation
	@tools/setup.sh
	.venv/bin/python tools/reference.py

bench: setup  ## Measure one figure beside its peer or goal (NAME=idle, cstore, …)
	@.venv/bin/python benchmarks/$(subst -,_,$(NAME)).py $(ARGS)

fuzz:  ## Try what reads untrusted bytes (NAME=pdu, command, scanner, multipart, json or json-of-files)
	@tools/setup.sh fuzz
	@cd .setup && PYTHONPATH=$(CURDIR)/.setup/atheris ../.venv/bin/python ../tools/fuzz.py $(NAME) $(ARGS)

lock:  ## Pin the newest dependencies, with hashes
	@tools/setup.sh
	.venv/bin/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 pyproject.toml -o requirements/site.txt
	.venv/bin/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 pyproject.toml --group dev --extra postgres --extra s3 -o requirements/dev.txt
	.venv/bin/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 requirements/node.in -o requirements/node.txt
	.venv/bin/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 requirements/fuzz.in -o requirements/fuzz.txt
