#include <doctest/doctest.h>

#include <numeric>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

std::vector<float> range(float first, int count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), first);
    return values;
}

/// What torch.save was given: see state() in make_weight_files.py.
void check_state(const WeightFile& file) {
    CHECK(file.format() == WeightFormat::torch);
    CHECK(names_of(file) == std::vector<std::string>{"conv.weight", "conv.bias", "shared.all", "shared.odd",
                                                     "shared.rows", "transposed", "channels_last", "half", "bfloat16",
                                                     "double", "int64", "int32", "int16", "int8", "uint8", "bool",
                                                     "scalar", "empty"});
    const auto check = [&](const std::string& name, std::vector<std::int64_t> shape, ElementType type,
                           const std::vector<float>& values) {
        CAPTURE(name);
        const WeightEntry* entry = file.find(name);
        REQUIRE(entry);
        CHECK(entry->shape == shape);
        CHECK(entry->type == type);
        CHECK(file.read(name) == values);
    };
    check("conv.weight", {4, 3, 3, 3}, ElementType::f32, fixture_values("conv.weight", 108));
    check("conv.bias", {4}, ElementType::f32, fixture_values("conv.bias", 4));
    check("shared.all", {40}, ElementType::f32, fixture_values("base", 40));
    std::vector<float> odd, rows, transposed;
    for (int i = 0; i < 10; ++i) odd.push_back(fixture_value("base", 1 + 2 * i));
    for (int i = 0; i < 16; ++i) rows.push_back(fixture_value("base", 4 + i / 4 * 6 + 1 + i % 4));
    for (int i = 0; i < 35; ++i) transposed.push_back(fixture_value("transposed", i % 5 * 7 + i / 5));
    check("shared.odd", {10}, ElementType::f32, odd);
    check("shared.rows", {4, 4}, ElementType::f32, rows);
    check("transposed", {7, 5}, ElementType::f32, transposed);
    check("channels_last", {2, 3, 4, 5}, ElementType::f32, fixture_values("channels_last", 120));
    check("half", {2, 3}, ElementType::f16, fixture_values("half", 6));
    check("bfloat16", {2, 3}, ElementType::bf16, fixture_values("bfloat16", 6));
    check("double", {2, 3}, ElementType::f64, fixture_values("double", 6));
    check("int64", {6}, ElementType::i64, range(-3, 6));
    check("int32", {6}, ElementType::i32, range(-3, 6));
    check("int16", {6}, ElementType::i16, range(-3, 6));
    check("int8", {6}, ElementType::i8, range(-3, 6));
    check("uint8", {6}, ElementType::u8, range(250, 6));
    check("bool", {3}, ElementType::boolean, {1, 0, 1});
    check("scalar", {}, ElementType::i64, {7});
    check("empty", {0, 3}, ElementType::f32, {});

    // A few rows at a time, of tensors that lie in one piece and of those that do not.
    for (const char* name : {"conv.weight", "shared.rows", "transposed", "channels_last"}) {
        CAPTURE(name);
        const WeightEntry& entry = *file.find(name);
        const std::vector<float> whole = file.read(name);
        const std::int64_t row = entry.numel() / entry.rows();
        std::vector<float> one(static_cast<std::size_t>(row));
        file.read_rows(entry, 1, 1, one.data());
        CHECK(std::equal(one.begin(), one.end(), whole.begin() + row));
    }
}

