#!/bin/sh
# Writes what has a shell complete the command line:  completion.sh COMMAND SHELL FILE
set -eu
mkdir -p "$(dirname "$3")"
"$1" completion "$2" >"$3"
