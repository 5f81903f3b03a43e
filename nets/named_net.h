#pragma once
#include <camber/layers.h>
#include <camber/nets.h>

#include "option_list.h"

namespace camber::nets {

/// A Net that reads its name and options from what it was made with. O has `classes`, see OptionList.
template <class O>
class NamedNet : public Net {
  public:
    NamedNet(const char* name, O options) : o_(std::move(options)), name_(name) {}
    const char* name() const override { return name_; }
    nlohmann::json options() const override { return options_json(o_); }
    int in_channels() const override { return 3; }
    int classes() const override { return o_.classes; }

  protected:
    /// Throws Error unless x is [N, H, W, 3].
    void check_input(const Tensor& x) const {
        if (x.shape().rank() != 4 || x.dim(3) != in_channels()) {
            fail("{}: the input is {}, this network takes [N, H, W, {}]", name_, x.shape().str(), in_channels());
        }
    }

    O o_;

  private:
    const char* name_;
};

/// An encoder's stages where it is the network's module `path`.
inline std::vector<std::vector<std::string>> stages_below(const std::string& path,
                                                          std::vector<std::vector<std::string>> stages) {
    for (auto& stage : stages)
        for (std::string& layer : stage) layer = path + "." + layer;
    return stages;
}

/// Networks that pretrained encoders fit keep the originals' widths as the default.
inline constexpr const char* width_help = "filters of the encoder's first stage (64 in the original); all others scale";
inline constexpr const char* classes_help = "classes to tell apart";
inline constexpr const char* input_help = "pixels: those under (input), or RGB in [0, 1] and no more";
inline const std::vector<std::pair<std::string, InputRange>> input_ranges = {{"original", InputRange::original},
                                                                             {"unit", InputRange::unit}};

}  // namespace camber::nets
