#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/atomic_file.h"

namespace camber::cli {

/// A table of pictures and what share of each its classes have, as CSV (RFC 4180). It appears when it is whole.
class SharesFile {
  public:
    explicit SharesFile(const std::filesystem::path& file) : file_(file) {}
    void add(const std::string& picture, const std::vector<double>& shares, const std::vector<std::string>& classes);
    void commit() { file_.commit(); }

  private:
    AtomicFile file_;
    bool has_header_ = false;
};

}  // namespace camber::cli
