#include "inference/network.h"

#include <algorithm>
#include <utility>

namespace camber::inference {
namespace {

/// Shapes whose activations and order of steps are kept. Tiles of one picture are of one shape, whole pictures of many.
constexpr std::size_t most_programs = 2;

}  // namespace

void Network::clear() {
    made_.clear();
    kept_.clear();
    seen_.clear();
}

bool Network::give_up(const std::string& why) {
    clear();
    return std::exchange(given_up_, why).empty();
}

void Network::look(nn::Module& net) {
    const bool same = std::all_of(seen_.begin(), seen_.end(), [](const Seen& seen) {
        return seen.parameter->raw() == seen.at && seen.parameter->storage().version() == seen.version;
    });
    if (same && !seen_.empty()) return;
    clear();
    for (const std::vector<nn::NamedParameter>& list : {net.named_parameters(), net.named_buffers()})
        for (const nn::NamedParameter& named : list) {
            const Tensor& tensor = named.parameter->tensor;
            seen_.push_back({&tensor, tensor.raw(), tensor.storage().version()});
        }
}

Network::Made& Network::made(nn::Module& net, const Tensor& x) {
    const auto found = std::find_if(made_.begin(), made_.end(), [&](const Made& made) {
        return made.shape == x.shape() && made.dtype == x.dtype();
    });
    if (found != made_.end()) {
        made_.splice(made_.begin(), made_, found);
        return made_.front();
    }
    while (made_.size() >= most_programs) made_.pop_back();
    Made& made = made_.emplace_front(Made{x.shape(), x.dtype()});
    try {
        made.program = std::make_unique<Program>(net, x.shape(), x.dtype(), x.device(), kept_);
    } catch (const std::exception& error) {  // of memory too: the layers take less
        made.why_not = error.what();
        kept_.clear();
    }
    return made;
}

/// On a GPU the launches of a network's layers take the host longer than a small picture takes the device.
Tensor Network::run(Made& made, const Tensor& x) {
    if (is_host(x.device())) return made.program->run(x);
    if (!made.input) made.input = Tensor::empty(x.shape(), x.dtype(), x.device());
    made.input.copy_from(x);
    made.recording.run(
        backend(x.device()), [&made] { made.output = made.program->run(made.input); }, made.why_not_recorded);
    return made.output.clone();
}

Tensor Network::forward(nn::Module& net, const Tensor& x) {
    if (!given_up_.empty()) {
        why_not_ = given_up_;
        return net.forward(x);
    }
    look(net);
    Made& entry = made(net, x);
    why_not_ = entry.why_not;
    if (!entry.program) return net.forward(x);
    try {
        return run(entry, x);
    } catch (const OutOfMemory& error) {
        entry.why_not = error.what();
    } catch (const std::bad_alloc& error) {
        entry.why_not = error.what();
    }
    why_not_ = entry.why_not;
    entry = Made{x.shape(), x.dtype(), nullptr, entry.why_not};
    kept_.clear();
    return net.forward(x);
}

}  // namespace camber::inference
