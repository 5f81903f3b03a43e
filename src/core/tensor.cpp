#include <camber/tensor.h>

namespace camber {

Storage::Storage(Device device, std::size_t bytes)
    : data_(device_memory(device).allocate(bytes)), bytes_(bytes), device_(device) {}

Storage::~Storage() { device_memory(device_).release(data_); }

Tensor Tensor::empty(Shape shape, Dtype dtype, Device device) {
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.dtype_ = dtype;
    tensor.storage_ = std::make_shared<Storage>(device, static_cast<std::size_t>(shape.numel()) * size_of(dtype));
    return tensor;
}

Tensor Tensor::zeros(Shape shape, Dtype dtype, Device device) {
    Tensor tensor = empty(shape, dtype, device);
    device_memory(device).zero(tensor.raw(), tensor.bytes());
    return tensor;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, Shape shape, Device device) {
    if (static_cast<std::int64_t>(values.size()) != shape.numel()) {
        fail("{} values were given for a tensor of shape {}", values.size(), shape.str());
    }
    Tensor tensor = empty(shape, dtype_of<T>, device);
    device_memory(device).copy_from_host(tensor.raw(), values.data(), tensor.bytes());
    return tensor;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
    if (dtype_of<T> != dtype_) throw_dtype(dtype_of<T>);
    std::vector<T> values(static_cast<std::size_t>(numel()));
    device_memory(device()).copy_to_host(values.data(), raw(), bytes());
    return values;
}

#define CAMBER_INSTANTIATE(T)                                           \
    template Tensor Tensor::from<T>(std::span<const T>, Shape, Device); \
    template std::vector<T> Tensor::to_vector<T>() const;
CAMBER_INSTANTIATE(double)
CAMBER_INSTANTIATE(float)
CAMBER_INSTANTIATE(bf16)
CAMBER_INSTANTIATE(std::int32_t)
CAMBER_INSTANTIATE(std::uint8_t)
#undef CAMBER_INSTANTIATE

Tensor Tensor::view(Shape shape) const {
    if (shape.numel() != numel()) fail("a tensor of shape {} cannot be viewed as {}", shape_.str(), shape.str());
    return slice(0, shape);
}

Tensor Tensor::slice(std::int64_t begin, Shape shape) const {
    if (begin < 0 || begin + shape.numel() > numel()) {
        fail("elements {} to {} are outside a tensor of shape {}", begin, begin + shape.numel(), shape_.str());
    }
    Tensor part = *this;
    part.autograd_ = nullptr;
    part.shape_ = shape;
    part.offset_ += static_cast<std::size_t>(begin) * size_of(dtype_);
    return part;
}

Tensor Tensor::rounded() const {
    if (!storage_ || dtype_ != Dtype::f32 || !storage_->rounded_is_fresh()) return {};
    Tensor copy;
    copy.storage_ = storage_->rounded();
    copy.offset_ = offset_ / sizeof(float) * sizeof(bf16);
    copy.shape_ = shape_;
    copy.dtype_ = Dtype::bf16;
    return copy;
}

Tensor Tensor::to(Device target) const {
    if (target == device()) return *this;
    Tensor copy = empty(shape_, dtype_, target);
    copy.copy_from(*this);
    return copy;
}

Tensor Tensor::clone() const {
    Tensor copy = empty(shape_, dtype_, device());
    copy.copy_from(*this);
    return copy;
}

void Tensor::copy_from(const Tensor& source) const {
    if (source.dtype() != dtype_ || source.numel() != numel()) {
        fail("a tensor of {} {} cannot take the elements of one of {} {}", name(dtype_), shape_.str(),
             name(source.dtype()), source.shape().str());
    }
    const Device from = source.device(), to = device();
    storage_->bump_version();
    if (from == Device::meta || to == Device::meta) return;
    if (from == to || (is_host(from) && is_host(to))) {
        device_memory(to).copy_within(raw(), source.raw(), bytes());
    } else if (is_host(from)) {
        device_memory(to).copy_from_host(raw(), source.raw(), bytes());
    } else if (is_host(to)) {
        device_memory(from).copy_to_host(raw(), source.raw(), bytes());
    } else {
        const Tensor staged = source.to(Device::cpu);
        device_memory(to).copy_from_host(raw(), staged.raw(), bytes());
    }
}

double Tensor::item() const {
    if (numel() != 1) fail("a tensor of shape {} is not a single number", shape_.str());
    switch (dtype_) {
        case Dtype::f64:
            return to_vector<double>()[0];
        case Dtype::f32:
            return to_vector<float>()[0];
        case Dtype::bf16:
            return to_vector<bf16>()[0];
        case Dtype::i32:
            return to_vector<std::int32_t>()[0];
        case Dtype::u8:
            return to_vector<std::uint8_t>()[0];
    }
    return 0;
}

Tensor Tensor::detach() const { return view(shape_); }

void Tensor::throw_dtype(Dtype wanted) const {
    fail("a tensor of {} {} was used as {}", name(dtype_), shape_.str(), name(wanted));
}

}  // namespace camber
