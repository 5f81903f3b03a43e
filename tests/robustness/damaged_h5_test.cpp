#include <camber/weights.h>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <random>

#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// One to eight changes: a bit, a byte of 0 or 255, a number of 4 bytes, a piece copied elsewhere, an end cut off.
std::string mutated(std::string bytes, std::mt19937_64& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1)); };
    // Most of a file are elements, which damage as they may; what HDF5 reads lies before and among them.
    const auto place = [&] { return below(below(2) ? bytes.size() : std::min<std::size_t>(bytes.size(), 4096)); };
    for (std::size_t change = 0, count = 1 + below(8); change < count; ++change) {
        const std::size_t at = place();
        switch (below(5)) {
            case 0:
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
                break;
            case 1:
                bytes[at] = below(2) ? '\0' : '\xff';
                break;
            case 2:
                for (std::size_t i = at; i < std::min(at + 4, bytes.size()); ++i)
                    bytes[i] = static_cast<char>(random());
                break;
            case 3: {
                const std::size_t from = place(),
                                  length = std::min({below(64), bytes.size() - from, bytes.size() - at});
                bytes.replace(at, length, bytes.substr(from, length));
                break;
            }
            default:
                if (below(8) == 0) bytes.resize(std::max<std::size_t>(at, 9));
        }
    }
    return bytes;
}

}  // namespace

// The long form is in README.md.
TEST_CASE("a damaged .h5 is read or refused in one line, whatever HDF5's library does on it") {
    if (!has_hdf5()) return;
    const char* const given = std::getenv("CAMBER_MUTATIONS");
    const int count = given ? std::atoi(given) : 100;
    const TemporaryFolder folder;
    std::vector<std::string> originals;
    for (const char* name : {"keras1.h5", "keras2.h5", "keras_model.h5", "keras3.weights.h5", "compressed.h5",
                             "links.h5", "plain_unet.weights.h5", "plain_unet_gzip.h5", "plain_unet.keras"}) {
        originals.push_back(read_text(weight_fixture(name)));
    }
    int read = 0, refused = 0, died = 0;
    for (int i = 0; i < count; ++i) {
        CAPTURE(i);
        std::mt19937_64 random(static_cast<std::uint64_t>(i));
        const std::string path = (folder / "a.h5").string();
        write_text(path, mutated(originals[static_cast<std::size_t>(i) % originals.size()], random));
        const auto start = std::chrono::steady_clock::now();
        const std::string message = error_of([&] {
            const auto file = WeightFile::open(path);
            for (const WeightEntry& entry : file->entries()) {
                if (entry.numel() < 1 << 24) file->read(entry.name);
            }
        });
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        ++(message.empty() ? read : refused);
        died += message.find("HDF5's library fails") != std::string::npos;
        CHECK((message.empty() || message.starts_with(path) ||
               message.find("not a file of weights") != std::string::npos));
        CHECK(message.find('\n') == std::string::npos);
        CHECK(seconds.count() < 90);
    }
    MESSAGE(count << " damaged files: " << read << " read, " << refused << " refused, on " << died
                  << " of which the library failed");
}
