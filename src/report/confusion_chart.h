#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "report/markup.h"

namespace camber::report {

/// A confusion matrix [C, C], rows truth, as shares of each row; rows without pixels are empty. Of more than 40 classes
/// the 40 with most pixels in the truth are shown, and it says so.
Markup confusion_chart(const std::vector<std::vector<std::int64_t>>& counts, const std::vector<std::string>& names);

/// What is most often taken for something else: the largest shares beside the diagonal, at most `most`.
Markup confusions_list(const std::vector<std::vector<std::int64_t>>& counts, const std::vector<std::string>& names,
                       std::size_t most = 8);

}  // namespace camber::report
