#pragma once
#include <chrono>

namespace camber::distributed {

/// Adds the seconds of its lifetime.
class Spending {
  public:
    explicit Spending(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
    ~Spending() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
    Spending(const Spending&) = delete;
    Spending& operator=(const Spending&) = delete;

  private:
    double& seconds_;
    const std::chrono::steady_clock::time_point start_;
};

}  // namespace camber::distributed
