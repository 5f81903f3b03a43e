#include <camber/nets.h>
#include <fmt/format.h>
#include <omp.h>

#include "backend/backend.h"
#include "backend/device_libraries.h"
#include "cli/commands.h"

namespace camber::cli {

void add_info(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("info", "Lists devices, libraries, networks and their options");
    command->footer("Example:\n  camber info");
    command->callback([&action] {
        action = [] {
            fmt::print("camber {}\n\ndevices\n", CAMBER_VERSION);
            for (const Device device : {Device::cpu, Device::reference, Device::cuda, Device::emulated}) {
                fmt::print("  {:<10} {}\n", name(device),
                           has_backend(device) ? backend(device).describe() : why_no_backend(device));
            }
            if (const std::vector<std::string> libraries = device_libraries(Device::cuda); !libraries.empty())
                fmt::print("\nlibraries for cuda\n  {}\n", fmt::join(libraries, "\n  "));
            fmt::print("\nthreads    {} (OMP_NUM_THREADS)\n\nnetworks\n", omp_get_max_threads());
            for (const nets::NetInfo& net : nets::net_list()) {
                const auto network = net.make(nlohmann::json::object());
                fmt::print("  {:<22} {}\n    {:<14} {}\n", net.name, net.description, "(input)",
                           nets::describe(network->preprocessing()));
                if (const std::size_t stages = network->encoder_stages().size(); stages > 0)
                    fmt::print("    {:<14} {} stages for --encoder-lr\n", "(encoder)", stages);
                for (const nets::NetOption& option : net.options) {
                    fmt::print("    {:<14} {} [{}]\n", option.name, option.help,
                               option.value.is_string() ? option.value.get<std::string>() : option.value.dump());
                }
            }
            return 0;
        };
    });
}

}  // namespace camber::cli
