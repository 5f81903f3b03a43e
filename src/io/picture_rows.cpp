#include <camber/error.h>
#include <camber/picture_rows.h>

#include <algorithm>
#include <utility>

#include "io/decoders.h"
#include "io/image.h"
#include "io/picture_file.h"

namespace camber {
namespace {

/// Rows in other channels than a decoder gives them.
class ConvertedRows : public PictureRows {
  public:
    ConvertedRows(std::unique_ptr<PictureRows> rows, int channels)
        : PictureRows(rows->height(), rows->width(), channels), rows_(std::move(rows)) {}
    void read(int count, std::uint8_t* to) override {
        Image stored(count, width(), rows_->channels());
        rows_->read(count, stored.data.data());
        const Image converted = with_channels(stored, channels());
        std::copy(converted.data.begin(), converted.data.end(), to);
    }

  private:
    std::unique_ptr<PictureRows> rows_;
};

/// Those of a PNG; what is wrong with the file is said by what reads it whole.
class CheckedPngRows : public PictureRows {
  public:
    CheckedPngRows(std::unique_ptr<PictureRows> rows, std::filesystem::path file)
        : PictureRows(rows->height(), rows->width(), rows->channels()),
          rows_(std::move(rows)),
          file_(std::move(file)) {}
    void read(int count, std::uint8_t* to) override {
        try {
            rows_->read(count, to);
        } catch (const Error&) {
            read_picture_file(file_);
            throw;
        }
    }

  private:
    std::unique_ptr<PictureRows> rows_;
    std::filesystem::path file_;
};

/// Null where the rows come no sooner than the picture.
std::unique_ptr<PictureRows> decoded_rows(const std::filesystem::path& file, int channels) {
    switch (picture_format(file)) {
        case PictureFormat::png:
            try {
                auto rows = png_rows(file, channels == 4 ? 4 : 3);
                return rows ? std::make_unique<CheckedPngRows>(std::move(rows), file) : nullptr;
            } catch (const Error&) {
                read_picture_file(file);
                throw;
            }
        case PictureFormat::jpeg: {
            PictureFile read = read_picture_file(file);
            return jpeg_rows(read.name, std::move(read.bytes), read.header, 1);
        }
        case PictureFormat::unknown:
            break;
    }
    return nullptr;
}

}  // namespace

ImageRows::ImageRows(Image image)
    : PictureRows(image.height, image.width, image.channels), own_(std::move(image)), image_(&own_) {}

ImageRows::ImageRows(const Image* image) : PictureRows(image->height, image->width, image->channels), image_(image) {}

void ImageRows::read(int count, std::uint8_t* rows) {
    std::copy_n(image_->at(next_, 0), std::ptrdiff_t{count} * width() * channels(), rows);
    next_ += count;
}

Image read_all(PictureRows& picture) {
    Image image(picture.height(), picture.width(), picture.channels());
    picture.read(image.height, image.data.data());
    return image;
}

std::unique_ptr<PictureRows> open_picture_rows(const std::filesystem::path& file, int channels, bool as_stored) {
    if (as_stored || read_picture_size(file).orientation == 1) {
        if (auto rows = decoded_rows(file, channels)) {
            if (rows->channels() == channels) return rows;
            return std::make_unique<ConvertedRows>(std::move(rows), channels);
        }
    }
    return std::make_unique<ImageRows>(read_image(file, channels, 1, as_stored));
}

}  // namespace camber
