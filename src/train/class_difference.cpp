#include "train/class_difference.h"

#include <fmt/format.h>

#include <algorithm>

namespace camber {

std::string described(const ClassTable& classes) {
    const std::string count = fmt::format("{} class{}", classes.count(), classes.count() == 1 ? "" : "es");
    const bool numbered = classes.name.empty() || classes.name == numbered_classes(classes.count()).name;
    return numbered ? count : fmt::format("{} ({})", count, classes.name);
}

std::string class_difference(const ClassTable& data, const ClassTable& network) {
    const int shared = std::min(data.count(), network.count());
    for (int id = 0; id < shared; ++id) {
        if (data.name_of(id) != network.name_of(id))
            return fmt::format("class {} is '{}' in the data, '{}' in the network", id, data.name_of(id),
                               network.name_of(id));
    }
    if (data.count() == network.count()) return {};
    const bool more = data.count() > network.count();
    return fmt::format("class {}, '{}', is in the {} alone", shared, (more ? data : network).name_of(shared),
                       more ? "data" : "network");
}

}  // namespace camber
