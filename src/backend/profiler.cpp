#include "backend/profiler.h"

#include <camber/error.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <vector>

#include "backend/traffic.h"

namespace camber {
namespace {

using namespace traffic;

class ProfilingBackend : public Backend {
  public:
    explicit ProfilingBackend(Backend& inner) : inner_(inner), timeline_(inner.timeline()) {}

    const Profile& profile() {
        collect();
        return profile_;
    }
    void reset() {
        collect();
        profile_.clear();
    }

    Device device() const override { return inner_.device(); }
    std::string describe() const override { return inner_.describe(); }
    void synchronize() override { inner_.synchronize(); }
    std::unique_ptr<Recording> record(const std::function<void()>&) override {
        return nullptr;  // its primitives would be timed once, while they are not run
    }
    std::unique_ptr<DeviceSums> join(const Meeting& meeting) override { return inner_.join(meeting); }

#define PRIMITIVE(name, parameters, arguments, bytes) \
    void name parameters override {                   \
        const Timer timer(*this, #name, bytes);       \
        inner_.name arguments;                        \
    }
#include "backend/primitives.def"

  private:
    /// A primitive, from where it is made to where it ends, unless by an exception.
    class Timer {
      public:
        Timer(ProfilingBackend& owner, const char* name, std::int64_t bytes)
            : owner_(owner),
              name_(name),
              bytes_(bytes),
              begin_(owner.timeline_->mark()),
              exceptions_(std::uncaught_exceptions()) {}
        ~Timer() noexcept(false) {
            if (std::uncaught_exceptions() == exceptions_) owner_.add(name_, bytes_, begin_);
        }
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;

      private:
        ProfilingBackend& owner_;
        const char* name_;
        std::int64_t bytes_;
        std::size_t begin_;
        int exceptions_;
    };
    /// A timed primitive, between two marks.
    struct Call {
        const char* name;
        std::int64_t bytes;
        std::size_t begin, end;
    };
    static constexpr std::size_t most_calls = 4096;  ///< whose marks are held before the device is waited for

    void add(const char* name, std::int64_t bytes, std::size_t begin) {
        calls_.push_back({name, bytes, begin, timeline_->mark()});
        if (calls_.size() >= most_calls) collect();
    }
    void collect() {
        const std::vector<double> at = timeline_->seconds();
        for (const Call& call : calls_) {
            PrimitiveTime& time = profile_[call.name];
            time.seconds += at[call.end] - at[call.begin];
            time.bytes += call.bytes;
            ++time.calls;
        }
        calls_.clear();
    }

    Backend& inner_;
    std::unique_ptr<Timeline> timeline_;
    std::vector<Call> calls_;
    Profile profile_;
};

std::unique_ptr<ProfilingBackend> active;

}  // namespace

ProfileScope::ProfileScope(Device device) {
    if (active) fail("a profile is being taken already");
    active = std::make_unique<ProfilingBackend>(backend(device));
}
ProfileScope::~ProfileScope() { active = nullptr; }
const Profile& ProfileScope::profile() const { return active->profile(); }
void ProfileScope::reset() { active->reset(); }

Backend* profiling_backend(Device device) { return active && active->device() == device ? active.get() : nullptr; }

}  // namespace camber
