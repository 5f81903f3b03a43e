/// Stands in for the NVIDIA driver (libcuda.so.1) where there is none, as far as cuDNN needs one to make plans: it
/// takes compiled kernels without looking at them and can do nothing else. With the toolkit's own stub, which refuses
/// kernels, plans that cuDNN compiles cannot be made.
extern "C" {

namespace {
constexpr int success = 0, stub_library = 34;
int loaded;
}  // namespace

int cuDriverGetVersion(int* version) {
    *version = 13000;
    return success;
}
int cuLibraryLoadData(void** library, const void*, const void*, const void*, unsigned, const void*, const void*,
                      unsigned) {
    *library = &loaded;
    return success;
}
int cuLibraryUnload(void*) { return success; }
int cuLibraryGetKernel(void** kernel, void*, const char*) {
    *kernel = &loaded;
    return success;
}
int cuKernelGetFunction(void** function, void*) {
    *function = &loaded;
    return success;
}
int cuModuleLoadData(void** module, const void*) {
    *module = &loaded;
    return success;
}
int cuModuleUnload(void*) { return success; }
int cuModuleGetFunction(void** function, void*, const char*) {
    *function = &loaded;
    return success;
}
int cuKernelSetAttribute(int, int, void*, int) { return success; }
int cuKernelGetAttribute(int* value, int, void*, int) {
    *value = 0;
    return success;
}

#define CAMBER_REFUSE(name) \
    int name() { return stub_library; }
CAMBER_REFUSE(cuGetErrorName)
CAMBER_REFUSE(cuGetErrorString)
CAMBER_REFUSE(cuCtxGetCurrent)
CAMBER_REFUSE(cuCtxGetLimit)
CAMBER_REFUSE(cuCtxPopCurrent)
CAMBER_REFUSE(cuCtxPushCurrent)
CAMBER_REFUSE(cuStreamGetCtx)
CAMBER_REFUSE(cuLinkCreate)
CAMBER_REFUSE(cuLinkAddData)
CAMBER_REFUSE(cuLinkComplete)
CAMBER_REFUSE(cuLinkDestroy)
CAMBER_REFUSE(cuLaunchKernel)
CAMBER_REFUSE(cuLaunchCooperativeKernel)
CAMBER_REFUSE(cuLaunchKernelEx)
CAMBER_REFUSE(cuDeviceGetCount)
CAMBER_REFUSE(cuDeviceGet)
CAMBER_REFUSE(cuLibraryLoadFromFile)
CAMBER_REFUSE(cuOccupancyMaxPotentialClusterSize)
CAMBER_REFUSE(cuTensorMapEncodeTiled)
CAMBER_REFUSE(cuTensorMapEncodeIm2col)
#undef CAMBER_REFUSE
}
