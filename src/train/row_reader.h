#pragma once
#include <camber/picture_rows.h>

#include <deque>
#include <vector>

#include "io/row_resizer.h"

namespace camber {

/// A picture's rows by number, each for as long as it is wanted.
class RowReader {
  public:
    virtual ~RowReader() = default;
    RowReader(const RowReader&) = delete;
    RowReader& operator=(const RowReader&) = delete;

    int height() const { return height_; }
    int width() const { return width_; }
    int channels() const { return channels_; }

    /// Row `y`, which was not released; it stays where it is until it is.
    virtual const std::uint8_t* row(int y) = 0;
    /// Rows before `y` are not asked for any more.
    virtual void release(int y) = 0;

  protected:
    RowReader(int height, int width, int channels) : height_(height), width_(width), channels_(channels) {}

  private:
    int height_, width_, channels_;
};

/// A picture that several readers go through, each at its own pace: in memory are the rows between the first that one
/// of them still wants and the last that one has asked for.
class SharedRows {
  public:
    /// In `channels`, as with_channels() makes them. The picture must outlive it.
    SharedRows(PictureRows& picture, int channels) : picture_(picture), channels_(channels) {}

    int height() const { return picture_.height(); }
    int width() const { return picture_.width(); }
    int channels() const { return channels_; }

    /// Another reader's number.
    std::size_t add_reader();
    const std::uint8_t* row(int y);
    void release(std::size_t reader, int y);

  private:
    PictureRows& picture_;
    int channels_;
    std::deque<std::vector<std::uint8_t>> rows_;  ///< from first_ on
    int first_ = 0;
    std::vector<int> wanted_;  ///< of each reader, the first row
};

/// A reader of the rows as they are.
class PlainReader : public RowReader {
  public:
    explicit PlainReader(SharedRows& rows);
    const std::uint8_t* row(int y) override { return rows_.row(y); }
    void release(int y) override { rows_.release(number_, y); }

  private:
    SharedRows& rows_;
    std::size_t number_;
};

/// A reader of the picture at another size, as resize_area() makes it.
class ResizedReader : public RowReader {
  public:
    ResizedReader(SharedRows& rows, int height, int width);
    const std::uint8_t* row(int y) override;
    void release(int y) override;

  private:
    SharedRows& shared_;
    std::size_t number_;
    RowResizer resizer_;
    std::deque<std::vector<std::uint8_t>> rows_;  ///< from first_ on
    int first_ = 0;
};

}  // namespace camber
