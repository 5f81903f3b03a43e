#pragma once
#include <camber/weights.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/checked_member.h"
#include "io/input_file.h"

namespace camber {

/// The product, or nothing when it does not fit 63 bits.
std::optional<std::uint64_t> product_of_sizes(std::uint64_t a, std::uint64_t b);

/// A file of PyTorch's tensors: each an offset, a shape and strides over a storage, which several may share.
class StridedFile : public WeightFile {
  public:
    StridedFile(const std::filesystem::path& path, InputFile file)
        : WeightFile(path, WeightFormat::torch), file_(std::move(file)) {}

    void read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const override;
    void check_rest() const override;

    const InputFile& input() const { return file_; }
    /// What compares the bytes of a member of the file with their checksum.
    CheckedMember* checked(const std::string& name, const ZipMember& member);

  protected:
    /// Elements that lie one behind the other in the file.
    struct Elements {
        ElementType type = ElementType::f32;
        std::uint64_t position = 0;  ///< in the file, of element 0
        std::size_t bytes = 0;       ///< of an element
        std::uint64_t count = 0;
        CheckedMember* member = nullptr;
    };
    /// The next entry of set_entries(). Throws Error where its elements are not all in the storage.
    WeightEntry place(const std::string& name, const Elements& storage, std::uint64_t offset,
                      const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides);
    /// The same of one that cannot be read.
    WeightEntry without_elements(const std::string& name, std::string problem);

  private:
    /// Where a tensor's elements are.
    struct Placement {
        ElementType type = ElementType::unreadable;
        std::uint64_t position = 0;         ///< in the file, of the element at index 0, 0, ...
        std::vector<std::int64_t> strides;  ///< in elements
        bool contiguous = true;
        CheckedMember* member = nullptr;
    };
    void gather(const WeightEntry& entry, const Placement& placement, std::int64_t first, std::int64_t rows,
                float* to) const;

    InputFile file_;
    std::vector<Placement> placements_;
    std::vector<std::unique_ptr<CheckedMember>> members_;
};

}  // namespace camber
