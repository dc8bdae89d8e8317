# scratchfs_folder(NAME [LINK libraries...] [PRECOMPILE headers...]) defines the library scratchfs_NAME from all
# sources in the current folder except main.cc; an interface library if the folder contains only headers.
# PRECOMPILE adds headers to those that every folder precompiles.
#
# A folder may include only from the libraries it links (scripts/check-includes.sh), so these lines define the layers.
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
      # Saves more time than it takes. The clang preset builds without it, which catches missing includes.
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
