#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

using Options = nlohmann::json;

/// A network with initial values of a seed.
struct Filled {
    Filled(const std::string& name, const Options& options, std::uint64_t seed)
        : net(nets::make_net(name, options)), memory(*net, {.seed = seed, .gradients = false}) {}
    std::map<std::string, Tensor> tensors() {
        std::map<std::string, Tensor> all;
        for (const auto& list : {net->named_parameters(), net->named_buffers()}) {
            for (const auto& named : list) all[named.name] = named.parameter->tensor;
        }
        return all;
    }
    bool bgr() const { return net->preprocessing().order == nets::ChannelOrder::bgr; }
    std::unique_ptr<nets::Net> net;
    nn::ParameterBuffer memory;
};

/// First column of a table in tests/fixtures whose rows satisfy `wanted`.
template <class Wanted>
std::vector<std::string> column(const std::string& table, Wanted wanted) {
    std::ifstream in(std::string(CAMBER_TEST_FIXTURES) + "/" + table);
    REQUIRE(in);
    std::vector<std::string> names;
    for (std::string line; std::getline(in, line);) {
        std::istringstream cells(line);
        std::vector<std::string> row;
        for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
        if (row.size() > 1 && wanted(row)) names.push_back(row[0]);
    }
    return names;
}

struct Case {
    const char *table, *net;
    Options options;
};

const Case named[] = {
    {"unet-resnet34", "unet-resnet34", {{"width", 4}}},
    {"unet-resnet34-transpose", "unet-resnet34", {{"width", 4}, {"decoder", "transpose"}}},
    {"unet-vgg16", "unet-vgg16", {{"width", 4}}},
    {"unet-vgg16-transpose", "unet-vgg16", {{"width", 4}, {"decoder", "transpose"}, {"batch_norm", false}}},
    {"keras-resnet34", "keras-resnet34", {{"width", 4}}},
    {"keras-vgg16", "keras-vgg16", {{"width", 1}}},
};

}  // namespace

TEST_CASE("Keras's file has the layers and variables of the original, in its order") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    for (const auto& [table, net, options] : named) {
        CAPTURE(table);
        Filled filled(net, options, 1);
        const std::size_t count = export_keras(*filled.net, folder / "a.h5");
        std::vector<std::string> names = names_of(*WeightFile::open(folder / "a.h5"));
        for (std::string& name : names) std::replace(name.begin(), name.end(), '/', '.');
        const auto original = column(std::string("nets/") + table + ".tsv", [](auto& row) { return row[0] != "name"; });
        CHECK(names == original);
        CHECK(count == original.size());
    }
    // The plain U-Net's layers have the names that Keras makes up. A batch normalisation has 4 variables, others 2.
    Filled unet("unet", {{"width", 4}}, 1);
    export_keras(*unet.net, folder / "a.h5");
    std::vector<std::string> layers;
    for (const std::string& name : names_of(*WeightFile::open(folder / "a.h5"))) {
        const std::string layer = name.substr(0, name.find('/'));
        if (layers.empty() || layers.back() != layer) layers.push_back(layer);
    }
    CHECK(layers ==
          column("keras_unet_2x2.tsv", [](auto& row) { return row.size() > 3 && std::atoi(row[3].c_str()); }));
}

