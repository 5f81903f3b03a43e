#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>

#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "weights/layout.h"
#include "weights/name_map.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// The network of the fixtures: a module for every kind of layer.
class Small : public nn::Module {
  public:
    explicit Small(bool keras) {
        const auto norm = keras ? nn::keras_batch_norm() : nn::pytorch_batch_norm();
        add<nn::Conv2d>("conv0", nn::Conv2dOptions{.in = 3, .out = 4, .bias = false});
        add<nn::BatchNorm2d>("bn0", 4, norm);
        add<nn::ConvTranspose2d>("up0", nn::ConvTranspose2dOptions{.in = 4, .out = 2, .kernel_h = 2, .kernel_w = 3});
        add<nn::Conv2d>("final_conv", nn::Conv2dOptions{.in = 2, .out = 2, .kernel_h = 1, .kernel_w = 1});
        add<nn::Linear>("fc1", 2, 5);
    }
};

/// A classifier after a flattening of 2 channels of 7x7, as torchvision's VGG has it.
class Flattened : public nn::Module {
  public:
    Flattened() { add<nn::ModuleList>("classifier").push<nn::Linear>(2 * 49, 3); }
};

/// A network with something below `encoder`.
class WithEncoder : public nn::Module {
  public:
    WithEncoder() {
        add<Small>("encoder", false);
        add<nn::Conv2d>("head", nn::Conv2dOptions{.in = 2, .out = 2, .kernel_h = 1, .kernel_w = 1});
    }
};

std::vector<NamedTensor> tensors_of(nn::Module& module) {
    std::vector<NamedTensor> list;
    for (const auto& named : module.named_parameters()) list.push_back({named.name, named.parameter->tensor});
    for (const auto& named : module.named_buffers()) list.push_back({named.name, named.parameter->tensor});
    return list;
}

Tensor tensor_of(nn::Module& module, const std::string& name) {
    for (const NamedTensor& named : tensors_of(module)) {
        if (named.name == name) return named.tensor;
    }
    FAIL("no parameter " << name);
    return {};
}

float element(const Tensor& t, std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
    return t.data<float>()[((a * t.dim(1) + b) * t.dim(2) + c) * t.dim(3) + d];
}

/// A safetensors file in PyTorch's layout, element i of "x" being value("x", i).
void write_pytorch(const std::filesystem::path& file, const std::vector<std::pair<std::string, Shape>>& tensors) {
    std::vector<NamedTensor> list;
    for (const auto& [name, shape] : tensors) {
        list.push_back({name, Tensor::from(fixture_values(name, shape.numel()), shape, Device::cpu)});
    }
    write_safetensors(file, list);
}

const std::vector<std::pair<std::string, Shape>> small_in_pytorch = {{"conv0.weight", {4, 3, 3, 3}},
                                                                     {"bn0.weight", {4}},
                                                                     {"bn0.bias", {4}},
                                                                     {"bn0.running_mean", {4}},
                                                                     {"bn0.running_var", {4}},
                                                                     {"up0.weight", {4, 2, 2, 3}},
                                                                     {"up0.bias", {2}},
                                                                     {"final_conv.weight", {2, 2, 1, 1}},
                                                                     {"final_conv.bias", {2}},
                                                                     {"fc1.weight", {5, 2}},
                                                                     {"fc1.bias", {5}}};

std::vector<std::pair<std::string, Shape>> prefixed(const std::string& prefix) {
    auto list = small_in_pytorch;
    for (auto& [name, shape] : list) name = prefix + name;
    return list;
}

/// The elements as PyTorch's layout has them, of names that were `prefix` + ours.
void check_small_from_pytorch(nn::Module& net, const std::string& place = "", const std::string& prefix = "") {
    const Tensor conv = tensor_of(net, place + "conv0.weight"), up = tensor_of(net, place + "up0.weight");
    for (int o = 0; o < 4; ++o) {
        for (int i = 0; i < 3; ++i) {
            for (int k = 0; k < 9; ++k) {
                CHECK(element(conv, o, k / 3, k % 3, i) == fixture_value(prefix + "conv0.weight", (o * 3 + i) * 9 + k));
            }
        }
    }
    for (int i = 0; i < 4; ++i) {
        for (int o = 0; o < 2; ++o) {
            for (int k = 0; k < 6; ++k) {
                CHECK(element(up, i, k / 3, k % 3, o) == fixture_value(prefix + "up0.weight", (i * 2 + o) * 6 + k));
            }
        }
    }
    for (const char* same : {"fc1.weight", "bn0.running_var", "up0.bias"}) {
        const Tensor tensor = tensor_of(net, place + same);
        CHECK(tensor.to_vector<float>() == fixture_values(std::string(prefix) + same, tensor.numel()));
    }
}

}  // namespace

