#pragma once
#include <functional>
#include <map>
#include <string>

namespace camber::testing {

/// What `scenario` returns, or the Error that it throws, when it is run in a process of its own, in which nothing has
/// been asked of the run time and `environment` is set. "died" when it does not get so far.
std::string run_scenario(const std::function<std::string()>& scenario,
                         const std::map<std::string, std::string>& environment = {});

}  // namespace camber::testing