TEST_CASE("Keras's file has every element where Keras's layouts put it, and comes back bit for bit") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    for (const auto& [table, net, options] : named) {
        CAPTURE(table);
        Filled filled(net, options, 1), other(net, options, 2);
        export_keras(*filled.net, folder / "a.h5");
        const auto file = WeightFile::open(folder / "a.h5");
        const ImportReport report = import_weights(*file, *other.net, {.strict = true, .bgr_input = filled.bgr()});
        auto before = filled.tensors(), after = other.tensors();
        CHECK(report.matched.size() == before.size());
        for (const auto& [name, tensor] : before) {
            CAPTURE(name);
            CHECK(tensor.to_vector<float>() == after.at(name).to_vector<float>());
        }
        // Without the importer: convolutions are [Kh, Kw, Cin, Cout], transposed ones [Kh, Kw, Cout, Cin].
        for (const WeightEntry& entry : file->entries()) {
            if (!entry.name.ends_with("/kernel") || entry.shape.size() != 4) continue;
            CAPTURE(entry.name);
            const Tensor ours = before.at(entry.name.substr(0, entry.name.find('/')) + ".weight");
            const std::vector<float> theirs = file->read(entry.name);
            const auto& s = entry.shape;
            const bool turned = filled.bgr() && entry.name == "block1_conv1/kernel";  // the original takes BGR
            std::size_t wrong = 0, at = 0;
            for (std::int64_t h = 0; h < s[0]; ++h) {
                for (std::int64_t w = 0; w < s[1]; ++w) {
                    for (std::int64_t i = 0; i < s[2]; ++i) {
                        for (std::int64_t o = 0; o < s[3]; ++o) {
                            // Ours: [last axis, Kh, Kw, third axis] for both.
                            wrong += theirs[at++] !=
                                     ours.data<float>()[((o * s[0] + h) * s[1] + w) * s[2] + (turned ? 2 - i : i)];
                        }
                    }
                }
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("a name that ends in .weights.h5 is of Keras 3's format, and comes back bit for bit") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    Filled filled("unet-resnet34", {{"width", 4}}, 1), other("unet-resnet34", {{"width", 4}}, 2);
    export_keras(*filled.net, folder / "a.weights.h5");
    const std::string bytes = read_text(folder / "a.weights.h5");
    CHECK(bytes.find("layer_names") == std::string::npos);
    CHECK(bytes.find("batch_normalization_1") != std::string::npos);
    import_weights(*WeightFile::open(folder / "a.weights.h5"), *other.net, {.strict = true});
    auto before = filled.tensors(), after = other.tensors();
    for (const auto& [name, tensor] : before) {
        CAPTURE(name);
        CHECK(tensor.to_vector<float>() == after.at(name).to_vector<float>());
    }
}

TEST_CASE("a .keras archive says the network's layers and has its weights, bit for bit") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    std::vector<Case> cases(std::begin(named), std::end(named));
    cases.push_back({"", "unet", {{"width", 4}, {"depth", 2}}});
    cases.push_back({"", "unet", {{"width", 4}, {"depth", 2}, {"up_kernel", 3}, {"batch_norm", false}}});
    for (const auto& [table, net, options] : cases) {
        CAPTURE(net);
        Filled filled(net, options, 1), other(net, options, 2);
        export_keras(*filled.net, folder / "a.keras", "{}");
        const auto file = WeightFile::open(folder / "a.keras");
        CHECK(file->note() == "{}");
        REQUIRE(!file->architecture().empty());
        // Layers that are others than the network's are refused by this.
        import_weights(*file, *other.net, {.strict = true, .bgr_input = filled.bgr()});
        file->check_rest();
        auto before = filled.tensors(), after = other.tensors();
        for (const auto& [name, tensor] : before) {
            CAPTURE(name);
            CHECK(tensor.to_vector<float>() == after.at(name).to_vector<float>());
        }
        const auto layers = Options::parse(file->architecture()).at("config").at("layers");
        const auto is_norm = [](const Options& layer) { return layer.at("class_name") == "BatchNormalization"; };
        const auto norms = std::count_if(layers.begin(), layers.end(), is_norm);
        std::ptrdiff_t ours = 0;
        for (const auto& [name, tensor] : before) ours += name.ends_with("running_mean");
        CHECK(norms == ours);
    }
    // Of other layers, as a check of the check.
    Filled filled("unet", {{"width", 4}, {"depth", 2}}, 1);
    export_keras(*filled.net, folder / "a.keras");
    std::string bytes = read_text(folder / "a.keras");
    const std::size_t at = bytes.find("\"activation\":\"relu\"");
    REQUIRE(at != std::string::npos);
    bytes.replace(at + 14, 4, "tanh");
    write_text(folder / "b.keras", bytes);
    CHECK(mentions(error_of([&] { WeightFile::open(folder / "b.keras"); }), {"b.keras", "checksum"}));
}

TEST_CASE("what Keras has no place for is refused in one line, and leaves no file") {
    const TemporaryFolder folder;
    const auto refused = [&](const std::string& net, const Options& options) {
        Filled filled(net, options, 1);
        const std::string message = error_of([&] { export_keras(*filled.net, folder / "a.h5"); });
        CHECK(message.find('\n') == std::string::npos);
        return message;
    };
    CHECK(mentions(refused("smp-unet-resnet34", {{"width", 4}}),
                   {"a.h5", "the original of smp-unet-resnet34 is PyTorch's", ".safetensors", "unet-vgg16"}));
    CHECK(mentions(refused("unet", {{"width", 4}, {"style", "pytorch"}}),
                   {"a.h5", "unet has --style pytorch", ".safetensors", "--style keras"}));
    Filled filled("unet", {{"width", 4}, {"depth", 1}}, 1);
    const std::string nowhere = error_of([&] { export_keras(*filled.net, folder / "none" / "a.h5"); });
    CHECK(mentions(nowhere, {"cannot write", "a.h5"}));
    if (!has_hdf5()) CHECK(mentions(nowhere, {"libhdf5-dev", ".safetensors"}));
    CHECK(std::filesystem::is_empty(folder.path()));
}
