#include "fuzz/reader.h"
#include "io/archive.h"

// What a .pt2 archive says of its weights; the archive around it is sound.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string config(reinterpret_cast<const char*>(data), size);
    std::vector<camber::testing::ArchiveMember> members = {{"a/archive_format", "pt2"},
                                                           {"a/data/weights/model_weights_config.json", config}};
    for (const char* key : {"0", "1", "2"})
        members.push_back({std::string("a/data/weights/weight_") + key, std::string(512, 'x')});
    const std::string file = camber::testing::zip_archive(members);
    camber::fuzzing::read_everything(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    return 0;
}
