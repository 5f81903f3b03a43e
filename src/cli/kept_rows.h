#pragma once
#include <camber/picture_rows.h>

#include <deque>
#include <future>
#include <vector>

namespace camber::cli {

/// Rows that are read a block ahead, by a thread.
class RowsAhead : public PictureRows {
  public:
    explicit RowsAhead(std::unique_ptr<PictureRows> rows);
    ~RowsAhead() override;
    void read(int count, std::uint8_t* rows) override;

  private:
    void begin();

    std::unique_ptr<PictureRows> rows_;
    std::vector<std::uint8_t> block_;
    std::future<std::vector<std::uint8_t>> next_;
    int asked_ = 0;          ///< rows, of the picture
    std::size_t given_ = 0;  ///< bytes, of the block
};

/// The rows of a picture as they are read, and, where they are kept, once more, later.
class KeptRows : public PictureRows {
  public:
    KeptRows(std::unique_ptr<PictureRows> rows, bool keeps);
    void read(int count, std::uint8_t* rows) override;
    const Image* image() const override { return rows_->image(); }
    /// The next `count` rows, which were read; they are kept no longer.
    Image take(int count);

  private:
    std::unique_ptr<PictureRows> rows_;
    bool keeps_;
    std::deque<std::vector<std::uint8_t>> kept_;
    int taken_ = 0;
};

}  // namespace camber::cli