TEST_CASE("PyTorch's layouts become ours") {
    const TemporaryFolder folder;
    write_pytorch(folder / "a", small_in_pytorch);
    Small net(false);
    const nn::ParameterBuffer memory(net, {.gradients = false});
    const auto version = tensor_of(net, "conv0.weight").storage().version();
    const ImportReport report = import_weights(*WeightFile::open(folder / "a"), net, {.strict = true});
    CHECK(report.complete());
    CHECK(report.matched.size() == 11);
    CHECK(report.from == "torchvision");
    CHECK(tensor_of(net, "conv0.weight").storage().version() > version);
    check_small_from_pytorch(net);
}

TEST_CASE("Keras's layouts become ours, from every form of its files") {
    for (const char* name : {"keras1.h5", "keras2.h5", "keras_model.h5", "keras3.weights.h5"}) {
        std::unique_ptr<WeightFile> file;
        if (mentions(error_of([&] { file = WeightFile::open(weight_fixture(name)); }), {"libhdf5-dev"})) return;
        REQUIRE(file);
        CAPTURE(name);
        Small net(true);
        const nn::ParameterBuffer memory(net, {.gradients = false});
        const ImportReport report = import_weights(*file, net, {.partial = true});
        CHECK(report.missing.empty());
        CHECK(report.wrong_shape.empty());
        CHECK(report.unexpected ==
              std::vector<std::string>{"bn_data/beta", "bn_data/moving_mean", "bn_data/moving_variance"});
        const Tensor conv = tensor_of(net, "conv0.weight"), up = tensor_of(net, "up0.weight"),
                     fc = tensor_of(net, "fc1.weight");
        for (int k = 0; k < 9; ++k) {
            for (int i = 0; i < 3; ++i) {
                for (int o = 0; o < 4; ++o) {
                    CHECK(element(conv, o, k / 3, k % 3, i) == fixture_value("conv0/kernel", (k * 3 + i) * 4 + o));
                }
            }
        }
        for (int k = 0; k < 6; ++k) {
            for (int o = 0; o < 2; ++o) {
                for (int i = 0; i < 4; ++i) {
                    CHECK(element(up, i, k / 3, k % 3, o) == fixture_value("up0/kernel", (k * 2 + o) * 4 + i));
                }
            }
        }
        for (int i = 0; i < 2; ++i) {
            for (int o = 0; o < 5; ++o) CHECK(fc.data<float>()[o * 2 + i] == fixture_value("fc1/kernel", i * 5 + o));
        }
        CHECK(tensor_of(net, "bn0.weight").to_vector<float>() == fixture_values("bn0/gamma", 4));
        CHECK(tensor_of(net, "bn0.running_var").to_vector<float>() == fixture_values("bn0/moving_variance", 4));
    }
}

TEST_CASE("the linear layer after PyTorch's flattening takes channels last here") {
    const TemporaryFolder folder;
    write_pytorch(folder / "a", {{"classifier.0.weight", {3, 98}}, {"classifier.0.bias", {3}}});
    Flattened net;
    const nn::ParameterBuffer memory(net, {.gradients = false});
    import_weights(*WeightFile::open(folder / "a"), net, {.strict = true});
    const Tensor weight = tensor_of(net, "classifier.0.weight");
    for (int o = 0; o < 3; ++o) {
        for (int c = 0; c < 2; ++c) {
            for (int p = 0; p < 49; ++p) {
                CHECK(weight.data<float>()[o * 98 + p * 2 + c] ==
                      fixture_value("classifier.0.weight", o * 98 + c * 49 + p));
            }
        }
    }
    write_safetensors(folder / "b", export_weights(net));
    CHECK(WeightFile::open(folder / "b")->read("classifier.0.weight") == fixture_values("classifier.0.weight", 3 * 98));
}

