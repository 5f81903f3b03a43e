#include "io/strided_file.h"

#include <camber/error.h>

#include <algorithm>

#include "io/elements.h"
#include "io/printable.h"

namespace camber {

std::optional<std::uint64_t> product_of_sizes(std::uint64_t a, std::uint64_t b) {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result) || result >> 63) return std::nullopt;
    return result;
}

void StridedFile::read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const {
    if (rows == 0 || entry.numel() == 0) return;
    if (entry.type == ElementType::unreadable) {
        fail("{}: tensor '{}' {}", file_.name(), printable(entry.name),
             entry.problem.empty() ? "is complex or quantised, which cannot be read: save it as float32"
                                   : entry.problem);
    }
    const Placement& placement = placements_[index_of(entry)];
    const std::int64_t row = entry.numel() / entry.rows();
    const std::size_t size = size_of(placement.type), count = static_cast<std::size_t>(rows * row);
    if (placement.contiguous) {
        const std::uint64_t at = placement.position + static_cast<std::uint64_t>(first * row) * size;
        if (placement.member) return placement.member->read_floats(file_, placement.type, at, to, count);
        return file_.read_floats(placement.type, at, to, count);
    }
    if (placement.member) placement.member->use();
    gather(entry, placement, first, rows, to);
}

void StridedFile::check_rest() const {
    for (const auto& member : members_) member->check_rest(file_);
}

CheckedMember* StridedFile::checked(const std::string& name, const ZipMember& member) {
    return members_.emplace_back(std::make_unique<CheckedMember>(name, member, member.begin)).get();
}

WeightEntry StridedFile::without_elements(const std::string& name, std::string problem) {
    placements_.emplace_back();
    WeightEntry entry{name, {}, ElementType::unreadable};
    entry.problem = std::move(problem);
    return entry;
}

WeightEntry StridedFile::place(const std::string& name, const Elements& storage, std::uint64_t offset,
                               const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
    const auto wrong = [&](const std::string& what) {
        fail("{}: tensor '{}' {}", file_.name(), printable(name), what);
    };
    WeightEntry entry{name, shape, storage.type};
    if (strides.size() != entry.shape.size()) wrong("has not as many strides as dimensions");

    std::uint64_t numel = 1, last = 0, expected = 1;
    bool contiguous = true, overflow = false;
    for (std::size_t axis = strides.size(); axis-- > 0;) {
        if (entry.shape[axis] < 0 || strides[axis] < 0) wrong("has a negative size or stride");
        const auto extent = static_cast<std::uint64_t>(entry.shape[axis]),
                   stride = static_cast<std::uint64_t>(strides[axis]);
        if (extent > 1) {
            contiguous = contiguous && stride == expected;
            const auto reach = product_of_sizes(extent - 1, stride);
            overflow = overflow || !reach || __builtin_add_overflow(last, *reach, &last);
        }
        const auto more = product_of_sizes(numel, extent);
        overflow = overflow || !more;
        if (overflow) break;
        numel = *more;
        expected = numel;
    }
    // Where one extent is 0 there is no element; the others may then be anything that fits.
    const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end();
    if (overflow) wrong("has a shape larger than any file");
    if (!empty && (offset > storage.count || last >= storage.count - offset)) {
        wrong(fmt::format("points outside its storage: it reaches element {}, the storage has {}",
                          offset > storage.count ? offset : offset + last, storage.count));
    }
    if (!empty && numel > storage.count) {  // no trouble unless it is wanted
        entry.type = ElementType::unreadable;
        entry.shape.clear();
        entry.problem =
            fmt::format("has {} elements over a storage of {}: an expanded tensor; save its contiguous() form", numel,
                        storage.count);
    }
    entry.by_rows = contiguous;
    placements_.push_back(
        {storage.type, storage.position + (empty ? 0 : offset) * storage.bytes, strides, contiguous, storage.member});
    return entry;
}

/// Rows of a tensor whose elements do not lie one behind the other: the piece of the storage that they span is read at
/// once. It is part of the file, and no larger than the storage.
void StridedFile::gather(const WeightEntry& entry, const Placement& placement, std::int64_t first, std::int64_t rows,
                         float* to) const {
    std::vector<std::int64_t> shape = entry.shape;
    shape[0] = rows;
    std::uint64_t last = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        last += static_cast<std::uint64_t>(shape[axis] - 1) * static_cast<std::uint64_t>(placement.strides[axis]);
    }
    const std::size_t size = size_of(placement.type);
    std::vector<char> span((last + 1) * size);
    file_.read(placement.position + static_cast<std::uint64_t>(first * placement.strides[0]) * size, span.data(),
               span.size());
    std::vector<std::int64_t> at(shape.size(), 0);
    const std::size_t inner = shape.size() - 1;
    for (std::size_t done = 0;;) {
        std::int64_t element = 0;
        for (std::size_t axis = 0; axis < inner; ++axis) element += at[axis] * placement.strides[axis];
        for (std::int64_t i = 0; i < shape[inner]; ++i, ++done) {
            const char* from = span.data() + static_cast<std::size_t>(element + i * placement.strides[inner]) * size;
            elements_to_float(placement.type, from, to + done, 1);
        }
        std::size_t axis = inner;
        while (axis > 0 && ++at[axis - 1] == shape[axis - 1]) at[--axis] = 0;
        if (axis == 0) return;
    }
}

}  // namespace camber
