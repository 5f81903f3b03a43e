#include <camber/checkpoint.h>
#include <camber/weights.h>
#include <doctest/doctest.h>

#include "io/archive.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("what is no file of weights is named for what it is, in the place of weights and of a checkpoint") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.pth").string();
    std::string tar(512, 'x');
    tar.replace(257, 5, "ustar");
    const std::pair<std::string, const char*> kinds[] = {
        {"", "an empty file"},
        {"<!DOCTYPE html>\n<html></html>", "an HTML page"},
        {"\xef\xbb\xbf\n\n<HTML><BODY>", "an HTML page"},
        {"<?xml version=\"1.0\"?><Error/>", "an XML text"},
        {"<Error><Code>AccessDenied</Code></Error>", "an XML text"},
        {"{\"message\":\"Not Found\"}", "a JSON text"},
        {"  [1]      ", "a JSON text"},
        {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
        {"\x1f\x8b\b garbage", "gunzip < FILE"},
        {std::string("\xfd"
                     "7zXZ\0 garbage",
                     14),
         "xz -d"},
        {"BZh91AY", "bunzip2"},
        {"\x28\xb5\x2f\xfd garbage", "zstd -d"},
        {"7z\xbc\xaf\x27\x1c garbage", "7z x"},
        {tar, "tar xf"},
        {std::string("\x80\x04\x95\x10\0\0\0\0\0\0\0}", 12), "a plain pickle"},
        {std::string(1000, '\0'), "nothing but zeros"},
        {"\x89PNG\r\n\x1a\n", "a PNG picture"},
    };
    for (const auto& [contents, what] : kinds) {
        CAPTURE(what);
        write_text(file, contents);
        CHECK(mentions(error_of([&] { WeightFile::open(file); }), {file.c_str(), what}));
        CHECK(mentions(error_of([&] { CheckpointFile::open(file); }), {file.c_str(), what}));
    }
    write_text(file, zip_archive({{"arr_0.npy", "x"}}));
    CHECK(mentions(error_of([&] { WeightFile::open(file); }), {file.c_str(), "NumPy's .npz"}));
    write_text(file, zip_archive({{"base.pth", "x"}}));
    CHECK(mentions(error_of([&] { WeightFile::open(file); }), {file.c_str(), "unpack it first", "'base.pth'"}));
}

TEST_CASE("another library's weights in the place of a checkpoint are to be imported") {
    for (const char* name : {"torch_zip.pth", "torch_stream.pth", "keras2.h5", "plain_unet.keras"}) {
        CAPTURE(name);
        const std::string file = weight_fixture(name).string();
        CHECK(mentions(error_of([&] { CheckpointFile::open(file); }),
                       {file.c_str(), "not a Camber checkpoint", "camber import --net NET --weights"}));
    }
}

TEST_CASE("tensors that are none as they are lie in the list, and say what to do when they are read") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a.pth").string();
    write_text(
        file,
        zip_archive({{"a/data.pkl", pickled("}" + pickled_text("s") + "ctorch._utils\n_rebuild_sparse_tensor\n)Rs" +
                                            pickled_text("q") + "ctorch._utils\n_rebuild_qtensor\n)Rs" +
                                            pickled_text("x") + pickled_tensor(4, 0, {4}, {1}) + "s")},
                     {"a/data/0", std::string(16, '\0')}}));
    const auto weights = WeightFile::open(file);
    CHECK(weights->read("x").size() == 4);
    CHECK(mentions(error_of([&] { weights->read("s"); }), {"'s' is sparse", "to_dense()"}));
    CHECK(mentions(error_of([&] { weights->read("q"); }), {"'q' is quantised", "dequantize()"}));
}
