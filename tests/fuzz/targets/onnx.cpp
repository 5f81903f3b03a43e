#include "fuzz/reader.h"

// A model in ONNX.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    camber::fuzzing::read_everything(data, size);
    return 0;
}
