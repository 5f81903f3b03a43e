#include <cstddef>

/// A library that says it is cuBLAS 11.11.3.
extern "C" std::size_t cublasLtGetVersion() { return 111103; }
