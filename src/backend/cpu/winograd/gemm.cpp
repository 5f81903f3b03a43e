#include "backend/cpu/winograd/gemm.h"

#include <array>
#include <utility>

namespace camber::cpu::winograd {
namespace {

template <bool transposed, std::size_t... i>
constexpr auto table(std::index_sequence<i...>) {
    return std::array<ProductKernel, sizeof...(i)>{
        product_kernel<static_cast<int>(i) / max_columns + 1, static_cast<int>(i) % max_columns + 1, transposed>...};
}

using All = std::make_index_sequence<static_cast<std::size_t>(max_rows) * max_columns>;
constexpr auto by_row = table<false>(All{});
constexpr auto by_column = table<true>(All{});

}  // namespace

ProductKernel product_kernel_for(int rows, int columns, bool transposed) {
    const auto i = static_cast<std::size_t>((rows - 1) * max_columns + columns - 1);
    return transposed ? by_column[i] : by_row[i];
}

}  // namespace camber::cpu::winograd
