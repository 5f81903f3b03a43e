#include "fuzz/reader.h"
#include "io/archive.h"

// The pickle in PyTorch's zip archive; the archive around it is sound, so that every input gets to the pickle.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string pickle(reinterpret_cast<const char*>(data), size);
    std::vector<camber::testing::ArchiveMember> members = {{"a/data.pkl", pickle}};
    for (const char* key : {"0", "1", "2", "3"}) {
        members.push_back({std::string("a/data/") + key, std::string(512, 'x')});
    }
    const std::string file = camber::testing::zip_archive(members);
    camber::fuzzing::read_everything(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    return 0;
}
