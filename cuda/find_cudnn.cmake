# Sets CAMBER_WITH_CUDNN and CUDNN_INCLUDE_DIR where headers of cuDNN 9.8 or newer are found. The library itself is
# loaded at run time.
file(GLOB python_packages
    $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia/cudnn
    $ENV{CONDA_PREFIX}/lib/python3*/site-packages/nvidia/cudnn)
find_path(CUDNN_INCLUDE_DIR cudnn_graph.h
    HINTS ENV CUDNN_PATH ENV CUDNN_HOME ENV CONDA_PREFIX ${python_packages} ${CUDAToolkit_INCLUDE_DIRS}
    PATH_SUFFIXES include)
if(NOT CUDNN_INCLUDE_DIR)
    message(STATUS "cuDNN's headers were not found: "
        "convolutions on the GPU run on Camber's own kernels (CUDNN_PATH may name cuDNN's folder)")
    return()
endif()
file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h version_lines REGEX "#define CUDNN_(MAJOR|MINOR) ")
string(REGEX MATCH "CUDNN_MAJOR ([0-9]+)" ignored "${version_lines}")
set(cudnn_version ${CMAKE_MATCH_1})
string(REGEX MATCH "CUDNN_MINOR ([0-9]+)" ignored "${version_lines}")
string(APPEND cudnn_version .${CMAKE_MATCH_1})
if(cudnn_version VERSION_LESS 9.8)
    message(STATUS "cuDNN's headers in ${CUDNN_INCLUDE_DIR} are of version ${cudnn_version}, older than 9.8: "
        "convolutions on the GPU run on Camber's own kernels")
    return()
endif()
set(CAMBER_WITH_CUDNN TRUE)