TEST_CASE("what is exported is what was imported, and a checkpoint of ours is read as it is") {
    const TemporaryFolder folder;
    write_pytorch(folder / "a", small_in_pytorch);
    Small net(false), again(false);
    const nn::ParameterBuffer memory(net, {.gradients = false}), other(again, {.gradients = false});
    import_weights(*WeightFile::open(folder / "a"), net);
    write_safetensors(folder / "b", export_weights(net));
    const auto exported = WeightFile::open(folder / "b");
    for (const auto& [name, shape] : small_in_pytorch) {
        CAPTURE(name);
        CHECK(exported->read(name) == fixture_values(name, shape.numel()));
    }
    std::vector<NamedTensor> checkpoint;
    for (const NamedTensor& named : tensors_of(net)) checkpoint.push_back({"model." + named.name, named.tensor});
    checkpoint.push_back({"optim.adam.step", Tensor::zeros({1}, Dtype::f32, Device::cpu)});
    write_safetensors(folder / "c", checkpoint, {{"camber.checkpoint", "{}"}});
    const ImportReport report = import_weights(*WeightFile::open(folder / "c"), again, {.strict = true});
    CHECK(report.from == "camber");
    check_small_from_pytorch(again);
}

TEST_CASE("a checkpoint's averages go before the parameters they are of") {
    const TemporaryFolder folder;
    nn::Linear layer(2, 2);
    const nn::ParameterBuffer memory(layer, {.gradients = false});
    const Tensor weight = Tensor::from<float>({1, 2, 3, 4}, {2, 2}, Device::cpu),
                 average = Tensor::from<float>({5, 6, 7, 8}, {2, 2}, Device::cpu),
                 bias = Tensor::from<float>({9, 10}, {2}, Device::cpu);
    const std::vector<NamedTensor> checkpoint = {
        {"model.weight", weight}, {"model.bias", bias}, {"ema.weight", average}};
    write_safetensors(folder / "c", checkpoint, {{"camber.checkpoint", "{}"}});
    const ImportReport report = import_weights(*WeightFile::open(folder / "c"), layer, {.strict = true});
    CHECK(report.ignored == std::vector<std::string>{"model.weight"});
    CHECK(memory.find("weight")->tensor().to_vector<float>() == average.to_vector<float>());
    CHECK(memory.find("bias")->tensor().to_vector<float>() == bias.to_vector<float>());
}

TEST_CASE("wrappers' prefixes and counters are no trouble") {
    const TemporaryFolder folder;
    auto list = prefixed("module._orig_mod.");
    list.push_back({"module._orig_mod.bn0.num_batches_tracked", {1}});
    write_pytorch(folder / "a", list);
    Small net(false);
    const nn::ParameterBuffer memory(net, {.gradients = false});
    const ImportReport report = import_weights(*WeightFile::open(folder / "a"), net, {.strict = true});
    CHECK(report.ignored == std::vector<std::string>{"module._orig_mod.bn0.num_batches_tracked"});
    check_small_from_pytorch(net, "", "module._orig_mod.");
    for (const char* wrapper : {"module.", "_orig_mod.", "_checkpoint_wrapped_module.", "_fsdp_wrapped_module."}) {
        CAPTURE(wrapper);
        CHECK(plain_name(Convention::pytorch, wrapper + std::string("a.weight")) == "a.weight");
        CHECK(plain_name(Convention::pytorch, fmt::format("a.{}0.{}weight", wrapper, wrapper)) == "a.0.weight");
    }
    CHECK(plain_name(Convention::pytorch, "my_module.weight") == "my_module.weight");
}

