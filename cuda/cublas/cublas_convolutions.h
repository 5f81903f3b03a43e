#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/convolution_settings.h"
#include "cuda/convolutions/library.h"
#include "cuda/cublas/cublas_api.h"

namespace camber::cuda {

/// Convolutions that are matrix products (matrix_product.h), through cuBLASLt. Weights are rounded to bf16 where the
/// image is in it, and so is a bias, which cuBLASLt takes in the output's dtype alone; filter gradients come in f32.
class CublasConvolutions final : public ConvLibrary {
  public:
    /// Throws Error where cuBLAS cannot be opened on this GPU.
    CublasConvolutions(const cublas::Api& api, const ConvolutionSettings& settings);
    ~CublasConvolutions() override;

    std::string name() const override { return "cublas"; }
    std::vector<std::unique_ptr<ConvPlan>> plans(const ConvCall& call) override;
    std::unique_ptr<ConvPlan> restore(const ConvCall& call, const std::string& saved) override;

  private:
    const cublas::Api& api_;
    bool tf32_;
    cublasLtHandle_t handle_ = nullptr;
};

}  // namespace camber::cuda
