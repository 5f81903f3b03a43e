#include <cstddef>

/// A library that says it is cuDNN 9.1.
extern "C" std::size_t cudnnGetVersion() { return 90100; }
