#pragma once
#include <camber/image.h>

#include <filesystem>
#include <string>

namespace camber {

/// A folder that appears whole or not at all: written beside its place, synced and renamed at the end.
class NewFolder {
  public:
    /// Throws UsageError for an empty name, Error when `folder` exists and is not an empty one, or cannot be made.
    explicit NewFolder(const std::filesystem::path& folder);
    /// Removes what is unfinished.
    ~NewFolder();
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;

    /// Names are relative to the folder, those above them are made. Throw Error naming the file and the reason; threads
    /// may call at once. Plain writes: the folder as a whole is synced at the end, which takes less time.
    void write(const std::filesystem::path& name, const std::string& text);
    void write_png(const std::filesystem::path& name, const Image& image);
    void copy(const std::filesystem::path& name, const std::filesystem::path& from);
    /// Puts the folder in its place. Call once, last.
    void commit();

  private:
    std::filesystem::path file(const std::filesystem::path& name);

    std::filesystem::path target_, work_;
};

}  // namespace camber
