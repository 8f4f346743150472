# The rules of `cmake --install`, in two components: `runtime` (infer and its model, shared libraries, licence)
# and `development` (headers, archives, CMake and pkg-config files).
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

# weft_install_package(NAME TARGET): the library, and weft::NAME in a file of its own, so that who
# asks for one of them needs the dependencies of no other.
function(weft_install_package name target)
  install(TARGETS ${target} EXPORT weft_${name}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
      COMPONENT runtime NAMELINK_COMPONENT development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(EXPORT weft_${name} FILE weft-${name}-targets.cmake NAMESPACE weft::
    DESTINATION ${package_dir} COMPONENT development)
endfunction()
weft_install_package(weft weft_package_weft)
weft_install_package(async weft_package_async)
weft_install_package(c weft_c)

install(DIRECTORY ${headers_dir}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

configure_package_config_file(weftConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/weftConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/weftConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/weftConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/weftConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/WeftDependencies.cmake
  DESTINATION ${package_dir} COMPONENT development)

# --- pkg-config. The files find their prefix from where they lie, so that an installed tree may be
# moved, as the CMake files allow.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH up /prefix/${pc_dir} /prefix)
  string(REGEX REPLACE "/$" "" up ${up})
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
# Who links libweft.so needs nothing of its inside; an archive does not know what it needs.
get_target_property(type weft_package_weft TYPE)
set(pc_private .private)
if(type STREQUAL "STATIC_LIBRARY")
  set(pc_private)
endif()
foreach(file weft weft-async weft-c)
  configure_file(${file}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc DESTINATION ${pc_dir} COMPONENT development)
endforeach()

if(WEFT_BUILD_TOOLS)
  install(TARGETS infer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
  # The model in the box: infer finds it from where it lies itself (tools/default_model.cpp).
  install(FILES ${PROJECT_SOURCE_DIR}/models/weft-tales-3M-Q8_0.gguf
    DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/weft/models COMPONENT runtime)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/weft COMPONENT runtime)
