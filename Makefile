# PYTHON makes the virtual environment; everything after that runs in it.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo table1 shipped test test-fast lint golden gpu-wheels

# A small colorizer, trained and judged on drawn characters: about 12 minutes on 2 slow CPU cores.
demo: .venv/installed
	$(BIN)/python launch/make_shards.py characters --count 2200 --seed 0 --size 64 --held-out 0.1 --output shards/demo
	$(BIN)/accelerate launch --config_file accelerate_configs/cpu.yaml launch/train.py demo --data shards/demo --output runs/demo
	$(BIN)/python launch/evaluate.py --checkpoint runs/demo --data shards/demo --output runs/demo/report

# The paper's four methods and ours on the demo's characters, each trained twice: less than an hour on 2 cores.
table1: .venv/installed
	$(BIN)/python launch/make_shards.py characters --count 2200 --seed 0 --size 64 --held-out 0.1 --output shards/demo
	$(BIN)/accelerate launch --config_file accelerate_configs/cpu.yaml launch/table1.py demo --data shards/demo --output runs/table1

# The two trained files that come with the package, with a card each. Delete runs/shipped to make them anew.
shipped: .venv/installed
	$(BIN)/python benchmarks/shipped.py

# What a machine with a GPU, torch, accelerate and the like, but no network, lacks to run benchmarks/gpu.py: a few
# MB for Python 3.12 in .whl. There: python3 -m pip install --no-index --no-deps --target /tmp/site .whl/*.whl,
# then PYTHONPATH=/tmp/site:. python3 benchmarks/gpu.py --minutes 8 --output gpu
gpu-wheels:
	rm -rf .whl
	$(PYTHON) -m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
		--platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
		--dest .whl 'webdataset>=1.0' braceexpand 'tyro>=0.9.18' docstring-parser typeguard \
		'pytorch-msssim>=1.0' 'lpips>=0.1.4'
	du -sh .whl

# One test at a time on each core: most of them start programs and wait.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests --numprocesses auto --maxprocesses 8 --dist worksteal

test: .venv/installed
	$(PYTEST)

test-fast: .venv/installed
	$(PYTEST) -m "not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Ten steps of each demo, to the last digit: a change of form alone prints the same before and after, on one machine.
golden: .venv/installed
	$(BIN)/python benchmarks/golden.py

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e .[test]
	touch $@
