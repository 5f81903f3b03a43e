// Networks written in ONNX: checked by ONNX's own library, run by a plain reading of its operators, and read back.
#include <camber/autograd.h>
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/parameter_buffer.h>
#include <camber/philox.h>
#include <doctest/doctest.h>

#include <array>
#include <fstream>

#include "support/compare.h"
#include "support/errors.h"
#include "support/files.h"

#ifdef CAMBER_WITH_ONNX
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include "weights/onnx_evaluator.h"
#endif

using namespace camber;
using namespace camber::testing;
using Options = nlohmann::json;

#ifndef CAMBER_WITH_ONNX

TEST_CASE("a build without ONNX says what to install, and leaves no file") {
    const TemporaryFolder folder;
    const auto net = nets::make_net("unet", {{"width", 4}});
    const nn::ParameterBuffer memory(*net, {.gradients = false});
    const std::string message = error_of([&] { export_onnx(*net, folder / "a.onnx"); });
    CHECK(mentions(message, {"a.onnx", "libonnx-dev", "libprotobuf-dev"}));
    CHECK(std::filesystem::is_empty(folder.path()));
}

#else

namespace {

/// A network in evaluation with weights and statistics that matter.
struct Trained {
    Trained(const std::string& name, const Options& options, std::uint64_t seed = 3)
        : net(nets::make_net(name, options)), memory(*net, {.seed = seed, .gradients = false}) {
        Philox random({seed, Stream::init, 7});
        const auto fill = [&](const nn::NamedParameter& named) {
            const Tensor& tensor = named.parameter->tensor;
            if (tensor.shape().rank() != 1) return;
            const bool positive = named.name.ends_with("running_var") || named.name.ends_with("weight");
            for (std::int64_t i = 0; i < tensor.numel(); ++i)
                tensor.data<float>()[i] = (positive ? 1.0f : 0.0f) + 0.3f * random.normal() * (positive ? 0.5f : 1.0f);
        };
        for (const auto& named : net->named_parameters()) fill(named);
        for (const auto& named : net->named_buffers()) fill(named);
        memory.mark_changed();
        net->eval();
    }
    std::map<std::string, Tensor> tensors() const {
        std::map<std::string, Tensor> all;
        for (const auto& list : {net->named_parameters(), net->named_buffers()})
            for (const auto& named : list) all[named.name] = named.parameter->tensor;
        return all;
    }
    std::unique_ptr<nets::Net> net;
    nn::ParameterBuffer memory;
};

Tensor picture(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels = 3) {
    Philox random({5, Stream::init, 1});
    Tensor x = Tensor::empty({batch, height, width, channels}, Dtype::f32, Device::cpu);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = random.normal();
    return x;
}

/// [N, H, W, C] as [N, C, H, W].
OnnxArray planes(const Tensor& x) {
    const std::int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
    OnnxArray y{{n, c, h, w}, std::vector<double>(static_cast<std::size_t>(x.numel()))};
    for (std::int64_t i = 0; i < x.numel(); ++i) {
        const std::int64_t image = i / (h * w * c), pixel = i / c % (h * w), channel = i % c;
        y.values[static_cast<std::size_t>((image * c + channel) * h * w + pixel)] =
            static_cast<double>(x.data<float>()[i]);
    }
    return y;
}

/// The largest difference, relative to the largest of `expected`; infinite where shapes differ.
double difference(const OnnxArray& actual, const OnnxArray& expected) {
    if (actual.values.size() != expected.values.size() || actual.values.empty()) return INFINITY;
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < actual.values.size(); ++i) {
        if (!std::isfinite(actual.values[i])) return INFINITY;
        worst = std::max(worst, std::abs(actual.values[i] - expected.values[i]));
        largest = std::max(largest, std::abs(expected.values[i]));
    }
    return worst / largest;
}

onnx::ModelProto parsed(const std::filesystem::path& file) {
    onnx::ModelProto model;
    std::ifstream in(file, std::ios::binary);
    REQUIRE(model.ParseFromIstream(&in));
    return model;
}

/// ONNX's checker, and its inference of types and shapes, in which every node has to agree with what is declared.
void check_with_onnx(const onnx::ModelProto& model) {
    onnx::checker::check_model(model);
    onnx::ModelProto copy = model;
    onnx::ShapeInferenceOptions strict;
    strict.check_type = true;
    strict.error_mode = 1;
    strict.enable_data_propagation = true;
    onnx::shape_inference::InferShapes(copy, onnx::OpSchemaRegistry::Instance(), strict);
}

struct Case {
    const char* net;
    Options options;
    std::vector<std::array<int, 2>> sizes;  ///< of pictures; the file takes any
};

