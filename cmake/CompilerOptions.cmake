# Defines scratchfs_options, the compiler options of all our own code. Targets link it PRIVATE, so that
# the options do not propagate to targets that use them.
set(SCRATCHFS_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined")
option(SCRATCHFS_WERROR "Warnings are errors; off, so that a compiler newer than this code builds it" OFF)
option(SCRATCHFS_FUZZ "Build the fuzzers of tests/fuzz; needs clang++" OFF)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SCRATCHFS_CCACHE ccache)
  mark_as_advanced(SCRATCHFS_CCACHE)
  if(SCRATCHFS_CCACHE)
    # Makes cache hits work across checkouts.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${SCRATCHFS_CCACHE}")
  endif()
endif()

add_library(scratchfs_options INTERFACE)
target_compile_definitions(scratchfs_options INTERFACE _FILE_OFFSET_BITS=64)
target_compile_options(scratchfs_options INTERFACE
  -Wall -Wextra -Wpedantic $<$<BOOL:${SCRATCHFS_WERROR}>:-Werror>
  -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align -Wformat=2
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wundef -Wunused
  -Wno-missing-field-initializers # fields that a designated initializer leaves out are well defined
  # Makes __FILE__ the same in every checkout, for ccache and for reproducible builds.
  "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/="
  -fno-omit-frame-pointer -fstack-protector-strong)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(scratchfs_options INTERFACE -Wthread-safety)
else()
  target_compile_options(scratchfs_options INTERFACE
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op)
endif()

# Without optimization a sanitized file system is too slow to test; -O1 -g1 still gives stack traces.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
if(SCRATCHFS_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  add_compile_options("-fsanitize=${SCRATCHFS_SANITIZE}" -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${SCRATCHFS_SANITIZE}")
  # The compilers have no common macro that tells which sanitizer is on.
  foreach(sanitizer address thread)
    if(SCRATCHFS_SANITIZE MATCHES "${sanitizer}")
      string(TOUPPER "SCRATCHFS_SANITIZE_${sanitizer}" macro)
      add_compile_definitions(${macro})
    endif()
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's flow warnings give false positives on the branches that the sanitizers insert.
    target_compile_options(scratchfs_options INTERFACE
      -Wno-maybe-uninitialized -Wno-duplicated-branches)
  endif()
else()
  target_compile_definitions(scratchfs_options INTERFACE
    "$<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>")
endif()
