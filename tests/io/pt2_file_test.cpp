// PyTorch's .pt2 archives: as torch.export.save() wrote one, and right and wrong ones by hand.
#include <camber/weights.h>
#include <doctest/doctest.h>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// An archive of one model whose weights are described by `config`, and the storage "weight_0" of six f32.
std::string archive(const std::string& config, const std::string& storage = std::string(24, '\x3f')) {
    return zip_archive({{"m/archive_format", "pt2"},
                        {"m/byteorder", "little"},
                        {"m/data/weights/model_weights_config.json", config},
                        {"m/data/weights/weight_0", storage}});
}

std::string tensor(const std::string& sizes, const std::string& strides, const std::string& offset = "0",
                   const std::string& dtype = "7", const std::string& path = "weight_0") {
    return R"({"config": {"a": {"path_name": ")" + path +
           R"(", "is_param": true, "use_pickle": false, "tensor_meta": )" + R"({"dtype": )" + dtype + R"(, "sizes": )" +
           sizes + R"(, "strides": )" + strides + R"(, "storage_offset": {"as_int": )" + offset + "}}}}}";
}

}  // namespace

TEST_CASE("torch.export's archive has names, shapes and elements, views of one storage too") {
    const auto file = WeightFile::open(weight_fixture("torch_export.pt2"));
    CHECK(file->format() == WeightFormat::torch);
    CHECK(file->entries().size() == 9);
    for (const char* name : {"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "rows"}) {
        CAPTURE(name);
        REQUIRE(file->find(name));
        CHECK(file->read(name) == fixture_values(name, file->find(name)->numel()));
    }
    CHECK(file->find("0.weight")->shape == std::vector<std::int64_t>{3, 2, 3, 3});
    REQUIRE(file->find("columns"));
    CHECK(file->find("columns")->shape == std::vector<std::int64_t>{2, 2});
    const auto at = [](std::int64_t i) { return fixture_value("rows", i); };
    CHECK(file->read("columns") == std::vector<float>{at(1), at(5), at(2), at(6)});
    CHECK(file->read("1.num_batches_tracked") == std::vector<float>{0});
    file->check_rest();
}

TEST_CASE("the archive before PyTorch 2.8 has a file of torch.save() within") {
    const TemporaryFolder folder;
    write_text(folder / "a.pt2", zip_archive({{"serialized_exported_program.json", "{}"},
                                              {"serialized_state_dict.pt", read_text(weight_fixture("torch_zip.pth"))},
                                              {"version", "5.1"}}));
    const auto file = WeightFile::open(folder / "a.pt2"), inner = WeightFile::open(weight_fixture("torch_zip.pth"));
    REQUIRE(names_of(*file) == names_of(*inner));
    CHECK(file->read("conv.weight") == inner->read("conv.weight"));
    CHECK(file->read("channels_last") == inner->read("channels_last"));
}

TEST_CASE("archives that say what cannot be are errors of one line") {
    const TemporaryFolder folder;
    const auto refusal = [&](const std::string& bytes) {
        write_text(folder / "a.pt2", bytes);
        return error_of([&] {
            const auto file = WeightFile::open(folder / "a.pt2");
            for (const WeightEntry& entry : file->entries()) file->read(entry.name);
        });
    };
    const std::string six = R"([{"as_int": 2}, {"as_int": 3}])", strides = R"([{"as_int": 3}, {"as_int": 1}])";
    CHECK(refusal(archive(tensor(six, strides))).empty());
    CHECK(mentions(refusal(archive(tensor(six, strides, "1"))), {"a.pt2", "'a'", "outside its storage"}));
    CHECK(mentions(refusal(archive(tensor(six, strides, "-1"))), {"a.pt2", "damaged"}));
    CHECK(mentions(refusal(archive(tensor(six, "[]"))), {"a.pt2", "strides"}));
    CHECK(mentions(refusal(archive(tensor(R"([{"as_int": -2}, {"as_int": 3}])", strides))), {"a.pt2", "negative"}));
    CHECK(
        mentions(refusal(archive(tensor(R"([{"as_int": 9223372036854775807}, {"as_int": 3}])", strides))), {"a.pt2"}));
    CHECK(mentions(refusal(archive(tensor(R"([18446744073709551615, 3])", strides))), {"a.pt2", "number"}));
    CHECK(mentions(refusal(archive(tensor(R"("six")", strides))), {"a.pt2", "shape"}));
    CHECK(mentions(refusal(archive(tensor(six, strides, "0", "7", "weight_1"))), {"a.pt2", "weight_1", "missing"}));
    CHECK(mentions(refusal(archive(tensor(six, strides, "0", "10"))), {"a.pt2", "complex"}));
    CHECK(mentions(refusal(archive("{}")), {"a.pt2", "damaged"}));
    CHECK(mentions(refusal(archive("[1, 2")), {"a.pt2"}));
    CHECK(mentions(refusal(zip_archive({{"m/archive_format", "pt2"}})), {"a.pt2", "without weights"}));
    CHECK(mentions(refusal(zip_archive({{"serialized_state_dict.pt", "no archive"}})), {"a.pt2", "torch.save()"}));
    // Bytes that are not what their checksum says.
    std::string bytes = read_text(weight_fixture("torch_export.pt2"));
    const float first = fixture_value("rows", 0);
    const std::size_t weights = bytes.find("weight_4");
    REQUIRE(weights != std::string::npos);
    const std::size_t elements = bytes.find(std::string(reinterpret_cast<const char*>(&first), sizeof first), weights);
    REQUIRE(elements != std::string::npos);
    bytes[elements] = static_cast<char>(bytes[elements] ^ 1);
    CHECK(mentions(refusal(bytes), {"a.pt2", "checksum"}));
}
