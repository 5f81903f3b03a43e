#include <camber/error.h>
#include <camber/safetensors.h>
#include <camber/weights.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <ctime>
#include <limits>
#include <random>

#include "io/crc.h"
#include "support/devices.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// A file of the format's three parts, right or wrong.
std::string raw_file(const std::string& header, const std::string& data) {
    const std::uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

template <class T>
std::vector<T> sequence(std::int64_t count) {
    std::vector<T> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<T>(static_cast<float>(i % 250) * 0.5f));
    return values;
}

template <class T>
void check_round_trip(const std::filesystem::path& file, const Shape& shape, Device device) {
    const std::vector<T> values = sequence<T>(shape.numel());
    const NamedTensor tensor{"x", Tensor::from(values, shape, device)};
    write_safetensors(file, std::span(&tensor, 1));
    const Tensor read = SafetensorsFile::open(file).read("x", device);
    CHECK(read.shape() == shape);
    CHECK(read.dtype() == dtype_of<T>);
    CHECK((read.template to_vector<T>() == values));
}

}  // namespace

TEST_CASE("tensors of every dtype and rank come back as they were written") {
    const TemporaryFolder folder;
    for (const Device device : computing_devices()) {
        for (const Shape& shape : {Shape{}, Shape{5}, Shape{0, 3}, Shape{2, 3, 1, 4}}) {
            CAPTURE(std::string(name(device)));
            CAPTURE(shape.str());
            check_round_trip<double>(folder / "a", shape, device);
            check_round_trip<float>(folder / "a", shape, device);
            check_round_trip<bf16>(folder / "a", shape, device);
            check_round_trip<std::int32_t>(folder / "a", shape, device);
            check_round_trip<std::uint8_t>(folder / "a", shape, device);
        }
    }
}

TEST_CASE("the bytes written are those of the published format") {
    const TemporaryFolder folder;
    const std::vector<NamedTensor> tensors = {
        {"labels", Tensor::from(std::vector<std::uint8_t>{1, 2, 3}, {3}, Device::cpu)},
        {"w", Tensor::from(std::vector<float>{1.5f, -2.0f}, {1, 2}, Device::cpu)}};
    write_safetensors(folder / "a", tensors, {{"k", "v"}});
    const std::string data("\0\0\xc0\x3f\0\0\0\xc0\1\2\3", 11), zeros(24, '0');
    std::string header = R"({"__metadata__":{"camber.crc32c":")" + zeros +
                         R"(","k":"v"},"labels":{"data_offsets":[8,11],"dtype":"U8","shape":[3]},)"
                         R"("w":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]}})";
    header.append((8 - header.size() % 8) % 8, ' ');
    std::string checksums;
    for (const std::string& part : {header, data.substr(0, 8), data.substr(8)})
        checksums += fmt::format("{:08x}", crc32c(part.data(), part.size()));
    header.replace(header.find(zeros), zeros.size(), checksums);
    CHECK(read_text(folder / "a") == raw_file(header, data));
    CHECK(SafetensorsFile::open(folder / "a").metadata() == TextMetadata{{"k", "v"}});
}

