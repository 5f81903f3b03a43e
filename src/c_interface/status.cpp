#include "c_interface/status.h"

#include <camber/device.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>

namespace camber::c_interface {
namespace {

/// Of this thread's last failure. No memory is taken for it, so that it can be of memory that there is not.
thread_local std::array<char, 2048> error_text = {};

camber_status keep(camber_status status, std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), error_text.size() - 1);
    std::copy_n(text.data(), length, error_text.data());
    error_text[length] = '\0';
    return status;
}

}  // namespace

camber_status guarded(camber_status of_error, const std::function<void()>& work) noexcept {
    try {
        work();
        return CAMBER_OK;
    } catch (const StatusError& error) {
        return keep(error.status(), error.what());
    } catch (const OutOfMemory& error) {
        return keep(CAMBER_OUT_OF_MEMORY, error.what());
    } catch (const UsageError& error) {
        return keep(CAMBER_BAD_ARGUMENT, error.what());
    } catch (const Error& error) {
        return keep(of_error, error.what());
    } catch (const std::bad_alloc&) {
        return keep(CAMBER_OUT_OF_MEMORY, "out of memory; use smaller frames, tiles or a smaller network");
    } catch (const nlohmann::json::exception&) {
        return keep(of_error, "a file holds a value of another kind than Camber writes there: is it damaged?");
    } catch (const std::exception& error) {
        return keep(of_error, error.what());
    } catch (...) {
        return keep(CAMBER_FAILED, "failed for no reason that it knows; please report this");
    }
}

}  // namespace camber::c_interface

const char* camber_version(void) { return CAMBER_VERSION; }

const char* camber_error_text(void) { return camber::c_interface::error_text.data(); }
