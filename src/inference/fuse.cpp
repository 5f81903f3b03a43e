#include "inference/fuse.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

namespace camber::inference {
namespace {

/// The operands of a call to `name`, whose types these are; null for another primitive.
template <class... Types>
const std::tuple<Types...>* operands_of(const Call& call, std::string_view name) {
    return call.name == name ? std::any_cast<std::tuple<Types...>>(&call.operands) : nullptr;
}

bool same(const Tensor& a, const Tensor& b) { return a && b && &a.storage() == &b.storage(); }

class Fuser {
  public:
    Fuser(const Trace& trace, const Backend& device) : trace_(trace), device_(device) {
        for (const Call& call : trace.calls)
            for (const Tensor& activation : call.activations) ++uses_[&activation.storage()];
        ++uses_[&trace.output.storage()];
    }

    std::vector<Step> run() {
        for (const Call& call : trace_.calls)
            if (!convolution(call) && !normalised(call) && !added(call) && !rectified(call) && !pooled(call))
                steps_.emplace_back(call);
        read_coarse();
        place_in_concatenations();
        std::vector<Step> result;
        for (std::optional<Step>& step : steps_)
            if (step) result.push_back(std::move(*step));
        return result;
    }

  private:
    bool convolution(const Call& call) {
        for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data}) {
            const char* const name = pass == ConvPass::forward ? "conv2d" : "conv2d_backward_data";
            const auto* operands = operands_of<Tensor, Tensor, Tensor, Tensor, Conv2dParams>(call, name);
            if (!operands) continue;
            const auto& [x, w, bias, y, p] = *operands;
            if (w.device() == Device::meta || w.dtype() != Dtype::f32) return false;
            Convolution step;
            step.layer.pass = pass;
            step.layer.w = w, step.layer.bias = bias, step.layer.p = p;
            step.operands.x = {x}, step.operands.y = {y};
            add(std::move(step));
            return true;
        }
        return false;
    }

    void add(Convolution step) {
        const ChannelSlice& y = step.operands.y;
        if (y.tensor.dim(3) == step.layer.out_channels()) made_by_[&y.tensor.storage()] = steps_.size();
        steps_.emplace_back(std::move(step));
    }
    /// The convolution whose output x is; null where it is another's, or one of another shape.
    Convolution* maker(const Tensor& x) {
        const auto found = made_by_.find(&x.storage());
        if (found == made_by_.end()) return nullptr;
        auto& step = std::get<Convolution>(*steps_[found->second]);
        return step.operands.y.tensor.shape() == x.shape() ? &step : nullptr;
    }
    /// One that can have more done to its output x, which nobody reads but the next call.
    Convolution* open_maker(const Tensor& x) {
        Convolution* const step = maker(x);
        const bool open = step && !step->layer.relu && !step->operands.pooled && uses_[&x.storage()] == 2;
        return open ? step : nullptr;
    }
    /// Takes it out of its place, to be put at the end.
    Convolution take(const Tensor& x) {
        const auto found = made_by_.find(&x.storage());
        std::optional<Step>& slot = steps_[found->second];
        auto step = std::get<Convolution>(std::move(*slot));
        slot.reset();
        made_by_.erase(found);
        return step;
    }

    bool normalised(const Call& call) {
        const auto* operands =
            operands_of<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, ChannelSlice, Tensor, BatchNormParams>(
                call, "batch_norm_inference");
        if (!operands) return false;
        const auto& [x, residual, gamma, beta, mean, variance, y, pooled, p] = *operands;
        const Convolution* const maker = open_maker(x);
        if (!maker || maker->layer.norm || maker->operands.residual) return false;
        Convolution step = take(x);
        step.layer.norm = {gamma, beta, mean, variance, p.eps};
        step.layer.relu = p.relu;
        step.operands.residual = {residual};
        step.operands.y = y, step.operands.pooled = pooled;
        add(std::move(step));
        return true;
    }
    bool added(const Call& call) {
        const auto* operands = operands_of<Tensor, Tensor, Tensor>(call, "add");
        if (!operands) return false;
        const auto& [a, b, y] = *operands;
        if (same(a, b) || a.shape().rank() != 4) return false;
        for (const auto& [sum, other] : {std::pair(a, b), std::pair(b, a)}) {
            const Convolution* const maker = open_maker(sum);
            if (!maker || maker->operands.residual) continue;
            Convolution step = take(sum);
            step.operands.residual = {other}, step.operands.y = {y};
            add(std::move(step));
            return true;
        }
        return false;
    }
    bool rectified(const Call& call) {
        const auto* operands = operands_of<Tensor, Tensor>(call, "relu");
        if (!operands) return false;
        const auto& [x, y] = *operands;
        if (!open_maker(x)) return false;
        Convolution step = take(x);
        step.layer.relu = true, step.operands.y = {y};
        add(std::move(step));
        return true;
    }
    /// Others may read what is pooled: it stays.
    bool pooled(const Call& call) {
        const auto* operands = operands_of<Tensor, Tensor, Pool2dParams>(call, "max_pool2d");
        if (!operands) return false;
        const auto& [x, y, p] = *operands;
        Convolution* const step = maker(x);
        if (!step || step->operands.pooled || p != Pool2dParams{}) return false;
        step->operands.pooled = y;
        --uses_[&x.storage()];
        return true;
    }

