#include "train/row_reader.h"

#include <algorithm>
#include <utility>

namespace camber {

std::size_t SharedRows::add_reader() {
    wanted_.push_back(0);
    return wanted_.size() - 1;
}

const std::uint8_t* SharedRows::row(int y) {
    for (int next = first_ + static_cast<int>(rows_.size()); next <= y; ++next) {
        Image read(1, width(), picture_.channels());
        picture_.read(1, read.data.data());
        if (read.channels != channels_) read = with_channels(read, channels_);
        rows_.push_back(std::move(read.data));
    }
    return rows_[static_cast<std::size_t>(y - first_)].data();
}

void SharedRows::release(std::size_t reader, int y) {
    wanted_[reader] = std::max(wanted_[reader], y);
    const int first = *std::min_element(wanted_.begin(), wanted_.end());
    for (; first_ < first && !rows_.empty(); ++first_) rows_.pop_front();
}

PlainReader::PlainReader(SharedRows& rows)
    : RowReader(rows.height(), rows.width(), rows.channels()), rows_(rows), number_(rows.add_reader()) {}

ResizedReader::ResizedReader(SharedRows& rows, int height, int width)
    : RowReader(height, width, rows.channels()),
      shared_(rows),
      number_(rows.add_reader()),
      resizer_(rows.height(), rows.width(), rows.channels(), height, width) {}

const std::uint8_t* ResizedReader::row(int y) {
    for (int next = first_ + static_cast<int>(rows_.size()); next <= y; ++next) {
        std::vector<std::uint8_t> made(static_cast<std::size_t>(width()) * static_cast<std::size_t>(channels()));
        int used = 0;
        const auto source = [&](int from) { return shared_.row(used = from); };
        resizer_.next(source, made.data());
        shared_.release(number_, used);  // the resizer has what it still needs of those before
        rows_.push_back(std::move(made));
    }
    return rows_[static_cast<std::size_t>(y - first_)].data();
}

void ResizedReader::release(int y) {
    for (; first_ < y && !rows_.empty(); ++first_) rows_.pop_front();
}

}  // namespace camber
