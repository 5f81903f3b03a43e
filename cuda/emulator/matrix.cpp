#include <camber/bf16.h>

#include <bit>
#include <cstring>

#include "cuda/emulator/core.h"

/// ldmatrix and mma.sync, with the fragment layouts of the PTX manual (sections "ldmatrix" and "Matrix Fragments for
/// mma.m16n8k16 with floating point type").
namespace camber::emulator {
namespace {

constexpr unsigned all_lanes = 0xffffffffu;

std::uint16_t half_of(std::uint32_t word, int which) { return static_cast<std::uint16_t>(word >> (16 * which)); }
float value_of(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace

void evaluate_load_matrix(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results) {
    const bool transpose = group.lanes[0].operand != 0;
    for (std::size_t matrix = 0; matrix < 4; ++matrix) {
        std::uint16_t element[8][8];
        for (std::size_t row = 0; row < 8; ++row) std::memcpy(element[row], group.lanes[8 * matrix + row].row, 16);
        for (std::size_t lane = 0; lane < 32; ++lane) {
            const std::size_t row = lane / 4, column = lane % 4 * 2;
            const std::uint16_t low = transpose ? element[column][row] : element[row][column];
            const std::uint16_t high = transpose ? element[column + 1][row] : element[row][column + 1];
            results[lane][matrix] = low | static_cast<std::uint32_t>(high) << 16;
        }
    }
}

void evaluate_mma(const WarpGroup& group, std::array<std::array<std::uint32_t, 4>, 32>& results) {
    float a[16][16], b[16][8];
    for (std::size_t lane = 0; lane < 32; ++lane) {
        const auto& words = group.lanes[lane].words;
        const std::size_t row = lane / 4, pair = lane % 4 * 2;
        for (int h = 0; h < 2; ++h) {
            const std::size_t k = pair + static_cast<std::size_t>(h);
            a[row][k] = value_of(half_of(words[0], h));
            a[row + 8][k] = value_of(half_of(words[1], h));
            a[row][k + 8] = value_of(half_of(words[2], h));
            a[row + 8][k + 8] = value_of(half_of(words[3], h));
            b[k][row] = value_of(half_of(words[4], h));
            b[k + 8][row] = value_of(half_of(words[5], h));
        }
    }
    for (std::size_t lane = 0; lane < 32; ++lane) {
        const std::size_t row = lane / 4, column = lane % 4 * 2;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t r = row + i / 2 * 8, c = column + i % 2;
            float sum = group.lanes[lane].sum[i];
            for (std::size_t k = 0; k < 16; ++k) sum += a[r][k] * b[k][c];
            results[lane][i] = std::bit_cast<std::uint32_t>(sum);
        }
    }
}

void load_matrix_x4(unsigned (&fragment)[4], const void* row, bool transpose, const Location& where) {
    Core& core = *Core::running();
    if (!core.shared().contains(row)) core.fault([&] { return std::string("ldmatrix reads shared memory only"); });
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
        core.fault([&] { return std::string("a row given to ldmatrix is not aligned to 16 bytes"); });
    core.access(row, 16, false);
    if (core.counts()) core.count(row, 16, AccessKind::load_matrix, __builtin_return_address(0));
    LaneInput input;
    input.row = row;
    input.operand = transpose;
    const auto& result = core.warp_operation(WarpOp::load_matrix, all_lanes, input, where);
    for (std::size_t i = 0; i < 4; ++i) fragment[i] = result[i];
}

void mma_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Location& where) {
    LaneInput input;
    for (std::size_t i = 0; i < 4; ++i) {
        input.words[i] = a[i];
        input.sum[i] = c[i];
    }
    input.words[4] = b[0];
    input.words[5] = b[1];
    const auto& result = Core::running()->warp_operation(WarpOp::mma, all_lanes, input, where);
    for (std::size_t i = 0; i < 4; ++i) c[i] = std::bit_cast<float>(result[i]);
}

}  // namespace camber::emulator
