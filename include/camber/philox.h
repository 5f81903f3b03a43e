#pragma once
#include <array>
#include <cstdint>

namespace camber {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): four random u32 from a 128-bit
/// counter and a 64-bit key. Stateless, so every backend and thread computes the same numbers.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::uint64_t key) {
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
        counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ k0, static_cast<std::uint32_t>(p1),
                   static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ k1, static_cast<std::uint32_t>(p0)};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return counter;
}

/// What a random number is for; streams of different purposes never overlap.
enum class Stream : std::uint32_t { init = 1, dropout = 2, augmentation = 3, shuffling = 4, synthesis = 5 };

/// A position in a stream: element i of the draw at (seed, stream, sequence) is lane i % 4 of block i / 4, that is
/// philox4x32({i / 4 low, i / 4 high ^ stream << 16, sequence low, sequence high}, seed)[i % 4]. A draw has at most
/// 2^50 elements.
struct PhiloxKey {
    std::uint64_t seed = 0;
    Stream stream = Stream::init;
    std::uint64_t sequence = 0;  ///< which draw of the stream: a parameter, a step's dropout layer, a sample

    /// The key of the same draw in another training step; a step has at most 2^20 draws.
    constexpr PhiloxKey at_step(std::uint64_t step) const { return {seed, stream, sequence + (step << 20)}; }

    constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
        return philox4x32({static_cast<std::uint32_t>(index),
                           static_cast<std::uint32_t>(index >> 32) ^ (static_cast<std::uint32_t>(stream) << 16),
                           static_cast<std::uint32_t>(sequence), static_cast<std::uint32_t>(sequence >> 32)},
                          seed);
    }
};

/// Sequential draws from one PhiloxKey.
class Philox {
  public:
    explicit Philox(PhiloxKey key) : key_(key) {}
    std::uint32_t next() {
        if (lane_ == 4) {
            block_ = key_.block(index_++);
            lane_ = 0;
        }
        return block_[static_cast<std::size_t>(lane_++)];
    }
    /// Uniform in [0, 1) with 24 random bits.
    float uniform() { return static_cast<float>(next() >> 8) * 0x1p-24f; }
    float uniform(float low, float high) { return low + (high - low) * uniform(); }
    /// Uniform in [0, bound), bound > 0 (Lemire 2019, "Fast random integer generation in an interval", without
    /// rejection).
    std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32);
    }
    /// Standard normal (Box and Muller 1958).
    float normal();

  private:
    PhiloxKey key_;
    std::uint64_t index_ = 0;
    std::array<std::uint32_t, 4> block_{};
    int lane_ = 4;
};

}  // namespace camber
