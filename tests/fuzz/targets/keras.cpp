#include "fuzz/reader.h"

// Keras's .h5, through HDF5's library.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    camber::fuzzing::read_everything(data, size);
    return 0;
}
