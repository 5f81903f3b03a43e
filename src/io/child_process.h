#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace camber {

/// What `work` returns, computed in a child process that may take ten seconds of processor time and a gigabyte of
/// memory besides the `mapped` bytes of files that it looks at: for code of others that damaged input makes crash or
/// write where it must not. Throws the Error that `work` throws, and one of "NAME: DIED" where the child ends in any
/// other way. What `work` changes stays in the child, but for memory that is shared; it must not wait for other
/// threads. What comes back is no more trustworthy than the child.
std::string in_child_process(const std::string& name, const std::string& died, std::uint64_t mapped,
                             const std::function<std::string()>& work);

/// Memory that a child process and its parent share, of zeros.
class SharedMemory {
  public:
    explicit SharedMemory(std::size_t bytes);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    void* data() const { return data_; }

  private:
    std::size_t bytes_;
    void* data_;
};

}  // namespace camber