    /// The only step that has to do with x but `made` and `filled`, which write it; null where there are more.
    std::optional<Step>* only_user(const Tensor& x, const std::optional<Step>& made,
                                   const std::optional<Step>* filled = nullptr) {
        if (same(x, trace_.output)) return nullptr;
        std::optional<Step>* user = nullptr;
        for (std::optional<Step>& step : steps_) {
            if (!step || &step == &made || &step == filled) continue;
            const std::vector<Tensor> used = activations_of(*step);
            if (std::none_of(used.begin(), used.end(), [&](const Tensor& activation) { return same(activation, x); }))
                continue;
            if (user) return nullptr;
            user = &step;
        }
        return user;
    }
    using Copy = std::tuple<Tensor, std::int64_t, Tensor, std::int64_t, std::int64_t, Tensor>;
    static const Copy* copy_of(const std::optional<Step>& step) {
        const Call* const call = step ? std::get_if<Call>(&*step) : nullptr;
        return call && call->name == std::string_view("copy_channels") ? std::any_cast<Copy>(&call->operands) : nullptr;
    }

    /// Pixels that are repeated for a convolution, and for a concatenation before it that nobody else wants.
    void read_coarse() {
        for (std::optional<Step>& repeated : steps_) {
            const Call* const call = repeated ? std::get_if<Call>(&*repeated) : nullptr;
            const auto* operands = call ? operands_of<Tensor, Tensor, ResizeMode>(*call, "resize") : nullptr;
            if (!operands) continue;
            const auto& [coarse, fine, mode] = *operands;
            const bool nearest = mode == ResizeMode::nearest || mode == ResizeMode::nearest_half_pixel;
            if (!nearest || fine.dim(1) != 2 * coarse.dim(1) || fine.dim(2) != 2 * coarse.dim(2)) continue;
            std::optional<Step>*user = only_user(fine, repeated), *first = nullptr, *rest = nullptr;
            const Copy* const copy = user ? copy_of(*user) : nullptr;
            ChannelSlice others;
            Tensor image = fine;
            if (copy) {
                const auto& [from, from_begin, concatenation, begin, count, sums] = *copy;
                first = user, rest = other_copy(concatenation, *first);
                if (!rest || begin != 0) continue;
                const auto& [x, x_begin, same_concatenation, x_at, x_count, x_sums] = *copy_of(*rest);
                if (x_at != count || x_at + x_count != concatenation.dim(3)) continue;
                others = {x, x_begin};
                image = concatenation;
                user = only_user(image, *first, rest);
            }
            auto* const step = user ? std::get_if<Convolution>(&**user) : nullptr;
            if (!step || !same(step->operands.x.tensor, image) || same(step->operands.residual.tensor, image)) continue;
            ConvolutionOperands reading = step->operands;
            reading.x = others, reading.coarse = {coarse}, reading.coarse_channels = coarse.dim(3);
            if (!device_.reads_coarse(step->layer, reading)) continue;
            step->operands = reading;
            repeated.reset();
            if (first) first->reset(), rest->reset();
        }
    }
    /// The only other copy into the concatenation.
    std::optional<Step>* other_copy(const Tensor& concatenation, const std::optional<Step>& but) {
        std::optional<Step>* other = nullptr;
        for (std::optional<Step>& step : steps_) {
            const Copy* const copy = &step == &but ? nullptr : copy_of(step);
            if (!copy || !same(std::get<2>(*copy), concatenation)) continue;
            if (other) return nullptr;
            other = &step;
        }
        return other;
    }

    /// A copy into a wider tensor goes where the convolution that made the copied can store there at once, and all who
    /// read it can read it there: convolutions.
    void place_in_concatenations() {
        for (std::optional<Step>& slot : steps_) {
            const Copy* const copy = copy_of(slot);
            if (!copy) continue;
            const auto& [x, x_begin, y, y_begin, count, sums] = *copy;
            if (sums || x_begin != 0 || count != x.dim(3) || !maker(x)) continue;
            if (!only_convolutions_use(x, &std::get<Call>(*slot))) continue;
            const ChannelSlice there = {y, y_begin};
            for (std::optional<Step>& other : steps_) {
                auto* const step = other ? std::get_if<Convolution>(&*other) : nullptr;
                if (!step) continue;
                ConvolutionOperands& o = step->operands;
                for (ChannelSlice* slice : {&o.x, &o.residual, &o.y, &o.coarse})
                    if (same(slice->tensor, x)) *slice = there;
            }
            slot.reset();
        }
    }
    bool only_convolutions_use(const Tensor& x, const Call* but) const {
        if (same(x, trace_.output)) return false;
        return std::all_of(steps_.begin(), steps_.end(), [&](const std::optional<Step>& step) {
            if (!step) return true;
            const Call* const call = std::get_if<Call>(&*step);
            const std::vector<Tensor> used = activations_of(*step);
            return call == but || std::none_of(used.begin(), used.end(), [&](const Tensor& activation) {
                       return same(activation, x) && (call || activation.shape() != x.shape());
                   });
        });
    }

    const Trace& trace_;
    const Backend& device_;
    std::map<const Storage*, int> uses_;  ///< operands of calls, and the output
    std::vector<std::optional<Step>> steps_;
    std::map<const Storage*, std::size_t> made_by_;  ///< convolutions among steps_, by the tensor of their output
};

}  // namespace

std::vector<Tensor> activations_of(const Step& step) {
    if (const Call* call = std::get_if<Call>(&step)) return call->activations;
    const ConvolutionOperands& o = std::get<Convolution>(step).operands;
    std::vector<Tensor> result;
    for (const Tensor& tensor : {o.x.tensor, o.residual.tensor, o.y.tensor, o.pooled, o.coarse.tensor})
        if (tensor) result.push_back(tensor);
    return result;
}

std::vector<Step> fuse(const Trace& trace, const Backend& device) { return Fuser(trace, device).run(); }

}  // namespace camber::inference
