# demo and test set themselves up: they need only Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip would compile 28,000 files. Python compiles those that are used, once, if it may: where a
# container forbids it, each command would compile 7,000 again, in three times the time.
export PYTHONDONTWRITEBYTECODE :=
define install
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	-c constraints.txt -e ".[$(1)]"
endef
CODE := automl segformer tests docs experiments
TEST := all,test,check,docs
DOCS := all,docs

.PHONY: demo test faults check format docs lock clean

demo: $(VENV)/installed-run ## generated data -> search -> promoted ONNX model, in demo/
	rm -rf demo
	$(BIN)/automl data sample demo/data
	$(BIN)/automl run --skill segformer --data demo/data --out demo/runs/sample --trials 8 --epochs 10 \
		dataset.segment.img_size=64 dataset.segment.batch_size=4 dataset.segment.workers=0

test: $(VENV)/installed-test ## the whole suite, slow tests too, on two processes, a file at a time
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=30

faults: $(VENV)/installed-test ## 300 killed searches on this machine, 60 on Ray; the tables are in faults/
	$(BIN)/pytest -m faults tests/faults
	$(BIN)/python tests/faults/campaign.py --out faults/local --runs 300
	$(BIN)/python tests/faults/campaign.py --out faults/ray --runs 60 --runner ray

check: $(VENV)/installed-test ## format, lint, types, layers
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/python docs/check_types.py
	$(BIN)/pytest tests/test_layers.py

format: $(VENV)/installed-test
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: $(VENV)/installed-docs ## site/, from docs/ and the code; a warning is a failure
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(VENV)/installed-test ## write constraints.txt from the environment
	{ sed -n '/^#/p' constraints.txt; $(BIN)/pip freeze --exclude-editable | sed 's/+cpu//'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) demo site

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: $(BIN)/python pyproject.toml constraints.txt
	$(call install,all)
	touch $@

$(VENV)/installed-test: $(BIN)/python pyproject.toml constraints.txt
	$(call install,$(TEST))
	touch $(VENV)/installed-run $@

$(VENV)/installed-docs: $(VENV)/installed-run
	$(call install,$(DOCS))
	touch $@
