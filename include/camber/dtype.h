#pragma once
#include <camber/bf16.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace camber {

/// Element types. Activations are f32 or bf16 (f64 on the reference device); parameters, their gradients, optimizer
/// state, statistics and losses are f32 (f64 when activations are f64); labels are u8; counts are i32.
enum class Dtype : std::uint8_t { f64, f32, bf16, i32, u8 };

std::size_t size_of(Dtype dtype);
/// "f64", "f32", "bf16", "i32" or "u8".
const char* name(Dtype dtype);
/// The inverse of name(); throws UsageError for any other text.
Dtype parse_dtype(const std::string& text);

template <class T>
inline constexpr Dtype dtype_of = [] {
    static_assert(sizeof(T) == 0, "not an element type");
    return Dtype::f32;
}();
template <>
inline constexpr Dtype dtype_of<double> = Dtype::f64;
template <>
inline constexpr Dtype dtype_of<float> = Dtype::f32;
template <>
inline constexpr Dtype dtype_of<bf16> = Dtype::bf16;
template <>
inline constexpr Dtype dtype_of<std::int32_t> = Dtype::i32;
template <>
inline constexpr Dtype dtype_of<std::uint8_t> = Dtype::u8;

/// The dtype of the parameters and statistics that go with activations of `activation`: f64 for f64, else f32.
inline Dtype parameter_dtype(Dtype activation) { return activation == Dtype::f64 ? Dtype::f64 : Dtype::f32; }

}  // namespace camber