std::string refusal(const std::string& contents) {
    const TemporaryFolder folder;
    const std::string path = (folder / "a.pth").string();
    write_text(path, contents);
    const std::string message = error_of([&] { WeightFile::open(path); });
    CAPTURE(message);
    CHECK(message.find(path) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

const std::string sixteen(64, 'x');  // bytes of 16 floats

}  // namespace

TEST_CASE("PyTorch's zip archive: shared storages, strides, offsets, every dtype") {
    check_state(*WeightFile::open(weight_fixture("torch_zip.pth")));
}

TEST_CASE("PyTorch's older stream: the same") { check_state(*WeightFile::open(weight_fixture("torch_stream.pth"))); }

TEST_CASE("every tensor of a training checkpoint is there, under the names of what holds it") {
    const std::vector<std::string> state = {
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"};
    const auto below = [&](const WeightFile& file, const std::string& prefix) {
        std::vector<std::string> names;
        for (const std::string& name : names_of(file)) {
            if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
        }
        return names;
    };
    const auto checkpoint = WeightFile::open(weight_fixture("torch_checkpoint.pth"));
    CHECK(below(*checkpoint, "state_dict.module.") == state);
    CHECK(checkpoint->read("state_dict.module.0.weight") == fixture_values("0.weight", 54));
    const auto fastai = WeightFile::open(weight_fixture("torch_fastai.pth"));
    CHECK(below(*fastai, "model.") == state);
    CHECK(fastai->read("model.1.running_var") == fixture_values("1.running_var", 3));
    // {"optimizer": {"momentum": TENSOR}, "history": [3, {"net": {"x": TENSOR}}]}
    const TemporaryFolder folder;
    const std::string tensor = pickled_tensor(4, 0, {4}, {1});
    const std::string body = "}" + pickled_text("optimizer") + "}" + pickled_text("momentum") + tensor + "ss" +
                             pickled_text("history") + "]K\3a}" + pickled_text("net") + "}" + pickled_text("x") +
                             tensor + "ssas";
    write_text(
        folder / "a",
        zip_archive({{"a/data.pkl", pickled(body)}, {"a/byteorder", "little"}, {"a/data/0", std::string(16, '\0')}}));
    CHECK(names_of(*WeightFile::open(folder / "a")) ==
          std::vector<std::string>{"optimizer.momentum", "history.1.net.x"});
}

TEST_CASE("an expanded tensor is refused where it is read") {
    const TemporaryFolder folder;
    const std::string body = "}" + pickled_text("x") + pickled_tensor(16, 0, {1 << 20, 1 << 20}, {0, 0}) + "s";
    write_text(folder / "a", zip_archive({{"a/data.pkl", pickled(body)}, {"a/data/0", std::string(64, '\0')}}));
    const auto file = WeightFile::open(folder / "a");
    CHECK(mentions(error_of([&] { file->read("x"); }),
                   {"tensor 'x' has 1099511627776 elements over a storage of 16", "save its contiguous() form"}));
}

TEST_CASE("a tensor that is kept as its negative or conjugate is refused where it is read") {
    const TemporaryFolder folder;
    for (const char* bit : {"neg", "conj"}) {
        for (const bool set : {true, false}) {
            std::string tensor = pickled_tensor(16, 0, {16}, {1});
            REQUIRE(tensor.ends_with("tR"));
            tensor.insert(tensor.size() - 2, "}" + pickled_text(bit) + (set ? "\x88s" : "\x89s"));
            write_text(folder / "a", torch_archive(tensor, sixteen));
            const auto file = WeightFile::open(folder / "a");
            CHECK(mentions(error_of([&] { file->read("x"); }), {"'x' is kept as its negative or conj"}) == set);
        }
    }
}

TEST_CASE("a whole pickled module is refused by name") {
    CHECK(mentions(error_of([] { WeightFile::open(weight_fixture("torch_module.pth")); }),
                   {"a pickled torch.nn.modules.container.Sequential", "state_dict()"}));
}

TEST_CASE("PyTorch files cut short anywhere give one line") {
    for (const char* name : {"torch_zip.pth", "torch_stream.pth"}) {
        CAPTURE(name);
        const std::string whole = read_text(weight_fixture(name));
        for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 2500 ? 97 : 31) {
            CAPTURE(bytes);
            CHECK(!refusal(whole.substr(0, bytes)).empty());
        }
        CHECK(!refusal(whole.substr(0, whole.size() - 1)).empty());
    }
}

TEST_CASE("tensors that do not fit their storage are refused") {
    const TemporaryFolder folder;
    write_text(folder / "a", torch_archive(pickled_tensor(16, 4, {3, 4}, {4, 1}), sixteen));
    CHECK_NOTHROW(WeightFile::open(folder / "a"));

    const auto of = [](std::int64_t elements, std::int64_t offset, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& strides) {
        return refusal(torch_archive(pickled_tensor(elements, offset, shape, strides), sixteen));
    };
    constexpr std::int64_t huge = std::int64_t{1} << 62;
    CHECK(mentions(of(16, 5, {3, 4}, {4, 1}), {"'x' points outside its storage", "element 16", "has 16"}));
    CHECK(mentions(of(16, 0, {3, 4}, {5, 2}), {"points outside its storage"}));
    CHECK(mentions(of(16, huge, {1}, {1}), {"points outside its storage"}));
    CHECK(mentions(of(16, -1, {1}, {1}), {"below zero"}));
    CHECK(mentions(of(16, 0, {-1}, {1}), {"negative size"}));
    CHECK(mentions(of(16, 8, {4}, {-1}), {"negative size or stride"}));
    CHECK(mentions(of(16, 0, {2}, {1, 1}), {"as many strides"}));
    CHECK(mentions(of(16, 0, {huge, huge}, {0, 0}), {"larger than any file"}));
    CHECK(mentions(of(16, 0, {huge, 4}, {huge, 1}), {"larger than any file"}));
    CHECK(mentions(of(17, 0, {1}, {1}), {"storage '0' has 64 bytes, but 17 elements of f32 need 68"}));
    CHECK(mentions(of(huge, 0, {1}, {1}), {"storage '0' is larger than any file"}));
    CHECK(mentions(of(16, 0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)), {"65 dimensions"}));
}

