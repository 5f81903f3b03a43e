// The published networks against their originals (fixtures/make_torch_nets.py, make_keras_nets.py): names, shapes and
// counts of all parameters; logits in evaluation and training, gradients and running statistics from equal weights.
#include <camber/summary.h>
#include <doctest/doctest.h>

#include <map>

#include "original.h"

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

/// f64 has its digits: 1e-6. f32 has 1e-4 or, where the original's own f32 is far from its f64 (noise), stays in the
/// original's order of magnitude. The first layer's gradient goes through every ReLU and pooling, and what is within
/// rounding of an edge or a tie decides by rounding which gradients pass: f32 is held to it only where the case keeps
/// ReLUs from their edges (bn_bias) and the original's own is steady. f64 judges it in the others.
double allowed(const nlohmann::json& golden, const std::string& role) {
    if (golden.at("dtype") == "f64") return 1e-6;
    const double noise = golden.at("noise").at(role);
    if (role == "grad_first")
        return golden.at("bn_bias") != 0 && noise < 4e-6 ? 5e-3
                                                         : 1;  // one ReLU or pooling tie that rounds the other way
    return std::max(1e-4, 30 * noise);
}

void check_results(Library library, const std::string& file_name) {
    const SafetensorsFile file = SafetensorsFile::open(CAMBER_TEST_FIXTURES "/" + file_name);
    const nlohmann::json cases = nlohmann::json::parse(file.metadata().at("cases"));
    for (const auto& golden : cases) {
        const std::string name = golden.at("name");
        CAPTURE(name);
        std::string line;
        for (const auto& [role, error] : compare_with_original(library, file, golden)) {
            CAPTURE(role);
            CHECK(error <= allowed(golden, role));
            line += fmt::format(" {} {:.1e}", role, error);
        }
        MESSAGE(name << ":" << line);
    }
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
    check_list(Library::keras, "unet-vgg16-transpose", "unet-vgg16", {{"decoder", "transpose"}, {"batch_norm", false}});
}

TEST_CASE("PyTorch's networks: logits, gradients and running statistics") {
    check_results(Library::torch, "torch_nets.safetensors");
}

TEST_CASE("Keras's networks: logits and gradients") { check_results(Library::keras, "keras_nets.safetensors"); }
