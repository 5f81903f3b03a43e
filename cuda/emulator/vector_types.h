#pragma once
#include <cstdint>

/// CUDA's built-in vector types, with its alignments. may_alias, because kernels read arrays of other types through
/// them.
// NOLINTBEGIN(bugprone-macro-parentheses): a type and a name
#define CAMBER_VECTOR2(type, name, align)                    \
    struct __attribute__((may_alias, aligned(align))) name { \
        type x, y;                                           \
    };                                                       \
    inline name make_##name(type x, type y) { return {x, y}; }
#define CAMBER_VECTOR4(type, name, align)                    \
    struct __attribute__((may_alias, aligned(align))) name { \
        type x, y, z, w;                                     \
    };                                                       \
    inline name make_##name(type x, type y, type z, type w) { return {x, y, z, w}; }
// NOLINTEND(bugprone-macro-parentheses)

CAMBER_VECTOR2(unsigned char, uchar2, 2)
CAMBER_VECTOR2(int, int2, 8)
CAMBER_VECTOR2(unsigned, uint2, 8)
CAMBER_VECTOR2(float, float2, 8)
CAMBER_VECTOR2(double, double2, 16)
CAMBER_VECTOR4(unsigned char, uchar4, 4)
CAMBER_VECTOR4(int, int4, 16)
CAMBER_VECTOR4(unsigned, uint4, 16)
CAMBER_VECTOR4(float, float4, 16)

#undef CAMBER_VECTOR2
#undef CAMBER_VECTOR4

namespace camber::emulator {
/// 8 or 16 bytes as one value.
template <int bytes>
struct BitsOf;
template <>
struct BitsOf<8> {
    typedef std::uint64_t type __attribute__((may_alias));
};
template <>
struct BitsOf<16> {
    __extension__ typedef unsigned __int128 type __attribute__((may_alias));
};
template <int bytes>
using Bits = typename BitsOf<bytes>::type;
}  // namespace camber::emulator

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
