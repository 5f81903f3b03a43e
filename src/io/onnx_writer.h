#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace camber {

/// Writes a model in ONNX (https://onnx.ai; IR version 8, operators of version 17) that appears whole or not at all
/// (AtomicFile); until then it is in memory. Every value has a name of its own. Every failure throws Error naming the
/// file, as does a build without ONNX.
class OnnxWriter {
  public:
    enum class Type { f32, u8, i64 };
    using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
    using Attributes = std::vector<std::pair<std::string, Attribute>>;
    /// A number, or the name of one that is known when the model runs.
    using Extents = std::vector<std::variant<std::int64_t, std::string>>;

    /// `doc`: a line about the model.
    OnnxWriter(std::filesystem::path file, const std::string& graph, const std::string& doc);
    ~OnnxWriter();
    OnnxWriter(const OnnxWriter&) = delete;
    OnnxWriter& operator=(const OnnxWriter&) = delete;

    void input(const std::string& name, Type type, const Extents& extents, const std::string& doc);
    void output(const std::string& name, Type type, const Extents& extents, const std::string& doc);
    /// A trained tensor (an initializer).
    void weights(const std::string& name, const std::vector<std::int64_t>& shape, const float* values);
    /// What an operator makes, called `to`. An empty name among `from` is an input that is left out.
    void node(const std::string& operation, const std::vector<std::string>& from, const std::string& to,
              const Attributes& attributes = {});
    /// Tensors that are part of the model's arithmetic and no weights.
    void constant(const std::string& name, const std::vector<std::int64_t>& values);
    void constant(const std::string& name, const std::vector<float>& values, const std::vector<std::int64_t>& shape);
    void metadata(const std::string& key, const std::string& value);
    /// Call once, last.
    void commit();

  private:
    struct Library;
    std::filesystem::path file_;
    std::unique_ptr<Library> library_;
};

}  // namespace camber
