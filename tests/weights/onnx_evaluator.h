#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace camber::testing {

/// An array of any type, as doubles.
struct OnnxArray {
    std::vector<std::int64_t> shape;
    std::vector<double> values;
};

/// Runs a model as the text of ONNX's operators (github.com/onnx/onnx, docs/Operators.md, version 17) says, in plain
/// loops: nothing of Camber's is in it. Returns every value by its name. Throws std::runtime_error for an operator or a
/// setting that it does not know.
std::map<std::string, OnnxArray> run_onnx(const onnx::ModelProto& model, const OnnxArray& input);

}  // namespace camber::testing
