# Sets CAMBER_WITH_CUBLAS and CUBLAS_INCLUDE_DIR where cuBLAS's headers are found, which CUDA's toolkit has. The library
# itself is loaded at run time.
file(GLOB python_packages $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia/cu*)
find_path(CUBLAS_INCLUDE_DIR cublasLt.h
    HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CONDA_PREFIX ${python_packages}
    PATH_SUFFIXES include)
if(NOT CUBLAS_INCLUDE_DIR)
    message(STATUS "cuBLAS's headers were not found: "
        "1x1 convolutions and linear layers on the GPU run on cuDNN or Camber's own kernels")
    return()
endif()
set(CAMBER_WITH_CUBLAS TRUE)
