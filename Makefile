# `make build` and `make test` set up all they need in .venv, from Python 3.11+ alone.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help build test check fuzz format bench-validate bench-build bench-article bench-query bench-push bench-scale bench-memory bench-spark bench-draft bench-stories bench-pages rules protocol mappings pins clean bench-serve soak lighthouse
help:
	@echo "make build    publish the articles into out/"
	@echo "make test     run the tests"
	@echo "make check    format, lint, types, all tests, and out/ is what the sources give"
	@echo "make format   format the code"
	@echo "make fuzz     run the program on 3,000 workspaces that have something wrong; SEED=2 COUNT=500 gives others"
	@echo "make bench-validate   measure validation beside other engines"
	@echo "make bench-build   measure the build, phase by phase"
	@echo "make bench-article measure what one article takes of the processor, phase by phase"
	@echo "make bench-scale   measure what one article costs"
	@echo "make bench-memory  measure the memory that each article takes in the main process"
	@echo "make bench-spark   compare builds by Spark with those of processes, byte for byte"
	@echo "make bench-query   measure queries beside other engines"
	@echo "make bench-serve   measure \`spacecoop serve\` beside Oxigraph's own server; needs wrk"
	@echo "make bench-draft   measure drafts beside answers, with texts that are not in the repository"
	@echo "make bench-stories measure the comparisons of what several articles tell"
	@echo "make bench-pages  measure what pages cost beside validation"
	@echo "make bench-push   measure pushes beside curl and the stores' own loaders"
	@echo "make rules    fetch the aggregators' own rules from GitHub, and have them judge out/"
	@echo "make protocol  put the W3C's protocol tests to the server; SPACECOOP_RDF_TESTS is a checkout of w3c/rdf-tests"
	@echo "make soak     load the server for SECONDS (43200), and see that its memory stays flat"
	@echo "make lighthouse  have Lighthouse judge a page of each kind of out/; needs npx and Chromium"
	@echo "make mappings  read SSSOM's own examples; SPACECOOP_SSSOM_EXAMPLES is the folder of them in mapping-commons/sssom"
	@echo "make pins     renew the pinned requirements"
	@echo "make clean    delete the environment and the caches"

build: .venv/run
	$(BIN)/spacecoop build

test: .venv/dev
	$(BIN)/pytest -n auto

check: .venv/dev
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/pytest -n auto -rs
	$(BIN)/spacecoop build --check

SEED ?= 1
COUNT ?= 3000
fuzz: .venv/dev
	$(BIN)/python tests/fuzz.py --seed $(SEED) --count $(COUNT)

format: .venv/dev
	$(BIN)/ruff format src tests
	$(BIN)/ruff check --fix src tests

bench-validate: .venv/dev
	$(BIN)/python benchmarks/validate.py

bench-build: .venv/dev
	$(BIN)/python benchmarks/build.py

bench-article: .venv/dev
	$(BIN)/python benchmarks/article.py

bench-scale: .venv/dev
	$(BIN)/python benchmarks/scale.py

bench-memory: .venv/dev
	$(BIN)/python benchmarks/memory.py

bench-spark: .venv/dev
	$(BIN)/pip install -q --disable-pip-version-check pyspark==4.0.1
	$(BIN)/python benchmarks/spark.py

bench-query: .venv/dev
	$(BIN)/python benchmarks/query.py

bench-serve: .venv/dev
	$(BIN)/python benchmarks/serve.py

bench-draft: .venv/dev
	$(BIN)/python benchmarks/draft.py --seen 01,02,05,06,10,11,13,16
	$(BIN)/python benchmarks/draft_articles.py

bench-stories: .venv/dev
	$(BIN)/python benchmarks/stories.py

bench-pages: .venv/dev
	$(BIN)/python benchmarks/pages.py

bench-push: .venv/dev
	$(BIN)/python benchmarks/push.py

lighthouse: .venv/dev
	$(BIN)/python benchmarks/lighthouse.py

rules: .venv/dev
	$(BIN)/spacecoop preflight --update-rules --for dcat-ap --for archivo --for ldes --failed
	$(BIN)/pytest tests/official_rules.py

protocol: .venv/dev
	$(BIN)/pytest -rs tests/official_protocol.py

soak: .venv/dev
	$(BIN)/python benchmarks/soak.py --seconds $(or $(SECONDS),43200)

mappings: .venv/dev
	$(BIN)/pytest -rs tests/official_sssom.py

pins: .venv/dev
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile $(PIN) -o requirements/run.txt pyproject.toml requirements/house.in
	$(BIN)/pip-compile $(PIN) --extra dev -o requirements/dev.txt pyproject.toml requirements/house.in
PIN := -q --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spacecoop needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python requirements/run.txt pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
