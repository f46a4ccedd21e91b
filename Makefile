# PYTHON makes the virtual environment; everything after that runs in it.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo table1 test lint

# A small colorizer, trained and judged on drawn characters: about 8 minutes on 2 CPU cores.
demo: .venv/installed
	$(BIN)/python launch/make_shards.py characters --count 2200 --seed 0 --size 64 --held-out 0.1 --output shards/demo
	$(BIN)/accelerate launch --config_file accelerate_configs/cpu.yaml launch/train.py demo --data shards/demo --output runs/demo
	$(BIN)/python launch/evaluate.py --checkpoint runs/demo --data shards/demo --output runs/demo/report

# The four methods of the paper's Table 1 on the demo's characters, each trained twice: less than an hour on 2 cores.
table1: .venv/installed
	$(BIN)/python launch/make_shards.py characters --count 2200 --seed 0 --size 64 --held-out 0.1 --output shards/demo
	$(BIN)/accelerate launch --config_file accelerate_configs/cpu.yaml launch/table1.py demo --data shards/demo --output runs/table1

test: .venv/installed
	$(BIN)/python -m pytest tests

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e .[test]
	touch $@
