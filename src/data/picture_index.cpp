#include "data/picture_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace camber {

namespace fs = std::filesystem;

std::string ending(const fs::path& file) {
    std::string extension = file.extension().string();
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return extension;
}

bool is_picture(const fs::path& file) {
    if (file.filename().string().starts_with('.')) return false;
    const std::string extension = ending(file);
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".jfif";
}

bool is_other_picture(const fs::path& file) {
    static const std::set<std::string> endings = {".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif", ".ppm"};
    return !file.filename().string().starts_with('.') && endings.contains(ending(file));
}

std::map<std::string, std::size_t> other_pictures_in(const fs::path& folder) {
    std::map<std::string, std::size_t> endings;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        if (is_other_picture(entry->path())) ++endings[ending(entry->path())];
    return endings;
}

std::string not_read(const std::map<std::string, std::size_t>& endings) {
    std::string text;
    for (const auto& [ending, count] : endings)
        text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", count, ending, count == 1 ? "file" : "files");
    return text.empty()
               ? text
               : text + " not read: convert to PNG (magick mogrify -format png *" + endings.begin()->first + ")";
}

std::vector<fs::path> pictures_below(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(folder, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (entry->is_directory(error) && entry->path().filename().string().starts_with('.'))
            entry.disable_recursion_pending();
        if (is_picture(entry->path()) && !entry->is_directory(error)) files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
    std::vector<fs::path> folders;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        std::error_code none;
        const std::string name = entry->path().filename().string();
        if (entry->is_directory(none) && !name.starts_with('.') && name != "__MACOSX") folders.push_back(entry->path());
    }
    std::sort(folders.begin(), folders.end());
    return folders;
}

const PictureIndex::Files& PictureIndex::files_in(const fs::path& folder) {
    const auto [place, added] = folders_.try_emplace(folder);
    if (!added) return place->second;
    std::vector<fs::path> files;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        if (is_picture(entry->path())) files.push_back(entry->path());
    }
    // Of several extensions PNG is exact: the last in the alphabet.
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        place->second.emplace(file.filename().string(), file);
        place->second.insert_or_assign(file.stem().string(), file);
    }
    return place->second;
}

fs::path PictureIndex::find(const fs::path& file) {
    const Files& files = files_in(file.parent_path());
    if (const auto exact = files.find(file.filename().string()); exact != files.end()) return exact->second;
    std::error_code error;
    if (fs::is_regular_file(file, error)) return file;  // of a name that is no picture's: what reads it says so
    if (is_picture(file)) {
        const auto other = files.find(file.stem().string());
        return other == files.end() ? fs::path() : other->second;
    }
    return {};
}

PictureIndex::Found PictureIndex::locate(const fs::path& folder, const std::string& listed, const fs::path& pictures) {
    std::string text = listed;
    if (text.size() > 2 && text[1] == ':') text.erase(0, 2);  // C:/...
    fs::path path = fs::path(text).lexically_normal();        // `find .` writes ./images/x.png
    if (path.filename().empty()) return {};
    if (path.is_absolute()) {
        const fs::path here = path.lexically_relative(fs::absolute(folder).lexically_normal());
        if (!here.empty() && *here.begin() != "..") {
            path = here;  // named as what lies in `folder` is
        } else if (fs::path found = find(path); !found.empty()) {
            return {found, {}};
        }
    }
    const fs::path relative = path.relative_path();
    fs::path left_out;
    for (auto begin = relative.begin(); begin != relative.end(); ++begin) {
        fs::path end;
        for (auto part = begin; part != relative.end(); ++part) end /= *part;
        if (std::next(begin) == relative.end() && begin != relative.begin()) break;  // a name alone is in `pictures`
        if (fs::path found = find(folder / end); !found.empty()) return {found, left_out};
        left_out /= *begin;
    }
    return {find(pictures / path.filename()), relative.parent_path()};
}

}  // namespace camber
