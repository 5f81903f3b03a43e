#include <doctest/doctest.h>

#include <algorithm>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

std::string refusal(const std::string& contents, const char* name = "a.h5") {
    const TemporaryFolder folder;
    const std::string path = (folder / name).string();
    write_text(path, contents);
    const std::string message = error_of([&] { WeightFile::open(path); });
    CAPTURE(message);
    CHECK(message.find(path) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

}  // namespace

TEST_CASE("Keras's weights, of Keras 1, 2 and 3, come under layers' names") {
    if (!has_hdf5()) return;
    struct Variable {
        const char* name;
        std::vector<std::int64_t> shape;
    };
    const Variable variables[] = {{"bn_data/beta", {3}},
                                  {"bn_data/moving_mean", {3}},
                                  {"bn_data/moving_variance", {3}},
                                  {"conv0/kernel", {3, 3, 3, 4}},
                                  {"bn0/gamma", {4}},
                                  {"bn0/beta", {4}},
                                  {"bn0/moving_mean", {4}},
                                  {"bn0/moving_variance", {4}},
                                  {"up0/kernel", {2, 3, 2, 4}},
                                  {"up0/bias", {2}},
                                  {"final_conv/kernel", {1, 1, 2, 2}},
                                  {"final_conv/bias", {2}},
                                  {"fc1/kernel", {2, 5}},
                                  {"fc1/bias", {5}}};
    for (const char* name : {"keras1.h5", "keras2.h5", "keras_model.h5", "keras3.weights.h5"}) {
        CAPTURE(name);
        const auto file = WeightFile::open(weight_fixture(name));
        CHECK(file->format() == WeightFormat::keras);
        std::size_t found = 0;
        for (const WeightEntry& entry : file->entries()) found += entry.name.find("seed") == std::string::npos;
        CHECK(found == std::size(variables));
        for (const Variable& variable : variables) {
            CAPTURE(variable.name);
            const WeightEntry* entry = file->find(variable.name);
            REQUIRE(entry);
            CHECK(entry->shape == variable.shape);
            CHECK(file->read(variable.name) == fixture_values(variable.name, entry->numel()));
        }
        std::vector<float> row(12);
        file->read_rows(*file->find("conv0/kernel"), 2, 1, std::vector<float>(36).data());
        file->read_rows(*file->find("up0/kernel"), 1, 1, std::vector<float>(24).data());
    }
}

TEST_CASE("a .keras archive has what the file of weights in it has") {
    if (!has_hdf5()) return;
    for (const char* name :
         {"keras3.weights.h5", "plain_unet_gzip.h5"}) {  // read where they are, and by HDF5's library
        CAPTURE(name);
        const TemporaryFolder folder;
        const auto path = folder / "a.keras";
        const std::string weights = read_text(weight_fixture(name));
        write_text(path, zip_archive({{"metadata.json", "{}"},
                                      {"config.json", R"({"class_name": "Functional"})"},
                                      {"model.weights.h5", weights},
                                      {"assets/words.txt", "a"}}));
        const auto expected = WeightFile::open(weight_fixture(name)), file = WeightFile::open(path);
        CHECK(file->format() == WeightFormat::keras);
        CHECK(file->file() == path);
        CHECK(names_of(*file) == names_of(*expected));
        for (const WeightEntry& entry : file->entries()) {
            CAPTURE(entry.name);
            CHECK(file->read(entry.name) == expected->read(entry.name));
        }
        const WeightEntry& entry = file->entries().front();
        std::vector<float> last(static_cast<std::size_t>(entry.numel() / entry.rows()));
        file->read_rows(entry, entry.rows() - 1, 1, last.data());
        CHECK(last.back() == file->read(entry.name).back());
    }
}

TEST_CASE(".keras archives that are damaged, or hold no weights that can be read, are refused in one line") {
    if (!has_hdf5()) return;
    const std::string weights = read_text(weight_fixture("keras3.weights.h5"));
    const auto archive = [](const std::string& member, int method = 0) {
        return zip_archive({{"metadata.json", "{}"}, {"config.json", "{}"}, {"model.weights.h5", member, method}});
    };
    const auto of = [](const std::string& contents) { return refusal(contents, "a.keras"); };
    CHECK(mentions(of(zip_archive({{"metadata.json", "{}"}, {"config.json", "{}"}})),
                   {".keras archive without weights", "no model.weights.h5"}));
    CHECK(mentions(of(archive(weights, 8)), {"'model.weights.h5'", "is compressed", "zip -0"}));
    CHECK(mentions(of(archive("")), {"model.weights.h5", "no HDF5 file"}));
    CHECK(mentions(of(archive("PK\3\4")), {"model.weights.h5", "no HDF5 file"}));
    CHECK(mentions(of(archive(weights).substr(0, weights.size() / 2)), {"damaged zip archive"}));
    // The end of the weights, not of the file, bounds what a dataset may have.
    for (std::size_t bytes = 100; bytes < weights.size(); bytes += 1499) {
        CAPTURE(bytes);
        CHECK(!of(archive(weights.substr(0, bytes))).empty());
    }
    CHECK(mentions(of(archive(read_text(weight_fixture("bomb.h5")))), {"is larger than its file"}));
    CHECK(mentions(of(archive(read_text(weight_fixture("links.h5")))), {"is not there", "links"}));
}

TEST_CASE("HDF5 files that are none, damaged, or not what they say are refused in one line") {
    if (!has_hdf5()) {
        CHECK(mentions(error_of([] { WeightFile::open(weight_fixture("keras2.h5")); }), {"libhdf5-dev"}));
        return;
    }
    const std::string whole = read_text(weight_fixture("keras2.h5"));
    CHECK(mentions(refusal(whole.substr(0, 8)), {"damaged HDF5 file"}));
    CHECK(mentions(refusal(whole.substr(0, 8) + std::string(1000, 'x')), {"damaged HDF5 file"}));
    for (std::size_t bytes = 100; bytes < whole.size(); bytes += 1499) {
        CAPTURE(bytes);
        CHECK(!refusal(whole.substr(0, bytes)).empty());
    }
    const auto of_fixture = [](const char* name) { return error_of([&] { WeightFile::open(weight_fixture(name)); }); };
    CHECK(of_fixture("compressed.h5").empty());
    CHECK(mentions(of_fixture("bomb.h5"), {"of 1099511627776 bytes is larger than its file"}));
    CHECK(mentions(of_fixture("links.h5"), {"'a/kernel:0' is not there", "links"}));
}
