#pragma once
#include <camber/device.h>
#include <camber/dtype.h>
#include <camber/error.h>
#include <camber/shape.h>

#include <memory>
#include <span>
#include <vector>

namespace camber {

/// A block of device memory, returned to the device's allocator when the last tensor on it goes.
class Storage {
  public:
    Storage(Device device, std::size_t bytes);
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    Device device() const { return device_; }
    /// Counts in-place changes to parameters, so that backends know when a reordered copy is stale.
    std::uint64_t version() const { return version_; }
    void bump_version() { ++version_; }

    /// A bf16 copy of a storage of f32, element for element, kept by whoever changes the values: bump_version() makes
    /// it stale, mark_rounded() says that it has been brought up to date, or will be before anything queued later reads
    /// it.
    void set_rounded(std::shared_ptr<Storage> copy) { rounded_ = std::move(copy); }
    void mark_rounded() { rounded_version_ = version_; }
    /// Null without one.
    const std::shared_ptr<Storage>& rounded() const { return rounded_; }
    bool rounded_is_fresh() const { return rounded_ && rounded_version_ == version_; }

    /// What a backend has made of the elements and keeps for the next time, such as weights in another order: its own
    /// affair, and gone with the storage.
    std::shared_ptr<void>& derived() { return derived_; }

  private:
    void* data_;
    std::size_t bytes_;
    Device device_;
    std::uint64_t version_ = 0, rounded_version_ = ~std::uint64_t{0};
    std::shared_ptr<Storage> rounded_;
    std::shared_ptr<void> derived_;
};

struct AutogradMeta;  // autograd.h

/// A handle to contiguous elements on a device. Copying a Tensor copies the handle, not the elements.
class Tensor {
  public:
    Tensor() = default;  ///< undefined: no storage

    /// Uninitialised elements.
    static Tensor empty(Shape shape, Dtype dtype, Device device);
    static Tensor zeros(Shape shape, Dtype dtype, Device device);
    /// Copies host values; their count must be shape.numel().
    template <class T>
    static Tensor from(std::span<const T> values, Shape shape, Device device);
    template <class T>
    static Tensor from(const std::vector<T>& values, Shape shape, Device device) {
        return from(std::span<const T>(values), shape, device);
    }

    bool defined() const { return storage_ != nullptr; }
    explicit operator bool() const { return defined(); }
    const Shape& shape() const { return shape_; }
    std::int64_t dim(int axis) const { return shape_[axis]; }
    std::int64_t numel() const { return shape_.numel(); }
    Dtype dtype() const { return dtype_; }
    Device device() const { return storage_->device(); }
    std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
    Storage& storage() const { return *storage_; }

    /// The first element; T must match dtype(). Readable by the host only where is_host(device()).
    template <class T>
    T* data() const {
        if (dtype_of<std::remove_const_t<T>> != dtype_) throw_dtype(dtype_of<std::remove_const_t<T>>);
        return static_cast<T*>(raw());
    }
    void* raw() const { return static_cast<char*>(storage_->data()) + offset_; }

    /// The same elements in another shape of the same element count. Carries no autograd history (ops.h has reshape()).
    Tensor view(Shape shape) const;
    /// `shape.numel()` elements from element `begin` on, of the same storage.
    Tensor slice(std::int64_t begin, Shape shape) const;
    /// The same elements of an f32 tensor's bf16 copy (Storage::rounded()), undefined where there is none or it is
    /// stale.
    Tensor rounded() const;
    /// A copy on `device` (the same handle when already there). Not recorded by autograd.
    Tensor to(Device device) const;
    Tensor clone() const;
    /// Copies `source`'s elements here: same dtype and element count, any device.
    void copy_from(const Tensor& source) const;
    /// All elements on the host.
    template <class T>
    std::vector<T> to_vector() const;
    /// The only element of a one-element tensor of f64, f32 or i32, as a double. Waits for the device.
    double item() const;

    /// Whether backward() reaches this tensor. See autograd.h.
    bool requires_grad() const;
    /// Marks a leaf whose gradient is wanted. Returns *this.
    Tensor& set_requires_grad(bool value);
    /// The accumulated gradient; undefined before backward().
    Tensor grad() const;
    const std::shared_ptr<AutogradMeta>& autograd_meta() const { return autograd_; }
    void set_autograd_meta(std::shared_ptr<AutogradMeta> meta) { autograd_ = std::move(meta); }
    /// The same elements with no autograd history.
    Tensor detach() const;

  private:
    [[noreturn]] void throw_dtype(Dtype wanted) const;

    std::shared_ptr<Storage> storage_;
    std::size_t offset_ = 0;  // bytes
    Shape shape_;
    Dtype dtype_ = Dtype::f32;
    std::shared_ptr<AutogradMeta> autograd_;
};

}  // namespace camber