TEST_CASE("a header of 200,000 tensors takes no longer than its length") {
    const TemporaryFolder folder;
    const auto seconds = [&](int count) {
        std::string header = "{";
        for (int i = 0; i < count; ++i) {
            header += fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})", i ? "," : "", i, i,
                                  i + 1);
        }
        write_text(folder / "a", raw_file(header + "}", std::string(static_cast<std::size_t>(count), 'x')));
        const std::clock_t start = std::clock();
        CHECK(SafetensorsFile::open(folder / "a").entries().size() == static_cast<std::size_t>(count));
        return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    CHECK(seconds(200'000) < 40 * seconds(20'000) + 0.1);  // quadratic: 100 times, and 5.8 s for the fewer
    CHECK(seconds(20'000) < 2);
}

TEST_CASE("a file without tensors is a file") {
    const TemporaryFolder folder;
    write_safetensors(folder / "a", {});
    CHECK(SafetensorsFile::open(folder / "a").entries().empty());
}

TEST_CASE("floats are converted into the tensor they are read into, across pieces of the file") {
    const TemporaryFolder folder;
    const std::int64_t count = 700'001;  // more than one piece
    const NamedTensor tensor{"x", Tensor::from(sequence<float>(count), {count}, Device::cpu)};
    write_safetensors(folder / "a", std::span(&tensor, 1));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");

    const Tensor wide = Tensor::zeros({count}, Dtype::f64, Device::cpu);
    const auto version = wide.storage().version();
    file.read_into("x", wide);
    CHECK(wide.to_vector<double>() == sequence<double>(count));
    CHECK(wide.storage().version() > version);
    const Tensor narrow = Tensor::zeros({count}, Dtype::bf16, Device::cpu);
    file.read_into("x", narrow);
    CHECK(static_cast<float>(narrow.to_vector<bf16>()[240]) == 120.0f);
    CHECK(static_cast<float>(narrow.to_vector<bf16>().back()) == 0.5f * ((count - 1) % 250));

    const auto refusal = [&](Shape shape, Dtype dtype) {
        return error_of([&] { file.read_into("x", Tensor::zeros(shape, dtype, Device::cpu)); });
    };
    CHECK(refusal({count}, Dtype::i32).ends_with("tensor 'x' is f32, not i32"));
    CHECK(refusal({3}, Dtype::f32).ends_with("tensor 'x' is [700001], not [3]"));
    CHECK(error_of([&] { file.read("y"); }).ends_with("there is no tensor 'y' in it"));
}

TEST_CASE("I64 is read as i32 where it fits") {
    const TemporaryFolder folder;
    const std::int64_t values[] = {-3, 2147483647, 2147483648};
    const std::string bytes(reinterpret_cast<const char*>(values), sizeof values);
    write_text(folder / "a",
               raw_file(R"({"n":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}})", bytes.substr(0, 16)));
    CHECK(SafetensorsFile::open(folder / "a").read("n").to_vector<std::int32_t>() ==
          std::vector<std::int32_t>{-3, 2147483647});
    write_text(folder / "a", raw_file(R"({"n":{"dtype":"I64","shape":[3],"data_offsets":[0,24]}})", bytes));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");
    CHECK(error_of([&] { file.read("n"); }).ends_with("holds 2147483648, which does not fit 32 bits"));
}

TEST_CASE("F16 is read as f32 and into any float") {
    const TemporaryFolder folder;
    // 1, -2, the largest, the smallest subnormal, infinity
    const std::uint16_t halves[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00};
    write_text(folder / "a", raw_file(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}})",
                                      std::string(reinterpret_cast<const char*>(halves), sizeof halves)));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");
    const std::vector<float> expected = {1, -2, 65504, 0x1p-24f, std::numeric_limits<float>::infinity()};
    CHECK(file.read("h").to_vector<float>() == expected);
    const Tensor wide = Tensor::zeros({5}, Dtype::f64, Device::cpu);
    file.read_into("h", wide);
    CHECK(wide.to_vector<double>()[2] == 65504);
}

