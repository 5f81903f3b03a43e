#include "small_dataset.h"

#include <fmt/format.h>
#include <fstream>
#include <iterator>

#include "support/files.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace camber::testing {

namespace fs = std::filesystem;

Image patterned_image(int height, int width, int salt) {
    Image image(height, width, 3);
    unsigned state = 12345u + static_cast<unsigned>(salt) * 7919u;
    for (auto& value : image.data) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<std::uint8_t>(state >> 24);
    }
    return image;
}

Image patterned_label(int height, int width, int salt) {
    Image label(height, width, 1);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) *label.at(y, x) = static_cast<std::uint8_t>((y / 2 * 5 + x / 3 + salt) % 12);
    }
    return label;
}

Dataset patterned_dataset(int count, int height, int width) {
    std::vector<Image> images, labels;
    for (int i = 0; i < count; ++i) {
        images.push_back(patterned_image(height, width, i));
        labels.push_back(patterned_label(height, width, i));
    }
    return Dataset::from_samples(std::move(images), std::move(labels), camvid11());
}

std::vector<unsigned char> encode_jpeg(const Image& image) {
    std::vector<unsigned char> bytes;
    const auto append = [](void* context, void* data, int size) {
        auto* begin = static_cast<unsigned char*>(data);
        auto* out = static_cast<std::vector<unsigned char>*>(context);
        out->insert(out->end(), begin, begin + size);
    };
    stbi_write_jpg_to_func(append, &bytes, image.width, image.height, image.channels, image.data.data(), 90);
    return bytes;
}

std::vector<unsigned char> read_bytes(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const fs::path& file, const std::vector<unsigned char>& bytes) {
    std::ofstream stream(file, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void write_small_dataset(const fs::path& folder, int count, int height, int width) {
    for (const std::string split : {"train", "val"}) {
        fs::create_directories(folder / split);
        fs::create_directories(folder / (split + "annot"));
        std::string list;
        for (int i = 0; i < count; ++i) {
            const std::string file = fmt::format("{:03}.png", i);
            write_png(folder / split / file, patterned_image(height, width, i));
            write_png(folder / (split + "annot") / file, patterned_label(height, width, i));
            list += fmt::format("{0}/{1} {0}annot/{1}\n", split, file);
        }
        write_text(folder / (split + ".txt"), list);
    }
}

}  // namespace camber::testing
