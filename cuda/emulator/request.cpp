#include "cuda/emulator/request.h"

#include <algorithm>
#include <vector>

namespace camber::emulator {

int distinct_pieces(const Request& request, std::size_t size) {
    thread_local std::vector<std::uintptr_t> pieces;
    pieces.clear();
    for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(request.mask >> lane & 1u)) continue;
        const std::uintptr_t begin = request.address[lane] / size;
        const std::uintptr_t end = (request.address[lane] + request.bytes - 1) / size;
        for (std::uintptr_t piece = begin; piece <= end; ++piece) pieces.push_back(piece);
    }
    std::sort(pieces.begin(), pieces.end());
    return static_cast<int>(std::unique(pieces.begin(), pieces.end()) - pieces.begin());
}

Wavefronts wavefronts(const Request& request) {
    constexpr std::uintptr_t banks = 32;
    const unsigned lanes = request.bytes <= 4 ? 32 : request.bytes <= 8 ? 16 : 8;
    Wavefronts result;
    for (unsigned first = 0; first < 32; first += lanes) {
        std::array<std::array<std::uintptr_t, 32>, banks> words;  // at most one of each lane in a bank
        std::array<int, banks> count{};
        for (unsigned lane = first; lane < first + lanes; ++lane) {
            if (!(request.mask >> lane & 1u)) continue;
            const std::uintptr_t begin = request.address[lane] / 4;
            const std::uintptr_t end = (request.address[lane] + request.bytes - 1) / 4;
            for (std::uintptr_t word = begin; word <= end; ++word) {
                auto& in_bank = words[word % banks];
                int& known = count[word % banks];
                const auto last = in_bank.begin() + known;
                if (std::find(in_bank.begin(), last, word) == last) in_bank[static_cast<std::size_t>(known++)] = word;
            }
        }
        const int most = *std::max_element(count.begin(), count.end());
        result.taken += most;
        result.least += most > 0;
    }
    return result;
}

}  // namespace camber::emulator
