# Camber in two commands: `make train` and `make test`. Each installs what it needs first (Debian packages, through tools/setup.sh).
#   make                 build
#   make train           train a U-Net on CamVid (CAMVID=dir), on data/camvid, or on generated scenes; RUN=dir names the run's folder
#   make test            every test; SANITIZE=1: under AddressSanitizer and UBSan
#                        CUDA=OFF: without the CUDA sources even where nvcc is; WERROR=ON: warnings are errors
#   make bench           a training step beside PyTorch
#   make lint            formatting and static checks
SANITIZE ?= 0
ifeq ($(SANITIZE),1)
BUILD ?= build-sanitize
FLAGS := -DCAMBER_SANITIZE=ON
CUDA ?= OFF
else
BUILD ?= build
FLAGS := -DCAMBER_SANITIZE=OFF
endif
# CUDA sources take minutes to compile: for `make train` only where there is a GPU to run them on.
CUDA ?= ON
train: CUDA := $(if $(wildcard /dev/nvidiactl),ON,OFF)
WERROR ?= OFF
LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)

all: command tests

setup:
	@tools/setup.sh

configure: setup
	@cmake -S . -B $(BUILD) -G Ninja $(FLAGS) -DCAMBER_CUDA=$(CUDA) -DCAMBER_WERROR=$(WERROR) $(LAUNCHER) --log-level=NOTICE

command: configure
	@cmake --build $(BUILD) --target camber_command

tests: configure
	@cmake --build $(BUILD)

train: command
	@BUILD=$(BUILD) tools/train.sh

test: tests
	@ctest --test-dir $(BUILD) --output-on-failure

bench: configure
	@cmake --build $(BUILD) --target camber_command bench_step
	@BUILD=$(BUILD) bench/step/run.sh

lint: configure
	@BUILD=$(BUILD) tools/lint.sh

clean:
	rm -rf build build-*

.PHONY: all setup configure command tests train test bench lint clean
