#pragma once
#include <camber/image.h>

#include <cstdint>
#include <filesystem>
#include <memory>

namespace camber {

/// A u8 picture whose rows are read one after the other, from the top: of a file that is larger than what memory should
/// hold, say.
class PictureRows {
  public:
    virtual ~PictureRows() = default;
    PictureRows(const PictureRows&) = delete;
    PictureRows& operator=(const PictureRows&) = delete;

    int height() const { return height_; }
    int width() const { return width_; }
    int channels() const { return channels_; }  ///< as Image::channels

    /// The next `count` rows, [count, width, channels], of which there have to be so many. With the last ones a file is
    /// read to its end: Error where it turns out to be cut short or damaged.
    virtual void read(int count, std::uint8_t* rows) = 0;
    /// All of the picture where it is in memory, else null.
    virtual const Image* image() const { return nullptr; }

  protected:
    PictureRows(int height, int width, int channels) : height_(height), width_(width), channels_(channels) {}

  private:
    int height_, width_, channels_;
};

/// Those of a picture in memory.
class ImageRows : public PictureRows {
  public:
    explicit ImageRows(Image image);
    /// Of one that outlives it.
    explicit ImageRows(const Image* image);
    void read(int count, std::uint8_t* rows) override;
    const Image* image() const override { return image_; }

  private:
    Image own_;
    const Image* image_;
    int next_ = 0;
};

/// All rows of a picture of which none was read.
Image read_all(PictureRows& picture);

/// The rows of a PNG or JPEG as read_image() gives them. They are decoded as they are read where memory is spared by
/// that: not of an interlaced PNG or a picture that its Exif turns, whose first row needs the last one, and not in a
/// build without libpng or libjpeg-turbo. `as_stored`: not turned. Throws Error as read_image().
std::unique_ptr<PictureRows> open_picture_rows(const std::filesystem::path& file, int channels, bool as_stored = false);

}  // namespace camber
