#include <camber/weights.h>
#include <doctest/doctest.h>

#include "io/torch_writer.h"
#include "io/weight_fixtures.h"
#include "io/zip_writer.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

Tensor tensor(const std::string& name, const Shape& shape) {
    return Tensor::from(fixture_values(name, shape.numel()), shape, Device::cpu);
}

}  // namespace

TEST_CASE("a .pth has names, shapes, elements and the note, and the same tensors make the same bytes") {
    const TemporaryFolder folder;
    const std::vector<NamedTensor> tensors = {{"conv.weight", tensor("a", {4, 3, 2, 5})},
                                              {"conv.bias", tensor("b", {4})},
                                              {"fc.weight", tensor("c", {7, 9})}};
    write_torch(folder / "a.pth", tensors, "{\"a\": 1}");
    const auto file = WeightFile::open(folder / "a.pth");
    CHECK(file->format() == WeightFormat::torch);
    CHECK(file->note() == "{\"a\": 1}");
    REQUIRE(names_of(*file) == std::vector<std::string>{"conv.weight", "conv.bias", "fc.weight"});
    CHECK(file->entries()[0].shape == std::vector<std::int64_t>{4, 3, 2, 5});
    CHECK(file->entries()[1].shape == std::vector<std::int64_t>{4});
    for (const auto& [name, of] : {std::pair("conv.weight", "a"), {"conv.bias", "b"}, {"fc.weight", "c"}}) {
        const auto values = file->read(name);
        CHECK(values == fixture_values(of, static_cast<std::int64_t>(values.size())));
    }
    file->check_rest();
    const std::string bytes = read_text(folder / "a.pth");
    write_torch(folder / "b.pth", tensors, "{\"a\": 1}");
    CHECK(read_text(folder / "b.pth") == bytes);
    write_torch(folder / "c.pth", tensors, "");
    CHECK(WeightFile::open(folder / "c.pth")->note().empty());
    // PyTorch maps elements into memory where they begin at multiples of 64.
    std::size_t at = 0;
    for (const char* of : {"a", "b", "c"}) {
        at = bytes.find("archive/data/", at + 1);
        const float pair[] = {fixture_value(of, 0), fixture_value(of, 1)};
        const std::size_t elements = bytes.find(std::string(reinterpret_cast<const char*>(pair), sizeof pair), at);
        REQUIRE(elements != std::string::npos);
        CHECK(elements % 64 == 0);
    }
}

TEST_CASE("an archive that is not finished leaves nothing") {
    const TemporaryFolder folder;
    {
        ZipWriter archive(folder / "a.zip");
        archive.add("one", "bytes");
    }
    CHECK(std::filesystem::is_empty(folder.path()));
    CHECK(mentions(error_of([&] { ZipWriter(folder / "none" / "a.zip"); }), {"cannot write", "a.zip"}));
}
