// Files of weights of the original libraries, with no option but the network's name: import, predict, and the labels
// that the original gives the same picture (fixtures/labels); then out by export and in again, bit for bit.
#include <camber/checkpoint.h>
#include <camber/image.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "cli/check_error.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A file of nets/ or weights/, and the labels of its network's original.
struct Original {
    const char *net, *file;
    std::vector<std::string> exports;  ///< what the network's weights can be written as
    const char* labels = nullptr;      ///< labels/NAME.png; null: called as the file
};

const std::vector<std::string> to_torch = {"w.safetensors"},
                               to_both = {"w.safetensors", "w.h5", "w.hdf5", "w.weights.h5"};

const std::vector<Original> originals = {
    {"deeplabv3-resnet50", "nets/deeplabv3-resnet50.pth", to_torch},
    {"deeplabv3-resnet101", "nets/deeplabv3-resnet101.pth", to_torch},
    {"smp-unet-resnet34", "nets/smp-unet-resnet34.pth", to_torch},
    {"smp-unet-vgg16", "nets/smp-unet-vgg16.pth", to_torch},
    {"smp-unet-vgg16-bn", "nets/smp-unet-vgg16-bn.pth", to_torch},
    {"smp-unet-resnet34", "nets/smp-unet-resnet34-before-0_1.pth", to_torch},
    {"smp-unet-vgg16-bn", "nets/smp-unet-vgg16-bn-before-0_1.pth", to_torch},
    {"dynamic-unet-resnet34", "nets/dynamic-unet-resnet34.pth", to_torch},
    {"dynamic-unet-resnet34", "nets/dynamic-unet-resnet34-fastai2.pth", to_torch},
    {"unet-resnet34", "nets/unet-resnet34.h5", to_both},
    {"unet-resnet34", "nets/unet-resnet34-transpose.h5", to_both},
    {"unet-vgg16", "nets/unet-vgg16.h5", to_both},
    {"unet-vgg16", "nets/unet-vgg16.keras", to_both},
    {"unet-vgg16", "nets/unet-vgg16-transpose-bn.h5", to_both},
    {"unet-vgg16", "nets/unet-vgg16-transpose.h5", to_both},
    {"unet", "weights/plain_unet.h5", to_both, "plain_unet"},
    {"unet", "weights/plain_unet.weights.h5", to_both, "plain_unet"},
    {"unet", "weights/plain_unet.keras", to_both, "plain_unet"},
    {"unet", "weights/plain_unet_2.h5", to_both, "plain_unet"},
    {"unet", "weights/plain_unet_gzip.h5", to_both, "plain_unet"},
};

const std::filesystem::path fixtures = CAMBER_TEST_FIXTURES;
constexpr std::uint8_t undecided = 255;  ///< in the originals' labels: the top two logits differ by 1e-3 or less

bool succeeds(const std::vector<std::string>& arguments) {
    const CommandResult result = run_camber(arguments);
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    return result.exit_code == 0;
}

/// Whether labels tell networks apart: three classes or more, and few pixels that are undecided.
bool says_much(const Image& expected) {
    std::array<std::size_t, 256> counts{};
    for (const std::uint8_t id : expected.data) ++counts[id];
    const auto classes = std::count_if(counts.begin(), counts.begin() + undecided, [](auto n) { return n > 0; });
    return classes >= 3 && counts[undecided] * 100 < expected.pixels();
}

/// Of a checkpoint: what the network is, and every bit of its weights.
void check_same(const std::filesystem::path& before, const std::filesystem::path& after) {
    const Checkpoint a = load_checkpoint(before), b = load_checkpoint(after);
    CHECK(a.info.config == b.info.config);
    CHECK(a.info.extra.at("classes") == b.info.extra.at("classes"));
    REQUIRE(a.tensors.size() == b.tensors.size());
    for (std::size_t i = 0; i < a.tensors.size(); ++i) {
        CAPTURE(a.tensors[i].name);
        CHECK(a.tensors[i].name == b.tensors[i].name);
        CHECK(a.tensors[i].tensor.to_vector<float>() == b.tensors[i].tensor.to_vector<float>());
    }
}

void check_labels(const Image& labels, const Image& expected) {
    REQUIRE(says_much(expected));
    REQUIRE(labels.pixels() == expected.pixels());
    std::size_t different = 0;
    for (std::size_t i = 0; i < labels.data.size(); ++i) {
        different += expected.data[i] != undecided && labels.data[i] != expected.data[i];
    }
    CHECK(different == 0);
}

}  // namespace

TEST_CASE("files of the original libraries need no option but the network's name to give the originals' labels") {
    for (const Original& original : originals) {
        const std::filesystem::path file = fixtures / original.file;
        if (file.extension() != ".pth" && !has_hdf5()) continue;
        INFO(original.file);
        const std::string labels = original.labels ? original.labels : file.stem().string();
        const TemporaryFolder folder;
        const std::string checkpoint = (folder / "c.safetensors").string();
        if (!succeeds({"import", "--net", original.net, "--weights", file.string(), "--out", checkpoint})) continue;
        if (!succeeds({"predict", "--checkpoint", checkpoint, "--device", "cpu", "--dtype", "f32", "--out",
                       (folder / "out").string(), (fixtures / "labels/picture.png").string()})) {
            continue;
        }
        check_labels(read_label(folder / "out/picture_labels.png"),
                     read_label(fixtures / "labels" / (labels + ".png")));
        for (const std::string& name : original.exports) {
            CAPTURE(name);
            const std::string weights = (folder / name).string(), again = (folder / "again.safetensors").string();
            if (!succeeds({"export", "--checkpoint", checkpoint, "--out", weights})) continue;
            if (!succeeds({"import", "--net", original.net, "--weights", weights, "--out", again})) continue;
            check_same(checkpoint, again);
        }
    }
}
