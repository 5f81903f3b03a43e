#include <cstddef>

/// A library that says it is version 3.2.1.
extern "C" std::size_t standInVersion() { return 30201; }