TEST_CASE("wrappers' names may stand anywhere, and a network below a name of its own") {
    const TemporaryFolder folder;
    std::vector<std::pair<std::string, Shape>> list = {{"mean", {1, 3, 1, 1}}, {"loss_fn.weight", {2}}};
    for (const auto& [name, shape] : small_in_pytorch) {
        const std::size_t dot = name.find('.');
        list.emplace_back("model.net." + name.substr(0, dot) + "._checkpoint_wrapped_module.module" + name.substr(dot),
                          shape);
    }
    write_pytorch(folder / "a", list);
    Small net(false);
    const nn::ParameterBuffer memory(net, {.gradients = false});
    const ImportReport report = import_weights(*WeightFile::open(folder / "a"), net, {.strict = true});
    CHECK(report.prefix == "model.net.");
    CHECK(report.matched.size() == 11);
    CHECK(report.ignored == std::vector<std::string>{"mean", "loss_fn.weight"});
    CHECK(tensor_of(net, "fc1.bias").to_vector<float>() ==
          fixture_values("model.net.fc1._checkpoint_wrapped_module.module.bias", 5));
    CHECK(mentions(report.text(), {"below model.net."}));
}

TEST_CASE("a network filled in part is refused, but for a last layer for other classes and what is outside it") {
    const TemporaryFolder folder;
    const auto imported = [&](std::vector<std::pair<std::string, Shape>> list, const ImportOptions& options = {}) {
        write_pytorch(folder / "a", list);
        Small net(false);
        const nn::ParameterBuffer memory(net, {.gradients = false});
        return import_weights(*WeightFile::open(folder / "a"), net, options);
    };
    auto other_head = small_in_pytorch, other_inputs = small_in_pytorch, more = small_in_pytorch, less = more;
    other_head[9].second = {9, 2};
    other_head[10].second = {9};
    const ImportReport head = imported(other_head);
    CHECK(head.fits());
    CHECK(head.matched.size() == 9);
    CHECK(mentions(head.text(), {"fc1.weight is for other classes in the file: it starts anew"}));
    CHECK(mentions(error_of([&] { imported(other_head, {.strict = true}); }), {"of the wrong shape"}));

    other_inputs[0].second = {4, 1, 3, 3};
    CHECK(mentions(error_of([&] { imported(other_inputs); }),
                   {"conv0.weight is [4, 1, 3, 3]", "pictures of 1 channel, this one of 3"}));
    more.emplace_back("bn0.attention.weight", Shape{2});  // within a layer: another architecture
    CHECK(mentions(error_of([&] { imported(more); }), {"bn0.attention.weight", "--partial"}));
    CHECK(imported(more, {.partial = true}).matched.size() == 11);
    more.back().first = "flag";
    CHECK(imported(more).unexpected == std::vector<std::string>{"flag"});
    less.pop_back();
    CHECK(mentions(error_of([&] { imported(less); }), {"10 of the network's 11 tensors", "1 missing (fc1.bias)"}));
    CHECK(imported(less, {.partial = true}).missing == std::vector<std::string>{"fc1.bias"});
}

TEST_CASE("an encoder is filled from a classifier, its head and the decoder left alone") {
    const TemporaryFolder folder;
    auto list = small_in_pytorch;
    list.push_back({"fc.weight", {10, 2}});
    write_pytorch(folder / "a", list);
    WithEncoder net;
    const nn::ParameterBuffer memory(net, {.gradients = false});
    const std::vector<float> head = tensor_of(net, "head.weight").to_vector<float>();
    const ImportReport report = import_weights(*WeightFile::open(folder / "a"), net,
                                               {.encoder_only = true, .encoder_paths = {"encoder"}, .strict = true});
    CHECK(report.matched.size() == 11);
    CHECK(report.ignored == std::vector<std::string>{"fc.weight"});
    check_small_from_pytorch(net, "encoder.");
    CHECK(tensor_of(net, "head.weight").to_vector<float>() == head);

    // The same from a whole network's file.
    write_pytorch(folder / "b", prefixed("encoder."));
    import_weights(*WeightFile::open(folder / "b"), net,
                   {.encoder_only = true, .encoder_paths = {"encoder"}, .strict = true});
    check_small_from_pytorch(net, "encoder.", "encoder.");
}

