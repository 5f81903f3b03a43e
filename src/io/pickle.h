#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/input_file.h"

/// A reader of Python pickles (protocols 0 to 5) that makes a tree of what is written and runs nothing. A call of a
/// name that the caller knows is a node of the tree, for the caller to give a meaning; whatever is made by any other
/// name is a leaf, and what went into it is dropped.
namespace camber::pickle {

enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    large_integer,  ///< beyond 64 bits; `text` is its bytes
    real,
    text,
    bytes,
    tuple,
    list,
    dict,    ///< items are key, value, key, value, ...
    global,  ///< one of the known names; `integer` says which
    opaque,  ///< any other name, or what it makes; `integer` is its place in Pickle::unknown, -1 without one
    call,    ///< items are what is called, its arguments (a tuple), then key, value, ... that were set on the result
    persistent,  ///< a thing kept outside the pickle; item 0 is its id
};

using Index = std::uint32_t;  ///< of a value in Pickle::values

struct Value {
    Kind kind = Kind::none;
    std::int64_t integer = 0;  ///< also a boolean's
    double real = 0;
    std::uint64_t begin = 0, length = 0;  ///< of text and bytes, in Pickle's bytes
    std::vector<Index> items;
};

struct Limits {
    std::uint64_t bytes = std::uint64_t{64} << 20;
    std::size_t values = 2'000'000;
    int depth = 64;  ///< of nesting
};

/// What a pickle says. The tree has no cycles, and no path in it is longer than Limits::depth.
struct Pickle {
    std::string bytes;
    std::vector<Value> values;
    Index root = 0;
    std::uint64_t end = 0;             ///< position in the file of the byte after the pickle
    std::vector<std::string> unknown;  ///< names that are not known, the first few

    const Value& operator[](Index index) const { return values[index]; }
    /// Of an opaque value.
    std::string name(Index index) const {
        const std::int64_t place = values[index].integer;
        return place < 0 ? "object" : unknown[static_cast<std::size_t>(place)];
    }
    std::string_view text(const Value& value) const {
        return std::string_view(bytes).substr(value.begin, value.length);
    }
};

/// Reads the pickle that begins at `begin` and ends before `end` of the file. `known` lists names as "module.name".
/// Throws Error naming the file when the pickle is cut short or damaged, uses an opcode of extensions or of buffers
/// outside the pickle, contains itself, or is larger than `limits`.
Pickle read(const InputFile& file, std::uint64_t begin, std::uint64_t end, std::span<const std::string_view> known,
            const Limits& limits = {});

}  // namespace camber::pickle
