#pragma once
#include <camber/dataset.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber::testing {

/// An RGB picture whose every pixel differs from its neighbours, the same for the same salt.
Image patterned_image(int height, int width, int salt = 0);
/// Ids 0..11, in blocks of 2 x 3 pixels.
Image patterned_label(int height, int width, int salt = 0);
/// `count` pairs in memory.
Dataset patterned_dataset(int count, int height, int width);

std::vector<unsigned char> encode_jpeg(const Image& image);
std::vector<unsigned char> read_bytes(const std::filesystem::path& file);
void write_bytes(const std::filesystem::path& file, const std::vector<unsigned char>& bytes);

/// train/ and val/ of `count` pairs each, lists with relative names.
void write_small_dataset(const std::filesystem::path& folder, int count, int height = 12, int width = 16);

}  // namespace camber::testing
