#include "io/checked_member.h"

#include <doctest/doctest.h>

#include <thread>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

constexpr std::int64_t true_crc = -1;

/// A torch.save() of two tensors of one storage: the first 3 elements of 8, and the last 4.
std::string archive_of_two(const std::string& storage, std::int64_t crc) {
    return zip_archive({{"a/data.pkl",
                         pickled("}" + pickled_text("x") + pickled_tensor(8, 0, {3}, {1}) + "s" + pickled_text("y") +
                                 pickled_tensor(8, 4, {2, 2}, {1, 2}) + "s"),
                         0, 0, -1, -1, true_crc},
                        {"a/byteorder", "little", 0, 0, -1, -1, true_crc},
                        {"a/data/0", storage, 0, 0, -1, -1, crc}});
}

}  // namespace

TEST_CASE("a flipped bit of a .pth is found, wherever it is, and the member named; no checksum is none") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.pth").string(), storage(32, '\1');
    const std::string good = archive_of_two(storage, true_crc);
    write_text(file, good);
    const auto read_all = [&] {
        const auto weights = WeightFile::open(file);
        weights->read("x");
        weights->read("y");
        weights->check_rest();
    };
    CHECK(error_of(read_all).empty());
    const std::size_t begin = good.find(storage);
    for (std::size_t i = 0; i < storage.size(); ++i) {
        CAPTURE(i);
        std::string bad = good;
        bad[begin + i] = static_cast<char>(bad[begin + i] ^ 64);
        write_text(file, bad);
        CHECK(mentions(error_of(read_all), {file.c_str(), "'a/data/0'", "checksum"}));
    }
    std::string bad = good;
    bad[good.find("_rebuild_tensor_v2") + 1] = 'R';
    write_text(file, bad);
    CHECK(mentions(error_of(read_all), {file.c_str(), "'a/data.pkl'", "checksum"}));
    write_text(file, archive_of_two(std::string(32, '\2'), 0));  // torch.serialization.set_crc32_options(False)
    CHECK(error_of(read_all).empty());
    // What is not used is not read.
    write_text(file, archive_of_two(storage, 12345));
    CHECK(error_of([&] { WeightFile::open(file)->check_rest(); }).empty());
    CHECK(mentions(error_of([&] {
                       const auto weights = WeightFile::open(file);
                       weights->read("y");
                       weights->check_rest();
                   }),
                   {"'a/data/0'"}));
}

TEST_CASE("pieces of a member in any order, from several threads and over one another, are checked once") {
    const TemporaryFolder folder;
    constexpr std::size_t elements = 300'000;
    std::string contents(elements * sizeof(float), '\0');
    for (std::size_t i = 0; i < contents.size(); i += 4) contents[i] = static_cast<char>(i % 251);
    for (const bool damaged : {false, true}) {
        CAPTURE(damaged);
        std::string bytes = zip_archive({{"m", contents, 0, 0, -1, -1, true_crc}});
        if (damaged) bytes[bytes.size() / 2] ^= 1;
        write_text(folder / "a.zip", bytes);
        const InputFile file(folder / "a.zip");
        const ZipMember member = read_zip(file).at("m");
        CheckedMember checked("m", member, member.begin);
        std::vector<float> values(elements);
        const auto read = [&](std::size_t first, std::size_t count) {
            checked.read_floats(file, ElementType::f32, member.begin + first * sizeof(float), values.data() + first,
                                count);
        };
        std::thread other([&] { read(200'000, 99'999); });
        read(100'000, 50'000);
        other.join();
        read(120'000, 60'000);  // over what is there
        read(0, 100'000);
        const std::string error = error_of([&] { checked.check_rest(file); });
        CHECK(error.empty() == !damaged);
        if (damaged) CHECK(mentions(error, {"a.zip", "'m'", "checksum"}));
    }
}

TEST_CASE("a flipped bit of a .keras archive is found in what Keras says of the model and in the weights") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    const std::string file = (folder / "a.keras").string(), weights = read_text(weight_fixture("keras3.weights.h5"));
    const std::string good = zip_archive({{"metadata.json", "{}"},
                                          {"config.json", R"({"class_name": "Own"})", 0, 0, -1, -1, true_crc},
                                          {"model.weights.h5", weights, 0, 0, -1, -1, true_crc}});
    write_text(file, good);
    const auto read_all = [&] {
        const auto opened = WeightFile::open(file);
        for (const WeightEntry& entry : opened->entries()) opened->read(entry.name);
        opened->check_rest();
    };
    CHECK(error_of(read_all).empty());
    std::string bad = good;
    bad[good.find("Own")] = 'o';
    write_text(file, bad);
    CHECK(mentions(error_of(read_all), {file.c_str(), "'config.json'", "checksum"}));
    bad = good;
    const auto opened = WeightFile::open(weight_fixture("keras3.weights.h5"));
    const std::vector<float> values = opened->read("conv0/kernel");
    const std::string first(reinterpret_cast<const char*>(values.data()), 8);
    REQUIRE(good.find(first) != std::string::npos);
    bad[good.find(first)] ^= 1;
    write_text(file, bad);
    CHECK(mentions(error_of(read_all), {file.c_str(), "'model.weights.h5'", "checksum"}));
}
