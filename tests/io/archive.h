#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/crc.h"

/// Files of weights written by hand, right or wrong.
namespace camber::testing {

/// `value` as `bytes` little-endian bytes.
inline std::string little(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 255);
    return text;
}

/// A member of a zip archive, and what its place in the list says where that is not the truth.
struct ArchiveMember {
    std::string name, contents;
    int method = 0, flags = 0;
    std::int64_t claimed_size = -1, claimed_offset = -1;
    std::int64_t claimed_crc = 0;  ///< 0 stands for none; below that, the truth
};

inline std::string zip_archive(const std::vector<ArchiveMember>& members) {
    std::string file, list;
    for (const ArchiveMember& m : members) {
        const std::uint64_t offset = m.claimed_offset >= 0 ? static_cast<std::uint64_t>(m.claimed_offset) : file.size();
        const std::uint64_t size = m.claimed_size >= 0 ? static_cast<std::uint64_t>(m.claimed_size) : m.contents.size();
        const std::uint64_t crc =
            m.claimed_crc < 0 ? crc32(m.contents.data(), m.contents.size()) : static_cast<std::uint64_t>(m.claimed_crc);
        const std::string start = little(static_cast<unsigned>(m.flags), 2) +
                                  little(static_cast<unsigned>(m.method), 2) + std::string(4, '\0') + little(crc, 4) +
                                  little(size, 4) + little(size, 4) + little(m.name.size(), 2) + little(0, 2);
        file += "PK\3\4" + little(20, 2) + start + m.name + m.contents;
        list += "PK\1\2" + little(20, 2) + little(20, 2) + start + std::string(10, '\0') + little(offset, 4) + m.name;
    }
    return file + list + "PK\5\6" + std::string(4, '\0') + little(members.size(), 2) + little(members.size(), 2) +
           little(list.size(), 4) + little(file.size(), 4) + little(0, 2);
}

// Parts of pickles of protocol 2.

inline std::string pickled_text(const std::string& text) { return "X" + little(text.size(), 4) + text; }
inline std::string pickled_number(std::int64_t number) {
    return "\x8a\x08" + little(static_cast<std::uint64_t>(number), 8);
}
inline std::string pickled_numbers(const std::vector<std::int64_t>& numbers) {
    std::string text = "(";
    for (const std::int64_t number : numbers) text += pickled_number(number);
    return text + "t";
}
inline std::string pickled(const std::string& body) { return "\x80\x02" + body + "."; }

/// A tensor of a storage that is called "0".
inline std::string pickled_tensor(std::int64_t elements, std::int64_t offset, const std::vector<std::int64_t>& shape,
                                  const std::vector<std::int64_t>& strides, const std::string& type = "FloatStorage") {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled_text("storage") + "ctorch\n" + type + "\n" +
           pickled_text("0") + pickled_text("cpu") + pickled_number(elements) + "tQ" + pickled_number(offset) +
           pickled_numbers(shape) + pickled_numbers(strides) + "\x89}tR";
}

/// torch.save's archive of one dictionary with one tensor, "x".
inline std::string torch_archive(const std::string& tensor, const std::string& storage) {
    return zip_archive({{"archive/data.pkl", pickled("}" + pickled_text("x") + tensor + "s")},
                        {"archive/byteorder", "little"},
                        {"archive/data/0", storage}});
}

}  // namespace camber::testing
