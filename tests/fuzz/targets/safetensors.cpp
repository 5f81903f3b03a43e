#include "fuzz/reader.h"

// A safetensors file, the length of its header made to fit so that every input gets to the header.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string file(reinterpret_cast<const char*>(data), size);
    camber::fuzzing::read_everything(data, size);
    const std::uint64_t header = file.rfind('}') == std::string::npos ? 0 : file.rfind('}') + 1;
    file.insert(0, reinterpret_cast<const char*>(&header), sizeof header);
    camber::fuzzing::read_everything(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    return 0;
}
