#include "backend/profiler.h"

#include <doctest/doctest.h>

#include <chrono>

#include "support/devices.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("a profile has every primitive's calls, whose times add up to no more than has passed") {
    for (const Device device : computing_devices()) {
        CAPTURE(std::string(name(device)));
        const Tensor x = Tensor::zeros({1000}, Dtype::f32, device), y = Tensor::zeros({1000}, Dtype::f32, device);
        ProfileScope scope(device);
        const auto start = std::chrono::steady_clock::now();
        constexpr int steps = 700;  // more than a profile keeps marks of
        for (int i = 0; i < steps; ++i) {
            backend(device).relu(x, y);
            for (int j = 0; j < 6; ++j) backend(device).add(x, y, y);
        }
        const Profile profile = scope.profile();
        const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        REQUIRE(profile.size() == 2);
        CHECK(profile.at("relu").calls == steps);
        CHECK(profile.at("add").calls == 6 * steps);
        CHECK(profile.at("relu").seconds > 0);
        CHECK(profile.at("add").seconds > 0);
        CHECK(profile.at("add").seconds + profile.at("relu").seconds <= passed);
        scope.reset();
        CHECK(scope.profile().empty());
        backend(device).relu(x, y);
        CHECK(scope.profile().at("relu").calls == 1);
    }
}

TEST_CASE("a profile has the bytes that a primitive moves at least") {
    for (const Device device : computing_devices()) {
        CAPTURE(std::string(name(device)));
        const auto empty = [&](Shape shape, Dtype dtype) { return Tensor::zeros(shape, dtype, device); };
        const Tensor x = empty({2, 4, 4, 8}, Dtype::f32), y = empty({2, 4, 4, 8}, Dtype::f32);
        const Tensor w = empty({8, 3, 3, 8}, Dtype::f32), wide = empty({2, 4, 4, 24}, Dtype::f32);
        const Conv2dParams same = {.padding = {1, 1, 1, 1}};
        constexpr std::int64_t activation = 2 * 4 * 4 * 8 * 4, weight = 8 * 3 * 3 * 8 * 4;
        const ProfileScope scope(device);
        Backend& on = backend(device);
        on.add(x, x, y);
        for (int i = 0; i < 2; ++i) on.conv2d(x, w, {}, y, same);
        on.copy_channels(x, 0, wide, 8, 8, {});
        const Profile profile = scope.profile();
        CHECK(profile.at("add").bytes == 3 * activation);
        CHECK(profile.at("conv2d").bytes == 2 * (2 * activation + weight));
        CHECK(profile.at("copy_channels").bytes == 2 * activation);
    }
}

TEST_CASE("a primitive that fails under a profile is an error as without") {
    for (const Device device : computing_devices()) {
        if (device == Device::reference || device == Device::cpu) continue;
        const Tensor x = Tensor::zeros({4}, Dtype::f64, device), y = Tensor::zeros({4}, Dtype::f32, device);
        ProfileScope scope(device);
        CHECK(!error_of([&] { backend(device).relu(x, y); }).empty());
        backend(device).relu(y, y);
        CHECK(scope.profile().at("relu").calls == 1);
    }
}