const std::array<int, 2> of_vgg = {224, 224};

/// Every network, at sizes that it divides into and that it does not.
const std::vector<Case> of_any_size = {
    {"unet", {{"width", 4}, {"depth", 3}}, {{16, 24}, {19, 30}, {9, 8}}},
    {"unet", {{"width", 4}, {"style", "pytorch"}, {"up_kernel", 3}, {"head_kernel", 3}, {"classes", 1}}, {{33, 20}}},
    {"unet", {{"width", 4}, {"batch_norm", false}, {"in_channels", 1}}, {{33, 20}}},
    {"unet-resnet34", {{"width", 4}}, {{64, 32}, {45, 70}}},
    {"unet-resnet34", {{"width", 4}, {"decoder", "transpose"}}, {{45, 70}}},
    {"unet-vgg16", {{"width", 4}}, {{64, 32}, {45, 70}}},
    {"smp-unet-resnet34", {{"width", 4}}, {{64, 32}, {45, 70}, {33, 65}}},
    {"smp-unet-vgg16", {{"width", 4}}, {{45, 70}}},
    {"smp-unet-vgg16-bn", {{"width", 4}}, {{64, 32}, {45, 70}}},
    {"dynamic-unet-resnet34", {{"width", 4}}, {{64, 32}, {45, 70}, {33, 65}, {34, 62}}},
    {"dynamic-unet-resnet34", {{"width", 4}, {"style", "fastai2"}, {"blur", true}}, {{45, 70}}},
    {"deeplabv3-resnet50", {{"width", 4}}, {{64, 32}, {45, 70}}},
    {"deeplabv3-resnet101", {{"width", 4}, {"aux", false}}, {{45, 70}}},
    {"resnet34", {{"width", 4}, {"classes", 10}}, {{45, 70}}},
    {"resnet50", {{"width", 4}, {"classes", 10}}, {{45, 70}}},
    {"resnet101", {{"width", 2}, {"classes", 10}}, {{64, 32}}},
    {"keras-resnet34", {{"width", 4}, {"classes", 10}}, {{45, 70}}},
};
const std::vector<Case> of_one_size = {
    {"vgg16", {{"width", 1}, {"classes", 10}}, {of_vgg}},
    {"vgg16-bn", {{"width", 1}, {"classes", 10}}, {of_vgg, {224, 448}}},
    {"keras-vgg16", {{"width", 1}, {"classes", 10}}, {of_vgg}},
    {"unet", {{"width", 4}, {"depth", 3}}, {{16, 24}, {19, 30}}},
    {"unet-resnet34", {{"width", 4}}, {{45, 70}}},
    {"smp-unet-resnet34", {{"width", 4}}, {{64, 32}, {45, 70}}},
    {"dynamic-unet-resnet34", {{"width", 4}}, {{33, 65}}},
    {"deeplabv3-resnet50", {{"width", 4}}, {{45, 70}}},
};

/// What the network itself gives, padding what it does not take where it can.
OnnxArray expected_logits(const Trained& trained, const Tensor& image) {
    Options options = trained.net->options();
    if (options.contains("size_policy")) options["size_policy"] = "pad";
    Trained padding(trained.net->name(), options);
    const auto from = trained.tensors();
    for (const auto& [name, tensor] : padding.tensors()) tensor.copy_from(from.at(name));
    padding.memory.mark_changed();
    const NoGrad no_grad;
    return planes(padding.net->forward(image));
}

}  // namespace

TEST_CASE("every network for pictures of any number and size passes ONNX's checker and gives our logits") {
    const TemporaryFolder folder;
    std::set<std::string> seen;
    for (const auto& [name, options, sizes] : of_any_size) {
        CAPTURE(name);
        seen.insert(name);
        const Trained trained(name, options);
        export_onnx(*trained.net, folder / "a.onnx");
        const onnx::ModelProto model = parsed(folder / "a.onnx");
        check_with_onnx(model);
        CHECK(model.opset_import(0).version() == 17);
        CHECK(model.graph().input(0).type().tensor_type().shape().dim(2).dim_param() == "height");
        for (const auto& [height, width] : sizes) {
            CAPTURE(height);
            const Tensor image = picture(2, height, width, trained.net->in_channels());
            const auto values = run_onnx(model, planes(image));
            CHECK(difference(values.at("logits"), expected_logits(trained, image)) < 1e-5);
        }
    }
    for (const Case& one : of_one_size) seen.insert(one.net);
    for (const nets::NetInfo& info : nets::net_list()) CHECK(seen.contains(info.name));
}