TEST_CASE("values that are no tensors are passed over, whatever class they are of") {
    const TemporaryFolder folder;
    const std::string tensor = pickled_tensor(16, 0, {16}, {1});
    const std::string counter = "ccollections\nCounter\n}" + pickled_text("a") + "K\1s\x85R",
                      scalar = "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n(" + pickled_text("f8") +
                               "K\1K\1tR(K\3" + pickled_text("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\1tb" +
                               pickled_text("12345678") + "\x86R",
                      space = "cargparse\nNamespace\n)\x81}" + pickled_text("lr") + "K\1sb",
                      list = "cfastcore.foundation\nL\n)\x81K\1a", set = "\x8f(K\1K\2\x90", old = "(K\1imodule\nOld\n",
                      made = "(cmodule\nOld\nK\1o";
    std::string body = "}";
    for (const std::string& value : {counter, scalar, space, list, set, old, made}) {
        body += pickled_text("v" + std::to_string(body.size())) + value + "s";
    }
    body += pickled_text("x") + tensor + "s";
    write_text(folder / "a", zip_archive({{"a/data.pkl", pickled(body)}, {"a/data/0", sixteen}}));
    CHECK(names_of(*WeightFile::open(folder / "a")) == std::vector<std::string>{"x"});
}

TEST_CASE("a tensor of a dtype that cannot be read is refused when it is read, not before") {
    const TemporaryFolder folder;
    for (const char* type : {"QInt8Storage", "ComplexFloatStorage", "Float4Storage"}) {
        CAPTURE(type);
        write_text(folder / "a", torch_archive(pickled_tensor(2, 0, {2}, {1}, type), sixteen));
        const auto file = WeightFile::open(folder / "a");
        CHECK(file->find("x")->type == ElementType::unreadable);
        CHECK(mentions(error_of([&] { file->read("x"); }), {"'x' is of a dtype that cannot be read"}));
    }
}

TEST_CASE("PyTorch's older stream is known by its number, in every protocol of pickles") {
    const std::string whole = read_text(weight_fixture("torch_stream.pth")), rest = whole.substr(15);
    const std::string number("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);
    const TemporaryFolder folder;
    for (const std::string& magic : {std::string("L119547037146038801333356L\n."), "\x80\2" + number, "\x80\3" + number,
                                     "\x80\4\x95" + little(13, 8) + number, "\x80\5\x95" + little(13, 8) + number}) {
        write_text(folder / "a", magic + rest);
        check_state(*WeightFile::open(folder / "a"));
    }
}

TEST_CASE("archives that are not a state_dict are refused") {
    const std::string tensor = pickled_tensor(16, 0, {16}, {1});
    const auto archive = [](const std::string& body) {
        return refusal(zip_archive({{"a/data.pkl", pickled(body)}, {"a/data/0", sixteen}}));
    };
    CHECK(mentions(archive("}"), {"holds no tensors"}));
    CHECK(mentions(archive("N"), {"holds no tensors"}));
    CHECK(mentions(archive("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 16, None)\n"), {"protocol 0"}));
    CHECK(mentions(archive(tensor), {"holds no tensors"}));
    CHECK(mentions(archive("}q\1" + pickled_text("a") + "h\1s"), {"contains itself"}));
    CHECK(mentions(archive("cos\nsystem\n(" + pickled_text("id") + "tR"),
                   {"holds a pickled os.system", "nothing in a file is ever run"}));
    CHECK(mentions(archive("ctorch.storage\n_load_from_bytes\n(U\1xtR"), {"a pickled torch.storage._load_from_bytes"}));
    CHECK(mentions(archive("}" + pickled_text("x") + tensor + "s" + pickled_text("x") + tensor + "s"),
                   {"two tensors are called 'x'"}));
    CHECK(mentions(refusal(zip_archive({{"a/data.pkl", pickled("}" + pickled_text("x") + tensor + "s")}})),
                   {"storage '0' is missing"}));
    CHECK(mentions(refusal(zip_archive({{"other", ""}})), {"neither PyTorch's nor Keras's"}));
    CHECK(mentions(refusal(zip_archive({{"a/data.pkl", pickled("}")}, {"a/constants.pkl", ""}})), {"TorchScript"}));
    CHECK(
        mentions(refusal(zip_archive({{"a/code/x.py", "x", 8}, {"a/data.pkl", pickled("}")}, {"a/constants.pkl", ""}})),
                 {"TorchScript archive", "torch.jit.load"}));
    CHECK(mentions(refusal(zip_archive({{"a/data.pkl", "x", 8}})), {"'a/data.pkl' of the zip archive is compressed"}));
    CHECK(mentions(refusal(zip_archive({{"a/data.pkl", pickled("}")}, {"a/byteorder", "big"}})), {"byte order"}));
    // Dictionaries that share their parts: 2^60 names in a few hundred bytes.
    std::string nested = "}" + pickled_text("x") + tensor + "s";
    for (int i = 0; i < 14; ++i) {
        nested += "q\1";
        nested = nested + "0}(";
        for (int j = 0; j < 16; ++j) nested += pickled_text(std::string(1, static_cast<char>('a' + j))) + "h\1";
        nested += "u";
    }
    CHECK(mentions(archive(nested), {"more values than any network"}));
}

TEST_CASE("files of no known kind are refused in one line") {
    CHECK(mentions(refusal(""), {"an empty file"}));
    CHECK(mentions(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"), {"git lfs pull"}));
    CHECK(mentions(refusal("\n <!DOCTYPE html><html>"), {"an HTML page"}));
    CHECK(mentions(refusal("\x1f\x8b\x08 and so on"), {"gunzip"}));
    CHECK(mentions(refusal("these are words"), {"not a file of weights"}));
    CHECK(mentions(refusal("\x89PNG\r\n\x1a\n..."), {"a PNG picture, not weights"}));
    CHECK(mentions(refusal(little(4096, 8) + "{\"x\":1}"), {"cut short"}));
    CHECK(mentions(error_of([] { WeightFile::open("/nonexistent.pth"); }), {"/nonexistent.pth", "No such file"}));
    CHECK(mentions(error_of([] { WeightFile::open("/dev/zero"); }), {"/dev/zero", "not a regular file"}));
}

TEST_CASE("a PyTorch file that shrinks while open is an Error, not a crash") {
    const TemporaryFolder folder;
    write_text(folder / "a", torch_archive(pickled_tensor(16, 0, {16}, {1}), sixteen));
    const auto file = WeightFile::open(folder / "a");
    std::filesystem::resize_file(folder / "a", 50);
    CHECK(mentions(error_of([&] { file->read("x"); }), {"became shorter"}));
}
