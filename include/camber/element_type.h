#pragma once
#include <cstddef>
#include <cstdint>

namespace camber {

/// How a file stores an element: more than Dtype, in which elements are computed with.
enum class ElementType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

std::size_t size_of(ElementType type);
/// "f64", ..., "bool".
const char* name(ElementType type);

}  // namespace camber
