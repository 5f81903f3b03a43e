#pragma once
#include <hdf5.h>

#include <mutex>
#include <utility>

/// What calling HDF5's C library takes. Only for files that CMake compiles with it.
namespace camber::hdf5 {

/// The library is not made for threads. One lock around each call of ours.
inline std::mutex& library_lock() {
    static std::mutex lock;
    return lock;
}

/// Before anything else, under the lock.
inline void prepare_library() {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are told in our own words
    H5PLset_loading_state(0);                     // no plug-ins
}

/// An object of the library, closed when it goes.
class Handle {
  public:
    using Close = herr_t (*)(hid_t);
    Handle(hid_t id, Close close) : id_(id), close_(close) {}
    ~Handle() {
        if (id_ >= 0) close_(id_);
    }
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    operator hid_t() const { return id_; }
    bool ok() const { return id_ >= 0; }

  private:
    hid_t id_;
    Close close_;
};

}  // namespace camber::hdf5
