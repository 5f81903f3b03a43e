#pragma once

namespace camber {

/// Which this process is of those that were started together on this machine: the first has its first GPU.
struct LocalProcess {
    int number = 0;
};
/// To be set before a device is looked for.
inline LocalProcess local_process;

}  // namespace camber