TEST_CASE("a file for pictures of one size does the same") {
    const TemporaryFolder folder;
    for (const auto& [name, options, sizes] : of_one_size) {
        CAPTURE(name);
        const Trained trained(name, options);
        for (const auto& [height, width] : sizes) {
            CAPTURE(height);
            export_onnx(*trained.net, folder / "a.onnx", {.batch = 1, .height = height, .width = width});
            const onnx::ModelProto model = parsed(folder / "a.onnx");
            check_with_onnx(model);
            const auto& shape = model.graph().input(0).type().tensor_type().shape();
            CHECK((shape.dim(0).dim_value() == 1 && shape.dim(2).dim_value() == height));
            const Tensor image = picture(1, height, width);
            const auto values = run_onnx(model, planes(image));
            CHECK(difference(values.at("logits"), expected_logits(trained, image)) < 1e-5);
        }
    }
}

TEST_CASE("weights come back from .onnx bit for bit, with the note") {
    const TemporaryFolder folder;
    for (const auto* cases : {&of_any_size, &of_one_size}) {
        for (const auto& [name, options, sizes] : *cases) {
            CAPTURE(name);
            const Trained trained(name, options);
            const bool any = cases == &of_any_size;
            export_onnx(*trained.net, folder / "a.onnx",
                        {.height = any ? 0 : sizes[0][0], .width = any ? 0 : sizes[0][1]}, {{"camber", "{\"a\": 1}"}});
            const auto file = WeightFile::open(folder / "a.onnx");
            CHECK(file->format() == WeightFormat::onnx);
            CHECK(file->note() == "{\"a\": 1}");
            Options fitted = fitted_options(*file, name, options).options;
            if (std::string(name).starts_with("deeplab")) {  // its auxiliary head is for training
                fitted["aux"] = false;
            }
            Trained other(name, fitted, 4);
            import_weights(*file, *other.net, {.strict = true});
            const auto before = trained.tensors();
            for (const auto& [path, tensor] : other.tensors()) {
                CAPTURE(path);
                CHECK(tensor.to_vector<float>() == before.at(path).to_vector<float>());
            }
        }
    }
}

TEST_CASE("batch norms folded into convolutions give the same logits, and no import") {
    const TemporaryFolder folder;
    for (const char* name : {"unet", "unet-resnet34", "deeplabv3-resnet50", "dynamic-unet-resnet34", "vgg16-bn"}) {
        CAPTURE(name);
        const bool vgg = std::string(name) == "vgg16-bn", preactivated = std::string(name) == "unet-resnet34";
        const Trained trained(name, {{"width", vgg ? 1 : 4}});
        const int size = vgg ? 224 : 64;
        const Tensor image = picture(1, size, size);
        export_onnx(*trained.net, folder / "a.onnx", {.height = size, .width = size, .fold_batch_norms = true});
        const onnx::ModelProto model = parsed(folder / "a.onnx");
        check_with_onnx(model);
        const auto values = run_onnx(model, planes(image));
        CHECK(difference(values.at("logits"), expected_logits(trained, image)) < 1e-5);
        std::map<std::string, std::string> made;  // by which operator
        for (const auto& node : model.graph().node()) made[node.output(0)] = node.op_type();
        int left = 0;
        for (const auto& node : model.graph().node()) {
            if (node.op_type() != "BatchNormalization") continue;
            ++left;
            CHECK(made[node.input(0)] != "ConvTranspose");
            CHECK((made[node.input(0)] != "Conv" || preactivated));
        }
        // Of these alone the normalisation comes before the convolution, or after a skip that others take too.
        CHECK((left > 0) == (preactivated || std::string(name) == "dynamic-unet-resnet34"));
        const std::string message = error_of([&] { WeightFile::open(folder / "a.onnx"); });
        CHECK(mentions(message, {"a.onnx", "folded", "--fold-batch-norms"}));
    }
}

