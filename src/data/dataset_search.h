#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace camber {

class Layout;

/// A folder whose layout is known, and by what.
struct Recognised {
    const Layout* layout = nullptr;
    std::filesystem::path folder;
    std::string why;
};

/// The dataset of the least depth at or below `folder`, as an archive was unpacked, beside whatever else: of the layout
/// `wanted`, or of any where that is empty. Empty where there is none a few deep. Throws Error where there are several.
std::optional<Recognised> search_dataset(const std::filesystem::path& folder, const std::string& wanted = {});

/// The same; throws Error, with what is there instead, where there is none.
Recognised find_dataset(const std::filesystem::path& folder, const std::string& wanted);

}  // namespace camber
