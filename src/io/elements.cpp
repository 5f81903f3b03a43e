#include "io/elements.h"

#include <camber/bf16.h>
#include <camber/error.h>

#include <bit>
#include <cstring>

namespace camber {
namespace {

/// IEEE 754 binary16.
struct Half {
    std::uint16_t bits;
    operator float() const {
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, exponent = (bits >> 10) & 31u,
                            fraction = bits & 1023u;
        if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
        if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
        const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // subnormal, or zero
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
    }
};

struct Boolean {
    std::uint8_t bits;
    operator float() const { return bits != 0 ? 1.0f : 0.0f; }
};

template <class T>
void convert(const void* from, float* to, std::size_t count) {
    const char* source = static_cast<const char*>(from);
    for (std::size_t i = 0; i < count; ++i) {
        T value;
        std::memcpy(&value, source + i * sizeof(T), sizeof(T));
        to[i] = static_cast<float>(value);
    }
}

}  // namespace

std::size_t size_of(ElementType type) {
    switch (type) {
        case ElementType::f64:
        case ElementType::i64:
            return 8;
        case ElementType::f32:
        case ElementType::i32:
            return 4;
        case ElementType::f16:
        case ElementType::bf16:
        case ElementType::i16:
            return 2;
        case ElementType::i8:
        case ElementType::u8:
        case ElementType::boolean:
        case ElementType::unreadable:
            return 1;
    }
    return 1;
}

const char* name(ElementType type) {
    constexpr const char* names[] = {"f64", "f32", "f16", "bf16", "i64",       "i32",
                                     "i16", "i8",  "u8",  "bool", "unreadable"};
    return names[static_cast<std::size_t>(type)];
}

void elements_to_float(ElementType type, const void* from, float* to, std::size_t count) {
    switch (type) {
        case ElementType::f64:
            return convert<double>(from, to, count);
        case ElementType::f32:
            std::memcpy(to, from, count * sizeof(float));
            return;
        case ElementType::f16:
            return convert<Half>(from, to, count);
        case ElementType::bf16:
            return convert<bf16>(from, to, count);
        case ElementType::i64:
            return convert<std::int64_t>(from, to, count);
        case ElementType::i32:
            return convert<std::int32_t>(from, to, count);
        case ElementType::i16:
            return convert<std::int16_t>(from, to, count);
        case ElementType::i8:
            return convert<std::int8_t>(from, to, count);
        case ElementType::u8:
            return convert<std::uint8_t>(from, to, count);
        case ElementType::boolean:
            return convert<Boolean>(from, to, count);
        case ElementType::unreadable:
            fail("elements that cannot be read");  // the readers refuse them by name
    }
}

}  // namespace camber