TEST_CASE("files that are not what they should be are refused in one line that names the file") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a").string();
    const auto refusal = [&](const std::string& contents) {
        write_text(file, contents);
        const std::string message = error_of([&] { SafetensorsFile::open(file); });
        CHECK(message.find(file) != std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
        return message;
    };
    const auto contains = [](const std::string& text, const std::string& part) {
        CAPTURE(text);
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    };
    const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
        return R"("x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
    };
    const std::string good = tensor("F32", "[1]", "[0,4]"), four = "abcd";
    write_text(file, raw_file("{" + good + "}   ", four));
    REQUIRE_NOTHROW(SafetensorsFile::open(file));

    contains(refusal(""), "cut short");
    contains(refusal("1234567"), "cut short");
    contains(refusal(std::string(8, '\xff')), "a header of 18446744073709551615 bytes in a file of 8");
    contains(refusal("\x89PNG\r\n\x1a\n and more"), "not a safetensors file");
    contains(refusal(raw_file("[]", "")), "not a JSON object");
    contains(refusal(raw_file("", "")), "not a JSON object");
    contains(refusal(raw_file("{" + good, four)), "no JSON from byte");
    contains(refusal(raw_file(std::string("{}\0more", 7), "")), "it holds a zero byte");
    contains(refusal(raw_file("{\"x\xff\":1}", "")), "no JSON from byte");
    contains(refusal(raw_file("{" + good + "," + good + "}", four)), "has 'x' twice");
    contains(refusal(raw_file(R"({"__metadata__":{"a":"1","a":"2"}})", "")), "has 'a' twice");
    contains(refusal(raw_file(R"({"__metadata__":{"a":1}})", "")), "'a' is not text");
    contains(refusal(raw_file(R"({"__metadata__":"a"})", "")), "__metadata__ is not a JSON object");
    contains(refusal(raw_file(R"({"x":)" + std::string(100'000, '[') + "}", "")), "nested too deeply");
    contains(refusal(raw_file(R"({"x":3})", "")), "tensor 'x' is described by something other");
    contains(refusal(raw_file(R"({"a\nb":3})", "")), "tensor 'a\\nb' is");
    contains(refusal(raw_file(R"({"x":{"dtype":"F32","shape":[1]}})", four)), "has no 'data_offsets'");
    contains(refusal(raw_file(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"z":1}})", four)), "key 'z'");
    contains(refusal(raw_file("{" + tensor("F32", "[-1]", "[0,4]") + "}", four)), "not a whole number");
    contains(refusal(raw_file("{" + tensor("F32", "[1.0]", "[0,4]") + "}", four)), "not a whole number");
    contains(refusal(raw_file("{" + tensor("F32", "1", "[0,4]") + "}", four)), "not a list");
    contains(refusal(raw_file("{" + tensor("F32", "[4294967296,4294967296]", "[0,4]") + "}", four)), "larger than any");
    contains(refusal(raw_file("{" + tensor("F32", "[0,18446744073709551615]", "[0,0]") + "}", "")), "larger than any");
    contains(refusal(raw_file("{" + tensor("F32", "[1]", "[0]") + "}", four)), "not two whole numbers");
    contains(refusal(raw_file("{" + tensor("F32", "[1]", "[-4,0]") + "}", four)), "not two whole numbers");
    contains(refusal(raw_file("{" + tensor("F32", "[1]", "[4,0]") + "}", four)), "ends before it begins");
    contains(refusal(raw_file("{" + tensor("F32", "[2]", "[0,8]") + "}", four)), "ends at byte 8 of 4");
    contains(refusal(raw_file("{" + tensor("F32", "[2]", "[0,4]") + "}", four)), "takes 4 bytes, but F32 [2] needs 8");
    contains(refusal(raw_file("{" + tensor("F32", "[1]", "[1,5]") + "}", four + "e")),
             "after bytes that belong to none");
    contains(refusal(raw_file("{" + good + R"(,"y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})", four + "e")),
             "tensor 'y' overlaps");
    contains(refusal(raw_file("{" + good + "}", four + "e")), "1 bytes of data belong to no tensor");

    contains(error_of([&] { SafetensorsFile::open(folder / "none"); }), "No such file");
    contains(error_of([&] { SafetensorsFile::open(folder.path()); }), "not a regular file");
    contains(error_of([&] { SafetensorsFile::open("/dev/zero"); }), "not a regular file");
}

TEST_CASE("a file that shrinks while open is an Error, not a crash") {
    const TemporaryFolder folder;
    const NamedTensor tensor{"x", Tensor::zeros({4096}, Dtype::f32, Device::cpu)};
    write_safetensors(folder / "a", std::span(&tensor, 1));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");
    REQUIRE(::truncate((folder / "a").c_str(), 200) == 0);
    CHECK(error_of([&] { file.read("x"); }).ends_with("became shorter while being read"));
}

TEST_CASE("what cannot be written is refused and leaves no file") {
    const TemporaryFolder folder;
    const Tensor x = Tensor::zeros({1}, Dtype::f32, Device::cpu);
    const auto refusal = [&](const std::vector<NamedTensor>& tensors, const TextMetadata& metadata = {}) {
        return error_of([&] { write_safetensors(folder / "a", tensors, metadata); });
    };
    CHECK(refusal({{"x", x}, {"x", x}}).ends_with("two tensors are called 'x'"));
    CHECK(refusal({{"", x}}).ends_with("'' cannot be the name of a tensor"));
    CHECK(refusal({{"__metadata__", x}}).ends_with("cannot be the name of a tensor"));
    CHECK(refusal({{"x", Tensor()}}).ends_with("tensor 'x' has no elements"));
    CHECK(refusal({{"\xff", x}}).ends_with("is not UTF-8"));
    CHECK(folder.file_count() == 0);
}

TEST_CASE("tensors of a dtype that is not read are listed, and refused when asked for") {
    const TemporaryFolder folder;
    const std::string header = R"({"flag":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},)"
                               R"("small":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[3,4]}})";
    write_text(folder / "a", raw_file(header, "abcd"));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");
    REQUIRE(file.entries().size() == 2);
    for (const auto& entry : file.entries()) {
        CHECK(entry.stored == ElementType::unreadable);
        const std::string message = error_of([&] { file.read(entry.name); });
        CHECK(message.find("is of a dtype that cannot be read") != std::string::npos);
    }
}

TEST_CASE("tensors of more dimensions than Camber's have are listed, and refused when asked for") {
    const TemporaryFolder folder;
    write_text(folder / "a", raw_file(R"({"deep":{"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[0,4]}})", "abcd"));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a");
    REQUIRE(file.entries().size() == 1);
    CHECK(file.entries()[0].shape.size() == 5);
    CHECK(error_of([&] { file.read("deep"); }).ends_with("tensor 'deep' has 5 dimensions; at most 4 can be read"));
    CHECK(WeightFile::open(folder / "a")->entries()[0].shape_text() == "[1, 1, 1, 1, 1]");
}
