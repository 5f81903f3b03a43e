#include "cli/kept_rows.h"

#include <algorithm>
#include <utility>

#include "core/thread.h"

namespace camber::cli {
namespace {

constexpr int rows_at_once = 64;

std::size_t row_bytes(const PictureRows& rows) {
    return static_cast<std::size_t>(rows.width()) * static_cast<std::size_t>(rows.channels());
}

}  // namespace

RowsAhead::RowsAhead(std::unique_ptr<PictureRows> rows)
    : PictureRows(rows->height(), rows->width(), rows->channels()), rows_(std::move(rows)) {
    begin();
}

RowsAhead::~RowsAhead() {
    if (next_.valid()) next_.wait();
}

void RowsAhead::begin() {
    const int count = std::min(rows_at_once, height() - asked_);
    if (count == 0) return;
    asked_ += count;
    next_ = in_thread([this, count] {
        std::vector<std::uint8_t> block(static_cast<std::size_t>(count) * row_bytes(*this));
        rows_->read(count, block.data());
        return block;
    });
}

void RowsAhead::read(int count, std::uint8_t* rows) {
    const std::size_t bytes = row_bytes(*this);
    for (int row = 0; row < count; ++row) {
        if (given_ == block_.size()) {
            block_ = next_.get();
            given_ = 0;
            begin();
        }
        std::copy_n(block_.data() + given_, bytes, rows + static_cast<std::size_t>(row) * bytes);
        given_ += bytes;
    }
}

KeptRows::KeptRows(std::unique_ptr<PictureRows> rows, bool keeps)
    : PictureRows(rows->height(), rows->width(), rows->channels()),
      rows_(std::move(rows)),
      keeps_(keeps && !rows_->image()) {}

void KeptRows::read(int count, std::uint8_t* rows) {
    rows_->read(count, rows);
    if (!keeps_) return;
    const std::size_t bytes = row_bytes(*this);
    for (int row = 0; row < count; ++row, rows += bytes) kept_.emplace_back(rows, rows + bytes);
}

Image KeptRows::take(int count) {
    Image result(count, width(), channels());
    for (int row = 0; row < count; ++row, ++taken_) {
        if (const Image* const all = rows_->image()) {
            std::copy_n(all->at(taken_, 0), row_bytes(*this), result.at(row, 0));
            continue;
        }
        std::copy(kept_.front().begin(), kept_.front().end(), result.at(row, 0));
        kept_.pop_front();
    }
    return result;
}

}  // namespace camber::cli