TEST_CASE("what stands beside the network in a state_dict stops neither the whole network nor an encoder") {
    const TemporaryFolder folder;
    for (const char* prefix : {"", "module.", "_orig_mod.", "model.", "net.", "network.", "teacher.backbone."}) {
        CAPTURE(prefix);
        auto list = prefixed(prefix);
        const std::vector<std::pair<std::string, Shape>> beside = {
            {"n_averaged", {1}}, {"mean", {1, 3, 1, 1}}, {"confusion", {5, 5}}, {"criterion.weight", {5}}};
        list.insert(list.begin(), beside.begin(), beside.end());
        write_pytorch(folder / "a", list);
        Small whole(false);
        WithEncoder net;
        const nn::ParameterBuffer memory(whole, {.gradients = false}), more(net, {.gradients = false});
        CHECK(import_weights(*WeightFile::open(folder / "a"), whole).matched.size() == 11);
        check_small_from_pytorch(whole, "", prefix);
        import_weights(*WeightFile::open(folder / "a"), net, {.encoder_only = true, .encoder_paths = {"encoder"}});
        check_small_from_pytorch(net, "encoder.", prefix);
    }
}

TEST_CASE("BGR weights are turned round to take RGB") {
    const TemporaryFolder folder;
    write_pytorch(folder / "a", small_in_pytorch);
    Small net(false);
    const nn::ParameterBuffer memory(net, {.gradients = false});
    import_weights(*WeightFile::open(folder / "a"), net, {.bgr_input = true});
    const Tensor conv = tensor_of(net, "conv0.weight");
    for (int i = 0; i < 3; ++i) CHECK(element(conv, 1, 0, 2, i) == fixture_value("conv0.weight", (3 + 2 - i) * 9 + 2));
    CHECK(tensor_of(net, "final_conv.weight").to_vector<float>() == fixture_values("final_conv.weight", 4));
}

TEST_CASE("the report says what fits and what does not, and --strict makes it an error") {
    const TemporaryFolder folder;
    write_pytorch(
        folder / "a",
        {{"conv0.weight", {4, 3, 3, 3}}, {"bn0.weight", {5}}, {"up0.weight", {4, 2, 3, 2}}, {"layer9.weight", {2}}});
    const auto file = WeightFile::open(folder / "a");
    Small net(false);
    const nn::ParameterBuffer memory(net, {.gradients = false});
    const std::vector<float> before = tensor_of(net, "conv0.weight").to_vector<float>();

    const std::string message = error_of([&] { import_weights(*file, net, {.strict = true}); });
    CHECK(mentions(message, {"1 of the network's", "8 missing (bn0.bias", "1 unexpected (layer9.weight)",
                             "2 of the wrong shape", "bn0.weight is [5], bn0.weight needs [4]",
                             "up0.weight is [4, 2, 3, 2], up0.weight needs [4, 2, 2, 3]"}));
    CHECK(message.find('\n') == std::string::npos);
    CHECK(tensor_of(net, "conv0.weight").to_vector<float>() == before);  // judged before anything is written

    CHECK(mentions(error_of([&] { import_weights(*file, net); }),
                   {"1 of the network's", "8 missing", "layer9.weight", "--partial"}));
    CHECK(tensor_of(net, "conv0.weight").to_vector<float>() == before);
    const ImportReport report = import_weights(*file, net, {.partial = true});
    CHECK(report.matched.size() == 1);
    CHECK(report.missing.size() == 8);
    CHECK(report.unexpected == std::vector<std::string>{"layer9.weight"});
    CHECK(report.wrong_shape.size() == 2);
    CHECK(mentions(report.text(), {"1 matched, 8 missing, 1 unexpected, 2 of the wrong shape"}));
    CHECK(to_json(report)["wrong_shape"][0]["wanted_shape"] == "[4]");

    write_pytorch(folder / "b", {{"something.else", {3}}});
    CHECK(mentions(error_of([&] { import_weights(*WeightFile::open(folder / "b"), net); }),
                   {"none of its 1 tensors fits", "something.else"}));
    CHECK(mentions(error_of([&] { import_weights(*file, net, {.from = "caffe"}); }),
                   {"'caffe'", "torchvision", "keras"}));
    CHECK(mentions(error_of([&] { import_weights(*file, net, {.from = "keras"}); }), {"not a file of keras's"}));
}

