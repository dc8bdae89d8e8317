# Finds libfuse: the one that scripts/deps.sh staged below build/deps, otherwise the one that pkg-config
# finds.
#
# Sets Fuse3_VERSION and defines two targets, because only fs/kernel may include the headers:
#   Fuse3::headers   the include directories
#   Fuse3::fuse3     the library and the libraries it depends on
include(CheckCXXSourceCompiles)
set(_stage "${PROJECT_SOURCE_DIR}/build/deps/stage/usr")

if(EXISTS "${_stage}/lib/libfuse3.a")
  file(STRINGS "${_stage}/lib/pkgconfig/fuse3.pc" _line REGEX "^Version:")
  string(REGEX REPLACE "^Version: *" "" Fuse3_VERSION "${_line}")
  set(Fuse3_LIBRARY "${_stage}/lib/libfuse3.a")
  set(Fuse3_INCLUDE_DIRS "${_stage}/include" "${_stage}/include/fuse3")
else()
  pkg_check_modules(_fuse3 QUIET "fuse3>=${Fuse3_FIND_VERSION}")
  if(_fuse3_FOUND)
    set(Fuse3_VERSION "${_fuse3_VERSION}")
    set(Fuse3_INCLUDE_DIRS ${_fuse3_INCLUDE_DIRS})
    find_library(Fuse3_LIBRARY NAMES libfuse3.a HINTS ${_fuse3_LIBDIR} ${_fuse3_LIBRARY_DIRS} NO_CACHE)
    if(NOT Fuse3_LIBRARY AND NOT Fuse3_VERSION VERSION_LESS 3.19)
      find_library(Fuse3_LIBRARY NAMES fuse3 HINTS ${_fuse3_LIBDIR} ${_fuse3_LIBRARY_DIRS} NO_CACHE)
    elseif(NOT Fuse3_LIBRARY)
      # fs/kernel wraps functions that libfuse calls; --wrap has no effect inside a shared library.
      message(STATUS "fuse3 ${Fuse3_VERSION} is here as a shared library only, and before 3.19 the static one is needed")
    endif()
  endif()
endif()
pkg_check_modules(_uring QUIET IMPORTED_TARGET liburing)
pkg_check_modules(_numa QUIET IMPORTED_TARGET numa)

if(NOT Fuse3_LIBRARY OR Fuse3_VERSION VERSION_LESS Fuse3_FIND_VERSION)
  set(Fuse3_FOUND FALSE)
  message(FATAL_ERROR "fuse3 >= ${Fuse3_FIND_VERSION} not found: run scripts/deps.sh first")
elseif(NOT _uring_FOUND OR NOT _numa_FOUND)
  set(Fuse3_FOUND FALSE)
  message(FATAL_ERROR "liburing and libnuma, which fuse3 needs, not found: run scripts/deps.sh first")
endif()
set(Fuse3_FOUND TRUE)
message(STATUS "fuse3 ${Fuse3_VERSION}: ${Fuse3_LIBRARY}")

add_library(Fuse3::headers INTERFACE IMPORTED)
target_include_directories(Fuse3::headers SYSTEM INTERFACE ${Fuse3_INCLUDE_DIRS})

add_library(Fuse3::fuse3 UNKNOWN IMPORTED)
set_target_properties(Fuse3::fuse3 PROPERTIES IMPORTED_LOCATION "${Fuse3_LIBRARY}")
target_link_libraries(Fuse3::fuse3 INTERFACE
  PkgConfig::_uring PkgConfig::_numa Threads::Threads ${CMAKE_DL_LIBS} rt)
if(Fuse3_VERSION VERSION_LESS 3.19)
  # Checks what ring_wrap.cc relies on: the layout of io_uring, and a liburing that fills in the submission queue
  # array when it creates the ring (2.3 and later). A liburing 3.0 could change all of this.
  list(APPEND CMAKE_REQUIRED_LIBRARIES PkgConfig::_uring)
  check_cxx_source_compiles("
    #include <liburing.h>
    int main() {
      io_uring ring{};
      unsigned** const seen = &ring.sq.ktail;
      unsigned* const filled = &ring.sq.sqe_tail;
      ring.sq.sqe_head = *filled + (seen == nullptr ? 1U : 0U);
      return io_uring_enter(0, io_uring_sq_ready(&ring), 0, 0, nullptr) + io_uring_register(0, 0, nullptr, 0);
    }" SCRATCHFS_KNOWS_LIBURING)
  list(REMOVE_ITEM CMAKE_REQUIRED_LIBRARIES PkgConfig::_uring)
  if(_uring_VERSION VERSION_LESS 2.3 OR NOT _uring_VERSION VERSION_LESS 3 OR NOT SCRATCHFS_KNOWS_LIBURING)
    message(FATAL_ERROR "liburing ${_uring_VERSION} is not known to fs/kernel/transport/ring_wrap.cc, which was written for 2.3 to "
      "2.15: see docs/dependencies.md")
  endif()
  # Before 3.19, libfuse loses replies that another thread sends. fs/kernel/transport/ring_wrap.cc therefore replaces
  # its submission, and also records the ids of requests, which the kernel uses to interrupt them.
  # -u makes the linker take the wrapper out of its archive, since none of our code calls it.
  target_link_options(Fuse3::fuse3 INTERFACE
    LINKER:--wrap=io_uring_submit_and_wait LINKER:--wrap=io_uring_submit
    LINKER:--wrap=fuse_session_process_uring_cqe
    LINKER:--wrap=numa_alloc_local LINKER:--wrap=io_uring_queue_init_params
    LINKER:-u,__wrap_io_uring_submit_and_wait)
endif()
