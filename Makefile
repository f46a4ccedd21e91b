# PYTHON makes the virtual environment; everything after that runs in it.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint

# A small colorizer, trained and judged on drawn characters: about 8 minutes on 2 CPU cores.
demo: .venv/installed
	$(BIN)/python launch/make_shards.py characters --count 2200 --seed 0 --size 64 --held-out 0.1 --output shards/demo
	$(BIN)/accelerate launch --config_file accelerate_configs/cpu.yaml launch/train.py demo --data shards/demo --output runs/demo
	$(BIN)/python launch/evaluate.py --checkpoint runs/demo --data shards/demo --output runs/demo/report

test: .venv/installed
	$(BIN)/python -m pytest tests

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e .[test]
	touch $@
