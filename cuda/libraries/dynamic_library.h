#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// NVIDIA's libraries, loaded at run time so that the command starts where there are none.
namespace camber::libraries {

/// A library and where to look for it.
struct Description {
    std::string title;                          ///< "cuDNN"
    std::vector<std::string> files;             ///< names of the file, the preferred one first
    std::string variable;                       ///< environment variable that names the library or its folder
    std::vector<std::string> folder_variables;  ///< those that name the folder of an installation
};

/// Files to try, in order: what `variable` names and nothing else, or the dynamic loader's own folders, the active
/// Python environment, CUDA's folders and the machine's Python packages.
std::vector<std::string> candidates(const Description& library);

/// The path of the first of `files` that loads and that `use` (given dlopen's handle and the path) does not refuse by
/// an Error. Throws Error with one line that says what was found instead.
std::string load_first(const Description& library, const std::vector<std::string>& files,
                       const std::function<void(void*, const std::string&)>& use);

/// Points `function` at the entry `name` of a library loaded from `path`; throws Error where there is none.
template <class Function>
void find_entry(const Description& library, void* handle, const std::string& path, const char* name,
                Function& function);

/// "9.19.0" for 91900, as cuDNN and cuBLAS number their versions.
std::string version_text(std::size_t version);
/// Throws Error where `version` is less than `oldest`.
void check_version(const Description& library, const std::string& path, std::size_t version, std::size_t oldest);

void* entry(const Description& library, void* handle, const std::string& path, const char* name);
template <class Function>
void find_entry(const Description& library, void* handle, const std::string& path, const char* name,
                Function& function) {
    function = reinterpret_cast<Function>(entry(library, handle, path, name));
}

}  // namespace camber::libraries
