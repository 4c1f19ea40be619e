#!/bin/sh
# What cargo calls in place of rustc for the crates of the workspace (RUSTC_WORKSPACE_WRAPPER) when fuzz targets are built:
# LLVM's coverage pass, so that the engine sees which way an input took. Everything else stays as it was compiled already.
exec "$@" \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
