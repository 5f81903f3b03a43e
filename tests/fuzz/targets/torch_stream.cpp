#include "fuzz/reader.h"

// PyTorch's older stream, after its magic number and protocol version.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string file("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02\x4d\xe9\x03\x2e", 21);
    file.append(reinterpret_cast<const char*>(data), size);
    camber::fuzzing::read_everything(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    return 0;
}
