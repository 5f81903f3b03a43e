# Camber in two commands: `make train` and `make test`. Each installs what it needs first (Debian packages, through
# tools/setup.sh).
#   make                 build
#   make train           train a U-Net on CamVid (CAMVID=dir), on data/camvid, or on generated scenes; RUN=dir names the
#                        run's folder
#   make test            every test; SANITIZE=1: under AddressSanitizer and UBSan
#                        CUDA=OFF: without the CUDA sources even where nvcc is; WERROR=ON: warnings are errors
#   make install         into PREFIX [/usr/local]: the command, its manual page, the library and its CMake package
#   make package         Debian packages of the same, in build-package
#   make portable        the command to be carried to another machine, in build-portable
#   make docs            the library's reference, in build/docs/html
#   make bench           a training step beside PyTorch
#   make lint            formatting and static checks
#   make threads         handles of the C interface in threads, under ThreadSanitizer
#   make fuzz            each reader of files under libFuzzer for FUZZ_SECONDS [5]
# The configurations are those of CMakePresets.json.
SANITIZE ?= 0
ifeq ($(SANITIZE),1)
PRESET := sanitize
BUILD ?= build-sanitize
CUDA ?= OFF
else
PRESET := release
BUILD ?= build
endif
# CUDA sources take minutes to compile: for `make train` only where there is a GPU to run them on.
CUDA ?= ON
train: CUDA := $(if $(wildcard /dev/nvidiactl),ON,OFF)
WERROR ?= OFF
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 5
export CMAKE_CXX_COMPILER_LAUNCHER CMAKE_CUDA_COMPILER_LAUNCHER
CMAKE_CXX_COMPILER_LAUNCHER ?= $(if $(shell command -v ccache),ccache)
CMAKE_CUDA_COMPILER_LAUNCHER ?= $(CMAKE_CXX_COMPILER_LAUNCHER)
# Without it ccache stands aside where headers are precompiled.
export CCACHE_SLOPPINESS ?= pch_defines,time_macros

all: command tests

setup:
	@tools/setup.sh build

configure: setup
	@cmake --preset $(PRESET) -B $(BUILD) -DCAMBER_CUDA=$(CUDA) -DCAMBER_WERROR=$(WERROR) --log-level=NOTICE

command: configure
	@cmake --build $(BUILD) --target camber_command

tests: configure
	@cmake --build $(BUILD)

train: command
	@BUILD=$(BUILD) tools/train.sh

test: tests
	@ctest --test-dir $(BUILD) --output-on-failure -j2

install: configure
	@cmake --build $(BUILD) --target installed
	@cmake --install $(BUILD) --prefix $(PREFIX)

package: setup
	@tools/setup.sh package
	@cmake --preset package -DCAMBER_WERROR=$(WERROR) --log-level=NOTICE
	@cmake --build --preset package
	@cpack --preset package

portable: setup
	@cmake --preset portable -DCAMBER_CUDA=OFF -DCAMBER_EMULATOR=OFF -DCAMBER_WERROR=$(WERROR) --log-level=NOTICE
	@cmake --build --preset portable --target camber_command
	@tools/check_portable.sh build-portable/camber

docs:
	@tools/setup.sh docs
	@BUILD=$(BUILD) tools/docs.sh

bench: configure
	@cmake --build $(BUILD) --target camber_command bench_step
	@BUILD=$(BUILD) bench/step/run.sh

lint: configure
	@tools/setup.sh lint
	@BUILD=$(BUILD) tools/lint.sh

threads: setup
	@tools/setup.sh clang
	@cmake --preset threads -DCAMBER_WERROR=$(WERROR) --log-level=NOTICE
	@cmake --build --preset threads
	@ctest --preset threads

fuzz: setup
	@tools/setup.sh clang
	@cmake --preset clang -DCAMBER_WERROR=$(WERROR) --log-level=NOTICE
	@cmake --build --preset clang --target fuzz
	@tests/fuzz/run.sh build-clang $(FUZZ_SECONDS)

clean:
	rm -rf build build-*

.PHONY: all setup configure command tests train test install package portable docs bench lint threads fuzz clean
