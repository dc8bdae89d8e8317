# scratchfs_folder(NAME [LINK libraries...] [PRECOMPILE headers...]): the library scratchfs_NAME of all sources of
# the current folder but main.cc. Only headers there: an interface library. PRECOMPILE: more than what all want.
#
# What is linked is what may be included (scripts/check-includes.sh): fs/ is layered by these lines.
function(scratchfs_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK;PRECOMPILE")
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(sources)
    add_library(scratchfs_${name} STATIC ${sources})
    target_link_libraries(scratchfs_${name} PUBLIC ${arg_LINK} PRIVATE scratchfs_options)
    target_include_directories(scratchfs_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    list(LENGTH sources count)
    if(count GREATER 8)
      # Saves more time than it takes. The preset clang leaves it out, so no include is forgotten.
      target_precompile_headers(scratchfs_${name} PRIVATE
        <algorithm> <atomic> <chrono> <functional> <map> <memory> <optional> <string> <unordered_map> <variant>
        <vector> ${arg_PRECOMPILE})
    endif()
  else()
    add_library(scratchfs_${name} INTERFACE)
    target_link_libraries(scratchfs_${name} INTERFACE ${arg_LINK})
    target_include_directories(scratchfs_${name} INTERFACE "${PROJECT_SOURCE_DIR}")
  endif()
endfunction()
