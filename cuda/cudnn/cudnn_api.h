#pragma once
#include <cudnn_graph.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cuda/libraries/dynamic_library.h"

/// cuDNN's backend interface, loaded at run time so that the command starts where there is no cuDNN, and its
/// descriptors as objects.
namespace camber::cudnn {

/// The entry points in use. A member has the name and type of the function it points at, less the `cudnn`.
struct Api {
    decltype(&::cudnnGetErrorString) GetErrorString;
    decltype(&::cudnnGetLastErrorString) GetLastErrorString;
    decltype(&::cudnnCreate) Create;
    decltype(&::cudnnSetStream) SetStream;
    decltype(&::cudnnBackendCreateDescriptor) BackendCreateDescriptor;
    decltype(&::cudnnBackendDestroyDescriptor) BackendDestroyDescriptor;
    decltype(&::cudnnBackendSetAttribute) BackendSetAttribute;
    decltype(&::cudnnBackendGetAttribute) BackendGetAttribute;
    decltype(&::cudnnBackendFinalize) BackendFinalize;
    decltype(&::cudnnBackendExecute) BackendExecute;
    std::size_t version;  ///< 91900 for 9.19.0
    std::string path;     ///< of the library
};

/// The oldest version that serves: 9.8 makes plans from a device's description.
inline constexpr std::size_t oldest_version = 90800;

/// What it is called and where it is looked for; CAMBER_CUDNN may name it.
const libraries::Description& library();

/// The first of `candidates` that loads and is new enough; throws Error with one line that says what was found instead.
Api load_api(const std::vector<std::string>& candidates);

/// load_api(libraries::candidates(library())), once a process. Null where there is none; `why` then says so.
const Api* find_api(std::string* why = nullptr);

/// Throws Error naming the call and what was being done.
void check(const Api& api, cudnnStatus_t status, const char* call, const std::string& doing);

/// A backend descriptor. Every call is checked; `what` names the descriptor in errors.
class Descriptor {
  public:
    Descriptor(const Api& api, cudnnBackendDescriptorType_t type, std::string what);
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept
        : api_(other.api_), raw_(std::exchange(other.raw_, nullptr)), what_(std::move(other.what_)) {}
    Descriptor& operator=(Descriptor&&) = delete;

    cudnnBackendDescriptor_t raw() const { return raw_; }

    void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
             const void* values);
    template <class T>
    void set_value(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T value) {
        set(name, type, 1, &value);
    }
    void set_int64(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values);
    void set_descriptor(cudnnBackendAttributeName_t name, const Descriptor& value);
    void set_text(cudnnBackendAttributeName_t name, const std::string& text);

    /// Up to values.size() elements; how many there were.
    template <class T>
    std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::vector<T>& values) const {
        return get_raw(name, type, static_cast<std::int64_t>(values.size()), values.data());
    }
    std::int64_t get_int64(cudnnBackendAttributeName_t name) const;
    std::string get_text(cudnnBackendAttributeName_t name) const;
    /// Fills in descriptors made for it; returns how many there are to be had.
    std::int64_t get_descriptors(cudnnBackendAttributeName_t name, std::vector<Descriptor>& into) const;

    /// Throws Error where cuDNN refuses.
    void finalize();
    /// Empty, or why cuDNN refused.
    std::string try_finalize();

  private:
    std::int64_t get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t room,
                         void* values) const;

    const Api* api_;
    cudnnBackendDescriptor_t raw_ = nullptr;
    std::string what_;
};

}  // namespace camber::cudnn
