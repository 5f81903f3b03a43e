#include <camber/weights.h>
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <functional>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

long peak_kib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

std::string fixture(const char* name) { return read_text(weight_fixture(name)); }

std::string safetensors(const std::string& header, const std::string& data) {
    return little(header.size(), 8) + header + data;
}

/// A dictionary that holds the one of a level less twice: 2^levels paths.
std::string doubled(char levels) {
    if (levels == 0) return "}";
    return "}" + pickled_text("a") + doubled(static_cast<char>(levels - 1)) + "q" + levels + "s" + pickled_text("b") +
           "h" + levels + "s";
}

struct Hostile {
    const char *what, *name, *line;  ///< after the file's name and ": "
    std::string contents;
};

}  // namespace

TEST_CASE("each hostile file gives its one line, in little time and memory") {
    const std::string floats(64, 'x');
    std::vector<Hostile> files = {
        {"archive cut short", "a.pth", "a damaged zip archive, or one cut short (its list of members is missing)",
         fixture("torch_zip.pth").substr(0, 3000)},
        {"stream cut short", "a.pth", "a damaged pickle, or one cut short (it ends in the middle, at byte 300)",
         fixture("torch_stream.pth").substr(0, 300)},
        {"safetensors cut short", "a.safetensors",
         "tensor 'x' ends at byte 8 of 4 bytes of data: the file was cut short or is damaged",
         safetensors(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "abcd")},
        {"zip bomb", "a.pth",
         "member 'archive/data/0' of the zip archive is compressed; files of weights store theirs as they are: unpack "
         "it, "
         "or pack it again without compression (zip -0)",
         zip_archive({{"archive/data.pkl", pickled("}" + pickled_text("x") + pickled_tensor(16, 0, {16}, {1}) + "s")},
                      {"archive/data/0", std::string(1000, '\0'), 8}})},
        {"a member of more bytes than the file", "a.pth",
         "a damaged zip archive, or one cut short (member 'archive/data/0' of 1073741824 bytes ends outside the file)",
         zip_archive({{"archive/data.pkl", pickled("}")}, {"archive/data/0", "", 0, 0, 1 << 30}})},
        {"os.system", "a.pth",
         "holds a pickled os.system where a state_dict is wanted, and nothing in a file is ever run; in Python, "
         "torch.save(model.state_dict(), FILE)",
         zip_archive({{"a/data.pkl", pickled("cos\nsystem\n(" + pickled_text("id") + "tR")}})},
        {"a dictionary within itself", "a.pth", "the pickle holds a value that contains itself",
         zip_archive({{"a/data.pkl", pickled("}q\1" + pickled_text("a") + "h\1s")}})},
        {"paths without end", "a.pth",
         "holds no tensors under names (a state_dict is wanted: torch.save(model.state_dict(), FILE))",
         zip_archive({{"a/data.pkl", pickled(doubled(15))}})},
        {"three million values", "a.pth", "a pickle of more than 2000000 values; no list of tensors has as many",
         zip_archive({{"a/data.pkl", pickled("(" + std::string(3'000'000, 'N') + "t")}})},
        {"a text of 4 GiB", "a.pth", "a damaged pickle, or one cut short (it ends in the middle, at byte 47)",
         zip_archive({{"a/data.pkl", pickled("X" + little(0xfffffffe, 4) + "abc")}})},
        {"a tensor outside its storage", "a.pth",
         "tensor 'x' points outside its storage: it reaches element 16, the storage has 16",
         torch_archive(pickled_tensor(16, 5, {3, 4}, {4, 1}), floats)},
        {"not HDF5", "a.h5",
         "not a file of weights: a safetensors file, PyTorch's .pth or .pt, Keras's .h5 or .keras, or .onnx",
         std::string(5000, 'h')},
        {"a lying offset", "a.safetensors", "tensor 'x' comes after bytes that belong to none: a damaged file",
         safetensors(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "abcdefgh")},
        {"a lying length of the header", "a.safetensors",
         "not a safetensors file, or cut short (a header of 4611686018427387904 bytes in a file of 15)",
         little(1ull << 62, 8) + "{\"x\":1}"},
        {"a lying shape", "a.safetensors", "tensor 'x' has a shape larger than any file",
         safetensors(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", "abcd")},
    };
    if (has_hdf5()) {
        files.push_back({"HDF5 in name only", "a.h5", "a damaged HDF5 file, or one cut short",
                         std::string("\x89HDF\r\n\x1a\n", 8) + std::string(1000, 'x')});
        files.push_back({"HDF5 that expands", "a.h5",
                         "dataset 'a/a/kernel:0' of 1099511627776 bytes is larger than its file: a damaged one, or one "
                         "that expands",
                         fixture("bomb.h5")});
    }
    const TemporaryFolder folder;
    for (const Hostile& hostile : files) {
        CAPTURE(hostile.what);
        const std::string path = (folder / hostile.name).string();
        write_text(path, hostile.contents);
        const double start = processor_seconds();
        const long before = peak_kib();
        const std::string message = error_of([&] { WeightFile::open(path); });
        CHECK(message == path + ": " + hostile.line);
#if !defined(__SANITIZE_ADDRESS__)
        CHECK(processor_seconds() - start < 2);
        CHECK(peak_kib() - before < 300 * 1024);
#endif
    }
}
