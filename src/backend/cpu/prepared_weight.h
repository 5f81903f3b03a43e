#pragma once
#include <camber/tensor.h>

#include <functional>

namespace camber::cpu {

/// The weight `w` in the layout that some kernel wants: `bytes` bytes made by `fill(memory)`. `layout` tells layouts of
/// one weight apart. A weight asked for again unchanged (inference) is kept prepared for as long as its storage is
/// there, within a budget of each storage and where memory is not short; one that changes between uses (training) is
/// prepared in memory that returns to the allocator with the result.
Tensor prepared_weight(const Tensor& w, std::uintptr_t layout, std::size_t bytes,
                       const std::function<void(void*)>& fill);

}  // namespace camber::cpu
