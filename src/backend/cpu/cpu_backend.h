#pragma once
#include <string>

#include "backend/cpu/cpu.h"

namespace camber::cpu {

/// Each family of methods is in the file of its name.
class CpuBackend final : public Backend {
  public:
    Device device() const override { return Device::cpu; }
    std::string describe() const override;
    ConvScratch conv_scratch(ConvPass pass, const Tensor& image, const Tensor& w, const Tensor& output, bool has_bias,
                             const Conv2dParams& p) const override;
    bool reads_coarse(const ConvolutionLayer& layer, const ConvolutionOperands& like) const override;
    std::unique_ptr<PreparedConvolution> prepare(const ConvolutionLayer& layer, const ConvolutionOperands& like,
                                                 KeptWeights& kept) override;

#define PRIMITIVE(name, parameters, ...) void name parameters override;
#include "backend/primitives.def"
};

}  // namespace camber::cpu