TEST_CASE("names are mapped as the tables say") {
    const auto map_into = [](const NameSource& source, const std::string& into, const std::string& name) {
        for (const NameMap& map : source.maps) {
            if (map.into.find(into) != std::string_view::npos) return mapped_name(map, name).value_or("-");
        }
        return std::string("no table");
    };
    CHECK(map_into(torchvision_names, "itself", "layer1.0.conv1.weight") == "layer1.0.conv1.weight");
    CHECK(map_into(torchvision_names, "itself", "bn1.num_batches_tracked") == "-");
    CHECK(map_into(torchvision_names, "pytorch's encoder", "layer1.0.conv1.weight") == "encoder.layer1.0.conv1.weight");
    CHECK(map_into(torchvision_names, "pytorch's encoder", "fc.bias") == "-");
    CHECK(map_into(torchvision_names, "backbone", "conv1.weight") == "backbone.conv1.weight");
    CHECK(map_into(torchvision_names, "DynamicUnet", "layer3.5.bn2.weight") == "layers.0.6.5.bn2.weight");
    CHECK(map_into(torchvision_names, "DynamicUnet", "conv1.weight") == "layers.0.0.weight");
    CHECK(map_into(fastai_names, "classifier", "0.4.0.conv1.weight") == "layers.0.4.0.conv1.weight");
    CHECK(map_into(keras_names, "encoder", "decoder_stage0a_conv.weight") == "-");
    CHECK(map_into(keras_names, "encoder", "stage1_unit1_conv1.weight") == "stage1_unit1_conv1.weight");
    CHECK(plain_name(Convention::keras, "bn_data/moving_variance") == "bn_data.running_var");
    CHECK(import_sources().size() + 1 == name_sources().size());  // Camber's own are of two kinds
}

TEST_CASE("transpositions undo each other, whatever the sizes of the tiles") {
    for (const Transposition t : {Transposition{2, 3, 5}, {1, 33, 65}, {3, 64, 49}, {4, 1, 7}}) {
        const std::vector<float> values = fixture_values("t", t.batch * t.rows * t.cols);
        std::vector<float> there(values.size()), back(values.size());
        transpose(t, values.data(), there.data());
        transpose(t.inverse(), there.data(), back.data());
        CHECK(back == values);
    }
    // In pieces: more than one of 2^18 elements, with the matrix whole (its lines on the boundaries of vectors, and
    // not) and with a batch of matrices.
    const TemporaryFolder folder;
    for (const Transposition t : {Transposition{1, 3000, 200}, {1, 3001, 203}, {600, 20, 49}}) {
        const Shape shape = t.batch == 1 ? Shape{t.rows, t.cols} : Shape{t.batch, t.rows * t.cols};
        const std::vector<float> values = fixture_values("x", shape.numel());
        write_pytorch(folder / "x", {{"x", shape}});
        std::vector<float> whole(values.size()), pieces(values.size());
        transpose(t, values.data(), whole.data());
        const auto file = WeightFile::open(folder / "x");
        read_transposed(*file, std::array{Reading{file->find("x"), t, pieces.data()}});
        CHECK(pieces == whole);
    }
}

TEST_CASE("weights that are not finite are refused, wherever in a tensor and however it is laid out") {
    const TemporaryFolder folder;
    const nlohmann::json options = {{"width", 4}, {"depth", 1}};
    const auto net = nets::make_net("unet", options);
    const nn::ParameterBuffer memory(*net, {.seed = 1, .gradients = false});
    for (const char* target : {"bottleneck.conv1.weight", "bottleneck.bn1.running_var", "head.bias"}) {
        for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            std::vector<NamedTensor> tensors = export_weights(*net);
            const auto named =
                std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == target; });
            REQUIRE(named != tensors.end());
            named->tensor = named->tensor.clone();
            named->tensor.data<float>()[named->tensor.numel() - 1] = value;
            write_safetensors(folder / "a", tensors);
            const auto file = WeightFile::open(folder / "a");
            const auto again = nets::make_net("unet", options);
            const std::string message = error_of([&] { import_weights(*file, *again); });
            const auto wanted = fmt::format("a: {} is not finite: element {} of", target, named->tensor.numel() - 1);
            CHECK(mentions(message, {wanted.c_str()}));
        }
    }
}
