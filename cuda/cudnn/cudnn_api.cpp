#include "cuda/cudnn/cudnn_api.h"

#include <camber/error.h>

namespace camber::cudnn {

const libraries::Description& library() {
    static const libraries::Description description = {
        "cuDNN",
        {"libcudnn.so.9"},
        "CAMBER_CUDNN",
        {"CUDNN_PATH", "CUDNN_HOME"},
        {"libnvrtc.so.13", "libnvrtc.so.12"}};  // for plans that it compiles
    return description;
}

Api load_api(const std::vector<std::string>& candidates) {
    Api api{};
    api.path = libraries::load_first(library(), candidates, [&](const libraries::Loaded& loaded) {
        api.version = loaded.version("cudnnGetVersion", oldest_version);
        loaded.find("cudnnGetErrorString", api.GetErrorString);
        loaded.find("cudnnGetLastErrorString", api.GetLastErrorString);
        loaded.find("cudnnCreate", api.Create);
        loaded.find("cudnnSetStream", api.SetStream);
        loaded.find("cudnnBackendCreateDescriptor", api.BackendCreateDescriptor);
        loaded.find("cudnnBackendDestroyDescriptor", api.BackendDestroyDescriptor);
        loaded.find("cudnnBackendSetAttribute", api.BackendSetAttribute);
        loaded.find("cudnnBackendGetAttribute", api.BackendGetAttribute);
        loaded.find("cudnnBackendFinalize", api.BackendFinalize);
        loaded.find("cudnnBackendExecute", api.BackendExecute);
    });
    return api;
}

const Api* find_api(std::string* why) { return libraries::find_once(library(), load_api, why); }

void check(const Api& api, cudnnStatus_t status, const char* call, const std::string& doing) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    char detail[1024] = "";
    api.GetLastErrorString(detail, sizeof detail);
    fail("{}: {}{}{} while {}", call, api.GetErrorString(status), *detail ? ": " : "", detail, doing);
}

Descriptor::Descriptor(const Api& api, cudnnBackendDescriptorType_t type, std::string what)
    : api_(&api), what_(std::move(what)) {
    check(api, api.BackendCreateDescriptor(type, &raw_), "cudnnBackendCreateDescriptor", "making " + what_);
}

Descriptor::~Descriptor() {
    if (raw_) api_->BackendDestroyDescriptor(raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                     const void* values) {
    check(*api_, api_->BackendSetAttribute(raw_, name, type, count, values), "cudnnBackendSetAttribute",
          fmt::format("setting attribute {} of {}", static_cast<int>(name), what_));
}

void Descriptor::set_int64(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

void Descriptor::set_descriptor(cudnnBackendAttributeName_t name, const Descriptor& value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void Descriptor::set_text(cudnnBackendAttributeName_t name, const std::string& text) {
    set(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size() + 1), text.c_str());
}

std::int64_t Descriptor::get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t room,
                                 void* values) const {
    std::int64_t count = 0;
    check(*api_, api_->BackendGetAttribute(raw_, name, type, room, &count, values), "cudnnBackendGetAttribute",
          fmt::format("reading attribute {} of {}", static_cast<int>(name), what_));
    return count;
}

std::int64_t Descriptor::get_int64(cudnnBackendAttributeName_t name) const {
    std::int64_t value = 0;
    get_raw(name, CUDNN_TYPE_INT64, 1, &value);
    return value;
}

std::string Descriptor::get_text(cudnnBackendAttributeName_t name) const {
    std::string text(static_cast<std::size_t>(get_raw(name, CUDNN_TYPE_CHAR, 0, nullptr)), '\0');
    get_raw(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
    while (!text.empty() && text.back() == '\0') text.pop_back();
    return text;
}

std::int64_t Descriptor::get_descriptors(cudnnBackendAttributeName_t name, std::vector<Descriptor>& into) const {
    std::vector<cudnnBackendDescriptor_t> raw;
    for (const Descriptor& descriptor : into) raw.push_back(descriptor.raw_);
    return get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw.size()),
                   raw.empty() ? nullptr : raw.data());
}

void Descriptor::finalize() { check(*api_, api_->BackendFinalize(raw_), "cudnnBackendFinalize", "finishing " + what_); }

std::string Descriptor::try_finalize() {
    const cudnnStatus_t status = api_->BackendFinalize(raw_);
    if (status == CUDNN_STATUS_SUCCESS) return {};
    char detail[1024] = "";
    api_->GetLastErrorString(detail, sizeof detail);
    return fmt::format("{}{}{}", api_->GetErrorString(status), *detail ? ": " : "", detail);
}

}  // namespace camber::cudnn
