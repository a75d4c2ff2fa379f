# make play     a fresh checkout: environment, plugin dropped into plugins/, the game (headless where there is no screen)
# make test     the same environment; lint, types, tests, a process a core (ARGS="tests/test_docs.py -n 0" for one in one)
# make long     tests that are too slow for make test: bulk training stopped and killed, packages built and installed, ...
# make pythons  the same tests without torch on every newer Python that is found here
# make without  what learns, tested as if numba, torch or both were not installed
# make battles  100,000 random battles by the batched rules and by the scalar ones, compared; about three minutes
# make bench    what recording, deciding and learning cost, beside other libraries; ONLY=record for one subject
# make study    learning results with intervals, hours of them; ONLY=games for one subject; what is done stays done
# make soak     30 minutes of the window with learning: does its memory grow?
# make torture  kills, failing disks, mutated files, swaps and cycles in full counts; may be stopped and goes on
# make aarch64  out/aarch64: Debian for 64-bit ARM with Python and what a Raspberry Pi installs, run by qemu (make study ONLY=edge)
# make ladder   the bots against one another, 1,000 battles each
# make pictures the pictures that tests compare with and documents show, drawn again: look at them before they are kept
# make dist     out/cornerman-plugin.zip: the plugin folder, to unpack in a game's plugins folder
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable
ARGS ?=
PARALLEL := --numprocesses auto --maxprocesses 8 --dist worksteal

.PHONY: play test long pythons without battles lint env bench study torture soak ladder pictures dist clean

env: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) ".[game,plot,test]"
	touch $@

play: env
	$(BIN)/python -m cornerman install plugins
	$(BIN)/python -m game_adapter $(ARGS)

lint: env
	$(BIN)/ruff check plugin game_adapter tests assets examples
	$(BIN)/ruff format --check plugin game_adapter tests assets examples
	$(BIN)/mypy

test: env lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not long" $(PARALLEL) $(ARGS)

long: env
	$(INSTALL) ".[package]"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long $(ARGS)

pythons: env
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.pythons $(ARGS)

without: env
	for packages in numba torch numba,torch; do \
		CORNERMAN_WITHOUT=$$packages OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not long" $(PARALLEL) tests/learning tests/policy \
			tests/training/test_build.py tests/training/test_learning.py tests/training/test_training_loop.py \
			tests/cli/test_doctor.py tests/test_hooks_only.py tests/test_plugin_start.py $(ARGS) || exit 1; done

battles: env
	CORNERMAN_BATTLES=100000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/game_adapter/test_vector_battle.py $(ARGS)

bench: env
	$(INSTALL) ".[bench]"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks $(ONLY)

study: env
	$(INSTALL) ".[study]"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.studies $(ONLY) $(ARGS)

soak: env
	OMP_NUM_THREADS=1 CORNERMAN_SOAK_MINUTES=30 $(BIN)/python -m tests.benchmarks soak --out soak.json

torture: env
	for what in "kill 1000" "worker 200" "fault 100000" "fuzz 100000" "swap 1000000" "cycle 1000"; do \
		OMP_NUM_THREADS=1 $(BIN)/python -m tests.torture $$what || exit 1; done

dist: env
	rm -rf out/dist && mkdir -p out/dist
	$(BIN)/python -m cornerman install out/dist/plugins
	cd out/dist && ../../$(BIN)/python -m zipfile -c ../cornerman-plugin.zip plugins/cornerman
	@echo "out/cornerman-plugin.zip: unpack it in a game's plugins folder"

# Debian's packages are unpacked, not set up: Python needs no more, and it takes neither root nor a changed kernel.
ARM := out/aarch64
ARM_WHEELS := $(BIN)/python -m pip install --quiet --upgrade --only-binary :all: --implementation cp --python-version 3.11 \
	--platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64
aarch64: env $(ARM)/.made
$(ARM)/.made: Makefile
	rm -rf $(ARM) && mkdir -p $(ARM)/root
	debootstrap --download-only --arch=arm64 --variant=minbase --include=python3 bookworm $(ARM)/packages
	for package in $(ARM)/packages/var/cache/apt/archives/*.deb; do dpkg-deb --extract $$package $(ARM)/root || exit 1; done
	rm -rf $(ARM)/packages
	$(ARM_WHEELS) --target $(ARM)/plain numpy psutil safetensors pygame
	$(ARM_WHEELS) --target $(ARM)/fast numpy psutil safetensors pygame numba
	cp tests/studies/measures/aarch64.sh $(ARM)/root/usr/bin/python && chmod +x $(ARM)/root/usr/bin/python
	$(ARM)/root/usr/bin/python --version
	touch $@

ladder: env
	$(BIN)/python -m tests.ladder

pictures: env
	CORNERMAN_PICTURES=keep $(BIN)/python -m pytest -q -n 0 tests/*/test_pictures.py $(ARGS)

clean:
	rm -rf $(VENV) .venv-3.* plugins out
