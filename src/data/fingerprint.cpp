#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/parallel_for.h"
#include "data/fnv1a.h"
#include "io/input_file.h"

namespace camber {
namespace {

constexpr std::uint64_t most_label_bytes = std::uint64_t{1} << 30;

std::uint64_t hash_of(const SamplePaths& sample) {
    Fnv1a hash;
    const std::string name = sample.image.stem().string();
    hash.add(name.c_str(), name.size() + 1);
    const std::uint64_t size = InputFile(sample.image).size();
    hash.add(&size, sizeof size);
    if (sample.label.empty()) return hash.value();
    const std::string label = read_file(sample.label, most_label_bytes);
    hash.add(label.data(), label.size());
    return hash.value();
}

}  // namespace

std::string DataFolder::fingerprint(const std::string& split) const {
    const std::vector<SamplePaths> frames = samples(split);
    std::vector<std::uint64_t> hashes(frames.size());
    parallel_for(frames.size(), 0, [&](std::size_t i) { hashes[i] = hash_of(frames[i]); });
    std::sort(hashes.begin(), hashes.end());
    Fnv1a hash;
    hash.add(hashes.data(), hashes.size() * sizeof hashes[0]);
    return fmt::format("{:016x}", hash.value());
}

}  // namespace camber