TEST_CASE("preprocessing and argmax can be part of the model") {
    const TemporaryFolder folder;
    for (const int classes : {1, 5}) {
        CAPTURE(classes);
        const Trained trained("unet", {{"width", 4}, {"depth", 2}, {"classes", classes}});
        const Tensor pixels = Tensor::empty({2, 9, 14, 3}, Dtype::f32, Device::cpu),
                     image = Tensor::empty(pixels.shape(), Dtype::f32, Device::cpu);
        OnnxOptions options{.pixels = {{100, 0.02f}, {90, 0.01f}, {80, 0.03f}}, .labels = true};
        OnnxArray input{{2, 9, 14, 3}, {}};
        for (std::int64_t i = 0; i < pixels.numel(); ++i) {
            const auto v = static_cast<float>((i * 89 + 13) % 256);
            const OnnxOptions::PixelScale& scale = options.pixels[static_cast<std::size_t>(i % 3)];
            image.data<float>()[i] = (v - scale.mean) * scale.factor;
            input.values.push_back(static_cast<double>(v));
        }
        export_onnx(*trained.net, folder / "a.onnx", options);
        const onnx::ModelProto model = parsed(folder / "a.onnx");
        check_with_onnx(model);
        CHECK(model.graph().input(0).type().tensor_type().elem_type() == onnx::TensorProto::UINT8);
        CHECK(model.graph().output(0).type().tensor_type().elem_type() == onnx::TensorProto::UINT8);
        const OnnxArray labels = run_onnx(model, input).at("labels"), logits = expected_logits(trained, image);
        REQUIRE(labels.shape == std::vector<std::int64_t>{2, 9, 14});
        const std::size_t plane = 9 * 14;
        std::set<double> ids;
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < labels.values.size(); ++i) {
            const std::size_t first = i / plane * plane * static_cast<std::size_t>(classes) + i % plane;
            double best = classes == 1 && logits.values[first] > 0 ? 1 : 0;
            for (std::size_t c = 1; c < static_cast<std::size_t>(classes); ++c)
                if (logits.values[first + c * plane] > logits.values[first + static_cast<std::size_t>(best) * plane])
                    best = static_cast<double>(c);
            ids.insert(best);
            wrong += labels.values[i] != best;
        }
        CHECK(wrong == 0);
        CHECK(ids.size() > 1);
    }
}

TEST_CASE("sizes that a network does not take are refused in one line, and leave no file") {
    const TemporaryFolder folder;
    const Trained vgg("vgg16", {{"width", 1}, {"classes", 10}});
    CHECK(mentions(error_of([&] { export_onnx(*vgg.net, folder / "a.onnx"); }),
                   {"vgg16", "size otherwise", "--size HxW"}));
    CHECK(mentions(error_of([&] { export_onnx(*vgg.net, folder / "a.onnx", {.height = 100, .width = 224}); }),
                   {"vgg16", "100x224", "multiples of 224"}));
    CHECK(mentions(error_of([&] {
                       export_onnx(*Trained("unet", {{"width", 4}}).net, folder / "none" / "a.onnx");
                   }),
                   {"a.onnx"}));
    CHECK(std::filesystem::is_empty(folder.path()));
}

#endif

TEST_CASE("a damaged .onnx file is an error of one line or has all its tensors") {
    // As protobuf writes a model of two tensors: by hand, so that builds without ONNX read it too.
    const auto field = [](int number, const std::string& bytes) {
        return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
    };
    const auto tensor = [&](const std::string& name, const std::string& raw) {
        const std::string dims = std::string("\x08\x02\x08\x03", 4), type("\x10\x01", 2);
        return field(5, dims + type + field(8, name) + field(9, raw));
    };
    const std::string raw(24, '\x3f'),
        graph = tensor("a.weight", raw) + tensor("b.weight", raw),
        model = std::string("\x08\x08", 2) + field(2, "camber") + "\x3a" +
                static_cast<char>(0x80 | (graph.size() & 0x7f)) + static_cast<char>(graph.size() >> 7) + graph;
    const TemporaryFolder folder;
    const auto written = [&](const std::string& bytes) {
        write_text(folder / "a.onnx", bytes);
        return folder / "a.onnx";
    };
    const auto whole = WeightFile::open(written(model));
    REQUIRE(whole->entries().size() == 2);
    CHECK(whole->entries()[1].name == "b.weight");
    CHECK(whole->entries()[1].shape == std::vector<std::int64_t>{2, 3});
    CHECK(whole->read("a.weight") == std::vector<float>(6, 0.7470588f));
    int refused = 0, as_written = 0;
    const auto judge = [&](const std::string& bytes) {
        std::string message;
        try {
            const auto file = WeightFile::open(written(bytes));
            for (const WeightEntry& entry : file->entries()) file->read(entry.name);
            ++as_written;
        } catch (const Error& error) {
            message = error.what();
            CHECK(message.find("a.onnx") != std::string::npos);
            CHECK(message.find('\n') == std::string::npos);
            ++refused;
        }
    };
    for (std::size_t length = 0; length < model.size(); ++length) judge(model.substr(0, length));
    CHECK(as_written == 0);
    for (std::size_t at = 0; at < model.size(); ++at) {
        for (const int bit : {0, 3, 7}) {
            std::string changed = model;
            changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
            judge(changed);
        }
    }
    CHECK(refused > 100);
}
