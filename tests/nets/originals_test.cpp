// The published networks against their originals (fixtures/make_torch_nets.py, make_keras_nets.py): names, shapes and
// counts of all parameters; logits in evaluation and training, gradients and running statistics from imported weights.
#include <camber/summary.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "original.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Every tensor of the original is ours with the converted shape, and nothing of ours is left over.
void check_list(Library library, const std::string& name, const std::string& net_name,
                const nlohmann::json& options = nlohmann::json::object()) {
    CAPTURE(name);
    const OriginalList list = read_original_list(name);
    const auto net = nets::make_net(net_name, options);
    std::map<std::string, Shape> ours;
    std::int64_t total = 0, trainable = 0;
    for (const auto& [path, parameter] : net->named_parameters()) {
        ours[path] = parameter->tensor.shape();
        trainable += parameter->tensor.numel();
    }
    for (const auto& [path, buffer] : net->named_buffers()) {
        ours[path] = buffer->tensor.shape();
        total += buffer->tensor.numel();
    }
    total += trainable;
    CHECK(total == list.total);
    CHECK(trainable == list.trainable);
    CHECK(ours.size() == list.tensors.size());
    for (const OriginalTensor& tensor : list.tensors) {
        CAPTURE(tensor.name);
        const auto found = ours.find(our_name(library, tensor.name));
        REQUIRE(found != ours.end());
        CHECK(found->second == our_shape(library, tensor));
    }
    const LayerTable table = layer_table(*net, 224, 224, 3);
    CHECK(table.params == list.total);
    CHECK(table.trainable == list.trainable);
}

/// Every case in f64 and f32. Gradients are held to the same bound as logits: the cases keep every ReLU and every
/// pooling `margin` from where its derivative jumps, which is far more than f32 is off.
void check_results(const std::filesystem::path& folder, const std::string& file_name, std::size_t networks) {
    const SafetensorsFile file = SafetensorsFile::open(folder / file_name);
    const nlohmann::json cases = nlohmann::json::parse(file.metadata().at("cases"));
    std::set<std::string> names;
    for (const auto& golden : cases) {
        const std::string name = golden.at("name");
        names.insert(golden.at("file"));
        CAPTURE(name);
        CHECK(golden.at("margin").get<double>() >= 1e-5);
        for (const auto& [dtype, allowed] : {std::pair(Dtype::f64, 1e-6), std::pair(Dtype::f32, 1e-4)}) {
            for (const auto& [role, error] : compare_with_original(folder, file, golden, dtype)) {
                CAPTURE(dtype == Dtype::f64);
                CAPTURE(role);
                CHECK(error <= allowed);
            }
        }
    }
    CHECK(names.size() == networks);
}

}  // namespace

TEST_CASE("PyTorch's networks: names, shapes and counts of parameters") {
    for (const char* name : {"resnet34", "resnet50", "resnet101", "vgg16", "vgg16-bn", "deeplabv3-resnet50",
                             "deeplabv3-resnet101", "smp-unet-resnet34", "smp-unet-vgg16", "smp-unet-vgg16-bn"}) {
        check_list(Library::torch, name, name);
    }
    check_list(Library::torch, "dynamic-unet-resnet34", "dynamic-unet-resnet34", {{"classes", 32}});
}

TEST_CASE("Keras's networks: names, shapes and counts of parameters") {
    for (const char* name : {"keras-resnet34", "keras-vgg16", "unet-resnet34", "unet-vgg16"}) {
        check_list(Library::keras, name, name);
    }
    check_list(Library::keras, "unet-resnet34-transpose", "unet-resnet34", {{"decoder", "transpose"}});
    check_list(Library::keras, "unet-vgg16-transpose-bn", "unet-vgg16", {{"decoder", "transpose"}});
    check_list(Library::keras, "unet-vgg16-transpose", "unet-vgg16", {{"decoder", "transpose"}, {"batch_norm", false}});
}

TEST_CASE("PyTorch's networks, from files of its libraries: logits, gradients and running statistics") {
    check_results(CAMBER_TEST_FIXTURES, "torch_nets.safetensors", 11);
}

TEST_CASE("Keras's networks, from files of its libraries: logits, gradients and running statistics") {
    if (!has_hdf5()) return;
    check_results(CAMBER_TEST_FIXTURES, "keras_nets.safetensors", 7);
}

// Files of hundreds of megabytes, which make_torch_nets.py and make_keras_nets.py write with --full DIR.
TEST_CASE("the originals at full width, where CAMBER_ORIGINALS names a folder of them: logits in evaluation") {
    const char* folder = std::getenv("CAMBER_ORIGINALS");
    if (!folder) return;
    for (const char* file_name : {"torch_nets.safetensors", "keras_nets.safetensors"}) {
        if (!std::filesystem::exists(std::filesystem::path(folder) / file_name)) continue;
        const SafetensorsFile file = SafetensorsFile::open(std::filesystem::path(folder) / file_name);
        for (const auto& golden : nlohmann::json::parse(file.metadata().at("cases"))) {
            const double error = compare_with_original(folder, file, golden, Dtype::f32).at("eval_logits");
            MESSAGE(golden.at("name").get<std::string>() << ": " << error);
            CHECK(error <= 1e-4);
        }
    }
}
