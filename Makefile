# Two commands do all the set-up: `make report` and `make test`. GNU Make 3.81 will do.
STUDY   ?= demo
STUDIES ?= demo
DATA    ?=
WEIGHTS ?=
ORIGINALS ?=
# Not from the environment, where others use these names.
JOB     :=
THREADS :=
SCHEDULER :=
GPU     ?=
PYTHON  ?=

# Set in many containers. Packages would be compiled anew by every process then, ten seconds for TensorFlow alone.
unexport PYTHONDONTWRITEBYTECODE

ON_GPU := $(filter-out 0 no false,$(GPU))
VENV := .venv$(if $(ON_GPU),-gpu)
PY   := $(VENV)/bin/python
LOCK := requirements$(if $(ON_GPU),-gpu).txt
READY := $(VENV)/.ready
NAMED = $(if $(PYTHON),$(call quote,$(patsubst ~/%,$(HOME)/%,$(value PYTHON))))
CANDIDATES = $(or $(NAMED),python3 python3.13 python3.12 python3.11 python)
# One worker a core, each file to one of them, the longest first.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder
EXTRAS := --extra dicom --extra onnx --extra litert --extra export --extra web --extra dask
# One word for the shell, whatever it holds: quotes and dollars, too. `value` takes it as it was given.
quote = '$(subst ','\'',$(1))'
option = $(if $(value $(2)),--$(1)=$(call quote,$(value $(2))))
GIVEN = $(call option,data,DATA) $(call option,weights,WEIGHTS)
SHARE = $(call option,job,JOB)
BESIDE = $(call option,scheduler,SCHEDULER) $(call option,threads,THREADS)
# What was typed for a target that does nothing with it is refused, in the shell, before anything runs. `take` names what
# a target takes; a name that is mistyped, or in small letters, no target takes.
comma := ,
OF_ALL := GPU PYTHON
TYPED := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
leave = $(foreach name,$(1),$(if $(value $(name)),echo error: $(name) must be left out of make $@$(comma) got $(call quote,$(value $(name)))$(2) >&2; exit 1;))
take = $(call leave,$(filter-out $(1) $(OF_ALL),$(TYPED)),: it takes $(strip $(1) $(OF_ALL)))

.PHONY: help install report reports plan work compare pdf serve export data lab test check bench recipes lint format lock picture lungs parameters clean audit fuzz test-long
.DEFAULT_GOAL := help

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  STUDY=name of a file in params/ (demo)   DATA=folder, .zip or .npz   WEIGHTS=imagenet, none or a path"
	@echo "  SCHEDULER=local:N or tcp://HOST:PORT trains side by side (report, reports, work)   THREADS=of each training"
	@echo "  JOB, SCHEDULER and THREADS count only where they are typed, the others from the environment, too"
	@echo "  GPU=1 installs TensorFlow for CUDA (Linux)   PYTHON=interpreter to build the environment with"
	@echo "  ORIGINALS=folder of radiographs as published, not made smaller (bench, recipes)"

install: $(READY) ## only build the environment
	@$(call take)$(if $(PYTHON),$(PY) -c 'import sys; print("$(VENV) has", sys.version.split()[0] + "; delete that folder to build it with another Python")')

report: $(READY) ## run what changed of STUDY and render reports/STUDY/index.html
	@$(call take,STUDY DATA WEIGHTS SCHEDULER THREADS)$(PY) -m pneumo_utils report $(call quote,$(value STUDY)) $(GIVEN) $(BESIDE)

plan: $(READY) ## list the trainings of STUDY, or of the share JOB=I/N, with their time and memory; downloads nothing
	@$(call take,STUDY DATA WEIGHTS JOB)$(PY) -m pneumo_utils plan $(call quote,$(value STUDY)) $(GIVEN) $(SHARE)

work: $(READY) ## train the networks of STUDY, or of the share JOB=I/N; many shares may run side by side
	@$(call take,STUDY DATA WEIGHTS JOB SCHEDULER THREADS)$(PY) -m pneumo_utils work $(call quote,$(value STUDY)) $(GIVEN) $(SHARE) $(BESIDE)

