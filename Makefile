# Everything a person or a machine runs: see `make help`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
VIDEO ?=
DATA ?=
C_SOURCES = $(shell find kernels tests -name '*.cpp' -o -name '*.h' -o -name '*.cu')
PYTEST = $(BIN)/python -m pytest $(if $(DATA),--data=$(DATA))
# Whole suites run sockets, processes and a browser on whatever machine there is: what fails is tried
# again and listed as a rerun. Without it: `make test RERUNS=0`.
RERUNS ?= 2
SUITE = $(PYTEST) --reruns $(RERUNS) --rerun-except 'from pytest-timeout' -rR

.PHONY: help demo test test-all check format bench clean
.DEFAULT_GOAL := help

help:            ## show this help
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 12

# One stamp per state of the package's recipe and native sources.
$(VENV)/installed: pyproject.toml CMakeLists.txt $(shell find kernels -name '*.cpp' -o -name '*.h')
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed   ## stream a moving 3D scene (or VIDEO=clip.mp4) to a viewer; see demo/
	$(BIN)/stereocast demo $(if $(VIDEO),'$(VIDEO)') --folder demo

test: $(VENV)/installed   ## the quick suite, a few minutes at most
	$(SUITE) -m 'not slow'

# TensorRT-RTX builds plans and NVRTC compiles kernels without a GPU; the tests of that fail, not
# skip, without the packages.
test-all: $(VENV)/installed   ## what is slow: long fuzz, soak, timing, a browser, TensorRT, CUDA
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,cuda,rtx,nvcodec]'
	$(if $(shell command -v npm),cd tests/web && npm ci --no-fund --no-audit --silent)
	$(SUITE) -m slow

check: $(VENV)/installed   ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p stereocast
	$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	$(PYTEST) tests/test_architecture.py

format: $(VENV)/installed   ## rewrite the sources as `check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(C_SOURCES)

# A dash: these exit with 1 where a goal is missed, which make says, and the other benches still run.
bench: $(VENV)/installed   ## every bench, into bench/results/
	@mkdir -p bench/results
	$(BIN)/stereocast bench kernels --json bench/results/kernels.json
	$(BIN)/stereocast bench depth --json bench/results/depth.json
	$(BIN)/stereocast bench stereo-truth $(if $(DATA),--data $(DATA)) --json bench/results/stereo-truth.json --markdown bench/results/stereo-truth.md
	$(BIN)/stereocast bench stereo-truth --scenes 24 --depth realistic --json bench/results/stereo-truth-24.json --markdown bench/results/stereo-truth-24.md
	$(BIN)/stereocast bench stereo-truth --depth realistic --blur 6 --json bench/results/stereo-truth-soft.json --markdown bench/results/stereo-truth-soft.md
	$(BIN)/stereocast bench depth-quality --json bench/results/depth-quality.json --markdown bench/results/depth-quality.md
	$(BIN)/stereocast bench depth-quality --model tiny --json bench/results/depth-quality-tiny.json --markdown bench/results/depth-quality-tiny.md
	$(BIN)/stereocast bench pumping --json bench/results/pumping.json
	$(BIN)/stereocast bench convert $(VIDEO) --json bench/results/convert.json
	$(BIN)/stereocast bench latency --seconds 60 --json bench/results/latency.json
	$(BIN)/stereocast bench overload --seconds 30 --json bench/results/overload.json
	-$(BIN)/stereocast bench sound --json bench/results/sound.json
	-$(BIN)/stereocast bench soak --json bench/results/soak.json --markdown bench/results/soak.md
	$(BIN)/stereocast bench gateway --json bench/results/gateway.json
	$(BIN)/stereocast bench latency --slow-viewer --seconds 30 --json bench/results/slow-viewer.json
	$(PYTEST) -m slow -s tests/web --watch-seconds 60

clean:           ## remove what was made here
	rm -rf $(VENV) build demo
