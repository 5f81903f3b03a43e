#include "fuzz/reader.h"

// PyTorch's zip archive, from its first byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    camber::fuzzing::read_everything(data, size);
    return 0;
}