reports: $(READY) ## run several studies, STUDIES="kermany candidates/*", and set them side by side on one page
	@$(call take,STUDIES DATA WEIGHTS SCHEDULER THREADS)$(if $(strip $(STUDIES)),,echo error: STUDIES must name at least one study$(comma) got none >&2; exit 1;)$(PY) -m pneumo_utils reports $(foreach name,$(STUDIES),$(call quote,$(name))) $(GIVEN) $(BESIDE)

compare: $(READY) ## what differs between the finished studies A and B, and what came of it: reports/compare/
	@$(call take,A B)$(PY) -m pneumo_utils compare $(call quote,$(A)) $(call quote,$(B))

pdf: $(READY) ## print the pages of the finished STUDY into reports/STUDY/STUDY.pdf, where a Chromium is found
	@$(call take,STUDY)$(PY) -m pneumo_utils pdf $(call quote,$(value STUDY))

serve: $(READY) ## open a page on this machine that scores radiographs with the bundle of the finished STUDY
	@$(call take,STUDY)$(PY) -m pneumo_utils serve $(call quote,reports/$(value STUDY)/model)

export: $(READY) ## write a page that scores radiographs in any browser, offline too: reports/STUDY/browser
	@$(call take,STUDY)$(PY) -m pneumo_utils export $(call quote,reports/$(value STUDY)/model)

data: $(READY) ## only draw, download or find the radiographs of STUDY
	@$(call take,STUDY DATA)$(PY) -m pneumo_utils data $(call quote,$(value STUDY)) $(GIVEN)

lab: $(READY) ## open the notebooks in JupyterLab on 127.0.0.1
	@$(call take)PYTHONPATH=$(call quote,$(CURDIR)) $(PY) -m jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ip=127.0.0.1 --ServerApp.root_dir=$(call quote,$(CURDIR)) --LabApp.default_url=/lab/tree/notebooks --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

test: $(READY) ## run the tests, the smoke study included
	@$(call take)$(PY) -m pytest $(SIDE_BY_SIDE) -m "not long"

test-long: $(READY) ## run every test, with twenty kills, and write reports/reliability.md
	@$(call take)rm -f reports/.reliability && RELIABILITY="$(CURDIR)/reports/.reliability" $(PY) -m pytest $(SIDE_BY_SIDE) && $(PY) tests/support/reliability.py

check: $(READY) ## run the fast tests only
	@$(call take)$(PY) -m pytest $(SIDE_BY_SIDE) -m "not slow and not long"

fuzz: $(READY) ## try twenty thousand odd inputs a kind on images, names, parameter files and tables (minutes)
	@$(call take)FUZZ=20000 $(PY) -m pytest tests/test_fuzz.py

audit: $(READY) ## check the lock for known vulnerabilities, where a database can be reached
	@$(call take)$(VENV)/bin/uv tool run pip-audit --strict --requirement $(LOCK) --disable-pip --require-hashes

bench: $(READY) ## measure speed against what people do today; results land in reports/bench/
	@$(call take,DATA WEIGHTS ORIGINALS)DATA=$(call quote,$(value DATA)) WEIGHTS=$(call quote,$(value WEIGHTS)) ORIGINALS=$(call quote,$(value ORIGINALS)) $(PY) benchmarks/runner.py

recipes: $(READY) ## train every recipe that was tried against the shift and evaluate it (hours); reports/bench/recipes*.csv
	@$(call take,DATA WEIGHTS ORIGINALS)DATA=$(call quote,$(value DATA)) WEIGHTS=$(call quote,$(value WEIGHTS)) ORIGINALS=$(call quote,$(value ORIGINALS)) $(PY) benchmarks/recipes.py

