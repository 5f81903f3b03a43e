# `cmake --install`: the command with its manual page (component `command`); the shared library (`runtime`); the static
# one with all headers, camber.pc and the CMake package: Camber::camber, Camber::synth, the generated scenes, and
# Camber::c, the shared library (`development`). CPack makes of them the Debian packages camber, libcamber1 and
# libcamber-dev.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Camber)

install(TARGETS camber camber_synth EXPORT Camber ARCHIVE COMPONENT development)
install(FILES include/camber.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(DIRECTORY include/camber DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
if(TARGET camber_shared)
    install(TARGETS camber_shared EXPORT CamberC LIBRARY COMPONENT runtime NAMELINK_COMPONENT development)
    install(EXPORT CamberC NAMESPACE Camber:: FILE CamberCTargets.cmake DESTINATION ${package_folder}
        COMPONENT development)
    # Wherever it is installed to.
    set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    file(RELATIVE_PATH CAMBER_PREFIX /prefix/${pkgconfig_folder} /prefix)
    configure_file(cmake/camber.pc.in camber.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/camber.pc DESTINATION ${pkgconfig_folder} COMPONENT development)
    if(SKBUILD)  # `pip install`, which knows no links
        install(PROGRAMS $<TARGET_FILE:camber_shared> DESTINATION . RENAME libcamber.so COMPONENT python)
    endif()
endif()
install(EXPORT Camber NAMESPACE Camber:: FILE CamberTargets.cmake DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(cmake/CamberConfig.cmake.in CamberConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(CamberConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CamberConfig.cmake ${PROJECT_BINARY_DIR}/CamberConfigVersion.cmake
    DESTINATION ${package_folder} COMPONENT development)

install(TARGETS camber_command RUNTIME COMPONENT command)
add_custom_command(OUTPUT camber.1.gz
    COMMAND sh ${PROJECT_SOURCE_DIR}/tools/man_page.sh $<TARGET_FILE:camber_command> > camber.1
    COMMAND gzip -9nf camber.1
    DEPENDS camber_command tools/man_page.sh VERBATIM)
if(TARGET camber_mpi)  # where src/distributed/launch.cpp looks
    install(TARGETS camber_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/camber COMPONENT mpi)
endif()
add_custom_target(man_page ALL DEPENDS camber.1.gz)
# Where each shell looks for them.
foreach(shell bash:bash-completion/completions/camber zsh:zsh/vendor-completions/_camber
        fish:fish/vendor_completions.d/camber.fish)
    string(REPLACE ":" ";" shell ${shell})
    list(GET shell 0 name)
    list(GET shell 1 file)
    # Not yet under its name: CMake would take a file called camber for the target.
    set(built completions/camber.${name})
    add_custom_command(OUTPUT ${built}
        COMMAND sh ${PROJECT_SOURCE_DIR}/tools/completion.sh $<TARGET_FILE:camber_command> ${name} ${built}
        DEPENDS camber_command tools/completion.sh VERBATIM)
    list(APPEND completions ${built})
    get_filename_component(folder ${file} DIRECTORY)
    get_filename_component(file ${file} NAME)
    install(FILES ${PROJECT_BINARY_DIR}/${built} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder} RENAME ${file}
        COMPONENT command)
endforeach()
add_custom_target(completions ALL DEPENDS ${completions})
# What is to be built before.
add_custom_target(installed DEPENDS camber camber_synth camber_command man_page completions)
foreach(library camber_shared camber_mpi)
    if(TARGET ${library})
        add_dependencies(installed ${library})
    endif()
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/camber.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)

foreach(part command:camber runtime:libcamber1 development:libcamber-dev)
    string(REPLACE ":" ";" part ${part})
    list(GET part 0 component)
    list(GET part 1 name)
    install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} RENAME copyright COMPONENT ${component})
    string(TOUPPER ${component} component)
    set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${name})
endforeach()
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcamber-dev COMPONENT development
    PATTERN CMakeLists.txt EXCLUDE)
install(FILES examples/program/CMakeLists.txt DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcamber-dev/examples/program
    COMPONENT development)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME camber)
set(CPACK_PACKAGE_CONTACT "The Camber authors <authors@camber.invalid>")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL command runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
if(ffmpeg_FOUND)
    set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS ffmpeg)  # whose libraries are loaded when a video is opened
endif()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# What packages of programs that use the library depend on.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "The shared library libcamber.so: trained segmentation networks
applied to frames, from C and other languages. Needs a processor with AVX2.")
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "The command camber: trains, judges and applies street-scene
segmentation networks. Needs a processor with AVX2.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "The C++ library: tensors, autograd, layers, optimizers, networks and the
trainer. Headers, a static library and the CMake package Camber::camber.
For C, the header and link of libcamber.so. Needs a processor with AVX2.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libcamber1 (= ${PROJECT_VERSION}), libfmt-dev, nlohmann-json3-dev")
if(dnnl_FOUND)
    string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libdnnl-dev")
endif()
if(hdf5_FOUND)
    string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libhdf5-dev")
endif()
if(onnx_FOUND)
    string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libonnx-dev, libprotobuf-dev")
endif()
if(jpeg_FOUND)
    string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libjpeg62-turbo-dev")
endif()
if(png_FOUND)
    string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libpng-dev")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "g++, cmake")
include(CPack)
