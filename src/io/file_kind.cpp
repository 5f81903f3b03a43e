#include "io/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "io/hdf5_file.h"
#include "io/onnx_file.h"
#include "io/torch_file.h"
#include "io/zip.h"

namespace camber {
namespace {

struct Start {
    std::string_view bytes, what;
};
constexpr Start starts[] = {
    {"version https://git-lfs",
     "a Git LFS pointer, not the file that it stands for: run `git lfs pull`, or download the file itself"},
    {"\x1f\x8b", "compressed with gzip: run `gunzip < FILE > OTHER` first"},
    {{"\xfd"
      "7zXZ\0",
      6},
     "compressed with xz: run `xz -d < FILE > OTHER` first"},
    {"BZh", "compressed with bzip2: run `bunzip2 < FILE > OTHER` first"},
    {"\x28\xb5\x2f\xfd", "compressed with zstd: run `zstd -d < FILE > OTHER` first"},
    {"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first (7z x FILE)"},
    {"Rar!", "a RAR archive: unpack it first"},
    {"\x89PNG", "a PNG picture, not weights"},
    {"\xff\xd8\xff", "a JPEG picture, not weights"},
};

constexpr std::string_view html =
    "an HTML page, not the file that was to be downloaded: open the address in a browser, or sign in";
constexpr std::string_view xml =
    "an XML text, as servers answer with in the place of a file: read it, and fetch the file again";
constexpr std::string_view json =
    "a JSON text, not weights: of an index of several files, load all in Python and save one state_dict; what a server "
    "answered in the place of a file, fetch again";

/// Of texts, in lower case, after blanks and a byte-order mark.
constexpr Start texts[] = {
    {"<html", html}, {"<!doctype", html}, {"<?xml", xml}, {"<error", xml}, {"{", json}, {"[", json},
};

bool is_pickle(std::string_view start) {
    constexpr char newest = 5;
    return start.size() >= 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= newest;
}

}  // namespace

bool looks_like_safetensors(const InputFile& file) {
    constexpr std::size_t length_bytes = 8;
    char start[length_bytes + 1];
    if (file.size() < sizeof start) return false;
    file.read(0, start, sizeof start);
    const bool of_text = std::all_of(start, start + length_bytes, [](char c) {
        return std::isprint(static_cast<unsigned char>(c)) || std::isspace(static_cast<unsigned char>(c));
    });
    return start[length_bytes] == '{' && !of_text;
}

std::string mistaken_for_weights(const InputFile& file) {
    if (file.size() == 0) return "an empty file: fetch it again";
    constexpr std::uint64_t most = 512;
    std::string start(std::min(file.size(), most), '\0');
    file.read(0, start.data(), start.size());
    for (const auto& [bytes, what] : starts) {
        if (start.starts_with(bytes)) return std::string(what);
    }
    constexpr std::size_t tar_magic = 257;
    if (start.size() > tar_magic + 5 && start.compare(tar_magic, 5, "ustar") == 0) {
        return "a tar archive: unpack it first (tar xf FILE)";
    }
    if (is_pickle(start)) {
        return "a plain pickle, not what torch.save() writes; in Python, torch.save(pickle.load(open(FILE, 'rb')), "
               "OTHER), its arrays as tensors";
    }
    if (std::all_of(start.begin(), start.end(), [](char c) { return c == '\0'; })) {
        return "nothing but zeros at its start, as a download that was broken off leaves them: fetch it again";
    }
    std::string_view text = start;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    std::string lower(text);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const auto& [bytes, what] : texts) {
        if (lower.starts_with(bytes)) return std::string(what);
    }
    return {};
}

std::string other_library(const InputFile& file) {
    if (looks_like_hdf5(file)) return "a file of Keras's";
    if (looks_like_torch_stream(file)) return "a file of PyTorch's";
    if (looks_like_zip(file)) return "a file of PyTorch's or Keras's";
    if (looks_like_onnx(file)) return "a model in ONNX";
    return {};
}

}  // namespace camber