lint: $(READY) ## check style, that notebooks are stored without outputs, and who imports whom
	@$(call take)$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m nbstripout --verify notebooks/*.ipynb && $(VENV)/bin/lint-imports --no-logo

format: $(READY) ## put code and notebooks into style
	@$(call take)$(PY) -m ruff check --fix . && $(PY) -m ruff format . && $(PY) -m nbstripout notebooks/*.ipynb

picture: $(READY) ## take the README's picture, reports/index.png, from the front page of the finished STUDY
	@$(call take,STUDY)$(PY) docs/front_page_picture.py $(call quote,$(value STUDY))

lungs: $(READY) ## train the network that finds the lungs anew, on phantoms (minutes)
	@$(call take)$(PY) -m pneumo_utils.networks.lung_field_training

parameters: $(READY) ## list every parameter with type, range and help
	@$(call take)$(PY) -m pneumo_utils parameters

lock: $(READY) ## compile requirements*.txt anew from pyproject.toml
	@$(call take)true
	$(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --extra cpu $(EXTRAS) --group dev --generate-hashes --custom-compile-command "make lock" -q -o requirements.txt
	$(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --extra gpu $(EXTRAS) --group dev --generate-hashes --custom-compile-command "make lock" -q -o requirements-gpu.txt -c requirements.txt
	echo uv | $(VENV)/bin/uv pip compile - --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" -q -o requirements-uv.txt

clean: ## delete reports, trained networks and bundles of all studies in params/, and drawn phantoms; all else stays
	@$(call take)if [ ! -x $(PY) ]; then echo "error: $(VENV) must be there to clean, got none: make install" >&2; exit 1; fi; $(PY) -m pneumo_utils clean

# The stamp is written last, so that a broken install is not taken for a whole one. An environment that is there stays
# until the new one is whole. The interpreter behind an activated environment is taken, not the environment's own.
# Where the system has flock, one installs at a time, and who waited for it has nothing left to do.
$(READY): $(LOCK) requirements-uv.txt pyproject.toml
	@set -e; if command -v flock >/dev/null 2>&1; then exec 9>"$(VENV).lock"; if ! flock -n 9; then flock 9 || true; \
	  if [ "$@" -nt $(LOCK) ] && [ "$@" -nt requirements-uv.txt ] && [ "$@" -nt pyproject.toml ]; then exit 0; fi; fi; fi; \
	for python in $(CANDIDATES); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; \
	  then found=$$("$$python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'); break; fi; done; \
	if [ -z "$$found" ]; then \
	  if command -v uv >/dev/null; then fetch=", or run 'uv python install 3.12' and pass PYTHON=\$$(uv python find 3.12)"; fi; \
	  got=$$($(or $(NAMED),python3) --version 2>/dev/null | head -n 1); \
	  echo "error: python3 must be 3.11, 3.12 or 3.13, got $${got:-none}: install one, or pass PYTHON=<path>$$fetch" >&2; exit 1; fi; \
	if ! "$$found" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "error: $$found must have the modules venv and ensurepip, got none: install the package python3-venv" >&2; exit 1; fi; \
	echo "installing into $(VENV) with $$("$$found" --version), once, about half a minute ..."; \
	rm -rf "$(VENV).gone"; if [ -d "$(VENV).old" ]; then rm -rf "$(VENV)"; elif [ -d "$(VENV)" ]; then mv "$(VENV)" "$(VENV).old"; fi; \
	trap 'rm -rf "$(VENV)"; if [ -d "$(VENV).old" ]; then mv "$(VENV).old" "$(VENV)"; echo "error: $(VENV) must be installed anew, got stopped: the old one is back" >&2; fi' EXIT; \
	trap 'exit 1' INT TERM HUP; \
	"$$found" -m venv "$(VENV)"; \
	if $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt 2>/dev/null; \
	then install="$(VENV)/bin/uv pip install --quiet --python $(PY)"; \
	else echo "uv cannot be had, so pip installs: about two minutes"; \
	  install="$(PY) -m pip install --quiet --disable-pip-version-check"; fi; \
	$$install --require-hashes -r $(LOCK); \
	$$install --no-deps --no-build-isolation --editable .; \
	touch "$@"; trap - EXIT; if [ -d "$(VENV).old" ]; then mv "$(VENV).old" "$(VENV).gone"; fi; rm -rf "$(VENV).gone"
