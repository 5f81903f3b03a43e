#pragma once
#include <nlohmann/json.hpp>

#include <cstdint>
#include <ostream>
#include <string>

namespace camber::cli {

struct SummaryOptions {
    std::string net = "unet";
    nlohmann::json net_options = nlohmann::json::object();  ///< for nets::make_net
    int height = 256, width = 256;
    int batch = 1;                 ///< of the memory that is shown
    std::string format = "keras";  ///< keras, markdown or json
    std::string audit = {};        ///< a published table (TSV) to compare with instead of printing ours; empty: none
};

/// `camber summary`: writes the layer table and the memory that the network takes (memory_plan.h), or its audit, and
/// returns the exit code, 0. Throws UsageError for an unknown network, option or format and for a size the network does
/// not take, Error for a table it cannot read.
int run_summary(const SummaryOptions& options, std::ostream& out);

}  // namespace camber::cli
