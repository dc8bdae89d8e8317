# scratchfs_folder(NAME [LINK libraries...]) defines the library scratchfs_NAME from all sources in the current folder
# except main.cc; an interface library if the folder contains only headers.
#
# A folder may include only from the libraries it links (scripts/check-includes.sh), so these lines define the layers.
function(scratchfs_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(sources)
    add_library(scratchfs_${name} STATIC ${sources})
    target_link_libraries(scratchfs_${name} PUBLIC ${arg_LINK} PRIVATE scratchfs_options)
    target_include_directories(scratchfs_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  else()
    add_library(scratchfs_${name} INTERFACE)
    target_link_libraries(scratchfs_${name} INTERFACE ${arg_LINK})
    target_include_directories(scratchfs_${name} INTERFACE "${PROJECT_SOURCE_DIR}")
  endif()
endfunction()
