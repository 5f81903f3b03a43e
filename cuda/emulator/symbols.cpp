#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <vector>

#include "cuda/emulator/counts.h"

/// Names of functions that no dynamic linker knows, from the program's own file.
namespace camber::emulator {
namespace {

template <class T>
std::vector<T> read_items(std::ifstream& file, std::uint64_t offset, std::uint64_t count) {
    std::vector<T> items(count);
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(items.data()), static_cast<std::streamsize>(count * sizeof(T)));
    if (!file) items.clear();
    return items;
}

/// Mangled names of the program's functions by their address in its file's terms.
std::map<std::uint64_t, std::string> read_functions() {
    std::map<std::uint64_t, std::string> functions;
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const auto header = read_items<Elf64_Ehdr>(file, 0, 1);
    if (header.empty()) return functions;
    const auto sections = read_items<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum);
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
        const Elf64_Shdr& strings = sections[section.sh_link];
        const auto names = read_items<char>(file, strings.sh_offset, strings.sh_size);
        for (const Elf64_Sym& symbol :
             read_items<Elf64_Sym>(file, section.sh_offset, section.sh_size / sizeof(Elf64_Sym)))
            if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_name < names.size())
                functions.emplace(symbol.st_value, names.data() + symbol.st_name);
    }
    return functions;
}

/// Where the program lies: what is added to its file's addresses.
std::uint64_t load_address() {
    std::uint64_t address = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* program, std::size_t, void* result) {
            *static_cast<std::uint64_t*>(result) = program->dlpi_addr;
            return 1;  // the program is the first
        },
        &address);
    return address;
}

std::string demangled(const std::string& mangled) {
    const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr),
                                                      std::free);
    return text ? text.get() : mangled;
}

/// As tools/kernel_resources.py shortens it.
std::string shortened(std::string name) {
    name = std::regex_replace(name, std::regex(R"(camber::|emulated::|\(anonymous namespace\)::)"), "");
    name = std::regex_replace(name, std::regex(R"(^void )"), "");
    name = std::regex_replace(name, std::regex(R"(\((int|bool|long|unsigned int)\))"), "");
    int depth = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '(' && depth == 0) return name.substr(0, i);
        depth += (name[i] == '<') - (name[i] == '>');
    }
    return name;
}

}  // namespace

std::string kernel_name(const void* code) {
    static const std::map<std::uint64_t, std::string> functions = read_functions();
    const auto found = functions.find(reinterpret_cast<std::uint64_t>(code) - load_address());
    return found == functions.end() ? std::string() : shortened(demangled(found->second));
}

}  // namespace camber::emulator
