#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// How a file stores an element: more than Dtype, in which elements are computed with. `unreadable` are those that have
/// no place in a network: complex, quantised, of 8 bits and less.
enum class ElementType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean, unreadable };

/// Of an unreadable one, 1.
std::size_t size_of(ElementType type);
/// "f64", ..., "bool", "unreadable".
const char* name(ElementType type);

}  // namespace camber
