# ssl_explain. `make help` lists the targets: every line below that carries two hashes.
#
# The environment lives in .venv. tools/setup_env.py makes it and keeps a note of what it installed,
# so that a second start installs nothing that has not changed.

VENV := .venv
BIN = $(VENV)/bin
FIRST := my_notebooks/00_start_here.ipynb

# An interpreter that is named wins; otherwise the one of the environment, if it runs; otherwise python3.
ifeq ($(strip $(PYTHON)),)
override PYTHON := $(shell .venv/bin/python -c "" 2>/dev/null && echo .venv/bin/python || echo python3)
endif
SETUP = sh tools/check_python.sh "$(PYTHON)" && "$(PYTHON)" tools/setup_env.py

# One thread, so that printed numbers do not depend on the number of cores. (No MPLBACKEND: it would silence notebooks.)
unexport MPLBACKEND
# Compiled code is kept: otherwise each of the many processes would compile the package and the tests again.
unexport PYTHONDONTWRITEBYTECODE
check-run notebooks stress: export OMP_NUM_THREADS = 1

# $(call step,heading,command): run one step under its heading, say how long it took, stop where it fails.
step = @printf '\n=== %s\n' '$(1)'; begin=$$(date +%s); { $(2); }; code=$$?; \
	[ $$code -eq 0 ] && word=done || word=FAILED; \
	printf '=== %s: %s in %s s\n' '$(1)' $$word $$(($$(date +%s) - begin)); exit $$code

# How fast this machine is just now: a fixed piece of work on one core, to read the times of the steps by.
define MEASURE
import time, numpy, torch
torch.set_num_threads(1)
x, y, begin = torch.full((200, 200), 0.005), numpy.linspace(0, 1, 100_000), time.perf_counter()
for _ in range(150):
    x, y = torch.tanh(x @ x), numpy.sort(numpy.cos(9 * y))
print(f"\n=== machine: a fixed loop in PyTorch and NumPy takes {time.perf_counter() - begin:.1f} s on one core")
endef
export MEASURE

# The tests in an environment that is named like the target, with the versions that it asks for.
define other-versions
@rm -rf build/$@
$(call step,set up build/$@,$(SETUP) --env build/$@ --$@ --extra test)
@$(MAKE) --no-print-directory VENV=build/$@ check-run
endef

NBVAL = $(BIN)/pytest -o addopts= -q --strict-markers -n 2 --dist loadscope \
	--nbval-lax --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with tests/helpers/sanitize.cfg notebooks

# A journey needs neither PyTorch nor checked signatures: what tests/conftest.py loads is left out.
BROWSER = $(BIN)/pytest -o addopts= -q --strict-markers -p no:nbval --confcutdir=tests/browser -n 2 -m "browser and not stress" -rs tests/browser

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help start lab lecture slides bundle test demo notebooks site bench stress newest lowest audit format clean env env-lecture env-test check-code check-run

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'PYTHON=/path/to/python3.12 chooses the interpreter; LAB_ARGS="--no-browser" reaches JupyterLab.'

lab: env ## JupyterLab on this machine, opened at your copy of the first notebook (in my_notebooks)
	@$(BIN)/python tools/working_copies.py
	@allow=; [ "$$(id -u)" -ne 0 ] || allow=--allow-root; \
	exec $(BIN)/jupyter-lab --ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(FIRST) $$allow $(LAB_ARGS)

test: env-test check-code check-run ## everything the gate checks

lecture: env-lecture ## the notebooks on a projector: code hidden, large type (LECTURE_ARGS="--help")
	@$(BIN)/python tools/lecture.py $(LECTURE_ARGS)

start: env-lecture ## the first notebook in your browser, alive and without code; JupyterLab is one link away
	@$(BIN)/python tools/lecture.py --start $(LECTURE_ARGS)

slides: env-lecture ## slides from the notebooks in build/slides
	@$(BIN)/python tools/build_slides.py

demo: env ## train the tree of the first notebook in the terminal, print its table (DEMO_ARGS="--help")
	@$(BIN)/python -m ssl_explain $(DEMO_ARGS)

notebooks: env-test ## execute every notebook in place (or those in NB="notebooks/...") and keep the outputs
	@$(BIN)/python tools/run_notebooks.py $(NB)

site: env-test ## static pages in build/site that need no Python and no network (SITE_ARGS="--help")
	@OMP_NUM_THREADS=1 $(BIN)/python tools/build_site.py $(SITE_ARGS)

bundle: site slides ## pages, slides and notebooks in one file to mail or unpack: build/course.zip
	@cd build && rm -f course.zip && ../$(BIN)/python -m zipfile -c course.zip site slides ../notebooks && ls -l course.zip

bench: env-test ## measure speed: a table here, the same figures in bench.json
	@$(BIN)/python tools/bench.py $(BENCH_ARGS)

stress: env-test ## what is too long for the gate; the check cells once more without vector instructions
	$(call step,long tests,MPLBACKEND=Agg $(BIN)/pytest -n 2 --dist load --durations=40 -rs --hypothesis-profile=stress -m "stress or hypothesis")
	$(call step,small mistakes in the core,$(BIN)/python tests/helpers/mutants.py)
	$(call step,notebooks on a plain CPU,ATEN_CPU_CAPABILITY=default $(NBVAL))

newest: ## the tests again in a fresh environment with the newest versions (only torch stays pinned)
	$(other-versions)

lowest: ## the same with the lowest versions that the ranges allow
	$(other-versions)

audit: ## ask a vulnerability service about every pinned version (needs a network; red if it does not answer)
	@"$(PYTHON)" tools/audit.py

format: env-test ## lay out the code and repair what can be repaired without thinking
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## remove the environment and everything that tools leave behind
	rm -rf .venv build ssl_explain.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

env:
	@$(SETUP)

env-lecture:
	@$(SETUP) --extra lecture

env-test:
	$(call step,set up,$(SETUP) --extra test)

check-code:
	$(call step,layout,$(BIN)/ruff format --check .)
	$(call step,lint,$(BIN)/ruff check .)
	$(call step,types,MYPY_NUM_WORKERS=2 $(BIN)/mypy)

check-run:
	@OMP_NUM_THREADS=1 $(BIN)/python -c "$$MEASURE"
	$(call step,unit and property tests and doctests,MPLBACKEND=Agg $(BIN)/pytest -n 2 --dist loadfile -rs -m "not browser and not stress")
	$(call step,outputs up to date,$(BIN)/python tools/run_notebooks.py --check)
	$(call step,notebooks,$(NBVAL))
	$(call step,browser,$(BROWSER))
