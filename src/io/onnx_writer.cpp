#include "io/onnx_writer.h"

#include <camber/error.h>

#include <bit>
#include <exception>

#ifdef CAMBER_WITH_ONNX
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include "io/atomic_file.h"
#endif

namespace camber {

#ifndef CAMBER_WITH_ONNX

struct OnnxWriter::Library {};

OnnxWriter::OnnxWriter(std::filesystem::path file, const std::string&, const std::string&) : file_(std::move(file)) {
    fail(
        "cannot write {}: .onnx needs ONNX's library, which this build of Camber is without (install libonnx-dev and "
        "libprotobuf-dev and build again)",
        file_.string());
}
OnnxWriter::~OnnxWriter() = default;
void OnnxWriter::input(const std::string&, Type, const Extents&, const std::string&) {}
void OnnxWriter::output(const std::string&, Type, const Extents&, const std::string&) {}
void OnnxWriter::weights(const std::string&, const std::vector<std::int64_t>&, const float*) {}
void OnnxWriter::node(const std::string&, const std::vector<std::string>&, const std::string&, const Attributes&) {}
void OnnxWriter::constant(const std::string&, const std::vector<std::int64_t>&) {}
void OnnxWriter::constant(const std::string&, const std::vector<float>&, const std::vector<std::int64_t>&) {}
void OnnxWriter::metadata(const std::string&, const std::string&) {}
void OnnxWriter::commit() {}

#else

struct OnnxWriter::Library {
    onnx::ModelProto model;
    onnx::GraphProto& graph = *model.mutable_graph();
};

namespace {

static_assert(std::endian::native == std::endian::little);  // as raw_data is

constexpr int ir_version = 8, operators = 17;

int element_of(OnnxWriter::Type type) {
    switch (type) {
        case OnnxWriter::Type::f32:
            return onnx::TensorProto::FLOAT;
        case OnnxWriter::Type::u8:
            return onnx::TensorProto::UINT8;
        case OnnxWriter::Type::i64:
            return onnx::TensorProto::INT64;
    }
    return onnx::TensorProto::UNDEFINED;
}

void describe(onnx::ValueInfoProto& value, const std::string& name, OnnxWriter::Type type,
              const OnnxWriter::Extents& extents, const std::string& doc) {
    value.set_name(name);
    value.set_doc_string(doc);
    onnx::TypeProto_Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(element_of(type));
    onnx::TensorShapeProto& shape = *tensor.mutable_shape();
    for (const auto& extent : extents) {
        onnx::TensorShapeProto_Dimension& dimension = *shape.add_dim();
        if (const auto* number = std::get_if<std::int64_t>(&extent)) {
            dimension.set_dim_value(*number);
        } else {
            dimension.set_dim_param(std::get<std::string>(extent));
        }
    }
}

template <class T>
void fill(onnx::TensorProto& tensor, OnnxWriter::Type type, const std::vector<std::int64_t>& shape, const T* values) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) {
        tensor.add_dims(extent);
        count *= static_cast<std::size_t>(extent);
    }
    tensor.set_data_type(element_of(type));
    tensor.set_raw_data(values, count * sizeof(T));
}

void set(onnx::AttributeProto& to, const OnnxWriter::Attribute& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        to.set_type(onnx::AttributeProto::INT);
        to.set_i(*number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        to.set_type(onnx::AttributeProto::FLOAT);
        to.set_f(static_cast<float>(*real));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        to.set_type(onnx::AttributeProto::STRING);
        to.set_s(*text);
    } else {
        to.set_type(onnx::AttributeProto::INTS);
        for (const std::int64_t item : std::get<std::vector<std::int64_t>>(value)) to.add_ints(item);
    }
}

