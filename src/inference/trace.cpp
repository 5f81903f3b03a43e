#include "inference/trace.h"

#include <camber/autograd.h>

#include <cstring>
#include <set>
#include <tuple>
#include <type_traits>

#include "backend/augment_pixel.h"
#include "backend/meta/meta.h"

namespace camber::inference {
namespace {

/// Writes down what it is told to do.
class RecordingBackend final : public Backend {
  public:
    explicit RecordingBackend(Trace& trace) : trace_(trace) { known_.insert(&trace.input.storage()); }

    Device device() const override { return Device::meta; }
    std::string describe() const override { return "writes primitives down"; }

#define PRIMITIVE(name, parameters, arguments, ...)                                       \
    void name parameters override {                                                       \
        take(#name, std::make_tuple arguments,                                            \
             [](Backend& device, const auto&... operands) { device.name(operands...); }); \
    }
#include "backend/primitives.def"

  private:
    template <class Tuple, class Primitive>
    void take(const char* name, const Tuple& operands, const Primitive& primitive) {
        Call call{name, operands, {}, {}};
        std::apply([&](const auto&... operand) { (note(call, operand), ...); }, operands);
        // Outputs are new. What is new otherwise holds values that no primitive made.
        std::size_t unknown = 0;
        for (const Tensor& activation : call.activations) unknown += known_.insert(&activation.storage()).second;
        const bool two_outputs = std::strcmp(name, "batch_norm_inference") == 0;
        if (unknown > (two_outputs ? 2 : 1)) fail("{} reads what no primitive made", name);
        call.run = [operands, primitive](Backend& device, const Place& place) {
            std::apply([&](const auto&... operand) { primitive(device, placed(operand, place)...); }, operands);
        };
        trace_.calls.push_back(std::move(call));
    }

    void note(Call& call, const Tensor& tensor) {
        if (!tensor) return;
        (tensor.device() == Device::meta ? call.activations : trace_.parameters).push_back(tensor);
    }
    void note(Call& call, const ChannelSlice& slice) { note(call, slice.tensor); }
    template <class T>
    void note(Call&, const T&) {}

    static Tensor placed(const Tensor& tensor, const Place& place) { return place(tensor); }
    static ChannelSlice placed(const ChannelSlice& slice, const Place& place) {
        return {place(slice.tensor), slice.begin};
    }
    template <class T>
    static const T& placed(const T& operand, const Place&) {
        return operand;
    }

    Trace& trace_;
    std::set<const Storage*> known_;  ///< kept by the trace: no other takes their addresses
};

}  // namespace

Trace trace(nn::Module& net, const Shape& input, Dtype dtype) {
    const NoGrad no_grad;
    Trace result;
    result.input = Tensor::empty(input, dtype, Device::meta);
    RecordingBackend recording(result);
    const MetaScope scope(recording);
    result.output = net.forward(result.input);
    if (result.output.device() != Device::meta || result.calls.empty()) fail("the network computes nothing");
    return result;
}

}  // namespace camber::inference
