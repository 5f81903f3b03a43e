#include "cli/summary.h"

#include <camber/nets.h>
#include <camber/summary.h>

#include <charconv>

namespace camber::cli {

void parse_size(const std::string& text, std::int64_t& height, std::int64_t& width) {
    const auto bad = [&text] { fail_usage("size '{}': give height x width in pixels, for example 256x256", text); };
    const auto extent = [&bad](const char*& at, const char* end) {
        std::int64_t value = 0;
        const auto [next, error] = std::from_chars(at, end, value);
        if (error != std::errc() || value < 1 || value > 65536) bad();
        at = next;
        return value;
    };
    const char *at = text.data(), *end = text.data() + text.size();
    height = width = extent(at, end);
    if (at != end) {
        if (*at++ != 'x') bad();
        width = extent(at, end);
        if (at != end) bad();
    }
}

int run_summary(const SummaryOptions& options, std::ostream& out) {
    const auto net = nets::make_net(options.net, options.net_options);
    const LayerTable table = layer_table(*net, options.height, options.width, net->in_channels(), options.net);
    if (!options.audit.empty()) {
        out << audit_text(audit(table, read_published_table(options.audit)));
    } else if (options.format == "keras") {
        out << keras_text(table);
    } else if (options.format == "markdown") {
        out << markdown_text(table);
    } else if (options.format == "json") {
        out << table_json(table).dump(2) << "\n";
    } else {
        fail_usage("unknown format '{}': keras, markdown or json", options.format);
    }
    return 0;
}

}  // namespace camber::cli