/// The tensor of a new Constant.
onnx::TensorProto& constant_in(onnx::GraphProto& graph, const std::string& name) {
    onnx::NodeProto& node = *graph.add_node();
    node.set_op_type("Constant");
    node.set_name(name);
    node.add_output(name);
    onnx::AttributeProto& value = *node.add_attribute();
    value.set_name("value");
    value.set_type(onnx::AttributeProto::TENSOR);
    return *value.mutable_t();
}

/// Where protobuf's bytes go.
class Sink : public google::protobuf::io::CopyingOutputStream {
  public:
    explicit Sink(AtomicFile& file) : file_(file) {}
    bool Write(const void* bytes, int count) override {
        try {  // which may not leave through protobuf: it would write on while it is unwound
            file_.write(bytes, static_cast<std::size_t>(count));
            return true;
        } catch (...) {
            unwritten_ = std::current_exception();
            return false;
        }
    }
    /// Throws what writing came to.
    void check() const {
        if (unwritten_) std::rethrow_exception(unwritten_);
    }

  private:
    AtomicFile& file_;
    std::exception_ptr unwritten_;
};

}  // namespace

OnnxWriter::OnnxWriter(std::filesystem::path file, const std::string& graph, const std::string& doc)
    : file_(std::move(file)), library_(std::make_unique<Library>()) {
    onnx::ModelProto& model = library_->model;
    model.set_ir_version(ir_version);
    model.set_producer_name("camber");
    model.set_producer_version(CAMBER_VERSION);
    model.set_doc_string(doc);
    onnx::OperatorSetIdProto& set = *model.add_opset_import();
    set.set_domain("");
    set.set_version(operators);
    library_->graph.set_name(graph);
}

OnnxWriter::~OnnxWriter() = default;

void OnnxWriter::input(const std::string& name, Type type, const Extents& extents, const std::string& doc) {
    describe(*library_->graph.add_input(), name, type, extents, doc);
}

void OnnxWriter::output(const std::string& name, Type type, const Extents& extents, const std::string& doc) {
    describe(*library_->graph.add_output(), name, type, extents, doc);
}

void OnnxWriter::weights(const std::string& name, const std::vector<std::int64_t>& shape, const float* values) {
    onnx::TensorProto& tensor = *library_->graph.add_initializer();
    tensor.set_name(name);
    fill(tensor, Type::f32, shape, values);
}

void OnnxWriter::node(const std::string& operation, const std::vector<std::string>& from, const std::string& to,
                      const Attributes& attributes) {
    onnx::NodeProto& node = *library_->graph.add_node();
    node.set_op_type(operation);
    node.set_name(to);
    for (const std::string& name : from) node.add_input(name);
    node.add_output(to);
    for (const auto& [name, value] : attributes) {
        onnx::AttributeProto& attribute = *node.add_attribute();
        attribute.set_name(name);
        set(attribute, value);
    }
}

void OnnxWriter::constant(const std::string& name, const std::vector<std::int64_t>& values) {
    fill(constant_in(library_->graph, name), Type::i64, {static_cast<std::int64_t>(values.size())}, values.data());
}

void OnnxWriter::constant(const std::string& name, const std::vector<float>& values,
                          const std::vector<std::int64_t>& shape) {
    fill(constant_in(library_->graph, name), Type::f32, shape, values.data());
}

void OnnxWriter::metadata(const std::string& key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *library_->model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
}

void OnnxWriter::commit() {
    constexpr std::size_t most = std::size_t{2} << 30;  // of a message of protobuf's
    if (library_->model.ByteSizeLong() >= most)
        fail("cannot write {}: a model of more than two gigabytes does not fit one .onnx file", file_.string());
    AtomicFile file(file_);
    constexpr int block = 1 << 20;
    Sink sink(file);
    google::protobuf::io::CopyingOutputStreamAdaptor stream(&sink, block);
    const bool written = library_->model.SerializeToZeroCopyStream(&stream) && stream.Flush();
    sink.check();
    if (!written) fail("cannot write {}: protobuf refuses the model", file_.string());
    library_.reset();
    file.commit();
}

#endif

}  // namespace camber
