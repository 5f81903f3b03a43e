#include "winograd_gemm.h"

#include <array>
#include <utility>

namespace camber::cpu::winograd {
namespace {

template <bool kTransposed, std::size_t... i>
constexpr auto table(std::index_sequence<i...>) {
    return std::array<ProductKernel, sizeof...(i)>{
        product_kernel<static_cast<int>(i) / kMaxColumns + 1, static_cast<int>(i) % kMaxColumns + 1, kTransposed>...};
}

using All = std::make_index_sequence<static_cast<std::size_t>(kMaxRows) * kMaxColumns>;
constexpr auto kByRow = table<false>(All{});
constexpr auto kByColumn = table<true>(All{});

}  // namespace

ProductKernel product_kernel_for(int rows, int columns, bool transposed) {
    const auto i = static_cast<std::size_t>((rows - 1) * kMaxColumns + columns - 1);
    return transposed ? kByColumn[i] : kByRow[i];
}

}  // namespace camber::cpu::winograd
