#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace camber::cli {

/// A table of pictures and what share of each its classes have: CSV (RFC 4180), or JSON Lines where the name ends in
/// .jsonl. It grows by a whole line as each picture is done, so that after a kill it holds what was done until then.
/// Held against other processes once there is a line.
class SharesFile {
  public:
    /// Begun anew with the first line, or, where it `goes_on`, continued. Throws UsageError for another ending, and
    /// for one to be continued that is not of these classes.
    SharesFile(std::filesystem::path file, std::vector<std::string> classes, bool goes_on);
    ~SharesFile();
    SharesFile(const SharesFile&) = delete;
    SharesFile& operator=(const SharesFile&) = delete;

    /// Whether one that goes on has the picture's line.
    bool has(const std::string& picture) const { return pictures_.contains(picture); }
    /// Throws Error where it cannot be written, after taking back what was of the line.
    void add(const std::string& picture, const std::vector<double>& shares);

  private:
    void read();
    void open();
    std::string header() const;
    std::string line(const std::string& picture, const std::vector<double>& shares) const;

    std::filesystem::path file_;
    std::vector<std::string> classes_;
    bool json_;
    std::uint64_t whole_ = 0;  ///< bytes of whole lines that are continued
    std::set<std::string> pictures_;
    int descriptor_ = -1;
};

}  // namespace camber::cli
